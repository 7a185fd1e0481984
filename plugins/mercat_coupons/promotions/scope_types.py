"""What the scope of a promotion looks like."""

from collections.abc import Sequence

import strawberry

from mercat.graphql.records import stored
from mercat.ids import encode_id
from mercat.storage import Record

_MOST_SHOWN = 250


@strawberry.type(description="A value of an attribute.")
class PromotionAttribute:
    key: str = strawberry.field(description="The attribute's key.")
    value: str = strawberry.field(description="The value, as filters of products write it.")


def to_ids(kind: str, keys: Sequence[str]) -> list[strawberry.ID]:
    return [strawberry.ID(encode_id(kind, key)) for key in keys]


def _selections(found: Sequence[Record]) -> list["PromotionSelection"]:
    return [PromotionSelection(record=one) for one in found]


def _attributes(found: Sequence[Sequence[str]]) -> list[PromotionAttribute]:
    return [PromotionAttribute(key=key, value=value) for key, value in found]


@strawberry.type(description="Lines that have one of each kind that is there.")
class PromotionSelection:
    total_products: int = stored("products", "How many products it names.", convert=len)
    product_ids: list[strawberry.ID] = stored(
        "products",
        "Ids of products: the first 250 of them.",
        convert=lambda keys: to_ids("Product", keys[:_MOST_SHOWN]),
    )
    total_variants: int = stored("variants", "How many variants it names.", convert=len)
    variant_ids: list[strawberry.ID] = stored(
        "variants",
        "Ids of variants: the first 250 of them.",
        convert=lambda keys: to_ids("ProductVariant", keys[:_MOST_SHOWN]),
    )
    category_ids: list[strawberry.ID] = stored(
        "categories",
        "Ids of categories; each has all that is below it.",
        convert=lambda keys: to_ids("Category", keys),
    )
    brands: list[str] = stored("brands", "Brands.")
    seller_ids: list[strawberry.ID] = stored(
        "sellers",
        "Ids of sellers.",
        convert=lambda keys: to_ids("Seller", [key for key in keys if key]),
    )
    shops_own: bool = stored(
        "sellers", "Whether it has what the shop itself sells.", convert=lambda keys: "" in keys
    )
    attributes: list[PromotionAttribute] = stored(
        "attributes", "Attributes, of which a product has one.", convert=_attributes
    )
    record: strawberry.Private[Record]


@strawberry.type(description="Which lines: those in one of `include` that are in no `exclude`.")
class PromotionScope:
    include: list[PromotionSelection] = stored(
        "include", "All lines where it is empty.", convert=_selections
    )
    exclude: list[PromotionSelection] = stored(
        "exclude", "None where it is empty.", convert=_selections
    )
    excludes_reduced: bool = stored(
        "excludes_reduced", "Whether those that cost less than they used to are left out."
    )
    record: strawberry.Private[Record]


def to_scope(record: Record | None) -> PromotionScope | None:
    return None if record is None else PromotionScope(record=record)
