"""Signing in by a real OpenID provider, which knows nothing of the shop's code."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from mercat.engine import Engine

from .conftest import Client, ClientFor, EngineFor, Serve
from .sign_ins import (
    APP,
    CLIENT_SECRET,
    LOGIN,
    PUBLIC_URL,
    Browser,
    Started,
    secret_variable,
    told,
    toml_for,
)

NODE = Path(__file__).parent / "node"
CALLBACK = f"{PUBLIC_URL}/auth/local/callback"
VIEWER = "{ viewer { role user { email emailVerified name identities { provider } } } }"
IDS = re.compile(r'action="([^"]+)"')


class RealProvider:
    """npm's oidc-provider in a process of its own; `lines` are what it printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.lines: list[str] = []
        assert process.stdout is not None
        self._out = process.stdout
        self.issuer = self._out.readline().strip()
        assert self.issuer.startswith("http://127.0.0.1:"), self.issuer
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def end(self) -> None:
        self._thread.join()
        self._out.close()

    def _read(self) -> None:
        self.lines.extend(line.strip() for line in self._out)

    def issued(self, what: str) -> list[str]:
        """Values of a kind that it gave out."""
        return [line.split(" ", 1)[1] for line in self.lines if line.startswith(f"{what} ")]


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("needs node, and `npm install --no-package-lock --prefix tests/node`")
    process = subprocess.Popen(
        [node, "provider.mjs", CALLBACK],
        cwd=NODE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    found = RealProvider(process)
    try:
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        found.end()


@pytest.fixture
async def engine(
    engine_for: EngineFor, provider: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    monkeypatch.setenv(secret_variable(), CLIENT_SECRET)
    return await engine_for(toml_for(provider.issuer))


@pytest.fixture
def browser(engine: Engine, client_for: ClientFor) -> Browser:
    return Browser(client_for(engine))


async def consent(started: Started, login: str, *, denies: bool = False) -> dict[str, str]:
    """Sign in at the provider, and consent or not; what it sends back to the shop."""
    async with httpx.AsyncClient() as at_provider:
        answer = await at_provider.get(started.url)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(CALLBACK):
                    return dict(httpx.URL(target).params)
                answer = await at_provider.get(target)
                continue
            assert answer.status_code == 200, answer.text
            if denies:
                answer = await at_provider.get(f"{answer.url}/abort")
                continue
            action = IDS.search(answer.text)
            assert action is not None, answer.text
            prompt = "login" if 'name="login"' in answer.text else "consent"
            answer = await at_provider.post(
                action[1], data={"prompt": prompt, "login": login, "password": "any"}
            )
    raise AssertionError("the provider never sent the browser back")


async def test_somebody_signs_in_with_login_and_consent_and_is_the_same_next_time(
    engine: Engine, browser: Browser
) -> None:
    ids = set()
    for _ in range(2):
        started = await browser.start()
        said = await browser.come_back(started, **await consent(started, "grace"))
        payload = await browser.ask(LOGIN, started, said["code"])
        assert payload["userErrors"] == []
        ids.add(payload["user"]["id"])
        token = payload["tokens"]["accessToken"]
        answer = await browser.client.ask(VIEWER, authorization=f"Bearer {token}")
        assert answer["data"]["viewer"] == {
            "role": "CUSTOMER",
            "user": {
                "email": "grace@example.com",
                "emailVerified": True,
                "name": "Person grace",
                "identities": [{"provider": "local"}],
            },
        }
    assert len(ids) == 1
    assert browser.cookies == {}
    assert await engine.storage.database["users"].count_documents({}) == 1


async def test_the_providers_tokens_are_neither_stored_nor_shown_nor_logged(
    engine: Engine,
    browser: Browser,
    provider: RealProvider,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(1)
    before = len(provider.issued("refresh"))
    started = await browser.start()
    back = await consent(started, "edith")
    answer = await browser.get("/auth/local/callback", **back)
    stored = await _all_that_is_stored(engine)  # the one-time code's row among it
    payload = await browser.ask(LOGIN, started, told(answer)["code"])
    (token,) = provider.issued("refresh")[before:]
    assert len(token) > 20
    seen = f"{answer.headers} {answer.text} {payload} {stored} {await _all_that_is_stored(engine)}"
    for secret in (token, back["code"], CLIENT_SECRET):
        assert secret not in seen
    logged = "\n".join(record.getMessage() for record in caplog.records)
    for secret in (token, CLIENT_SECRET, payload["tokens"]["refreshToken"], started.verifier):
        assert secret not in logged
    assert "edith" not in stored  # personal data waits sealed


async def _all_that_is_stored(engine: Engine) -> str:
    database = engine.storage.database
    names = await database.list_collection_names()
    return " ".join([str(await database[name].find({}).to_list()) for name in names])


async def test_an_answer_of_the_provider_is_good_once(browser: Browser) -> None:
    started = await browser.start()
    back = await consent(started, "joan")
    kept = dict(browser.cookies)
    assert "code" in await browser.come_back(started, **back)
    browser.cookies = kept  # as an attacker has it who can read the browser's disk
    again = await browser.get("/auth/local/callback", **back)
    assert again.status_code == 400
    assert "location" not in again.headers


async def test_a_code_of_the_provider_that_was_used_is_refused_in_another_sign_in(
    browser: Browser,
) -> None:
    first = await browser.start()
    back = await consent(first, "joan")
    await browser.come_back(first, **back)
    second = await browser.start()
    said = await browser.come_back(second, **{**back, "state": second.state})
    assert said == {"error": "provider_refused"}


async def test_a_code_of_somebody_elses_sign_in_is_refused_by_pkce(browser: Browser) -> None:
    theirs = await browser.start()
    back = await consent(theirs, "mallory")
    mine = await browser.start()
    said = await browser.come_back(mine, **{**back, "state": mine.state})
    assert said == {"error": "provider_refused"}


async def test_who_denies_consent_comes_back_with_an_error(browser: Browser) -> None:
    started = await browser.start(redirect=APP, state="of the app")
    back = await consent(started, "joan", denies=True)
    assert back["error"] == "access_denied"
    answer = await browser.get("/auth/local/callback", **back)
    assert told(answer, APP) == {"error": "access_denied", "state": "of the app"}


async def test_an_address_that_the_provider_has_not_verified_makes_no_account(
    engine: Engine, browser: Browser
) -> None:
    started = await browser.start()
    said = await browser.come_back(started, **await consent(started, "unverified-eve"))
    payload = await browser.ask(LOGIN, started, said["code"])
    assert payload["userErrors"][0]["code"] == "PROVIDER_EMAIL_UNVERIFIED"
    assert (payload["user"], payload["tokens"]) == (None, None)
    assert await engine.storage.database["users"].count_documents({}) == 0


@pytest.mark.gate
async def test_a_server_of_its_own_process_signs_people_in_and_prints_no_secret(
    serve: Serve, provider: RealProvider
) -> None:
    secret = {secret_variable(): CLIENT_SECRET}
    with serve(toml=toml_for(provider.issuer), **secret) as server:
        remote = Client.__new__(Client)  # asks over the network
        remote.http = httpx.AsyncClient(base_url=server.url)
        async with remote.http:
            browser = Browser(remote)
            started = await browser.start()
            back = await consent(started, "radia")
            said = await browser.come_back(started, **back)
            payload = await browser.ask(LOGIN, started, said["code"])
            again = await browser.start()
            wrong = await browser.come_back(again, **{**back, "state": again.state})
        server.process.terminate()
        assert server.process.stdout is not None
        printed = "\n".join([*server.lines, server.process.stdout.read()])
        server.process.wait(15)
    assert payload["user"]["email"] == "radia@example.com"
    assert wrong == {"error": "provider_refused"}
    assert "a sign-in with local failed (provider_refused)" in printed
    shown = [back["code"], said["code"], started.verifier, started.state, CLIENT_SECRET]
    assert [each for each in shown if each in printed] == []
