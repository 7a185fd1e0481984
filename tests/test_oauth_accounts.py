"""Whose account a sign-in by a provider is, and who gets the tokens."""

import asyncio
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from mercat.engine import Engine
from mercat_auth.accounts import service
from mercat_auth.documents import SessionDocument
from mercat_auth.tokens import cookies

from .conftest import ClientFor, EngineFor
from .identity import registered, signed_in
from .sign_ins import (
    APP,
    LINK,
    LOGIN,
    REDIRECT,
    Browser,
    LyingProvider,
    Started,
    challenge_of,
    secret_variable,
    toml_for,
)

UNLINK = """mutation ($input: IdentityUnlinkInput!) { identityUnlink(input: $input) {
  user { identities { id provider } } userErrors { field message code } } }"""
ADA = "ada@example.com"


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
def stranger(shared: Engine, client_for: ClientFor) -> Browser:
    return Browser(client_for(shared))


async def handed(
    browser: Browser, provider: LyingProvider, *, purpose: str = "login", **claims: Any
) -> tuple[Started, str]:
    """A sign-in that has come back, and its one-time code."""
    started = await browser.start(purpose=purpose)
    provider.says(started.nonce, **claims)
    return started, (await browser.come_back(started))["code"]


async def signs_in(browser: Browser, provider: LyingProvider, **claims: Any) -> dict[str, Any]:
    started, code = await handed(browser, provider, **claims)
    return await browser.ask(LOGIN, started, code)


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def users(engine: Engine) -> list[dict[str, Any]]:
    return await engine.storage.database["users"].find({}).to_list()


# The one-time code -----------------------------------------------------------------------------


async def test_a_one_time_code_is_good_once(browser: Browser, provider: LyingProvider) -> None:
    started, code = await handed(browser, provider)
    assert codes(await browser.ask(LOGIN, started, code)) == []
    again = await browser.ask(LOGIN, started, code)
    assert (codes(again), again["tokens"]) == (["CODE_WRONG"], None)


async def test_a_one_time_code_given_in_many_times_at_once_signs_in_once(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider)
    payloads = await asyncio.gather(*(browser.ask(LOGIN, started, code) for _ in range(8)))
    assert sum(payload["tokens"] is not None for payload in payloads) == 1
    assert await engine.storage.database["sessions"].count_documents({}) == 1


async def test_a_one_time_code_needs_its_verifier_and_is_gone_after_a_wrong_one(
    browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider)
    for verifier in (secrets.token_urlsafe(32), challenge_of(started.verifier), "", "x" * 129):
        started, code = await handed(browser, provider)
        thief = Started(started.url, verifier, started.asked)
        assert codes(await browser.ask(LOGIN, thief, code)) == ["CODE_WRONG"]
        assert codes(await browser.ask(LOGIN, started, code)) == ["CODE_WRONG"]


async def test_a_one_time_code_ends_after_a_minute(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider)
    handovers = engine.storage.database["handovers"]
    row = await handovers.find_one({})
    assert row is not None
    left = row["expires_at"] - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await handovers.update_one({}, {"$set": {"expires_at": past}})
    assert codes(await browser.ask(LOGIN, started, code)) == ["CODE_WRONG"]


@pytest.mark.parametrize("code", ["", "x", "x" * 43, "é" * 43, "x" * 5_000, "x" * 43 + "\n"])
async def test_a_made_up_code_is_refused(stranger: Browser, code: str) -> None:
    started = await stranger.start()
    assert codes(await stranger.ask(LOGIN, started, code)) == ["CODE_WRONG"]


async def test_codes_of_signing_in_and_of_linking_are_no_good_for_each_other(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider, purpose="link")
    assert codes(await browser.ask(LOGIN, started, code)) == ["CODE_WRONG"]
    token = await signed_in(engine, await registered(engine))
    started, code = await handed(browser, provider)
    assert codes(await browser.ask(LINK, started, code, token=token)) == ["CODE_WRONG"]


