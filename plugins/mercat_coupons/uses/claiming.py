"""Claiming what an order has of promotions, in the transaction that writes it down.

Each counter changes by one update on condition that there is something left: of two orders that
want the last use one gets it, and the other one's cart is priced anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.checkout import GoneError, OrderBegun
from mercat.context import Context
from mercat.storage import Record, Session
from mercat_coupons.documents import (
    CounterDocument,
    CouponDocument,
    PromotionDocument,
    UseDocument,
)
from mercat_coupons.promotions import counters
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.uses.sources import Source, amounts_by_source

_LIMITS = {
    "status": 1,
    "usage_limit": 1,
    "usage_limit_per_customer": 1,
    "budget": 1,
    "first_order": 1,
}


@dataclass(slots=True)
class _Claim:
    """What one order claims; no counter of a customer counts it twice."""

    context: Context
    session: Session
    order: OrderBegun
    claimed: set[str] = field(default_factory=set)

    @property
    def customers(self) -> frozenset[str]:
        return counters.customers(self.order.user, self.order.email_digest)


async def claim(context: Context, session: Session, order: OrderBegun) -> None:
    """Count the uses of an order's promotions and coupons. Raises GoneError."""
    amounts = amounts_by_source(order.discounts)
    if not amounts:
        return
    limits = await _limits(context, session, (source.promotion for source in amounts))
    claim = _Claim(context, session, order)
    for source, amount in amounts.items():
        record = limits.get(source.promotion)
        if record is None or record["status"] != "active":
            promotions_of(context).spoil(ObjectId(source.promotion))
            raise GoneError("a promotion has ended")
        held = await _claim_promotion(claim, record, amount)
        if source.coupon is not None:
            held += await _claim_coupon(claim, source.coupon)
        await _write_down(claim, source, amount, held)


async def _limits(context: Context, session: Session, keys: Iterable[str]) -> dict[str, Record]:
    wanted = {"_id": {"$in": [ObjectId(key) for key in keys]}}
    found = context.storage.collection(PromotionDocument).find(wanted, _LIMITS, session=session)
    return {str(record["_id"]): record async for record in found}


async def _claim_promotion(claim: _Claim, record: Record, amount: int) -> list[str]:
    key, limit = str(record["_id"]), record["usage_limit_per_customer"]
    budget = (record["budget"] or {}).get(claim.order.currency)
    held = [counters.of_promotion(key)]
    await _count(claim, held[0], record["usage_limit"], amount, budget)
    if limit is not None:
        held += await _count_customers(claim, limit, lambda one: counters.of_customer(key, one))
    if record["first_order"]:
        held += await _count_customers(claim, 1, counters.of_first_order)
    return held


async def _claim_coupon(claim: _Claim, key: str) -> list[str]:
    """A coupon is used once by an order, however many promotions it opens there."""
    name = counters.of_coupon(key)
    if name in claim.claimed:
        return []
    claim.claimed.add(name)
    coupons = claim.context.storage.collection(CouponDocument)
    wanted = {"_id": ObjectId(key), "status": "active"}
    record = await coupons.find_one(wanted, session=claim.session)
    if record is None:
        raise GoneError("a coupon is gone")
    if record["usage_limit"] is not None:
        wanted["uses"] = {"$lt": record["usage_limit"]}
    used = await coupons.update_one(wanted, {"$inc": {"uses": 1}}, session=claim.session)
    if not used.modified_count:
        raise GoneError("a coupon is used up")
    held, limit = [name], record["usage_limit_per_customer"]
    if limit is not None:
        held += await _count_customers(
            claim, limit, lambda one: counters.of_coupon_and_customer(key, one)
        )
    return held


async def _count_customers(claim: _Claim, limit: int, name: Any) -> list[str]:
    names = [found for found in map(name, sorted(claim.customers)) if found not in claim.claimed]
    for each in names:
        claim.claimed.add(each)
        await _count(claim, each, limit)
    return names


async def _count(
    claim: _Claim, name: str, limit: int | None, amount: int = 0, budget: int | None = None
) -> None:
    """Count one use, and what it takes off. Raises GoneError."""
    collection = claim.context.storage.collection(CounterDocument)
    spent = f"spent.{claim.order.currency}"
    wanted: dict[str, Any] = {"_id": name}
    if limit is not None:
        wanted["uses"] = {"$lt": limit}
    if budget is not None:
        room = {spent: {"$lte": budget - amount}}
        wanted["$or"] = [room, {spent: {"$exists": False}}] if amount <= budget else [room]
    change = {"$inc": {"uses": 1, **({spent: amount} if amount else {})}}
    counted = await collection.update_one(wanted, change, session=claim.session)
    if counted.modified_count:
        return
    known = await collection.find_one({"_id": name}, session=claim.session)
    if known is not None or limit == 0 or (budget is not None and amount > budget):
        raise GoneError("a promotion is used up")
    first = {"_id": name, "uses": 1, "spent": {claim.order.currency: amount} if amount else {}}
    await collection.insert_one(first, session=claim.session)


async def _write_down(claim: _Claim, source: Source, amount: int, held: list[str]) -> None:
    use = {
        "order": claim.order.id,
        "cart": claim.order.cart,
        "promotion": ObjectId(source.promotion),
        "coupon": None if source.coupon is None else ObjectId(source.coupon),
        "counters": held,
        "currency": claim.order.currency,
        "amount": amount,
        "is_held": True,
        "at": datetime.now(UTC),
    }
    await claim.context.storage.collection(UseDocument).insert_one(use, session=claim.session)


async def release(context: Context, session: Session, order: str) -> None:
    """Give back what an order that isn't to be has claimed, once."""
    uses = context.storage.collection(UseDocument)
    held = {"order": order, "is_held": True}
    for use in await uses.find(held, session=session).to_list():
        await uses.update_one({"_id": use["_id"]}, {"$set": {"is_held": False}}, session=session)
        for name in use["counters"]:
            await _uncount(context, session, use, name)


async def _uncount(context: Context, session: Session, use: Record, name: str) -> None:
    if use["coupon"] is not None and name == counters.of_coupon(str(use["coupon"])):
        coupons = context.storage.collection(CouponDocument)
        await coupons.update_one({"_id": use["coupon"]}, {"$inc": {"uses": -1}}, session=session)
        return
    less: dict[str, int] = {"uses": -1}
    if use["amount"] and name == counters.of_promotion(str(use["promotion"])):
        less[f"spent.{use['currency']}"] = -use["amount"]
    collection = context.storage.collection(CounterDocument)
    await collection.update_one({"_id": name}, {"$inc": less}, session=session)
