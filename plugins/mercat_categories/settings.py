from pydantic import Field

from mercat.manifest import PluginSettings


class CategorySettings(PluginSettings):
    """`[plugins.categories]`."""

    max_depth: int = Field(default=12, ge=1, le=50)
    """How many levels the tree may have."""
