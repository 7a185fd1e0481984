"""The documentation says what is so: its examples run, its tables are the code's."""

import ast
import asyncio
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le
from click.testing import CliRunner
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

import mercat
from mercat.cli import BOOT_EXIT, OTHER_EXIT, STORE_EXIT, cli
from mercat.cli.catalog import Summary
from mercat.engine import Engine
from mercat.importing import import_file
from mercat.kms import KmsSettings
from mercat.lifecycle import demo_requested, ready_operations
from mercat.settings import FIRST_PARTY, Settings, load_settings, read_section
from mercat.storage.migrations import status
from mercat_auth.oauth.settings import ProviderSettings
from mercat_notifications.settings import SmtpSettings
from mercat_orders.papers.settings import InvoiceSettings
from mercat_orders.settings import ShippingMethodSettings, TaxZoneSettings
from mercat_payments_manual.settings import BankTransferSettings, OnDeliverySettings
from mercat_tickets.inbound.settings import InboundSettings
from mercat_tickets.sla.settings import SlaSettings

from .conftest import Client, ClientFor, EngineFor, Mercat, Stores, until
from .contracts import (
    manifest_of,
    package_of,
    specifications,
    stray_imports,
    undescribed,
    wrong_colours,
    wrong_way_imports,
)
from .test_catalogue import importer, load

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *(ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "migrations" / "README.md"),
        *DOCS.rglob("*.md"),
    ]
)
HOOKS = (DOCS / "hooks.md").read_text()

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return [block for name, block in _BLOCK.findall(text) if name == language]


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    # Comments in code blocks begin as headings do.
    masked = _BLOCK.sub(lambda block: block[0].replace("#", "."), text)
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(
        rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{level}}} |\Z)", masked, re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"there is no heading '{heading}'"
    return text[found.start(1) : found.end(1)]


# Hooks

every_hook = pytest.mark.parametrize("hook", sorted(specifications()))


def documented(hook: str) -> str:
    domain, _ = specifications()[hook]
    return section(section(HOOKS, f"## {domain.__name__.split('.')[-1]}"), f"### {hook}")


def declared(block: str, domain: ModuleType, name: str) -> Any:
    """What a block of documentation declares under a name, in the domain's own words."""
    home = getattr(getattr(domain, name, None), "__module__", domain.__name__)
    namespace = {**vars(sys.modules[home]), **vars(domain)}
    exec(compile(block, f"docs/hooks.md {name}", "exec"), namespace)  # our own documentation
    return namespace[name]


@every_hook
def test_every_hook_is_documented_with_its_signature(hook: str) -> None:
    domain, specification = specifications()[hook]
    assert callable(specification)
    assert inspect.getdoc(specification), f"{hook} has no docstring"
    shown = declared(blocks(documented(hook), "python")[0], domain, hook)
    assert shown is not specification
    assert inspect.signature(shown) == inspect.signature(specification)
    assert inspect.iscoroutinefunction(shown) is inspect.iscoroutinefunction(specification)


def test_the_documentation_has_no_hook_that_is_not_there() -> None:
    known = {*specifications(), *(domain.__name__ for domain, _ in specifications().values())}
    assert set(re.findall(r"^### (\w+)$", HOOKS, re.MULTILINE)) <= known


