"""Another plugin that hears the same."""

from mercat.manifest import Manifest

manifest = Manifest(name="second", version="1.0.0", after=("recording",))
