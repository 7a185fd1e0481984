"""Sellers as what tickets are about: they answer what they are asked."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.support import TicketFact, TicketSubject, keys_of
from mercat_auth.sellers.reading import sellers_by_id

_SELLER = "Seller"


async def subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
    """Sellers, who answer for themselves."""
    return [
        TicketSubject(encode_id(_SELLER, one["_id"]), _SELLER, one["name"], str(one["_id"]))
        for one in await _found(context, ids)
    ]


async def facts(context: Context, ids: Sequence[str]) -> list[TicketFact]:
    """What the sellers are called, and whether they may sell."""
    return [
        TicketFact(encode_id(_SELLER, one["_id"]), name, one[name])
        for one in await _found(context, ids)
        for name in ("name", "status")
    ]


async def _found(context: Context, ids: Sequence[str]) -> list[Record]:
    keys = [ObjectId(key) for key in keys_of(ids, _SELLER) if ObjectId.is_valid(key)]
    return list((await sellers_by_id(context, keys)).values()) if keys else []
