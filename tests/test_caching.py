"""Kept answers: fast where nothing changed, and never a second behind what was acknowledged."""

import asyncio
import random
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.caching.answers import Answers, Question, Reply
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage.outbox import OutboxDocument
from mercat_categories.documents import CountDocument
from mercat_products.documents import ProductDocument

from .asking import STAFF, answered, told
from .conftest import Client, ClientFor, EngineFor, until, write_jsonl
from .test_catalogue import load, product
from .test_stores_down import Pair, pair
from .test_stores_down import engine as lonely

__all__ = ["lonely", "pair"]  # fixtures

SECOND = 1.0
LIST = "{ products(first: 10) { nodes { slug name } } }"
ONE = "query One($slug: String!) { product(slug: $slug) { name slug } }"


@pytest.fixture
async def shop(engine_for: EngineFor, tmp_path: Path) -> Engine:
    """A working engine with five products, that keeps answers."""
    engine = await engine_for(work=True)
    rows = [product(f"p-{n}", categories=["Clothing"]) for n in range(5)]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    await until(lambda: has_told(engine))
    await until(lambda: is_searchable(engine))
    await is_settled(engine)
    return engine


async def is_searchable(engine: Engine) -> bool:
    """Whether the search index has all products."""
    found = await answered(engine, "{ products(first: 1, sort: NAME) { totalCount } }")
    return bool(found["data"] == {"products": {"totalCount": 5}})


async def has_told(engine: Engine) -> bool:
    """Whether all that follows from what was written has been done."""
    return await engine.storage.collection(OutboxDocument).find_one({}) is None


@pytest.fixture
async def customer(shop: Engine, client_for: ClientFor) -> Client:
    return client_for(shop)


async def is_settled(engine: Engine) -> None:
    """Wait until everything that was written has been told."""
    moment = time.monotonic()

    async def is_told() -> bool:
        return engine.changes.told_until > moment

    await until(is_told)


async def rename(engine: Engine, slug: str, name: str) -> float:
    """Change a product as anybody may; gives the moment of the acknowledgement."""
    await engine.storage.collection(ProductDocument).update_one(
        {"slug": slug}, {"$set": {"name": name}}
    )
    return time.monotonic()


async def got(client: Client, query: str, slug: str = "p-1", **headers: str) -> httpx.Response:
    return await client.http.post(
        "/graphql", json={"query": query, "variables": {"slug": slug}}, headers=headers
    )


def is_hit(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("cache-status") == "mercat; hit")


HOT = [
    LIST,
    ONE,
    "{ products(first: 3, sort: NAME) { edges { cursor node { name } } totalCount } }",
    '{ productSearch(query: "p", first: 3) { nodes { name } facets { brands { value } } } }',
    '{ category(slug: "clothing") { name productCount products(first: 2) { nodes { slug } } } }',
    "{ categoryTree { name children { name } } shop { name } }",
    '{ productSuggestions(prefix: "p") { text } }',
    (
        "{ products(first: 2) { nodes { variants { nodes { sku price { price { amount } } } } "
        "categories { name } media { nodes { url } } options { name } priceRange { minimum "
        "{ amount currency } } attributes { text } featuredMedia { alt } } } }"
    ),
]


@pytest.mark.parametrize("query", HOT)
async def test_a_hot_answer_is_kept_and_is_the_same(
    shop: Engine, customer: Client, query: str
) -> None:
    first = await got(customer, query)
    assert "errors" not in first.json()
    assert not is_hit(first)

    async def is_kept() -> bool:  # once the search index has seen the import
        again = await got(customer, query)
        assert first.content == again.content
        return is_hit(again)

    await until(is_kept)
    assert shop.answers.counts["hit"] == 1


async def test_a_kept_answer_asks_the_database_nothing(
    shop: Engine, customer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await got(customer, LIST)
    products = shop.storage.collection(ProductDocument)
    monkeypatch.setattr(type(products), "find", None)
    assert is_hit(await got(customer, LIST))


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { role } }",
        "{ products(first: 1) { nodes { name } } viewer { role } }",
        "{ __schema { queryType { name } } }",
        (
            'query { product(slug: "p-1") { ...F } } fragment F on Product '
            "{ privateMetadata { key } variants { nodes { stock { onHand } } } }"
        ),
    ],
)
async def test_what_a_field_does_not_declare_is_not_kept(customer: Client, query: str) -> None:
    for _ in range(2):
        answer = await got(customer, query)
        assert "errors" not in answer.json()
        assert "cache-status" not in answer.headers


