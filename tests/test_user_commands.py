"""`mercat user`, and the people of the demo shop."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mercat.engine import Engine
from mercat.errors import NotFoundError
from mercat.settings import load_settings
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.commands_users import replace_password
from mercat_auth.documents import LinkDocument
from mercat_auth.errors import WeakPasswordError

from .conftest import ClientFor, Mercat, Serve
from .factors import LOGIN, codes_of, person, said
from .identity import PASSWORD, SHOP, TOML, messages, registered, signed_in

REQUEST_RESET = """mutation ($input: PasswordResetRequestInput!) {
  passwordResetRequest(input: $input) { userErrors { code } } }"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "engine.toml").write_text(TOML)
    return tmp_path


def password_file(folder: Path, text: str = "an unlikely phrase\n") -> str:
    file = folder / "password"
    file.write_text(text)
    return str(file)


def test_without_a_terminal_nothing_is_made_up(mercat: Mercat, folder: Path) -> None:
    for given in ([], ["--email", "ada@example.com"], ["--password-file", password_file(folder)]):
        done = mercat("user", "create", "--role", "admin", *given)
        assert (done.code, "no terminal" in done.err) == (2, True)
    assert mercat("user", "list").out == ""


def test_accounts_are_made_listed_and_given_roles(mercat: Mercat, folder: Path) -> None:
    file = password_file(folder)
    first = mercat(
        "user", "create", "--role", "admin", "--email", "Ada@Example.com", "--password-file", file
    )
    assert (first.code, first.out) == (0, "Ada@example.com has an account, with ADMIN.\n")
    again = mercat("user", "create", "--email", "ada@example.com", "--password-file", file)
    assert (again.code, "has an account already" in again.err) == (1, True)
    mercat("user", "create", "--email", "bob@example.com", "--password-file", file)
    assert [line.split()[-2:] for line in mercat("user", "list").out.splitlines()] == [
        ["bob@example.com", "-"],
        ["Ada@example.com", "ADMIN"],
    ]
    given = mercat("user", "roles", "bob@example.com", "support")
    assert given.out.split()[-1] == "SUPPORT"
    last = mercat("user", "roles", "ada@example.com", "--none")
    assert (last.code, "last admin" in last.err) == (1, True)
    admins = mercat("user", "list", "--role", "admin").out
    assert [line.split()[-2] for line in admins.splitlines()] == ["Ada@example.com"]
    for code, words, arguments in (
        (1, "nobody has", ("roles", "eve@example.com", "admin")),
        (1, "no such role", ("roles", "bob@example.com", "king")),
        (1, "staff", ("roles", "bob@example.com", "seller")),
    ):
        done = mercat("user", *arguments)
        assert (done.code, words in done.err) == (code, True), arguments


@pytest.mark.parametrize("text", ["short", "password123", "x" * 200, "", "ada@example.com"])
def test_a_weak_password_is_refused_and_not_shown(mercat: Mercat, folder: Path, text: str) -> None:
    file = password_file(folder, text + "\n")
    done = mercat("user", "create", "--email", "ada@example.com", "--password-file", file)
    assert done.code == 1
    assert "password" in done.err
    assert not text or f"{text}\n" not in done.err
    assert mercat("user", "list").out == ""


@asynccontextmanager
async def _engine(environment: dict[str, str], folder: Path) -> AsyncIterator[Engine]:
    """An engine with the database and the secret of the commands."""
    database = {
        "url": environment["MERCAT_DATABASE__URL"],
        "name": environment["MERCAT_DATABASE__NAME"],
    }
    redis = {"url": environment["MERCAT_REDIS__URL"]}
    engine = Engine(load_settings(folder / "engine.toml", {"database": database, "redis": redis}))
    await engine.start(work=False)
    try:
        yield engine
    finally:
        await engine.stop()