async def test_no_token_and_nothing_of_the_person_is_in_an_address(
    browser: Browser, provider: LyingProvider
) -> None:
    started = await browser.start(redirect=APP, state="of the app")
    provider.says(started.nonce)
    answer = await browser.get("/auth/local/callback", state=started.state, code="x")
    location = answer.headers["location"]
    assert location.startswith(f"{APP}?code=")
    assert set(answer.headers["location"].partition("?")[2].replace("=", "&").split("&")[::2]) == {
        "code",
        "state",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "ada" not in location


async def test_cookies_instead_of_tokens_for_browsers(
    browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider)
    answer = await browser.client.http.post(
        "/graphql",
        json={
            "query": LOGIN,
            "variables": {
                "input": {"code": code, "codeVerifier": started.verifier, "transport": "COOKIE"}
            },
        },
    )
    payload = answer.json()["data"]["loginWithProvider"]
    assert (payload["tokens"], payload["userErrors"]) == (None, [])
    assert payload["csrfToken"]
    names = {each.partition("=")[0] for each in answer.headers.get_list("set-cookie")}
    assert {cookies.ACCESS, cookies.REFRESH} <= names


# Whose account ---------------------------------------------------------------------------------


async def test_a_new_person_gets_an_account_without_a_password(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    payload = await signs_in(browser, provider)
    user = payload["user"]
    assert (user["email"], user["emailVerified"], user["hasPassword"]) == (ADA, True, False)
    assert user["identities"][0]["email"] == ADA
    (stored,) = await users(engine)
    assert stored["identities"][0]["key"] == f"{provider.issuer}#person-1"
    assert stored["roles"] == []


async def test_a_known_person_is_known_whatever_the_address_is_now(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    first = await signs_in(browser, provider)
    for claims in ({"email": "new@example.com"}, {"email": None}, {"email_verified": False}):
        payload = await signs_in(browser, provider, **claims)
        assert payload["user"]["id"] == first["user"]["id"]
        assert payload["user"]["email"] == ADA
    assert len(await users(engine)) == 1


async def test_somebody_new_who_signs_in_many_times_at_once_gets_one_account(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    given = [await handed(browser, provider) for _ in range(12)]
    payloads = await asyncio.gather(*(browser.ask(LOGIN, started, code) for started, code in given))
    assert [payload for payload in payloads if not payload["tokens"]] == []
    (stored,) = await users(engine)
    assert len(stored["identities"]) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": ["ada@example.com"]},
        {"email": {"$ne": None}},
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
async def test_an_unverified_address_neither_makes_nor_takes_an_account(
    engine: Engine,
    browser: Browser,
    provider: LyingProvider,
    claims: dict[str, Any],
    is_there: bool,
) -> None:
    if is_there:
        await registered(engine, ADA, password=None)
    before = await users(engine)
    payload = await signs_in(browser, provider, **claims)
    assert codes(payload) == ["PROVIDER_EMAIL_UNVERIFIED"]
    assert payload["tokens"] is None
    assert await users(engine) == before


@pytest.mark.parametrize(
    "account",
    [{"password": "correct horse battery"}, {"password": None, "verified": False}],
)
async def test_an_account_with_a_password_or_an_unverified_address_is_not_linked_silently(
    engine: Engine, browser: Browser, provider: LyingProvider, account: dict[str, Any]
) -> None:
    await registered(engine, ADA, **account)
    before = await users(engine)
    for email in (ADA, "ADA@Example.COM", "\uff41da@example.com"):
        payload = await signs_in(browser, provider, email=email)
        assert (codes(payload), payload["tokens"]) == (["ACCOUNT_EXISTS"], None)
    assert await users(engine) == before


async def test_an_account_without_password_whose_address_is_verified_at_both_is_linked(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    account = await registered(engine, ADA, password=None)
    payload = await signs_in(browser, provider, email="Ada@Example.com")
    assert codes(payload) == []
    (stored,) = await users(engine)
    assert stored["_id"] == account["_id"]
    assert [each["provider"] for each in stored["identities"]] == ["local"]


async def test_the_same_subject_at_another_provider_is_somebody_else(
    engine_for: EngineFor, client_for: ClientFor, provider: LyingProvider
) -> None:
    with LyingProvider(2) as other:
        table = f'[plugins.auth.providers.other]\nissuer = "{other.issuer}"\nclient_id = "shop"'
        engine = await engine_for(toml_for(provider.issuer, more=table))
        browser = Browser(client_for(engine))
        mine = await signs_in(browser, provider)
        started = await browser.start(provider="other")
        other.says(started.nonce, email="mallory@example.com")
        said = await browser.come_back(started, provider="other")
        theirs = await browser.ask(LOGIN, started, said["code"])
        assert theirs["user"]["id"] != mine["user"]["id"]
        assert theirs["user"]["email"] == "mallory@example.com"


@pytest.mark.parametrize("email", ["no address", "a@b", "ada\u200b@example.com", "x" * 300])
async def test_an_address_that_the_shop_does_not_take_makes_no_account(
    engine: Engine, browser: Browser, provider: LyingProvider, email: str
) -> None:
    payload = await signs_in(browser, provider, email=email)
    assert len(codes(payload)) == 1
    assert await users(engine) == []


@pytest.mark.parametrize("name", ["x" * 10_000, "visit https://evil.example", "a\0b", 7, " "])
async def test_a_strange_name_is_no_obstacle(
    engine: Engine, browser: Browser, provider: LyingProvider, name: object
) -> None:
    payload = await signs_in(browser, provider, name=name)
    assert (codes(payload), payload["user"]["name"]) == ([], None)


async def test_a_suspended_account_does_not_sign_in(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    await signs_in(browser, provider)
    await service.users(engine.context()).update_one({}, {"$set": {"state": "suspended"}})
    payload = await signs_in(browser, provider)
    assert (codes(payload), payload["tokens"]) == (["SUSPENDED"], None)


# A second factor -------------------------------------------------------------------------------

ENABLE = """mutation ($input: MfaEnableInput!) { mfaEnable(input: $input) {
  enrolment { challenge secret } userErrors { code } } }"""
CONFIRM = """mutation ($input: MfaConfirmInput!) { mfaConfirm(input: $input) {
  userErrors { code } } }"""
LOGIN_CONFIRM = """mutation ($input: LoginConfirmInput!) { loginConfirm(input: $input) {
  tokens { accessToken } userErrors { code } } }"""


async def enrol(browser: Browser, token: str) -> str:
    """Turn codes by time on; their secret."""
    bearer = f"Bearer {token}"
    answer = await browser.client.ask(ENABLE, {"input": {}}, authorization=bearer)
    enrolment = answer["data"]["mfaEnable"]["enrolment"]
    secret: str = enrolment["secret"]
    code = pyotp.TOTP(secret).at(datetime.now(UTC) - timedelta(seconds=30))
    given = {"challenge": enrolment["challenge"], "code": code}
    answer = await browser.client.ask(CONFIRM, {"input": given}, authorization=bearer)
    assert answer["data"]["mfaConfirm"]["userErrors"] == []
    return secret


async def test_a_second_factor_is_asked_for_whatever_the_provider_says(
    browser: Browser, provider: LyingProvider
) -> None:
    first = await signs_in(browser, provider)
    secret = await enrol(browser, first["tokens"]["accessToken"])
    payload = await signs_in(browser, provider, amr=["pwd", "mfa"])
    assert (payload["tokens"], payload["user"]) == (None, None)
    assert "CODE" in payload["challenge"]["kinds"]
    given = {"challenge": payload["challenge"]["token"], "code": pyotp.TOTP(secret).now()}
    answer = await browser.client.ask(LOGIN_CONFIRM, {"input": given})
    assert answer["data"]["loginConfirm"]["tokens"]["accessToken"]


async def test_a_provider_that_is_trusted_with_it_asks_for_the_second_factor_itself(
    engine_for: EngineFor,
    client_for: ClientFor,
    provider: LyingProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(secret_variable(), "a secret")
    engine = await engine_for(toml_for(provider.issuer, more="trusts_mfa = true"))
    browser = Browser(client_for(engine))
    first = await signs_in(browser, provider)
    await enrol(browser, first["tokens"]["accessToken"])
    asked = await signs_in(browser, provider, amr=["pwd", "otp"])
    assert asked["tokens"] is None
    payload = await signs_in(browser, provider, amr=["pwd", "mfa"])
    assert payload["challenge"] is None
    assert payload["tokens"]["accessToken"]


# Linking and unlinking -------------------------------------------------------------------------


async def linked(
    browser: Browser, provider: LyingProvider, token: str, **claims: Any
) -> dict[str, Any]:
    started, code = await handed(browser, provider, purpose="link", **claims)
    return await browser.ask(LINK, started, code, token=token)


async def unlinked(browser: Browser, identity: str, token: str) -> dict[str, Any]:
    answer = await browser.client.ask(
        UNLINK, {"input": {"id": identity}}, authorization=f"Bearer {token}"
    )
    payload: dict[str, Any] = answer["data"]["identityUnlink"]
    return payload


async def test_somebody_with_a_password_links_and_signs_in_by_the_provider_then(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    account = await registered(engine, ADA)
    token = await signed_in(engine, account)
    payload = await linked(browser, provider, token, email="other@example.com")
    assert codes(payload) == []
    assert [each["provider"] for each in payload["user"]["identities"]] == ["local"]
    payload = await signs_in(browser, provider, email=None)
    assert payload["user"]["email"] == ADA
    log = (
        await engine.storage.database["audit_log"]
        .find({"action": "user.identity_linked"})
        .to_list()
    )
    assert [(each["user"], each["facts"]) for each in log] == [
        (str(account["_id"]), {"provider": "local"})
    ]


async def test_linking_needs_somebody_who_has_signed_in_a_moment_ago(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    started, code = await handed(browser, provider, purpose="link")
    given = {"code": code, "codeVerifier": started.verifier}
    answer = await browser.client.ask(LINK, {"input": given})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    token = await signed_in(engine, await registered(engine))
    sessions = engine.storage.collection(SessionDocument)
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    await sessions.update_many({}, {"$set": {"created_at": long_ago}})
    assert codes(await browser.ask(LINK, started, code, token=token)) == ["SIGN_IN_AGAIN"]
    token = await signed_in(engine, await registered(engine))
    assert codes(await browser.ask(LINK, started, code, token=token)) == []


async def test_an_identity_belongs_to_one_account(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    first, second = await registered(engine), await registered(engine)
    assert codes(await linked(browser, provider, await signed_in(engine, first))) == []
    payload = await linked(browser, provider, await signed_in(engine, second))
    assert (codes(payload), payload["user"]) == (["IDENTITY_TAKEN"], None)
    payload = await linked(browser, provider, await signed_in(engine, first))
    assert len(payload["user"]["identities"]) == 1


async def test_of_two_accounts_that_link_one_identity_at_once_one_has_it(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    tokens = [await signed_in(engine, await registered(engine)) for _ in range(4)]
    given = [await handed(browser, provider, purpose="link") for _ in tokens]
    payloads = await asyncio.gather(
        *(
            browser.ask(LINK, started, code, token=token)
            for (started, code), token in zip(given, tokens, strict=True)
        )
    )
    assert sorted(map(tuple, map(codes, payloads))) == [(), *[("IDENTITY_TAKEN",)] * 3]
    assert sum(len(each["identities"]) for each in await users(engine)) == 1


async def test_the_last_way_to_sign_in_can_not_be_unlinked(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    payload = await signs_in(browser, provider)
    token, identity = payload["tokens"]["accessToken"], payload["user"]["identities"][0]["id"]
    refused = await unlinked(browser, identity, token)
    assert (codes(refused), refused["user"]) == (["LAST_SIGN_IN"], None)
    now = datetime.now(UTC)
    gone = {"key": "https://gone.example#1", "provider": "gone", "email": None, "linked_at": now}
    accounts = service.users(engine.context())
    await accounts.update_one({}, {"$push": {"identities": gone}})  # no provider of the shop's
    assert codes(await unlinked(browser, identity, token)) == ["LAST_SIGN_IN"]
    assert codes(await linked(browser, provider, token, sub="person-2")) == []
    assert codes(await unlinked(browser, identity, token)) == []
    payload = await signs_in(browser, provider, sub="person-2", email=None)
    assert payload["user"]["email"] == ADA


async def test_of_two_identities_unlinked_at_once_one_stays(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    payload = await signs_in(browser, provider)
    token = payload["tokens"]["accessToken"]
    payload = await linked(browser, provider, token, sub="person-2")
    found = [each["id"] for each in payload["user"]["identities"]]
    payloads = await asyncio.gather(*(unlinked(browser, each, token) for each in found))
    assert sorted(map(tuple, map(codes, payloads))) == [(), ("LAST_SIGN_IN",)]


async def test_unlinking_ends_the_other_sessions(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    account = await registered(engine, ADA)
    token = await signed_in(engine, account)
    payload = await linked(browser, provider, token)
    stranger = (await signs_in(browser, provider))["tokens"]["accessToken"]
    identity = payload["user"]["identities"][0]["id"]
    assert codes(await unlinked(browser, identity, token)) == []
    viewer = "{ viewer { role } }"
    answer = await browser.client.ask(viewer, authorization=f"Bearer {stranger}")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    answer = await browser.client.ask(viewer, authorization=f"Bearer {token}")
    assert answer["data"]["viewer"]["role"] == "CUSTOMER"
    payload = await signs_in(browser, provider)
    assert codes(payload) == ["ACCOUNT_EXISTS"]


async def test_nobody_unlinks_what_is_not_theirs(
    engine: Engine, browser: Browser, provider: LyingProvider
) -> None:
    owner = await registered(engine, ADA)
    payload = await linked(browser, provider, await signed_in(engine, owner))
    identity = payload["user"]["identities"][0]["id"]
    token = await signed_in(engine, await registered(engine))
    assert codes(await unlinked(browser, identity, token)) == ["NOT_FOUND"]
    assert codes(await unlinked(browser, payload["user"]["identities"][0]["provider"], token)) == [
        "INVALID"
    ]
    assert sum(len(each["identities"]) for each in await users(engine)) == 1


# Where a sign-in may end -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "redirect",
    [
        "",
        "https://evil.example/",
        REDIRECT + "/",
        REDIRECT + "?next=https://evil.example",
        REDIRECT + "#x",
        REDIRECT + "%00",
        REDIRECT.upper(),
        REDIRECT.replace("http:", "https:"),
        REDIRECT.replace("3000", "3001"),
        REDIRECT.replace("localhost", "localhost.evil.example"),
        REDIRECT.replace("localhost", "localhost@evil.example"),
        REDIRECT.replace("localhost:3000", "localhost:3000@evil.example"),
        REDIRECT.replace("/signed-in", "/../signed-in"),
        REDIRECT.replace("/signed-in", "/./signed-in"),
        "//localhost:3000/signed-in",
        "/signed-in",
        "\\\\evil.example",
        " " + REDIRECT,
        REDIRECT + " ",
        REDIRECT + "\r\nlocation: https://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.shop:/signed-in/..",
        "com.example.shop://evil.example/signed-in",
    ],
)
async def test_an_address_that_is_not_in_the_list_gets_nothing(
    stranger: Browser, redirect: str
) -> None:
    answer = await stranger.get(
        "/auth/local", redirect=redirect, code_challenge=challenge_of("x" * 43)
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert stranger.cookies == {}
    assert redirect not in answer.text or not redirect


@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": ""},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 44},
        {"code_challenge": "x" * 42 + "="},
        {"code_challenge": "x" * 43, "code_challenge_method": "plain"},
        {"code_challenge": "x" * 43, "purpose": "admin"},
        {"code_challenge": "x" * 43, "state": "x" * 201},
        {"code_challenge": "x" * 43, "junk": "x" * 9_000},
    ],
)
async def test_a_start_that_asks_for_what_there_is_not_is_refused(
    stranger: Browser, more: dict[str, str]
) -> None:
    answer = await stranger.get("/auth/local", redirect=REDIRECT, **more)
    assert (answer.status_code, stranger.cookies) == (400, {})


async def test_a_provider_that_there_is_not_is_not_found(browser: Browser) -> None:
    for path in ("/auth/google", "/auth/google/callback", "/auth/__class__", "/auth/%2e%2e"):
        assert (await browser.get(path)).status_code == 404


async def test_a_native_app_ends_at_any_port_of_its_machine_and_nowhere_else(
    engine_for: EngineFor, client_for: ClientFor, provider: LyingProvider
) -> None:
    toml = toml_for(provider.issuer).replace(
        f'"{APP}"', '"http://127.0.0.1/callback", "http://[::1]/callback"'
    )
    browser = Browser(client_for(await engine_for(toml)))
    for redirect in ("http://127.0.0.1:51004/callback", "http://[::1]:51004/callback"):
        await browser.start(redirect=redirect)
    for redirect in (
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004@evil.example/callback",
        "http://127.0.0.1:x/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.2:51004/callback",
        "https://127.0.0.1:51004/callback",
        "http://127.0.0.1:51004/callback?a=b",
    ):
        answer = await browser.get(
            "/auth/local", redirect=redirect, code_challenge=challenge_of("x" * 43)
        )
        assert answer.status_code == 400, redirect


async def test_sign_ins_that_are_left_off_do_not_add_up(browser: Browser) -> None:
    for _ in range(9):
        await browser.start()
    assert len(browser.cookies) <= 4
    assert sum(map(len, browser.cookies.values())) < 4_000


async def test_the_provider_is_told_the_exact_address_and_the_shop_proves_itself(
    browser: Browser, provider: LyingProvider
) -> None:
    started, _ = await handed(browser, provider)
    assert started.asked["redirect_uri"] == "http://localhost:8000/auth/local/callback"
    assert started.asked["response_type"] == "code"
    assert started.asked["scope"] == "openid email profile"
    assert started.asked["code_challenge_method"] == "S256"
    (form,) = provider.forms
    assert form["redirect_uri"] == started.asked["redirect_uri"]
    assert challenge_of(form["code_verifier"]) == started.asked["code_challenge"]
    assert form["authorization"].startswith("Basic ")
    assert "client_secret" not in form
