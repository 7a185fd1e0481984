"""Which order somebody means, and what they are to each part of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bson import ObjectId

from mercat.context import SYSTEM, Context
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.sight import Sight, manages, sight_of
from mercat_orders.orders.states import Role

_PATHS = {
    "order": "_id",
    "part": "seller_orders.id",
    "fulfilment": "seller_orders.fulfilments.id",
    "return": "seller_orders.returns.id",
}
_FIELDS = {"order": "orderId", "part": "sellerOrderId", "fulfilment": "id", "return": "id"}


@dataclass(frozen=True, slots=True)
class Where:
    """What is meant: an order, one part of it, a parcel or a return. `secret` is a guest's."""

    kind: Literal["order", "part", "fulfilment", "return"]
    key: ObjectId
    secret: str | None = None

    @property
    def field(self) -> tuple[str, ...]:
        """Where the input names it."""
        return (_FIELDS[self.kind],)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the viewer is to an order; `seller` is whose part they may send."""

    whole: frozenset[Role]
    seller: str | None = None

    def roles(self, part: Record | None = None) -> Collection[Role]:
        """What they are to a part, or to the order as a whole."""
        if part is not None and self.seller is not None and part["seller"] == self.seller:
            return self.whole | {Role.SELLER}
        return self.whole or {Role.OTHER}

    def sees(self, part: Record) -> bool:
        """Whether they see a part at all."""
        return bool(self.whole) or part["seller"] == self.seller


async def find(context: Context, where: Where) -> tuple[Record, Standing]:
    """The order that is meant, or that it is in, with what the viewer is to it.

    Raises NotFoundError for what isn't there or isn't seen.
    """
    record = await orders(context).find_one({_PATHS[where.kind]: where.key})
    sight = None if record is None else await sight_of(context, record, where.secret)
    if record is not None and sight is not None:
        standing = await _standing(context, record, sight)
        if where.kind == "order" or standing.sees(part_of(record, where)):
            return record, standing
    raise missing(where)


def part_of(record: Record, where: Where) -> Record:
    """The part that is meant, or that it is in. Raises NotFoundError where it isn't there."""
    for part in record["seller_orders"]:
        if where.key in _keys(part, where.kind):
            return dict(part)
    raise missing(where)


def missing(where: Where) -> NotFoundError:
    what = {"order": "order", "part": "seller order"}.get(where.kind, where.kind)
    return NotFoundError(f"there is no such {what}", field=where.field)


def _keys(part: Record, kind: str) -> Collection[ObjectId]:
    if kind == "part":
        return [part["id"]]
    name = "fulfilments" if kind == "fulfilment" else "returns"
    return [found["id"] for found in part.get(name, ())]


async def _standing(context: Context, record: Record, sight: Sight) -> Standing:
    if context.viewer == SYSTEM:
        return Standing(frozenset({Role.SYSTEM}))
    roles = {Role.BUYER} if sight.is_buyer else set[Role]()
    if sight.is_staff:
        roles.add(Role.STAFF if await manages(context, record) else Role.OTHER)
    return Standing(frozenset(roles), sight.seller)
