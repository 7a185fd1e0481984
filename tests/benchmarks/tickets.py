"""A hundred thousand tickets: an agent's queue, a search, and a ticket with 500 messages."""

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from bson import ObjectId
from rich.console import Console
from rich.progress import track

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id
from mercat.memory import settle
from mercat.settings import load_settings
from mercat.storage import Record, stored_now
from mercat.storage.pages import reserve_numbers
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.documents import COUNTER
from mercat_tickets.tickets.words import words_of

from .server import stores

_AGENTS = [str(ObjectId()) for _ in range(20)]
_STATES = ("OPEN",) * 2 + ("PENDING",) * 2 + ("ON_HOLD",) + ("SOLVED",) * 5 + ("CLOSED",) * 10
_SYLLABLES = ("par", "cel", "mo", "ney", "ship", "ping", "re", "fund", "size", "lost", "bro", "ken")
_BATCH = 1_000
_MESSAGES = 500
_MILLISECONDS = 1_000
_TARGET = 30.0
_ALLOWED = 10.0
_SHOWN = "number subject state priority tags updatedAt about { label }"
_QUEUE = f"""query ($filter: TicketFilter) {{
  tickets(filter: $filter, first: 50) {{ nodes {{ {_SHOWN} }} }} }}"""
_TICKET = f"""query ($id: ID!) {{ ticket(id: $id) {{ {_SHOWN}
  messages(first: 100) {{ nodes {{ text at author isInternal }} pageInfo {{ endCursor }} }} }} }}"""


def measure(*, count: int, rounds: int) -> None:
    """Print what is measured, and whether the targets are met."""
    with stores() as environment:
        asyncio.run(_measured(environment, count, rounds))


async def _measured(environment: Mapping[str, str], count: int, rounds: int) -> None:
    console = Console()
    async with _engine(environment) as engine:
        drawn = random.Random(9)  # the same each time
        begun = time.perf_counter()
        long, words = await _seed(engine.context(), drawn, count)
        console.print(f"{count:,} tickets stored in {time.perf_counter() - begun:.0f} s")
        settle()
        store = await _p95(rounds, engine, _ping)
        console.print(f"the store's own latency, one ticket by its key: p95 {store:.1f} ms")
        await _case(
            console, engine, rounds, store, "an agent's queue", _QUEUE, lambda: _queue(drawn)
        )
        rare, common = words
        for name, some in (("a search, one rare word", rare), ("a search, a common word", common)):
            given = lambda some=some: {"filter": {"search": drawn.choice(some)}}  # noqa: E731
            await _case(console, engine, rounds, store, name, _QUEUE, given)
        both = lambda: {"filter": {"search": f"{drawn.choice(common)} {drawn.choice(rare)}"}}  # noqa: E731
        await _case(console, engine, rounds, store, "a search, both", _QUEUE, both)
        shown = f"a ticket with {_MESSAGES} messages, 100 of them"
        one = {"id": encode_id("Ticket", long)}
        await _case(console, engine, rounds, store, shown, _TICKET, lambda: one)


async def _case(
    console: Console,
    engine: Engine,
    rounds: int,
    store: float,
    name: str,
    text: str,
    given: Any,
) -> None:
    async def once(context: Context) -> None:
        found = await run(
            engine.schema._schema,
            engine.documents.get(text),
            context,
            variables=given(),
        )
        assert not found.errors, found.errors

    found = await _p95(rounds, engine, once)
    most = max(_TARGET, store + _ALLOWED)
    verdict = "met" if found < most else "NOT MET"
    console.print(f"{name}: p95 {found:.1f} ms, target {most:.0f} ms: {verdict}")


async def _p95(rounds: int, engine: Engine, work: Any) -> float:
    viewer = Viewer(role="SUPPORT", user=_AGENTS[0], permissions=frozenset({"tickets.manage"}))
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await work(Context(engine, viewer))
        times.append(_MILLISECONDS * (time.perf_counter() - begun))
    return quantiles(times, n=20)[-1]


async def _ping(context: Context) -> None:
    await tickets(context).find_one({"_id": ObjectId()})


def _queue(drawn: random.Random) -> dict[str, Any]:
    agent = encode_id("User", drawn.choice(_AGENTS))
    return {"filter": {"assigneeId": agent, "states": ["OPEN", "PENDING"]}}


async def _seed(
    context: Context, drawn: random.Random, count: int
) -> tuple[ObjectId, tuple[list[str], list[str]]]:
    """Store the tickets; the key of the long one, and some rare and some common words."""
    numbers = await reserve_numbers(context.storage, COUNTER, count)
    known = ["".join(drawn.choices(_SYLLABLES, k=drawn.randint(2, 4))) for _ in range(20_000)]
    common = known[:200]
    for start in track(range(0, count, _BATCH), "Storing tickets"):
        some = [_ticket(drawn, number, known, common) for number in numbers[start : start + _BATCH]]
        await tickets(context).insert_many(some)
        await entries(context).insert_many([_entry(one["_id"], 1, "OPENED") for one in some])
    long = some[-1]["_id"]
    more = [_entry(long, number, "MESSAGE") for number in range(2, _MESSAGES + 1)]
    await entries(context).insert_many(more)
    await tickets(context).update_one({"_id": long}, {"$set": {"version": _MESSAGES}})
    return long, (known[200:1_200], common)


def _ticket(drawn: random.Random, number: int, known: list[str], common: list[str]) -> Record:
    subject = " ".join(drawn.choices(common, k=3))
    text = " ".join(drawn.choices(known, k=20))
    now = stored_now() - timedelta(minutes=number)
    words = words_of(str(number), subject, text)
    return {
        **dict.fromkeys(("guest", "email", "name", "team", "seller", "rating", "merged_into")),
        **dict.fromkeys(("first_replied_at", "solved_at", "closed_at", "respond_by")),
        **dict.fromkeys(("resolve_by", "next_due", "paused_at")),
        "_id": ObjectId(),
        "number": number,
        "subject": subject,
        "state": drawn.choice(_STATES),
        "priority": "NORMAL",
        "channel": "WEB",
        "tags": drawn.sample(("refund", "parcel", "vip", "size"), k=1),
        "locale": "en",
        "user": f"{drawn.randrange(30_000):024x}",
        "email_digest": "",
        "assignee": drawn.choice(_AGENTS),
        "subjects": [],
        "words": words,
        "public_words": words,
        "rating_comment": "",
        "opened_at": now,
        "updated_at": now,
        "paused_minutes": 0,
        "breaches": [],
        "version": 1,
    }


def _entry(ticket: ObjectId, number: int, kind: str) -> Record:
    return {
        "_id": ObjectId(),
        "ticket": ticket,
        "number": number,
        "kind": kind,
        "at": stored_now(),
        "author": "CUSTOMER",
        "user": None,
        "is_internal": False,
        "text": "Where is my parcel? It should have come on Monday. " * 5,
        "html": None,
        "facts": {},
    }


def _engine(environment: Mapping[str, str]) -> Engine:
    stores_ = {
        "database": {"url": environment["MERCAT_DATABASE__URL"]},
        "redis": {"url": environment["MERCAT_REDIS__URL"]},
        "plugins": {"enabled": ["auth", "tickets"]},
    }
    return Engine(load_settings(Path(environment["MERCAT_CONFIG"]), stores_))
