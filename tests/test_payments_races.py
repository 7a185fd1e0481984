"""Messages against mutations, and every order in which a payment's events can come."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from mercat.checkout import CaptureWanted, payment_capture
from mercat.engine import Engine
from mercat.money import Amount
from mercat.payments import Event, EventKind
from mercat_payments.inbox import receive
from mercat_payments.ledger import note_events

from .banking import WHEN, Bank, ended, events, refunded, started, stored
from .conftest import EngineFor
from .test_hooks import Plugins
from .test_payments import made, toml_of
from .test_payments_captures import MANY

pytestmark = pytest.mark.gate

__all__ = ["made"]


@pytest.fixture
def bank() -> Bank:
    return Bank("bank", **MANY)


@pytest.fixture
async def shop(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(plugins, bank))


async def told(shop: Engine, bank: Bank, key: str, *kinds: EventKind) -> None:
    """A message arrives, and is looked at at once."""
    await receive(shop.context(), "bank", *bank.message(key, *kinds))
    await shop.outbox.deliver_due()


@pytest.mark.parametrize("times", [30, pytest.param(500, marks=pytest.mark.long)])
async def test_a_message_against_a_mutation_takes_and_gives_back_once(
    times: int, shop: Engine, bank: Bank
) -> None:
    for number in range(times):
        key = f"o{number}"
        await started(shop, key, "hold")
        wanted = CaptureWanted(key, 600, 1000)
        await asyncio.gather(
            shop.hooks.first(payment_capture, shop.context(), wanted),
            told(shop, bank, key, "authorized", "captured"),
        )
        await asyncio.gather(
            refunded(shop, f"r{number}", key, 200),
            told(shop, bank, key, "captured", "refunded"),
        )
        await told(shop, bank, key, "authorized", "captured", "refunded")
        account, found = bank.accounts[f"start:{key}"], await stored(shop, key)
        assert list(account.captures.values()) == [600], key
        assert list(account.back.values()) == [200], key
        assert await events(shop, key) == ["authorized", "captured", "refunded"], key
        figures = [found[name] for name in ("authorized", "captured", "refunded", "capturing")]
        assert (figures, found["refunding"]) == ([400, 600, 200, 0], 0), key


STORY: tuple[tuple[EventKind, str, int], ...] = (
    ("authorized", "a", 1000),
    ("captured", "c", 700),
    ("voided", "a", 300),
    ("refunded", "r", 200),
    ("dispute_opened", "d", 100),
)


async def test_all_orders_of_five_events_with_duplicates_come_to_the_same(shop: Engine) -> None:
    for number, order in enumerate(itertools.permutations(STORY)):
        key = f"o{number}"
        await started(shop, key, "later")
        again = order[number % 5]
        for kind, ref, amount in (*order, again):
            money = Amount(amount, "EUR")
            event = Event(f"{key}-{kind}", kind, money, f"{key}-{ref}", WHEN + timedelta(hours=1))
            await note_events(shop.context(), await stored(shop, key), (event,))
        found = await stored(shop, key)
        names = ("authorized", "captured", "refunded", "disputed", "refundable", "capturable")
        figures = [found[name] for name in names]
        assert (figures, found["state"]) == ([0, 700, 200, 100, 400, 0], "paid"), order
    assert number == 119


async def test_an_end_against_a_capture_leaves_nothing_taken(shop: Engine, bank: Bank) -> None:
    for number in range(50):
        key = f"o{number}"
        await started(shop, key, "hold")
        wanted = CaptureWanted(key, 600, 600)
        await asyncio.gather(
            shop.hooks.first(payment_capture, shop.context(), wanted), ended(shop, key)
        )
        assert await ended(shop, key) == "ended"
        assert bank.taken(key) == 0, key
