"""Where a payment stands, as the checkout and subscribers are told."""

from datetime import datetime
from typing import cast

from mercat.checkout import PaymentState, PaymentStatus
from mercat.context import Context
from mercat.storage import Record
from mercat.telling import tell
from mercat_payments.sealing import unsealed

_SHOWING = {"action", "awaited", "on_delivery"}


async def status_of(context: Context, payment: Record) -> PaymentStatus:
    """The status of a stored payment, with what its buyer or the client gets."""
    state: PaymentState = payment["state"]
    is_showing = state in _SHOWING
    shown = await unsealed(context, payment["shown"]) if is_showing else {}
    return PaymentStatus(
        state,
        payment["message"] if is_showing or state == "declined" else "",
        url=shown.get("url"),
        data=shown.get("data", {}),
        expires_at=cast("datetime | None", payment["expires_at"]) if is_showing else None,
        captured=payment["captured"],
        refunded=payment["refunded"],
        disputed=payment["disputed"],
        is_by_hand=not payment["is_asked"],
    )


async def publish(context: Context, key: str) -> None:
    """Say that a payment changed."""
    await tell(context, [channel_of(context, key)])


def channel_of(context: Context, key: str) -> str:
    """Where changes of a payment are told of."""
    return f"mercat:{context.storage.database.name}:payment:{key}"
