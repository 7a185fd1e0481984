"""What tickets may be about of products, and what whoever answers should know of them."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.support import TicketFact, TicketSubject, keys_of
from mercat_products.service import products_by_id

_PRODUCT = "Product"


async def subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
    """Products, which their sellers answer for."""
    return [
        TicketSubject(encode_id(_PRODUCT, one["_id"]), _PRODUCT, one["name"], one.get("seller"))
        for one in await _found(context, ids)
    ]


async def facts(context: Context, ids: Sequence[str]) -> list[TicketFact]:
    """What the products are called."""
    return [
        TicketFact(encode_id(_PRODUCT, one["_id"]), name, value)
        for one in await _found(context, ids)
        for name, value in (
            ("name", one["name"]),
            ("status", one["status"]),
            ("skus", ", ".join(variant["sku"] for variant in one["variants"][:_MOST_SKUS])),
        )
    ]


_MOST_SKUS = 10


async def _found(context: Context, ids: Sequence[str]) -> list[Record]:
    keys = [ObjectId(key) for key in keys_of(ids, _PRODUCT) if ObjectId.is_valid(key)]
    return list((await products_by_id(context, keys)).values()) if keys else []
