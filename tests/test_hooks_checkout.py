"""The hooks of the checkout: each is called, and its answer has effect."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mercat.checkout import (
    Cart,
    CartProblem,
    Discount,
    Parcel,
    PriceAdjustment,
    ShippingOption,
    Tax,
    TaxAnswer,
    TaxQuestion,
)
from mercat_orders.carts.access import carts
from mercat_orders.carts.leaving import tell_abandoned

from .conftest import EngineFor, until
from .market import TOML, cart_of, changed, line, offer, sums
from .test_hooks import Plugins


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


def shop_of(plugins: Plugins) -> str:
    """The market with the plugins of the test behind its own."""
    enabled = plugins.toml("media", "products", "orders").split("enabled = ")[1].splitlines()[0]
    return TOML.replace('["media", "products", "orders"]', enabled)


async def test_hook_price_adjustments(plugins: Plugins, engine_for: EngineFor) -> None:
    async def price_adjustments(cart: Cart) -> Sequence[PriceAdjustment]:
        return [PriceAdjustment(one.id, 900, "For friends", "friends:vip") for one in cart.lines]

    plugins.add("friends", price_adjustments=price_adjustments)
    engine = await engine_for(shop_of(plugins))
    cart = await cart_of(engine, line(await offer(engine, prices={"EUR": 1_000}), 2))
    assert sums(cart)[0] == "18.00"
    assert cart["lines"][0]["unitPrice"]["amount"] == "9.00"
    why = cart["totals"]["adjustments"][0]
    assert (why["kind"], why["label"], why["amount"]["amount"]) == (
        *("PRICE", "For friends", "-2.00"),
    )
    assert cart["lines"][0]["priceChangedFrom"] is None, "it is the buyer's own price"


async def test_hook_cart_discounts(plugins: Plugins, engine_for: EngineFor) -> None:
    async def cart_discounts(cart: Cart) -> Sequence[Discount]:
        return [
            Discount("order", "2 off", "offs:a", amount=200),
            Discount("lines", "10 % off", "offs:b", rate=Decimal("0.1"), lines=(cart.lines[0].id,)),
            Discount("shipping", "Free delivery", "offs:c", rate=Decimal(1)),
        ]

    plugins.add("offs", cart_discounts=cart_discounts)
    engine = await engine_for(shop_of(plugins))
    lines = [line(await offer(engine, prices={"EUR": price})) for price in (1_000, 100)]
    cart = await cart_of(engine, *lines)
    selections = [{"optionId": "standard"}]
    cart = await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=selections)
    assert sums(cart)[:3] == ["11.00", "7.90", "4.90"]
    assert sums(cart)[4] == "8.00"
    assert [one["totals"]["discounts"]["amount"] for one in cart["lines"]] == ["2.80", "0.20"]


async def test_hook_shipping_options(plugins: Plugins, engine_for: EngineFor) -> None:
    async def shipping_options(parcels: Sequence[Parcel]) -> Sequence[Sequence[ShippingOption]]:
        return [
            [ShippingOption("drone", "Drone", parcel.weight * 2, "drones:x", days=(0, 1))]
            for parcel in parcels
        ]

    plugins.add("drones", shipping_options=shipping_options)
    engine = await engine_for(shop_of(plugins))
    cart = await cart_of(engine, line(await offer(engine, weight=150), 2))
    selections = [{"optionId": "drone"}]
    cart = await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=selections)
    assert [way["id"] for way in cart["parcels"][0]["options"]] == ["standard", "express", "drone"]
    assert sums(cart)[2] == "6.00"


async def test_hook_taxes(plugins: Plugins, engine_for: EngineFor) -> None:
    async def taxes(question: TaxQuestion) -> TaxAnswer | None:
        if question.destination.country != "JP":
            return None
        items = tuple(item.id for item in question.items)
        return TaxAnswer((Tax("Tithe", Decimal("0.1"), items, "tithes:x"),), included=False)

    plugins.add("tithes", taxes=taxes)
    engine = await engine_for(shop_of(plugins))
    cup = await offer(engine, prices={"EUR": 1_190})
    cart = await cart_of(engine, line(cup))
    assert sums(cart)[3:] == ["1.90", "11.90"], "nobody else answers: the shop's zones do"
    cart = await changed(engine, "cartMarketSet", cartId=cart["id"], country="JP")
    assert sums(cart)[2:] == ["20.00", "3.19", "35.09"]


async def test_hook_cart_problems(plugins: Plugins, engine_for: EngineFor) -> None:
    async def cart_problems(cart: Cart) -> Sequence[CartProblem]:
        return [CartProblem("TOO_YOUNG", "not before 18", cart.lines[0].id)]

    plugins.add("ages", cart_problems=cart_problems)
    engine = await engine_for(shop_of(plugins))
    cart = await cart_of(engine, line(await offer(engine)))
    last = cart["problems"][-1]
    assert (last["code"], last["message"]) == ("OTHER", "not before 18")
    assert last["lineId"] == cart["lines"][0]["id"]


async def test_hook_cart_abandoned(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[str] = []

    async def cart_abandoned(cart_id: str) -> None:
        told.append(cart_id)

    plugins.add("reminders", cart_abandoned=cart_abandoned)
    engine = await engine_for(shop_of(plugins), work=True)
    await cart_of(engine, line(await offer(engine)))
    context = engine.context()
    past = datetime.now(UTC) - timedelta(hours=25)
    await carts(context).update_many({}, {"$set": {"updated_at": past}})
    await tell_abandoned(context)

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    (stored,) = await carts(context).find().to_list()
    assert told == [stored["_id"]]