@cache
def names_of_tests() -> set[str]:
    return {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@every_hook
def test_every_hook_has_a_test(hook: str) -> None:
    assert f"test_hook_{hook}" in names_of_tests(), f"write test_hook_{hook} in tests/test_hooks.py"


def verbs() -> Iterator[tuple[str, str]]:
    """Which hook is called by which verb, as the sources have it."""
    called = re.compile(
        r"\.(gather|collect|first|notify|notify_reversed|outbox\.add)\(\s*(?:(?:session|within|None),\s*)?"
        r"(?:\w+\.)?(\w+)"
    )
    for file in [*(ROOT / "core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for verb, hook in called.findall(file.read_text()):
            yield hook, {"notify_reversed": "notify", "outbox.add": "outbox"}.get(verb, verb)


@every_hook
def test_every_hook_is_documented_with_its_verb(hook: str) -> None:
    (said,) = re.findall(r"^Verb: \*\*(\w+)\*\*", documented(hook), re.MULTILINE)
    assert {verb for name, verb in verbs() if name == hook} == {said}


@pytest.mark.parametrize(
    "name",
    [
        f"{domain.__name__}.{name}"
        for domain in dict.fromkeys(domain for domain, _ in specifications().values())
        for name, value in vars(domain).items()
        if is_dataclass(value) and value.__module__ == domain.__name__
    ],
)
def test_every_value_that_a_hook_passes_is_documented(name: str) -> None:
    module, _, cls = name.rpartition(".")
    domain = importlib.import_module(module)
    part = section(HOOKS, f"## {module.split('.')[-1]}")
    (block,) = [text for text in blocks(part, "python") if f"class {cls}:" in text]

    def shape(value: Any) -> list[tuple[str, Any, Any]]:
        return [(field.name, field.type, field.default) for field in fields(value)]

    assert shape(declared(block, domain, cls)) == shape(vars(domain)[cls])


# Configuration

CONFIGURATION = (DOCS / "configuration.md").read_text()
_SECTIONS = ("server", "database", "redis", "shop", "graphql", "cache")
_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    Path: "path",
    date: "date",
}


def models() -> dict[str, tuple[type[BaseModel], dict[str, FieldInfo]]]:
    """Every section of engine.toml with its keys."""
    found: dict[str, Any] = {name: Settings.model_fields[name].annotation for name in _SECTIONS}
    for plugin in FIRST_PARTY:
        found[f"plugins.{plugin}"] = manifest_of(package_of(plugin)).settings
    sections = {name: (model, dict(model.model_fields)) for name, model in found.items()}
    sections["plugins"] = (Settings, {"enabled": Settings.model_fields["enabled"]})
    return {name: (model, keys) for name, (model, keys) in sections.items() if keys}


def type_of(annotation: Any, metadata: list[Any]) -> str:
    """A key's type in words."""
    if get_origin(annotation) in {UnionType, Union}:
        (annotation,) = (kind for kind in get_args(annotation) if kind is not type(None))
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
    if get_origin(annotation) is tuple:
        (item, *_) = get_args(annotation)
        kind, more = (get_args(item)[0], get_args(item)[1:]) if get_args(item) else (item, ())
        words = type_of(kind, [part for info in more for part in getattr(info, "metadata", ())])
        return f"list of {words.replace('string', 'strings', 1)}"
    if annotation is SecretStr:
        return "secret"
    if get_origin(annotation) is dict:
        return "tables"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(annotation))
    return _NAMES[annotation] + bounds(metadata)


def bounds(metadata: list[Any]) -> str:
    least = next((part.ge for part in metadata if isinstance(part, Ge)), None)
    above = next((part.gt for part in metadata if isinstance(part, Gt)), None)
    most = next((part.le for part in metadata if isinstance(part, Le)), None)
    pattern = next((part.pattern for part in metadata if hasattr(part, "pattern")), None)
    if pattern is not None:
        return f" matching `{pattern}`"
    if above is not None:
        return f" above {above}, at most {most}"
    if least is not None:
        return f", {least} or more" if most is None else f", {least} to {most}"
    return ""


def row_of(name: str, key: str, info: FieldInfo) -> tuple[str, ...]:
    default = info.get_default(call_default_factory=True)
    written = "not set" if default is None else f"`{json.dumps(default, default=str)}`"
    variable = f"MERCAT_{name.replace('.', '__')}__{key}".upper()
    return f"`{key}`", type_of(info.annotation, info.metadata), written, f"`{variable}`"


@pytest.mark.parametrize("name", sorted(models()))
def test_every_key_of_the_configuration_is_documented(name: str) -> None:
    _, keys = models()[name]
    rows = re.findall(r"^\| (`.*) \|$", section(CONFIGURATION, f"## [{name}]"), re.MULTILINE)
    shown = [tuple(cell.strip() for cell in row.split(" | ")) for row in rows]
    assert [cells[:4] for cells in shown] == [row_of(name, *key) for key in keys.items()]
    assert all(len(cells) == 5 and cells[4].endswith(".") for cells in shown)


def test_no_section_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"^## \[(.+)\]$", CONFIGURATION, re.MULTILINE)) == set(models())


