"""Carrying out what was decided of an order: once for each idempotency key, in one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ConflictError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.idempotency import idempotent, remembered
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.changing import Change, write
from mercat_orders.orders.changes.settling import settle
from mercat_orders.orders.streams import feed
from mercat_products.stock import feed as stock_feed
from mercat_products.stock.turns import turn

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: `asked` is anything JSON that tells it from others with the same key.

    With a `version` the order must have that one.
    """

    name: str
    asked: object = None
    key: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be written, one entry of the timeline each, and the keys of what was made."""

    changes: Sequence[Change]
    made: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The order as it is afterwards, and the keys of what was made."""

    order: Record
    made: Mapping[str, Any]


Decide = Callable[[Record], Decision]


class _MovedError(Exception):
    """Somebody else changed the order meanwhile."""


async def act(
    context: Context,
    order: ObjectId,
    request: Request,
    decide: Decide,
    variants: Collection[ObjectId] = (),
) -> Done:
    """Do with an order what `decide` says of it, and then what its money needs.

    `decide` only computes, and is asked again where somebody else was faster; `variants` are those
    whose stock changes with it. The same key again has no effect and the same outcome. Raises what
    `decide` does, NotFoundError, StaleError and ConflictError.
    """

    async def work(session: Session) -> dict[str, Any]:
        return await _carry_out(context, session, order, request, decide)

    async with turn(context, variants):
        made = await _once(context, order, request, work)
    await feed.publish(context, order)
    if variants:
        await stock_feed.publish(context, variants)
    await settle(context, order)
    found = await orders(context).find_one({"_id": order})
    if found is None:
        raise NotFoundError("there is no such order")
    return Done(found, made)


async def known(context: Context, order: ObjectId, request: Request) -> Done | None:
    """What the same request did before, with its key; None for a new one. Raises ConflictError."""
    if request.key is None:
        return None
    made = await remembered(
        context.storage,
        scope=_scope(context, order, request),
        key=request.key,
        request=_fingerprint(order, request),
    )
    found = None if made is None else await orders(context).find_one({"_id": order})
    return None if found is None or made is None else Done(found, made)


def _fingerprint(order: ObjectId, request: Request) -> object:
    return [str(order), request.version, request.asked]


async def _once(context: Context, order: ObjectId, request: Request, work: Any) -> dict[str, Any]:
    for _ in range(_TRIES):
        try:
            if request.key is None:
                made: dict[str, Any] = await context.storage.transaction(work)
                return made
            return await idempotent(
                context.storage,
                scope=_scope(context, order, request),
                key=request.key,
                request=_fingerprint(order, request),
                work=work,
            )
        except _MovedError:
            continue
    raise ConflictError("the order is being changed elsewhere; try again")


def _scope(context: Context, order: ObjectId, request: Request) -> str:
    """Whose key it is; of who is nobody and has an order's secret, it is that order's."""
    viewer = context.viewer
    who = f"{viewer.role} {viewer.user} {viewer.seller} {viewer.guest}"
    if viewer.user is None and viewer.guest is None:
        who += f" {order}"
    return f"orders.{request.name} {who}"


async def _carry_out(
    context: Context, session: Session, order: ObjectId, request: Request, decide: Decide
) -> dict[str, Any]:
    record = await orders(context).find_one({"_id": order}, session=session)
    if record is None:
        raise NotFoundError("there is no such order")
    if request.version not in {None, record["version"]}:
        raise StaleError("somebody else changed the order", field=("version",))
    decision = decide(record)
    for wanted in decision.changes:
        after = await write(context, session, record, wanted)
        if after is None:
            raise _MovedError
        if wanted.also is not None:
            await wanted.also(session)
        record = after
    return dict(decision.made)
