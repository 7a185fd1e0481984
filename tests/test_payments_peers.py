"""What went wrong with payments elsewhere, each tried here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, cast

import httpx
import pytest

from mercat.app import create_app
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.money import Amount
from mercat.payments import Event
from mercat.storage import Storage
from mercat_orders.orders.access import orders
from mercat_payments.ledger import note_events

from . import ordering
from .asking import answered
from .banking import WHEN, Bank, events, lost, operations, refunded, started, stored
from .conftest import EngineFor
from .market import CARL, CORA, offer
from .order_changes import kinds
from .ordering import completed, ready
from .test_hooks import Plugins
from .test_payments import made
from .test_payments_captures import BOSS, MANY, by_hand
from .test_payments_webhooks import looked_at, send

pytestmark = pytest.mark.gate

__all__ = ["made"]


@pytest.fixture
def bank() -> Bank:
    return Bank("bank", **MANY)


@pytest.fixture
async def market(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    path = plugins.add("banks", payment_providers=lambda: [bank])
    toml = ordering.TOML.replace('"tests.plugins_for_tests.till"]', f'"payments", "{path}"]')
    return await engine_for(toml)


@pytest.fixture
async def http(market: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(cast("Any", create_app(market)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


async def test_a_message_about_a_capture_beside_it_captures_once(
    market: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    """medusajs/medusa 13301: a webhook raced the capture, and the amount was captured twice."""
    await started(market, "o", "hold")

    async def told() -> None:
        await asyncio.sleep(0.01)
        await send(http, bank.message("o", "authorized", "captured"))
        await looked_at(market)

    capture = by_hand(market, "paymentCapture", idempotencyKey="k")
    await asyncio.gather(capture, told(), told())
    assert (await stored(market, "o"))["captured"] == 1000
    assert await events(market, "o") == ["authorized", "captured"]
    assert len(bank.accounts["start:o"].captures) == 1


async def test_a_refund_that_timed_out_is_not_forgotten_and_not_made_twice(
    market: Engine, bank: Bank
) -> None:
    """Medusa deleted the refund's row on a time-out: the retry had another key, and doubled it."""
    await started(market, "o")
    bank.trouble("refund", lost())
    assert await refunded(market, "r", "o", 400) == "pending"
    assert ("REFUND", "UNKNOWN") in await operations(market, "o")
    assert await refunded(market, "r", "o", 400) == "done"
    assert bank.accounts["start:o"].back == {"refund:r": 400}


async def test_nothing_is_charged_for_what_is_sold_out(market: Engine, bank: Bank) -> None:
    """vendure-ecommerce/vendure 3065: the buyer was charged, and then there was no stock."""
    thing = await offer(market, stock=1)
    carts = [await ready(market, thing=thing) for _ in range(2)]
    found = await asyncio.gather(
        *(completed(market, cart, method="bank:card") for cart in carts), return_exceptions=True
    )
    assert sum(isinstance(each, Exception) for each in found) == 1
    assert len(bank.accounts) == 1


async def test_three_messages_settle_an_order_once(
    market: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    """Pinelab 620: three webhooks at once settled a payment three times.

    Vendure: the second one then failed, as `Settled` can't become `Settled`.
    """
    done = await completed(market, await ready(market), method="bank:action")
    key = str(done.order["_id"])
    bank.accounts[f"start:{key}"].taken = True
    for _ in range(2):
        answers = [send(http, bank.message(key, "captured")) for _ in range(3)]
        assert await asyncio.gather(*answers) == [200, 200, 200]
        await looked_at(market)
    (order,) = await orders(market.context()).find().to_list()
    assert (order["state"], kinds(order)) == ("CONFIRMED", ["PLACED"])
    assert await events(market, key) == ["captured"]
    given_up = {"given_up_at": {"$ne": None}}
    assert await market.storage.database["outbox"].count_documents(given_up) == 0


async def test_an_old_failure_does_not_undo_what_is_paid(market: Engine, bank: Bank) -> None:
    """shopware/shopware 19037: a late `failed` overwrote `paid`."""
    await started(market, "o")
    late = Event("late", "failed", Amount(1000, "EUR"), "pay-start:o", WHEN)
    found = await note_events(market.context(), await stored(market, "o"), (late,))
    assert (found["state"], found["captured"]) == ("paid", 1000)


async def test_another_payments_reference_from_a_client_pays_nothing(
    market: Engine, bank: Bank
) -> None:
    """reactioncommerce/reaction: the client named the payment intent, and it was believed."""
    paid = (await completed(market, await ready(market), method="bank:card")).order
    stolen = {"ref": f"pay-start:{paid['_id']}", "paymentIntent": f"pay-start:{paid['_id']}"}
    done = await completed(market, await ready(market), method="bank:action", data=stolen)
    key = str(done.order["_id"])
    assert done.action is not None
    found = await stored(market, key)
    assert (found["state"], found["captured"], found["ref"]) == ("action", 0, f"pay-start:{key}")


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 1500), ("EUR", 1999), ("KWD", 12345)])
async def test_a_company_is_asked_for_minor_units_of_each_currency(
    market: Engine, bank: Bank, currency: str, minor: int
) -> None:
    """reactioncommerce/reaction: amounts were divided by 100 whatever the currency."""
    await started(market, "o", "card", amount=minor, currency=currency)
    await refunded(market, "r", "o", 7, currency=currency)
    assert bank.asked("start")[0].money == Amount(minor, currency)
    assert bank.asked("refund")[0].money == Amount(7, currency)