# A value other than the default for each kind of key, as the environment and as TOML write it.
_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
_SLA = SlaSettings.model_validate({"targets": {"low": {"resolution": 5}}})
_INBOUND = InboundSettings(mailbox="a@shop.example", secrets=(SecretStr(_KEY),))
_OTHER: dict[str, tuple[str, Any]] = {
    "shop.currency": ("KWD", "KWD"),
    "shop.currencies": ("JPY,USD", ("JPY", "USD")),
    "shop.countries": ('["FR", "US"]', ("FR", "US")),
    "database.url": ("mongodb://u:p@h/", SecretStr("mongodb://u:p@h/")),
    "database.encryption_key": ("QUJD" * 32, SecretStr("QUJD" * 32)),
    "database.kms": (
        '{"provider": "kmip", "key": {"endpoint": "kms.shop.test:5696"}}',
        KmsSettings(provider="kmip", key={"endpoint": "kms.shop.test:5696"}),
    ),
    "redis.url": ("redis://:12e3@h/0", SecretStr("redis://:12e3@h/0")),
    "plugins.enabled": ("products", ("products",)),
    "graphql.executor": ("interpreted", "interpreted"),
    "cache.max_bytes": ("2000000", 2_000_000),
    "plugins.payments.capture": ("by_hand", "by_hand"),
    "plugins.coupons.choice": ("priority", "priority"),
    "plugins.coupons.time_zone": ("Europe/Vienna", "Europe/Vienna"),
    "plugins.auth.secret": ("x" * 32, SecretStr("x" * 32)),
    "plugins.auth.algorithm": ("EdDSA", "EdDSA"),
    "plugins.auth.min_password_length": ("11", 11),
    "plugins.auth.hash_memory_kib": ("8000", 8000),
    "plugins.auth.public_url": ("https://shop.test", "https://shop.test"),
    "plugins.auth.rp_id": ("shop.test", "shop.test"),
    "plugins.auth.origins": ("https://www.shop.test", ("https://www.shop.test",)),
    "plugins.auth.redirects": ("https://shop.test/in", ("https://shop.test/in",)),
    "plugins.auth.providers": (
        '{"google": {"client_id": "x"}}',
        {"google": ProviderSettings(client_id="x")},
    ),
    "plugins.orders.tax_zones": (
        '{"germany": {"rates": {"standard": "19"}}}',
        {"germany": TaxZoneSettings(rates={"standard": Decimal(19)})},
    ),
    "plugins.orders.shipping_methods": (
        '{"post": {"name": "Post", "prices": {"EUR": "4.90"}}}',
        {"post": ShippingMethodSettings.model_validate({"name": "Post", "prices": {"EUR": "4.9"}})},
    ),
    "plugins.orders.commission": ("12.5", Decimal("12.5")),
    "plugins.orders.commissions": ('{"anna": "10"}', {"anna": Decimal(10)}),
    "plugins.orders.payment_url": ("https://shop.test/{cart}", "https://shop.test/{cart}"),
    "plugins.orders.status_url": ("https://shop.test/{number}", "https://shop.test/{number}"),
    "plugins.orders.cart_url": ("https://shop.test/{cart}", "https://shop.test/{cart}"),
    "plugins.auth.verify_url": ("https://shop.test/{token}", "https://shop.test/{token}"),
    "plugins.auth.reset_url": ("https://shop.test/{token}", "https://shop.test/{token}"),
    "plugins.auth.email_url": ("https://shop.test/{token}", "https://shop.test/{token}"),
    "plugins.auth.invitation_url": ("https://shop.test/{token}", "https://shop.test/{token}"),
    "plugins.notifications.backend": ("console", "console"),
    "plugins.notifications.sender": ("Shop <a@example.com>", "Shop <a@example.com>"),
    "plugins.notifications.public_url": ("https://shop.test", "https://shop.test"),
    "plugins.notifications.smtp": (
        '{"host": "mail.shop.test"}',
        SmtpSettings(host="mail.shop.test"),
    ),
    "plugins.orders.invoices": ('{"issue": "placed"}', InvoiceSettings(issue="placed")),
    "plugins.payments_manual.on_delivery": (
        '{"at_most": {"EUR": "500"}}',
        OnDeliverySettings.model_validate({"at_most": {"EUR": "500"}}),
    ),
    "plugins.payments_manual.bank_transfer": (
        '{"iban": "DE89370400440532013000"}',
        BankTransferSettings(iban="DE89370400440532013000"),
    ),
    "plugins.payments_sandbox.public_url": ("https://shop.test", "https://shop.test"),
    "plugins.payouts.due": ("completion", "completion"),
    "plugins.payouts.since": ("2026-05-01", date(2026, 5, 1)),
    "plugins.payments_sandbox.webhook_secret": ("x" * 16, SecretStr("x" * 16)),
    "plugins.payments_stripe.publishable_key": ("pk_test_x", "pk_test_x"),
    "plugins.payments_stripe.webhook_secrets": (
        '["one", "two"]',
        (SecretStr("one"), SecretStr("two")),
    ),
    "plugins.payments_stripe.timeout_seconds": ("7", 7),
    "plugins.payments_stripe.api_url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "plugins.tickets.url": ("https://x.test/{number}/{secret}", "https://x.test/{number}/{secret}"),
    "plugins.tickets.sla": ('{"targets": {"low": {"resolution": 5}}}', _SLA),
    "plugins.tickets.inbound": (
        f'{{"mailbox": "a@shop.example", "secrets": ["{_KEY}"]}}',
        _INBOUND,
    ),
    "plugins.tickets.assignment": ("by_skill", "by_skill"),
    "plugins.products.index_megabytes": ("64", 64),
    "plugins.media.max_bytes": ("2000", 2000),
    "plugins.media.max_pixels": ("20000", 20_000),
    "plugins.media.max_memory_bytes": ("600000000", 600_000_000),
    "plugins.media.public_url": ("https://cdn.shop.test/m", "https://cdn.shop.test/m"),
    "plugins.media.s3_endpoint": ("https://s3.shop.test", "https://s3.shop.test"),
    "plugins.media.s3_prefix": ("shop/", "shop/"),
}
_NEEDED = {  # what another key has to be for one to be allowed
    "plugins.auth.rp_id": {"MERCAT_PLUGINS__AUTH__ORIGINS": "https://shop.test"},
    "plugins.auth.origins": {"MERCAT_PLUGINS__AUTH__RP_ID": "shop.test"},
}
_OTHER_OF_TYPE: dict[str, tuple[str, Any]] = {
    "string": ("other", "other"),
    "secret": ("hush", SecretStr("hush")),
    "integer": ("11", 11),
    "number": ("11.5", 11.5),
    "boolean": ("true", True),
    "path": ("elsewhere", Path("elsewhere")),
    "list": ('["one", "two"]', ("one", "two")),
}


