"""Random histories of two stocks against a plain model."""

import asyncio
from datetime import timedelta
from typing import Any

from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from mercat.engine import Engine
from mercat.errors import ConflictError, NotFoundError
from mercat_products.stock import reservations
from mercat_products.stock.errors import OutOfStockError
from mercat_products.stock.reservations import Line

from .conftest import EngineFor
from .plugins_for_tests.stocktaking.shop import (
    LONG,
    TOML,
    add_product,
    adjust,
    figures,
    in_stock,
    set_policy,
    stored,
)
from .torture.profiles import share

KEYS = st.sampled_from(["a", "b", "c"])
WHICH = st.integers(0, 1)
FEW = st.integers(1, 6)
LINES = st.dictionaries(WHICH, FEW, min_size=1)
STEPS = st.one_of(
    st.tuples(st.just("adjust"), WHICH, st.integers(-8, 12)),
    st.tuples(st.just("count"), WHICH, st.integers(0, 12)),
    st.tuples(st.just("policy"), WHICH, st.sampled_from([None, 0, 3])),
    st.tuples(st.just("reserve"), KEYS, LINES),
    st.tuples(st.just("reserve"), KEYS, LINES),
    st.tuples(st.just("lapse"), KEYS, LINES),
    st.tuples(st.just("commit"), KEYS, st.none()),
    st.tuples(st.just("commit"), KEYS, st.none()),
    st.tuples(st.just("release"), KEYS, st.none()),
    st.tuples(st.just("restock"), WHICH, FEW),
    st.tuples(st.just("expire"), st.none(), st.none()),
)


class Model:
    """Two stocks: what must hold, without a database, and without a thought of speed."""

    def __init__(self) -> None:
        self.on_hand, self.owed, self.beyond = [0, 0], [0, 0], [0, 0]
        self.holds: dict[str, dict[int, int]] = {}
        self.wishes: dict[str, dict[int, int]] = {}
        self.lapsed: set[str] = set()
        self.sold: set[str] = set()

    def reserved(self, which: int) -> int:
        return self.owed[which] + sum(held.get(which, 0) for held in self.holds.values())

    def sellable(self, which: int) -> int:
        return self.on_hand[which] - self.reserved(which) + self.beyond[which]

    def adjust(self, which: int, delta: int) -> bool:
        if delta == 0 or self.on_hand[which] + delta < 0:
            return False
        if delta < 0 and self.sellable(which) + delta < 0:
            return False
        return self._receive(which, delta)

    def count(self, which: int, number: int) -> bool:
        delta = number - self.on_hand[which]
        if delta < 0 and self.sellable(which) + delta < 0:
            return False
        return self._receive(which, delta)

    def _receive(self, which: int, delta: int) -> bool:
        self.on_hand[which] += delta
        filled = min(self.owed[which], self.on_hand[which])
        self.on_hand[which] -= filled
        self.owed[which] -= filled
        return True

    def policy(self, which: int, limit: int | None) -> bool:
        if self.sellable(which) - self.beyond[which] + (limit or 0) < 0:
            return False
        self.beyond[which] = limit or 0
        return True

    def reserve(self, key: str, lines: dict[int, int], *, lapses: bool) -> bool:
        if key in self.sold:
            return False
        own = self.holds.get(key, {})
        for which, count in lines.items():
            if self.sellable(which) + own.get(which, 0) < count:
                self._free(which, but=key)
            if self.sellable(which) + own.get(which, 0) < count:
                self.release(key)
                return False
        self.holds[key] = dict(lines)
        self.wishes[key] = dict(lines)
        (self.lapsed.add if lapses else self.lapsed.discard)(key)
        return True

    def _free(self, which: int, but: str) -> None:
        for key in self.lapsed - {but}:
            self.holds.get(key, {}).pop(which, None)

    def expire(self) -> None:
        for key in self.lapsed:
            self.holds.pop(key, None)

    def release(self, key: str) -> None:
        if key not in self.sold:
            self.holds.pop(key, None)
            self.wishes.pop(key, None)

    def commit(self, key: str) -> bool:
        if key in self.sold:
            return True
        held = self.holds.get(key, {})
        wish = self.wishes.get(key)
        if wish is None or any(
            count - held.get(which, 0) > self.sellable(which) for which, count in wish.items()
        ):
            return False
        self.holds.pop(key, None)
        for which, count in wish.items():
            there = min(count, self.on_hand[which])
            self.on_hand[which] -= there
            self.owed[which] += count - there
        self.sold.add(key)
        return True


