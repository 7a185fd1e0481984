"""What stops the engine from booting: one sentence that names the fault and the fix."""

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from mercat.engine import Engine
from mercat.errors import BootError
from mercat.graphql.extend import extend
from mercat.hooks import hookimpl
from mercat.manifest import Manifest
from mercat.plugins import Plugin, in_order
from mercat.settings import load_settings
from mercat_products.schema import Product

from .conftest import Mercat

Install = Callable[..., str]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a plugin package importable; returns its name."""

    def make(manifest: Manifest | None, name: str = "", **hooks: Callable[..., object]) -> str:
        package = name or f"shop_{manifest.name if manifest else 'nothing'}"
        module = types.ModuleType(package)
        module.__path__ = []
        if manifest is not None:
            module.manifest = manifest  # type: ignore[attr-defined]
        implementations = types.ModuleType(f"{package}.hooks")
        for hook, function in hooks.items():
            setattr(implementations, hook, hookimpl(function))
        monkeypatch.setitem(sys.modules, package, module)
        monkeypatch.setitem(sys.modules, f"{package}.hooks", implementations)
        monkeypatch.setattr(
            "importlib.util.find_spec",
            lambda wanted, *_: module if wanted == package else None,
        )
        return package

    return make


def boot(folder: Path, toml: str) -> str:
    """The sentence with which an engine.toml fails."""
    file = folder / "engine.toml"
    file.write_text(toml)
    with pytest.raises(BootError) as caught:
        Engine(load_settings(file))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("toml", "parts"),
    [
        (
            "[plugins]\nenabled = ['categories']",
            ["'categories' requires 'products'", "not enabled"],
        ),
        ("[plugins]\nenabled = ['prodcts']", ["'prodcts'", "did you mean 'products'?"]),
        ("[plugins]\nenabled = ['media', 'products', 'products']", ["lists 'products' twice"]),
        ("[plugins]\nenabled = 'no.such.module'", ["no.such", "not installed"]),
        ("[plugins]\nenable = ['products']", ["[plugins] enable", "did you mean enabled?"]),
        (
            "[plugins.categories]\nmax_dept = 3",
            ["[plugins.categories] max_dept", "did you mean max_depth?"],
        ),
        ("[plugins.categories]\nmax_depth = 'deep'", ["max_depth", "valid integer"]),
        ("[plugins.subscriptions]\nx = 1", ["[plugins.subscriptions]", "not enabled"]),
        ("[sever]\nport = 1", ["[sever]", "did you mean server?"]),
        ("server = 3", ["server must be a table"]),
        ("[server]\nport = 70000", ["[server] port", "less than or equal to 65535"]),
        ("[shop]\ncurrency = 'EURO'", ["[shop] currency", "'EURO'", "ISO 4217"]),
        ("[shop]\ncountries = ['Germany']", ["[shop] countries"]),
        ("[shop\nname = 1", ["not valid TOML"]),
        (
            "[database]\nurl = 'mongodb://u:p@h'",
            ["[database] url is a secret", "MERCAT_DATABASE__URL", ".secrets.toml"],
        ),
        ("\x00", ["not valid TOML"]),
    ],
)
def test_wrong_engine_toml_is_one_sentence_naming_file_and_key(
    tmp_path: Path, toml: str, parts: list[str]
) -> None:
    sentence = boot(tmp_path, toml)
    assert "engine.toml" in sentence
    for part in parts:
        assert part in sentence


def test_wrong_variable_is_named_instead_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERCAT_SERVER__PORT", "high")
    assert boot(tmp_path, "").startswith("MERCAT_SERVER__PORT: [server] port")


def test_environment_wins_over_secrets_and_secrets_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "engine.toml"
    file.write_text("[shop]\nname = 'file'\nlocale = 'de'\n[plugins.categories]\nmax_depth = 3\n")
    (tmp_path / ".secrets.toml").write_text("[shop]\nname = 'secret'\n[redis]\nurl = 'redis://x'\n")
    assert load_settings(file).shop.name == "secret"
    monkeypatch.setenv("MERCAT_SHOP__NAME", "environment")
    monkeypatch.setenv("MERCAT_PLUGINS__categories__max_depth", "7")
    monkeypatch.setenv("MERCAT_SHOP__COUNTRIES", "FR, IT")
    settings = load_settings(file)
    assert settings.shop.name == "environment"
    assert settings.shop.locale == "de"
    assert settings.shop.countries == ("FR", "IT")
    assert settings.plugins["categories"]["max_depth"] == "7"
    assert "redis://x" not in repr(settings)


@pytest.mark.parametrize("secret", ["12e3", "007", "true", "@int 5", "1_000", "[x]"])
def test_secret_from_the_environment_is_taken_letter_by_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("MERCAT_REDIS__URL", secret)
    file = tmp_path / "engine.toml"
    file.write_text("")
    url = load_settings(file).redis.url
    assert url is not None
    assert url.get_secret_value() == secret


def test_field_declared_twice_names_both_classes(tmp_path: Path, install: Install) -> None:
    @extend(Product)
    class RivalCategories:
        @strawberry.field
        @staticmethod
        def categories() -> list[str]:
            return []

    rival = install(Manifest(name="rival", version="1"), schema=lambda: [RivalCategories])
    sentence = boot(
        tmp_path, f"[plugins]\nenabled = ['media', 'products', 'categories', '{rival}']"
    )
    assert "Product.categories is declared twice" in sentence
    assert "mercat_categories.schema.ProductCategories" in sentence
    assert "RivalCategories" in sentence


def test_type_declared_twice_names_both_classes(tmp_path: Path, install: Install) -> None:
    @strawberry.type(name="Media")
    class OtherMedia:
        name: str

    other = install(Manifest(name="other", version="1"), schema=lambda: [OtherMedia])
    sentence = boot(tmp_path, f"[plugins]\nenabled = ['media', '{other}']")
    assert "mercat_media.schema.Media" in sentence
    assert "OtherMedia" in sentence


def test_versions_that_do_not_fit_are_named(tmp_path: Path, install: Install) -> None:
    old = install(Manifest(name="old", version="1", engine="<0.1"))
    assert "'old' 1 needs mercat <0.1" in boot(tmp_path, f"[plugins]\nenabled = ['{old}']")
    picky = install(Manifest(name="picky", version="1", requires={"products": ">=9"}))
    sentence = boot(tmp_path, f"[plugins]\nenabled = ['media', 'products', '{picky}']")
    assert "'picky' requires 'products' >=9" in sentence
    wrong = install(Manifest(name="wrong", version="1", engine="one"))
    assert "manifest is wrong" in boot(tmp_path, f"[plugins]\nenabled = ['{wrong}']")


def test_package_without_a_manifest_is_named(tmp_path: Path, install: Install) -> None:
    package = install(None)
    assert "no `manifest = Manifest(...)`" in boot(tmp_path, f"[plugins]\nenabled = ['{package}']")


def _plugin(name: str, *needs: str) -> Plugin:
    module = types.ModuleType(name)
    return Plugin(Manifest(name=name, version="1", after=needs), module, module, "test")


def test_cycle_of_plugins_names_them() -> None:
    with pytest.raises(BootError, match="a -> b -> a"):
        in_order([_plugin("a", "b"), _plugin("b", "a")])


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    st.permutations(range(8)),
)
def test_order_is_stable_and_respects_every_need(
    edges: list[tuple[int, int]], listed: list[int]
) -> None:
    needs: dict[int, set[int]] = {number: set() for number in range(8)}
    for later, earlier in edges:
        if later > earlier:
            needs[later].add(earlier)
    plugins = [_plugin(f"p{n}", *(f"p{need}" for need in needs[n])) for n in listed]
    ordered = [int(plugin.name[1:]) for plugin in in_order(plugins)]
    assert sorted(ordered) == list(range(8))
    for position, number in enumerate(ordered):
        before = set(ordered[:position])
        assert needs[number] <= before
        # Stable: of all that were free to go, the one listed first went.
        free = [n for n in listed if n not in before and needs[n] <= before]
        assert free[0] == number


def test_command_fails_with_the_sentence_and_exit_code_2(mercat: Mercat, tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text("[plugins]\nenabled = ['categories']\n")
    for command in (["run"], ["check"], ["schema"], ["plugins"], ["import", "products", "x"]):
        done = mercat(*command)
        assert done.code == 2, command
        assert "requires 'products'" in done.err
        assert "Traceback" not in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_taken_port_is_a_sentence_and_exit_code_2(mercat: Mercat) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = mercat("run", "--port", str(taken.getsockname()[1]))
    assert done.code == 2
    assert "is in use" in done.err
    assert "--port" in done.err
