"""Changing orders: each change is one update on condition of the version that was read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat import checkout
from mercat.context import Context, Viewer
from mercat.errors import ConflictError, NotFoundError
from mercat.storage import Record, Session
from mercat_orders.messages.telling import tell_buyer
from mercat_orders.orders.access import orders
from mercat_orders.orders.streams.feed import publish

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Happening:
    """What an entry of the timeline says; `facts` are plain values that the kind has.

    `part` is the stored part that it is about, None where it is about the whole order.
    """

    kind: str
    reason: str = ""
    part: Mapping[str, Any] | None = None
    is_internal: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """New values of an order's fields, with what is to be said of it; None where nobody is told.

    `also` is done in the same transaction, such as putting stock back.
    """

    happening: Happening | None
    values: Mapping[str, Any] = field(default_factory=dict)
    also: Callable[[Session], Awaitable[None]] | None = None


Decide = Callable[[Record], Change | None]


async def change(context: Context, key: ObjectId, decide: Decide) -> Record:
    """Change an order as `decide` says of what is stored; None leaves it as it is.

    `decide` is asked again where somebody else was faster, so it only computes. Returns the order.
    Raises NotFoundError, ConflictError, and what `decide` does.
    """
    for _ in range(_TRIES):
        record = await orders(context).find_one({"_id": key})
        if record is None:
            raise NotFoundError("there is no such order")
        wanted = decide(record)
        if wanted is None:
            return record
        after = await _write(context, record, wanted)
        if after is not None:
            await publish(context, key)
            return after
    raise ConflictError("the order is being changed elsewhere; try again")


async def _write(context: Context, record: Record, wanted: Change) -> Record | None:
    async def work(session: Session) -> Record | None:
        after = await write(context, session, record, wanted)
        if after is not None and wanted.also is not None:
            await wanted.also(session)
        return after

    return await context.storage.transaction(work)


async def write(
    context: Context, session: Session, record: Record, wanted: Change
) -> Record | None:
    """Write a change in a transaction if the order is still as it was read; None if it isn't."""
    key, happening = {"_id": record["_id"]}, wanted.happening
    update: dict[str, Any] = {
        "$set": {**wanted.values, "updated_at": datetime.now(UTC)},
        "$inc": {"version": 1},
    }
    new = None if happening is None else entry(context.viewer, record, happening)
    if new is not None:
        update["$push"] = {"timeline": new}
    written = await orders(context).update_one(
        {**key, "version": record["version"]}, update, session=session
    )
    if not written.modified_count:
        return None
    if new is not None:
        await context.engine.outbox.add(
            session, checkout.order_changed, context, str(record["_id"]), new["kind"]
        )
        await tell_buyer(context, session, record, new)
    after = await orders(context).find_one(key, session=session)
    if after is not None and after["state"] == "CANCELLED" != record["state"]:
        await context.hooks.collect(checkout.order_undone, context, session, str(record["_id"]))
    return after


def entry(viewer: Viewer, record: Record, happening: Happening) -> Record:
    """The next entry of an order's timeline."""
    return {
        "number": len(record["timeline"]) + 1,
        "kind": happening.kind,
        "at": datetime.now(UTC),
        "user": viewer.user,
        "role": viewer.role,
        "part": None if happening.part is None else happening.part["id"],
        "seller": None if happening.part is None else happening.part["seller"],
        "reason": happening.reason,
        "is_internal": happening.is_internal,
        "facts": dict(happening.facts),
    }
