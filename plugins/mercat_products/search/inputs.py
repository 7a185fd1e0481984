"""What a client may ask of a list of products, and the conditions that it becomes."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, TypeVar

import strawberry
from bson import ObjectId

from mercat.catalog import (
    AttributeCondition,
    OptionCondition,
    PriceCondition,
    ProductConditions,
    SearchOrder,
)
from mercat.errors import InvalidError
from mercat.graphql.scalars import CurrencyCode, DecimalString
from mercat.ids import decode_id, object_id
from mercat.money import parse_amount
from mercat.settings import ShopSettings
from mercat_products.schema import ProductStatus
from mercat_products.sellers import seller_of

T = TypeVar("T")

_MOST_VALUES = 50
_LONGEST_VALUE = 500


@strawberry.enum(description="The order of a list of products.")
class ProductSort(Enum):
    RELEVANCE = strawberry.enum_value("relevance", description="What fits the query best first.")
    NEWEST = strawberry.enum_value("newest", description="The last added first.")
    OLDEST = strawberry.enum_value("oldest", description="The first added first.")
    PRICE_LOW = strawberry.enum_value(
        "price_low", description="By the cheapest variant, the cheapest product first."
    )
    PRICE_HIGH = strawberry.enum_value(
        "price_high", description="By the cheapest variant, the dearest product first."
    )
    NAME = strawberry.enum_value("name", description="By name, whatever the case and the accents.")
    UPDATED = strawberry.enum_value("updated", description="The last changed first.")


@strawberry.input(description="A range of prices; a product is in it if any of its variants is.")
class PriceFilter:
    minimum: DecimalString | None = strawberry.field(
        default=None, description="The least that is paid."
    )
    maximum: DecimalString | None = strawberry.field(
        default=None, description="The most that is paid."
    )
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="The shop's own where left out."
    )


@strawberry.input(description="Values of one option, such as the sizes `S` and `M`.")
class OptionFilter:
    name: str = strawberry.field(description="Such as `Size`.")
    values: list[str] = strawberry.field(description="One of them is enough.")


@strawberry.input(description="What one attribute has to be.")
class AttributeFilter:
    key: str = strawberry.field(description="The attribute's key.")
    equals: str | None = strawberry.field(
        default=None, description="Its value: a text, a number, `true` or `false`."
    )
    is_in: list[str] | None = strawberry.field(
        default=None, name="in", description="Its values; one of them is enough."
    )
    minimum: float | None = strawberry.field(default=None, description="The least number.")
    maximum: float | None = strawberry.field(default=None, description="The greatest number.")


@strawberry.input(description="What the products of a list have in common; all of it has to hold.")
class ProductFilter:
    within: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="In one of the groups with these ids, such as those of a tree, or below it.",
    )
    include_descendants: bool = strawberry.field(
        default=True, description="Whether what is only below the groups counts."
    )
    price: PriceFilter | None = strawberry.field(default=None, description="What it costs.")
    brands: list[str] | None = strawberry.field(default=None, description="Of one of the brands.")
    tags: list[str] | None = strawberry.field(default=None, description="With one of the tags.")
    options: list[OptionFilter] | None = strawberry.field(
        default=None, description="With these options."
    )
    attributes: list[AttributeFilter] | None = strawberry.field(
        default=None, description="With these attributes."
    )
    in_stock: bool | None = strawberry.field(
        default=None, description="Whether any variant can be bought now."
    )
    statuses: list[ProductStatus] | None = strawberry.field(
        default=None, description="In one of the states; for staff and for sellers only."
    )
    sellers: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Sold by one of these."
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="Added after that time."
    )
    updated_after: datetime | None = strawberry.field(
        default=None, description="Changed after that time."
    )


_ORDERS: dict[ProductSort, SearchOrder] = {
    ProductSort.RELEVANCE: "relevance",
    ProductSort.NEWEST: "newest",
    ProductSort.OLDEST: "oldest",
    ProductSort.PRICE_LOW: "price_low",
    ProductSort.PRICE_HIGH: "price_high",
    ProductSort.NAME: "name",
    ProductSort.UPDATED: "updated",
}

Filter = Annotated[
    ProductFilter | None, strawberry.argument(description="What the products have in common.")
]
Sort = Annotated[ProductSort, strawberry.argument(description="The order of the list.")]


def order_of(sort: ProductSort) -> SearchOrder:
    """The order that a client asks for."""
    return _ORDERS[sort]


def conditions_of(asked: ProductFilter | None, shop: ShopSettings) -> ProductConditions:
    """A filter as conditions in that shop. Raises InvalidError, which names what is wrong."""
    if asked is None:
        return ProductConditions()
    groups = tuple(sorted(map(_group, _few(asked.within))))
    return ProductConditions(
        listed_in=groups if asked.include_descendants else (),
        placed_in=() if asked.include_descendants else groups,
        brands=_texts(asked.brands),
        tags=_texts(asked.tags),
        options=tuple(
            OptionCondition(_text(each.name), _filled(each.values)) for each in _few(asked.options)
        ),
        attributes=tuple(map(_attribute, _few(asked.attributes))),
        price=_price(asked.price, shop),
        in_stock=asked.in_stock,
        statuses=tuple(str(status.value) for status in _few(asked.statuses)),
        sellers=tuple(map(seller_of, _few(asked.sellers))),
        created_after=asked.created_after,
        updated_after=asked.updated_after,
    )


def _group(key: str) -> ObjectId:
    """The key of a group, whichever plugin's it is."""
    type_name, _ = decode_id(key)
    return object_id(key, type_name)


def _few(values: Iterable[T] | None) -> list[T]:
    found = list(values or ())
    if len(found) > _MOST_VALUES:
        raise InvalidError(f"a filter takes at most {_MOST_VALUES} values of a kind")
    return found


def _text(value: str) -> str:
    if not 0 < len(value) <= _LONGEST_VALUE:
        raise InvalidError(f"a value of a filter has 1 to {_LONGEST_VALUE} characters")
    return value


def _texts(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(_text(value) for value in _few(values))


def _filled(values: Sequence[str]) -> tuple[str, ...]:
    found = _texts(values)
    if not found:
        raise InvalidError("`values` must not be empty")
    return found


def _price(asked: PriceFilter | None, shop: ShopSettings) -> PriceCondition | None:
    if asked is None:
        return None
    wanted = asked.currency or shop.currency
    if wanted not in shop.all_currencies:
        raise InvalidError(f"the shop sells in {', '.join(shop.all_currencies)}, not in {wanted}")
    bounds = [
        None if bound is None else parse_amount(bound, wanted).minor
        for bound in (asked.minimum, asked.maximum)
    ]
    return PriceCondition(wanted, *bounds)


def _attribute(asked: AttributeFilter) -> AttributeCondition:
    if asked.equals is not None and asked.is_in is not None:
        raise InvalidError("give either `equals` or `in`")
    for bound in (asked.minimum, asked.maximum):
        if bound is not None and not math.isfinite(bound):
            raise InvalidError("a bound must be a finite number")
    values = _texts(asked.is_in) if asked.equals is None else (_text(asked.equals),)
    if not values and asked.minimum is None and asked.maximum is None:
        raise InvalidError("an attribute's filter says `equals`, `in`, `minimum` or `maximum`")
    return AttributeCondition(_text(asked.key), values, asked.minimum, asked.maximum)
