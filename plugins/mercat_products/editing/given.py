"""From the inputs of the mutations to what the service takes for them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from datetime import date as Day  # noqa: N812  as in the inputs
from typing import Any

from bson import ObjectId
from strawberry import UNSET

from mercat.errors import InvalidError
from mercat.ids import object_id
from mercat_products.editing.inputs import (
    AttributeContentInput,
    MetadataInput,
    PictureInput,
    PriceInput,
    ProductCreateInput,
    ProductUpdateInput,
    VariantCreateInput,
    VariantUpdateInput,
)
from mercat_products.sellers import seller_key
from mercat_products.values import Field, input_name, seller

Convert = Callable[[Any, Field], Any]

_NOT_VALUES = {"id", "version"}
# What null resets in an update; a value that is neither here nor nullable can't be null.
_NULLABLE = {"brand", "seller", "type", "barcode", "tax_class", "weight", "dimensions"}
_EMPTY: dict[str, Any] = {
    "description": "",
    "seo": {"title": "", "description": ""},
    **dict.fromkeys(("attributes", "tags", "media", "metadata", "private_metadata"), ()),
    "translations": (),
}
_EMPTY_VARIANT: dict[str, Any] = {"name": "", "options": (), "prices": (), "media": ()}


def product_values(given: ProductCreateInput | ProductUpdateInput) -> dict[str, Any]:
    """What of a product is given, by the service's names. Raises InvalidError."""
    empty = None if isinstance(given, ProductCreateInput) else _EMPTY
    return _values(given, (), _PRODUCT, empty)


def variant_values(given: VariantCreateInput | VariantUpdateInput, field: Field) -> dict[str, Any]:
    """What of a variant is given. Raises InvalidError."""
    empty = None if isinstance(given, VariantCreateInput) else _EMPTY_VARIANT
    return _values(given, field, _VARIANT, empty)


def keys_of(global_ids: Sequence[str], type_name: str) -> list[ObjectId]:
    """The keys in the `ids` of an input. Raises InvalidError, which names the field."""
    return [object_id(one, type_name, ("ids", str(i))) for i, one in enumerate(global_ids)]


def _values(
    given: Any, field: Field, convert: Mapping[str, Convert], empty: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is given; null resets to what is in `empty`, and without that it is left out."""
    found: dict[str, Any] = {}
    for name, value in vars(given).items():
        if value is UNSET or name in _NOT_VALUES:
            continue
        if value is not None:
            at = (*field, input_name(name))
            found[name] = convert[name](value, at) if name in convert else value
        elif empty is not None:
            if name not in _NULLABLE and name not in empty:
                raise InvalidError("this can't be null", field=(*field, input_name(name)))
            found[name] = empty.get(name)
    return found


def _seller(given: str, field: Field) -> str | None:
    try:
        return seller(seller_key(given), field)
    except InvalidError as error:
        raise InvalidError(str(error), field=field) from None


def _prices(given: list[PriceInput], _field: Field) -> list[dict[str, Any]]:
    return [{**vars(price), "breaks": [vars(one) for one in price.breaks]} for price in given]


def _pictures(given: list[PictureInput], field: Field) -> list[dict[str, Any]]:
    for i, one in enumerate(given):
        if one.id is not None and one.url is not None:
            raise InvalidError("give either an id or a url", field=(*field, str(i)))
    return [
        {
            "id": None if one.id is None else object_id(one.id, "Media", (*field, str(i), "id")),
            "url": one.url,
            "alt": one.alt,
        }
        for i, one in enumerate(given)
    ]


def _plain(given: list[Any], _field: Field) -> list[dict[str, Any]]:
    return [vars(one) for one in given]


def _variants(given: list[VariantCreateInput], field: Field) -> list[dict[str, Any]]:
    return [variant_values(one, (*field, str(i))) for i, one in enumerate(given)]


def _items(given: list[MetadataInput], _field: Field) -> list[tuple[str, str]]:
    return [(one.key, one.value) for one in given]


def _content(given: AttributeContentInput) -> Any:
    (value,) = (value for value in vars(given).values() if value is not UNSET)
    if isinstance(value, Day):
        return datetime.combine(value, time(), UTC)
    return value


_VARIANT: dict[str, Convert] = {
    "options": lambda given, _: [(one.name, one.value) for one in given],
    "prices": _prices,
    "dimensions": lambda given, _: vars(given),
    "media": _pictures,
}
_PRODUCT: dict[str, Convert] = {
    "variants": _variants,
    "status": lambda given, _: given.value,
    "seller": _seller,
    "type": lambda given, field: object_id(given, "ProductType", field),
    "attributes": lambda given, _: [(one.key, _content(one.value)) for one in given],
    "seo": lambda given, _: vars(given),
    "media": _pictures,
    "metadata": _items,
    "private_metadata": _items,
    "translations": _plain,
}