def other(name: str, key: str, info: FieldInfo) -> tuple[str, Any]:
    if found := _OTHER.get(f"{name}.{key}"):
        return found
    kind = re.split(r"[ ,]", type_of(info.annotation, info.metadata))[0]
    value = _OTHER_OF_TYPE[kind]
    return ("101", 101) if kind == "integer" and "100 or more" in bounds(info.metadata) else value


def read(settings: Settings, name: str, key: str) -> Any:
    if name == "plugins":
        return settings.enabled
    if name.startswith("plugins."):
        plugin = name.removeprefix("plugins.")
        model = manifest_of(package_of(plugin)).settings
        table = settings.plugins[plugin]
        return getattr(read_section(model, table, name, Path("engine.toml")), key)
    return getattr(getattr(settings, name), key)


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, (_, keys) in models().items() for key in keys]
)
@pytest.mark.parametrize("with_file", [True, False], ids=["with engine.toml", "without"])
def test_every_key_can_be_set_in_the_environment(
    name: str, key: str, with_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = models()[name][1][key]
    text, value = other(name, key, info)
    if "1000 or more" in bounds(info.metadata):
        text, value = "1001", 1001
    for variable, needed in _NEEDED.get(f"{name}.{key}", {}).items():
        monkeypatch.setenv(variable, needed)
    monkeypatch.chdir(tmp_path)
    if with_file:
        (tmp_path / "engine.toml").write_text(f"[{name}]\n")
    monkeypatch.setenv(row_of(name, key, info)[3].strip("`"), text)
    assert read(load_settings(), name, key) == value


def test_the_environment_wins_over_secrets_and_they_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "engine.toml").write_text(
        '[shop]\nname = "file"\nlocale = "file"\ncurrency = "USD"\n'
    )
    (tmp_path / ".secrets.toml").write_text('[shop]\nname = "secrets"\nlocale = "secrets"\n')
    monkeypatch.setenv("MERCAT_SHOP__NAME", "environment")
    shop = load_settings().shop
    assert (shop.name, shop.locale, shop.currency) == ("environment", "secrets", "USD")
    assert load_settings(None, {"shop": {"name": "option"}}).shop.name == "option"


