"""What tickets may be about of orders, and what whoever answers should know of them."""

from collections.abc import Iterator, Sequence

from mercat.context import Context
from mercat.ids import encode_id
from mercat.money import format_minor
from mercat.storage import Record
from mercat.support import TicketFact, TicketSubject, keys_of
from mercat_orders.orders.money import paid, refunded
from mercat_orders.orders.reading import orders_by_key, parts_by_key

_ORDER = "Order"
_PART = "SellerOrder"


async def subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
    """Orders and their parts. One seller's order is that seller's to answer, as its part is."""
    whole, parts = await _found(context, ids)
    found = [
        TicketSubject(encode_id(_ORDER, one["_id"]), _ORDER, one["code"], _only_seller(one))
        for one in whole
    ]
    return found + [
        TicketSubject(encode_id(_PART, part["id"]), _PART, order["code"], part["seller"])
        for order, part in parts
    ]


async def facts(context: Context, ids: Sequence[str]) -> list[TicketFact]:
    """Where the orders stand, and their parcels."""
    whole, parts = await _found(context, ids)
    found = [fact for order in whole for fact in _of_order(order)]
    return found + [
        fact
        for order, part in parts
        for fact in _of_part(encode_id(_PART, part["id"]), order, part)
    ]


async def _found(
    context: Context, ids: Sequence[str]
) -> tuple[list[Record], list[tuple[Record, Record]]]:
    orders, parts = keys_of(ids, _ORDER), keys_of(ids, _PART)
    whole = await orders_by_key(context, orders) if orders else []
    some = await parts_by_key(context, parts) if parts else []
    return [one for one in whole if one is not None], [one for one in some if one is not None]


def _only_seller(order: Record) -> str | None:
    sellers = {part["seller"] for part in order["seller_orders"]}
    return sellers.pop() if len(sellers) == 1 else None


def _of_order(order: Record) -> Iterator[TicketFact]:
    key = encode_id(_ORDER, order["_id"])
    for name, value in (
        ("number", order["code"]),
        ("state", order["state"]),
        ("placedAt", order["placed_at"].isoformat()),
        ("total", _money(order["sums"]["total"], order)),
        ("paid", _money(paid(order), order)),
        ("refunded", _money(refunded(order), order)),
    ):
        yield TicketFact(key, name, value)
    for part in order["seller_orders"]:
        yield from _parcels(key, part)


def _of_part(key: str, order: Record, part: Record) -> Iterator[TicketFact]:
    yield TicketFact(key, "number", order["code"])
    yield TicketFact(key, "state", part["state"])
    yield TicketFact(key, "placedAt", order["placed_at"].isoformat())
    yield from _parcels(key, part)


def _parcels(key: str, part: Record) -> Iterator[TicketFact]:
    for parcel in part["fulfilments"]:
        words = (parcel["state"], parcel["carrier"], parcel["tracking_number"])
        yield TicketFact(key, "parcel", " ".join(word for word in words if word))


def _money(minor: int, order: Record) -> str:
    currency = order["currency"]
    return f"{format_minor(minor, currency)} {currency}"
