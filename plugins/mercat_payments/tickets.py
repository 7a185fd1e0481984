"""What tickets may be about of payments, and what whoever answers should know of them."""

from collections.abc import Sequence

from mercat.context import Context
from mercat.ids import encode_id
from mercat.money import format_minor
from mercat.storage import Record
from mercat.support import TicketFact, TicketSubject, keys_of
from mercat_payments.service import payments_by_key

_PAYMENT = "Payment"
_SUMS = ("amount", "authorized", "captured", "refunded", "disputed")


async def subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
    """Payments, which the shop answers for."""
    return [
        TicketSubject(encode_id(_PAYMENT, one["_id"]), _PAYMENT, one["order_number"])
        for one in await _found(context, ids)
    ]


async def facts(context: Context, ids: Sequence[str]) -> list[TicketFact]:
    """Where the payments stand."""
    return [fact for one in await _found(context, ids) for fact in _of(one)]


def _of(payment: Record) -> list[TicketFact]:
    key, currency = encode_id(_PAYMENT, payment["_id"]), payment["currency"]
    sums = {name: f"{format_minor(payment[name], currency)} {currency}" for name in _SUMS}
    said = {"method": payment["method"], "state": payment["state"], **sums}
    return [TicketFact(key, name, value) for name, value in said.items()]


async def _found(context: Context, ids: Sequence[str]) -> list[Record]:
    keys = keys_of(ids, _PAYMENT)
    return list((await payments_by_key(context, keys)).values()) if keys else []
