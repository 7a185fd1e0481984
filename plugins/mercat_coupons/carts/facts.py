"""What promotions depend on besides the cart, asked of the database at once for all of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from mercat.checkout import Cart
from mercat.context import Context
from mercat.storage import Record
from mercat_coupons.documents import CounterDocument, UseDocument
from mercat_coupons.groups.service import groups_of
from mercat_coupons.promotions import counters
from mercat_coupons.promotions.evaluating import plausible
from mercat_coupons.promotions.values import Candidate, Facts
from mercat_orders.orders.history import has_ordered


async def facts_of(
    context: Context, cart: Cart, user: str | None, found: Sequence[Candidate], now: datetime
) -> Facts:
    """What is true now; what no promotion that may hold asks for isn't looked for."""
    asking = plausible([one for one in found if _asks(one)], cart, now)
    customer = counters.customers(user, cart.email_digest)
    names = sorted(set(_names(asking, customer)))
    counted = {one["_id"]: one for one in await _counted(context, names)}
    own = await _own(context, cart) if counted else Counter()
    uses = {name: one["uses"] - own[name] for name, one in counted.items()}
    is_first = any(one.promotion.conditions.first_order for one in asking)
    has_claimed = any(uses.get(counters.of_first_order(one), 0) > 0 for one in customer)
    return Facts(
        now=now,
        uses=uses,
        spent={
            name: one["spent"].get(cart.currency, 0) - own[_spent(name)]
            for name, one in counted.items()
        },
        customer=customer,
        user=user,
        groups=await _groups(context, user, [*asking, *_opened(found)]),
        has_ordered=has_claimed
        or (is_first and await has_ordered(context, user, cart.email_digest)),
    )


def _opened(found: Sequence[Candidate]) -> list[Candidate]:
    """What codes open: whoever has one that is for them is told why it doesn't hold."""
    return [one for one in found if one.coupon is not None]


def _asks(one: Candidate) -> bool:
    """Whether it depends on anything else than the cart."""
    promotion = one.promotion
    limits, conditions = promotion.limits, promotion.conditions
    is_limited = any((limits.uses, limits.uses_per_customer, limits.budget))
    return is_limited or conditions.first_order or bool(conditions.groups)


def _names(asking: Sequence[Candidate], customer: frozenset[str]) -> Iterator[str]:
    """The counters that decide whether there is something left."""
    for one in asking:
        key, limits = one.promotion.id, one.promotion.limits
        if limits.uses is not None or limits.budget is not None:
            yield counters.of_promotion(key)
        if limits.uses_per_customer is not None:
            yield from (counters.of_customer(key, each) for each in customer)
        if one.promotion.conditions.first_order:
            yield from map(counters.of_first_order, customer)


async def _counted(context: Context, names: Sequence[str]) -> list[Record]:
    if not names:
        return []
    collection = context.storage.collection(CounterDocument)
    found: list[Record] = await collection.find({"_id": {"$in": names}}).to_list()
    return found


async def _own(context: Context, cart: Cart) -> Counter[str]:
    """What the checkout that the cart is in has claimed: that doesn't stand in its own way."""
    found: Counter[str] = Counter()
    uses = context.storage.collection(UseDocument)
    async for use in uses.find({"cart": cart.id, "is_held": True}):
        found.update(use["counters"])
        if use["currency"] == cart.currency:
            found[_spent(counters.of_promotion(str(use["promotion"])))] += use["amount"]
    return found


def _spent(name: str) -> str:
    return f"spent {name}"


async def _groups(
    context: Context, user: str | None, asking: Sequence[Candidate]
) -> frozenset[str]:
    if user is None or not any(one.promotion.conditions.groups for one in asking):
        return frozenset()
    return await groups_of(context, user)
