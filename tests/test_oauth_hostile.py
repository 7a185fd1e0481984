"""Answers and ID tokens that somebody has tampered with, each refused for its own reason."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from mercat.engine import Engine
from mercat_auth.oauth import discovery

from .conftest import ClientFor, EngineFor
from .sign_ins import (
    CLIENT_ID,
    COOKIE,
    LOGIN,
    Browser,
    LyingProvider,
    challenge_of,
    secret_variable,
    toml_for,
)

INVALID = {"error": "provider_invalid"}


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with LyingProvider() as found:
        yield found


@pytest.fixture
async def engine(
    engine_for: EngineFor, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    monkeypatch.setenv(secret_variable(), "a secret")
    return await engine_for(toml_for(provider.issuer))


@pytest.fixture
def browser(engine: Engine, client_for: ClientFor) -> Browser:
    return Browser(client_for(engine))


# For what is refused, and leaves nothing: one shop, and one provider that begins anew each time.


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[LyingProvider]:
    with LyingProvider() as found:
        yield found


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor, shared_provider: LyingProvider) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(secret_variable(), "a secret")
        return await shared_engine_for(toml_for(shared_provider.issuer))


@pytest.fixture
def liar(shared_provider: LyingProvider) -> LyingProvider:
    shared_provider.begin_anew()
    return shared_provider


@pytest.fixture
def stranger(shared: Engine, client_for: ClientFor) -> Browser:
    return Browser(client_for(shared))


async def lied_to(
    browser: Browser, provider: LyingProvider, caplog: pytest.LogCaptureFixture, **claims: Any
) -> tuple[dict[str, str], str]:
    """What the frontend is told of a sign-in with such claims, and the last line of the log."""
    caplog.set_level(logging.WARNING, "mercat_auth")
    started = await browser.start()
    provider.says(started.nonce, **claims)
    said = await browser.come_back(started)
    return said, caplog.messages[-1] if caplog.messages else ""


async def test_a_good_answer_signs_in(browser: Browser, provider: LyingProvider) -> None:
    started = await browser.start()
    provider.says(started.nonce)
    said = await browser.come_back(started, iss=provider.issuer)
    payload = await browser.ask(LOGIN, started, said["code"])
    assert payload["user"]["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of another sign-in"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"iss": "https://accounts.google.com"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another shop"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT_ID, "another shop"]}, "azp"),
        ({"azp": "another shop"}, "azp"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"iat": int(time.time()) + 3_600}, "in the future"),
        ({"iat": None}, "iat"),
        ({"nbf": int(time.time()) + 3_600}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"sub": 7}, "sub"),
        ({"at_hash": "of another token"}, "at_hash"),
    ],
)
async def test_an_id_token_with_a_wrong_claim_is_refused(
    stranger: Browser,
    liar: LyingProvider,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    reason: str,
) -> None:
    said, logged = await lied_to(stranger, liar, caplog, **claims)
    assert said == INVALID
    assert reason in logged


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes | None = None) -> str:
    """A token of any header; with a key, its HMAC."""
    text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    code = b"" if key is None else hmac.digest(key, text.encode(), hashlib.sha256)
    return f"{text}.{encoded(code)}"


def pem_of(provider: LyingProvider) -> bytes:
    return provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def der_of(provider: LyingProvider) -> bytes:
    return provider.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def unsigned(_: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "none", "kid": "one"}, claims)


def unsigned_in_capitals(_: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "None", "kid": "one"}, claims)


def without_signature(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return provider.signed(claims).rpartition(".")[0] + "."


def confused_by_pem(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "HS256", "kid": "one"}, claims, pem_of(provider))


def confused_by_der(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "HS256", "kid": "one"}, claims, der_of(provider))


def confused_by_modulus(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "HS256", "kid": "one"}, claims, provider.keys[0]["n"].encode())


def by_the_clients_secret(_: LyingProvider, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "HS256"}, claims, b"a secret")


def with_a_key_of_its_own(_: LyingProvider, claims: dict[str, Any]) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one", "jwk": jwk})


def with_an_address_of_keys(_: LyingProvider, claims: dict[str, Any]) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"kid": "two", "jku": "https://evil.example/keys"}
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def by_another_algorithm_of_the_key(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, provider.key, algorithm="RS512", headers={"kid": "one"})


def with_something_critical(provider: LyingProvider, claims: dict[str, Any]) -> str:
    headers = {"kid": "one", "crit": ["b64"], "b64": True}
    return jwt.encode(claims, provider.key, algorithm="RS256", headers=headers)


def with_another_signature(provider: LyingProvider, claims: dict[str, Any]) -> str:
    other = provider.signed({**claims, "sub": "somebody else"})
    return f"{provider.signed(claims).rpartition('.')[0]}.{other.rpartition('.')[2]}"


def not_a_token(_: LyingProvider, _claims: dict[str, Any]) -> str:
    return "no token"


def huge(provider: LyingProvider, claims: dict[str, Any]) -> str:
    return provider.signed({**claims, "picture": "x" * 60_000})


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        unsigned_in_capitals,
        without_signature,
        confused_by_pem,
        confused_by_der,
        confused_by_modulus,
        by_the_clients_secret,
        with_a_key_of_its_own,
        with_an_address_of_keys,
        by_another_algorithm_of_the_key,
        with_something_critical,
        with_another_signature,
        not_a_token,
        huge,
    ],
)
async def test_an_id_token_that_the_provider_has_not_signed_is_refused(
    shared: Engine,
    stranger: Browser,
    liar: LyingProvider,
    caplog: pytest.LogCaptureFixture,
    forge: Callable[[LyingProvider, dict[str, Any]], str],
) -> None:
    liar.id_token = lambda claims: forge(liar, claims)
    said, logged = await lied_to(stranger, liar, caplog)
    assert said == INVALID
    assert "ID token" in logged
    assert liar.id_token(liar.claims) not in caplog.text
    assert await shared.storage.database["handovers"].count_documents({}) == 0


def elliptic() -> tuple[Any, dict[str, Any], str]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "ES256"


def edwards() -> tuple[Any, dict[str, Any], str]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key, OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "EdDSA"


@pytest.mark.parametrize("make", [elliptic, edwards])
async def test_tokens_by_elliptic_curves_are_good_too(
    browser: Browser,
    provider: LyingProvider,
    make: Callable[[], tuple[Any, dict[str, Any], str]],
) -> None:
    key, jwk, algorithm = make()
    provider.keys = [{**jwk, "kid": "curve"}]
    provider.id_token = lambda claims: jwt.encode(
        claims, key, algorithm=algorithm, headers={"kid": "curve"}
    )
    started = await browser.start()
    provider.says(started.nonce)
    assert "code" in await browser.come_back(started)


async def test_a_key_that_encrypts_or_is_weak_verifies_nothing(
    browser: Browser, provider: LyingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True)
    provider.keys = [provider.public_key(use="enc"), {**jwk, "kid": "weak"}]
    assert (await lied_to(browser, provider, caplog))[0] == INVALID
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = jwt.encode(provider.claims, weak, algorithm="RS256", headers={"kid": "weak"})
    provider.id_token = lambda _: token
    assert (await lied_to(browser, provider, caplog))[0] == INVALID


async def test_a_new_key_is_looked_for_once_and_strange_ones_not_again_and_again(
    browser: Browser, provider: LyingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    assert "code" in (await lied_to(browser, provider, caplog))[0]
    assert provider.count("/keys") == 1
    provider.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    provider.keys = [provider.public_key("two")]
    provider.id_token = lambda claims: jwt.encode(
        claims, provider.key, algorithm="RS256", headers={"kid": "two"}
    )
    assert "code" in (await lied_to(browser, provider, caplog))[0]
    assert provider.count("/keys") == 2
    provider.id_token = lambda claims: jwt.encode(
        claims, provider.key, algorithm="RS256", headers={"kid": "three"}
    )
    for _ in range(3):
        assert (await lied_to(browser, provider, caplog))[0] == INVALID
    assert provider.count("/keys") == 2
    assert provider.count("/.well-known/openid-configuration") == 1


async def test_documents_are_fetched_again_when_old_and_kept_while_the_provider_is_down(
    browser: Browser,
    provider: LyingProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await browser.start()
    monkeypatch.setattr(discovery, "_KEEP_SECONDS", -1.0)
    await browser.start()
    assert provider.count("/.well-known/openid-configuration") == 2
    provider.metadata = {"issuer": "https://evil.example"}
    await browser.start()
    assert provider.count("/.well-known/openid-configuration") == 3


# What comes back in the browser ---------------------------------------------------------------


async def test_a_wrong_state_is_refused_and_nobody_is_sent_anywhere(
    browser: Browser, provider: LyingProvider
) -> None:
    started = await browser.start()
    provider.says(started.nonce)
    for state in ("made up", "", started.state[:-1], started.state + "x"):
        answer = await browser.get("/auth/local/callback", code="x", state=state)
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert provider.count("/token") == 0
    assert "code" in await browser.come_back(started)


async def test_an_answer_without_the_cookie_of_the_browser_that_began_is_refused(
    browser: Browser, provider: LyingProvider, client_for: ClientFor, engine: Engine
) -> None:
    started = await browser.start()
    victim = Browser(client_for(engine))
    answer = await victim.get("/auth/local/callback", code="x", state=started.state)
    assert answer.status_code == 400
    other = await victim.start()
    (cookie,) = victim.cookies.values()
    victim.cookies = {next(iter(browser.cookies)): cookie}  # its own, under the other's name
    answer = await victim.get("/auth/local/callback", code="x", state=started.state)
    assert answer.status_code == 400
    assert provider.count("/token") == 0
    assert other.state != started.state


@pytest.mark.parametrize("value", ["", "x", "é", "A" * 600, '"', "a=b"])
async def test_a_cookie_that_the_shop_did_not_seal_is_refused(
    stranger: Browser, liar: LyingProvider, value: str
) -> None:
    started = await stranger.start()
    (name,) = stranger.cookies
    stranger.cookies = {name: value.encode().decode("latin-1")}
    answer = await stranger.get("/auth/local/callback", code="x", state=started.state)
    assert answer.status_code == 400
    assert liar.count("/token") == 0


async def test_a_sign_in_that_took_too_long_is_refused(
    browser: Browser, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await browser.start()
    provider.says(started.nonce)
    late = time.time() + 601
    monkeypatch.setattr("mercat_auth.oauth.flows.time.time", lambda: late)
    answer = await browser.get("/auth/local/callback", code="x", state=started.state)
    assert answer.status_code == 400
    assert provider.count("/token") == 0


async def test_the_same_answer_many_times_at_once_is_taken_once(
    browser: Browser, provider: LyingProvider
) -> None:
    import asyncio

    started = await browser.start()
    provider.says(started.nonce)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    query = {"state": started.state, "code": "x"}
    answers = await asyncio.gather(
        *(
            browser.client.http.get(
                "/auth/local/callback", params=query, headers={"cookie": cookie}
            )
            for _ in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7
    assert provider.count("/token") == 1


async def test_parameters_that_come_twice_are_refused(
    browser: Browser, provider: LyingProvider
) -> None:
    started = await browser.start()
    answer = await browser.get(
        f"/auth/local/callback?code=a&code=b&state={started.state}&iss={provider.issuer}"
    )
    assert answer.status_code == 400
    answer = await browser.get(f"/auth/local?redirect=a&redirect=b&code_challenge={'x' * 43}")
    assert answer.status_code == 400


async def test_an_answer_that_names_another_issuer_is_refused(
    browser: Browser, provider: LyingProvider
) -> None:
    started = await browser.start()
    provider.says(started.nonce)
    assert await browser.come_back(started, iss="https://honest.example") == INVALID
    assert provider.count("/token") == 0


async def test_an_answer_without_its_issuer_is_refused_of_a_provider_that_names_it(
    browser: Browser, provider: LyingProvider
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    started = await browser.start()
    provider.says(started.nonce)
    assert await browser.come_back(started) == INVALID
    assert await browser.come_back(await browser.start(), error="access_denied") == INVALID
    assert provider.count("/token") == 0
    again = await browser.start()
    provider.says(again.nonce)
    assert "code" in await browser.come_back(again, iss=provider.issuer)


async def test_an_answer_at_the_address_of_another_provider_is_refused(
    engine_for: EngineFor, client_for: ClientFor, provider: LyingProvider
) -> None:
    with LyingProvider() as honest:
        table = f'[plugins.auth.providers.honest]\nissuer = "{honest.issuer}"\nclient_id = "shop"'
        engine = await engine_for(toml_for(provider.issuer, more=table))
        browser = Browser(client_for(engine))
        started = await browser.start(provider="honest")
        honest.says(started.nonce)
        # The victim's code of the honest one would go to the attacker's token endpoint.
        answer = await browser.get("/auth/local/callback", code="x", state=started.state)
        assert answer.status_code == 400
        assert provider.count("/token") == 0
        assert "code" in await browser.come_back(started, provider="honest")


# What the provider's endpoints answer ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error": "invalid_grant"}', "provider_refused"),
        (200, b'{"error": "invalid_grant"}', "provider_refused"),
        (401, b"<html>", "provider_unavailable"),
        (500, b"{}", "provider_unavailable"),
        (200, b"[]", "provider_invalid"),
        (200, b"\xff\xfe", "provider_invalid"),
        (200, b"{}", "provider_invalid"),
        (200, b'{"access_token": 1, "id_token": 2}', "provider_invalid"),
        (200, b'{"id_token": null}', "provider_invalid"),
        (200, b"[" * 100_000, "provider_invalid"),
        (200, b" " * 1_100_000, "provider_unavailable"),
    ],
)
async def test_nonsense_of_the_token_endpoint_is_an_error_of_the_provider(
    stranger: Browser, liar: LyingProvider, status: int, body: bytes, error: str
) -> None:
    started = await stranger.start()
    liar.answer = lambda: (status, {"content-type": "application/json"}, body)
    assert await stranger.come_back(started) == {"error": error}


async def test_a_redirect_of_the_token_endpoint_is_not_followed(
    browser: Browser, provider: LyingProvider
) -> None:
    started = await browser.start()
    location = {"location": f"{provider.issuer}/elsewhere"}
    provider.answer = lambda: (307, location, b"")
    assert (await browser.come_back(started))["error"].startswith("provider_")
    assert provider.count("/elsewhere") == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.google.com"},
        {"issuer": None},
        {"token_endpoint": "http://169.254.169.254/latest/meta-data"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://a.example/\r\nset-cookie: a=b"},
        {"userinfo_endpoint": "ftp://a.example/"},
    ],
)
async def test_a_discovery_document_that_lies_begins_no_sign_in(
    browser: Browser, provider: LyingProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    answer = await browser.get(
        "/auth/local",
        redirect="http://localhost:3000/signed-in",
        code_challenge=challenge_of("x" * 43),
    )
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("?error=provider_unavailable")
    assert not any(name.startswith(COOKIE) for name in browser.cookies)


async def test_a_provider_that_is_down_is_an_error_and_not_asked_all_the_time(
    browser: Browser, provider: LyingProvider
) -> None:
    provider.metadata = {"issuer": "another"}
    for _ in range(5):
        answer = await browser.get(
            "/auth/local",
            redirect="http://localhost:3000/signed-in",
            code_challenge=challenge_of("x" * 43),
        )
        assert answer.headers["location"].endswith("?error=provider_unavailable")
    assert provider.count("/.well-known/openid-configuration") == 1


async def test_what_the_provider_says_beside_the_token_must_be_of_the_same_person(
    browser: Browser, provider: LyingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    mail = {"email": "victim@example.com", "email_verified": True}
    provider.userinfo = {"sub": "somebody else", **mail}
    said, _ = await lied_to(browser, provider, caplog, email=None, email_verified=None)
    assert said == INVALID
    provider.userinfo = {"sub": "person-1", **mail}
    said, _ = await lied_to(browser, provider, caplog, email=None, email_verified=None)
    assert "code" in said


async def test_an_address_of_one_place_is_not_verified_by_another(
    browser: Browser, provider: LyingProvider
) -> None:
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    provider.userinfo = {"sub": "person-1", "email": "a@example.com", "email_verified": True}
    started = await browser.start()
    provider.says(started.nonce, email="victim@example.com", email_verified=None)
    said = await browser.come_back(started)
    payload = await browser.ask(LOGIN, started, said["code"])
    assert payload["userErrors"][0]["code"] == "PROVIDER_EMAIL_UNVERIFIED"
