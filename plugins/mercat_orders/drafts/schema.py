"""Draft orders over the API."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import strawberry

from mercat.errors import DomainError, InvalidError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, Query, extend
from mercat.ids import key_of
from mercat.storage import Record
from mercat.texts import line_of
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.schema import cart_key, new_lines, price_of
from mercat_orders.carts.types import Cart, to_cart
from mercat_orders.checkout.outcomes import CheckoutError, PaymentAction, to_action, to_errors
from mercat_orders.checkout.wanting import Agreement, request_of
from mercat_orders.drafts import service
from mercat_orders.drafts.inputs import (
    DraftOrderCompleteInput,
    DraftOrderCreateInput,
    DraftOrderDeleteInput,
    DraftOrderDiscountInput,
)
from mercat_orders.drafts.service import NewDraft
from mercat_orders.orders.types.orders import Order, to_order

_KIND = "draftOrders"
_HUNDRED = 100
_ERRORS = "What the caller can mend."


async def _carts(drafts: "Sequence[DraftOrder]", info: Info) -> list[Cart | None]:
    found = await service.carts_of(info.context, [draft.key for draft in drafts])
    return [
        to_cart(await look_at(info.context, found[draft.key])) if draft.key in found else None
        for draft in drafts
    ]


@strawberry.type(description="An order that staff prepared for a buyer, who pays it by a link.")
class DraftOrder:
    cart = batched("What is in it; null where it is gone.", _carts)
    note: str = strawberry.field(description="A word for staff.")
    payment_url: str | None = strawberry.field(
        description="Where its buyer pays it; null where `payment_url` isn't set."
    )
    created_at: datetime = strawberry.field(description="When it was prepared.")
    key: strawberry.Private[str]


def to_draft(info: Info, record: Record) -> DraftOrder:
    return DraftOrder(
        note=record["note"],
        payment_url=service.payment_url(info.context, record["_id"]),
        created_at=record["created_at"],
        key=record["_id"],
    )


@strawberry.type(description="The outcome of `draftOrderCreate`.")
class DraftOrderCreatePayload:
    cart: Cart | None = strawberry.field(description="What is in it; null where it failed.")
    payment_url: str | None = strawberry.field(
        description="Where its buyer pays it; null where `payment_url` isn't set."
    )
    user_errors: list[CheckoutError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `draftOrderComplete`.")
class DraftOrderCompletePayload:
    order: Order | None = strawberry.field(description="The order; null where it failed.")
    action: PaymentAction | None = strawberry.field(
        description="What has to happen before it is an order."
    )
    user_errors: list[CheckoutError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `draftOrderDelete`.")
class DraftOrderDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of the cart that it had; null where it failed."
    )
    user_errors: list[CheckoutError] = strawberry.field(description=_ERRORS)


@extend(Query)
class DraftOrderQuery:
    @strawberry.field(description="What staff prepared, the newest first; needs `orders.manage`.")
    @staticmethod
    async def draft_orders(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[DraftOrder]:
        request = page_request(_KIND, first, after, last, before)
        page = await service.page(info.context, request)
        nodes = [to_draft(info, record) for record in page.records]
        return connection(_KIND, page, nodes, lambda: service.count(info.context))


@extend(Mutation)
class DraftOrderMutation:
    @strawberry.field(
        description="Prepare an order for a buyer, with prices and discounts of its own; needs"
        " `orders.manage`. Whoever has its link can pay it, and change nothing that is in it."
    )
    @staticmethod
    async def draft_order_create(
        info: Info,
        input: Annotated[  # noqa: A002
            DraftOrderCreateInput, strawberry.argument(description="What is prepared.")
        ],
    ) -> DraftOrderCreatePayload:
        try:
            record = await service.create(info.context, _given(info, input))
        except DomainError as error:
            return DraftOrderCreatePayload(
                cart=None, payment_url=None, user_errors=to_errors(error)
            )
        cart = to_cart(await look_at(info.context, record))
        url = service.payment_url(info.context, record["_id"])
        return DraftOrderCreatePayload(cart=cart, payment_url=url, user_errors=[])

    @strawberry.field(
        description="Order a draft without its buyer, such as by telephone; needs `orders.manage`."
    )
    @staticmethod
    async def draft_order_complete(
        info: Info,
        input: Annotated[  # noqa: A002
            DraftOrderCompleteInput, strawberry.argument(description="Which, and how it is paid.")
        ],
    ) -> DraftOrderCompletePayload:
        try:
            cart, key = cart_key(input), idempotency_key(info, input.idempotency_key)
            asked = ["draft", input.quote_hash, input.payment_method_id, cart]
            request = None if key is None else request_of(info.context, cart, key, asked)
            done = await service.complete_draft(
                info.context,
                cart,
                Agreement(quote=input.quote_hash),
                input.payment_method_id,
                request,
            )
        except DomainError as error:
            return DraftOrderCompletePayload(order=None, action=None, user_errors=to_errors(error))
        action = to_action(done)
        order = to_order(done.order) if action is None else None
        return DraftOrderCompletePayload(order=order, action=action, user_errors=[])

    @strawberry.field(description="Take a draft back, with its link; needs `orders.manage`.")
    @staticmethod
    async def draft_order_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            DraftOrderDeleteInput, strawberry.argument(description="Which one.")
        ],
    ) -> DraftOrderDeletePayload:
        try:
            await service.delete(info.context, cart_key(input))
        except DomainError as error:
            return DraftOrderDeletePayload(deleted_id=None, user_errors=to_errors(error))
        return DraftOrderDeletePayload(deleted_id=input.cart_id, user_errors=[])


def _given(info: Info, given: DraftOrderCreateInput) -> NewDraft:
    currency = given.currency or info.context.shop.currency
    billing, shipping = given.billing_address, given.shipping_address
    return NewDraft(
        lines=new_lines(given.lines),
        currency=given.currency,
        country=given.country,
        buyer={"email": given.email, "phone": given.phone},
        addresses={
            "billing_address": None if billing is None else vars(billing),
            **({} if shipping is None else {"shipping_address": vars(shipping)}),
        },
        ways={_seller(one.seller_id, at): one.option_id for at, one in enumerate(given.shipping)},
        prices={
            at: price_of(one.unit_price, currency, "lines", str(at), "unitPrice")
            for at, one in enumerate(given.lines)
            if one.unit_price is not None
        },
        discounts=[_discount(one, currency, at) for at, one in enumerate(given.discounts)],
        note=given.note,
        days=given.days,
    )


def _seller(given: strawberry.ID | None, at: int) -> str | None:
    return None if given is None else key_of(given, "Seller", ("shipping", str(at), "sellerId"))


def _discount(given: DraftOrderDiscountInput, currency: str, at: int) -> dict[str, Any]:
    place = ("discounts", str(at))
    label = line_of(given.label, (*place, "label"), most=_HUNDRED, least=1)
    if (given.amount is None) == (given.percent is None):
        raise InvalidError("give either `amount` or `percent`", field=place)
    if given.amount is not None:
        amount = price_of(given.amount, currency, *place, "amount")
        return {"label": label, "amount": amount, "rate": None}
    return {"label": label, "amount": None, "rate": str(_rate(given.percent or "", place))}


def _rate(percent: str, place: tuple[str, ...]) -> Decimal:
    try:
        found = Decimal(percent)
    except InvalidOperation:
        found = Decimal()
    if not found.is_finite() or not 0 < found <= _HUNDRED:
        raise InvalidError("a percentage is up to 100", field=(*place, "percent"))
    return found / _HUNDRED
