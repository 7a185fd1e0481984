"""A payment company that takes its time, and says after that that it took the money."""

from mercat.manifest import Manifest

manifest = Manifest(name="company", version="1.0.0", requires={"payments": ">=0"})
