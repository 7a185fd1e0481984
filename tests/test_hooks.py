"""Every hook is called and its answer has effect; and what the verbs promise."""

import asyncio
import io
import json
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import click
import pytest
import strawberry
from beanie import Document
from bson import ObjectId
from click.testing import CliRunner
from litestar import get
from litestar.types import ControllerRouterHandler
from pymongo import IndexModel

from mercat import (
    BootError,
    Context,
    Manifest,
    Viewer,
    auth,
    catalog,
    checkout,
    hookimpl,
    lifecycle,
    notifications,
    payments,
    payouts,
    support,
)
from mercat.auth import Credentials
from mercat.catalog import Placement, ProductSearch, SearchAnswer, StockFigures
from mercat.cli import cli
from mercat.engine import DOMAINS, Engine
from mercat.exporting import Batch, Exporter, Written, export_to
from mercat.graphql.extend import Query, extend
from mercat.hooks import Hooks, hookspec
from mercat.ids import decode_id, encode_id
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.lifecycle import Job, Operation, SealedFields
from mercat.settings import Settings
from mercat.storage.encryption import encryption_of
from mercat.storage.migrations import migrate, status
from mercat.storage.rotation import rotate

from .asking import told as told_data
from .conftest import ClientFor, EngineFor, Serve, until, write_jsonl
from .test_catalogue import load, product
from .test_export import exported
from .test_product_editing import change, done, shirt

MakeSettings = Callable[..., Settings]


@dataclass
class Plugins:
    """Makes plugins out of functions; each is a package, as `[plugins]` lists."""

    monkeypatch: pytest.MonkeyPatch
    made: list[str] = field(default_factory=list)

    def add(
        self, name: str, *, manifest: Manifest | None = None, **hooks: Callable[..., Any]
    ) -> str:
        """Add a plugin whose functions implement the hooks of their names; returns its package."""
        path = f"made_{name}"
        package, module = ModuleType(path), ModuleType(f"{path}.hooks")
        package.__spec__ = ModuleSpec(path, None, is_package=True)
        package.__dict__["manifest"] = manifest or Manifest(name=name, version="1.0.0")
        for hook, function in hooks.items():
            module.__dict__[hook] = hookimpl(function)
        self.monkeypatch.setitem(sys.modules, path, package)
        self.monkeypatch.setitem(sys.modules, f"{path}.hooks", module)
        self.made.append(path)
        return path

    def toml(self, *first: str) -> str:
        """An engine.toml with these plugins and those made, in order."""
        listed = ", ".join(f'"{name}"' for name in (*first, *self.made))
        return f"[plugins]\nenabled = [{listed}]\n"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


# What plugins bring at boot


class NoteDocument(Document):
    text: str

    class Settings:
        name = "notes"
        indexes = [IndexModel([("text", 1)], unique=True, name="by_text")]


async def test_hook_documents(plugins: Plugins, engine_for: EngineFor) -> None:
    plugins.add("notes", documents=lambda: [NoteDocument])
    engine = await engine_for(plugins.toml())

    await engine.storage[NoteDocument](text="kept").insert()

    assert [note.text async for note in engine.storage[NoteDocument].find()] == ["kept"]
    assert "by_text" in await engine.storage.database["notes"].index_information()


async def test_hook_sealed_fields(plugins: Plugins, engine_for: EngineFor) -> None:
    fields = SealedFields(NoteDocument, ("text",))
    plugins.add("notes", documents=lambda: [NoteDocument], sealed_fields=lambda: [fields])
    engine = await engine_for(plugins.toml())
    encryption = encryption_of(engine.context())
    notes = engine.storage.collection(NoteDocument)
    await notes.insert_one({"_id": 1, "text": await encryption.seal("kept")})
    before = await notes.find_one({})

    assert (await rotate(engine.context())).changed == 1

    after = await notes.find_one({})
    assert before is not None
    assert after is not None
    assert after["text"] != before["text"]
    assert await encryption.unseal_all([before["text"], after["text"]]) == ["kept", "kept"]


