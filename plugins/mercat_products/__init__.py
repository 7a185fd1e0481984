"""Products with their variants, prices and pictures."""

from mercat.manifest import Manifest
from mercat_products.settings import ProductSettings

manifest = Manifest(
    name="products",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"media": ">=0.1,<1"},
    settings=ProductSettings,
)
