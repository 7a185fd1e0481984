"""Putting codes into carts and taking them out, and saying what they would do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mercat.codes import key_of
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.guessing import begin_try, forgive_try
from mercat.storage import Record
from mercat_coupons.carts.discounting import Looked, look_at
from mercat_coupons.carts.opened import NAME
from mercat_coupons.carts.reasons import CouponReason, nearest, reason_of, words_of
from mercat_coupons.documents import CouponDocument
from mercat_coupons.errors import NotUsableError, TooManyCodesError
from mercat_coupons.promotions.values import Refusal, Taken, Why
from mercat_coupons.settings import CouponSettings
from mercat_orders.carts import reading
from mercat_orders.carts.access import find_cart
from mercat_orders.carts.editing import change

_TRIES = "codes"
_UNKNOWN = Why(Refusal.NOT_FOR_YOU)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a coupon does for a cart: what its promotions take off, or why they don't."""

    coupon: Record | None
    currency: str
    taken: tuple[Taken, ...] = ()
    why: Why | None = None

    @property
    def holds(self) -> bool:
        return bool(self.taken)

    @property
    def reason(self) -> CouponReason:
        return reason_of(self.why)

    @property
    def words(self) -> str:
        return words_of(self.why, self.currency)


async def validate(context: Context, cart: str, code: str) -> Verdict:
    """What a code would do for a cart of the viewer's.

    Raises NotFoundError for the cart, RateLimitedError after too many wrong codes.
    """
    return await _tried(context, await find_cart(context, cart), code)


async def apply(context: Context, cart: str, code: str) -> Record:
    """Put a code into a cart; it stays until it is taken out, whether it holds or not.

    Raises NotFoundError, RateLimitedError, NotUsableError, TooManyCodesError, ConflictError.
    """
    most = context.settings(CouponSettings).max_codes
    verdict = await _tried(context, await find_cart(context, cart), code)
    coupon = verdict.coupon
    if coupon is None or not verdict.holds:
        raise NotUsableError(verdict.words, field=("code",))
    key = str(coupon["_id"])

    async def edit(record: Record) -> Mapping[str, Any]:
        keys = _kept(record)
        if key not in keys and len(keys) >= most:
            raise TooManyCodesError(f"a cart has {most} codes at most", field=("code",))
        return _keeping(record, [*keys, key] if key not in keys else keys)

    return await change(context, cart, edit)


async def remove(context: Context, cart: str, code: str) -> Record:
    """Take a code out of a cart. Raises NotFoundError, ConflictError."""
    record = await find_cart(context, cart)
    coupon = await _coupon(context, code)
    missing = NotFoundError("there is no such code in the cart", field=("code",))
    if coupon is None or str(coupon["_id"]) not in _kept(record):
        raise missing
    key = str(coupon["_id"])

    async def edit(record: Record) -> Mapping[str, Any]:
        return _keeping(record, [one for one in _kept(record) if one != key])

    return await change(context, cart, edit)


def verdict_of(looked: Looked, coupon: Record) -> Verdict:
    """What a coupon of a cart does there."""
    key, currency = str(coupon["_id"]), looked.cart.currency
    taken = tuple(one for one in looked.outcome.taken if one.candidate.coupon == key)
    if taken:
        return Verdict(coupon, currency, taken)
    mine = [one for one in looked.found if one.coupon == key]
    held = {one.candidate.promotion.id for one in looked.outcome.taken}
    reasons = [
        looked.outcome.refused[one.promotion.id]
        if one.promotion.id not in held
        else one.barred or Why(Refusal.BEATEN)
        for one in mine
    ]
    return Verdict(coupon, currency, why=nearest(reasons))


async def _tried(context: Context, record: Record, code: str) -> Verdict:
    """A code is looked at in the same steps whether there is one or not."""
    await begin_try(context, _TRIES, context.settings(CouponSettings).wrong_codes)
    coupon = await _coupon(context, code)
    view = await reading.look_at(context, record)
    cart = replace(view.quote.cart, shipping=view.quote.shipping_by_seller)
    looked = await look_at(context, cart, *([coupon] if coupon else []))
    if coupon is None:
        return Verdict(None, cart.currency, why=_UNKNOWN)
    verdict = verdict_of(looked, coupon)
    if verdict.holds or verdict.reason is not CouponReason.UNKNOWN:
        await forgive_try(context, _TRIES)
        return verdict
    return replace(verdict, coupon=None)


async def _coupon(context: Context, code: str) -> Record | None:
    key = key_of(code)
    if key is None:
        return None
    found: Record | None = await context.storage.collection(CouponDocument).find_one({"key": key})
    return found


def _kept(record: Record) -> list[str]:
    return list((record.get("plugin_data") or {}).get(NAME) or ())


def _keeping(record: Record, keys: list[str]) -> dict[str, Any]:
    return {"plugin_data": {**(record.get("plugin_data") or {}), NAME: keys}}
