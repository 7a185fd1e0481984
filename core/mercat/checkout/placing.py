"""An order is to be, is placed, or is not to be after all."""

from collections.abc import Mapping
from dataclasses import dataclass

from mercat.context import Context
from mercat.errors import MercatError
from mercat.hooks import hookspec
from mercat.storage import Session


@dataclass(frozen=True, slots=True)
class OrderBegun:
    """An order that is to be, as it was agreed to.

    `discounts` is what each source takes off it in all, in minor units. `email_digest` tells
    whether it is the same address, and no more than that.
    """

    id: str
    cart: str
    currency: str
    country: str
    user: str | None
    guest: str | None
    email_digest: str
    discounts: Mapping[str, int]


class GoneError(MercatError):
    """What was agreed to isn't to be had any more, such as the last use of a discount."""


@hookspec
async def order_begun(context: Context, session: Session, order: OrderBegun) -> None:
    """Claim what an order has by its discounts, in the transaction that writes the order down.

    Before anything is paid. Raises GoneError where it isn't to be had any more: then nothing is
    written, and the cart is priced anew. Only the database may be asked, with the session.
    """


@hookspec
async def order_undone(context: Context, session: Session, order_id: str) -> None:
    """An order, by its key, isn't to be, or was cancelled as a whole: give back what was claimed.

    In the transaction that says so, once. Only the database may be asked, with the session.
    """


@hookspec
async def order_placed(context: Context, order_id: str) -> None:
    """A checkout became an order, by its key; told through the outbox, at least once."""


@hookspec
async def order_changed(context: Context, order_id: str, kind: str) -> None:
    """Something happened to an order: `kind` is that of the entry in its timeline.

    Told through the outbox, at least once.
    """