async def test_an_order_that_a_message_completes_has_its_sellers(
    market: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    """mercurjs/mercur 1418: completed by a webhook, the order had no sellers."""
    placed = {}
    for way in ("card", "action"):
        cart = await ready(market, 1, 1, sellers=("anna", "bert"))
        placed[way] = (await completed(market, cart, method=f"bank:{way}")).order
    key = str(placed["action"]["_id"])
    bank.accounts[f"start:{key}"].taken = True
    assert await send(http, bank.message(key, "captured")) == 200
    await looked_at(market)
    shown = []
    for order in placed.values():
        found = await orders(market.context()).find_one({"_id": order["_id"]})
        assert found is not None
        parts = found["seller_orders"]
        shown.append([(part["seller"], part["state"], part["sums"]) for part in parts])
    assert shown[0] == shown[1]
    assert [seller for seller, *_ in shown[0]] == ["anna", "bert"]


async def test_no_company_is_asked_inside_a_transaction(
    market: Engine, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """saleor/saleor 11168: providers were called while rows were locked."""
    inside: ContextVar[bool] = ContextVar("inside", default=False)
    asked: list[tuple[str, bool]] = []
    transaction, called = Storage.transaction, bank._called

    async def watched(self: Storage, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def marked(session: Any) -> Any:
            token = inside.set(True)
            try:
                return await work(session)
            finally:
                inside.reset(token)

        return await transaction(self, marked)

    async def noted(what: str, request: Any) -> None:
        asked.append((what, inside.get()))
        await called(what, request)

    monkeypatch.setattr(Storage, "transaction", watched)
    monkeypatch.setattr(bank, "_called", noted)
    await completed(market, await ready(market), method="bank:hold")
    await started(market, "o", "hold")
    await by_hand(market, "paymentCapture", amount="4", idempotencyKey="k")
    await refunded(market, "r", "o", 100)
    await by_hand(market, "paymentCapture", amount="1", isLast=True, idempotencyKey="l")
    assert {what for what, _ in asked} == {"start", "capture", "refund", "void"}
    assert not any(is_inside for _, is_inside in asked)


async def test_a_buyer_neither_captures_voids_nor_sees_anothers_payment(
    market: Engine, bank: Bank
) -> None:
    """Several shops let whoever knew an id do so."""
    order = (await completed(market, await ready(market), method="bank:hold")).order
    payment = encode_id("Payment", str(order["_id"]))
    for viewer, sees in ((CARL, True), (CORA, False), (BOSS, True)):
        answer = await answered(
            market,
            "query ($id: ID!) { node(id: $id) { ... on Payment { state reference"
            " events { nodes { kind } } operations { key } } } }",
            {"id": payment},
            viewer=viewer,
        )
        node = answer["data"]["node"]
        assert (node is not None) == sees
        if viewer is CARL:
            assert node == {
                "state": "AUTHORIZED",
                "reference": None,
                "events": None,
                "operations": None,
            }
    for name in ("paymentCapture", "paymentVoid"):
        kind = name[0].upper() + name[1:]
        key = ', idempotencyKey: "x"' if name == "paymentCapture" else ""
        document = f"mutation ($id: ID!) {{ {name}(input: {{paymentId: $id{key}}})"
        answer = await answered(
            market, f"{document} {{ userErrors {{ code }} }} }}", {"id": payment}, viewer=CARL
        )
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", kind
