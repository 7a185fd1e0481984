"""What people were told about their accounts holds after a server was killed at any moment."""

import asyncio
import random
import secrets
import signal
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from mercat.engine import Engine
from mercat.storage import cancel
from mercat.storage.encryption import encryption_of
from mercat.storage.outbox import OutboxDocument
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.documents import LinkDocument, SessionDocument, UserDocument
from mercat_notifications.taking import notifications

from .conftest import EngineFor
from .factors import ERRORS, LOGIN
from .identity import PASSWORD, registered, toml_of
from .mailing import mails_in
from .running import Died, Running, started

pytestmark = pytest.mark.gate

REGISTER = f"mutation ($input: RegisterInput!) {{ register(input: $input) {{ {ERRORS} }} }}"
REFRESH = f"""mutation ($input: RefreshTokenInput!) {{ refreshToken(input: $input) {{
  tokens {{ refreshToken }} {ERRORS} }} }}"""
CHANGE = f"""mutation ($input: PasswordChangeInput!) {{
  passwordChange(input: $input) {{ {ERRORS} }} }}"""
# Nobody is slowed down: all of them come from one address.
TOML = toml_of(
    auth="free_attempts = 100\naddress_attempts_per_hour = 1000000\n"
    "stranger_attempts_per_hour = 100000"
)
_OF_EACH = 2
_LONGEST_LOAD = 0.7


@dataclass
class Server:
    """A shop over HTTP, until it is killed."""

    url: str
    http: httpx.AsyncClient

    async def payload(self, document: str, /, access: str = "", **given: Any) -> dict[str, Any]:
        """The payload of a mutation; a refusal as a whole is one with its code."""
        headers = {"authorization": f"Bearer {access}"} if access else {}
        said = {"query": document, "variables": {"input": given}}
        try:
            answer = await self.http.post(f"{self.url}/graphql", json=said, headers=headers)
        except httpx.TransportError as error:
            raise Died(repr(error)) from None
        found: dict[str, Any] = answer.json()
        if found.get("errors"):
            return {"userErrors": [{"code": found["errors"][0]["extensions"]["code"]}]}
        (payload,) = found["data"].values()
        done: dict[str, Any] = payload
        return done

    async def done(self, document: str, /, access: str = "", **given: Any) -> dict[str, Any]:
        """The payload of what must succeed."""
        payload = await self.payload(document, access, **given)
        assert payload["userErrors"] == [], payload
        return payload

    async def login(self, email: str, password: str) -> dict[str, str] | None:
        """The tokens; None where the password is wrong."""
        payload = await self.payload(LOGIN, email=email, password=password)
        if payload["userErrors"]:
            assert [each["code"] for each in payload["userErrors"]] == ["BAD_CREDENTIALS"]
            return None
        tokens: dict[str, str] = payload["tokens"]
        return tokens


class Actor(Protocol):
    """Somebody who does one thing again and again, and knows what was answered."""

    async def begin(self, server: Server) -> None: ...
    async def act(self, server: Server) -> None: ...
    async def check(self, server: Server) -> None: ...


@dataclass
class Registrar:
    """Registers new addresses."""

    told: set[str] = field(default_factory=set)

    async def begin(self, server: Server) -> None:
        """Nothing is needed."""

    async def act(self, server: Server) -> None:
        address = f"new-{secrets.token_hex(6)}@example.com"
        await server.done(REGISTER, email=address, password=PASSWORD)
        self.told.add(address)

    async def check(self, server: Server) -> None:
        """What is stored of all of them is looked at together."""


@dataclass
class Refresher:
    """Stays signed in; `token` is the last one that was answered."""

    email: str
    token: str = ""
    is_unsure: bool = False

    async def begin(self, server: Server) -> None:
        tokens = await server.login(self.email, PASSWORD)
        assert tokens is not None
        self.token, self.is_unsure = tokens["refreshToken"], False

    async def act(self, server: Server) -> None:
        self.is_unsure = True
        payload = await server.done(REFRESH, refreshToken=self.token)
        self.token, self.is_unsure = payload["tokens"]["refreshToken"], False

    async def check(self, server: Server) -> None:
        first = await server.payload(REFRESH, refreshToken=self.token)
        second = await server.payload(REFRESH, refreshToken=self.token)
        refused = [{"code": "UNAUTHENTICATED"}]
        assert second["userErrors"] == refused
        assert first["userErrors"] == [] or (self.is_unsure and first["userErrors"] == refused)


@dataclass
class Changer:
    """Changes the password; `held` is the last one that was answered."""

    email: str
    held: str = PASSWORD
    before: str = "of nobody at all"
    wanted: str | None = None
    changes: int = 0

    async def begin(self, server: Server) -> None:
        """Nothing is needed."""

    async def act(self, server: Server) -> None:
        tokens = await server.login(self.email, self.held)
        assert tokens is not None
        self.wanted = f"phrase {secrets.token_hex(8)}"
        given = {"currentPassword": self.held, "newPassword": self.wanted}
        await server.done(CHANGE, tokens["accessToken"], **given)
        self.before, self.held, self.wanted = self.held, self.wanted, None
        self.changes += 1

    async def check(self, server: Server) -> None:
        tried = [self.held] if self.wanted is None else [self.held, self.wanted]
        good = [each for each in tried if await server.login(self.email, each) is not None]
        assert len(good) == 1, "one password signs in, and it is the last one"
        assert await server.login(self.email, self.before) is None
        (self.held,), self.wanted = good, None


