"""Mails survive the process that sends them: killed at a random moment, all of them arrive."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from .conftest import EngineFor, until
from .identity import PASSWORD, toml_of
from .mailing import Mailbox, mail_server, smtp_toml
from .running import started
from .test_notifications import make_due

pytestmark = pytest.mark.gate

REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { userErrors { code } } }"
_PEOPLE = 30
_KILLS = 6
_PATIENT = "free_attempts = 100\naddress_attempts_per_hour = 1000000\n"


async def register(http: httpx.AsyncClient, email: str) -> bool:
    """Whether the shop said that it was done."""
    values = {"input": {"email": email, "password": PASSWORD}}
    try:
        answer = await http.post("/graphql", json={"query": REGISTER, "variables": values})
    except httpx.TransportError:
        return False
    return bool(answer.json()["data"]["register"]["userErrors"] == [])


def box_grows(box: Mailbox, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether more than so many mails have come."""

    async def grows() -> bool:
        return len(box.mails) > count

    return grows


async def test_every_mail_arrives_though_its_process_is_killed(
    engine_for: EngineFor, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    async with mail_server() as server:
        box = server.box
        # Each takes a moment, so that kills come while mails are on their way.
        box.slow_seconds = 0.5
        toml = toml_of(auth=_PATIENT, more=smtp_toml(server.port))
        (tmp_path / "engine.toml").write_text(toml)
        promised: set[str] = set()
        for kill in range(_KILLS):
            people = [f"p{kill}-{number}@example.com" for number in range(_PEOPLE // _KILLS)]
            box.slow |= set(people)
            async with started(mercat_environment, tmp_path) as running:
                async with httpx.AsyncClient(base_url=running.url, timeout=30) as http:
                    done = await asyncio.gather(*(register(http, one) for one in people))
                    promised |= {one for one, is_done in zip(people, done, strict=True) if is_done}
                    sent = len(box.mails)
                    if kill % 2:  # when the first one was just taken, and is hardly noted
                        await until(box_grows(box, sent))
                    else:
                        await asyncio.sleep(random.uniform(0, 0.6))
                    running.process.kill()
                    await asyncio.to_thread(running.process.join, 10)
                assert running.process.exitcode == -signal.SIGKILL
        assert len(promised) == _PEOPLE
        before = {str(mail["To"]) for mail in box.mails}
        box.slow.clear()
        database = {"name": mercat_environment["MERCAT_DATABASE__NAME"]}
        idle = await engine_for(toml, database=database)
        await make_due(idle, "outbox")  # the leases of those that were killed have run out
        await make_due(idle)
        await engine_for(toml, work=True, database=database)

        async def all_arrived() -> bool:
            return promised <= {str(mail["To"]) for mail in box.mails}

        await until(all_arrived, seconds=60)
        ids: dict[str, set[str]] = {}
        for mail in box.mails:
            ids.setdefault(str(mail["To"]), set()).add(str(mail["Message-ID"]))
        assert all(len(one) == 1 for one in ids.values()), "a mail that came twice is the same one"
        assert before < promised, "nothing was on its way when they were killed"
        print(f"{len(promised)} mails, {len(before)} before the end, {len(box.mails)} sent")