def test_the_exit_codes_are_documented() -> None:
    rows = re.findall(r"^\| (\d) \|", section(CONFIGURATION, "## Exit codes"), re.MULTILINE)
    assert rows == [str(code) for code in (0, OTHER_EXIT, BOOT_EXIT, STORE_EXIT)]


# Importing

IMPORTING = (DOCS / "importing.md").read_text()


_IMPORTERS = """
[shop]
currencies = ["USD"]
[plugins]
enabled = ["auth", "media", "products", "categories", "orders", "coupons"]
"""
_EARLIER: dict[str, Sequence[str]] = {
    "customers": (),
    "customer-groups": ("customers",),
    "promotions": ("products", "customers", "customer-groups"),
    "coupons": ("products", "customers", "customer-groups", "promotions"),
}
"""Of which nouns the examples of others come before those of one."""


def examples() -> Iterator[tuple[str, str, str, str]]:
    """The noun, the format, the file's name and its text, of each example."""
    for noun in ("product-types", "products", "categories", *_EARLIER):
        part = section(IMPORTING, f"## {noun.capitalize().replace('-', ' ')}")
        for name in re.findall(r"^### (\w+)$", part, re.MULTILINE):
            below = section(part, f"### {name}")
            (file,) = re.findall(r"^\*\*`(.+)`\*\*$", below, re.MULTILINE)
            ((_, text),) = _BLOCK.findall(below)
            yield noun, name, file, text


@pytest.mark.parametrize(
    ("noun", "name", "file", "text"),
    list(examples()),
    ids=lambda value: str(value)[:20].split("\n")[0],
)
async def test_every_import_example_is_taken_whole_and_once(
    engine_for: EngineFor, tmp_path: Path, noun: str, name: str, file: str, text: str
) -> None:
    engine = await engine_for(_IMPORTERS)
    for before in _EARLIER.get(noun, ()):
        await load(engine, before, written_example(tmp_path, before))
    path = tmp_path / file
    path.write_text(text)
    assert importer(engine, noun).format(path).name == name

    first, second = await load(engine, noun, path), await load(engine, noun, path)

    assert first.created >= 1
    assert (first.updated, first.rejected, first.notes) == (0, [], [])
    assert (second.created, second.updated, second.rejected) == (0, 0, [])
    assert second.unchanged == first.created


def written_example(folder: Path, noun: str) -> Path:
    """The first example of a noun, as a file."""
    file, text = next((file, text) for kind, _, file, text in examples() if kind == noun)
    path = folder / f"before-{file}"
    path.write_text(text)
    return path


