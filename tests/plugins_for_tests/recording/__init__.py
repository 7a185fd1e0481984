"""A plugin that writes down what it is told, and fails or dawdles where a test asks for it."""

from mercat.manifest import Manifest

manifest = Manifest(name="recording", version="1.0.0")
