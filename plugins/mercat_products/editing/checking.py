"""From what a caller gives to what is stored of a product or a variant."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bson import ObjectId

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_products import values as check
from mercat_products.amounts import prices
from mercat_products.product_types.attributes import attributes

Given = Mapping[str, Any]
_STATUS = ("status",)


def checked_product(given: Given, shop: ShopSettings, stored: Record | None = None) -> Record:
    """The keys of a product that are given, as they are stored.

    `stored` is the product as it is, where there is one. Attributes and the type are checked by
    `checked_attributes`. Raises InvalidError.
    """
    found = {key: _PRODUCT[key](value, shop) for key, value in given.items() if key in _PRODUCT}
    now = {**(stored or {}), **found}
    if "slug" in found or "translations" in found:
        found["addresses"] = check.addresses(now["slug"], now.get("translations", ()))
    if "variants" in found:
        check.check_variants(found["variants"], ("variants",))
    return found


def checked_attributes(given: Given, of_type: Record | None, stored: Record | None) -> Record:
    """The type and the attributes, where either is given. Raises InvalidError."""
    if "type" not in given and "attributes" not in given:
        return {}
    values = given.get("attributes")
    if values is None:
        values = [(one["key"], one["value"]) for one in (stored or {}).get("attributes", ())]
    found: Record = {"attributes": attributes(values, of_type, ("attributes",))}
    if "type" in given:
        found["type_id"] = given["type"]
    return found


def checked_variants(
    given: Sequence[Given], shop: ShopSettings, field: check.Field = ("variants",)
) -> list[Record]:
    """New variants, as they are stored. Raises InvalidError."""
    return [
        {
            "id": ObjectId(),
            "name": "",
            "barcode": None,
            "options": [],
            "prices": [],
            "available": True,
            **checked_variant(variant, shop, (*field, str(i))),
        }
        for i, variant in enumerate(given)
    ]


def checked_variant(given: Given, shop: ShopSettings, field: check.Field) -> Record:
    """The keys of a variant that are given, as they are stored. Raises InvalidError."""
    found: Record = {}
    for key, value in given.items():
        if key == "prices":
            found[key] = prices(value, shop, (*field, key))
        elif key in _VARIANT:
            found[key] = _VARIANT[key](value, (*field, check.input_name(key)))
    return found


def checked_status(value: str) -> str:
    """A status that a product can be given. Raises InvalidError."""
    if value == "withheld":
        raise InvalidError("a product is withheld by the suspension of its seller", field=_STATUS)
    return value


def _optional(value: str | None, field: check.Field) -> str | None:
    return None if value is None else check.text(value, field) or None


def _sku(value: str, field: check.Field) -> str:
    return check.text(value, field, least=1, most=100)


def _dimensions(value: Mapping[str, int] | None, field: check.Field) -> Record | None:
    if value is None:
        return None
    return {side: check.measure(size, (*field, side)) for side, size in value.items()}


_VARIANT: dict[str, Callable[[Any, check.Field], Any]] = {
    "sku": _sku,
    "name": check.text,
    "barcode": _optional,
    "options": check.options,
    "available": lambda value, _field: value,
    "tax_class": _optional,
    "weight": check.measure,
    "dimensions": _dimensions,
    "media": check.media,
}
_PRODUCT: dict[str, Callable[[Any, ShopSettings], Any]] = {
    "name": lambda value, _: check.text(value, ("name",), least=1),
    "slug": lambda value, _: check.slug(value, ("slug",)),
    "description": lambda value, _: check.description(value, ("description",)),
    "status": lambda value, _: checked_status(value),
    "brand": lambda value, _: _optional(value, ("brand",)),
    "seller": lambda value, _: check.seller(value, ("seller",)),
    "tags": lambda value, _: check.tags(value, ("tags",)),
    "seo": lambda value, _: check.seo(value["title"], value["description"], ("seo",)),
    "media": lambda value, _: check.media(value, ("media",)),
    "metadata": lambda value, _: check.metadata(value, ("metadata",)),
    "private_metadata": lambda value, _: check.metadata(value, ("privateMetadata",)),
    "translations": lambda value, shop: check.translations(value, shop, ("translations",)),
    "variants": checked_variants,
}
