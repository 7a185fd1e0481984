"""Many who want the same at once: each waits for a turn, and nobody is told of a fault."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import PyMongoError

from mercat import storage
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import ConflictError
from mercat.storage import Session
from mercat_products.stock import adjusting, reservations, selling, signals, turns
from mercat_products.stock.documents import ReservationDocument
from mercat_products.stock.ledger import stocks
from mercat_products.stock.reservations import Line

from .plugins_for_tests.stocktaking.shop import LONG, add_product, adjust, figures, in_stock
from .test_stock_reservations import engine, shared

pytestmark = pytest.mark.gate

__all__ = ["engine", "shared"]  # fixtures

BUYERS = 25
MANY = 100


@pytest.fixture
async def hot(engine: Engine) -> list[ObjectId]:
    """Three variants of which there are many."""
    keys = await add_product(engine, "hot", "HOT-1", "HOT-2", "HOT-3")
    for key in keys:
        await adjust(engine, key, delta=MANY)
    return keys


async def buy(engine: Engine, key: str, variants: list[ObjectId]) -> None:
    context = engine.context()
    await reservations.reserve(context, key, [Line(found, 1) for found in variants], LONG)
    await reservations.commit(context, key)


def counting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Callable[[], int]:
    """How often a function of a transaction began."""
    real: Callable[..., Awaitable[Any]] = getattr(module, name)
    begun = 0

    async def counted(*arguments: Any) -> Any:
        nonlocal begun
        begun += 1
        return await real(*arguments)

    monkeypatch.setattr(module, name, counted)
    return lambda: begun


async def test_buyers_of_one_variant_are_not_in_each_others_way(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = counting(monkeypatch, selling, "_commit")
    await asyncio.gather(*(buy(engine, f"cart-{n}", hot[:1]) for n in range(BUYERS)))
    assert await figures(engine, hot[0]) == (MANY - BUYERS, 0)
    assert begun() < BUYERS + BUYERS // 3


async def test_carts_of_the_same_in_any_order_block_nobody(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = counting(monkeypatch, selling, "_commit")
    carts = [[hot[(n + step) % 3] for step in range(2 + n % 2)] for n in range(BUYERS)]
    await asyncio.gather(*(buy(engine, f"cart-{n}", cart) for n, cart in enumerate(carts)))
    for key in hot:
        sold = sum(key in cart for cart in carts)
        assert await figures(engine, key) == (MANY - sold, 0)
    assert begun() < BUYERS + BUYERS // 3


async def test_two_engines_sell_the_same(engine: Engine, hot: list[ObjectId]) -> None:
    async with Engine(engine.settings) as other:
        both = (engine, other)
        await asyncio.gather(*(buy(both[n % 2], f"cart-{n}", hot[:1]) for n in range(BUYERS)))
    assert await figures(engine, hot[0]) == (MANY - BUYERS, 0)


async def test_counts_while_it_sells_are_not_in_the_way(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = counting(monkeypatch, adjusting, "_adjust")
    payloads, _ = await asyncio.gather(
        asyncio.gather(*(adjust(engine, hot[0], delta=2) for _ in range(10))),
        asyncio.gather(*(buy(engine, f"cart-{n}", hot[:1]) for n in range(10))),
    )
    assert [payload["userErrors"] for payload in payloads] == [[]] * 10
    assert await figures(engine, hot[0]) == (MANY + 10, 0)
    assert begun() < 14


async def test_an_order_is_written_with_what_it_sells_in_its_turn(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the orders plugin does: its own transaction, in which the stock is committed."""
    begun = counting(monkeypatch, selling, "_commit")
    context, orders = engine.context(), engine.storage.database["orders"]
    await orders.insert_one({"_id": "first"})

    async def order(number: int) -> None:
        key = f"cart-{number}"
        lines = [Line(hot[0], 1)]
        await reservations.reserve(context, key, lines, LONG)

        async def work(session: Session) -> None:
            await reservations.commit(context, key, session, lines)
            await orders.insert_one({"_id": key}, session=session)
            if number == 3:
                raise RuntimeError("the card was refused")

        await reservations.in_turn(context, lines, work)

    outcomes = await asyncio.gather(*map(order, range(BUYERS)), return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [3]
    assert await figures(engine, hot[0]) == (MANY - BUYERS + 1, 1)
    assert await orders.count_documents({}) == BUYERS
    assert begun() < BUYERS + BUYERS // 3


async def test_who_has_a_turn_does_not_wait_for_it_again(
    engine: Engine, hot: list[ObjectId]
) -> None:
    async with asyncio.timeout(5), turns.turn(engine.context(), hot):
        await buy(engine, "cart", hot)
        await adjust(engine, hot[0], delta=1)
    assert await figures(engine, hot[0]) == (MANY, 0)


async def test_a_turn_ends_with_whoever_had_it(engine: Engine, hot: list[ObjectId]) -> None:
    context, inside = engine.context(), asyncio.Event()

    async def for_ever() -> None:
        async with turns.turn(context, hot):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(for_ever())
    await inside.wait()
    waiting = asyncio.create_task(buy(engine, "cart", hot))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    task.cancel()
    await asyncio.wait_for(waiting, 5)
    assert await figures(engine, hot[0]) == (MANY - 1, 0)


async def test_who_waits_too_long_is_told_to_try_again(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = engine.context()
    await reservations.reserve(context, "cart", [Line(hot[1], 1)], LONG)
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.1)
    entered, done = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        async with turns.turn(context, hot[1:2]):
            entered.set()
            await done.wait()

    blocking = asyncio.create_task(block())
    await entered.wait()
    for attempt in (reservations.commit(context, "cart"), buy(engine, "other", hot)):
        with pytest.raises(ConflictError, match="try again"):
            await attempt
    payload = await adjust(engine, hot[1], delta=1)
    assert [error["code"] for error in payload["userErrors"]] == ["CONFLICT"]
    assert await figures(engine, hot[0]) == (MANY, 0)
    assert await figures(engine, hot[1]) == (MANY, 1)
    done.set()
    await blocking
    await reservations.commit(context, "cart")
    assert await figures(engine, hot[1]) == (MANY - 1, 0)


async def test_another_process_in_the_way_for_too_long_is_a_conflict(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = engine.context()
    await reservations.reserve(context, "cart", [Line(hot[0], 1)], LONG)
    async with engine.storage.client.start_session() as session:
        await session.start_transaction()
        touched = {"$set": {"updated_at": datetime.now(UTC)}}
        await stocks(context).update_one({"_id": hot[0]}, touched, session=session)
        monkeypatch.setattr(storage, "_TRANSACTION_SECONDS", 0.5)
        with pytest.raises(ConflictError, match="try again"):
            await reservations.commit(context, "cart")
        await session.abort_transaction()
    monkeypatch.undo()
    record = await engine.storage.collection(ReservationDocument).find_one({"_id": "cart"})
    assert record is not None
    assert record["state"] == "HELD"
    assert await figures(engine, hot[0]) == (MANY, 1)
    await reservations.commit(context, "cart")
    assert await figures(engine, hot[0]) == (MANY - 1, 0)


async def test_a_crossing_that_is_in_nobodys_turn_is_told_by_the_job(
    engine: Engine, hot: list[ObjectId]
) -> None:
    context = engine.context()
    with pytest.MonkeyPatch.context() as patch:

        async def busy(*_: object) -> None:
            raise ConflictError("too many")

        patch.setattr(signals, "in_transaction", busy)
        await reservations.reserve(context, "all", [Line(hot[0], MANY)], LONG)
    assert await figures(engine, hot[0]) == (MANY, MANY)
    assert await in_stock(engine, hot[0])
    await reservations.expire(context)
    assert not await in_stock(engine, hot[0])


async def test_nobody_waits_for_turns_of_other_stocks(engine: Engine, hot: list[ObjectId]) -> None:
    context: Context = engine.context()
    async with asyncio.timeout(5), turns.turn(context, hot[:1]):
        elsewhere = asyncio.create_task(buy(engine, "cart", hot[1:]))
        await elsewhere
    assert await figures(engine, hot[1]) == (MANY - 1, 0)


async def test_a_transaction_that_waited_too_long_is_in_nobodys_way(
    engine: Engine, hot: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = engine.context()
    touched = {"$set": {"updated_at": datetime.now(UTC)}}

    async def touch_both(session: Session) -> None:
        for key in hot[1::-1]:
            await stocks(context).update_one({"_id": key}, touched, session=session)

    async with engine.storage.client.start_session() as session:
        await session.start_transaction()
        await stocks(context).update_one({"_id": hot[0]}, touched, session=session)
        monkeypatch.setattr(storage, "_TRANSACTION_SECONDS", 0.3)
        for _ in range(5):
            with pytest.raises(PyMongoError):
                await context.storage.transaction(touch_both)
        monkeypatch.undo()
        async with asyncio.timeout(3):
            await stocks(context).update_one({"_id": hot[1]}, touched)
        await session.abort_transaction()
    async with asyncio.timeout(3):
        await context.storage.transaction(touch_both)
