"""Flat products as JSON: an array, or one a line.

    {"name": "Tea", "description": "…", "brand": "Acme", "categories": ["Food", "Drinks"],
     "price": 4.99, "currency": "EUR", "image": "https://…/tea.jpg", "popularity": 7}

`categories` are the names of one path, from the root to the leaf. Only the name is needed. Without
a `slug` it is made from the name (`tea`, then `tea-2` for the next Tea of the file); without a
`sku`, the `id` is it, or else the slug in upper case. `popularity` and `url` go into the metadata,
keys not named here are passed over. An array of products in Mercat's own JSON is read as well.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from mercat.importing import Rejected, Row
from mercat.reading.items import json_values
from mercat.reading.lines import has_key, opens_with
from mercat.reading.values import validated
from mercat.slugs import UniqueSlugs
from mercat_products.formats.products import derived_sku
from mercat_products.records import Filled, ProductRecord


class FlatProduct(BaseModel):
    """One object of the file; what is no product field of Mercat's is not checked here."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    name: Filled
    slug: str | None = None
    id: str | None = None
    sku: str | None = None
    description: str | None = None
    brand: str | None = None
    categories: tuple[Filled, ...] = ()
    price: Annotated[Decimal, Field(ge=0)] | None = None
    currency: str | None = None
    image: str | None = None
    url: str | None = None
    popularity: str | None = None


class FlatJson:
    name = "json"
    title = "JSON or JSON Lines of flat products"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        telling = ("price", "sku", "variants")
        return (
            opens_with(head, "[", "{")
            and has_key(head, "name")
            and any(has_key(head, key) for key in telling)
        )

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        slugs = UniqueSlugs()
        for row in json_values(stream):
            yield row if isinstance(row, Rejected) else _product(row, slugs)


def _product(row: Row[object], slugs: UniqueSlugs) -> Row[ProductRecord] | Rejected:
    if isinstance(row.value, dict) and "variants" in row.value:
        return validated(ProductRecord, row.where, row.value)
    flat = validated(FlatProduct, row.where, row.value)
    if isinstance(flat, Rejected):
        return flat
    slug = flat.value.slug or slugs.take(flat.value.name)
    if not slug:
        return Rejected(row.where, "name: it has no letter or digit to make a slug from")
    return validated(ProductRecord, row.where, _record(flat.value, slug))


def _record(flat: FlatProduct, slug: str) -> dict[str, object]:
    price = {"amount": flat.price, "currency": flat.currency}
    variant = {
        "sku": flat.sku or flat.id or derived_sku(slug),
        "prices": () if flat.price is None else (price,),
    }
    metadata = {"popularity": flat.popularity, "url": flat.url}
    return {
        "slug": slug,
        "name": flat.name,
        "description": flat.description or "",
        "brand": flat.brand,
        "categories": (" > ".join(flat.categories),) if flat.categories else (),
        "media": ({"url": flat.image},) if flat.image else (),
        "variants": (variant,),
        "metadata": {key: value for key, value in metadata.items() if value is not None},
    }