def test_sealed_fields_of_a_document_that_nobody_stores_are_refused(
    plugins: Plugins, settings_for: MakeSettings
) -> None:
    plugins.add("wrong", sealed_fields=lambda: [SealedFields(NoteDocument, ("text",))])
    with pytest.raises(BootError) as refused:
        Engine(settings_for(plugins.toml()))
    assert_sentence(refused.value, "sealed_fields", "NoteDocument", "`documents`")


@extend(Query)
class Greeting:
    @strawberry.field(description="A greeting.")
    @staticmethod
    def hello() -> str:
        return "Hello from a plugin"


async def test_hook_schema(plugins: Plugins, engine_for: EngineFor, client_for: ClientFor) -> None:
    plugins.add("greeting", schema=lambda: [Greeting])
    engine = await engine_for(plugins.toml())

    assert await client_for(engine).data("{ hello }") == {"hello": "Hello from a plugin"}
    assert engine.schema.owner("Query", "hello") == "greeting"


async def test_hook_routes(plugins: Plugins, engine_for: EngineFor, client_for: ClientFor) -> None:
    def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
        @get("/shop-name", media_type="text/plain")
        async def name() -> str:
            return engine.settings.shop.name

        return [name]

    plugins.add("routes", routes=routes)
    engine = await engine_for(plugins.toml() + '[shop]\nname = "Tea House"\n')

    answer = await client_for(engine).http.get("/shop-name")

    assert (answer.status_code, answer.text) == (200, "Tea House")


async def test_hook_scheduled_jobs(plugins: Plugins, engine_for: EngineFor) -> None:
    ran = asyncio.Event()

    async def work(context: Context) -> None:
        assert await context.storage.redis.ping()
        ran.set()

    job = Job(name="sweep", every=timedelta(hours=1), run=work)
    plugins.add("sweeper", scheduled_jobs=lambda: [job])
    engine = await engine_for(plugins.toml(), work=True)

    async with asyncio.timeout(10):
        await ran.wait()

    async def is_written() -> bool:
        return await engine.storage.database["jobs"].find_one({"_id": "sweep"}) is not None

    await until(is_written)


async def test_hook_migrations(plugins: Plugins, engine_for: EngineFor, tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "0001_mark.py").write_text(
        '"""Leave a mark."""\n\n\nasync def up(context):\n'
        '    await context.storage.database["marks"].insert_one({"_id": "made"})\n'
    )
    plugins.add("marker", migrations=lambda: folder)
    engine = await engine_for(plugins.toml())
    before = await status(engine.context(), engine.migrations)

    await migrate(engine.context(), engine.migrations, lambda _migration, _seconds: None)

    (step,) = await status(engine.context(), engine.migrations)
    assert [(s.migration.id, s.applied_at) for s in before] == [("marker/0001_mark", None)]
    assert (step.migration.title, step.applied_at is None) == ("Leave a mark.", False)
    assert await engine.storage.database["marks"].count_documents({}) == 1


