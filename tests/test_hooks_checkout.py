"""The hooks of the checkout: each is called, and its answer has effect."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mercat import checkout
from mercat.checkout import (
    Cart,
    CartProblem,
    Discount,
    GoneError,
    OrderBegun,
    Parcel,
    PaymentMethod,
    PaymentStatus,
    PaymentWanted,
    PriceAdjustment,
    RefundStatus,
    RefundWanted,
    ShippingOption,
    Tax,
    TaxAnswer,
    TaxQuestion,
    Tender,
)
from mercat.context import Context
from mercat.ids import encode_id
from mercat.storage import Session
from mercat_orders.carts.access import carts
from mercat_orders.carts.leaving import tell_abandoned
from mercat_orders.carts.reading import look_at
from mercat_orders.checkout.completing import complete
from mercat_orders.checkout.errors import DeclinedError, QuoteChangedError
from mercat_orders.checkout.reconciling import follow_payment
from mercat_orders.checkout.wanting import Agreement, Completion
from mercat_orders.orders.access import orders
from mercat_orders.pricing.quotes import digest_of

from .asking import answered
from .conftest import EngineFor, until
from .market import CARL, TOML, cart_of, changed, line, offer, sums
from .ordering import completed, left, ready
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


class Voucher:
    """A plugin with a discount that few may have; its uses are counted in the database."""

    def __init__(self, plugins: Plugins, most: int) -> None:
        self.most = most
        self.begun: list[OrderBegun] = []
        self.undone: list[str] = []

        async def cart_discounts(context: Context) -> Sequence[Discount]:
            used = await self.uses(context).count_documents({})
            return [Discount("order", "2 off", "vouchers:a", amount=200)] if used < most else []

        async def order_begun(context: Context, session: Session, order: OrderBegun) -> None:
            self.begun.append(order)
            if not order.discounts:
                return
            number = await self.uses(context).count_documents({}, session=session)
            if number >= self.most:
                raise GoneError("all vouchers were used")
            await self.uses(context).insert_one({"_id": number, "order": order.id}, session=session)

        async def order_undone(context: Context, session: Session, order_id: str) -> None:
            self.undone.append(order_id)
            await self.uses(context).delete_one({"order": order_id}, session=session)

        plugins.add(
            "vouchers",
            cart_discounts=cart_discounts,
            order_begun=order_begun,
            order_undone=order_undone,
        )

    def uses(self, context: Context) -> Any:
        return context.storage.database["voucher_uses"]


async def test_hook_order_begun(plugins: Plugins, engine_for: EngineFor) -> None:
    Counter(plugins, PaymentStatus("paid"))
    voucher = Voucher(plugins, 2)
    engine = await engine_for(shop_of(plugins))
    ready_ones = [await ready(engine, 1) for _ in range(6)]
    done = await asyncio.gather(*(completed(engine, cart, method="counter") for cart in ready_ones))
    totals = sorted(one.order["sums"]["total"] for one in done)
    assert totals == [1_290, 1_290, 1_490, 1_490, 1_490, 1_490]
    assert await voucher.uses(engine.context()).count_documents({}) == 2
    had = next(one for one in voucher.begun if one.discounts)
    assert (dict(had.discounts), had.user, had.currency, had.country) == (
        *({"vouchers:a": 200}, CARL.user, "EUR", "DE"),
    )
    assert {one.cart for one in voucher.begun} == {cart["_id"] for cart in ready_ones}


async def test_what_was_agreed_to_and_is_gone_has_to_be_agreed_to_anew(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    counter = Counter(plugins, PaymentStatus("paid"))
    Voucher(plugins, 1)
    engine = await engine_for(shop_of(plugins))
    carts_of = [await ready(engine, 1) for _ in range(2)]
    context = Context(engine, CARL)
    quotes = [digest_of((await look_at(context, cart)).quote) for cart in carts_of]
    first, second = (
        complete(
            context,
            cart["_id"],
            Completion(Agreement(quote=quote), method="counter", accepts_terms=True),
        )
        for cart, quote in zip(carts_of, quotes, strict=True)
    )
    await first
    with pytest.raises(QuoteChangedError) as refused:
        await second
    assert refused.value.view.quote.totals.total == 1_490
    (paid,) = counter.wanted
    assert paid.amount == 1_290


async def test_hook_order_undone(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("declined", "no cash"))
    voucher = Voucher(plugins, 1)
    engine = await engine_for(shop_of(plugins))
    cart = await ready(engine, 1)
    with pytest.raises(DeclinedError):
        await completed(engine, cart, method="counter")
    assert voucher.undone == [voucher.begun[0].id]
    counter.status = PaymentStatus("paid")
    order = (await completed(engine, cart, method="counter")).order
    assert order["sums"]["total"] == 1_290
    (part,) = order["seller_orders"]
    asked = """mutation ($input: OrderCancelInput!) { orderCancel(input: $input) {
      order { state } userErrors { code } } }"""
    for _ in range(2):
        given = {"input": {"sellerOrderId": encode_id("SellerOrder", part["id"]), "reason": "x"}}
        await answered(engine, asked, given, viewer=CARL)
    assert voucher.undone[1:] == [str(order["_id"])]
    assert await voucher.uses(engine.context()).count_documents({}) == 0


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


class Counter:
    """What a plugin that takes money is asked, and answers."""

    def __init__(self, plugins: Plugins, *answers: PaymentStatus) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refunds: list[RefundWanted] = []
        self.wanted: list[PaymentWanted] = []
        self._answers = list(answers)
        self.status: PaymentStatus | None = None

        async def payment_methods(cart: Cart, total: int) -> Sequence[PaymentMethod]:
            self.asked.append(("methods", f"{total} {cart.currency}"))
            return [PaymentMethod("counter", "At the counter", "Bring cash.")]

        async def payment_start(wanted: PaymentWanted) -> PaymentStatus | None:
            self.wanted.append(wanted)
            self.status = self._answers.pop(0) if self._answers else self.status
            return self.status

        async def payment_status(key: str) -> PaymentStatus | None:
            self.asked.append(("status", key))
            return self.status

        async def payment_end(key: str, reason: str) -> PaymentStatus | None:
            self.asked.append(("end", f"{key} {reason}"))
            return PaymentStatus("ended")

        async def payment_refund(wanted: RefundWanted) -> RefundStatus:
            self.refunds.append(wanted)
            return RefundStatus("done")

        plugins.add(
            "counters",
            payment_methods=payment_methods,
            payment_start=payment_start,
            payment_status=payment_status,
            payment_end=payment_end,
            payment_refund=payment_refund,
        )


async def test_hook_payment_methods(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins)
    engine = await engine_for(shop_of(plugins))
    cart = await ready(engine, 1)
    asked = "query ($id: ID) { cart(id: $id) { paymentMethods { id name description } } }"
    answer = await answered(engine, asked, {"id": encode_id("Cart", cart["_id"])}, viewer=CARL)
    (method,) = answer["data"]["cart"]["paymentMethods"]
    assert method == {"id": "counter", "name": "At the counter", "description": "Bring cash."}
    assert ("methods", "1490 EUR") in counter.asked


async def test_hook_cart_tenders(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("paid"))
    asked: list[tuple[str, int]] = []

    async def cart_tenders(cart: Cart, total: int) -> Sequence[Tender]:
        asked.append((cart.id, total))
        return [Tender("counter:voucher", 500), Tender("counter:more", 9_999)]

    plugins.add("vouchers", cart_tenders=cart_tenders)
    engine = await engine_for(shop_of(plugins))
    cart = await ready(engine, 1)
    order = (await completed(engine, cart, method="counter")).order
    assert (cart["_id"], 1_490) in asked
    assert [(one.key, one.method, one.amount) for one in counter.wanted] == [
        (f"{order['_id']}.2", "counter:voucher", 500),
        (f"{order['_id']}.3", "counter:more", 990),
    ]
    assert order["state"] == "CONFIRMED"


async def test_hook_payment_start(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("on_delivery"))
    engine = await engine_for(shop_of(plugins))
    done = await completed(engine, await ready(engine, 1), method="counter")
    (wanted,) = counter.wanted
    assert wanted.key == str(done.order["_id"])
    assert (wanted.amount, wanted.currency) == (1_490, "EUR")
    assert wanted.order_number == done.order["code"]
    assert done.order["payment"]["state"] == "on_delivery"


async def test_hook_payment_status(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("unknown"))
    engine = await engine_for(shop_of(plugins))
    done = await completed(engine, await ready(engine, 1), method="counter")
    assert done.order["state"] == "PLACING"
    counter.status = PaymentStatus("paid")
    await left(engine)
    assert ("status", str(done.order["_id"])) in counter.asked
    found = await orders(engine.context()).find_one({"_id": done.order["_id"]})
    assert found is not None
    assert found["state"] == "CONFIRMED"


async def test_hook_payment_end(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("declined", "no cash"))
    engine = await engine_for(shop_of(plugins))
    with pytest.raises(DeclinedError, match="no cash"):
        await completed(engine, await ready(engine, 1), method="counter")
    assert [what for what, _ in counter.asked if what == "end"] == ["end"]


async def test_hook_payment_changed(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("awaited"))
    engine = await engine_for(shop_of(plugins), work=True)
    done = await completed(engine, await ready(engine, 1), method="counter")
    assert done.order["state"] == "PENDING"
    counter.status = PaymentStatus("paid")
    context = engine.context()
    key = str(done.order["_id"])

    async def tell(session: Session) -> None:
        await engine.outbox.add(session, checkout.payment_changed, context, key)

    await engine.storage.transaction(tell)

    async def confirmed() -> bool:
        found = await orders(context).find_one({"_id": done.order["_id"]})
        return found is not None and found["state"] == "CONFIRMED"

    await until(confirmed)


async def test_hook_order_placed(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[str] = []

    async def order_placed(order_id: str) -> None:
        told.append(order_id)

    Counter(plugins, PaymentStatus("paid"))
    plugins.add("mails", order_placed=order_placed)
    engine = await engine_for(shop_of(plugins), work=True)
    done = await completed(engine, await ready(engine, 1), method="counter")

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    assert told == [str(done.order["_id"])]


async def test_hook_order_changed(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[tuple[str, str]] = []

    async def order_changed(order_id: str, kind: str) -> None:
        told.append((order_id, kind))

    counter = Counter(plugins, PaymentStatus("awaited"))
    plugins.add("mails", order_changed=order_changed)
    engine = await engine_for(shop_of(plugins), work=True)
    done = await completed(engine, await ready(engine, 1), method="counter")
    counter.status = PaymentStatus("paid")
    await follow_payment(engine.context(), str(done.order["_id"]))

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    assert told == [(str(done.order["_id"]), "PAYMENT_CHANGED")]


async def test_hook_payment_refund(plugins: Plugins, engine_for: EngineFor) -> None:
    counter = Counter(plugins, PaymentStatus("paid"))
    engine = await engine_for(shop_of(plugins))
    done = await completed(engine, await ready(engine, 1), method="counter")
    asked = """mutation ($id: ID!) { orderCancel(input: { orderId: $id, reason: "too late" }) {
      order { state } userErrors { code } } }"""
    key = encode_id("Order", done.order["_id"])
    answer = await answered(engine, asked, {"id": key}, viewer=CARL)
    assert answer["data"]["orderCancel"] == {"order": {"state": "CANCELLED"}, "userErrors": []}
    (refund,) = counter.refunds
    assert (refund.payment, refund.amount, refund.currency, refund.reason) == (
        *(str(done.order["_id"]), 1_490, "EUR", "too late"),
    )
    found = await orders(engine.context()).find_one({"_id": done.order["_id"]})
    assert found is not None
    assert [(one["state"], str(one["id"])) for one in found["refunds"]] == [("DONE", refund.key)]
