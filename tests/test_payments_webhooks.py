"""Messages of payment providers: verified, written down, answered, and looked at afterwards."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest

from mercat.app import create_app
from mercat.checkout import payment_end
from mercat.engine import Engine
from mercat.payments import Capabilities, Declined, Outcome, Start
from mercat_payments.settling import ask_again

from .banking import SECRET, Bank, events, make_due, refunded, started, status, stored
from .conftest import EngineFor
from .test_hooks import Plugins
from .test_payments import toml_of


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
async def shop(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(plugins, bank))


@pytest.fixture
async def http(shop: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(cast("Any", create_app(shop)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


async def send(
    http: httpx.AsyncClient, message: tuple[bytes, dict[str, str]], to: str = "bank"
) -> int:
    raw, headers = message
    answer = await http.post(f"/payments/{to}/webhook", content=raw, headers=headers)
    return answer.status_code


async def waiting(shop: Engine) -> int:
    """How many messages are written down, and not looked at yet."""
    return await shop.storage.database["outbox"].count_documents({"hook": "payment_events"})


async def looked_at(shop: Engine) -> None:
    """Have everything delivered that is due, however often it was put off."""
    for _ in range(3):
        await shop.storage.database["outbox"].update_many(
            {}, {"$set": {"due_at": datetime(2020, 1, 1, tzinfo=UTC)}}
        )
        await shop.outbox.deliver_due()


async def test_hook_payment_events(shop: Engine, bank: Bank, http: httpx.AsyncClient) -> None:
    await started(shop, "1", "later")
    bank.accounts["start:1"].taken = True
    assert await send(http, bank.message("1", "captured")) == 200
    assert (await waiting(shop), (await stored(shop, "1"))["state"]) == (1, "awaited")
    await looked_at(shop)
    assert (await waiting(shop), (await stored(shop, "1"))["state"]) == (0, "paid")
    assert await events(shop, "1") == ["captured"]


async def test_a_message_that_comes_twice_or_at_once_counts_once(
    shop: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    await started(shop, "1", "later")
    bank.accounts["start:1"].taken = True
    message = bank.message("1", "captured")
    assert set(await asyncio.gather(*(send(http, message) for _ in range(8)))) == {200}
    await looked_at(shop)
    assert await send(http, message) == 200
    await looked_at(shop)
    assert (await events(shop, "1"), await waiting(shop)) == (["captured"], 0)
    assert (await stored(shop, "1"))["captured"] == 1000


@pytest.mark.parametrize("kinds", [("captured", "refunded"), ("refunded", "captured")])
async def test_messages_come_to_the_same_in_any_order(
    shop: Engine, bank: Bank, http: httpx.AsyncClient, kinds: tuple[Any, ...]
) -> None:
    await started(shop, "1", "later")
    bank.accounts["start:1"].taken = True
    bank.accounts["start:1"].back["by the bank itself"] = 300
    for kind in kinds:
        assert await send(http, bank.message("1", kind)) == 200
        await looked_at(shop)
    payment = await stored(shop, "1")
    assert (payment["captured"], payment["refunded"], payment["refundable"]) == (1000, 300, 700)
    assert await refunded(shop, "r", "1", 700) == "done"


async def test_a_message_that_is_faster_than_the_answer_is_looked_at_again(
    shop: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    async def overtaken() -> None:
        bank.accounts["start:1"].taken = True
        assert await send(http, bank.message("1", "captured")) == 200
        await shop.outbox.deliver_due()
        assert await waiting(shop) == 1

    bank.trouble("start", overtaken)
    await started(shop, "1", "later")
    await looked_at(shop)
    assert (await waiting(shop), await events(shop, "1")) == (0, ["captured"])
    assert await status(shop, "1") == "paid"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (None, None),
        (None, "0" * 64),
        (b'{"shop": "ours", "ref": "pay-start:2", "kinds": ["captured"]}', "of another"),
        (b"", "of another"),
        (b"\xff\xfe" * 1000, "of another"),
    ],
)
async def test_a_forged_message_is_refused_and_leaves_nothing(
    shop: Engine,
    bank: Bank,
    http: httpx.AsyncClient,
    caplog: Any,
    body: bytes | None,
    signature: str | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    await started(shop, "1", "later")
    bank.accounts["start:1"].taken = True
    raw, headers = bank.message("1", "captured")
    if signature != "of another":
        headers = {} if signature is None else {"x-bank-signature": signature}
    answer = await http.post(
        "/payments/bank/webhook", content=raw if body is None else body, headers=headers
    )
    assert (answer.status_code, await waiting(shop)) == (400, 0)
    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert await events(shop, "1") == []


async def test_a_strangers_payment_is_taken_note_of_by_nobody(
    shop: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    await started(shop, "1")
    assert await send(http, bank.message("1", "captured", shop="another")) == 200
    assert await waiting(shop) == 0


async def test_who_takes_no_messages_is_not_found(shop: Engine, http: httpx.AsyncClient) -> None:
    for code in ("manual", "x" * 300, "../bank"):
        assert await send(http, (b"{}", {}), to=code) == 404
    answer = await http.get("/payments/bank/webhook")
    assert answer.status_code == 405


async def test_a_message_that_is_too_long_is_not_read(
    shop: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    answer = await http.post("/payments/bank/webhook", content=endless())
    assert answer.status_code == 413
    answer = await http.post("/payments/bank/webhook", content=b"x" * 300_000)
    assert answer.status_code == 413


async def test_a_provider_that_breaks_over_a_message_refuses_it(
    plugins: Plugins, engine_for: EngineFor, caplog: Any
) -> None:
    class Broken(Bank):
        def parse_webhook(self, raw: bytes, headers: Any) -> Any:
            raise RuntimeError(f"with {SECRET}, {raw!r}, {headers}")

    broken = Broken()
    assert broken.capabilities == Capabilities(partial_refund=True, redirect=True)
    shop = await engine_for(toml_of(plugins, broken))
    transport = httpx.ASGITransport(cast("Any", create_app(shop)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        assert await send(http, (b"{}", {})) == 400
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


async def test_a_payment_that_ended_gives_back_what_a_message_says_was_taken(
    shop: Engine, bank: Bank, http: httpx.AsyncClient
) -> None:
    await started(shop, "1", "later")
    await shop.hooks.first(payment_end, shop.context(), "1", "sold out")
    bank.accounts["start:1"].taken = True
    assert await send(http, bank.message("1", "captured")) == 200
    await looked_at(shop)
    await make_due(shop, "1")
    await ask_again(shop.context())
    payment = await stored(shop, "1")
    assert (payment["state"], payment["captured"], payment["refunded"]) == ("ended", 1000, 1000)
    assert bank.taken("1") == 0


@pytest.mark.parametrize("way", ["later", "action"])
async def test_what_no_message_ever_told_is_asked_for(shop: Engine, bank: Bank, way: str) -> None:
    await started(shop, "1", way)
    bank.accounts["start:1"].taken = True
    await make_due(shop, "1")
    await ask_again(shop.context())
    payment = await stored(shop, "1")
    assert (payment["state"], payment["ask_at"]) == ("paid", None)
    assert await events(shop, "1") == ["captured"]


async def test_a_payment_that_stays_open_is_asked_for_later_and_later(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "1", "later")
    pauses = []
    for _ in range(4):
        await make_due(shop, "1")
        before = datetime.now(UTC)
        await ask_again(shop.context())
        pauses.append(((await stored(shop, "1"))["ask_at"] - before).total_seconds())
    assert [round(pause / 20) for pause in pauses] == [1, 2, 4, 8]
    assert len(bank.asked("fetch")) == 4


class Refusing(Bank):
    """A bank that begins a payment, refuses it, and sends a message about it."""

    async def start(self, request: Start) -> Outcome:
        await super().start(request)
        return Declined("no", "The bank says no.", ref=f"pay-{request.key}")


async def test_a_message_about_a_declined_payment_finds_it(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    bank = Refusing()
    shop = await engine_for(toml_of(plugins, bank))
    assert (await started(shop, "A")).state == "declined"
    transport = httpx.ASGITransport(cast("Any", create_app(shop)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert await send(client, bank.message("A", "captured")) == 200
    await looked_at(shop)
    assert await waiting(shop) == 0
    assert (await stored(shop, "A"))["captured"] == 1000, "the message is believed, late as it is"
