"""The category tree, and the categories of products."""

from mercat.manifest import Manifest
from mercat_categories.settings import CategorySettings

manifest = Manifest(
    name="categories",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"products": ">=0.1,<1", "media": ">=0.1,<1"},
    settings=CategorySettings,
)
