"""`stockChanged`: what everybody, and what a seller, follows; across replicas."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId
from redis.exceptions import ConnectionError as RedisConnectionError
from websockets import ClientConnection

from mercat.engine import Engine
from mercat_products.stock import feed, reservations
from mercat_products.stock.reservations import Line

from .conftest import EngineFor, RunningServer, Serve
from .plugins_for_tests.stocktaking.shop import (
    ADJUST,
    LONG,
    TOML,
    add_product,
    adjust,
    figures,
    variant_id,
)
from .test_streams import connected, receive, results, subscribe

ROOT = Path(__file__).resolve().parents[1]
FOLLOW = """subscription ($ids: [ID!]!) { stockChanged(variantIds: $ids) {
  variant { sku } quantityAvailable inStock } }"""


@pytest.fixture
async def engine(engine_for: EngineFor, mercat_environment: dict[str, str]) -> Engine:
    """An engine beside the servers, with their database."""
    return await engine_for(TOML, database={"name": mercat_environment["MERCAT_DATABASE__NAME"]})


@pytest.fixture
async def vase(engine: Engine) -> ObjectId:
    (key,) = await add_product(engine, "vase", "VASE", seller="anna")
    await adjust(engine, key, delta=8)
    return key


@pytest.fixture
def start(serve: Serve) -> Callable[[], Any]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return lambda: serve(toml=TOML, PYTHONPATH=path)


@pytest.fixture
def replicas(
    engine: Engine, vase: ObjectId, start: Callable[[], Any]
) -> Iterator[tuple[RunningServer, RunningServer]]:
    with start() as one, start() as two:
        yield one, two


async def follow(link: ClientConnection, *keys: ObjectId) -> None:
    await subscribe(link, FOLLOW, variables={"ids": [variant_id(key) for key in keys]})
    await asyncio.sleep(0.5)  # it has no acknowledgement


async def seen(link: ClientConnection) -> tuple[str, int | None, bool]:
    change = (await receive(link))["payload"]["data"]["stockChanged"]
    return change["variant"]["sku"], change["quantityAvailable"], change["inStock"]


async def post(server: RunningServer, variant: ObjectId, **values: Any) -> None:
    body = {"variantId": variant_id(variant), "reason": "COUNTED", **values}
    async with httpx.AsyncClient(headers={"authorization": "staff"}) as http:
        answer = await http.post(
            f"{server.url}/graphql", json={"query": ADJUST, "variables": {"input": body}}
        )
    assert answer.json()["data"]["stockAdjust"]["userErrors"] == []


@pytest.mark.gate
async def test_changes_reach_followers_of_other_replicas_as_each_may_see_them(
    engine: Engine, vase: ObjectId, replicas: tuple[RunningServer, RunningServer]
) -> None:
    one, two = replicas
    seller = {"additional_headers": {"authorization": "anna"}}
    rival = {"additional_headers": {"authorization": "ben"}}
    async with (
        connected(one) as public,
        connected(one, **seller) as anna,
        connected(one, **rival) as ben,
    ):
        for link in (public, anna, ben):
            await follow(link, vase)
        await post(two, vase, delta=-1)
        assert await seen(anna) == ("VASE", 7, True)
        await reservations.reserve(engine.context(), "cart", [Line(vase, 7)], LONG)
        assert await seen(anna) == ("VASE", 0, False)
        # They were told nothing of the change by one, which they may not see.
        assert await seen(public) == ("VASE", None, False)
        assert await seen(ben) == ("VASE", None, False)
        await reservations.commit(engine.context(), "cart")
        await post(two, vase, setTo=3)
        assert await seen(public) == ("VASE", None, True)
        assert await seen(anna) == ("VASE", 3, True)


@pytest.mark.gate
async def test_a_sale_within_an_orders_transaction_is_told_once_it_is_committed(
    engine: Engine, vase: ObjectId, replicas: tuple[RunningServer, RunningServer]
) -> None:
    await reservations.reserve(engine.context(), "cart", [Line(vase, 8)], LONG)
    await reservations.release(engine.context(), "cart")
    async with connected(replicas[0]) as link:
        await follow(link, vase)
        await reservations.reserve(engine.context(), "other", [Line(vase, 3)], LONG)
        await engine.storage.transaction(
            lambda session: reservations.restock(
                engine.context(), "return", [Line(vase, 1)], session
            )
        )
        await reservations.reserve(engine.context(), "third", [Line(vase, 6)], LONG)
        assert await seen(link) == ("VASE", None, False)


@pytest.mark.gate
async def test_what_cannot_be_followed_is_refused(vase: ObjectId, start: Callable[[], Any]) -> None:
    with start() as server:
        for ids in ([], ["nonsense"], [variant_id(ObjectId()) for _ in range(101)]):
            async with connected(server) as link:
                await subscribe(link, FOLLOW, variables={"ids": ids})
                (errors,) = await results(link)
                assert "BAD_REQUEST" in json.dumps(errors)


async def test_following_goes_on_after_redis_was_away(
    engine: Engine, vase: ObjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_RETRY_SECONDS", 0.05)
    changes = feed.follow(engine.context(), [vase])
    assert await anext(changes) == [vase]
    clients = await engine.storage.redis.client_list(_type="pubsub")
    for client in clients:
        await engine.storage.redis.client_kill_filter(_id=client["id"])
    assert await next_heard(changes) == [vase]
    await feed.publish(engine.context(), [vase])
    assert await next_heard(changes) == [vase]
    await changes.aclose()


async def next_heard(changes: AsyncIterator[Any]) -> list[ObjectId]:
    async with asyncio.timeout(10):
        while not (heard := await anext(changes)):
            pass
    return list(heard)


async def test_selling_goes_on_while_redis_is_away(
    engine: Engine, vase: ObjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise RedisConnectionError("Redis went away")

    monkeypatch.setattr(type(engine.storage.redis.pipeline()), "execute", fails)
    await reservations.reserve(engine.context(), "cart", [Line(vase, 2)], LONG)
    await reservations.commit(engine.context(), "cart")
    assert (await adjust(engine, vase, delta=1))["userErrors"] == []
    assert await figures(engine, vase) == (7, 0)
