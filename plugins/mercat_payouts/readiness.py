"""When a part of an order is so far that its seller is to be paid, by the shop's settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mercat_orders.orders.sight import is_about

_REACHED = {
    "fulfilment": ("FULFILLED", "DELIVERED", "COMPLETED"),
    "delivery": ("DELIVERED", "COMPLETED"),
    "completion": ("COMPLETED",),
}


def ready_at(order: Mapping[str, Any], part: Mapping[str, Any], due: str) -> datetime | None:
    """Since when a part is so far, as its order has it; None where it isn't."""
    if part["state"] not in _REACHED[due]:
        return None
    moments = {"fulfilment": _sent, "delivery": _delivered, "completion": _completed}
    found: datetime = moments[due](order, part) or order["updated_at"]
    return found


def _sent(_: Mapping[str, Any], part: Mapping[str, Any]) -> datetime | None:
    parcels = [one["created_at"] for one in part["fulfilments"] if one["state"] != "CANCELLED"]
    return max(parcels, default=None)


def _delivered(_: Mapping[str, Any], part: Mapping[str, Any]) -> datetime | None:
    return part.get("delivered_at")


def _completed(order: Mapping[str, Any], part: Mapping[str, Any]) -> datetime | None:
    return next(
        (
            entry["at"]
            for entry in reversed(order["timeline"])
            if entry["kind"] == "COMPLETED" and is_about(dict(entry), part["id"])
        ),
        None,
    )
