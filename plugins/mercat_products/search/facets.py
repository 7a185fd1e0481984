"""How facets look."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Self

import strawberry

from mercat.catalog import FacetValue, PriceBand, ProductFacets
from mercat.graphql.records import stored
from mercat.graphql.schema import Money
from mercat.ids import encode_id

ALL_FACETS = frozenset(field.name for field in fields(ProductFacets))


@strawberry.type(description="How many of the products have a value.")
class CountedValue:
    value: str = strawberry.field(description="The value, as a filter takes it.")
    count: int = strawberry.field(description="How many products have it.")


@strawberry.type(description="The values of one option or attribute with their counts.")
class NamedFacet:
    name: str = strawberry.field(description="The option's name or the attribute's key.")
    values: list[CountedValue] = strawberry.field(description="The most frequent first.")


@strawberry.type(description="How many of the products a seller sells.")
class SellerCount:
    seller_id: strawberry.ID = strawberry.field(description="The seller's id.")
    count: int = strawberry.field(description="How many products it sells.")
    key: strawberry.Private[str]


@strawberry.type(description="How many of the products have a variant in a range of prices.")
class PriceCount:
    minimum: Money = strawberry.field(description="The least price.")
    below: Money | None = strawberry.field(description="What it is less than; null for no bound.")
    count: int = strawberry.field(description="How many products have a variant in it.")


@strawberry.type(
    name="ProductFacets",
    description="Counts of what was found. Each facet is counted without its own filter, so that "
    "it says what another choice would give; only that of categories, counted with it, says what "
    "there is below what was chosen.",
)
class Facets:
    record: strawberry.Private[dict[str, Any]]
    brands: list[CountedValue] = stored("brands", "By brand.")
    sellers: list[SellerCount] = stored("sellers", "By seller.")
    options: list[NamedFacet] = stored("options", "By the options of their variants.")
    attributes: list[NamedFacet] = stored("attributes", "By attribute.")
    prices: list[PriceCount] = stored("prices", "By price, the least first.")
    in_stock: int = stored("in_stock", "How many can be bought now.")

    @classmethod
    def of(cls, found: ProductFacets, currency: str) -> Self:
        """The facets of an answer, whose prices are in that currency."""
        return cls(
            record={
                "groups": found.groups,
                "brands": _values(found.brands),
                "sellers": list(map(_seller, found.sellers)),
                "options": _named(found.options),
                "attributes": _named(found.attributes),
                "prices": [_price(band, currency) for band in found.prices],
                "in_stock": found.in_stock,
            }
        )


def _seller(found: FacetValue) -> SellerCount:
    seller_id = strawberry.ID(encode_id("Seller", found.value))
    return SellerCount(seller_id=seller_id, count=found.count, key=found.value)


def _values(found: Iterable[FacetValue]) -> list[CountedValue]:
    return [CountedValue(value=each.value, count=each.count) for each in found]


def _named(found: Sequence[FacetValue]) -> list[NamedFacet]:
    names = dict.fromkeys(each.name for each in found)
    return [
        NamedFacet(name=name, values=_values(each for each in found if each.name == name))
        for name in names
    ]


def _price(band: PriceBand, currency: str) -> PriceCount:
    return PriceCount(
        minimum=Money.of(band.minimum, currency),
        below=None if band.maximum is None else Money.of(band.maximum, currency),
        count=band.count,
    )