def test_every_format_has_an_example(settings_for: Callable[..., Settings]) -> None:
    known = {
        (importer.noun, found.name)
        for _, importer in Engine(settings_for(_IMPORTERS)).importers()
        for found in importer.formats
    }
    assert {(noun, name) for noun, name, _, _ in examples()} == known


async def test_rejected_rows_are_shown_and_written_as_documented(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = section(IMPORTING, "## What is rejected, and what is noted")
    mixed, rejects = blocks(part, "json")
    (tmp_path / "mixed.jsonl").write_text(mixed)
    summary = Summary("products")
    with (tmp_path / "rejects.jsonl").open("w") as written:
        await import_file(
            importer(engine, "products"),
            engine.context(),
            tmp_path / "mixed.jsonl",
            on_tally=lambda tally: summary.add(tally, written),
        )
    summary.show(None)
    assert capsys.readouterr().out == blocks(part, "text")[0]
    assert (tmp_path / "rejects.jsonl").read_text() == rejects


# Plugins

PLUGINS = (DOCS / "plugins.md").read_text()
FILE = re.compile(r"# ([\w./]+\.(?:py|toml))\n")


def plugin_files() -> dict[str, str]:
    """The files of the plugin that the documentation builds."""
    found = {}
    for language in ("python", "toml"):
        for block in blocks(PLUGINS, language):
            named = FILE.match(block)
            assert named is not None, f"the block names no file:\n{block}"
            found[named[1]] = block.removeprefix(named[0])
    return found


@pytest.fixture
def badges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the documentation's plugin, where Python finds it."""
    folder = tmp_path / "written"
    for name, text in plugin_files().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "tea.jsonl").write_text(blocks(section(PLUGINS, "## Ask it"), "json")[0])
    monkeypatch.syspath_prepend(folder)
    yield folder
    for module in [name for name in sys.modules if name.split(".")[0] == "badges"]:
        del sys.modules[module]


async def ask_for_badges(client: Client) -> dict[str, Any]:
    return await client.ask(blocks(PLUGINS, "graphql")[0])


