"""Orders as they are stored, and all that may happen to one, without a database."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from bson import ObjectId

from mercat.money import share_of
from mercat.storage import Record
from mercat_orders.orders import money
from mercat_orders.orders.changes.cancelling import take_out
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.telling import Units
from mercat_orders.orders.quantities import unsent, worth

WHEN = datetime(2026, 5, 1, tzinfo=UTC)


def line(
    seller: str | None, quantity: int, total: int, *, given: int = 0, borne: int = 0
) -> Record:
    """So many of a thing that come to `total`, after discounts of the shop and of the seller."""
    discounts = [("shop", given), ("seller", borne)]
    return {
        "id": ObjectId(),
        "seller": seller,
        "variant": ObjectId(),
        "name": "Thing",
        "quantity": quantity,
        "subtotal": total + given + borne,
        "discount": given + borne,
        "tax": 0,
        "total": total,
        "adjustments": [
            {"kind": "order_discount", "amount": -amount, "borne_by": who}
            for who, amount in discounts
            if amount
        ],
        **dict.fromkeys(("cancelled", "fulfilled", "delivered", "returned"), 0),
        "waits": False,
        "exchange": None,
    }


def order(
    *lines: Record, way: int = 0, rate: int = 1_000, state: str = "paid", **more: Any
) -> Record:
    """An order of those lines, a part for each seller; the shop keeps `rate` basis points."""
    sellers = list(dict.fromkeys(one["seller"] for one in lines))
    parts = [
        _part(seller, [one for one in lines if one["seller"] == seller], way, rate)
        for seller in sellers
    ]
    total = sum(part["sums"]["total"] for part in parts)
    key = ObjectId()
    payment = money.new_payment(str(key), "till:paid", total, state=state)
    return {
        "_id": key,
        "code": secrets.token_hex(4).upper(),
        "currency": "EUR",
        "tax_included": True,
        "state": "CONFIRMED",
        "lines": list(lines),
        "seller_orders": parts,
        "sums": {"subtotal": total, "discounts": 0, "shipping": 0, "tax": 0, "total": total},
        "payment": payment,
        "further_payments": [],
        "refunds": [],
        "waived": 0,
        "timeline": [],
        "placed_at": WHEN,
        "updated_at": WHEN,
        "version": 1,
        **more,
    }


def _part(seller: str | None, lines: Sequence[Record], way: int, rate: int) -> Record:
    total = sum(one["total"] for one in lines) + way
    cost = {"subtotal": way, "discount": 0, "tax": 0, "total": way, "adjustments": []}
    rate = rate if seller else 0
    return {
        "id": ObjectId(),
        "seller": seller,
        "state": "CONFIRMED",
        "way": cost if way else None,
        "sums": {"subtotal": total, "discounts": 0, "shipping": 0, "tax": 0, "total": total},
        "commission_rate": rate,
        "commission": share_of(sum(map(_base, lines)), rate_of(rate)),
        "fulfilments": [],
        "waived": 0,
    }


def _base(one: Record) -> int:
    """What commission is of: what the seller gave away isn't in it."""
    by_seller = [a["amount"] for a in one["adjustments"] if a["borne_by"] == "seller"]
    found: int = one["subtotal"] + sum(by_seller)
    return found


def rate_of(basis: int) -> Any:
    return Fraction(basis, 10_000)


def written(revision: Revision) -> Record:
    """The order after a change, as it would be stored."""
    after = {**revision.record, **revision.values()}
    return {**after, "version": revision.record["version"] + 1, "updated_at": revision.now}


def pick(items: Sequence[Any], which: int) -> Any:
    return items[which % len(items)]


def cancelled(found: Record, which: int, count: int) -> Record:
    revision = Revision(found)
    line = pick(revision.lines, which)
    part = next(one for one in revision.parts if one["seller"] == line["seller"])
    units = min(count, unsent(line))
    if units:
        take_out(revision, part, [Units(line["id"], units)], "")
    return written(revision)


def sent(found: Record, which: int, count: int) -> Record:
    """So many of a line are sent, and arrive."""
    revision = Revision(found)
    line = pick(revision.lines, which)
    units = min(count, unsent(line))
    line["fulfilled"] += units
    line["delivered"] += units
    return written(revision)


def returned(found: Record, which: int, count: int, *, shipping: bool) -> Record:
    """So many of a line come back and are paid for, and with them the delivery it may be."""
    revision = Revision(found)
    line = pick(revision.lines, which)
    part = next(one for one in revision.parts if one["seller"] == line["seller"])
    units = min(count, line["delivered"] - line["returned"])
    amount = worth(line, units) if units else 0
    if units and shipping and part["way"] and not part.get("shipping_back"):
        amount += part["way"]["total"]
        part["shipping_back"] = True
    line["returned"] += units
    revision.give_back(part, min(amount, revision.left(part)), "RETURNED")
    return written(revision)


def refunded(found: Record, which: int, amount: int) -> Record:
    """So much goes back of a part, or of the order as a whole."""
    revision = Revision(found)
    part = pick([*revision.parts, None], which)
    revision.give_back(part, min(amount, revision.left(part)), "GOODWILL")
    return written(revision)


def failed(found: Record, which: int) -> Record:
    """A refund turns out not to be possible."""
    revision = Revision(found)
    if revision.refunds:
        pick(revision.refunds, which)["state"] = "FAILED"
    return written(revision)


def extended(found: Record, which: int, quantity: int, price: int) -> Record:
    """A line is put into a part, and is to be paid by a further payment."""
    revision = Revision(found)
    part = pick(revision.parts, which)
    new = line(part["seller"], quantity, quantity * price)
    revision.add(part, {**new, "waits": True}, new["subtotal"] * part["commission_rate"] // 10_000)
    missing = money.uncovered(revision.order)
    if missing > 0:
        revision.want("till:paid", missing)
    return written(revision)


def paid(found: Record, which: int) -> Record:
    """A payment that was open is taken; what isn't wanted any more of it goes back."""
    revision = Revision(found)
    payment = pick(money.payments(revision.order), which)
    if not money.is_over(payment):
        payment["state"] = money.PAID
    amount = min(
        money.paid(revision.order) - money.owed(revision.order), revision.order["waived"] or 0
    )
    if amount > 0:
        revision.pay_back(amount)
    return written(revision)
