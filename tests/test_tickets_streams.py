"""`ticketUpdated` and `ticketQueueChanged`: at once, in order, and nothing that isn't for one."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat_tickets.queue.watching import watch_of
from mercat_tickets.tickets.access import tickets

from .conftest import EngineFor, until
from .identity import registered
from .market import CARL, CORA, NOBODY
from .test_orders_streams import Follow, Follower, follow
from .ticketing import TOML, asked, did, opened, staff

__all__ = ["follow"]

UPDATED = """subscription ($id: ID!, $secret: String, $since: String) {
  ticketUpdated(id: $id, secret: $secret, since: $since) {
    cursor number kind text author isInternal facts { name value } user { id }
    ticket { state tags assignee { id } messages(first: 100) { nodes { text } } } } }"""
QUEUE = """subscription ($filter: TicketFilter) { ticketQueueChanged(filter: $filter) {
  isIn ticket { number state assignee { id } } } }"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def agent_of(engine: Engine) -> Viewer:
    user = await registered(engine, roles=["SUPPORT"])
    return staff(str(user["_id"]))


def kinds(seen: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in seen]


async def test_nothing_internal_reaches_who_asked_whatever_happens(
    engine: Engine, follow: Follow
) -> None:
    sam = await agent_of(engine)
    given = {"subject": "Help", "text": "Please", "email": "gus@guest.example"}
    done = await asked(engine, "ticketOpen", NOBODY, "secret ticket { id }", **given)
    key, secret = done["ticket"]["id"], done["secret"]
    other = await asked(engine, "ticketOpen", NOBODY, "ticket { id }", **given)
    guest = await follow(engine, UPDATED, NOBODY, id=key, secret=secret)
    agent = await follow(engine, UPDATED, sam, id=key)
    await did(engine, "ticketNoteAdd", sam, id=key, text="SECRET note")
    to = encode_id("User", sam.user)
    await did(engine, "ticketAssign", sam, id=key, assigneeId=to)
    await did(
        engine, "ticketUpdate", sam, id=key, tags=["SECRET"], priority="URGENT", team="SECRET"
    )
    await did(engine, "ticketReply", sam, id=key, text="Hello")
    await did(engine, "ticketMerge", sam, sourceId=other["ticket"]["id"], targetId=key)
    await did(engine, "ticketTransition", sam, id=key, state="SOLVED")
    rated = {"id": key, "rating": 4, "secret": secret}
    await did(engine, "ticketRate", NOBODY, **rated)
    await did(engine, "ticketTransition", sam, id=key, state="CLOSED")
    told = await agent.got(10)
    assert kinds(told) == [
        *("NOTE", "ASSIGNED", "UPDATED", "MESSAGE", "STATE_CHANGED", "MERGED_FROM", "COPIED"),
        *("STATE_CHANGED", "RATED", "STATE_CHANGED"),
    ]
    seen = await guest.got(6)
    assert kinds(seen) == [
        *("MESSAGE", "STATE_CHANGED", "COPIED", "STATE_CHANGED", "RATED", "STATE_CHANGED")
    ]
    for word in ("SECRET", "secret", "URGENT", to):
        assert word not in str(seen)
    every = {entry["kind"] for entry in told}
    internal = {entry["kind"] for entry in told if entry["isInternal"]}
    assert internal == {"NOTE", "ASSIGNED", "UPDATED", "MERGED_FROM"}
    assert set(kinds(seen)) == every - internal
    again = await follow(engine, UPDATED, NOBODY, id=key, secret=secret, since=seen[2]["cursor"])
    assert kinds(await again.got(3)) == kinds(seen[3:])


async def test_strangers_follow_nothing_and_who_may_no_more_is_told_nothing_more(
    engine: Engine, follow: Follow
) -> None:
    ticket = await opened(engine, CARL)
    for stranger in (CORA, NOBODY):
        ended = await follow(engine, UPDATED, stranger, id=ticket["id"])
        assert await ended.over() == ["NOT_FOUND"]
        ended = await follow(engine, QUEUE, stranger)
        assert (await ended.over())[0] in {"FORBIDDEN", "UNAUTHENTICATED"}
    follower = await follow(engine, UPDATED, CARL, id=ticket["id"])
    await did(engine, "ticketReply", CARL, id=ticket["id"], text="One")
    await follower.got(1)
    key = ObjectId(decode_id(ticket["id"])[1])
    await tickets(engine.context()).update_one({"_id": key}, {"$set": {"user": "cora"}})
    sam = await agent_of(engine)
    await did(engine, "ticketReply", sam, id=ticket["id"], text="Two")
    assert await follower.over() == ["NOT_FOUND"]
    assert "Two" not in str(follower.seen)


async def test_a_queue_says_what_comes_into_it_changes_and_leaves_it(
    engine: Engine,
) -> None:
    sam = await agent_of(engine)
    old = await opened(engine, CARL)
    whole = Follower(engine, QUEUE, sam, {})
    mine = {"assigneeId": encode_id("User", sam.user), "states": ["OPEN"]}
    own = Follower(engine, QUEUE, sam, {"filter": mine})

    async def is_watched() -> bool:
        return len(watch_of(engine.context())._followers) == 2

    await until(is_watched)
    ticket = await opened(engine, CARL)
    await whole.got(1)
    await did(engine, "ticketAssign", sam, id=ticket["id"], assigneeId=encode_id("User", sam.user))
    await own.got(1)
    await did(engine, "ticketTransition", sam, id=ticket["id"], state="SOLVED")
    seen = await own.got(2)
    assert [(one["isIn"], one["ticket"]["state"]) for one in seen[-2:]] == [
        (True, "OPEN"),
        (False, "SOLVED"),
    ]
    assert {one["ticket"]["number"] for one in seen} == {ticket["number"]}
    await did(engine, "ticketReply", sam, id=old["id"], text="Hello")
    found = await whole.got(4)
    assert found[-1]["ticket"] == {"number": old["number"], "state": "PENDING", "assignee": None}
    for one in (whole, own):
        await one.stop()

    async def is_quiet() -> bool:
        return watch_of(engine.context())._task is None

    await until(is_quiet)