async def test_the_plugin_of_the_documentation_answers_as_it_says(
    badges: Path, engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for((badges / "engine.toml").read_text(), work=True)
    await load(engine, "products", badges / "tea.jsonl")
    client = client_for(engine)
    expected = json.loads(blocks(section(PLUGINS, "## Ask it"), "json")[1])

    async def has_answered() -> bool:
        return bool(await ask_for_badges(client) == expected)

    await until(has_answered)
    assert engine.plugin_settings(manifest_of("badges").settings).model_dump()["days"] == 14
    steps = await status(engine.context(), engine.migrations)
    assert "badges/0001_date_badges" in [step.migration.id for step in steps]
    for step in steps:
        await step.migration.up(engine.context())
        assert step.migration.pending is not None
        assert await step.migration.pending(engine.context()) == 0


async def test_the_plugin_of_the_documentation_keeps_the_contract(
    badges: Path, engine_for: EngineFor
) -> None:
    engine = await engine_for((badges / "engine.toml").read_text())
    assert stray_imports("badges") == []
    assert wrong_way_imports("badges") == []
    assert wrong_colours("badges") == []
    assert undescribed(engine.schema._schema) == []
    assert engine.schema.owner("Badge") == "badges"
    assert engine.schema.owner("Product", "badges") == "badges"


@pytest.mark.gate
async def test_the_test_of_the_documentation_passes(
    badges: Path, engine_for: EngineFor, stores: Stores
) -> None:
    engine = await engine_for((badges / "engine.toml").read_text(), work=True)
    await load(engine, "products", badges / "tea.jsonl")

    async def has_a_badge() -> bool:
        return await engine.storage.database["badges"].find_one() is not None

    await until(has_a_badge)
    name = engine.storage.database.name
    (badges / ".secrets.toml").write_text(
        f'[database]\nurl = "{stores.mongo_url}"\nname = "{name}"\n'
        f'[redis]\nurl = "{stores.redis_url}"\n'
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_badges.py"],
        cwd=badges,
        env={**os.environ, "PYTHONPATH": f"{badges}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_of_the_documentation_is_found_beside_engine_toml(
    badges: Path, mercat: Mercat
) -> None:
    listed = mercat("--config", str(badges / "engine.toml"), "plugins")
    assert (listed.code, listed.err) == (0, "")
    assert "3. badges 1.0.0" in listed.out


async def test_the_plugin_of_the_documentation_is_found_by_its_entry_point(
    badges: Path, engine_for: EngineFor
) -> None:
    project = tomllib.loads(plugin_files()["pyproject.toml"])["project"]
    installed = badges / "mercat_badges-1.0.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in found.items())
        for group, found in project["entry-points"].items()
    )
    (installed / "entry_points.txt").write_text(points)
    engine = await engine_for((badges / "engine.toml").read_text())
    assert {plugin.name: plugin.origin for plugin in engine.plugins} == {
        "media": "built in",
        "products": "built in",
        "badges": "mercat-badges 1.0.0",
    }


# The README

README = (ROOT / "README.md").read_text()


@pytest.fixture
async def demo(engine: Engine, client_for: ClientFor) -> Client:
    """A client of the demo shop."""
    await engine.hooks.notify(demo_requested, engine.context())
    return client_for(engine)


async def test_the_query_of_the_readme_is_answered_as_it_says(demo: Client) -> None:
    (command,) = [block for block in blocks(README, "sh") if "curl" in block]
    body = re.search(r"-d '(.*)'", command, re.DOTALL)
    assert body is not None
    asked = json.loads(body[1])
    assert await demo.ask(asked["query"]) == json.loads(blocks(README, "json")[0])


async def test_the_operations_offered_in_graphiql_work(demo: Client, engine: Engine) -> None:
    for _, operations in engine.hooks.gather(ready_operations):
        for operation in operations:
            answer = await demo.ask(operation.document)
            assert "errors" not in answer, operation.title
            assert any(answer["data"].values()), operation.title


def test_the_commands_of_the_readme_are_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli, ["--help"])
    known = re.findall(r"^  ([a-z]+) ", shown.output.split("Commands:")[1], re.MULTILINE)
    rows = re.findall(r"^\| `mercat ([a-z]+)", section(README, "## Commands"), re.MULTILINE)
    assert sorted(set(rows)) == sorted(known)


def test_a_command_of_the_documentation_is_understood(mercat: Mercat) -> None:
    said = mercat("--version")
    assert (said.code, said.err) == (0, "")
    assert mercat("run", "--help").code == 0


def test_the_readme_has_the_two_commands() -> None:
    commands = "".join(blocks(README, "sh"))
    assert "pip install -e '.[embedded]' && mercat run --demo\n" in commands
    assert "pip install -e '.[embedded,dev]' && pytest\n" in commands


# All pages

_FORBIDDEN = re.compile(
    "|".join(
        [
            *("py" + "pi[.]org", "python" + "hosted", "npm" + "js", "deb" + "ian"),
            *(f"/{folder}/" for folder in ("work", "tmp", "root", "home")),
        ]
    ),
    re.IGNORECASE,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    assert _FORBIDDEN.findall(page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_and_json_in_the_pages_are_well_formed(page: Path) -> None:
    text = page.read_text()
    for block in blocks(text, "python"):
        ast.parse(block)
    for block in blocks(text, "toml"):
        tomllib.loads(block)


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in _LINK.findall(README)}
    missing = [
        page
        for page in PAGES
        if page not in linked and page.name != "README.md" and page.parent.name != "decisions"
    ]
    assert missing == []


def test_decisions_are_numbered_and_have_their_three_parts() -> None:
    files = sorted((DOCS / "decisions").glob("*.md"))
    assert [file.name[:4] for file in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    for file in files:
        headings = re.findall(r"^## (.+)$", file.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], file.name


def test_the_changelog_has_this_version() -> None:
    assert f"## [{mercat.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_pre_commit_runs_what_is_installed() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^  - repo: (.+)$", text, re.MULTILINE) == ["local"]
    hooks = text.count("- id: ")
    assert hooks == 3
    assert text.count("language: system") == hooks