def test_hook_commands(
    plugins: Plugins, settings_for: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command("greet", help="Say hello.")
    def greet() -> None:
        click.echo("Hello")

    plugins.add("greeter", commands=lambda: [greet])
    file = settings_for(plugins.toml()).file
    monkeypatch.chdir(file.parent)

    listed = CliRunner().invoke(cli, ["--help"])
    said = CliRunner().invoke(cli, ["--config", str(file), "greet"])

    assert "Say hello." in listed.output
    assert (said.exit_code, said.output) == (0, "Hello\n")


class Words:
    name = "words"
    title = "A word a line"

    def matches(self, path: Path, head: bytes) -> bool:
        del head
        return path.suffix == ".words"

    def read(self, stream: BinaryIO) -> Iterator[Row[str] | Rejected]:
        for number, line in enumerate(stream, 1):
            yield Row(f"line {number}", line.decode().strip())


class WordLoad:
    def __init__(self, words: list[str]) -> None:
        self._words = words

    async def batch(self, rows: Sequence[Row[str]]) -> Tally:
        self._words += [row.value for row in rows]
        return Tally(created=len(rows))

    async def finish(self) -> Tally:
        return Tally(notes=[Rejected("line 1", "a note")])


async def test_hook_importers(plugins: Plugins, engine_for: EngineFor, tmp_path: Path) -> None:
    words: list[str] = []

    async def start(_context: Context) -> WordLoad:
        return WordLoad(words)

    importer = Importer(noun="words", description="Import words.", formats=[Words()], open=start)
    plugins.add("reader", importers=lambda: [importer])
    engine = await engine_for(plugins.toml())
    (tmp_path / "a.words").write_text("tea\nmilk\n")

    tally = await load(engine, "words", tmp_path / "a.words")

    assert words == ["tea", "milk"]
    assert (tally.created, tally.notes) == (2, [Rejected("line 1", "a note")])
    shown = CliRunner().invoke(cli, ["--config", str(engine.settings.file), "import", "--help"])
    assert "Import words." in shown.output


class Upper:
    name = "upper"
    title = "Words in capitals"

    def head(self, context: Context) -> bytes:
        del context
        return b"WORDS\n"

    def written(self, row: str, context: Context) -> Written:
        return Written(f"{row.upper()} {context.shop.currency}\n".encode(), (f"{row} is a note",))


async def test_hook_exporters(
    plugins: Plugins, settings_for: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(context: Context, status: str | None) -> AsyncIterator[Batch[str]]:
        assert await context.storage.redis.ping()
        yield Batch(["tea", f"{status}"], 1, 1)

    exporter = Exporter(
        noun="words", description="Export words.", formats=[Upper()], read=read, statuses=["new"]
    )
    plugins.add("writer", exporters=lambda: [exporter])
    file = settings_for(plugins.toml()).file
    engine = Engine(settings_for(plugins.toml()))
    out, notes = io.BytesIO(), list[str]()

    async with engine:
        count = await export_to(exporter, engine.context(), out, status="new", on_note=notes.append)

    assert (count, out.getvalue()) == (2, b"WORDS\nTEA EUR\nNEW EUR\n")
    assert notes == ["tea is a note", "new is a note"]
    monkeypatch.chdir(file.parent)
    shown = CliRunner().invoke(cli, ["--config", str(file), "export", "--help"])
    assert "Export words." in shown.output
    options = CliRunner().invoke(cli, ["--config", str(file), "export", "words", "--help"])
    assert "Words in capitals" in options.output
    assert "[new]" in options.output


async def test_hook_ready_operations(
    plugins: Plugins, engine_for: EngineFor, client_for: ClientFor
) -> None:
    operation = Operation("What the shop is called", "{ shop { name } }")
    plugins.add("ready", ready_operations=lambda: [operation])
    engine = await engine_for(plugins.toml())

    page = await client_for(engine).http.get("/graphql", headers={"accept": "text/html"})

    assert "What the shop is called" in page.text
    assert "{ shop { name } }" in page.text


# When the engine starts and stops


def telling(heard: list[str], word: str) -> Callable[[Context], Awaitable[None]]:
    async def tell(context: Context) -> None:
        assert await context.storage.redis.ping()
        heard.append(word)

    return tell


async def failing(context: Context) -> None:
    raise ValueError("this plugin is broken")


async def test_hook_startup(
    plugins: Plugins,
    engine_for: EngineFor,
    client_for: ClientFor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []
    plugins.add("one", startup=telling(heard, "one"))
    plugins.add("broken", startup=failing)
    plugins.add("two", startup=telling(heard, "two"))

    with caplog.at_level(logging.ERROR, "mercat.hooks"):
        engine = await engine_for(plugins.toml(), work=True)

    assert heard == ["one", "two"]
    assert "plugin 'broken' failed in startup" in caplog.text
    assert await client_for(engine).data("{ shop { name } }") == {"shop": {"name": "Mercat"}}


async def test_startup_is_not_told_to_an_engine_that_does_not_work(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    heard: list[str] = []
    plugins.add("one", startup=telling(heard, "up"), shutdown=telling(heard, "down"))
    engine = await engine_for(plugins.toml())
    await engine.stop()
    await engine.start(work=False)  # for the fixture, which stops it again
    assert heard == []


async def test_hook_shutdown(
    plugins: Plugins, engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    plugins.add("one", shutdown=telling(heard, "one"))
    plugins.add("broken", shutdown=failing)
    plugins.add("two", shutdown=telling(heard, "two"))
    engine = await engine_for(plugins.toml(), work=True)
    assert heard == []

    with caplog.at_level(logging.ERROR, "mercat.hooks"):
        await engine.stop()

    await engine.start(work=False)  # for the fixture, which stops it again
    assert heard == ["two", "one"]
    assert "plugin 'broken' failed in shutdown" in caplog.text


DEMO_PLUGIN = """
from mercat import Context, hookimpl


@hookimpl
async def demo_requested(context: Context) -> None:
    await context.storage.database["asked"].insert_one({"_id": "once"})
    with open("asked", "a") as file:
        file.write(f"{context.storage.database.name}\\n")
"""


def test_hook_demo_requested(serve: Serve, tmp_path: Path) -> None:
    package = tmp_path / "demo_goods"
    package.mkdir()
    (package / "__init__.py").write_text(
        'from mercat import Manifest\n\nmanifest = Manifest(name="goods", version="1")\n'
    )
    (package / "hooks.py").write_text(DEMO_PLUGIN)
    name = f"test_{secrets.token_hex(6)}"
    toml = '[plugins]\nenabled = ["demo_goods"]\n'

    with serve("--demo", toml=toml, PYTHONPATH=str(tmp_path), MERCAT_DATABASE__NAME=name):
        pass

    assert (tmp_path / "asked").read_text() == f"{name}_demo\n"


# The catalogue


async def test_hook_product_placements(
    plugins: Plugins, engine_for: EngineFor, tmp_path: Path
) -> None:
    group, above = ObjectId(), ObjectId()
    asked: list[Any] = []

    async def placements(
        context: Context, paths: Sequence[tuple[tuple[str, ...], ...]]
    ) -> Sequence[Placement]:
        asked.extend(paths)
        return [
            Placement((group,), (group, above)) if found else Placement(problem="no path")
            for found in paths
        ]

    async def nothing(paths: Sequence[tuple[tuple[str, ...], ...]]) -> None:
        return None

    plugins.add("silent", product_placements=nothing)
    plugins.add("groups", product_placements=placements)
    engine = await engine_for(plugins.toml("media", "products"))
    rows = [product("tea", categories=["Food > Tea", "Gifts"]), product("mug")]

    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))

    assert asked == [(("Food", "Tea"), ("Gifts",)), ()]
    assert tally.notes == [Rejected("line 2", "no path")]
    tea = await engine.storage.database["products"].find_one({"slug": "tea"})
    assert tea is not None
    assert (tea["placed_in"], tea["listed_in"]) == ([group], [group, above])


async def test_hook_product_paths(plugins: Plugins, engine_for: EngineFor, tmp_path: Path) -> None:
    group, gone = ObjectId(), ObjectId()
    asked: list[ObjectId] = []

    async def placements(paths: Sequence[tuple[tuple[str, ...], ...]]) -> Sequence[Placement]:
        return [Placement((group, gone), (group, gone)) for _ in paths]

    async def named(keys: Sequence[ObjectId]) -> dict[ObjectId, tuple[str, ...]]:
        asked.extend(keys)
        return {group: ("Food", "Tea")}

    async def nothing(keys: Sequence[ObjectId]) -> None:
        return None

    plugins.add("silent", product_paths=nothing)
    plugins.add("groups", product_placements=placements, product_paths=named)
    engine = await engine_for(plugins.toml("media", "products"))
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [product("tea")]))
    row = json.loads(await exported(engine))
    assert "categories" in row
    assert row["categories"] == []  # the row of the import named none

    file = write_jsonl(tmp_path / "p.jsonl", [product("tea", categories=["Food > Tea"])])
    await load(engine, "products", file)
    asked.clear()
    row = json.loads(await exported(engine))

    assert row["categories"] == ["Food > Tea"]
    assert set(asked) == {group, gone}


async def test_hook_products_saved(
    plugins: Plugins, engine_for: EngineFor, client_for: ClientFor, tmp_path: Path
) -> None:
    told: list[str] = []

    async def saved(product_ids: Sequence[str]) -> None:
        told.extend(product_ids)

    plugins.add("index", products_saved=saved)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    file = write_jsonl(tmp_path / "p.jsonl", [product("tea"), product("mug")])

    await load(engine, "products", file)

    async def both() -> bool:
        return len(told) >= 2

    await until(both)
    answer = await client_for(engine).data(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { slug } } }",
        {"ids": [encode_id("Product", key) for key in told]},
    )
    assert {node["slug"] for node in answer["nodes"]} == {"tea", "mug"}
    await until(lambda: _is_empty(engine))
    await load(engine, "products", file)
    assert await _is_empty(engine)  # nothing changed, so there is nothing to tell


