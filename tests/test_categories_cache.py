"""The tree in the memory of each process, and how soon it knows of changes elsewhere."""

import asyncio
import time
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.storage import cancel
from mercat_categories.memory import memory_of

from .conftest import Client, ClientFor, EngineFor, Serve, until
from .test_categories_editing import category, mutate, succeeds

pytestmark = pytest.mark.gate

TREE = "{ categoryTree(depth: 3) { name children { name children { name } } } }"


async def names(client: Client) -> list[str]:
    return [root["name"] for root in (await client.data(TREE))["categoryTree"]]


async def told(engine: Engine) -> None:
    moment = time.monotonic()

    async def is_told() -> bool:
        return engine.changes.told_until > moment

    await until(is_told)


class Asked:
    """Counts what is asked of MongoDB about categories."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        memory = memory_of(engine.context())
        newest = memory.newest

        async def counting(storage: Any) -> Any:
            self.count += 1
            return await newest(storage)

        monkeypatch.setattr(memory, "newest", counting)


async def test_another_engine_sees_a_change_within_a_second(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engines = [await engine_for(work=True, cache={"enabled": False}) for _ in range(2)]
    client = client_for(engines[1])
    assert await names(client) == []
    for number in range(5):
        await category(engines[0], f"C{number}")
        started = time.monotonic()

        async def is_seen(wanted: int = number + 1) -> bool:
            return len(await names(client)) == wanted

        await until(is_seen)
        assert time.monotonic() - started < 1


async def test_readers_ask_the_database_only_after_a_change(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(work=True, cache={"enabled": False})
    client = client_for(engine)
    top = await category(engine, "Top")
    await told(engine)
    await names(client)
    asked = Asked(engine, monkeypatch)
    for _ in range(10):
        await told(engine)
        await names(client)
    assert asked.count == 0
    await succeeds(engine, "categoryUpdate", id=top, name="Changed")
    assert await names(client) == ["Changed"]


async def test_a_writer_sees_its_own_change_at_once(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(work=True, cache={"enabled": False})
    client = client_for(engine)
    for number in range(5):
        await category(engine, f"C{number}")
        assert len(await names(client)) == number + 1


async def test_lost_messages_leave_nothing_stale(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    """Where nothing is told any more, each reader asks for the tree's version."""
    engines = [await engine_for(work=True, cache={"enabled": False}) for _ in range(2)]
    client = client_for(engines[1])
    await category(engines[0], "A")
    await told(engines[1])
    assert await names(client) == ["A"]
    (changes,) = [task for task in engines[1]._tasks if task.get_name() == "changes"]
    await cancel([changes])
    await category(engines[0], "B")
    await asyncio.sleep(1)
    assert await names(client) == ["A", "B"]


async def test_what_was_removed_elsewhere_is_gone_however_much_it_was(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engines = [await engine_for() for _ in range(2)]
    client = client_for(engines[1])
    keys = [await category(engines[0], f"C{number}") for number in range(3)]
    assert len(await names(client)) == 3
    for key in keys[:2]:
        await succeeds(engines[0], "categoryDelete", id=key)
    assert await names(client) == ["C2"]
    for _ in range(201):  # more than the tree remembers
        other = await category(engines[0], "Other")
        await succeeds(engines[0], "categoryDelete", id=other)
    await succeeds(engines[0], "categoryDelete", id=keys[2])
    assert await names(client) == []


@pytest.mark.long
async def test_two_servers_show_one_tree(
    serve: Serve, engine_for: EngineFor, mercat_environment: dict[str, str]
) -> None:
    import httpx

    engine = await engine_for(database={"name": mercat_environment["MERCAT_DATABASE__NAME"]})
    with serve() as one, serve() as two:
        async with httpx.AsyncClient() as http:

            async def roots(url: str) -> int:
                answer = await http.post(f"{url}/graphql", json={"query": TREE})
                return len(answer.json()["data"]["categoryTree"])

            for number in range(3):
                assert (await mutate(engine, "categoryCreate", name="X"))["userErrors"] == []
                await asyncio.sleep(1)
                assert [await roots(one.url), await roots(two.url)] == [number + 1] * 2
