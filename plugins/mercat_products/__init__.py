"""Products with their variants, prices and pictures."""

from mercat.manifest import Manifest

manifest = Manifest(name="products", version="0.1.0", engine=">=0.1,<1")
