"""What the benchmarks measure against: raw bytes, products in memory, and work without GraphQL."""

from mercat.manifest import Manifest

manifest = Manifest(name="benchmark", version="1.0.0", requires={"products": ">=0"})
