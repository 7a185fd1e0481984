"""What the mutations of orders take."""

import strawberry

from mercat_orders.configured.inputs import MoneyInput

_ORDER = "The id of the order. Or give `sellerOrderId`."
_PART = "The id of one seller's part of it, if only that is meant."
_GUEST = "What a guest reads the order with."
_REASON = "Why; it is kept with the order."
_VERSION = "`Order.version` as it was read; else it is `STALE`."
_KEY = "The same key has its effect once; the header `Idempotency-Key` says it too."


@strawberry.input(description="So many of a line of an order.")
class OrderUnitsInput:
    line_id: strawberry.ID = strawberry.field(description="The id of the line.")
    quantity: int = strawberry.field(description="How many of it.")


@strawberry.input(description="A pending order that is to be sent, as its money came.")
class OrderConfirmInput:
    order_id: strawberry.ID = strawberry.field(description="The id of the order.")
    reason: str = strawberry.field(default="", description=_REASON)
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="A delivered order, or part of one, with which nothing more is due.")
class OrderCompleteInput:
    order_id: strawberry.ID | None = strawberry.field(default=None, description=_ORDER)
    seller_order_id: strawberry.ID | None = strawberry.field(default=None, description=_PART)
    reason: str = strawberry.field(default="", description=_REASON)
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="What is cancelled: an order, one seller's part, or lines of them.")
class OrderCancelInput:
    order_id: strawberry.ID | None = strawberry.field(default=None, description=_ORDER)
    seller_order_id: strawberry.ID | None = strawberry.field(default=None, description=_PART)
    lines: list[OrderUnitsInput] | None = strawberry.field(
        default=None, description="What of it; all of it where left out."
    )
    reason: str = strawberry.field(default="", description=_REASON)
    restock: bool = strawberry.field(
        default=True, description="Whether it can be sold again; sellers and staff may say no."
    )
    secret: str | None = strawberry.field(default=None, description=_GUEST)
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A parcel.")
class OrderFulfilInput:
    seller_order_id: strawberry.ID = strawberry.field(
        description="The id of the seller's part of the order."
    )
    lines: list[OrderUnitsInput] | None = strawberry.field(
        default=None, description="What is in it; all that is left where left out."
    )
    carrier: str | None = strawberry.field(default=None, description="Who carries it.")
    tracking_number: str | None = strawberry.field(default=None, description="Its number there.")
    tracking_url: str | None = strawberry.field(
        default=None,
        description="Where it can be followed; the page of DHL, UPS, FedEx, DPD, GLS, USPS and La"
        " Poste is known.",
    )
    shipped: bool = strawberry.field(default=True, description="Whether it is on its way.")
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="What is new of a parcel; what is left out stays.")
class FulfilmentUpdateInput:
    id: strawberry.ID = strawberry.field(description="The id of the parcel.")
    carrier: str | None = strawberry.field(default=None, description="Who carries it.")
    tracking_number: str | None = strawberry.field(default=None, description="Its number there.")
    tracking_url: str | None = strawberry.field(
        default=None, description="Where it can be followed."
    )
    shipped: bool = strawberry.field(default=False, description="It is on its way now.")
    delivered: bool = strawberry.field(default=False, description="It has arrived now.")
    cancelled: bool = strawberry.field(
        default=False, description="It won't be sent; only where it hasn't been."
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A note to an order, or to one seller's part of it.")
class OrderNoteAddInput:
    order_id: strawberry.ID | None = strawberry.field(default=None, description=_ORDER)
    seller_order_id: strawberry.ID | None = strawberry.field(default=None, description=_PART)
    text: str = strawberry.field(description="The words.")
    internal: bool = strawberry.field(
        default=False,
        description="Whether it is kept from the buyer; for staff, and sellers in their own part.",
    )
    secret: str | None = strawberry.field(default=None, description=_GUEST)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Money that goes back. Give `amount` or `lines`.")
class RefundCreateInput:
    order_id: strawberry.ID | None = strawberry.field(default=None, description=_ORDER)
    seller_order_id: strawberry.ID | None = strawberry.field(default=None, description=_PART)
    amount: MoneyInput | None = strawberry.field(default=None, description="How much.")
    lines: list[OrderUnitsInput] | None = strawberry.field(
        default=None, description="What these cost, with their share of discounts and taxes."
    )
    reason: str = strawberry.field(default="", description=_REASON)
    version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
