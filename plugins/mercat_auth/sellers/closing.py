"""A seller that gives up, or that the shop has go, for good."""

from bson import ObjectId

from mercat.context import ANONYMOUS, Context
from mercat.errors import ForbiddenError, UnauthenticatedError
from mercat.storage import Record, Session
from mercat_auth.sellers.errors import WrongStateError
from mercat_auth.sellers.reading import manages, rank_of, stored_seller
from mercat_auth.sellers.service import set_status

_FIELD = ("sellerId",)


async def close(context: Context, key: ObjectId, reason: str) -> Record:
    """Take a seller out of the shop for good, which its owners may, suspended or not.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, WrongStateError.
    """

    async def work(session: Session) -> Record:
        stored = await stored_seller(context, key, session, _FIELD)
        await _check(context, stored)
        if stored["status"] == "closed":
            raise WrongStateError("this seller is closed already", field=_FIELD)
        return await set_status(context, session, key, "closed", "seller.closed", reason)

    return await context.storage.transaction(work)


async def _check(context: Context, seller: Record) -> None:
    """Raise UnauthenticatedError or ForbiddenError but for owners, and who manages sellers."""
    if rank_of(seller, context.viewer.user) != "owner" and not await manages(context, seller):
        is_nobody = context.viewer.role == ANONYMOUS.role
        raise UnauthenticatedError if is_nobody else ForbiddenError
