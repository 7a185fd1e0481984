"""What `paymentStart` and `paymentResume` take."""

import strawberry

from mercat_orders.checkout.inputs import PaymentDatumInput

_READ_WITH = "`secret` of the checkout, for who isn't signed in."
_DATA = "What the payment's provider gave the client."


@strawberry.input(description="How what an order still costs is paid.")
class PaymentStartInput:
    order_id: strawberry.ID = strawberry.field(description="The id of the order.")
    payment_method_id: str | None = strawberry.field(
        default=None, description="One of `Order.paymentMethods`; the only one where left out."
    )
    payment_data: list[PaymentDatumInput] = strawberry.field(
        default_factory=list, description=_DATA
    )
    saved_payment_method_id: strawberry.ID | None = strawberry.field(
        default=None, description="Something of `savedPaymentMethods` to pay with."
    )
    save_payment_method: bool = strawberry.field(
        default=False,
        description="Whether what is paid with is kept for the next time, where that can be.",
    )
    return_url: str | None = strawberry.field(
        default=None, description="Where the payment's provider sends the buyer back to."
    )
    secret: str | None = strawberry.field(default=None, description=_READ_WITH)


@strawberry.input(description="A payment whose buyer is back, or has done what was asked for.")
class PaymentResumeInput:
    payment_id: strawberry.ID = strawberry.field(
        description="The id of the payment, such as `action.paymentId`."
    )
    payment_data: list[PaymentDatumInput] = strawberry.field(
        default_factory=list, description=_DATA
    )
    secret: str | None = strawberry.field(default=None, description=_READ_WITH)
