"""A secret in every place that takes one, and none of them anywhere else afterwards.

One shop is told passwords, tokens, codes, keys and passkeys over HTTP, right and wrong ones. Then
the log at DEBUG, all answers, `/metrics` and all that is stored are searched for them.
"""

import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat_auth import links
from mercat_auth.tokens import cookies

from .authenticator import ORIGIN, RP_ID, Authenticator
from .conftest import Client, ClientFor, EngineFor, write_jsonl
from .factors import (
    CONFIRM,
    DISABLE,
    ENABLE,
    ERRORS,
    LOGIN,
    LOGIN_CONFIRM,
    PASSKEY_LOGIN_START,
    REGISTER_FINISH,
    REGISTER_START,
    RENEW,
    Person,
)
from .identity import messages, registered, signed_in
from .sign_ins import LOGIN as LOGIN_WITH_PROVIDER
from .sign_ins import Browser, LyingProvider, secret_variable, toml_for
from .test_catalogue import load, product

REGISTER = f"mutation ($input: RegisterInput!) {{ register(input: $input) {{ {ERRORS} }} }}"
VERIFY = f"mutation ($input: EmailVerifyInput!) {{ emailVerify(input: $input) {{ {ERRORS} }} }}"
CHANGE = f"""mutation ($input: PasswordChangeInput!) {{
  passwordChange(input: $input) {{ {ERRORS} }} }}"""
ASK_RESET = f"""mutation ($input: PasswordResetRequestInput!) {{
  passwordResetRequest(input: $input) {{ {ERRORS} }} }}"""
RESET = f"mutation ($input: PasswordResetInput!) {{ passwordReset(input: $input) {{ {ERRORS} }} }}"
REFRESH = f"""mutation ($input: RefreshTokenInput!) {{ refreshToken(input: $input) {{
  tokens {{ accessToken refreshToken }} {ERRORS} }} }}"""
COOKIES = f"""mutation ($input: LoginInput!) {{ login(input: $input) {{
  csrfToken challenge {{ token }} {ERRORS} }} }}"""
API_KEY = f"""mutation ($input: ApiKeyCreateInput!) {{ apiKeyCreate(input: $input) {{
  secret {ERRORS} }} }}"""
GUEST = f"mutation {{ guestIdentityCreate(input: {{}}) {{ token {ERRORS} }} }}"
WHO = "{ viewer { role } }"
TAKES_SECRETS = {
    REGISTER: ("email", "password"),
    VERIFY: ("token",),
    LOGIN: ("email", "password"),
    CHANGE: ("currentPassword", "newPassword"),
    RESET: ("token", "password"),
    REFRESH: ("refreshToken",),
    LOGIN_CONFIRM: ("challenge", "code", "recoveryCode", "passkey"),
    ENABLE: ("proof",),
    CONFIRM: ("challenge", "code"),
    LOGIN_WITH_PROVIDER: ("code", "codeVerifier"),
}
EMAIL = "ada@example.com"


@dataclass
class Heard:
    """A request and its answer."""

    said: str
    answered: str

    @property
    def is_refused(self) -> bool:
        return bool(re.search(r'"errors":|"userErrors":\[\{', self.answered))


@dataclass
class Stage:
    """A shop that is told secrets, and what it was told and gave."""

    engine: Engine
    client: Client
    log: pytest.LogCaptureFixture
    secrets: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def new(self, name: str, size: int = 16) -> str:
        """A secret of a client's."""
        return self.keep(name, f"Canary{secrets.token_hex(size)}")

    def keep(self, name: str, value: str) -> str:
        """A secret that the shop gave, or its secret part.

        Of several words the longest: base64's own `_` would leave a letter or two of some.
        """
        words = value.rpartition(".")[2].split("_")
        self.secrets[f"{name} {len(self.secrets)}"] = max(words, key=len)
        return value

    async def ask(self, document: str, access: str = "", /, **given: Any) -> dict[str, Any]:
        """The payload; empty where the whole request was refused."""
        headers = {"authorization": f"Bearer {access}"} if access else {}
        answer = await self.client.ask(document, {"input": given}, **headers)
        return next(iter((answer.get("data") or {}).values()), None) or {}

    async def link(self, kind: str) -> str:
        """What the newest message of a kind carries."""
        message = (await messages(self.engine, kind))[-1]
        return self.keep("link", links.secret_of(self.engine.context(), message.subject))

    def tokens(self, payload: dict[str, Any]) -> tuple[str, str]:
        """Access and refresh token of a sign-in."""
        assert payload["userErrors"] == [], payload
        given = payload["tokens"]
        for token in given.values():
            self.keep("token", token)
        return given["accessToken"], given["refreshToken"]

    def leaks(self, text: str) -> Iterator[str]:
        """The names of the secrets that a text has."""
        for name, secret in self.secrets.items():
            # Six digits are found anywhere; as a word of their own they are a code.
            pattern = re.escape(secret) if len(secret) > 6 else rf"(?<!\w){secret}(?!\w)"
            if re.search(pattern, text):
                yield name


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with LyingProvider() as found:
        yield found


