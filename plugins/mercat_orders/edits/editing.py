"""Editing orders: units are cancelled, lines are added, and only the difference is settled."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record, Session
from mercat_orders.edits.planning import Edit, NewOrderLine, Plan, check_stock, planned
from mercat_orders.orders import money
from mercat_orders.orders.changes.acting import Decision, Done, Request, act, known
from mercat_orders.orders.changes.cancelling import take_out
from mercat_orders.orders.changes.changing import Change
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Standing, Where, find
from mercat_orders.orders.changes.telling import Units, counted, said, together
from mercat_orders.orders.changes.telling import money as shown
from mercat_orders.orders.states import Event, check
from mercat_products.stock.reservations import Line, commit, release, reserve, restock

_TRIES = 10
_HELD = timedelta(minutes=2)


class _OutdatedError(Exception):
    """The order is not as it was when the plan was made."""


@dataclass(frozen=True, slots=True)
class Edited(Done):
    """The order as it is, or would be; `difference` is what it costs more, in minor units."""

    difference: int


async def edit(
    context: Context, where: Where, what: Edit, request: Request, *, is_preview: bool = False
) -> Edited:
    """Change what isn't in parcels of an order yet, or with `is_preview` only say what comes of it.

    Lines that come are at today's prices, without discounts, or at those that were given; what
    stays keeps its own. Where more is to be paid they wait for that. Raises NotFoundError,
    ForbiddenError, StateError, InvalidError, QuantityError, UnavailableError, TooManyError,
    OutOfStockError, StaleError, ConflictError.
    """
    record, standing = await find(context, where)
    before = None if is_preview else await known(context, record["_id"], request)
    if before is not None:
        return Edited(before.order, before.made, before.made["difference"])
    for _ in range(_TRIES):
        _check(record, standing, what)
        plan = await planned(context, record, what)
        if is_preview:
            return _previewed(record, plan, standing, what)
        try:
            done = await _carried_out(context, record, plan, what, standing, request)
        except _OutdatedError:
            record, standing = await find(context, where)
        else:
            return Edited(done.order, done.made, done.made["difference"])
    raise ConflictError("the order is being changed elsewhere; try again")


async def _carried_out(
    context: Context,
    record: Record,
    plan: Plan,
    what: Edit,
    standing: Standing,
    request: Request,
) -> Done:
    key = f"{record['_id']}:edit:{ObjectId()}"

    def decide(found: Record) -> Decision:
        if found["version"] != plan.version:
            raise _OutdatedError
        return _decided(found, plan, standing, what, moving(context, key, plan.needed, plan.back))

    async with held(context, key, plan.needed):
        return await act(context, record["_id"], request, decide, frozenset(plan.stock))


def _previewed(record: Record, plan: Plan, standing: Standing, what: Edit) -> Edited:
    check_stock(plan)
    decision = _decided(record, plan, standing, what, None)
    after = {**record, **decision.changes[0].values}
    return Edited(after, decision.made, decision.made["difference"])


def _check(record: Record, standing: Standing, what: Edit) -> None:
    """Refuse early who may not, before prices and stock are asked for."""
    meant = {one.line for one in what.lines}
    sellers = {line["seller"] for line in record["lines"] if line["id"] in meant}
    parts = [part for part in record["seller_orders"] if part["seller"] in sellers]
    for part in parts or record["seller_orders"][:1]:
        check(Event.EDIT, part["state"] if parts else "CONFIRMED", standing.roles(part))


def _decided(
    record: Record,
    plan: Plan,
    standing: Standing,
    what: Edit,
    also: Callable[[Session], Awaitable[None]] | None,
) -> Decision:
    revision = Revision(record)
    before = money.left(revision.order)
    told = [
        _changed(revision, part, plan, standing, what)
        for part in revision.parts
        if _is_touched(revision, part, plan)
    ]
    cover(revision)
    values = revision.values()
    difference = money.left(revision.order) - before
    return Decision(together(told, values, also), {"difference": difference})


def _is_touched(revision: Revision, part: Record, plan: Plan) -> bool:
    keys = {line["id"] for line in revision.lines_of(part)}
    return any(one.line in keys for one in plan.gone) or _coming(part, plan) != []


def _coming(part: Record, plan: Plan) -> list[NewOrderLine]:
    return [new for new in plan.come if new.part == part["id"]]


def _changed(
    revision: Revision, part: Record, plan: Plan, standing: Standing, what: Edit
) -> Change:
    check(Event.EDIT, part["state"], standing.roles(part))
    keys = {line["id"] for line in revision.lines_of(part)}
    gone = [one for one in plan.gone if one.line in keys]
    come = _coming(part, plan)
    before = revision.left(part)
    put_in(revision, come)
    take_out(revision, part, gone, what.reason)
    return said(
        "EDITED",
        part,
        what.reason,
        added=counted(units_of(come)),
        removed=counted(gone),
        difference=shown(revision.left(part) - before, revision.record),
        restocked=what.restocks if gone else None,
    )


def put_in(revision: Revision, lines: Sequence[NewOrderLine]) -> None:
    """Put lines into their parts; they wait until what the order owes is paid."""
    for new in lines:
        revision.add(revision.part(new.part), new.line, new.commission)


def units_of(lines: Sequence[NewOrderLine]) -> Sequence[Units]:
    return [Units(new.line["id"], new.line["quantity"]) for new in lines]


def cover(revision: Revision) -> None:
    """Have what was added paid in the same way, where that is on delivery or by a bank transfer."""
    way, amount = money.current(revision.order), money.uncovered(revision.order)
    if money.is_open_by_hand(way) and amount > 0:
        revision.want(way["method"], amount)


@asynccontextmanager
async def held(context: Context, key: str, needed: Mapping[ObjectId, int]) -> AsyncIterator[None]:
    """Hold stock for a block that commits it; what it doesn't is let go. Raises OutOfStockError."""
    if not needed:
        yield
        return
    await reserve(context, key, [Line(*one) for one in needed.items()], _HELD)
    try:
        yield
    finally:
        await release(context, key)


def moving(
    context: Context, key: str, needed: Mapping[ObjectId, int], back: Mapping[ObjectId, int]
) -> Callable[[Session], Awaitable[None]] | None:
    """What sells the stock that is held under a key and puts other back, in a transaction."""
    if not needed and not back:
        return None

    async def work(session: Session) -> None:
        if needed:
            await commit(context, key, session, [Line(*one) for one in needed.items()])
        if back:
            await restock(context, key, [Line(*one) for one in back.items()], session)

    return work
