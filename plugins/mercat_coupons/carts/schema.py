"""Codes in carts, and what promotions take off carts and orders."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated, TypeVar

import strawberry
from bson import ObjectId

from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.once import once
from mercat.graphql.records import reads
from mercat.graphql.schema import Money
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_coupons.carts import applying
from mercat_coupons.carts.applying import Verdict, verdict_of
from mercat_coupons.carts.discounting import looked_at
from mercat_coupons.carts.discounts import Applied, codes_of, of_order, of_quote
from mercat_coupons.carts.inputs import CartCouponApplyInput, CartCouponRemoveInput
from mercat_coupons.carts.reasons import CouponReason
from mercat_coupons.promotions.inputs import DiscountBearer
from mercat_coupons.promotions.values import Gift, Refusal
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.schema import cart_key
from mercat_orders.carts.types import Cart, to_cart
from mercat_orders.orders.types.orders import Order
from mercat_products.schema import Product, ProductVariant
from mercat_products.service import products_by_variant

T = TypeVar("T")


@strawberry.type(description="What is taken off a line.")
class DiscountedLine:
    line_id: strawberry.ID = strawberry.field(description="The line's id, in the cart or order.")
    amount: Money = strawberry.field(description="How much.")


@strawberry.type(description="What one rule takes off.")
class AppliedDiscount:
    label: str = strawberry.field(description="What people call it.")
    code: str | None = strawberry.field(
        description="The code that opened it; null where it needed none."
    )
    promotion_id: strawberry.ID | None = strawberry.field(
        description="The id of the promotion; null where something else reduced the price."
    )
    amount: Money = strawberry.field(description="How much in all.")
    shipping: Money = strawberry.field(description="How much of that is taken off delivery.")
    lines: list[DiscountedLine] = strawberry.field(description="How much, line by line.")
    borne_by: DiscountBearer = strawberry.field(description="Who earns less.")


@strawberry.type(description="A code that is in a cart.")
class AppliedCoupon:
    code: str = strawberry.field(description="The code.")
    names: list[str] = strawberry.field(description="What it gives now, in words.")
    is_applied: bool = strawberry.field(description="Whether it takes something off now.")
    saving: Money = strawberry.field(description="How much it takes off now.")
    reason: CouponReason | None = strawberry.field(
        description="Why it takes nothing off; null where it does."
    )
    message: str | None = strawberry.field(description="That in a sentence for the buyer.")


@strawberry.type(description="What a code would do for a cart.")
class CouponValidation:
    is_valid: bool = strawberry.field(description="Whether it would take something off.")
    names: list[str] = strawberry.field(description="What it would give, in words.")
    saving: Money = strawberry.field(description="How much it would take off.")
    reason: CouponReason | None = strawberry.field(
        description="Why it would do nothing; null where it would."
    )
    message: str | None = strawberry.field(description="That in a sentence for the buyer.")


@strawberry.type(description="Something that the buyer may put into the cart and pay nothing for.")
class GiftOffer:
    name: str = strawberry.field(description="What people call the offer.")
    quantity: int = strawberry.field(description="How many of them.")
    variants: list[ProductVariant] = strawberry.field(description="One of which.")


@strawberry.enum(description="What can be wrong with a code for a cart.")
class CartCouponErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such cart, or no such code in it."
    )
    NOT_USABLE = strawberry.enum_value(
        "NOT_USABLE", description="The code does nothing for this cart; the message says why."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="The cart would have too many codes.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The cart is an order already, or being changed elsewhere."
    )


@strawberry.type(description="What is wrong with a code for a cart.")
class CartCouponError(UserError):
    code: CartCouponErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of putting a code into a cart, or of taking one out.")
class CartCouponPayload:
    user_errors: list[CartCouponError] = strawberry.field(description="What the caller can mend.")
    record: strawberry.Private[Record | None]

    @strawberry.field(description="The cart; null where it failed.")
    async def cart(self, info: Info) -> Cart | None:
        if self.record is None:
            return None
        return to_cart(await look_at(info.context, self.record))


async def _discounts(orders: Sequence[Order], info: Info) -> list[list[AppliedDiscount]]:
    found = [of_order(order.record) for order in orders]
    codes = await codes_of(info.context, [one for each in found for one in each])
    return [
        [_to_discount(one, order.record["currency"], codes, "OrderLine") for one in each]
        for each, order in zip(found, orders, strict=True)
    ]


@extend(Order)
class OrderDiscounts:
    discounts = batched(
        "What was taken off when it was placed, and by which rule.",
        reads("lines", "seller_orders", "currency")(_discounts),
    )


@extend(Cart)
class CartCoupons:
    @strawberry.field(description="The codes that are in it, whether they do something or not.")
    @staticmethod
    async def coupons(cart: strawberry.Parent[Cart], info: Info) -> list[AppliedCoupon]:
        looked = await looked_at(info.context, cart.view.quote.cart)
        return [_to_coupon(verdict_of(looked, one), one) for one in looked.coupons]

    @strawberry.field(description="What is taken off now, and by which rule.")
    @staticmethod
    async def discounts(cart: strawberry.Parent[Cart], info: Info) -> list[AppliedDiscount]:
        found = of_quote(cart.view.quote)
        codes = await codes_of(info.context, found)
        return [_to_discount(one, cart.currency, codes, "CartLine") for one in found]

    @strawberry.field(description="What can be put into it for nothing.")
    @staticmethod
    async def gifts(cart: strawberry.Parent[Cart], info: Info) -> list[GiftOffer]:
        looked = await looked_at(info.context, cart.view.quote.cart)
        wanted = {key for key, why in looked.outcome.refused.items() if why.refusal is Refusal.GIFT}
        rules = {one.promotion.id: one.promotion for one in looked.found}
        found = []
        for key in wanted:
            benefit = rules[key].benefit
            if isinstance(benefit, Gift):
                variants = await _variants(info, benefit)
                found.append(
                    GiftOffer(name=rules[key].name, quantity=benefit.quantity, variants=variants)
                )
        return found


@extend(Query)
class CouponValidateQuery:
    @strawberry.field(
        description="What a code would do for a cart of the viewer's. Of a code that there isn't,"
        " and of one that is for others, it says the same. Wrong codes count: after too many the"
        " caller waits."
    )
    @staticmethod
    async def coupon_validate(
        info: Info,
        code: Annotated[str, strawberry.argument(description="The code, as it was typed.")],
        cart_id: Annotated[strawberry.ID, strawberry.argument(description="The cart's id.")],
    ) -> CouponValidation:
        cart = key_of(cart_id, "Cart", ("cartId",))
        verdict = await applying.validate(info.context, cart, code)
        return CouponValidation(
            is_valid=verdict.holds,
            names=_names(verdict),
            saving=_saving(verdict),
            reason=None if verdict.holds else verdict.reason,
            message=None if verdict.holds else verdict.words,
        )


@extend(Mutation)
class CartCouponMutation:
    @strawberry.field(
        description="Put a code into a cart, where it does something for it now. It stays there"
        " until it is taken out, even when it does nothing any more."
    )
    @staticmethod
    @once
    async def cart_coupon_apply(
        info: Info,
        input: Annotated[  # noqa: A002
            CartCouponApplyInput, strawberry.argument(description="What goes where.")
        ],
    ) -> CartCouponPayload:
        return await _answer(lambda: applying.apply(info.context, cart_key(input), input.code))

    @strawberry.field(description="Take a code out of a cart.")
    @staticmethod
    @once
    async def cart_coupon_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            CartCouponRemoveInput, strawberry.argument(description="Which one.")
        ],
    ) -> CartCouponPayload:
        return await _answer(lambda: applying.remove(info.context, cart_key(input), input.code))


async def _answer(work: Callable[[], Awaitable[Record]]) -> CartCouponPayload:
    try:
        return CartCouponPayload(user_errors=[], record=await work())
    except DomainError as error:
        code = CartCouponErrorCode(error.code)
        found = CartCouponError(field=input_path(error.field), message=str(error), code=code)
        return CartCouponPayload(user_errors=[found], record=None)


def _to_coupon(verdict: Verdict, coupon: Record) -> AppliedCoupon:
    return AppliedCoupon(
        code=coupon["code"],
        names=_names(verdict),
        is_applied=verdict.holds,
        saving=_saving(verdict),
        reason=None if verdict.holds else verdict.reason,
        message=None if verdict.holds else verdict.words,
    )


def _names(verdict: Verdict) -> list[str]:
    return [one.candidate.promotion.name for one in verdict.taken]


def _saving(verdict: Verdict) -> Money:
    return Money.of(sum(one.amount for one in verdict.taken), verdict.currency)


def _to_discount(
    found: Applied, currency: str, codes: dict[str, str], line: str
) -> AppliedDiscount:
    known = found.known
    return AppliedDiscount(
        label=found.label,
        code=codes.get(known.coupon or "") if known else None,
        promotion_id=strawberry.ID(encode_id("Promotion", known.promotion)) if known else None,
        amount=Money.of(found.amount, currency),
        shipping=Money.of(found.shipping, currency),
        lines=[
            DiscountedLine(
                line_id=strawberry.ID(encode_id(line, key)), amount=Money.of(amount, currency)
            )
            for key, amount in found.lines.items()
        ],
        borne_by=DiscountBearer(found.borne_by),
    )


async def _variants(info: Info, gift: Gift) -> list[ProductVariant]:
    """Those that are shown."""
    keys = [ObjectId(key) for key in sorted(gift.variants)]
    records = await products_by_variant(info.context, keys)
    return [
        ProductVariant(record=one, product=Product(record=records[key]))
        for key in keys
        for one in (records[key]["variants"] if key in records else ())
        if one["id"] == key
    ]