def _converse(
    environment: dict[str, str], folder: Path, answers: list[tuple[str, str]], *arguments: str
) -> tuple[int, str]:
    """Run `mercat user` at a terminal, answering what it asks for."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mercat.cli", "user", *arguments],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen, waiting, deadline = "", list(answers), time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                seen += os.read(ours, 4096).decode()
            except OSError:
                break
            if waiting and seen.rstrip().endswith(waiting[0][0]):
                os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
        elif process.poll() is not None:
            break
    os.close(ours)
    return process.wait(10), seen


@pytest.mark.gate
def test_a_terminal_asks_twice_and_shows_nothing_of_it(
    mercat: Mercat, mercat_environment: dict[str, str], folder: Path
) -> None:
    secret = "an unlikely phrase"
    code, seen = _converse(
        mercat_environment,
        folder,
        [
            ("address:", "ada@example.com"),
            ("Password:", secret),
            ("confirmation:", "something else"),
            ("Password:", secret),
            ("confirmation:", secret),
        ],
        *("create", "--role", "admin"),
    )
    assert (code, "has an account, with ADMIN" in seen) == (0, True), seen
    assert secret not in seen
    assert "ADMIN" in mercat("user", "list").out


async def test_another_password_ends_sessions_and_links_and_is_the_only_good_one(
    mercat: Mercat, mercat_environment: dict[str, str], folder: Path, client_for: ClientFor
) -> None:
    async with _engine(mercat_environment, folder) as engine:
        user, client = await registered(engine, "ada@example.com"), client_for(engine)
        token = await signed_in(engine, user)
        await said(client, REQUEST_RESET, email="ada@example.com")
        for text in ("short", "ada@example.com"):
            with pytest.raises(WeakPasswordError):
                await replace_password(engine.context(), "ada@example.com", text)
        with pytest.raises(NotFoundError, match="nobody has"):
            await replace_password(engine.context(), "eve@example.com", "an unlikely phrase")
        good = password_file(folder)
        before = await said(client, LOGIN, email="ada@example.com", password=PASSWORD)
        assert before["userErrors"] == []
        done = mercat("user", "password", "Ada@example.com", "--password-file", good)
        assert (done.code, "signed out everywhere" in done.out) == (0, True), done.err
        ended = await client.ask("{ viewer { role } }", authorization=f"Bearer {token}")
        assert ended["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        old = await said(client, LOGIN, email="ada@example.com", password=PASSWORD)
        assert codes_of(old) == ["BAD_CREDENTIALS"]
        new = await said(client, LOGIN, email="ada@example.com", password="an unlikely phrase")
        assert new["tokens"] is not None
        links = await engine.storage.collection(LinkDocument).find({}).to_list()
        assert [link["expires_at"] <= datetime.now(UTC) for link in links] == [True]
        assert len(await messages(engine, "password_changed", "ada@example.com")) == 1
        log = engine.storage.collection(AuditDocument)
        (entry,) = await log.find({"action": "user.password_changed"}).to_list()
        assert (entry["role"], entry["key"]) == ("SYSTEM", str(user["_id"]))


@pytest.mark.gate
async def test_a_terminal_asks_twice_for_another_password(
    mercat: Mercat, mercat_environment: dict[str, str], folder: Path
) -> None:
    async with _engine(mercat_environment, folder) as engine:
        await registered(engine, "ada@example.com")
    alone = mercat("user", "password", "ada@example.com")
    assert (alone.code, "no terminal" in alone.err) == (2, True)
    secret = "one more unlikely phrase"
    asked = [("Password:", secret), ("confirmation:", secret)]
    code, seen = _converse(mercat_environment, folder, asked, "password", "ada@example.com")
    assert (code, "has another password" in seen, secret in seen) == (0, True, False), seen


async def test_factors_are_reset_for_whoever_has_lost_them(
    mercat: Mercat, mercat_environment: dict[str, str], folder: Path, client_for: ClientFor
) -> None:
    async with _engine(mercat_environment, folder) as engine:
        boss = await person(engine, client_for(engine), roles=["ADMIN"])
        await boss.enrol()
        done = mercat("user", "reset-factors", boss.user["email"], "--reason", "phone lost")
        assert (done.code, "has no second factor" in done.out) == (0, True), done.err
        found = await said(boss.client, LOGIN, email=boss.user["email"], password=PASSWORD)
        assert (found["challenge"], found["tokens"] is not None) == (None, True)
        log = engine.storage.collection(AuditDocument)
        (entry,) = await log.find({"action": "user.factors_reset"}).to_list()
        assert (entry["role"], entry["facts"]) == ("SYSTEM", {"reason": "phone lost"})


@pytest.mark.long
def test_the_demo_shows_its_passwords_once_and_they_are_good(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text(SHOP)
    login = """mutation ($input: LoginInput!) { login(input: $input) {
      tokens { accessToken } userErrors { code } } }"""
    with serve("--demo") as server:
        shown = dict(line.split() for line in server.lines if "@demo.example.com" in line)
        assert [who.split("@")[0] for who in shown] == ["admin", "support", "seller", "customer"]
        assert len(set(shown.values())) == 4
        roles = []
        for email, password in shown.items():
            given = {"email": email, "password": password}
            answer = httpx.post(
                f"{server.url}/graphql", json={"query": login, "variables": {"input": given}}
            ).json()
            token = answer["data"]["login"]["tokens"]["accessToken"]
            who = httpx.post(
                f"{server.url}/graphql",
                json={"query": "{ viewer { role } }"},
                headers={"authorization": f"Bearer {token}"},
            ).json()
            roles.append(who["data"]["viewer"]["role"])
        assert roles == ["ADMIN", "SUPPORT", "SELLER", "CUSTOMER"]
    with serve("--demo") as again:
        assert not [line for line in again.lines if "demo.example.com" in line]