async def test_hook_search(plugins: Plugins, engine_for: EngineFor) -> None:
    asked: list[str] = []

    async def search(wanted: ProductSearch) -> SearchAnswer | None:
        asked.append(wanted.text)
        return SearchAnswer(total=42) if wanted.text == "mine" else None

    plugins.add("engine", search=search)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    query = '{ productSearch(query: "mine", first: 1) { totalCount nodes { slug } } }'
    found = await told_data(engine, query)
    assert found == {"productSearch": {"totalCount": 42, "nodes": []}}
    assert set(asked) == {"mine"}


async def test_the_hook_search_is_asked_once_for_a_page_and_once_for_the_facets_that_are_selected(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    asked: list[ProductSearch] = []

    async def search(wanted: ProductSearch) -> SearchAnswer:
        asked.append(wanted)
        return SearchAnswer()

    plugins.add("engine", search=search)
    engine = await engine_for(plugins.toml("media", "products", "categories"))
    query = """{ productSearch(query: "", first: 1) {
      totalCount didYouMean facets { inStock categories { count } } } }"""
    await told_data(engine, query)
    page, whole = asked
    assert (page.count, page.total, page.facets, page.correction) == (1, False, frozenset(), False)
    assert (whole.count, whole.total, whole.correction) == (0, True, True)
    assert whole.facets == {"in_stock", "groups"}


async def test_hook_products_removed(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[tuple[Sequence[str], Sequence[str]]] = []

    async def removed(product_ids: Sequence[str], variant_ids: Sequence[str]) -> None:
        told.append((product_ids, variant_ids))

    plugins.add("index", products_removed=removed)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    made = await done(engine, "productCreate", **shirt())
    await change(engine, "productDelete", id=made["id"])

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    (variant,) = made["variants"]["nodes"]
    assert told == [
        ([decode_id(made["id"])[1]], [decode_id(variant["id"])[1]]),
    ]


async def test_hook_stock_changed(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[StockFigures] = []

    async def changed(changes: Sequence[StockFigures]) -> None:
        told.extend(changes)

    plugins.add("counter", stock_changed=changed)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    made = await done(engine, "productCreate", **shirt())
    await count_stock(engine, made, 20)

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    (figures,) = told
    assert (figures.sku, figures.on_hand, figures.in_stock) == ("SHIRT-M", 20, True)


async def test_hook_stock_low(plugins: Plugins, engine_for: EngineFor) -> None:
    told: list[tuple[str, int, int]] = []

    async def low(stock: StockFigures, threshold: int) -> None:
        told.append((stock.sku, stock.available, threshold))

    plugins.add("buyer", stock_low=low)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    made = await done(engine, "productCreate", **shirt())
    for count in (20, 4, 3):
        await count_stock(engine, made, count)

    async def heard() -> bool:
        return bool(told)

    await until(heard)
    await until(lambda: _is_empty(engine))
    assert told == [("SHIRT-M", 4, 5)]


async def count_stock(engine: Engine, made: dict[str, Any], units: int) -> None:
    (variant,) = made["variants"]["nodes"]
    given = {"variantId": variant["id"], "setTo": units, "reason": "COUNTED"}
    await told_data(
        engine,
        """mutation M($input: StockAdjustInput!) {
          stockAdjust(input: $input) { userErrors { code } } }""",
        {"input": given},
    )


async def _is_empty(engine: Engine) -> bool:
    return await engine.outbox.pending_count() == 0


async def test_a_failed_event_is_delivered_again_to_whom_it_failed_alone(
    plugins: Plugins, engine_for: EngineFor, tmp_path: Path
) -> None:
    told: list[str] = []

    async def well(product_ids: Sequence[str]) -> None:
        told.append("well")

    async def badly(product_ids: Sequence[str]) -> None:
        told.append("badly")
        if told.count("badly") == 1:
            raise ValueError("not yet")

    plugins.add("well", products_saved=well)
    plugins.add("badly", products_saved=badly)
    engine = await engine_for(plugins.toml("media", "products"))
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [product("tea")]))

    async def is_delivered() -> bool:
        await engine.outbox.deliver_due()
        return await _is_empty(engine)

    await until(is_delivered)
    assert told == ["well", "badly", "badly"]


# Who is asking


async def test_hook_authenticate(
    plugins: Plugins, engine_for: EngineFor, client_for: ClientFor
) -> None:
    async def by_token(context: Context, credentials: Credentials) -> Viewer | None:
        if credentials.headers.get("authorization") != "Bearer letmein":
            return None
        return Viewer(role="SUPPORT", permissions=frozenset({"tickets.read"}), user="7")

    async def for_all(credentials: Credentials) -> Viewer | None:
        return Viewer(role="ADMIN") if "second" in credentials.headers else None

    plugins.add("first", authenticate=by_token)
    plugins.add("second", authenticate=for_all)
    client = client_for(await engine_for(plugins.toml()))
    query = "{ viewer { role permissions } }"

    nobody = await client.ask(query)
    somebody = await client.ask(query, authorization="Bearer letmein", second="1")
    other = await client.ask(query, second="1")

    assert nobody["data"]["viewer"] == {"role": "ANONYMOUS", "permissions": []}
    assert somebody["data"]["viewer"] == {"role": "SUPPORT", "permissions": ["tickets.read"]}
    assert other["data"]["viewer"] == {"role": "ADMIN", "permissions": []}


# The verbs


@hookspec
async def prices(cart: str) -> int | None:
    """What the cart costs."""


@hookspec
async def paid(cart: str) -> None:
    """The cart was paid."""


@hookspec
def parts(kind: str) -> list[str]:  # type: ignore[empty-body]
    """What the plugin brings."""


def domain() -> ModuleType:
    found = ModuleType("a_domain")
    found.__dict__.update(prices=prices, paid=paid, parts=parts)
    return found


def hooks_of(**plugins: dict[str, Callable[..., Any]]) -> Hooks:
    """The hooks of an engine with these plugins, in this order."""
    hooks = Hooks([domain()])
    for name, functions in plugins.items():
        module = ModuleType(f"made_{name}.hooks")
        module.__dict__.update({hook: hookimpl(found) for hook, found in functions.items()})
        hooks.register(name, module)
    return hooks


def answering(asked: list[str], name: str, answer: int | None) -> Callable[[str], Awaitable[Any]]:
    async def answers(cart: str) -> int | None:
        asked.append(f"{name} {cart}")
        return answer

    return answers


async def test_collect_has_every_answer_in_plugin_order() -> None:
    asked: list[str] = []
    hooks = hooks_of(
        a={"prices": answering(asked, "a", 3)},
        b={"prices": answering(asked, "b", None)},
        c={"prices": answering(asked, "c", 0)},
    )
    assert await hooks.collect(prices, "cart") == [3, 0]
    assert asked == ["a cart", "b cart", "c cart"]


async def test_first_stops_asking() -> None:
    asked: list[str] = []
    hooks = hooks_of(
        a={"prices": answering(asked, "a", None)},
        b={"prices": answering(asked, "b", 0)},
        c={"prices": answering(asked, "c", 5)},
    )
    assert await hooks.first(prices, cart="cart") == 0
    assert asked == ["a cart", "b cart"]
    assert await hooks_of().first(prices, "cart") is None


async def test_notify_goes_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    async def broken(cart: str) -> None:
        raise ValueError("no money")

    hooks = hooks_of(
        a={"paid": answering(asked, "a", None)},
        b={"paid": broken},
        c={"paid": answering(asked, "c", None)},
    )
    with caplog.at_level(logging.ERROR, "mercat.hooks"):
        await hooks.notify(paid, "cart")
        await hooks.notify_reversed(paid, "again")
    assert asked == ["a cart", "c cart", "c again", "a again"]
    assert caplog.text.count("plugin 'b' failed in paid") == 2


def test_gather_names_each_plugin_with_its_answer() -> None:
    hooks = hooks_of(
        a={"parts": lambda kind: [f"{kind} a"]},
        b={},
        c={"parts": lambda: ["of any kind"]},
    )
    assert hooks.gather(parts, "wheel") == [("a", ["wheel a"]), ("c", ["of any kind"])]


async def test_a_verb_takes_only_hooks_of_its_engine() -> None:
    with pytest.raises(TypeError, match="authenticate is not a hook of this engine"):
        await hooks_of().first(auth.authenticate, None, None)  # type: ignore[arg-type]


def test_the_engine_has_the_hooks_of_its_domains() -> None:
    known = (lifecycle, catalog, checkout, payments, payouts, auth, notifications, support)
    assert known == DOMAINS
    assert len(set(Hooks(DOMAINS).names)) == len(Hooks(DOMAINS).names)


# What is refused at boot


def nothing() -> list[type]:
    return []


async def asynchronous() -> list[type]:
    return []


def synchronous(context: Context) -> None:
    return None


async def too_many(context: Context, credentials: Credentials, colour: str) -> None:
    return None


@pytest.mark.parametrize(
    ("hook", "function", "words"),
    [
        ("authenticate", too_many, ["colour"]),
        ("documnets", nothing, ["implements no hook", "did you mean documents?"]),
        ("documents", asynchronous, ["must be a def without async"]),
        ("startup", synchronous, ["async def", "as its specification is"]),
    ],
)
def test_a_hook_that_cannot_be_is_refused_in_a_sentence(
    plugins: Plugins,
    settings_for: MakeSettings,
    hook: str,
    function: Callable[..., Any],
    words: list[str],
) -> None:
    path = plugins.add("wrong")
    sys.modules[f"{path}.hooks"].__dict__[hook] = hookimpl(function)
    with pytest.raises(BootError) as refused:
        Engine(settings_for(plugins.toml()))
    assert_sentence(refused.value, *words)


@pytest.mark.parametrize("option", ["tryfirst", "trylast", "wrapper", "hookwrapper"])
def test_an_option_that_changes_the_order_is_refused(
    plugins: Plugins, settings_for: MakeSettings, option: str
) -> None:
    def documents() -> Any:
        yield

    options: dict[str, Any] = {option: True}
    marked: Callable[..., Any] = hookimpl(**options)
    path = plugins.add("wrong")
    sys.modules[f"{path}.hooks"].__dict__["documents"] = marked(documents)
    with pytest.raises(BootError) as refused:
        Engine(settings_for(plugins.toml()))
    assert_sentence(refused.value, "asks for another order", "`after`")


def assert_sentence(error: BootError, *words: str) -> None:
    """One sentence that names the plugin and says these words."""
    said = str(error)
    assert "plugin 'wrong'" in said
    assert "\n" not in said
    for word in words:
        assert word in said


async def test_hook_product_groups(plugins: Plugins, engine_for: EngineFor, tmp_path: Path) -> None:
    group = ObjectId()

    async def product_groups(names: Sequence[str]) -> dict[str, ObjectId]:
        return {name: group for name in names if name == "Food > Tea"}

    plugins.add("groups", product_groups=product_groups)
    engine = await engine_for(plugins.toml("media", "products", "orders", "coupons"))
    rows: list[dict[str, Any]] = [
        {
            "key": name,
            "name": name,
            "benefit": {"free_shipping": {}},
            "scope": {"include": [{"categories": [name]}]},
        }
        for name in ("Food > Tea", "Food > Mugs")
    ]
    tally = await load(engine, "promotions", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.created == 1
    (rejected,) = tally.rejected
    assert "there is no category 'Food > Mugs'" in rejected.reason
    stored = await engine.storage.database["promotions"].find_one({}) or {}
    assert stored["scope"]["include"][0]["categories"] == [str(group)]
