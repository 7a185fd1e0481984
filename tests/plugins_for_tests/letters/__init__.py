"""A plugin that stores letters, whose addresses and notes are sealed."""

from mercat.manifest import Manifest

manifest = Manifest(name="letters", version="1.0.0")
