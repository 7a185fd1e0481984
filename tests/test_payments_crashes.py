"""A kill at every await of a payment, one after the other: the retry has one effect.

A kill is a cancellation that comes instead of a call, or after it was done and before its answer
was heard, of the database as of the provider.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor

from mercat.checkout import CaptureStatus, CaptureWanted, payment_capture
from mercat.engine import Engine
from mercat.storage.stepdown import PatientCollection
from mercat_payments.inbox import receive, take
from mercat_payments.vault import customer_of

from .banking import Bank, ended, events, refunded, started, status, stored
from .conftest import EngineFor
from .simulating import TABLE
from .simulating import TOML as SIMULATED
from .test_hooks import Plugins
from .test_payments import bank, made, shop, toml_of
from .test_payments_captures import MANY

pytestmark = pytest.mark.gate

__all__ = ["bank", "made", "shop"]

_CALLS: tuple[tuple[type[Any], str], ...] = (
    *((PatientCollection, name) for name in ("insert_one", "update_one", "find_one_and_update")),
    *((AsyncCollection, name) for name in ("find_one", "insert_many", "count_documents")),
    (AsyncCursor, "to_list"),
    (AsyncClientSession, "commit_transaction"),
    (Bank, "_called"),
)


class Killer:
    """Cancels at the call of that number, before it or after it."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number = number
        self.after = after
        self.count = 0

    def wrapped(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def killed(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            is_now = self.count == self.number
            if is_now and not self.after:
                raise asyncio.CancelledError
            found = await call(*args, **kwargs)
            if is_now:
                raise asyncio.CancelledError
            return found

        return killed


@contextmanager
def killing(number: int, *, after: bool) -> Iterator[Killer]:
    killer = Killer(number, after=after)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _CALLS:
            patch.setattr(owner, name, killer.wrapped(getattr(owner, name)))
        yield killer


async def killed_at_each(
    work: Callable[[str], Awaitable[object]],
    prepare: Callable[[str], Awaitable[object]],
    check: Callable[[str], Awaitable[None]],
    name: str,
    every: int = 1,
) -> int:
    """Run `work` killed at its first call, its second and so on; returns how many there were.

    `every` leaves out those between.
    """
    for after in (False, True):
        for number in itertools.count(1, every):
            key = f"{name}-{after}-{number}"
            await prepare(key)
            try:
                with killing(number, after=after):
                    await work(key)
            except asyncio.CancelledError:
                await check(key)
            else:
                await check(key)
                if after:
                    return number - 1
                break
    raise AssertionError


async def nothing(key: str) -> None:
    """Nothing has to be there before."""


@pytest.mark.parametrize(("way", "state"), [("card", "paid"), ("hold", "authorized")])
async def test_a_kill_at_any_await_of_a_start_leaves_one_effect(
    shop: Engine, bank: Bank, way: str, state: str
) -> None:
    async def check(key: str) -> None:
        assert (await started(shop, key, way)).state == state
        assert [each for each in bank.accounts if each == f"start:{key}"] == [f"start:{key}"]
        assert await events(shop, key) == ["captured" if way == "card" else "authorized"]
        assert {request.key for request in bank.asked("start")} == set(bank.accounts)

    places = await killed_at_each(lambda key: started(shop, key, way), nothing, check, way)
    assert places >= 6


async def test_a_kill_at_any_await_of_a_resume_leaves_one_effect(shop: Engine, bank: Bank) -> None:
    async def resume(key: str) -> object:
        return await started(shop, key, "action", data={"code": "right"})

    async def check(key: str) -> None:
        await resume(key)
        assert await status(shop, key) == "paid"
        assert bank.taken(key) == 1000
        assert await events(shop, key) == ["captured"]

    async def prepare(key: str) -> None:
        await started(shop, key, "action")

    assert await killed_at_each(resume, prepare, check, "resume") >= 6


async def test_a_kill_at_any_await_of_a_refund_gives_back_once(shop: Engine, bank: Bank) -> None:
    async def refund(key: str) -> object:
        return await refunded(shop, f"r-{key}", key, 600)

    async def check(key: str) -> None:
        assert await refund(key) == "done"
        assert bank.accounts[f"start:{key}"].back == {f"refund:r-{key}": 600}
        found = await stored(shop, key)
        assert (found["refunded"], found["refunding"], found["refundable"]) == (600, 0, 400)

    async def prepare(key: str) -> None:
        await started(shop, key)

    assert await killed_at_each(refund, prepare, check, "refund") >= 10


@pytest.mark.parametrize("way", ["card", "hold", "action"])
async def test_a_kill_at_any_await_of_an_end_leaves_nothing_taken(
    shop: Engine, bank: Bank, way: str
) -> None:
    async def check(key: str) -> None:
        assert await ended(shop, key) == "ended"
        account = bank.accounts[f"start:{key}"]
        assert bank.taken(key) == 0
        assert account.let_go is (way != "card")
        assert len(account.back) == (1 if way == "card" else 0)
        assert (await started(shop, key, way)).state == "ended"

    async def prepare(key: str) -> None:
        await started(shop, key, way)

    assert await killed_at_each(lambda key: ended(shop, key), prepare, check, f"end-{way}") >= 10


async def test_a_kill_at_any_await_of_a_start_and_an_end_instead_of_a_retry(
    shop: Engine, bank: Bank
) -> None:
    async def check(key: str) -> None:
        assert await ended(shop, key) in {"ended", None}
        assert bank.taken(key) == 0
        assert (await started(shop, key)).state == "ended"
        assert bank.taken(key) == 0

    assert await killed_at_each(lambda key: started(shop, key), nothing, check, "late") >= 6


async def test_a_kill_at_any_await_of_a_capture_takes_once_and_lets_go_of_the_rest(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    bank = Bank("bank", **MANY)
    shop = await engine_for(toml_of(plugins, bank))

    async def capture(key: str) -> CaptureStatus | None:
        wanted = CaptureWanted(key, 600, 600)
        found = await shop.hooks.first(payment_capture, shop.context(), wanted)
        assert isinstance(found, CaptureStatus)
        return found

    async def check(key: str) -> None:
        assert await capture(key) == CaptureStatus("done")
        account = bank.accounts[f"start:{key}"]
        assert (account.captures, account.released) == ({f"capture:{key}:600": 600}, 400)
        found = await stored(shop, key)
        assert (found["captured"], found["capturing"], found["authorized"]) == (600, 0, 0)
        assert (found["state"], found["left"]) == ("paid", None)

    async def prepare(key: str) -> None:
        await started(shop, key, "hold")

    assert await killed_at_each(capture, prepare, check, "capture") >= 15


async def test_a_kill_at_any_await_of_a_message_counts_it_once(shop: Engine, bank: Bank) -> None:
    async def hear(key: str) -> None:
        message = bank.message(key, "captured")
        await receive(shop.context(), "bank", *message)
        await take(shop.context(), "bank", bank.parse_webhook(*message))

    async def check(key: str) -> None:
        await hear(key)
        assert await events(shop, key) == ["captured"]
        found = await stored(shop, key)
        assert (found["state"], found["captured"], found["start"]) == ("paid", 1000, "DONE")

    async def prepare(key: str) -> None:
        await started(shop, key, "later")
        bank.accounts[f"start:{key}"].taken = True

    assert await killed_at_each(hear, prepare, check, "message") >= 7


async def test_a_kill_at_any_await_of_an_enrolment_enrols_one_customer(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(SIMULATED, plugins=TABLE)

    async def enrol(key: str) -> str:
        return await customer_of(shop.context(), "sandbox", key)

    async def check(key: str) -> None:
        ref = await enrol(key)
        known = shop.storage.database["payment_customers"]
        assert [one["ref"] async for one in known.find({"user": key})] == [ref]
        company = shop.storage.database["sandbox_customers"]
        assert await company.count_documents({"_id": f"customer:sandbox:{key}"}) == 1

    assert await killed_at_each(enrol, nothing, check, "enrol") >= 4
