"""Who sees and makes which coupons: who manages them all, a seller's staff that seller's."""

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat_coupons.permissions import MANAGE, OWN

_KIND = "Coupon"


async def sees(context: Context, seller: str | None) -> bool:
    """Whether the viewer sees and changes coupons of a seller, or with None those of the shop."""
    if await allowed(context, MANAGE, Subject(_KIND, seller=seller)):
        return True
    is_own = seller is not None and seller == context.viewer.seller
    return is_own and await allowed(context, OWN, Subject(_KIND, seller=seller))


async def whose(context: Context, wanted: str | None) -> str | None:
    """Whose coupons the viewer who asks for one seller's lists or makes.

    None stands for all of them, or for the shop's. Raises UnauthenticatedError or ForbiddenError
    for who may do so with none, or not with that seller's.
    """
    if await allowed(context, MANAGE, Subject(_KIND, seller=wanted)):
        return wanted
    own = context.viewer.seller
    if own is None or wanted not in {None, own}:
        await check_allowed(context, MANAGE, Subject(_KIND, seller=wanted))
    await check_allowed(context, OWN, Subject(_KIND, seller=own))
    return own
