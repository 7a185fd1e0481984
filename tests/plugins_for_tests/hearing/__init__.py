"""A plugin that wants to hear of people: only then is anything of them written to the outbox."""

from mercat.manifest import Manifest

manifest = Manifest(name="hearing", version="1.0.0")
