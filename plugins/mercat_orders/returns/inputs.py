"""What the mutations of returns take."""

import strawberry

from mercat_orders.configured.inputs import MoneyInput
from mercat_orders.edits.inputs import OrderAdditionInput
from mercat_orders.orders.changes.inputs import OrderUnitsInput

_RETURN = "The id of the return."
_GUEST = "What a guest reads the order with."
_VERSION = "`Order.version` as it was read; else it is `STALE`."
_KEY = "The same key has its effect once; the header `Idempotency-Key` says it too."
_AMOUNT = "How much is paid for its units; what they cost where left out."
_SHIPPING = "Whether what delivery cost is paid back, too."


@strawberry.input(description="So many of a variant that the buyer wants instead.")
class ReturnWishInput:
    variant_id: strawberry.ID = strawberry.field(description="The id of the variant.")
    quantity: int = strawberry.field(default=1, description="How many; 1 where left out.")


@strawberry.input(description="Delivered things that are to come back.")
class OrderReturnRequestInput:
    order_id: strawberry.ID = strawberry.field(description="The id of the order.")
    lines: list[OrderUnitsInput] = strawberry.field(description="What comes back.")
    reason: str = strawberry.field(default="", description="Why.")
    exchange: list[ReturnWishInput] = strawberry.field(
        default_factory=list, description="What the buyer wants instead, of the same sellers."
    )
    secret: str | None = strawberry.field(default=None, description=_GUEST)
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A return that the buyer may send.")
class ReturnApproveInput:
    id: strawberry.ID = strawberry.field(description=_RETURN)
    message: str = strawberry.field(default="", description="A word to the buyer, such as how.")
    exchange: list[OrderAdditionInput] | None = strawberry.field(
        default=None,
        description="What is sent instead; what the buyer wants where left out, nothing if empty.",
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A return that isn't taken, or isn't paid for.")
class ReturnRefuseInput:
    id: strawberry.ID = strawberry.field(description=_RETURN)
    reason: str = strawberry.field(description="Why; the buyer sees it.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="So many of a line that arrived.")
class ReturnReceiveLineInput:
    line_id: strawberry.ID = strawberry.field(description="The id of the order's line.")
    quantity: int = strawberry.field(description="How many arrived of it; 0 for none.")
    restock: bool = strawberry.field(default=True, description="Whether they can be sold again.")


@strawberry.input(description="What arrived of a return, and what is paid for it.")
class ReturnReceiveInput:
    id: strawberry.ID = strawberry.field(description=_RETURN)
    lines: list[ReturnReceiveLineInput] | None = strawberry.field(
        default=None, description="What arrived; all of it where left out."
    )
    restock: bool = strawberry.field(
        default=True, description="Without `lines`: whether all of it can be sold again."
    )
    refund: bool = strawberry.field(
        default=True, description="Whether it is paid back now; `returnRefund` does it later."
    )
    amount: MoneyInput | None = strawberry.field(default=None, description=_AMOUNT)
    refund_shipping: bool = strawberry.field(default=False, description=_SHIPPING)
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="What is paid for a return that was received before.")
class ReturnRefundInput:
    id: strawberry.ID = strawberry.field(description=_RETURN)
    amount: MoneyInput | None = strawberry.field(default=None, description=_AMOUNT)
    refund_shipping: bool = strawberry.field(default=False, description=_SHIPPING)
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
