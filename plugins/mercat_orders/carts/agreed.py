"""What staff agreed on with the buyer of a cart that they prepared."""

from decimal import Decimal

from mercat.checkout import Discount, PriceAdjustment
from mercat.storage import Record

_SOURCE = "orders:draft"


def agreed_prices(record: Record) -> list[PriceAdjustment]:
    """Prices of lines that hold whatever the catalogue and the plugins say."""
    prices = (record.get("draft") or {}).get("prices", {})
    return [PriceAdjustment(line, price, "As agreed", _SOURCE) for line, price in prices.items()]


def agreed_discounts(record: Record) -> list[Discount]:
    """What is taken off the order."""
    return [
        Discount(
            "order",
            each["label"],
            _SOURCE,
            amount=each["amount"],
            rate=None if each["rate"] is None else Decimal(each["rate"]),
        )
        for each in (record.get("draft") or {}).get("discounts", ())
    ]
