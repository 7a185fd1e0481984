"""Money that staff gives back of its own accord."""

from collections.abc import Sequence
from dataclasses import dataclass

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.money import format_minor
from mercat.storage import Record
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.picking import picked
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Where, find, part_of
from mercat_orders.orders.changes.telling import Units, counted, money, said, together
from mercat_orders.orders.errors import AmountError
from mercat_orders.orders.quantities import worth
from mercat_orders.orders.states import Event, check


@dataclass(frozen=True, slots=True)
class Payback:
    """How much goes back: `amount`, in minor units of a currency, or what `lines` cost."""

    amount: int | None = None
    currency: str | None = None
    lines: Sequence[Units] | None = None
    reason: str = ""


async def refund(context: Context, where: Where, what: Payback, request: Request) -> Done:
    """Pay back some of an order or of a part; what wasn't paid yet is less to pay.

    Raises NotFoundError, ForbiddenError, StateError, InvalidError, QuantityError, and AmountError
    for more than is left.
    """
    record, standing = await find(context, where)
    if (what.amount is None) == (what.lines is None):
        raise InvalidError("give either `amount` or `lines`", field=("amount",))

    def decide(found: Record) -> Decision:
        revision = Revision(found)
        part = None if where.kind == "order" else revision.part(part_of(found, where)["id"])
        state = found["state"] if part is None else part["state"]
        check(Event.REFUND, state, standing.roles(part))
        amount = _amount(revision, part, what)
        check_left(revision, part, amount)
        refunds = revision.give_back(part, amount, "GOODWILL", what.reason)
        told = said(
            "REFUND_WANTED" if refunds else "WAIVED",
            part,
            what.reason,
            amount=money(amount, found),
            lines=counted(what.lines or ()),
        )
        return Decision(together([told], revision.values()))

    return await act(context, record["_id"], request, decide)


def check_left(revision: Revision, part: Record | None, amount: int) -> None:
    """Raise AmountError where there is less to give back."""
    left = revision.left(part)
    if amount > left:
        currency = revision.record["currency"]
        words = f"there are {format_minor(left, currency)} {currency} left to give back"
        raise AmountError(words, field=("amount",))


def check_currency(record: Record, currency: str | None) -> None:
    """Raise InvalidError for another currency than the order's."""
    if currency is not None and currency != record["currency"]:
        raise InvalidError(f"this was paid in {record['currency']}", field=("amount", "currency"))


def _amount(revision: Revision, part: Record | None, what: Payback) -> int:
    if what.amount is not None:
        check_currency(revision.record, what.currency)
        if what.amount <= 0:
            raise InvalidError("what goes back is more than nothing", field=("amount",))
        return what.amount
    lines = revision.lines if part is None else revision.lines_of(part)
    units = picked(lines, what.lines or (), _remaining)
    return sum(worth(revision.line(one.line), one.quantity) for one in units)


def _remaining(line: Record) -> int:
    remaining: int = line["quantity"] - line["cancelled"] - line["returned"]
    return remaining
