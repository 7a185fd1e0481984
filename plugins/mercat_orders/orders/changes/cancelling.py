"""Cancelling orders, parts of them, or lines: what isn't in a parcel yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ForbiddenError
from mercat.storage import Record
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.changing import Change
from mercat_orders.orders.changes.picking import picked
from mercat_orders.orders.changes.restocking import restocking, variants_of
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Standing, Where, find, part_of
from mercat_orders.orders.changes.telling import Units, counted, money, said, together
from mercat_orders.orders.quantities import unsent, wanted, worth
from mercat_orders.orders.states import Event, Role, check


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What is cancelled: all of it without `lines`. With `restocks` it can be sold again."""

    lines: Sequence[Units] | None = None
    reason: str = ""
    restocks: bool = True


async def cancel(context: Context, where: Where, what: Cancellation, request: Request) -> Done:
    """Cancel units of an order or of a part, and give back what was paid for them.

    The last unit of a part takes what its delivery cost with it. Only sellers and staff may keep
    units from the stock. Raises NotFoundError, ForbiddenError, StateError, QuantityError.
    """
    record, standing = await find(context, where)
    restock_key = f"{record['_id']}:cancel:{ObjectId()}"

    def decide(found: Record) -> Decision:
        _check_restocking(standing, found, where, what)
        revision = Revision(found)
        units = _units(revision, standing, where, what)
        told = [
            _cancelled(revision, revision.part(key), of_part, what)
            for key, of_part in units.items()
        ]
        all_units = [one for of_part in units.values() for one in of_part]
        also = restocking(context, restock_key, found, all_units) if what.restocks else None
        return Decision(together(told, revision.values(), also))

    return await act(context, record["_id"], request, decide, variants_of(record))


def _check_restocking(standing: Standing, record: Record, where: Where, what: Cancellation) -> None:
    part = None if where.kind == "order" else part_of(record, where)
    if not what.restocks and not {Role.SELLER, Role.STAFF} & set(standing.roles(part)):
        raise ForbiddenError


def _units(
    revision: Revision, standing: Standing, where: Where, what: Cancellation
) -> Mapping[ObjectId, Sequence[Units]]:
    """What is cancelled of which part, where the viewer may cancel it now."""
    parts = revision.parts if where.kind == "order" else [revision.part(where.key)]
    if what.lines is None:
        return _everything(revision, standing, parts)
    lines = [line for part in parts for line in revision.lines_of(part)]
    event = Event.CANCEL_LINES
    meant = {one.line for one in what.lines}
    found: dict[ObjectId, Sequence[Units]] = {}
    for part in parts:
        if any(line["id"] in meant for line in revision.lines_of(part)):
            check(event, part["state"], standing.roles(part))
    units = picked(lines, what.lines, unsent)
    for part in parts:
        keys = {line["id"] for line in revision.lines_of(part)}
        if of_part := [one for one in units if one.line in keys]:
            found[part["id"]] = of_part
    return found


def _everything(
    revision: Revision, standing: Standing, parts: Sequence[Record]
) -> Mapping[ObjectId, Sequence[Units]]:
    alive = [part for part in parts if part["state"] != "CANCELLED"] or parts
    for part in alive:
        check(Event.CANCEL, part["state"], standing.roles(part))
    return {
        part["id"]: [
            Units(line["id"], wanted(line)) for line in revision.lines_of(part) if wanted(line)
        ]
        for part in alive
    }


def _cancelled(
    revision: Revision, part: Record, units: Sequence[Units], what: Cancellation
) -> Change:
    amount = take_out(revision, part, units, what.reason)
    return said(
        "CANCELLED",
        part,
        what.reason,
        lines=counted(units),
        amount=money(amount, revision.record),
        restocked=what.restocks,
    )


def take_out(revision: Revision, part: Record, units: Sequence[Units], reason: str) -> int:
    """Cancel units of a part, and give back what they cost; returns how much, in minor units."""
    amount = 0
    for one in units:
        line = revision.line(one.line)
        amount += worth(line, one.quantity)
        line["cancelled"] += one.quantity
    if revision.is_cancelled(part) and not part.get("shipping_back"):
        amount += part["way"]["total"] if part["way"] else 0
        part["shipping_back"] = True
    amount = min(amount, revision.left(part))
    revision.give_back(part, amount, "CANCELLED", reason)
    return amount
