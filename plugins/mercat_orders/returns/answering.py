"""What a seller says to a return: it may be sent, with something else for it, or it isn't taken."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_orders.carts.lines import NewLine
from mercat_orders.edits.editing import cover, held, moving, put_in, units_of
from mercat_orders.edits.planning import Addition, NewOrderLine, priced
from mercat_orders.errors import UnavailableError
from mercat_orders.orders.changes.acting import Decision, Done, Request, act, known
from mercat_orders.orders.changes.cancelling import take_out
from mercat_orders.orders.changes.restocking import restocking, variants_of
from mercat_orders.orders.changes.standing import Where, find
from mercat_orders.orders.changes.telling import Units, counted, said, together
from mercat_orders.orders.quantities import unsent
from mercat_orders.orders.states import Event
from mercat_orders.returns.requesting import Taken, take


async def approve(
    context: Context,
    where: Where,
    words: str,
    request: Request,
    instead: Sequence[Addition] | None = None,
) -> Done:
    """Let the buyer send it, and put what is sent instead into the order: what the buyer wishes.

    What comes `instead` waits until it is paid, by what comes back or by the buyer. Raises
    NotFoundError, ForbiddenError, StateError, InvalidError, QuantityError, UnavailableError,
    TooManyError, OutOfStockError.
    """
    record, standing = await find(context, where)
    before = await known(context, record["_id"], request)
    if before is not None:
        return before
    wishes = take(record, standing, where, Event.RETURN_APPROVE).back["wishes"]
    come = await priced(context, record, _wanted(wishes) if instead is None else instead)
    needed = _counts(come)
    key = f"{record['_id']}:exchange:{ObjectId()}"

    def decide(found: Record) -> Decision:
        taken = take(found, standing, where, Event.RETURN_APPROVE)
        _check(taken, come)
        taken.back.update(state="APPROVED", answer=words, updated_at=taken.revision.now)
        put_in(taken.revision, come)
        for new in come:
            new.line["exchange"] = where.key
        cover(taken.revision)
        told = said(
            "RETURN_APPROVED", taken.part, words, added=counted(units_of(come)), **taken.facts
        )
        values = taken.revision.values()
        return Decision(together([told], values, moving(context, key, needed, {})))

    async with held(context, key, needed):
        return await act(context, record["_id"], request, decide, frozenset(needed))


async def refuse(context: Context, where: Where, words: str, request: Request) -> Done:
    """Take nothing back, or pay nothing for what came; nothing is sent instead any more.

    Raises NotFoundError, ForbiddenError, StateError, and InvalidError without a reason.
    """
    if not words:
        raise InvalidError("say why", field=("reason",))
    record, standing = await find(context, where)
    restock_key = f"{record['_id']}:refuse:{ObjectId()}"

    def decide(found: Record) -> Decision:
        taken = take(found, standing, where, Event.RETURN_REFUSE)
        taken.back.update(state="REFUSED", answer=words, updated_at=taken.revision.now)
        units = _unsent(taken, where.key)
        take_out(taken.revision, taken.part, units, words)
        told = said("RETURN_REFUSED", taken.part, words, removed=counted(units), **taken.facts)
        also = restocking(context, restock_key, found, units)
        return Decision(together([told], taken.revision.values(), also))

    return await act(context, record["_id"], request, decide, variants_of(record))


def _wanted(wishes: Sequence[Record]) -> Sequence[Addition]:
    return [Addition(NewLine(wish["variant"], wish["quantity"])) for wish in wishes]


def _counts(come: Sequence[NewOrderLine]) -> dict[ObjectId, int]:
    counts: dict[ObjectId, int] = {}
    for new in come:
        variant = new.line["variant"]
        counts[variant] = counts.get(variant, 0) + new.line["quantity"]
    return counts


def _check(taken: Taken, come: Sequence[NewOrderLine]) -> None:
    if any(new.part != taken.part["id"] for new in come):
        raise UnavailableError("this is another seller's", field=("exchange",))


def _unsent(taken: Taken, back: ObjectId) -> Sequence[Units]:
    lines = [line for line in taken.revision.lines if line.get("exchange") == back]
    return [Units(line["id"], unsent(line)) for line in lines if unsent(line)]
