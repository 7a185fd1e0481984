"""A plugin that wants to hear of people and carts: only then are they written to the outbox."""

from mercat.manifest import Manifest

manifest = Manifest(name="hearing", version="1.0.0")