@pytest.fixture
async def stage(
    engine_for: EngineFor,
    client_for: ClientFor,
    provider: LyingProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Stage:
    caplog.set_level(logging.DEBUG)
    own, theirs = f"Canary{secrets.token_hex(20)}", f"Canary{secrets.token_hex(20)}"
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", own)
    monkeypatch.setenv(secret_variable(), theirs)
    auth = f'free_attempts = 100\nrp_id = "{RP_ID}"\norigins = ["{ORIGIN}"]'
    toml = toml_for(provider.issuer, auth=auth, more="[server]\nmetrics = true")
    engine = await engine_for(toml.replace('["auth", ', '["auth", "media", "products", '))
    found = Stage(engine, client_for(engine), caplog)
    found.secrets |= {"the shop's secret": own, "the provider's secret": theirs}

    async def hear(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        said = f"{request.url} {request.headers} {request.content.decode()}"
        found.heard.append(Heard(said, response.text))

    found.client.http.event_hooks["response"].append(hear)
    return found


async def _passwords(stage: Stage) -> str:
    """Register, prove the address, change and reset; returns the password of then."""
    first, changed, last = (stage.new("password") for _ in range(3))
    await stage.ask(REGISTER, email=EMAIL, password=stage.new("long password", 80))
    await stage.ask(REGISTER, email="no address", password=stage.new("password"))
    await stage.ask(REGISTER, email=EMAIL, password=first)
    await stage.ask(VERIFY, token=stage.keep("link", f"{'x' * 22}.{secrets.token_urlsafe(32)}"))
    await stage.ask(VERIFY, token=await stage.link("verify_email"))
    await stage.ask(REGISTER, email=EMAIL, password=stage.new("password"))
    await stage.ask(LOGIN, email=EMAIL, password=stage.new("wrong password"))
    access, _ = stage.tokens(await stage.ask(LOGIN, email=EMAIL, password=first))
    wrong = stage.new("wrong password")
    await stage.ask(CHANGE, access, currentPassword=wrong, newPassword=changed)
    done = await stage.ask(CHANGE, access, currentPassword=first, newPassword=changed)
    assert done["userErrors"] == []
    await stage.ask(ASK_RESET, email=EMAIL)
    made_up = stage.keep("link", f"{'x' * 22}.{secrets.token_urlsafe(32)}")
    await stage.ask(RESET, token=made_up, password=stage.new("password"))
    done = await stage.ask(RESET, token=await stage.link("reset_password"), password=last)
    assert done["userErrors"] == []
    return last


async def _tokens(stage: Stage, password: str) -> None:
    """Access and refresh tokens, cookies and CSRF tokens, guests: good, old and bent ones."""
    access, refresh = stage.tokens(await stage.ask(LOGIN, email=EMAIL, password=password))
    await stage.ask(WHO, access)
    await stage.ask(WHO, stage.keep("bent token", access[:-20] + secrets.token_urlsafe(15)))
    await stage.ask(WHO, stage.new("made up token"))
    stage.tokens(await stage.ask(REFRESH, refreshToken=refresh))
    for token in (refresh, stage.new("made up refresh token")):
        await stage.ask(REFRESH, refreshToken=token)
    answer = await stage.client.http.post(
        "/graphql",
        json={
            "query": COOKIES,
            "variables": {"input": {"email": EMAIL, "password": password, "transport": "COOKIE"}},
        },
    )
    jar = dict(line.split(";")[0].split("=", 1) for line in answer.headers.get_list("set-cookie"))
    for value in jar.values():
        stage.keep("cookie", value)
    cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
    for proof in (jar[cookies.CSRF], stage.new("wrong CSRF token")):
        headers = {"cookie": cookie, "x-csrf-token": proof}
        await stage.client.http.post("/graphql", json={"query": WHO}, headers=headers)
    bent = {"cookie": f"{cookies.ACCESS}={stage.new('made up cookie')}"}
    await stage.client.http.post("/graphql", json={"query": WHO}, headers=bent)
    guest = stage.keep("guest", (await stage.ask(GUEST))["token"])
    for given in (guest, stage.new("made up guest")):
        await stage.client.ask(WHO, None, **{"x-mercat-guest": given})


async def _factors(stage: Stage, password: str) -> None:
    """Codes, recovery codes and passkeys."""
    access, _ = stage.tokens(await stage.ask(LOGIN, email=EMAIL, password=password))
    proof = {"password": password}
    user = {"email": EMAIL}
    await stage.ask(ENABLE, access, proof={"password": stage.new("wrong password")})
    enrolment = (await stage.ask(ENABLE, access, proof=proof))["enrolment"]
    ada = Person(stage.engine, stage.client, user, access, secret=enrolment["secret"])
    challenge = stage.keep("challenge", enrolment["challenge"])
    stage.keep("TOTP secret", enrolment["secret"])
    await stage.ask(CONFIRM, access, challenge=challenge, code=stage.keep("code", "902746"))
    code = stage.keep("code", ada.code(-1))
    done = await stage.ask(CONFIRM, access, challenge=challenge, code=code)
    for each in done["recoveryCodes"]:
        stage.keep("recovery code", each)
    renewed = await stage.ask(RENEW, access, proof={"recoveryCode": done["recoveryCodes"][0]})
    wrong = stage.keep("wrong recovery code", "AAAAAA-BBBBBB-CCCCCC-DDDDDD")
    codes = [stage.keep("recovery code", each) for each in renewed["recoveryCodes"]]
    for answer in (
        {"code": stage.keep("code", "902747")},
        {"recoveryCode": wrong},
        {"recoveryCode": codes[0]},
        {"code": stage.keep("code", ada.code())},
    ):
        asked = await stage.ask(LOGIN, email=EMAIL, password=password)
        challenge = stage.keep("challenge", asked["challenge"]["token"])
        given = await stage.ask(LOGIN_CONFIRM, challenge=challenge, **answer)
        if given["tokens"]:
            stage.tokens(given)
    await _passkeys(stage, access, {"recoveryCode": codes[1]})
    await stage.ask(DISABLE, access, proof={"recoveryCode": codes[2]})


async def _passkeys(stage: Stage, access: str, proof: dict[str, str]) -> None:
    device = Authenticator()
    started = (await stage.ask(REGISTER_START, access, proof=proof))["registration"]
    challenge = stage.keep("challenge", started["challenge"])
    created = _noted(stage, device.create(started["options"]))
    bent = _noted(stage, device.create(started["options"], origin="https://evil.test"))
    for credential in (bent, created):
        given = {"challenge": challenge, "credential": credential, "name": "Phone"}
        done = await stage.ask(REGISTER_FINISH, access, **given)
    assert done["userErrors"] == [], done
    for options in ({"origin": "https://evil.test"}, {}):
        asked = (await stage.ask(PASSKEY_LOGIN_START))["challenge"]
        challenge = stage.keep("challenge", asked["token"])
        credential = _noted(stage, device.get(asked["passkeyOptions"], **options))
        done = await stage.ask(LOGIN_CONFIRM, challenge=challenge, passkey=credential)
    stage.tokens(done)


def _noted(stage: Stage, credential: str) -> str:
    """A browser's credential, whose parts are to be found nowhere."""
    for name in ("clientDataJSON", "attestationObject", "signature"):
        part = json.loads(credential)["response"].get(name)
        if part is not None:
            stage.secrets[f"{name} {len(stage.secrets)}"] = part
    return credential


async def _keys(stage: Stage) -> None:
    """API keys: a good one, one with another end, one that is made up."""
    boss = await registered(stage.engine, roles=["ADMIN"])
    token = stage.keep("token", await signed_in(stage.engine, boss))
    given = {"account": "ERP", "permissions": ["auth.read_users"]}
    key = stage.keep("API key", (await stage.ask(API_KEY, token, **given))["secret"])
    for each in (key, key[:-2] + "00", f"mercat_sk_{stage.new('made up key')}"):
        await stage.ask(WHO, stage.keep("API key", each))


async def _provider(stage: Stage, provider: LyingProvider) -> None:
    """Sign in by a provider: its code, its tokens, the shop's code; good ones and wrong ones."""
    browser = Browser(stage.client)
    tokens = {name: stage.new(f"provider's {name}") for name in ("access_token", "refresh_token")}

    def answer() -> tuple[int, dict[str, str], bytes]:
        id_token = stage.keep("ID token", provider.signed(provider.claims))
        said = {**tokens, "token_type": "Bearer", "id_token": id_token}
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()

    provider.answer = answer
    for more in ({}, {"nonce": "another"}):
        started = await browser.start()
        for name in ("verifier", "state", "nonce"):
            stage.keep(name, getattr(started, name))
        provider.says(started.nonce, email="eve@example.com", **more)
        back = await browser.come_back(started, code=stage.new("provider's code"))
        code = stage.keep("code", back.get("code") or stage.new("made up code"))
        payload = await browser.ask(LOGIN_WITH_PROVIDER, started, code)
        if payload["tokens"]:
            stage.tokens(
                {**payload, "tokens": {**payload["tokens"], "expiresIn": "_" * 9 + "x" * 9}}
            )
    provider.answer = lambda: (500, {}, stage.new("provider's error").encode())
    started = await browser.start()
    await browser.come_back(started, code=stage.new("provider's code"))


async def _malformed(stage: Stage) -> None:
    """Secrets where their types are wrong, their names unknown, or the document is no GraphQL."""
    for document, names in TAKES_SECRETS.items():
        for name in names:
            for value in (
                [stage.new("list")],
                {"x": stage.new("value")},
                {"password": [stage.new("list")]},
            ):
                await stage.ask(document, **{**dict.fromkeys(names, "x"), name: value})
            await stage.ask(document, **dict.fromkeys(names, "x"), passwrd=stage.new("typo"))
    for wrong in (stage.new("text"), [stage.new("list")], {"proof": stage.new("text")}):
        for document in TAKES_SECRETS:
            await stage.client.ask(document, {"input": wrong})
    for text in (
        f'mutation {{ login(input: {{password: "{stage.new("literal")}"}}) {{ __typename }} }}',
        f'mutation {{ login(input: {{password: ["{stage.new("literal")}"]}}) {{ __typename }} }}',
    ):
        await stage.client.ask(text)
    for header in (f"Basic {stage.new('basic')}", f"Bearer {stage.new('two')} more", "Bearer"):
        await stage.client.ask(WHO, authorization=header)


async def _import(stage: Stage, folder: Path) -> str:
    """A picture whose address has a password; what the import says of it."""
    picture = f"https://user:{stage.new('password in an address')}@example.com/a.png"
    rows = [product("boot", media=[{"url": picture}]), product("sock", pictures=[picture])]
    return repr(await load(stage.engine, "products", write_jsonl(folder / "p.jsonl", rows)))


def _leaves(value: Any) -> Iterator[str]:
    """All texts in what is stored, names included."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _leaves(each)
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, str):
        yield value


async def _stored(stage: Stage) -> AsyncIterator[tuple[str, str]]:
    """Everything in both stores, as texts, and where it is."""
    database = stage.engine.storage.database
    for name in await database.list_collection_names():
        async for record in database[name].find({}):
            for text in _leaves(record):
                yield name, text
    redis = stage.engine.storage.redis
    reading = {"string": redis.get, "hash": redis.hgetall, "set": redis.smembers}
    async for key in redis.scan_iter():
        kind = str(_text(await redis.type(key)))
        read = reading.get(kind)
        value = [key, await read(key) if read else await redis.dump(key)]
        for text in _leaves(value):
            yield "redis", text


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _logged(log: pytest.LogCaptureFixture) -> Iterator[str]:
    """The lines of the log, with tracebacks and what a structured one would add."""
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
    for record in log.get_records("call"):
        if record.name.partition(".")[0] not in {"httpx", "httpcore"}:  # the test's own client
            yield f"{formatter.format(record)} {vars(record)}"


async def test_no_secret_is_anywhere_but_where_it_belongs(
    stage: Stage, provider: LyingProvider, tmp_path: Path
) -> None:
    password = await _passwords(stage)
    await _tokens(stage, password)
    await _factors(stage, password)
    await _keys(stage)
    await _provider(stage, provider)
    await _malformed(stage)
    told = await _import(stage, tmp_path)
    metrics = (await stage.client.http.get("/metrics")).text
    assert "mercat_graphql_operations" in metrics
    assert len(stage.secrets) > 100
    assert list(stage.leaks(f"{metrics} {told}")) == []
    for line in _logged(stage.log):
        assert list(stage.leaks(line)) == [], line
    refused = [each for each in stage.heard if each.is_refused]
    assert len(refused) > 60
    for each in refused:
        assert list(stage.leaks(each.answered)) == [], each.answered
    for each in stage.heard:
        assert not set(stage.leaks(each.answered)) & set(stage.leaks(each.said)), each.answered
    async for place, text in _stored(stage):
        assert list(stage.leaks(text)) == [], (place, text)
