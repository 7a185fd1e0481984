"""Holding stock for checkouts: all or nothing, whoever races, and whoever is killed."""

import asyncio
import itertools
import random
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.settings import load_settings
from mercat.storage import Record, Session
from mercat_products.stock import holds, reservations, selling, signals
from mercat_products.stock.documents import ReservationDocument, StockDocument
from mercat_products.stock.errors import OutOfStockError
from mercat_products.stock.reservations import Line

from .conftest import Stores, until
from .plugins_for_tests.stocktaking.shop import (
    LONG,
    TOML,
    add_product,
    adjust,
    figures,
    in_stock,
    stored,
)

REPOSITORY = Path(__file__).resolve().parents[1]
SHORT = timedelta(milliseconds=1)


@pytest.fixture(scope="module")
async def shared(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """One engine for all tests of a file: it takes longer to start than most of them."""
    file = tmp_path_factory.mktemp("shop") / "engine.toml"
    file.write_text(TOML)
    database = {"url": stores.mongo_url, "name": f"test_{secrets.token_hex(6)}"}
    settings = load_settings(file, {"database": database, "redis": {"url": stores.redis_url}})
    async with Engine(settings) as engine:
        yield engine
        await engine.storage.client.drop_database(engine.storage.database.name)


@pytest.fixture
async def engine(shared: Engine) -> Engine:
    for name in ("stock", "stock_changes", "stock_reservations", "products", "outbox"):
        await shared.storage.database[name].delete_many({})
    return shared


@pytest.fixture
async def cups(engine: Engine) -> list[ObjectId]:
    """Three variants with ten units each."""
    keys = await add_product(engine, "cup", "CUP-1", "CUP-2", "CUP-3")
    for key in keys:
        await adjust(engine, key, delta=10)
    return keys


async def reserve(
    engine: Engine, key: str, lines: dict[ObjectId, int], ttl: timedelta = LONG
) -> None:
    wanted = [Line(variant, quantity) for variant, quantity in lines.items()]
    await reservations.reserve(engine.context(), key, wanted, ttl)


async def reserve_expired(engine: Engine, key: str, lines: dict[ObjectId, int]) -> None:
    await reserve(engine, key, lines, SHORT)
    await asyncio.sleep(0.01)


async def reserved(engine: Engine, variants: list[ObjectId]) -> list[int]:
    return [(await figures(engine, key))[1] for key in variants]


# One after the other


async def test_all_lines_are_held_or_none(engine: Engine, cups: list[ObjectId]) -> None:
    one, two, three = cups
    await reserve(engine, "first", {one: 4, two: 8})
    with pytest.raises(OutOfStockError) as caught:
        await reserve(engine, "second", {three: 99, two: 3, one: 6})
    short = {found.variant: (found.wanted, found.available) for found in caught.value.shortages}
    assert short == {two: (3, 2), three: (99, 10)}
    assert "2 of CUP-2" in str(caught.value)
    assert await reserved(engine, cups) == [4, 8, 0]


async def test_the_same_again_holds_no_more_and_other_lines_replace(
    engine: Engine, cups: list[ObjectId]
) -> None:
    one, two, three = cups
    for _ in range(3):
        await reserve(engine, "cart", {one: 4, two: 1})
    assert await reserved(engine, cups) == [4, 1, 0]
    await reserve(engine, "cart", {three: 2, one: 9})
    assert await reserved(engine, cups) == [9, 0, 2]
    await reserve(engine, "cart", {one: 1})
    assert await reserved(engine, cups) == [1, 0, 0]
    with pytest.raises(OutOfStockError) as caught:
        await reserve(engine, "cart", {one: 11})
    assert caught.value.shortages[0].available == 10
    assert await reserved(engine, cups) == [0, 0, 0]


async def test_lines_of_one_variant_count_together(engine: Engine, cups: list[ObjectId]) -> None:
    lines = [Line(cups[0], 6), Line(cups[0], 5)]
    with pytest.raises(OutOfStockError):
        await reservations.reserve(engine.context(), "cart", lines, LONG)
    lines.pop()
    await reservations.reserve(engine.context(), "cart", lines, LONG)
    assert await figures(engine, cups[0]) == (10, 6)


@pytest.mark.parametrize(
    ("key", "quantity", "ttl"),
    [("", 1, LONG), ("k" * 256, 1, LONG), ("k", 0, LONG), ("k", -3, LONG), ("k", 1, -LONG)],
)
async def test_nonsense_is_refused(
    engine: Engine, cups: list[ObjectId], key: str, quantity: int, ttl: timedelta
) -> None:
    with pytest.raises(InvalidError):
        await reserve(engine, key, {cups[0]: quantity}, ttl)
    assert await reserved(engine, cups) == [0, 0, 0]


@pytest.mark.parametrize("key", ["$ne", "held.key", "\0", "a.b", '{"$gt": ""}'])
async def test_any_text_is_a_key(engine: Engine, cups: list[ObjectId], key: str) -> None:
    await reserve(engine, "other", {cups[0]: 1})
    await reserve(engine, key, {cups[0]: 2})
    await reserve(engine, key, {cups[0]: 3})
    await reservations.release(engine.context(), key)
    assert await reserved(engine, cups) == [1, 0, 0]


async def test_a_release_gives_back_and_a_second_one_nothing(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()
    await reserve(engine, "cart", {cups[0]: 4, cups[1]: 2})
    for _ in range(2):
        await reservations.release(context, "cart")
        assert await reserved(engine, cups) == [0, 0, 0]
    await reservations.release(context, "never")
    for key in ("cart", "never"):
        with pytest.raises(NotFoundError):
            await reservations.commit(context, key)
        with pytest.raises(NotFoundError):
            await reservations.extend(context, key, LONG)
    await reserve(engine, "cart", {cups[0]: 1})
    assert await reserved(engine, cups) == [1, 0, 0]


async def test_a_commit_sells_once_and_ends_the_key(engine: Engine, cups: list[ObjectId]) -> None:
    context = engine.context()
    await reserve(engine, "cart", {cups[0]: 4, cups[1]: 2})
    first = await reservations.commit(context, "cart")
    assert await reservations.commit(context, "cart") == first
    await reservations.release(context, "cart")
    with pytest.raises(ConflictError):
        await reserve(engine, "cart", {cups[0]: 1})
    assert [await figures(engine, key) for key in cups] == [(6, 0), (8, 0), (10, 0)]


async def test_a_commit_is_part_of_the_callers_transaction(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()
    await reserve(engine, "cart", {cups[0]: 4})

    async def fails(session: Session) -> None:
        await reservations.commit(context, "cart", session)
        await reservations.restock(context, "return", [Line(cups[1], 1)], session)
        raise RuntimeError("no order")

    with pytest.raises(RuntimeError, match="no order"):
        await engine.storage.transaction(fails)
    assert [await figures(engine, key) for key in cups[:2]] == [(10, 4), (10, 0)]

    async def succeeds(session: Session) -> None:
        await reservations.commit(context, "cart", session)

    await engine.storage.transaction(succeeds)
    assert await figures(engine, cups[0]) == (6, 0)


async def test_what_expired_is_sold_while_it_is_there(engine: Engine, cups: list[ObjectId]) -> None:
    context = engine.context()
    await reserve_expired(engine, "late", {cups[0]: 4})
    await reservations.commit(context, "late")
    assert await figures(engine, cups[0]) == (6, 0)
    await reserve_expired(engine, "later", {cups[0]: 4, cups[1]: 1})
    await reservations.expire(context)
    await reserve(engine, "other", {cups[0]: 3})
    with pytest.raises(OutOfStockError) as caught:
        await reservations.commit(context, "later")
    assert caught.value.shortages[0].available == 3
    assert [await figures(engine, key) for key in cups[:2]] == [(6, 3), (10, 0)]
    await reservations.release(context, "other")
    await reservations.commit(context, "later")
    assert [await figures(engine, key) for key in cups[:2]] == [(2, 0), (9, 0)]


async def test_an_expired_hold_blocks_nobody(engine: Engine, cups: list[ObjectId]) -> None:
    for number in range(10):
        await reserve(engine, f"gone-{number}", {cups[0]: 1}, SHORT)
    await asyncio.sleep(0.01)
    assert await figures(engine, cups[0]) == (10, 10)
    await reserve(engine, "cart", {cups[0]: 10})
    assert await figures(engine, cups[0]) == (10, 10)
    (held,) = (await stored(engine, cups[0]))["held"]
    assert held["key"] == "cart"


async def test_the_job_ends_what_expired_and_nothing_else(
    engine: Engine, cups: list[ObjectId]
) -> None:
    await adjust(engine, cups[0], delta=60)
    for number in range(60):
        await reserve(engine, f"gone-{number}", {cups[0]: 1}, SHORT)
    await reserve(engine, "cart", {cups[0]: 2, cups[1]: 2})
    await asyncio.sleep(0.01)
    await reservations.expire(engine.context())
    assert await reserved(engine, cups) == [2, 2, 0]


async def test_the_job_runs_in_a_working_engine(engine: Engine, cups: list[ObjectId]) -> None:
    await reserve(engine, "gone", {cups[0]: 10}, timedelta(seconds=0.1))
    assert not await in_stock(engine, cups[0])
    working = Engine(engine.settings)
    await working.start()
    try:
        await until(lambda: in_stock(working, cups[0]))
    finally:
        await working.stop()
    assert await reserved(engine, cups) == [0, 0, 0]


async def test_extending_holds_longer_and_takes_again_what_was_lost(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()
    await reserve_expired(engine, "cart", {cups[0]: 4, cups[1]: 5})
    held = await reservations.extend(context, "cart", LONG)
    assert held.expires_at > datetime.now(UTC) + LONG / 2
    await reservations.expire(context)
    assert await reserved(engine, cups) == [4, 5, 0]
    await reserve_expired(engine, "cart", {cups[0]: 4, cups[1]: 5})
    await reservations.expire(context)
    assert await reserved(engine, cups) == [0, 0, 0]
    await reservations.extend(context, "cart", LONG)
    assert await reserved(engine, cups) == [4, 5, 0]


async def test_old_reservations_are_forgotten(engine: Engine, cups: list[ObjectId]) -> None:
    await reserve_expired(engine, "old", {cups[0]: 1})
    await reserve(engine, "new", {cups[0]: 1})
    records = engine.storage.collection(ReservationDocument)
    await records.update_one(
        {"_id": "old"}, {"$set": {"forget_at": datetime.now(UTC) - timedelta(seconds=1)}}
    )
    await reservations.expire(engine.context())
    assert [record["_id"] async for record in records.find()] == ["new"]


# At the same time


async def test_carts_that_overlap_leave_no_half_a_hold(
    engine: Engine, cups: list[ObjectId]
) -> None:
    random.seed(7)
    carts = [
        {key: random.randint(1, 4) for key in random.sample(cups, random.randint(2, 3))}
        for _ in range(30)
    ]
    got = await asyncio.gather(
        *(reserve(engine, f"cart-{n}", lines) for n, lines in enumerate(carts)),
        return_exceptions=True,
    )
    expected = [0, 0, 0]
    for lines, outcome in zip(carts, got, strict=True):
        assert outcome is None or isinstance(outcome, OutOfStockError), outcome
        for index, key in enumerate(cups):
            expected[index] += lines.get(key, 0) if outcome is None else 0
    assert any(outcome is None for outcome in got)
    assert any(outcome is not None for outcome in got)
    assert await reserved(engine, cups) == expected


async def test_one_cart_in_many_windows_ends_as_one_of_them(
    engine: Engine, cups: list[ObjectId]
) -> None:
    wishes = [{cups[n % 3]: 1 + n % 4, cups[(n + 1) % 3]: 2} for n in range(12)]
    got = await asyncio.gather(
        *(reserve(engine, "cart", wish) for wish in wishes), return_exceptions=True
    )
    assert all(outcome is None or isinstance(outcome, ConflictError) for outcome in got), got
    record = await engine.storage.collection(ReservationDocument).find_one({"_id": "cart"})
    assert record is not None
    asked = {line["variant"]: line["quantity"] for line in record["lines"]}
    assert await reserved(engine, cups) == [asked.get(key, 0) for key in cups]


async def test_a_hold_whose_reply_was_lost_is_held_once(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()
    stock = await context.storage.collection(StockDocument).find_one({"_id": cups[0]})
    assert stock is not None
    wanted = holds.Wanted("cart", 1, Line(cups[0], 3), datetime.now(UTC) + LONG)
    for _ in range(2):
        async with asyncio.timeout(10):
            await holds.hold(context, wanted, stock)
    assert await figures(engine, cups[0]) == (10, 3)


async def test_carts_that_grow_at_once_never_hold_too_much(
    engine: Engine, cups: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        await reserve(engine, f"cart-{number}", {cups[0]: 1})
    real, all_have_read, calls = holds._renew, asyncio.Barrier(8), itertools.count()

    async def together(*arguments: Any) -> Any:
        if next(calls) < 8:
            await all_have_read.wait()
        return await real(*arguments)

    monkeypatch.setattr(holds, "_renew", together)
    monkeypatch.setattr(holds, "turn", lambda *_: nullcontext())  # as in eight processes
    got = await asyncio.gather(
        *(reserve(engine, f"cart-{number}", {cups[0]: 3}) for number in range(8)),
        return_exceptions=True,
    )
    won = sum(outcome is None for outcome in got)
    assert 1 <= won <= 3, "who gives up gives back, and a slow one may find that"
    assert sum(isinstance(outcome, OutOfStockError) for outcome in got) == 8 - won
    assert await figures(engine, cups[0]) == (10, 3 * won)


async def test_a_release_in_the_middle_of_a_reservation_leaves_nothing_held(
    engine: Engine, cups: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = holds.hold

    async def late(context: Context, wanted: holds.Wanted, stock: Record) -> Any:
        await reservations.release(context, wanted.key)
        return await real(context, wanted, stock)

    monkeypatch.setattr(holds, "hold", late)
    with pytest.raises(ConflictError):
        await reserve(engine, "cart", {cups[0]: 1, cups[1]: 1})
    assert await reserved(engine, cups) == [0, 0, 0]


async def test_a_commit_and_a_release_at_once_agree(engine: Engine, cups: list[ObjectId]) -> None:
    context = engine.context()
    sold = 0
    for number in range(8):
        key = f"cart-{number}"
        await reserve(engine, key, {cups[0]: 1, cups[1]: 1})
        outcome, _ = await asyncio.gather(
            reservations.commit(context, key),
            reservations.release(context, key),
            return_exceptions=True,
        )
        sold += not isinstance(outcome, NotFoundError)
    assert await figures(engine, cups[0]) == (10 - sold, 0)
    assert await figures(engine, cups[1]) == (10 - sold, 0)


async def test_ten_commits_of_one_key_sell_once(engine: Engine, cups: list[ObjectId]) -> None:
    await reserve(engine, "cart", {cups[0]: 3, cups[1]: 3})
    context = engine.context()
    await asyncio.gather(*(reservations.commit(context, "cart") for _ in range(10)))
    assert [await figures(engine, key) for key in cups[:2]] == [(7, 0), (7, 0)]


async def test_ten_returns_of_one_key_put_back_once(engine: Engine, cups: list[ObjectId]) -> None:
    context, lines = engine.context(), [Line(cups[0], 3)]
    await asyncio.gather(*(reservations.restock(context, "r", lines) for _ in range(10)))
    assert await figures(engine, cups[0]) == (13, 0)


async def test_the_product_is_right_after_crossings_that_race(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()

    async def come_and_go(number: int) -> None:
        for _ in range(4):
            try:
                await reserve(engine, f"cart-{number}", {cups[0]: 4})
            except OutOfStockError:
                continue
            await reservations.release(context, f"cart-{number}")

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    assert await figures(engine, cups[0]) == (10, 0)
    assert await in_stock(engine, cups[0])
    await reserve(engine, "all", {cups[0]: 10})
    assert not await in_stock(engine, cups[0])


# Processes, and their ends


@contextmanager
def buying(
    engine: Engine, environment: dict[str, str], *arguments: object
) -> Iterator["subprocess.Popen[str]"]:
    """Another process with buyers; see the plugin's `__main__`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.plugins_for_tests.stocktaking", *map(str, arguments)],
        cwd=REPOSITORY,
        env={
            **environment,
            "MERCAT_CONFIG": str(engine.settings.file),
            "MERCAT_DATABASE__NAME": engine.storage.database.name,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert said(process) == "ready"
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.gate
async def test_a_hundred_buyers_of_two_processes_get_the_last_ten(
    engine: Engine, cups: list[ObjectId], mercat_environment: dict[str, str]
) -> None:
    with (
        buying(engine, mercat_environment, "a", 50, cups[0], cups[1]) as one,
        buying(engine, mercat_environment, "b", 50, cups[1], cups[0]) as two,
    ):
        for process in (one, two):
            go(process)
        got = [int(await asyncio.to_thread(said, process)) for process in (one, two)]
    assert sum(got) == 10
    assert [await figures(engine, key) for key in cups] == [(0, 0), (0, 0), (10, 0)]
    assert not await in_stock(engine, cups[0])


@pytest.mark.gate
async def test_holds_of_a_killed_process_expire(
    engine: Engine, mercat_environment: dict[str, str]
) -> None:
    keys = await add_product(engine, "pot", *(f"POT-{n}" for n in range(8)))
    for key in keys:
        await adjust(engine, key, delta=1_000)
    with buying(engine, mercat_environment, "doomed", 0, *keys) as process:
        while int(await asyncio.to_thread(said, process)) < 3:
            pass
        process.kill()
    counts = await reserved(engine, keys)
    assert min(counts) >= 4
    await asyncio.sleep(2.1)
    await reservations.expire(engine.context())
    assert await reserved(engine, keys) == [0] * 8


class KilledError(BaseException):
    """Stands for the end of the process at one await: nothing after it runs."""


def dying_at(step: int, monkeypatch: pytest.MonkeyPatch, collection: type) -> Callable[[], bool]:
    """From that write on every write of the process fails; tells whether it came so far."""
    calls = 0

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        async def write(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= step:
                raise KilledError
            return await real(self, *args, **kwargs)

        return write

    for name in ("insert_one", "update_one", "find_one_and_update", "delete_many"):
        monkeypatch.setattr(collection, name, wrap(getattr(collection, name)))
    return lambda: calls >= step


@pytest.mark.parametrize("lines", [(4, 10, 0), (4, 11, 1)], ids=["there", "short"])
async def test_an_end_at_any_write_of_a_reservation_heals(
    engine: Engine, cups: list[ObjectId], lines: tuple[int, ...]
) -> None:
    wanted = {key: count for key, count in zip(cups, lines, strict=True) if count}
    for step in range(1, 40):
        with pytest.MonkeyPatch.context() as patch:
            died = dying_at(step, patch, type(engine.storage.collection(StockDocument)))
            with suppress(KilledError, OutOfStockError):
                await reserve(engine, f"cart-{step}", wanted, timedelta(milliseconds=20))
            if not died():
                break
        await reserved(engine, cups)  # what must hold, holds
        await asyncio.sleep(0.03)
        await reservations.expire(engine.context())
        assert await reserved(engine, cups) == [0, 0, 0]
        assert await in_stock(engine, cups[1])
    assert step > 4


async def test_an_end_at_any_write_of_a_commit_sells_all_or_nothing(
    engine: Engine, cups: list[ObjectId]
) -> None:
    context = engine.context()
    for step in range(1, 40):
        key = f"cart-{step}"
        await adjust(engine, cups[0], delta=1)
        await adjust(engine, cups[1], delta=1)
        await reserve(engine, key, {cups[0]: 1, cups[1]: 1})
        before = [(await figures(engine, cup))[0] for cup in cups[:2]]
        with pytest.MonkeyPatch.context() as patch:
            died = dying_at(step, patch, type(engine.storage.collection(StockDocument)))
            with suppress(KilledError):
                await reservations.commit(context, key)
        assert [await figures(engine, cup) for cup in cups[:2]] in (
            [(count, 1) for count in before],
            [(count - 1, 0) for count in before],
        )
        await reservations.commit(context, key)
        assert [await figures(engine, cup) for cup in cups[:2]] == [(n - 1, 0) for n in before]
        if not died():
            break
    assert step > 6


async def test_a_crossing_that_nobody_was_told_of_is_told_by_the_job(
    engine: Engine, cups: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:

        async def killed(*_: object) -> None:
            raise KilledError

        patch.setattr(signals, "retell", killed)
        with pytest.raises(KilledError):
            await reserve(engine, "cart", {cups[0]: 10})
    assert await in_stock(engine, cups[0])
    await reservations.expire(engine.context())
    assert not await in_stock(engine, cups[0])


def test_names_for_the_orders_plugin_are_in_one_place() -> None:
    for name in ("reserve", "commit", "in_turn", "release", "extend", "restock", "Line"):
        assert name in reservations.__all__
        assert hasattr(reservations, name)
    assert reservations.commit is selling.commit
    assert reservations.Line is holds.Line
