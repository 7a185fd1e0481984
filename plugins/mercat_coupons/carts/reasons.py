"""Why a code does nothing, in words fit for the buyer."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from mercat.money import format_minor
from mercat_coupons.promotions.values import Refusal, Why

UNKNOWN = "this code can't be used here"
"""What is said of a code that isn't there, and of one that is somebody else's business."""


@strawberry.enum(description="Why a code does nothing for a cart.")
class CouponReason(Enum):
    UNKNOWN = strawberry.enum_value(
        "UNKNOWN", description="There is no such code, or none that the buyer may use."
    )
    ENDED = strawberry.enum_value("ENDED", description="It has ended.")
    NOT_STARTED = strawberry.enum_value("NOT_STARTED", description="It hasn't begun yet.")
    CURRENCY = strawberry.enum_value("CURRENCY", description="Not in the cart's currency.")
    COUNTRY = strawberry.enum_value("COUNTRY", description="Not where the cart goes.")
    FIRST_ORDER = strawberry.enum_value("FIRST_ORDER", description="Only for a first order.")
    USED_UP = strawberry.enum_value("USED_UP", description="It has been used up.")
    USED_BY_YOU = strawberry.enum_value(
        "USED_BY_YOU", description="The buyer has used it as often as one may."
    )
    NOTHING = strawberry.enum_value("NOTHING", description="Nothing in the cart is what it is for.")
    SUBTOTAL = strawberry.enum_value("SUBTOTAL", description="The cart isn't worth enough.")
    QUANTITY = strawberry.enum_value("QUANTITY", description="The cart hasn't enough of it.")
    GIFT = strawberry.enum_value("GIFT", description="The gift isn't in the cart.")
    BEATEN = strawberry.enum_value("BEATEN", description="A better offer holds instead.")


_REASONS = {
    Refusal.INACTIVE: CouponReason.ENDED,
    Refusal.NOT_FOR_YOU: CouponReason.UNKNOWN,
    Refusal.BUDGET: CouponReason.USED_UP,
    Refusal.WORTHLESS: CouponReason.NOTHING,
}
_WORDS = {
    CouponReason.UNKNOWN: UNKNOWN,
    CouponReason.ENDED: "this offer has ended",
    CouponReason.NOT_STARTED: "this offer hasn't begun yet",
    CouponReason.CURRENCY: "this offer isn't for carts in {currency}",
    CouponReason.COUNTRY: "this offer isn't for where the cart goes",
    CouponReason.FIRST_ORDER: "this offer is for a first order",
    CouponReason.USED_UP: "this offer has been used up",
    CouponReason.USED_BY_YOU: "you have used this offer before",
    CouponReason.NOTHING: "nothing in the cart is what this offer is for",
    CouponReason.SUBTOTAL: "put things for another {missing} {currency} into the cart",
    CouponReason.QUANTITY: "put {missing} more of what this offer is for into the cart",
    CouponReason.GIFT: "put the gift into the cart",
    CouponReason.BEATEN: "a better offer holds instead",
}
_RANKS = {refusal: rank for rank, refusal in enumerate(Refusal)}


def reason_of(why: Why | None) -> CouponReason:
    """The reason that a buyer is told; None is a code that opens nothing any more."""
    if why is None:
        return CouponReason.ENDED
    return _REASONS.get(why.refusal) or CouponReason[why.refusal.value]


def words_of(why: Why | None, currency: str) -> str:
    """The reason in a sentence."""
    reason = reason_of(why)
    missing = "" if why is None or why.missing is None else str(why.missing)
    if reason is CouponReason.SUBTOTAL and why is not None:
        missing = format_minor(why.missing or 0, currency)
    return _WORDS[reason].format(currency=currency, missing=missing)


def nearest(found: Sequence[Why]) -> Why | None:
    """Of several the one that is nearest to holding."""
    return max(found, key=lambda why: _RANKS[why.refusal], default=None)
