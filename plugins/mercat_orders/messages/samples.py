"""An order as it might be, for looking at its messages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mercat.money import Amount
from mercat_orders.addresses import Address
from mercat_orders.messages.facts import line_facts, order_facts

_LINES = [
    {
        "name": 'Tea "Sencha" & pot',
        "sku": "TEA-1",
        "options": [{"name": "Engraving", "value": "<Ada>"}],
        "quantity": 2,
        "subtotal": 123_980,
    },
    {"name": "Bücherregal Größe M", "sku": "SHELF-M", "options": [], "quantity": 1, "subtotal": 0},
]
_ORDER = {
    "code": "K7TX-3M9P",
    "currency": "EUR",
    "placed_at": datetime(2030, 5, 17, 9, 30, tzinfo=UTC),
    "tax_included": True,
    "lines": _LINES,
    "sums": {
        "subtotal": 123_980,
        "discounts": 1_000,
        "shipping": 490,
        "tax": 19_708,
        "total": 123_470,
    },
}
_ADDRESS = Address(
    name="Ada Lovelace",
    lines=("Unter den Linden 1",),
    city="Berlin",
    country="DE",
    postal_code="10117",
)
_PARCEL = {
    "carrier": "DHL",
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://tracking.example/00340434161094042557",
}


def order_sample(locale: str) -> Mapping[str, Any]:
    """Every fact that a message about an order may have."""
    return {
        **order_facts(_ORDER, _ADDRESS, locale),
        "units": [line_facts(_LINES[0], 1, "EUR")],
        "amount": Amount(61_990, "EUR"),
        "reason": "It is too small.",
        "parcel": _PARCEL,
        "url": "https://shop.example/orders/K7TX-3M9P?secret=abc",
        "payment": "Transfer 1234.70 EUR with the reference K7TX-3M9P.",
    }


def part_sample(locale: str) -> Mapping[str, Any]:
    """What was bought of a seller."""
    return order_facts(_ORDER, _ADDRESS, locale)


def cart_sample(_locale: str) -> Mapping[str, Any]:
    """What is in a cart."""
    lines = [{"name": one["name"], "quantity": one["quantity"]} for one in _LINES]
    return {"lines": lines, "url": "https://shop.example/cart"}