async def _for_ever(actor: Actor, server: Server, acted: asyncio.Event) -> None:
    with suppress(Died):
        while True:
            await actor.act(server)
            acted.set()


async def _until_killed(
    running: Running, actors: list[Actor], server: Server, *, at_once: bool
) -> None:
    """Have all act, and kill the server at a random moment: of the first second, or later."""
    acted = [asyncio.Event() for _ in actors]
    acting = [
        asyncio.create_task(_for_ever(actor, server, event))
        for actor, event in zip(actors, acted, strict=True)
    ]
    try:
        if not at_once:
            async with asyncio.timeout(60):
                await asyncio.gather(*(event.wait() for event in acted))
        await asyncio.sleep(random.uniform(0.05, _LONGEST_LOAD))
        running.process.kill()
        await asyncio.to_thread(running.process.join, 10)
        assert running.process.exitcode == -signal.SIGKILL
        async with asyncio.timeout(10):
            await asyncio.gather(*acting)
    finally:
        await cancel(acting)


async def _messages(engine: Engine) -> set[str]:
    """The new addresses that were written to, or are about to be."""
    rows = engine.storage.collection(OutboxDocument).find({"hook": "message_due"})
    waiting = {row["payload"]["message"]["to"] async for row in rows}
    async for row in notifications(engine.context()).find({"state": "WAITING"}):
        waiting.add(await encryption_of(engine.context()).unseal(row["to"]))

    def written() -> set[str]:
        return {str(mail["To"]) for mail in mails_in(Path(engine.storage.data_dir / "mail"))}

    both = waiting | await asyncio.to_thread(written)
    return {address for address in both if address.startswith("new-")}


async def _check_stored(engine: Engine, told: set[str]) -> None:
    """Accounts are whole: with their link, their message and their deed, or not there at all."""
    stored = {
        document: await engine.storage.collection(document).find({}).to_list()
        for document in (UserDocument, LinkDocument, AuditDocument, SessionDocument)
    }
    new = [user for user in stored[UserDocument] if user["email"].startswith("new-")]
    addresses = [user["email"] for user in new]
    assert len(addresses) == len(set(addresses))
    assert told <= set(addresses)
    assert all(user["password"] and user["email_verified_at"] is None for user in new)
    links = [link["email_key"] for link in stored[LinkDocument] if link["purpose"] == "verify"]
    assert sorted(links) == sorted(user["email_key"] for user in new)
    deeds = [
        entry["key"]
        for entry in stored[AuditDocument]
        if entry["action"] == "user.registration_asked"
    ]
    assert sorted(deeds) == sorted(str(user["_id"]) for user in new)
    assert await _messages(engine) == set(addresses)
    signed_in = [entry for entry in stored[AuditDocument] if entry["action"] == "user.signed_in"]
    assert len(signed_in) == len(stored[SessionDocument])


async def _end_abandoned(engine: Engine) -> None:
    """End what the killed server had begun to write, as the database does after 60 s."""
    await engine.storage.client.admin.command("killAllSessions", [])


async def _actors(engine: Engine) -> tuple[list[Registrar], list[Refresher], list[Changer]]:
    people = [(await registered(engine))["email"] for _ in range(2 * _OF_EACH)]
    return (
        [Registrar() for _ in range(_OF_EACH)],
        [Refresher(email) for email in people[:_OF_EACH]],
        [Changer(email) for email in people[_OF_EACH:]],
    )


@pytest.mark.long
@pytest.mark.parametrize("rounds", [6, pytest.param(60, marks=pytest.mark.long)])
async def test_what_was_answered_holds_after_a_kill(
    mercat_environment: dict[str, str], engine_for: EngineFor, tmp_path: Path, rounds: int
) -> None:
    name = mercat_environment["MERCAT_DATABASE__NAME"]
    engine = await engine_for(TOML, database={"name": name})
    registrars, refreshers, changers = await _actors(engine)
    actors: list[Actor] = [*registrars, *refreshers, *changers]
    following = started(mercat_environment, tmp_path)
    starting: Awaitable[Running] = following.__aenter__()
    for number in range(rounds + 1):
        current, running = following, await starting
        async with httpx.AsyncClient(timeout=20) as http:
            server = Server(running.url, http)
            try:
                if number:
                    await _end_abandoned(engine)
                    told = set().union(*(each.told for each in registrars))
                    await _check_stored(engine, told)
                    await asyncio.gather(*(actor.check(server) for actor in actors))
                if number < rounds:
                    following = started(mercat_environment, tmp_path)
                    starting = asyncio.ensure_future(following.__aenter__())
                    await asyncio.gather(*(actor.begin(server) for actor in actors))
                    await _until_killed(running, actors, server, at_once=number % 2 == 1)
            finally:
                await current.__aexit__(None, None, None)
    assert min(each.changes for each in changers) >= rounds / 2  # so that there was something
