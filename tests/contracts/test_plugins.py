"""The contract of a plugin, over every first-party one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from graphql import build_schema
from graphql.utilities import find_breaking_changes

import mercat
from mercat.cli import cli
from mercat.engine import Engine
from mercat.graphql.extend import CORE
from mercat.graphql.printer import print_merged
from mercat.settings import FIRST_PARTY, Settings
from tests.conftest import ClientFor, EngineFor

from . import (
    folder_of,
    imports_of,
    manifest_of,
    modules_of,
    package_of,
    stray_imports,
    undescribed,
    wrong_colours,
    wrong_way_imports,
)

SNAPSHOT = Path(__file__).parents[1] / "schema.graphql"
UPDATE = "MERCAT_UPDATE_SNAPSHOT"

every_plugin = pytest.mark.parametrize("plugin", FIRST_PARTY)
MakeSettings = Callable[..., Settings]


def enabled(*plugins: str) -> str:
    """An engine.toml with these plugins."""
    return f"[plugins]\nenabled = {json.dumps(plugins)}\n"


EVERYTHING = enabled(*FIRST_PARTY)


def with_requirements(plugin: str) -> tuple[str, ...]:
    """A plugin after all that it needs."""
    found: dict[str, None] = {}
    for name in manifest_of(package_of(plugin)).requires:
        found |= dict.fromkeys(with_requirements(name))
    return tuple(found | {plugin: None})


@every_plugin
def test_a_plugin_imports_only_what_it_requires(plugin: str) -> None:
    assert stray_imports(package_of(plugin)) == []


@every_plugin
def test_imports_inside_a_plugin_run_one_way(plugin: str) -> None:
    assert wrong_way_imports(package_of(plugin)) == []


@every_plugin
def test_hooks_are_async_exactly_where_their_specification_is(plugin: str) -> None:
    assert wrong_colours(package_of(plugin)) == []


@every_plugin
def test_a_plugin_is_named_as_its_package(plugin: str) -> None:
    package = package_of(plugin)
    assert manifest_of(package).name == plugin
    assert (folder_of(package) / "py.typed").is_file()
    assert set(manifest_of(package).requires) <= set(FIRST_PARTY)


def test_the_core_imports_no_plugin() -> None:
    assert mercat.__file__ is not None
    imported = {
        name.split(".")[0]
        for module, file in modules_of("mercat").items()
        for name in imports_of(file, module)
    }
    assert not {name for name in imported if name.startswith("mercat_")}


def test_the_checks_find_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "crooked"
    package.mkdir()
    files = {
        "__init__": "from mercat import Manifest\nmanifest = Manifest(name='crooked', version='1')",
        "hooks": "from mercat import hookimpl\n@hookimpl\nasync def documents():\n    return []",
        "service": "from mercat_products import service\nfrom . import detour",
        "detour": "import crooked.schema",
        "schema": "from crooked.hooks import documents",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert stray_imports("crooked") == [
        "crooked.service imports mercat_products",
        "crooked.service imports mercat_products.service",
    ]
    assert wrong_way_imports("crooked") == [
        "crooked.schema imports crooked.hooks",
        "crooked.schema reaches crooked.hooks",
        "crooked.service reaches crooked.hooks",
        "crooked.service reaches crooked.schema",
    ]
    assert wrong_colours("crooked") == ["crooked.hooks.documents"]
    bare = build_schema(
        "type Query { field(argument: Int): E } enum E { VALUE } input I { x: Int }"
    )
    assert undescribed(bare) == [
        *("E", "E.VALUE", "I", "I.x"),
        *("Query", "Query.field", "Query.field(argument:)"),
    ]


@every_plugin
def test_a_plugin_boots_with_only_what_it_requires(plugin: str, settings_for: MakeSettings) -> None:
    wanted = with_requirements(plugin)
    engine = Engine(settings_for(enabled(*wanted)))
    assert tuple(found.name for found in engine.plugins) == wanted
    assert set(engine.schema.owners.values()) <= {CORE, *wanted}


@every_plugin
def test_a_plugin_that_is_off_leaves_no_trace(plugin: str, settings_for: MakeSettings) -> None:
    full = Engine(settings_for())
    wanted = with_requirements(plugin)
    settings = settings_for(enabled(*wanted))
    engine = Engine(settings)
    others = {
        name.split(".")[-1]
        for name, owner in full.schema.owners.items()
        if owner not in {CORE, *wanted}
    }
    kept = {name.split(".")[-1] for name in engine.schema.owners}
    printed = print_merged(engine.schema, owners=False)
    for name in others - kept:
        assert f" {name}:" not in printed, name
        assert f" {name} " not in printed, name
    shown = CliRunner().invoke(cli, ["--config", str(settings.file), "import", "--help"])
    assert shown.exit_code == 0, shown.output
    for owner, importer in full.importers():
        assert (f"  {importer.noun} " in shown.output) is (owner in wanted)


def test_an_engine_without_plugins_boots(settings_for: MakeSettings) -> None:
    engine = Engine(settings_for(enabled()))
    assert set(engine.schema.owners.values()) == {CORE}


async def test_two_engines_in_one_process_answer_each_for_itself(
    engine_for: EngineFor, settings_for: MakeSettings, client_for: ClientFor
) -> None:
    fields = "{ __type(name: $type) { fields { name } } }".replace("$type", '"Product"')
    full = await engine_for()
    small = await engine_for(enabled("media", "products"))
    names = {}
    for engine in (full, small, full):
        answer = await client_for(engine).data(fields)
        names[engine] = {field["name"] for field in answer["__type"]["fields"]}
    assert names[full] - names[small] == {"categories"}
    answer = await client_for(small).ask("{ categoryTree { name } }")
    assert "Cannot query field 'categoryTree'" in answer["errors"][0]["message"]
    assert await client_for(full).data("{ categoryTree { name } }") == {"categoryTree": []}
    assert full.storage[next(iter(full.storage._documents))] is not None
    shared = set(full.storage._documents) & set(small.storage._documents)
    assert shared
    assert all(full.storage[document] is not small.storage[document] for document in shared)


def test_everything_in_the_schema_is_described(settings_for: MakeSettings) -> None:
    assert undescribed(Engine(settings_for(EVERYTHING)).schema._schema) == []


def test_the_schema_is_its_snapshot_and_breaks_nobody(settings_for: MakeSettings) -> None:
    engine = Engine(settings_for(EVERYTHING))
    printed = print_merged(engine.schema, owners=False).rstrip() + "\n"
    if os.environ.get(UPDATE) == "1":
        SNAPSHOT.write_text(printed)
    stored = SNAPSHOT.read_text()
    broken = find_breaking_changes(build_schema(stored), build_schema(printed))
    assert not broken, "the schema breaks clients that were written against its snapshot:\n" + (
        "\n".join(f"- {change.description}" for change in broken)
        + f"\nIf that is meant, renew the snapshot: {UPDATE}=1 pytest tests/contracts"
    )
    assert printed == stored, (
        f"the schema is not its snapshot, {SNAPSHOT.name}; look at the difference, then renew it: "
        f"{UPDATE}=1 pytest tests/contracts"
    )


def test_a_breaking_change_would_be_found() -> None:
    stored = SNAPSHOT.read_text()
    changed = stored.replace("  slug: String!\n", "  slugs: String!\n", 1)
    assert changed != stored
    broken = find_breaking_changes(build_schema(stored), build_schema(changed))
    assert [change.description for change in broken] == ["Field Category.slug was removed."]
