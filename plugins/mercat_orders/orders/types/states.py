"""How far orders are."""

from enum import Enum

import strawberry

from mercat.storage import Record


@strawberry.enum(description="How far an order is.")
class OrderState(Enum):
    PENDING = strawberry.enum_value("PENDING", description="It waits to be paid, or confirmed.")
    CONFIRMED = strawberry.enum_value("CONFIRMED", description="It is to be sent.")
    PARTIALLY_FULFILLED = strawberry.enum_value(
        "PARTIALLY_FULFILLED", description="Some of it is in parcels."
    )
    FULFILLED = strawberry.enum_value("FULFILLED", description="All of it is in parcels.")
    DELIVERED = strawberry.enum_value("DELIVERED", description="All of it has arrived.")
    COMPLETED = strawberry.enum_value("COMPLETED", description="Nothing more is to be done.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="It is not to be.")


@strawberry.enum(description="Where the payment of an order stands.")
class OrderPaymentState(Enum):
    PAID = strawberry.enum_value("PAID", description="It is paid, or there is nothing to pay.")
    AUTHORIZED = strawberry.enum_value(
        "AUTHORIZED", description="The money is promised, and taken later."
    )
    ON_DELIVERY = strawberry.enum_value("ON_DELIVERY", description="It is paid when it arrives.")
    AWAITED = strawberry.enum_value("AWAITED", description="The money is to come before it goes.")
    ACTION = strawberry.enum_value("ACTION", description="The buyer has to do something.")
    DECLINED = strawberry.enum_value("DECLINED", description="The payment was declined.")
    ENDED = strawberry.enum_value(
        "ENDED", description="It will not be paid any more; what was paid goes back."
    )
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="That is settled later.")


def to_payment_state(payment: Record) -> OrderPaymentState:
    """What is shown of a stored payment."""
    name = str(payment["state"]).upper()
    if name == "ENDING":
        return OrderPaymentState.ENDED
    return OrderPaymentState.__members__.get(name, OrderPaymentState.UNKNOWN)
