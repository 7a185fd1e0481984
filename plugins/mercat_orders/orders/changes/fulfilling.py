"""Parcels: what is in them, and where they are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.carriers import Tracking, checked
from mercat_orders.orders.changes.picking import picked
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Standing, Where, find, part_of
from mercat_orders.orders.changes.telling import Units, counted, said, together
from mercat_orders.orders.errors import StateError
from mercat_orders.orders.quantities import sendable, unsent
from mercat_orders.orders.states import Event, check

_ONGOING = ("PENDING", "SHIPPED")


async def fulfil(
    context: Context,
    where: Where,
    wanted: Sequence[Units] | None,
    tracking: Tracking,
    request: Request,
    *,
    is_shipped: bool = True,
) -> Done:
    """Put units of a seller order into a parcel, all that are left without `wanted`.

    `made` has the key of the parcel as `fulfilment`. Raises NotFoundError, ForbiddenError,
    StateError, QuantityError, InvalidError.
    """
    record, standing = await find(context, where)
    how = checked(tracking)

    def decide(found: Record) -> Decision:
        part = part_of(found, where)
        check(Event.FULFIL, part["state"], standing.roles(part))
        revision = Revision(found)
        units = _units(revision, part, wanted)
        parcel = _parcel(revision, units, how, is_shipped=is_shipped)
        revision.part(part["id"])["fulfilments"].append(parcel)
        told = said("FULFILLED", part, **_facts(parcel), lines=counted(units))
        made = {"fulfilment": str(parcel["id"])}
        return Decision(together([told], revision.values()), made)

    return await act(context, record["_id"], request, decide)


def _units(revision: Revision, part: Record, wanted: Sequence[Units] | None) -> Sequence[Units]:
    lines = revision.lines_of(part)
    if wanted is None:
        wanted = [Units(line["id"], sendable(line)) for line in lines if sendable(line)]
    _check_waiting(lines, {one.line for one in wanted})
    units = picked(lines, wanted, sendable)
    for one in units:
        revision.line(one.line)["fulfilled"] += one.quantity
    return units


def _check_waiting(lines: Sequence[Record], meant: Collection[ObjectId]) -> None:
    for line in lines:
        if line.get("waits") and unsent(line) and (line["id"] in meant or not meant):
            raise StateError(
                f"'{line['name']}' waits until what the order owes is paid;"
                " `orderConfirm` has it sent before"
            )


def _parcel(
    revision: Revision, units: Sequence[Units], how: Tracking, *, is_shipped: bool
) -> Record:
    return {
        "id": ObjectId(),
        "state": "SHIPPED" if is_shipped else "PENDING",
        "lines": [{"line": one.line, "quantity": one.quantity} for one in units],
        **_tracked(how),
        "created_at": revision.now,
        "shipped_at": revision.now if is_shipped else None,
        "delivered_at": None,
    }


def _tracked(how: Tracking) -> dict[str, Any]:
    return {"carrier": how.carrier, "tracking_number": how.number, "tracking_url": how.url}


def _facts(parcel: Record) -> dict[str, Any]:
    return {
        "fulfilment": encode_id("Fulfilment", parcel["id"]),
        "state": parcel["state"],
        "carrier": parcel["carrier"],
        "trackingNumber": parcel["tracking_number"],
    }


@dataclass(frozen=True, slots=True)
class Update:
    """What is new of a parcel."""

    tracking: Tracking = field(default_factory=Tracking)
    is_shipped: bool = False
    is_delivered: bool = False
    is_cancelled: bool = False

    @property
    def events(self) -> Sequence[Event]:
        found = {
            Event.TRACK: self.tracking.is_given,
            Event.SHIP: self.is_shipped,
            Event.DELIVER: self.is_delivered,
            Event.UNFULFIL: self.is_cancelled,
        }
        return [event for event, is_wanted in found.items() if is_wanted]


_KINDS = {
    Event.TRACK: "FULFILMENT_CHANGED",
    Event.SHIP: "SHIPPED",
    Event.DELIVER: "DELIVERED",
    Event.UNFULFIL: "FULFILMENT_CANCELLED",
}


async def update(context: Context, where: Where, what: Update, request: Request) -> Done:
    """Say where a parcel is, or that it won't be sent.

    Raises NotFoundError, ForbiddenError, StateError, InvalidError.
    """
    record, standing = await find(context, where)
    if not what.events or (what.is_cancelled and len(what.events) > 1):
        raise InvalidError("say what is new of the parcel, or that it is cancelled")
    checked(what.tracking)

    def decide(found: Record) -> Decision:
        return _updated(found, standing, where, what)

    return await act(context, record["_id"], request, decide)


def _updated(record: Record, standing: Standing, where: Where, what: Update) -> Decision:
    revision = Revision(record)
    part = revision.part(part_of(record, where)["id"])
    for event in what.events:
        check(event, part["state"], standing.roles(part))
    parcel = next(one for one in part["fulfilments"] if one["id"] == where.key)
    for event in what.events:
        _apply(revision, parcel, event, what)
    told = said(_KINDS[what.events[-1]], part, **_facts(parcel))
    return Decision(together([told], revision.values()))


def _apply(revision: Revision, parcel: Record, event: Event, what: Update) -> None:
    if parcel["state"] == "CANCELLED":
        raise StateError("the parcel was cancelled")
    if event == Event.TRACK:
        how = checked(
            what.tracking, parcel["carrier"], parcel["tracking_number"], parcel["tracking_url"]
        )
        parcel |= _tracked(how)
    elif event == Event.SHIP:
        _check_parcel(parcel, "PENDING")
        parcel |= {"state": "SHIPPED", "shipped_at": revision.now}
    elif event == Event.DELIVER:
        _deliver(revision, parcel)
    else:
        _check_parcel(parcel, "PENDING")
        parcel["state"] = "CANCELLED"
        for one in parcel["lines"]:
            revision.line(one["line"])["fulfilled"] -= one["quantity"]


def _deliver(revision: Revision, parcel: Record) -> None:
    _check_parcel(parcel, *_ONGOING)
    parcel |= {
        "state": "DELIVERED",
        "shipped_at": parcel["shipped_at"] or revision.now,
        "delivered_at": revision.now,
    }
    for one in parcel["lines"]:
        revision.line(one["line"])["delivered"] += one["quantity"]


def _check_parcel(parcel: Record, *states: str) -> None:
    if parcel["state"] not in states:
        raise StateError(f"the parcel is {parcel['state'].lower()} already")
