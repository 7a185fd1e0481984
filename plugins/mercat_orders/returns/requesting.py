"""What comes back: asked for by the buyer, approved, received, and paid back or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.acting import Decision, Done, Request, act
from mercat_orders.orders.changing import Change
from mercat_orders.orders.errors import StateError
from mercat_orders.orders.picking import picked
from mercat_orders.orders.quantities import returnable
from mercat_orders.orders.revising import Revision
from mercat_orders.orders.standing import Standing, Where, find, part_of
from mercat_orders.orders.states import Event, check
from mercat_orders.orders.telling import Units, counted, said, together
from mercat_orders.settings import OrderSettings

STEPS: Mapping[Event, Sequence[str]] = {
    Event.RETURN_APPROVE: ("REQUESTED",),
    Event.RETURN_RECEIVE: ("APPROVED",),
    Event.RETURN_REFUSE: ("REQUESTED", "APPROVED", "RECEIVED"),
    Event.RETURN_REFUND: ("RECEIVED",),
}
"""In which states of a return each can be done."""


async def request_return(
    context: Context, where: Where, wanted: Sequence[Units], reason: str, request: Request
) -> Done:
    """Ask to send back units that were delivered: one return for each seller's part.

    `made` has their keys as `returns`. Raises NotFoundError, ForbiddenError, StateError,
    InvalidError, and QuantityError for more than can come back, or comes too late.
    """
    record, standing = await find(context, where)
    days = context.settings(OrderSettings).return_days

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
            key, change = _asked(revision, part, units, reason)
            told.append(change)
            keys.append(str(key))
        return Decision(together(told, revision.values()), {"returns": keys})

    return await act(context, record["_id"], request, decide)


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
    revision: Revision, part: Record, units: Sequence[Units], reason: str
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
            "wishes": [],
            "created_at": revision.now,
            "updated_at": revision.now,
        }
    )
    facts: dict[str, Any] = {"return": encode_id("Return", key), "lines": counted(mine)}
    return key, said("RETURN_REQUESTED", part, reason, **facts)


async def approve(context: Context, where: Where, words: str, request: Request) -> Done:
    """Let the buyer send it. Raises NotFoundError, ForbiddenError, StateError."""
    return await _answer(context, where, words, request, Event.RETURN_APPROVE)


async def refuse(context: Context, where: Where, words: str, request: Request) -> Done:
    """Take nothing back, or pay nothing for what came.

    Raises NotFoundError, ForbiddenError, StateError, and InvalidError without a reason.
    """
    if not words:
        raise InvalidError("say why", field=("reason",))
    return await _answer(context, where, words, request, Event.RETURN_REFUSE)


_ANSWERS = {
    Event.RETURN_APPROVE: ("APPROVED", "RETURN_APPROVED"),
    Event.RETURN_REFUSE: ("REFUSED", "RETURN_REFUSED"),
}


async def _answer(
    context: Context, where: Where, words: str, request: Request, event: Event
) -> Done:
    record, standing = await find(context, where)
    state, kind = _ANSWERS[event]

    def decide(found: Record) -> Decision:
        taken = take(found, standing, where, event)
        taken.back.update(state=state, answer=words, updated_at=taken.revision.now)
        told = said(kind, taken.part, words, **taken.facts)
        return Decision(together([told], taken.revision.values()))

    return await act(context, record["_id"], request, decide)


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
