"""What a buyer agrees to: the digest of what is bought, where it goes, and all that it costs."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from mercat.checkout import Tender
from mercat_orders.pricing.values import LineCost, Quote, ShippingCost

_LENGTH = 32


def digest_of(quote: Quote, tenders: Sequence[Tender] = ()) -> str:
    """The same for the same things at the same prices, with the same delivery, taxes and tenders.

    What things are called is no part of it: that depends on who reads it in which language.
    """
    place = quote.cart.destination
    said: dict[str, Any] = {
        "currency": quote.cart.currency,
        "to": None if place is None else [place.country, place.region, place.postal_code],
        "lines": [
            [cost.line.variant_id, cost.line.quantity, cost.line.unit_price, _why(cost)]
            for cost in quote.lines
        ],
        "ways": [
            [cost.parcel.seller, cost.option.id if cost.option else None, _why(cost)]
            for cost in quote.shipping
        ],
        "total": quote.totals.total,
        "tenders": [[one.method, one.amount] for one in tenders],
    }
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:_LENGTH]


def _why(cost: LineCost | ShippingCost) -> list[list[Any]]:
    return [[one.kind, one.source, one.amount, one.is_included] for one in cost.adjustments]
