"""More work than can be done: what is taken on is finished, the rest is told so at once."""

import asyncio

import httpx
import pytest

from mercat.engine import Engine

from .conftest import ClientFor, EngineFor, until

TOML = """
[plugins]
enabled = ["media", "products", "categories", "tests.plugins_for_tests.probe"]
[server]
metrics = true
max_operations = 5
max_mutations = 2
"""
QUERY, MUTATION = "{ takesTime(seconds: 0.5) }", "mutation { probeWait(seconds: 0.5) }"
KEPT = "{ categories(first: 1) { nodes { slug } } }"


@pytest.fixture
async def http(engine_for: EngineFor, client_for: ClientFor) -> httpx.AsyncClient:
    engine: Engine = await engine_for(TOML, work=True)
    return client_for(engine).http


async def at_once(http: httpx.AsyncClient, *documents: str) -> list[httpx.Response]:
    return await asyncio.gather(*(http.post("/graphql", json={"query": d}) for d in documents))


async def is_kept(http: httpx.AsyncClient) -> bool:
    (answer,) = await at_once(http, KEPT)
    return str(answer.headers.get("cache-status")) == "mercat; hit"


def check_refusal(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}


async def test_what_is_too_much_is_refused_at_once_and_the_rest_goes_on(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that is busy hears of changes late, and then serves no kept answer: not the matter.
    monkeypatch.setattr("mercat.caching.answers.FRESH_SECONDS", 60)
    await until(lambda: is_kept(http))
    busy = asyncio.create_task(at_once(http, *[QUERY] * 5))
    await asyncio.sleep(0.1)
    for answer in await at_once(http, QUERY, MUTATION, "{ __typename }"):
        check_refusal(answer)
    assert not busy.done()
    assert await is_kept(http)
    assert (await http.get("/health")).status_code == 200
    metrics = (await http.get("/metrics")).text
    assert "mercat_graphql_running 5.0" in metrics
    assert "mercat_graphql_refused_total 3.0" in metrics
    assert [answer.status_code for answer in await busy] == [200] * 5
    assert (await at_once(http, QUERY))[0].json() == {"data": {"takesTime": 0.5}}


async def test_mutations_that_wait_leave_room_for_queries(http: httpx.AsyncClient) -> None:
    busy = asyncio.create_task(at_once(http, *[MUTATION] * 2))
    await asyncio.sleep(0.1)
    query, refused = await at_once(http, "{ __typename }", MUTATION)
    assert query.status_code == 200
    check_refusal(refused)
    assert [answer.status_code for answer in await busy] == [200] * 2
    assert (await at_once(http, MUTATION))[0].status_code == 200


async def test_what_fails_or_is_given_up_leaves_room_again(http: httpx.AsyncClient) -> None:
    for _ in range(7):
        await at_once(http, "{ breaks }")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await at_once(http, QUERY)
    assert (await at_once(http, "{ __typename }"))[0].status_code == 200
