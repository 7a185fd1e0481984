"""What a cart's promotions come to: the answer to `cart_discounts`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from mercat.checkout import Cart, Discount
from mercat.context import Context
from mercat.storage import Record
from mercat_coupons.carts.facts import facts_of
from mercat_coupons.carts.opened import candidates, coupons_in, stored_coupons
from mercat_coupons.carts.undiscounted import undiscounted
from mercat_coupons.promotions.evaluating import evaluate, target_of
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.promotions.values import Candidate, FixedAmount, Outcome, Percentage, Taken
from mercat_coupons.settings import CouponSettings
from mercat_coupons.uses.sources import Source


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found for a cart: its coupons, what they might have opened, and what holds."""

    cart: Cart
    coupons: Sequence[Record]
    found: Sequence[Candidate]
    outcome: Outcome


async def look_at(
    context: Context, cart: Cart, *more: Record, at: datetime | None = None
) -> Looked:
    """What holds for a cart, now or `at` some time, with `more` coupons than there are in it."""
    known = await promotions_of(context).current(context)
    coupons = [*await stored_coupons(context, coupons_in(cart)), *more]
    user = cart.user or (context.viewer.user if cart.guest is None else None)
    found = candidates(known, coupons, user)
    now = at or datetime.now(UTC)
    facts = await facts_of(context, cart, user, found, now)
    choice = context.settings(CouponSettings).choice
    spared = await undiscounted(context, cart)
    return Looked(cart, coupons, found, evaluate(found, cart, facts, choice, spared))


async def discounts(context: Context, cart: Cart) -> list[Discount]:
    """What is taken off a cart; what was found is kept for the answer that shows the cart."""
    looked = await look_at(context, cart)
    context.loaders["coupons", cart.id] = looked
    return [_discount(one, cart) for one in looked.outcome.taken]


async def looked_at(context: Context, cart: Cart) -> Looked:
    """What was found when the cart was priced."""
    found: Looked | None = context.loaders.get(("coupons", cart.id))
    return found or await look_at(context, cart)


def _discount(taken: Taken, cart: Cart) -> Discount:
    promotion = taken.candidate.promotion
    source = str(Source(promotion.id, taken.candidate.coupon))
    target = target_of(promotion)
    if target != "shipping":
        return Discount(
            target,
            promotion.name,
            source,
            lines=tuple(taken.lines),
            amounts=tuple(taken.lines.values()),
            borne_by=promotion.borne_by,
        )
    benefit = promotion.benefit
    amount, rate, most = None, None, None
    if isinstance(benefit, FixedAmount):
        amount = benefit.amounts[cart.currency]
    elif isinstance(benefit, Percentage):
        rate = Decimal(benefit.rate.numerator) / Decimal(benefit.rate.denominator)
        most = (benefit.at_most or {}).get(cart.currency)
    return Discount(
        target,
        promotion.name,
        source,
        amount=amount,
        rate=rate,
        at_most=most,
        sellers=taken.sellers,
        borne_by=promotion.borne_by,
    )
