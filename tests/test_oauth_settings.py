"""Settings of identity providers: no secret stands in engine.toml, addresses are checked."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from mercat.app import create_app
from mercat.auth import IdentityProvider
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.hooks import hookimpl
from mercat.settings import load_settings, read_section
from mercat_auth.oauth.providers import providers_of

from .conftest import ClientFor, EngineFor, Mercat
from .sign_ins import secret_variable, toml_for

ISSUER = "https://accounts.example"
SECRET = "canary-of-a-secret"


def engine_of(tmp_path: Path, toml: str) -> Engine:
    file = tmp_path / "engine.toml"
    file.write_text(toml)
    engine = Engine(load_settings(file))
    create_app(engine)
    return engine


def test_a_providers_secret_in_engine_toml_stops_the_boot_and_names_the_variable(
    tmp_path: Path, mercat: Mercat
) -> None:
    toml = toml_for(ISSUER, more=f'client_secret = "{SECRET}"')
    with pytest.raises(BootError) as caught:
        engine_of(tmp_path, toml)
    said = str(caught.value)
    assert "[plugins.auth.providers.local] client_secret is a secret" in said
    assert secret_variable() in said
    assert SECRET not in said
    done = mercat("plugins")
    assert (done.code, SECRET in done.out + done.err) == (2, False)


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_a_providers_secret_comes_from_the_environment_or_the_secrets_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: type[str]
) -> None:
    (tmp_path / ".secrets.toml").write_text(
        f'[plugins.auth.providers.local]\nclient_secret = "{SECRET}"\n'
    )
    engine = engine_of(tmp_path, toml_for(ISSUER))
    (provider,) = providers_of(engine.context()).all()
    assert provider.client_secret == SECRET
    assert SECRET not in repr(provider)
    name = "MERCAT_PLUGINS__AUTH__PROVIDERS__" + case("local__client_secret")
    monkeypatch.setenv(name, "12e3")
    engine = engine_of(tmp_path, toml_for(ISSUER))
    assert providers_of(engine.context()).all()[0].client_secret == "12e3"


class _Leaf(BaseModel):
    secret: SecretStr | None = None
    name: str = ""


class _Deep(BaseModel):
    by_name: dict[str, _Leaf] = {}
    listed: tuple[_Leaf, ...] = ()
    maybe: _Leaf | None = None
    plain: dict[str, SecretStr] = {}
    several: list[SecretStr] = []


@pytest.mark.parametrize(
    "place",
    ["by_name.x.secret", "listed.0.secret", "maybe.secret", "plain.x", "several"],
)
def test_a_secret_is_found_however_deep_it_stands(place: str) -> None:
    with pytest.raises(BootError, match="is a secret"):
        read_section(_Deep, {}, "deep", Path("engine.toml"), frozenset({f"deep.{place}"}))
    others = {"deep.by_name.x.name", "deep.listed.0.name", "deep.maybe.name", "other.secret"}
    read_section(_Deep, {}, "deep", Path("engine.toml"), frozenset(others))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (toml_for(ISSUER).replace("public_url", "#"), "public_url is not set"),
        (toml_for(ISSUER).replace("redirects", "#"), "redirects is empty"),
        (toml_for("http://accounts.example"), "issuer"),
        (toml_for("https://accounts.example/?a=b"), "issuer"),
        (toml_for("https://user@accounts.example"), "issuer"),
        (toml_for(ISSUER).replace('issuer = "', '# "'), "issuer is not set"),
        (toml_for(ISSUER, name="a-b"), "providers"),
        (toml_for(ISSUER, more='scopes = ["email"]'), "openid"),
        (toml_for(ISSUER, more='scopes = "openid offline_access"'), "offline_access"),
        (toml_for(ISSUER, more="colour = 1"), "colour"),
        (toml_for(ISSUER).replace("http://localhost:8000", "http://shop.example"), "public_url"),
        (toml_for(ISSUER).replace("com.example.shop:", "javascript:"), "redirects"),
        (toml_for(ISSUER).replace("com.example.shop:", "http://shop.example"), "redirects"),
        (toml_for(ISSUER).replace("com.example.shop:/signed-in", "/signed-in"), "redirects"),
        (toml_for(ISSUER).replace("com.example.shop:/signed-in", "com.example:/#a"), "redirects"),
        (
            toml_for(
                ISSUER,
                more=f'[plugins.auth.providers.two]\nissuer = "{ISSUER}"\nclient_id = "x"',
            ),
            "has the issuer of 'local'",
        ),
    ],
)
def test_a_wrong_setting_stops_the_boot_and_says_which(
    tmp_path: Path, toml: str, said: str
) -> None:
    with pytest.raises(BootError, match=said):
        engine_of(tmp_path, toml)


def test_a_provider_of_ones_own_machine_needs_no_tls_but_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "x" * 32)
    engine_of(tmp_path, toml_for("http://127.0.0.1:3000"))
    toml = toml_for("http://127.0.0.1:3000").replace(', "notifications"', "")
    with pytest.raises(BootError, match="no https URL"):
        engine_of(tmp_path, toml + "[shop]\nproduction = true\n")


async def test_google_needs_no_more_than_a_client_id(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    toml = toml_for("x", name="google").replace('issuer = "x"\n', "")
    engine = await engine_for(toml)
    data = await client_for(engine).data("{ identityProviders { id name startUrl } }")
    assert data["identityProviders"] == [
        {"id": "google", "name": "Google", "startUrl": "http://localhost:8000/auth/google"}
    ]
    assert providers_of(engine.context()).all()[0].issuer == "https://accounts.google.com"


async def test_a_shop_without_providers_has_neither_routes_nor_settings_to_make(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    client = client_for(await engine_for('[plugins]\nenabled = ["auth"]\n'))
    assert (await client.data("{ identityProviders { id } }"))["identityProviders"] == []
    assert (await client.http.get("/auth/google")).status_code == 404


class _Speaking:
    """A plugin that brings a provider."""

    @staticmethod
    @hookimpl
    def identity_providers(context: Context) -> Sequence[IdentityProvider]:
        del context
        return [IdentityProvider("club", "The club", "https://club.example", "shop")]


async def test_another_plugin_brings_a_provider_by_the_hook(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    import types

    module = types.ModuleType("club")
    module.identity_providers = _Speaking.identity_providers  # type: ignore[attr-defined]
    engine = await engine_for(toml_for(ISSUER))
    engine.hooks.register("club", module)
    data = await client_for(engine).data("{ identityProviders { id name startUrl } }")
    assert [each["id"] for each in data["identityProviders"]] == ["local", "club"]