async def test_errors_are_not_kept(customer: Client) -> None:
    for _ in range(2):
        answer = await got(customer, "{ products(first: 1000) { nodes { name } } }")
        assert answer.json()["errors"]
        assert not is_hit(answer)


async def test_a_change_of_one_product_forgets_it_and_the_lists_but_no_other_product(
    shop: Engine, customer: Client
) -> None:
    for slug in ("p-1", "p-2"):
        await got(customer, ONE, slug)
    await got(customer, LIST)
    await rename(shop, "p-1", "Changed")
    await is_settled(shop)
    assert is_hit(await got(customer, ONE, "p-2"))
    changed = await got(customer, ONE, "p-1")
    assert not is_hit(changed)
    assert changed.json()["data"]["product"]["name"] == "Changed"
    assert not is_hit(await got(customer, LIST))


async def test_a_list_is_about_all_products_also_beside_a_product_that_is_named(
    shop: Engine, customer: Client
) -> None:
    both = """query Both($slug: String!) {
      product(slug: $slug) { name } category(slug: "clothing") { products(first: 5) {
        nodes { name } } } }"""
    for _ in range(2):
        answer = await got(customer, both)
    assert is_hit(answer)
    await rename(shop, "p-2", "Changed")
    await is_settled(shop)
    nodes = (await got(customer, both)).json()["data"]["category"]["products"]["nodes"]
    assert {"name": "Changed"} in nodes


async def test_a_count_beside_a_list_is_forgotten_with_it(shop: Engine, customer: Client) -> None:
    query = """{ category(slug: "clothing") {
      products(first: 1, includeDescendants: false) { totalCount } } }"""
    for _ in range(2):
        answer = await got(customer, query)
    assert is_hit(answer)
    await shop.storage.collection(CountDocument).update_many({}, {"$set": {"direct": 99}})
    await is_settled(shop)
    found = (await got(customer, query)).json()["data"]["category"]["products"]
    assert found == {"totalCount": 99}


async def test_what_is_not_there_is_found_once_it_is(
    shop: Engine, customer: Client, tmp_path: Path
) -> None:
    for _ in range(2):
        missing = await got(customer, ONE, "late")
    assert is_hit(missing)
    await load(shop, "products", write_jsonl(tmp_path / "late.jsonl", [product("late")]))
    await is_settled(shop)
    assert (await got(customer, ONE, "late")).json()["data"]["product"]["name"] == "Late"


async def test_an_old_slug_leads_to_the_product_that_takes_it(
    shop: Engine, customer: Client
) -> None:
    found = await told(shop, '{ product(slug: "p-1") { id } }')
    update = """mutation Update($id: ID!) {
      productUpdate(input: {id: $id, slug: "moved"}) { userErrors { message } }
    }"""
    await told(shop, update, {"id": found["product"]["id"]})
    await is_settled(shop)
    for _ in range(2):
        answer = await got(customer, ONE, "p-1")
    assert is_hit(answer)
    assert answer.json()["data"]["product"]["slug"] == "moved"
    create = """mutation { productCreate(input: {
      name: "New", slug: "p-1", status: ACTIVE, variants: [{sku: "NEW"}]
    }) {
      userErrors { message }
    } }"""
    created = await told(shop, create)
    assert not created["productCreate"]["userErrors"]
    await is_settled(shop)
    assert (await got(customer, ONE, "p-1")).json()["data"]["product"]["name"] == "New"


async def test_search_finds_what_was_renamed_though_its_answer_was_kept(
    shop: Engine, customer: Client
) -> None:
    query = '{ productSearch(query: "zebra", first: 3) { nodes { name } } }'
    for _ in range(2):
        await got(customer, query)
    await rename(shop, "p-3", "Zebra")

    async def is_found() -> bool:
        found = (await got(customer, query)).json()["data"]["productSearch"]["nodes"]
        return bool(found == [{"name": "Zebra"}])

    await until(is_found, 3)


async def test_who_may_change_products_reads_what_is_stored(shop: Engine, customer: Client) -> None:
    await got(customer, ONE)
    document = shop.documents.get(ONE)
    for viewer in (STAFF, Viewer(role="SELLER", seller="s")):
        context = Context(shop, viewer)
        assert shop.answers.question(document, None, {"slug": "p-1"}, context) is None


def question(engine: Engine, viewer: Viewer, languages: str = "", **variables: Any) -> Question:
    context = Context(engine, viewer, languages=languages)
    found = engine.answers.question(engine.documents.get(ONE), None, variables, context)
    assert found is not None
    return found


