"""Returns that arrive: what goes into stock again, and what is paid for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_orders.errors import QuantityError
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.changing import Change
from mercat_orders.orders.changes.refunding import check_currency, check_left
from mercat_orders.orders.changes.restocking import restocking, variants_of
from mercat_orders.orders.changes.standing import Where, find
from mercat_orders.orders.changes.telling import Units, counted, money, said, together
from mercat_orders.orders.quantities import worth
from mercat_orders.orders.states import Event
from mercat_orders.returns.requesting import Taken, take


@dataclass(frozen=True, slots=True)
class Arrival(Units):
    """So many of a line that arrived, and whether they can be sold again."""

    restocks: bool = True


@dataclass(frozen=True, slots=True)
class Repayment:
    """What is paid for a return: what its units cost without `amount`, delivery only if asked."""

    is_wanted: bool = True
    amount: int | None = None
    currency: str | None = None
    with_shipping: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What arrived: all of the return without `lines`, which `restocks` is about then."""

    lines: Sequence[Arrival] | None = None
    restocks: bool = True
    repayment: Repayment = field(default_factory=Repayment)


async def receive(context: Context, where: Where, what: Receipt, request: Request) -> Done:
    """Take what arrived, and pay it back.

    Raises NotFoundError, ForbiddenError, StateError, QuantityError, InvalidError, AmountError.
    """
    record, standing = await find(context, where)
    restock_key = f"{record['_id']}:return:{ObjectId()}"

    def decide(found: Record) -> Decision:
        taken = take(found, standing, where, Event.RETURN_RECEIVE)
        arrived = _arrived(taken.back, what)
        _count(taken, arrived)
        again = [one for one in arrived if one.restocks]
        told = said(
            "RETURN_RECEIVED",
            taken.part,
            lines=counted(arrived),
            restocked=counted(one for one in again if one.quantity),
            **taken.facts,
        )
        paid = _repaid(taken, what.repayment)
        values = taken.revision.values()
        also = restocking(context, restock_key, found, again)
        return Decision(together([told, *paid], values, also))

    return await act(context, record["_id"], request, decide, variants_of(record))


async def repay(context: Context, where: Where, what: Repayment, request: Request) -> Done:
    """Pay for a return that arrived before. Raises as `receive` does."""
    record, standing = await find(context, where)

    def decide(found: Record) -> Decision:
        taken = take(found, standing, where, Event.RETURN_REFUND)
        told = _repaid(taken, what)
        return Decision(together(told, taken.revision.values()))

    return await act(context, record["_id"], request, decide)


def _arrived(back: Record, what: Receipt) -> Sequence[Arrival]:
    if what.lines is None:
        return [Arrival(one["line"], one["quantity"], (), what.restocks) for one in back["lines"]]
    most = {one["line"]: one["quantity"] for one in back["lines"]}
    for one in what.lines:
        if one.line not in most:
            raise NotFoundError("there is no such line in it", field=(*one.field, "lineId"))
        if not 0 <= one.quantity <= most[one.line]:
            raise QuantityError(
                f"of this come 0 to {most[one.line]} back", field=(*one.field, "quantity")
            )
        most[one.line] -= one.quantity
    if not any(one.quantity for one in what.lines):
        raise QuantityError("refuse the return where nothing arrived", field=("lines",))
    return what.lines


def _count(taken: Taken, arrived: Sequence[Arrival]) -> None:
    lines = {one["line"]: one for one in taken.back["lines"]}
    for one in arrived:
        line, stored = taken.revision.line(one.line), lines[one.line]
        taken.back["value"] += worth(line, one.quantity)
        line["returned"] += one.quantity
        stored["received"] += one.quantity
        stored["restocked"] += one.quantity if one.restocks else 0
    taken.back.update(state="RECEIVED", updated_at=taken.revision.now)


def _repaid(taken: Taken, what: Repayment) -> list[Change]:
    """Write down what is paid for a return, if that is to be now."""
    if not what.is_wanted:
        return []
    revision, part, back = taken.revision, taken.part, taken.back
    amount = _amount(taken, what)
    refunds = revision.give_back(part, amount, "RETURNED", back["reason"])
    back |= {"state": "REFUNDED", "updated_at": revision.now}
    for refund in refunds:
        back["refunds"].append(refund["id"])
        refund["shipping"] = what.with_shipping
    part["shipping_back"] = part.get("shipping_back", False) or what.with_shipping
    kind = "REFUND_WANTED" if refunds else "WAIVED" if amount else "RETURN_SETTLED"
    return [said(kind, part, **{**taken.facts, "amount": money(amount, revision.record)})]


def _amount(taken: Taken, what: Repayment) -> int:
    revision, part = taken.revision, taken.part
    shipping = 0
    if what.with_shipping:
        if part.get("shipping_back"):
            raise InvalidError("its delivery was paid back already", field=("refundShipping",))
        shipping = part["way"]["total"] if part["way"] else 0
    if what.amount is None:
        value: int = taken.back["value"]
        return min(value + shipping, revision.left(part))
    check_currency(revision.record, what.currency)
    if what.amount < 0:
        raise InvalidError("what goes back isn't below nothing", field=("amount",))
    check_left(revision, part, what.amount + shipping)
    return what.amount + shipping
