"""Whether a promotion holds for a cart, and if not, why."""

from datetime import datetime

from mercat_coupons.promotions.basket import Basket, Lines
from mercat_coupons.promotions.counters import of_customer, of_promotion
from mercat_coupons.promotions.values import (
    Candidate,
    Facts,
    Promotion,
    Refusal,
    Why,
)


def refused(candidate: Candidate, basket: Basket, facts: Facts) -> Why | None:
    """Why it doesn't hold whatever is in the cart; None where nothing is against it."""
    promotion, conditions = candidate.promotion, candidate.promotion.conditions
    if not promotion.is_active:
        return Why(Refusal.INACTIVE)
    if not _is_for(promotion, facts):  # before all that would tell of it
        return Why(Refusal.NOT_FOR_YOU)
    if conditions.starts_at is not None and facts.now < conditions.starts_at:
        return Why(Refusal.NOT_STARTED)
    if conditions.ends_at is not None and facts.now >= conditions.ends_at:
        return Why(Refusal.ENDED)
    return candidate.barred or _elsewhere(promotion, basket) or _used(promotion, facts)


def unmet(promotion: Promotion, basket: Basket, lines: Lines) -> Why | None:
    """Why what is in the cart isn't enough."""
    conditions = promotion.conditions
    if not lines:
        return Why(Refusal.NOTHING)
    if conditions.minimum_subtotal is not None:
        wanted = conditions.minimum_subtotal[basket.cart.currency]
        missing = wanted - basket.subtotal(lines)
        if missing > 0:
            return Why(Refusal.SUBTOTAL, missing)
    if conditions.minimum_quantity is not None:
        missing = conditions.minimum_quantity - basket.quantity(lines)
        if missing > 0:
            return Why(Refusal.QUANTITY, missing)
    return None


def is_current(promotion: Promotion, now: datetime) -> bool:
    """Whether it is on, and begun and not over."""
    starts_at, ends_at = promotion.conditions.starts_at, promotion.conditions.ends_at
    has_begun = starts_at is None or starts_at <= now
    return promotion.is_active and has_begun and (ends_at is None or now < ends_at)


def _is_for(promotion: Promotion, facts: Facts) -> bool:
    conditions = promotion.conditions
    if not conditions.is_private:
        return True
    is_named = facts.user is not None and facts.user in conditions.customers
    return is_named or not conditions.groups.isdisjoint(facts.groups)


def _elsewhere(promotion: Promotion, basket: Basket) -> Why | None:
    conditions, cart = promotion.conditions, basket.cart
    if conditions.currencies and cart.currency not in conditions.currencies:
        return Why(Refusal.CURRENCY)
    if promotion.currencies is not None and cart.currency not in promotion.currencies:
        return Why(Refusal.CURRENCY)
    country = cart.destination.country if cart.destination else None
    if conditions.countries and country not in conditions.countries:
        return Why(Refusal.COUNTRY)
    return None


def _used(promotion: Promotion, facts: Facts) -> Why | None:
    limits = promotion.limits
    if promotion.conditions.first_order and facts.has_ordered:
        return Why(Refusal.FIRST_ORDER)
    if limits.uses is not None and facts.uses.get(of_promotion(promotion.id), 0) >= limits.uses:
        return Why(Refusal.USED_UP)
    if limits.uses_per_customer is not None:
        counts = (facts.uses.get(of_customer(promotion.id, one), 0) for one in facts.customer)
        if max(counts, default=0) >= limits.uses_per_customer:
            return Why(Refusal.USED_BY_YOU)
    return None
