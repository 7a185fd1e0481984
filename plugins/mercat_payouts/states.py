"""The states and kinds that payouts have, as they are shown."""

from enum import Enum

import strawberry

from mercat_payouts.documents import CallState


@strawberry.enum(description="Where a payout stands.")
class PayoutState(Enum):
    PENDING = strawberry.enum_value(
        "PENDING", description="It is on its way: in a file, or asked of the provider."
    )
    PAID = strawberry.enum_value("DONE", description="The seller has it.")
    FAILED = strawberry.enum_value(
        "FAILED", description="It could not be paid; its money is available again."
    )


@strawberry.enum(description="Where the payout of a seller's part of an order stands.")
class SellerOrderPayoutState(Enum):
    WAITING = strawberry.enum_value(
        "WAITING", description="It isn't due yet: not paid by the buyer, not sent, or held back."
    )
    DUE = strawberry.enum_value("DUE", description="It goes into the seller's next payout.")
    IN_TRANSIT = strawberry.enum_value("IN_TRANSIT", description="It is on its way.")
    PAID = strawberry.enum_value("PAID", description="The seller has it.")


@strawberry.enum(description="Where the account stands that a seller is paid to.")
class PayoutAccountState(Enum):
    READY = strawberry.enum_value("READY", description="It can be paid.")
    INFORMATION_NEEDED = strawberry.enum_value(
        "INFORMATION_NEEDED", description="Something is missing, or is being looked at."
    )
    REFUSED = strawberry.enum_value("REFUSED", description="The provider won't pay this seller.")


@strawberry.enum(description="What a line of the ledger says.")
class PayoutEntryKind(Enum):
    EARNED = strawberry.enum_value("EARNED", description="The buyer paid for it.")
    REFUNDED = strawberry.enum_value("REFUNDED", description="It went back to the buyer.")
    DISCOUNT = strawberry.enum_value(
        "DISCOUNT", description="What the shop gave away at its own cost, or takes back of that."
    )
    COMMISSION = strawberry.enum_value("COMMISSION", description="What the shop keeps.")
    COMMISSION_BACK = strawberry.enum_value(
        "COMMISSION_BACK", description="What the shop doesn't keep after all."
    )
    DUE = strawberry.enum_value(
        "DUE", description="What was pending is available, or isn't any more."
    )
    TRANSFERRED = strawberry.enum_value("TRANSFERRED", description="A payout is on its way.")
    PAID = strawberry.enum_value("PAID", description="A payout has arrived.")
    FAILED = strawberry.enum_value("FAILED", description="A payout could not be paid.")
    REVERSED = strawberry.enum_value("REVERSED", description="Some of a payout was taken back.")
    ADJUSTED = strawberry.enum_value("ADJUSTED", description="Somebody of the shop decided it.")


_SHOWN = {"DONE": PayoutState.PAID, "FAILED": PayoutState.FAILED}
_STORED: dict[PayoutState, tuple[CallState, ...]] = {
    PayoutState.PENDING: ("WANTED", "UNKNOWN", "PENDING"),
    PayoutState.PAID: ("DONE",),
    PayoutState.FAILED: ("FAILED",),
}


def to_state(stored: str) -> PayoutState:
    return _SHOWN.get(stored, PayoutState.PENDING)


def stored_states(shown: PayoutState | None) -> tuple[CallState, ...] | None:
    return None if shown is None else _STORED[shown]
