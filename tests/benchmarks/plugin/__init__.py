"""What the benchmarks measure against: a raw bytes route, and a product list held in memory."""

from mercat.manifest import Manifest

manifest = Manifest(name="benchmark", version="1.0.0", requires={"products": ">=0"})
