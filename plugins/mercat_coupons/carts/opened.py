"""Which promotions may hold for a cart: the automatic ones, and those that its codes open."""

from collections.abc import Iterable, Sequence

from bson import ObjectId

from mercat.checkout import Cart
from mercat.context import Context
from mercat.storage import Record
from mercat_coupons.documents import CouponDocument
from mercat_coupons.promotions.memory import Known
from mercat_coupons.promotions.values import Candidate, Refusal, Why

NAME = "coupons"
"""Where a cart keeps the keys of its coupons."""


def coupons_in(cart: Cart) -> list[str]:
    """The hexadecimal keys of the coupons that are in a cart."""
    return list(cart.plugin_data.get(NAME) or ())


async def stored_coupons(context: Context, keys: Sequence[str]) -> list[Record]:
    """The coupons with those keys that there are, in their order."""
    if not keys:
        return []
    wanted = {"_id": {"$in": [ObjectId(key) for key in keys]}}
    found = await context.storage.collection(CouponDocument).find(wanted).to_list()
    return sorted(found, key=lambda one: keys.index(str(one["_id"])))


def candidates(known: Known, coupons: Iterable[Record], user: str | None) -> list[Candidate]:
    """Every promotion that may hold, once for each way in which it may."""
    found = [Candidate(one) for one in known.automatic]
    for coupon in coupons:
        barred, key = _barred(coupon, user), str(coupon["_id"])
        opened = (known.by_id.get(str(promotion)) for promotion in coupon["promotions"])
        found += [Candidate(one, key, barred) for one in opened if one is not None]
    return found


def _barred(coupon: Record, user: str | None) -> Why | None:
    if coupon["customer"] is not None and coupon["customer"] != user:
        return Why(Refusal.NOT_FOR_YOU)
    if coupon["status"] != "active":
        return Why(Refusal.INACTIVE)
    limit = coupon["usage_limit"]
    return Why(Refusal.USED_UP) if limit is not None and coupon["uses"] >= limit else None
