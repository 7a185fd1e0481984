"""What can be wrong with a checkout, and what it answers."""

from enum import Enum

import strawberry

from mercat import checkout
from mercat.checkout import PaymentStatus
from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat.ids import encode_id
from mercat_orders.carts.types import CartProblemCode
from mercat_orders.carts.views import Problem
from mercat_orders.checkout.completing import Progress
from mercat_orders.checkout.errors import ProblemsError
from mercat_orders.errors import AddressError

PAYMENT = "Payment"
"""The type of payments, which is that of the plugin that takes them."""


@strawberry.enum(description="What can be wrong with a checkout.")
class CheckoutErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such cart.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="The idempotency key came with another request, or too many are at it at once.",
    )
    EMPTY = strawberry.enum_value("EMPTY", description="There is nothing in the cart.")
    UNAVAILABLE = strawberry.enum_value("UNAVAILABLE", description="A line isn't for sale now.")
    NO_PRICE = strawberry.enum_value("NO_PRICE", description="A line has no price in the currency.")
    NOT_ENOUGH = strawberry.enum_value("NOT_ENOUGH", description="There are fewer than wanted.")
    OUT_OF_STOCK = strawberry.enum_value("OUT_OF_STOCK", description="Somebody else was faster.")
    EMAIL_MISSING = strawberry.enum_value("EMAIL_MISSING", description="The e-mail is missing.")
    ADDRESS_MISSING = strawberry.enum_value("ADDRESS_MISSING", description="No address is given.")
    ADDRESS = strawberry.enum_value(
        "ADDRESS", description="The country's post would not take the address."
    )
    NOT_SERVED = strawberry.enum_value(
        "NOT_SERVED", description="The shop doesn't sell there, or not in that currency."
    )
    NO_SHIPPING = strawberry.enum_value("NO_SHIPPING", description="A parcel can't go there.")
    SHIPPING_MISSING = strawberry.enum_value(
        "SHIPPING_MISSING", description="It isn't chosen yet how a parcel goes."
    )
    SHIPPING = strawberry.enum_value("SHIPPING", description="It can't be delivered in that way.")
    QUANTITY = strawberry.enum_value(
        "QUANTITY", description="The quantity is below one, or more than a line may have."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="The cart would have too many lines.")
    OTHER = strawberry.enum_value("OTHER", description="Something that a plugin says of the cart.")
    TERMS = strawberry.enum_value("TERMS", description="The terms are to be accepted first.")
    AGREEMENT = strawberry.enum_value(
        "AGREEMENT", description="It isn't said what the buyer agrees to pay."
    )
    QUOTE_CHANGED = strawberry.enum_value(
        "QUOTE_CHANGED",
        description="It costs something else than agreed, or more; `cart` has the new quote.",
    )
    PAYMENT_METHOD = strawberry.enum_value(
        "PAYMENT_METHOD", description="It can't be paid in that way, or the way isn't chosen."
    )
    DECLINED = strawberry.enum_value(
        "DECLINED", description="The payment was declined; the cart is open again."
    )
    EXPIRED = strawberry.enum_value(
        "EXPIRED", description="The payment took too long; the cart is open again."
    )
    ABANDONED = strawberry.enum_value(
        "ABANDONED", description="The cart was changed, or ordered in another way, meanwhile."
    )


@strawberry.type(description="What is wrong with a checkout.")
class CheckoutError(UserError):
    code: CheckoutErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.enum(description="What has to happen before a checkout is an order.")
class PaymentActionKind(Enum):
    REDIRECT = strawberry.enum_value("REDIRECT", description="Send the buyer to `url`.")
    CLIENT = strawberry.enum_value(
        "CLIENT", description="The client goes on with `data`, as the payment's provider says."
    )
    WAIT = strawberry.enum_value(
        "WAIT", description="The provider doesn't know yet; ask again in a moment."
    )


@strawberry.type(description="A value that a payment's provider gives the client.")
class PaymentDatum:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(
    description="What has to happen before something is paid; then `paymentResume` goes on, or the"
    " same call again."
)
class PaymentAction:
    kind: PaymentActionKind = strawberry.field(description="What to do.")
    payment_id: strawberry.ID = strawberry.field(
        description="The payment that waits for it; `paymentResume` and `paymentUpdated` take it."
    )
    message: str = strawberry.field(description="A sentence for the buyer; it may be empty.")
    url: str | None = strawberry.field(description="Where the buyer goes.")
    data: list[PaymentDatum] = strawberry.field(description="What the client needs for it.")


@strawberry.type(description="A way to pay.")
class PaymentMethod:
    id: str = strawberry.field(
        description="Names it; `cartPaymentSelect` and `paymentStart` take it."
    )
    name: str = strawberry.field(description="What it is called.")
    description: str = strawberry.field(description="A sentence about it; it may be empty.")


def to_method(found: checkout.PaymentMethod) -> PaymentMethod:
    return PaymentMethod(id=found.id, name=found.name, description=found.description)


def to_action(done: Progress) -> PaymentAction | None:
    """What is to be done before something is paid; None where it is."""
    return None if done.action is None else status_action(done.payment_key, done.action)


def status_action(payment: str, status: PaymentStatus) -> PaymentAction:
    """What is to be done for a payment, by its key, that stands so."""
    kind = PaymentActionKind.WAIT
    if status.state == "action":
        kind = PaymentActionKind.REDIRECT if status.url else PaymentActionKind.CLIENT
    data = [PaymentDatum(name=name, value=value) for name, value in status.data.items()]
    return PaymentAction(
        kind=kind,
        payment_id=strawberry.ID(encode_id(PAYMENT, payment)),
        message=status.message,
        url=status.url,
        data=data,
    )


def to_errors(error: DomainError) -> list[CheckoutError]:
    """An error as a client sees it; problems of a cart and of addresses are several."""
    if isinstance(error, ProblemsError):
        return [
            CheckoutError(field=None, message=problem.message, code=_code(problem))
            for problem in error.problems
        ]
    code = CheckoutErrorCode(error.code)
    if isinstance(error, AddressError):
        return [
            CheckoutError(field=input_path(at), message=words, code=code)
            for at, words in error.problems
        ]
    return [CheckoutError(field=input_path(error.field), message=str(error), code=code)]


def _code(problem: Problem) -> CheckoutErrorCode:
    known = problem.code in CartProblemCode.__members__
    return CheckoutErrorCode[problem.code] if known else CheckoutErrorCode.OTHER
