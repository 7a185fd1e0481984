"""Who sees which payouts: who manages them all of them, a seller's staff that seller's."""

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat_payouts.permissions import MANAGE, OWN


async def manages(context: Context) -> bool:
    """Whether the viewer sees every seller's payouts."""
    return await allowed(context, MANAGE, Subject("Payout"))


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError where the viewer doesn't manage payouts."""
    await check_allowed(context, MANAGE, Subject("Payout"))


async def sees(context: Context, seller: str | None) -> bool:
    """Whether the viewer sees what a seller is owed."""
    if seller is None:
        return False
    return await _is_own(context, seller) or await manages(context)


async def listed_seller(context: Context, wanted: str | None) -> str | None:
    """Whose payouts are listed for the viewer who asks for one seller's, or all with None.

    Raises UnauthenticatedError or ForbiddenError for who may see none of them.
    """
    if await manages(context):
        return wanted
    own = context.viewer.seller
    if own is None or wanted not in {None, own}:
        await check_manages(context)
    await check_allowed(context, OWN, Subject("Payout", seller=own))
    return own


async def _is_own(context: Context, seller: str) -> bool:
    if seller != context.viewer.seller:
        return False
    return await allowed(context, OWN, Subject("Payout", seller=seller))