class Shop:
    """The same steps in the real shop; each says whether it went well."""

    def __init__(self, engine: Engine, variants: list[ObjectId]) -> None:
        self.engine = engine
        self.context = engine.context()
        self.variants = variants
        self.returns = 0

    async def adjusted(self, which: int, **values: Any) -> bool:
        payload = await adjust(self.engine, self.variants[which], **values)
        return not payload["userErrors"]

    async def policy(self, which: int, limit: int | None) -> bool:
        values: dict[str, Any] = {"backorders": "DENY"}
        if limit is not None:
            values = {"backorders": "ALLOW", "backorderLimit": limit}
        payload = await set_policy(self.engine, self.variants[which], **values)
        return not payload["userErrors"]

    async def reserve(self, key: str, lines: dict[int, int], ttl: timedelta) -> bool:
        wanted = [Line(self.variants[which], count) for which, count in lines.items()]
        try:
            await reservations.reserve(self.context, key, wanted, ttl)
        except (OutOfStockError, ConflictError):
            return False
        await asyncio.sleep(0.003 if ttl < LONG else 0)
        return True

    async def commit(self, key: str) -> bool:
        try:
            await reservations.commit(self.context, key)
        except (NotFoundError, OutOfStockError):
            return False
        return True

    async def restock(self, which: int, count: int) -> None:
        self.returns += 1
        lines = [Line(self.variants[which], count)]
        await reservations.restock(self.context, f"return-{self.returns}", lines)


async def step(model: Model, shop: Shop, what: str, first: Any, second: Any) -> None:
    match what:
        case "adjust":
            assert await shop.adjusted(first, delta=second) is model.adjust(first, second)
        case "count":
            assert await shop.adjusted(first, setTo=second) is model.count(first, second)
        case "policy":
            assert await shop.policy(first, second) is model.policy(first, second)
        case "reserve" | "lapse":
            ttl = LONG if what == "reserve" else timedelta(milliseconds=1)
            ordered = dict(sorted(second.items()))
            went = model.reserve(first, ordered, lapses=what == "lapse")
            assert await shop.reserve(first, ordered, ttl) is went
        case "commit":
            assert await shop.commit(first) is model.commit(first)
        case "release":
            model.release(first)
            await reservations.release(shop.context, first)
        case "restock":
            model._receive(first, second)
            await shop.restock(first, second)
        case "expire":
            model.expire()
            await reservations.expire(shop.context)


async def check(model: Model, shop: Shop) -> None:
    for which, variant in enumerate(shop.variants):
        expected = (model.on_hand[which], model.reserved(which))
        assert await figures(shop.engine, variant) == expected
        assert (await stored(shop.engine, variant))["owed"] == model.owed[which]
        assert await in_stock(shop.engine, variant) is (model.sellable(which) > 0)


async def test_random_histories_agree_with_the_model(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    loop = asyncio.get_running_loop()

    async def run(steps: list[tuple[str, Any, Any]]) -> None:
        database = engine.storage.database
        for name in ("stock", "stock_changes", "stock_reservations", "products", "outbox"):
            await database[name].delete_many({})
        shop = Shop(engine, sorted(await add_product(engine, "cup", "CUP-1", "CUP-2")))
        model = Model()
        for which in (0, 1):
            assert await shop.adjusted(which, setTo=0) is model.count(which, 0)
        for one in steps:
            await step(model, shop, *one)
            await check(model, shop)

    @share(0.08)
    @given(st.lists(STEPS, min_size=3, max_size=14))
    def histories(steps: list[tuple[str, Any, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(run(steps), loop).result(120)

    await asyncio.to_thread(histories)


def test_the_model_refuses_what_must_not_be() -> None:
    model = Model()
    assert not model.adjust(0, -1)
    assert model.adjust(0, 2)
    assert not model.reserve("a", {0: 3}, lapses=False)
    assert model.reserve("a", {0: 2}, lapses=False)
    assert not model.adjust(0, -1)
