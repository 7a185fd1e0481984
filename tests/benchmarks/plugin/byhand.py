"""Reading products without GraphQL, as a route written by hand for one screen would.

What only finds the records answers with nothing of its own; what writes answers with the very JSON
that `/graphql` answers with.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

import orjson

from mercat.context import Context
from mercat.graphql.scalars import SCALARS
from mercat.ids import encode_id
from mercat.money import format_minor
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest
from mercat_products import service
from tests.benchmarks.queries import MEMORY_SLUG, SLUG

from .schema import BY_SLUG, RECORDS

Stage = Callable[[Context], Awaitable[bytes | None]]

_KEYS = frozenset(
    (
        *("_id", "slug", "name", "description", "status", "brand", "tags", "version"),
        *("created_at", "updated_at", "media", "variants"),
    )
)
_write_time = cast("Callable[[datetime], str]", SCALARS[datetime].serialize)


async def find_list(context: Context) -> None:
    await _page(context)


async def write_list(context: Context) -> bytes:
    return _list("products", (await _page(context)).records, context)


async def write_list_of_memory(context: Context) -> bytes:
    return _list("memoryProducts", RECORDS, context)


async def find_one(context: Context) -> None:
    await _one(context)


async def write_one(context: Context) -> bytes:
    return _written("product", _product(await _one(context), context.shop.currency))


async def write_one_of_memory(context: Context) -> bytes:
    return _written("memoryProduct", _product(BY_SLUG[MEMORY_SLUG].record, context.shop.currency))


STAGES: dict[str, Stage] = {
    "/find/store/list": find_list,
    "/find/store/one": find_one,
    "/write/store/list": write_list,
    "/write/store/one": write_one,
    "/write/memory/list": write_list_of_memory,
    "/write/memory/one": write_one_of_memory,
}


async def _page(context: Context) -> Page:
    return await service.product_page(context, PageRequest(20), newest_first=True, keys=_KEYS)


async def _one(context: Context) -> Record:
    return await service.product_by_slug(context, SLUG, _KEYS) or {}


def _list(name: str, records: list[Record], context: Context) -> bytes:
    nodes = [_product(record, context.shop.currency) for record in records]
    return _written(name, {"nodes": nodes})


def _written(name: str, value: dict[str, Any]) -> bytes:
    return orjson.dumps({"data": {name: value}})


def _product(record: Record, currency: str) -> dict[str, Any]:
    media, variants = record.get("media"), record["variants"]
    return {
        "id": encode_id("Product", record["_id"]),
        "slug": record["slug"],
        "name": record["name"],
        "description": record.get("description", ""),
        "status": record["status"].upper(),
        "brand": record.get("brand"),
        "tags": record.get("tags", []),
        "version": record["version"],
        "createdAt": _write_time(record["created_at"]),
        "updatedAt": _write_time(record["updated_at"]),
        "availableForSale": any(variant["available"] for variant in variants),
        "featuredMedia": {"url": media[0]["url"]} if media else None,
        "variants": {"nodes": [_variant(variant, currency) for variant in variants[:2]]},
    }


def _variant(record: Record, currency: str) -> dict[str, Any]:
    return {
        "id": encode_id("ProductVariant", record["id"]),
        "sku": record["sku"],
        "name": record["name"],
        "barcode": record.get("barcode"),
        "availableForSale": record["available"],
        "price": _price(record["prices"], currency),
    }


def _price(prices: list[Record], currency: str) -> dict[str, Any] | None:
    for price in prices:
        if price["currency"] == currency:
            return {"price": {"amount": format_minor(price["amount"], currency)}}
    return None
