"""As whom somebody looks at a ticket: its requester, its seller's staff, the shop's staff."""

from dataclasses import dataclass
from typing import Literal

from bson import ObjectId

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context, Viewer
from mercat.storage import Record
from mercat_tickets.permissions import MANAGE, SELL
from mercat_tickets.tickets.access import opens

Author = Literal["CUSTOMER", "SELLER", "STAFF", "SYSTEM"]


@dataclass(frozen=True, slots=True)
class Sight:
    """As what somebody sees a ticket; as more than one thing at once, it may be."""

    is_staff: bool = False
    is_requester: bool = False
    is_seller: bool = False

    @property
    def answers(self) -> bool:
        """Whether it is theirs to answer."""
        return self.is_staff or self.is_seller

    @property
    def author(self) -> Author:
        """As whom they write: in a ticket of their own, people who answer ask."""
        if self.is_requester:
            return "CUSTOMER"
        return "STAFF" if self.is_staff else "SELLER"


async def sight_of(context: Context, ticket: Record, secret: str | None = None) -> Sight | None:
    """As what the viewer sees a stored ticket, or whoever has its secret; None where not at all."""
    is_requester = is_asked_by(context.viewer, ticket) or opens(context, ticket, secret)
    found = Sight(await is_staff(context, ticket), is_requester, await _sells(context, ticket))
    return found if found.answers or found.is_requester else None


def is_asked_by(viewer: Viewer, ticket: Record) -> bool:
    """Whether the ticket is the user's, or the guest's."""
    if ticket["user"] is not None:
        return bool(ticket["user"] == viewer.user)
    return ticket["guest"] is not None and bool(ticket["guest"] == viewer.guest)


async def is_staff(context: Context, ticket: Record | None = None) -> bool:
    """Whether the viewer answers every ticket, or this one, for the shop."""
    if ticket is None:
        return await allowed(context, MANAGE, Subject("Ticket"))
    subject = Subject("Ticket", str(ticket["_id"]), ticket["user"], ticket["seller"])
    return await allowed(context, MANAGE, subject)


async def check_manages(context: Context, key: ObjectId | None = None) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who doesn't run the shop's support."""
    await check_allowed(context, MANAGE, Subject("Ticket", None if key is None else str(key)))


async def _sells(context: Context, ticket: Record) -> bool:
    seller = ticket["seller"]
    if seller is None or seller != context.viewer.seller:
        return False
    subject = Subject("Ticket", str(ticket["_id"]), ticket["user"], seller)
    return await allowed(context, SELL, subject)
