"""A stored product as a row of an export: plain values under the names of a record's fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId

from mercat.money import format_minor
from mercat.storage import Record
from mercat_media.renditions import address
from mercat_products.markup import sanitised


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product that is exported; `sold_out` are the SKUs of which there are none in stock."""

    values: dict[str, Any]
    sold_out: frozenset[str] = frozenset()


def address_of(picture: Record, start: str | None) -> str:
    """Where a picture is, one of the shop's own in its largest size; `start` is where those lie."""
    return address(picture, "original", "webp", start)


def row_of(
    stored: Record,
    of_type: str | None = None,
    paths: Sequence[str] | None = None,
    start: str | None = None,
    stocks: Mapping[ObjectId, Record] | None = None,
) -> dict[str, Any]:
    """The row of a product; without `paths` it says nothing of categories.

    `start` is where the shop's own pictures lie, or None for its own host. `stocks` are those of
    the variants that are counted.
    """
    found = stocks or {}
    return {
        "slug": stored["slug"],
        "name": stored["name"],
        "description": sanitised(stored.get("description") or ""),
        "brand": stored.get("brand") or None,
        "status": stored.get("status", "active"),
        "seller": stored.get("seller"),
        "type": of_type,
        "attributes": {
            one["key"]: _attribute(one["value"]) for one in stored.get("attributes") or ()
        },
        "tags": stored.get("tags") or [],
        **({} if paths is None else {"categories": list(paths)}),
        "seo": _filled(stored.get("seo"), title="", description=""),
        "media": _media(stored, start),
        "variants": [
            {**_variant(variant, start), **_stock(found.get(variant["id"]))}
            for variant in stored["variants"]
        ],
        "metadata": stored.get("metadata") or {},
        "private_metadata": stored.get("private_metadata") or {},
        "translations": [
            one for one in map(_translation, stored.get("translations") or ()) if _says(one)
        ],
        "old_slugs": stored.get("old_addresses") or [],
    }


def shown(product: Record) -> tuple[bytes, object, object]:
    """What of a product an import could change: two that are shown alike are the same to it."""
    placed = product.get("placed_in") or []
    return orjson.dumps(row_of(product)), product.get("type_id"), placed


def _variant(stored: Record, start: str | None) -> dict[str, Any]:
    dimensions = stored.get("dimensions")
    return {
        "sku": stored["sku"],
        "name": stored.get("name") or "",
        "barcode": stored.get("barcode") or None,
        "options": {one["name"]: one["value"] for one in stored.get("options") or ()},
        "prices": [_price(price) for price in stored.get("prices") or ()],
        "available": stored.get("available", True),
        "tax_class": stored.get("tax_class"),
        "weight": stored.get("weight"),
        "dimensions": dimensions and _filled(dimensions, length=0, width=0, height=0),
        "media": _media(stored, start),
    }


def _stock(stored: Record | None) -> dict[str, Any]:
    if stored is None:
        return {}
    return {
        "stock": {
            "on_hand": stored["on_hand"],
            "low_at": stored["low_at"],
            "backorders": stored["backorders"].lower(),
            "backorder_limit": stored["backorder_limit"],
        }
    }


def _price(stored: Record) -> dict[str, Any]:
    currency, before = stored["currency"], stored.get("compare_at")
    return {
        "amount": format_minor(stored["amount"], currency),
        "currency": currency,
        "compare_at": None if before is None else format_minor(before, currency),
        "breaks": [
            {"quantity": one["quantity"], "amount": format_minor(one["amount"], currency)}
            for one in stored.get("breaks") or ()
        ],
    }


def _translation(stored: Record) -> dict[str, Any]:
    found = _filled(stored, locale="", name=None, description=None, slug=None)
    if found["description"] is not None:
        found["description"] = sanitised(found["description"])
    return found


def _says(translation: dict[str, Any]) -> bool:
    return any(value is not None for key, value in translation.items() if key != "locale")


def _media(stored: Record, start: str | None) -> list[dict[str, Any]]:
    return [
        {"url": address_of(one, start), "alt": one.get("alt") or ""}
        for one in stored.get("media") or ()
    ]


def _filled(stored: Mapping[str, Any] | None, **defaults: Any) -> dict[str, Any]:
    """The values in the order of their defaults, which stand in where there are none."""
    return {key: (stored or {}).get(key, default) for key, default in defaults.items()}


def _attribute(value: Any) -> Any:
    return value.date().isoformat() if isinstance(value, datetime) else value
