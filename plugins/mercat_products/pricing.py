"""What prices look like."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from mercat.graphql.scalars import CurrencyCode
from mercat.graphql.schema import Money
from mercat.storage import Record
from mercat_products.offers import amount_for

Currency = Annotated[
    CurrencyCode | None, strawberry.argument(description="The shop's own where left out.")
]


@strawberry.type(description="What one costs where at least so many are bought.")
class PriceBreak:
    quantity: int = strawberry.field(description="From how many on.")
    price: Money = strawberry.field(description="What one costs then.")


@strawberry.type(description="What a variant costs.")
class VariantPrice:
    price: Money = strawberry.field(description="What one costs in the quantity asked for.")
    compare_at: Money | None = strawberry.field(description="What it used to cost.")
    breaks: list[PriceBreak] = strawberry.field(
        description="What larger quantities cost, the smallest first."
    )


@strawberry.type(description="From the cheapest variant to the dearest.")
class PriceRange:
    minimum: Money = strawberry.field(description="The cheapest variant's price.")
    maximum: Money = strawberry.field(description="The dearest variant's price.")


def price_in(prices: Sequence[Record], currency: str, quantity: int = 1) -> VariantPrice | None:
    """The price of one of so many in a currency, or None; nothing is ever converted."""
    for price in prices:
        if price["currency"] == currency:
            compare_at = price.get("compare_at")
            breaks = price.get("breaks")
            return VariantPrice(
                price=Money.of(amount_for(price, quantity), currency),
                compare_at=_before(compare_at, price["amount"], currency),
                breaks=_to_breaks(breaks, currency) if breaks else [],
            )
    return None


def _before(amount: int | None, now: int, currency: str) -> Money | None:
    """What it used to cost, which says nothing unless it is more than what it costs."""
    return Money.of(amount, currency) if amount is not None and amount > now else None


def _to_breaks(breaks: Sequence[Record], currency: str) -> list[PriceBreak]:
    return [
        PriceBreak(quantity=one["quantity"], price=Money.of(one["amount"], currency))
        for one in breaks
    ]


def price_range(variants: Sequence[Record], currency: str) -> PriceRange | None:
    """From the least to the greatest price in a currency; None where there is none."""
    amounts = [
        price["amount"]
        for variant in variants
        for price in variant["prices"]
        if price["currency"] == currency
    ]
    if not amounts:
        return None
    return PriceRange(
        minimum=Money.of(min(amounts), currency),
        maximum=Money.of(max(amounts), currency),
    )
