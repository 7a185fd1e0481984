"""Who sees and changes which promotions: who manages them all, a seller's staff that seller's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import ForbiddenError
from mercat.storage import Record
from mercat_coupons.permissions import MANAGE, OWN

_KIND = "Promotion"


@dataclass(frozen=True, slots=True)
class Sight:
    """What the viewer may: with `manages` everything, else what is of `seller`."""

    manages: bool
    seller: str | None = None

    def sees(self, seller: str | None) -> bool:
        """Whether what is a seller's, or the shop's own with None, can be seen."""
        return self.manages or (seller is not None and seller == self.seller)

    def check_changes(self, record: Mapping[str, Any]) -> None:
        """Raise ForbiddenError for a promotion that is seen, and that others pay for."""
        if not self.manages and record["borne_by"] != "seller":
            raise ForbiddenError("the shop pays for this promotion, and changes it")


async def sight_of(context: Context) -> Sight | None:
    """What the viewer may; None for nothing at all."""
    if await allowed(context, MANAGE, Subject(_KIND)):
        return Sight(manages=True)
    seller = context.viewer.seller
    if seller is not None and await allowed(context, OWN, Subject(_KIND, seller=seller)):
        return Sight(manages=False, seller=seller)
    return None


async def checked_sight(context: Context) -> Sight:
    """What the viewer may. Raises UnauthenticatedError or ForbiddenError for nothing at all."""
    found = await sight_of(context)
    if found is None:
        await check_manages(context)
        return Sight(manages=True)
    return found


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who doesn't manage all promotions."""
    await check_allowed(context, MANAGE, Subject(_KIND))


def condition_of(sight: Sight, seller: str | None) -> Record | None:
    """Which promotions are listed, of one seller's or all with None; None for nothing."""
    if sight.manages:
        return {} if seller is None else {"seller": seller}
    return {"seller": sight.seller} if seller in {None, sight.seller} else None