async def test_an_answer_is_made_for_a_role_and_a_locale_and_never_for_a_user(
    shop: Engine,
) -> None:
    seen: list[Context] = []

    async def execute(context: Context) -> Reply:
        seen.append(context)
        return Reply(200, b"{}", is_whole=True)

    ann, bob = (Viewer(role="CUSTOMER", user=name) for name in ("ann", "bob"))
    asked = question(shop, ann, "de-AT;q=0.5, en", slug="p-1")
    assert asked == question(shop, bob, slug="p-1", other="not declared")
    assert asked != question(shop, Viewer(), slug="p-1")
    assert asked != question(shop, ann, slug="p-2")
    await shop.answers.reply(asked, Context(shop, ann, languages="de-AT;q=0.5, en"), execute)
    assert seen[0].viewer == Viewer(role="CUSTOMER")
    assert seen[0].languages == "en"


async def test_locales_do_not_share_answers(
    engine_for: EngineFor, client_for: ClientFor, tmp_path: Path
) -> None:
    engine = await engine_for('[shop]\nlocales = ["en", "de"]\n', work=True)
    row = product("shoe", translations=[{"locale": "de", "name": "Schuh"}])
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [row]))
    await is_settled(engine)
    client = client_for(engine)
    for _ in range(2):
        names = [
            (await got(client, ONE, "shoe", **{"accept-language": language})).json()["data"][
                "product"
            ]["name"]
            for language in ("de", "en", "de-CH, en;q=0.5", "fr")
        ]
        assert names == ["Schuh", "Shoe", "Schuh", "Shoe"]
    assert engine.answers.counts["miss"] == 2


async def test_what_changed_while_an_answer_was_made_is_not_kept(shop: Engine) -> None:
    asked = question(shop, Viewer(), slug="p-1")
    answers = shop.answers

    async def execute(context: Context) -> Reply:
        found = await shop.storage.collection(ProductDocument).find_one({"slug": "p-1"})
        assert found is not None
        context.about(ProductDocument, [found["_id"]])
        await rename(shop, "p-1", "Changed meanwhile")
        await is_settled(shop)
        return Reply(200, found["name"].encode(), is_whole=True)

    old = await answers.reply(asked, Context(shop), execute)
    assert old.body == b"P 1"
    assert answers.find(asked) is None


async def test_of_many_who_ask_at_once_one_makes_the_answer(shop: Engine, customer: Client) -> None:
    found = await asyncio.gather(*(got(customer, LIST) for _ in range(20)))
    assert len({answer.content for answer in found}) == 1
    assert shop.answers.counts["miss"] == 1


async def test_those_who_wait_for_an_answer_that_fails_make_their_own(shop: Engine) -> None:
    asked = question(shop, Viewer(), slug="p-1")
    runs = 0

    async def execute(_context: Context) -> Reply:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.02)
        if runs == 1:
            raise RuntimeError("the first fails")
        return Reply(200, b"{}", is_whole=True)

    asking = [shop.answers.reply(asked, Context(shop), execute) for _ in range(5)]
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(each, RuntimeError) for each in found] == [True, *[False] * 4]


async def test_a_change_through_another_process_is_seen_within_a_second(
    shop: Engine, customer: Client, engine_for: EngineFor
) -> None:
    other = await engine_for()
    waits = []
    for n in range(15):
        await got(customer, ONE)
        acknowledged = await rename(other, "p-1", f"name {n}")
        while (await got(customer, ONE)).json()["data"]["product"]["name"] != f"name {n}":
            assert time.monotonic() - acknowledged < SECOND
            await asyncio.sleep(0)  # as a kept answer, asked for without a network, waits for none
        waits.append(time.monotonic() - acknowledged)
    assert sorted(waits)[7] < SECOND / 2


async def write_and_note(engine: Engine, seen: list[float], stop: asyncio.Event) -> None:
    """Rename a product again and again; `seen[n]` is when version n was acknowledged."""
    while not stop.is_set():
        seen.append(await rename(engine, "p-1", str(len(seen))))
        await asyncio.sleep(random.uniform(0, 0.1))


