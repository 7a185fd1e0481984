"""`checkoutComplete`, and what a cart says of paying."""

from typing import Annotated

import strawberry

from mercat.errors import DomainError, InvalidError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat.graphql.schema import Money
from mercat.ids import key_of
from mercat.money import parse_amount
from mercat_orders.carts.schema import CartPayload, answer, cart_key, new_lines
from mercat_orders.carts.types import Cart, to_cart
from mercat_orders.checkout import paying
from mercat_orders.checkout.completing import Progress, complete
from mercat_orders.checkout.direct import WholeCart, direct_cart
from mercat_orders.checkout.errors import QuoteChangedError
from mercat_orders.checkout.inputs import (
    CheckoutCartInput,
    CheckoutCompleteInput,
    means_of,
    return_url,
)
from mercat_orders.checkout.outcomes import (
    CheckoutError,
    PaymentAction,
    PaymentMethod,
    to_action,
    to_errors,
    to_method,
)
from mercat_orders.checkout.wanting import Agreement, Completion, Request, request_of
from mercat_orders.orders.access import secret_of
from mercat_orders.orders.types.orders import Order, to_order
from mercat_orders.pricing.quotes import digest_of
from mercat_products.sellers import seller_of


@strawberry.type(description="The outcome of `checkoutComplete`.")
class CheckoutCompletePayload:
    order: Order | None = strawberry.field(
        description="The order; null where it failed, or `action` has to happen first."
    )
    secret: str | None = strawberry.field(
        description="What who has no account reads the order with, by `order(number:, secret:)`,"
        " and goes on with its payment before, by `paymentResume`."
    )
    action: PaymentAction | None = strawberry.field(
        description="What has to happen before it is an order; then complete it again."
    )
    cart: Cart | None = strawberry.field(
        description="The cart with its new quote, where that is not what was agreed to."
    )
    user_errors: list[CheckoutError] = strawberry.field(description="What the caller can mend.")


@extend(Cart)
class CartPaying:
    @strawberry.field(
        description="Stands for all that is ordered, where it goes and what it costs:"
        " `checkoutComplete` takes it as what the buyer agrees to."
    )
    @staticmethod
    def quote_hash(cart: strawberry.Parent[Cart]) -> str:
        return digest_of(cart.view.quote, cart.view.tenders)

    @strawberry.field(
        description="The ways in which `paymentDue` can be paid; none where it is nothing."
    )
    @staticmethod
    async def payment_methods(cart: strawberry.Parent[Cart], info: Info) -> list[PaymentMethod]:
        view = cart.view
        found = await paying.methods(info.context, view.quote.cart, view.due)
        return [to_method(method) for method in found]

    @strawberry.field(
        description="What is left to be paid: the total, less what was put with the cart to pay"
        " with, such as gift cards."
    )
    @staticmethod
    def payment_due(cart: strawberry.Parent[Cart]) -> Money:
        return Money.of(cart.view.due, cart.view.record["currency"])

    @strawberry.field(description="The chosen way to pay; null where none is chosen.")
    @staticmethod
    def payment_method_id(cart: strawberry.Parent[Cart]) -> str | None:
        found: str | None = cart.view.record.get("payment_method")
        return found


@strawberry.input(description="How a cart is paid.")
class CartPaymentSelectInput:
    cart_id: strawberry.ID = strawberry.field(description="The id of the cart.")
    payment_method_id: str = strawberry.field(description="One of `Cart.paymentMethods`.")


@strawberry.type(description="The outcome of `cartPaymentSelect`.")
class CartPaymentSelectPayload(CartPayload):
    pass


_NOT_ASKED = (
    *("idempotency_key", "payment_data"),
    *("saved_payment_method_id", "save_payment_method"),
)
"""What may be otherwise the next time: it goes on with the same payment."""


@extend(Mutation)
class CheckoutMutation:
    @strawberry.field(description="Choose how a cart is paid.")
    @staticmethod
    async def cart_payment_select(
        info: Info,
        input: Annotated[  # noqa: A002
            CartPaymentSelectInput, strawberry.argument(description="The choice.")
        ],
    ) -> CartPaymentSelectPayload:
        return await answer(
            CartPaymentSelectPayload,
            lambda shelf: paying.select_method(
                info.context, cart_key(input), input.payment_method_id, shelf
            ),
        )

    @strawberry.field(
        description="Order what is in a cart, once: the same again gives the same order. Where the"
        " payment needs the buyer, `action` says what for, and the same call goes on afterwards."
    )
    @staticmethod
    @once
    async def checkout_complete(
        info: Info,
        input: Annotated[  # noqa: A002
            CheckoutCompleteInput, strawberry.argument(description="What is ordered, and how.")
        ],
    ) -> CheckoutCompletePayload:
        try:
            return _answer(info, await _completed(info, input))
        except QuoteChangedError as error:
            return _failed(error, to_cart(error.view))
        except DomainError as error:
            return _failed(error)


def _answer(info: Info, done: Progress) -> CheckoutCompletePayload:
    is_order = done.action is None
    return CheckoutCompletePayload(
        order=to_order(done.order) if is_order else None,
        secret=secret_of(info.context, done.order),
        action=to_action(done),
        cart=None,
        user_errors=[],
    )


def _failed(error: DomainError, cart: Cart | None = None) -> CheckoutCompletePayload:
    return CheckoutCompletePayload(
        order=None, secret=None, action=None, cart=cart, user_errors=to_errors(error)
    )


async def _completed(info: Info, given: CheckoutCompleteInput) -> Progress:
    cart, request = await _cart(info, given)
    wanted = Completion(
        agreement=_agreement(info, given),
        method=given.payment_method_id,
        accepts_terms=given.accepts_terms,
        takes_cheapest=given.cart is not None,
        return_url=return_url(given.return_url),
        means=means_of(given),
        request=request,
    )
    return await complete(info.context, cart, wanted)


async def _cart(info: Info, given: CheckoutCompleteInput) -> tuple[str, Request | None]:
    """The key of the cart that is meant, and the request if it has an idempotency key."""
    if (given.cart_id is None) == (given.cart is None):
        raise InvalidError("give either `cartId` or `cart`", field=("cartId",))
    key = idempotency_key(info, given.idempotency_key)
    cart = "" if given.cart_id is None else key_of(given.cart_id, "Cart", ("cartId",))
    asked = {**strawberry.asdict(given), **dict.fromkeys(_NOT_ASKED)}
    request = None if key is None else request_of(info.context, cart, key, asked)
    if given.cart is None:
        return cart, request
    if request is None:
        raise InvalidError(
            "a whole cart needs an idempotency key, so that it is ordered once",
            field=("idempotencyKey",),
        )
    return await direct_cart(info.context, _whole(given.cart), request), request


def _whole(given: CheckoutCartInput) -> WholeCart:
    billing = given.billing_address
    return WholeCart(
        lines=new_lines(given.lines),
        buyer={"email": given.email, "phone": given.phone},
        addresses={
            "shipping_address": vars(given.shipping_address),
            "billing_address": None if billing is None else vars(billing),
        },
        ways={
            None if one.seller_id is None else seller_of(one.seller_id): one.option_id
            for one in given.shipping
        },
        currency=given.currency,
    )


def _agreement(info: Info, given: CheckoutCompleteInput) -> Agreement:
    if given.maximum_total is None:
        return Agreement(quote=given.quote_hash)
    currency = given.maximum_total.currency or info.context.shop.currency
    most = parse_amount(given.maximum_total.amount, currency, ("maximumTotal", "amount")).minor
    return Agreement(quote=given.quote_hash, most=most, currency=currency)
