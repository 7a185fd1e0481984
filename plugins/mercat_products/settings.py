from pydantic import Field

from mercat.manifest import PluginSettings


class ProductSettings(PluginSettings):
    """`[plugins.products]`."""

    show_quantities: bool = False
    """Whether everybody sees how many of a variant are available."""

    low_stock: int = Field(default=5, ge=0, le=1_000_000_000)
    """At how many available units a new stock counts as low; each stock can have its own."""

    synonyms: tuple[str, ...] = ()
    """Words that mean the same to the search, such as `["sofa, couch", "tv, television"]`."""

    index_megabytes: int = Field(default=32, ge=16, le=4096)
    """How much of its changes the search index keeps in memory until it writes them."""