async def read_and_check(client: Client, seen: list[float], stop: asyncio.Event) -> int:
    """Read it all the time: never what another version had replaced a second before."""
    count = 0
    while not stop.is_set():
        started = time.monotonic()
        name = (await got(client, ONE)).json()["data"]["product"]["name"]
        if name.isdigit():
            replaced = seen[int(name) + 1] if int(name) + 1 < len(seen) else started
            assert started - replaced < SECOND
            count += 1
        await asyncio.sleep(0)
    return count


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
async def test_no_reader_ever_sees_what_was_replaced_a_second_before(
    shop: Engine, engine_for: EngineFor, client_for: ClientFor, seconds: int
) -> None:
    other = await engine_for(work=True)
    clients = [client_for(shop), client_for(other)]
    seen: list[float] = []
    stop = asyncio.Event()
    writing = asyncio.create_task(write_and_note(other, seen, stop))
    reading = [asyncio.create_task(read_and_check(client, seen, stop)) for client in clients * 2]
    await asyncio.sleep(seconds)
    stop.set()
    assert min(await asyncio.gather(*reading)) > 10
    await writing
    assert shop.answers.counts["hit"] > 10


@pytest.mark.long
async def test_nothing_kept_is_served_while_the_database_says_nothing(
    lonely: Engine, pair: Pair, client_for: ClientFor
) -> None:
    client = client_for(lonely)
    await is_settled(lonely)
    query = '{ product(slug: "a-shoe") { name } }'
    for _ in range(2):
        answer = await got(client, query)
    assert is_hit(answer)
    assert pair.mongo._process is not None
    pair.mongo._process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(SECOND)
        assert not is_hit(await got(client, query))
    finally:
        pair.mongo._process.send_signal(signal.SIGCONT)

    async def is_kept_again() -> bool:
        return is_hit(await got(client, query))

    await until(is_kept_again, 20)


async def test_a_process_that_starts_takes_what_another_one_made(
    shop: Engine, customer: Client, engine_for: EngineFor, client_for: ClientFor
) -> None:
    for slug in ("p-1", "p-2"):
        await got(customer, ONE, slug)
    # What was written last is shared once something else was written, which orders the two.
    await rename(shop, "p-1", "Old")
    await rename(shop, "p-3", "Other")
    await is_settled(shop)
    for slug in ("p-1", "p-2"):
        await got(customer, ONE, slug)
    await shop.answers.stop()
    other = await engine_for(work=True)
    await is_settled(other)
    await rename(shop, "p-2", "New")
    await is_settled(other)
    client = client_for(other)
    assert is_hit(await got(client, ONE, "p-1"))
    changed = await got(client, ONE, "p-2")
    assert not is_hit(changed)
    assert changed.json()["data"]["product"]["name"] == "New"
    assert other.answers.counts["shared"] == 1


async def test_without_redis_answers_are_kept_all_the_same(
    lonely: Engine, pair: Pair, client_for: ClientFor
) -> None:
    client = client_for(lonely)
    await is_settled(lonely)
    await asyncio.to_thread(pair.redis.stop)
    for _ in range(2):
        answer = await got(client, '{ product(slug: "a-shoe") { name } }')
    assert is_hit(answer)


async def test_a_shop_without_the_cache_keeps_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(work=True, cache={"enabled": False})
    client = client_for(engine)
    await is_settled(engine)
    for _ in range(2):
        assert "cache-status" not in (await got(client, LIST)).headers
    assert isinstance(engine.answers, Answers)
    assert len(engine.answers) == 0


@pytest.fixture
async def getting(shop: Engine, client_for: ClientFor) -> httpx.AsyncClient:
    return client_for(shop).http


async def test_get_gives_a_tag_and_304_to_whom_has_the_answer(
    shop: Engine, getting: httpx.AsyncClient
) -> None:
    params = {"query": ONE, "variables": '{"slug": "p-1"}'}
    first = await getting.get("/graphql", params=params)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, no-cache"
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await getting.get("/graphql", params=params, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "content-type" not in again.headers
    other = await getting.get("/graphql", params=params, headers={"if-none-match": '"other"'})
    assert other.status_code == 200
    await rename(shop, "p-1", "Changed")
    await is_settled(shop)
    changed = await getting.get("/graphql", params=params, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_a_tag_tells_content_types_apart_and_private_answers_stay_private(
    getting: httpx.AsyncClient,
) -> None:
    params = {"query": "{ viewer { role } }"}
    plain = await getting.get("/graphql", params=params)
    other = await getting.get(
        "/graphql", params=params, headers={"accept": "application/graphql-response+json"}
    )
    assert plain.headers["etag"] != other.headers["etag"]
    assert plain.headers["cache-control"] == "private, no-cache"
    assert "authorization" in plain.headers["vary"]


async def test_errors_and_posts_have_no_tag(getting: httpx.AsyncClient) -> None:
    wrong = await getting.get("/graphql", params={"query": "{ nothing }"})
    posted = await getting.post("/graphql", json={"query": LIST})
    assert "etag" not in wrong.headers
    assert "etag" not in posted.headers
