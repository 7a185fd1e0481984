"""Where a payment stands, as the checkout is told."""

from datetime import datetime
from typing import cast

from mercat.checkout import PaymentState, PaymentStatus
from mercat.context import Context
from mercat.storage import Record
from mercat_payments.sealing import unsealed

_SHOWING = {"action", "awaited", "on_delivery"}


async def status_of(context: Context, payment: Record) -> PaymentStatus:
    """The status of a stored payment, with what its buyer or the client gets."""
    state: PaymentState = payment["state"]
    if state not in _SHOWING:
        return PaymentStatus(state, payment["message"] if state == "declined" else "")
    shown = await unsealed(context, payment["shown"])
    return PaymentStatus(
        state,
        payment["message"],
        url=shown.get("url"),
        data=shown.get("data", {}),
        expires_at=cast("datetime | None", payment["expires_at"]),
    )
