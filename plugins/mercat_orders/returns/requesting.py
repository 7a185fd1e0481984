"""What comes back: asked for by the buyer, approved, received, and paid back or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.carts.lines import NewLine
from mercat_orders.edits.planning import Addition, priced
from mercat_orders.errors import UnavailableError
from mercat_orders.orders.changes.acting import Decision, Done, Request, act, known
from mercat_orders.orders.changes.changing import Change
from mercat_orders.orders.changes.picking import picked
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Standing, Where, find, part_of
from mercat_orders.orders.changes.telling import Units, counted, said, together
from mercat_orders.orders.errors import StateError
from mercat_orders.orders.quantities import returnable
from mercat_orders.orders.states import Event, check
from mercat_orders.settings import OrderSettings

STEPS: Mapping[Event, Sequence[str]] = {
    Event.RETURN_APPROVE: ("REQUESTED",),
    Event.RETURN_RECEIVE: ("APPROVED",),
    Event.RETURN_REFUSE: ("REQUESTED", "APPROVED", "RECEIVED"),
    Event.RETURN_REFUND: ("RECEIVED",),
}
"""In which states of a return each can be done."""


async def request_return(
    context: Context,
    where: Where,
    wanted: Sequence[Units],
    reason: str,
    request: Request,
    wishes: Sequence[NewLine] = (),
) -> Done:
    """Ask to send back units that were delivered: one return for each seller's part.

    `wishes` are what is wanted instead. `made` has their keys as `returns`. Raises NotFoundError,
    ForbiddenError, StateError, InvalidError, UnavailableError, and QuantityError for more than can
    come back, or comes too late.
    """
    record, standing = await find(context, where)
    before = await known(context, record["_id"], request)
    if before is not None:
        return before
    days = context.settings(OrderSettings).return_days
    instead = await _wished(context, record, wishes)

    def decide(found: Record) -> Decision:
        revision = Revision(found)
        parts = _parts(revision, where, wanted)
        for part in parts:
            check(Event.RETURN_REQUEST, part["state"], standing.roles(part))
        if not days:
            raise StateError("the shop takes nothing back")
        units = _picked(revision, where, wanted, days)
        told, keys = [], []
        for part in parts:
            key, change = _asked(revision, part, units, reason, instead.get(part["id"], []))
            told.append(change)
            keys.append(str(key))
        if not instead.keys() <= {part["id"] for part in parts}:
            raise UnavailableError("of its seller nothing comes back", field=("exchange",))
        return Decision(together(told, revision.values()), {"returns": keys})

    return await act(context, record["_id"], request, decide)


async def _wished(
    context: Context, record: Record, wishes: Sequence[NewLine]
) -> Mapping[ObjectId, Sequence[Record]]:
    """What is wanted instead, by the key of the part that it is of."""
    found: dict[ObjectId, list[Record]] = {}
    for new in await priced(context, record, [Addition(wish) for wish in wishes]):
        wish = {"variant": new.line["variant"], "quantity": new.line["quantity"]}
        found.setdefault(new.part, []).append(wish)
    return found


def _parts(revision: Revision, where: Where, wanted: Sequence[Units]) -> Sequence[Record]:
    """The parts that the wanted lines are of; all that may be meant where they are of none."""
    parts = revision.parts
    if where.kind != "order":
        parts = [revision.part(part_of(revision.record, where)["id"])]
    meant = {one.line for one in wanted}
    found = [p for p in parts if any(line["id"] in meant for line in revision.lines_of(p))]
    return found or parts


def _picked(
    revision: Revision, where: Where, wanted: Sequence[Units], days: int
) -> Sequence[Units]:
    since = revision.now - timedelta(days=days)
    parts = {part["seller"]: part for part in _parts(revision, where, wanted)}
    lines = [line for line in revision.lines if line["seller"] in parts]
    return picked(lines, wanted, lambda line: returnable(line, parts[line["seller"]], since))


def _asked(
    revision: Revision,
    part: Record,
    units: Sequence[Units],
    reason: str,
    wishes: Sequence[Record],
) -> tuple[ObjectId, Change]:
    keys = {line["id"] for line in revision.lines_of(part)}
    mine = [one for one in units if one.line in keys]
    key = ObjectId()
    part.setdefault("returns", []).append(
        {
            "id": key,
            "state": "REQUESTED",
            "lines": [
                {"line": one.line, "quantity": one.quantity, "received": 0, "restocked": 0}
                for one in mine
            ],
            "reason": reason,
            "answer": "",
            "value": 0,
            "refunds": [],
            "wishes": list(wishes),
            "created_at": revision.now,
            "updated_at": revision.now,
        }
    )
    facts: dict[str, Any] = {"return": encode_id("Return", key), "lines": counted(mine)}
    return key, said("RETURN_REQUESTED", part, reason, **facts)


@dataclass(frozen=True, slots=True)
class Taken:
    """A return in the revision of its order."""

    revision: Revision
    part: Record
    back: Record

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"return": encode_id("Return", self.back["id"])}


def take(record: Record, standing: Standing, where: Where, event: Event) -> Taken:
    """A return with which that can be done now by who stands there.

    Raises NotFoundError, ForbiddenError, StateError.
    """
    revision = Revision(record)
    part = revision.part(part_of(record, where)["id"])
    check(event, part["state"], standing.roles(part))
    back = next(one for one in part["returns"] if one["id"] == where.key)
    if back["state"] not in STEPS[event]:
        raise StateError(f"the return is {back['state'].lower()}")
    return Taken(revision, part, back)
