"""Who is given new tickets: as a plugin says, by turns, by load, by skill."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat.support import Ticket
from mercat_tickets.agents.assigning import give

from .asking import answered
from .conftest import EngineFor
from .identity import registered
from .market import CARL
from .test_hooks import Plugins
from .ticketing import asked, did, opened, shown, staff

SHOP = """
[plugins]
enabled = ["auth", "tickets"]
[plugins.tickets]
assignment = "{}"
"""


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


async def agent(engine: Engine, **given: Any) -> Viewer:
    """Somebody who answers, and is given tickets."""
    user = await registered(engine, roles=["SUPPORT"])
    found = staff(str(user["_id"]))
    key = encode_id("User", user["_id"])
    done = await asked(engine, "ticketAgentUpdate", found, "agent { userId }", userId=key, **given)
    assert done == {"agent": {"userId": key}, "userErrors": []}
    return found


async def given(engine: Engine, viewer: Viewer = CARL, **more: Any) -> str | None:
    """Who is given a new ticket, by their key."""
    ticket = await opened(engine, viewer, **more)
    key = decode_id(ticket["id"])[1]
    await asyncio.gather(*(give(engine.context(), key) for _ in range(2)))
    anybody = staff("64b0000000000000000000a9")
    assignee = (await shown(engine, anybody, ticket["id"]))["assignee"]
    return None if assignee is None else decode_id(assignee["id"])[1]


async def test_tickets_go_round_among_who_is_there_and_has_room(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP.format("round_robin"))
    assert await given(engine) is None
    one, two = await agent(engine), await agent(engine, capacity=2)
    away = await agent(engine, isAvailable=False)
    found = [await given(engine) for _ in range(6)]
    assert found == [one.user, two.user, one.user, two.user, one.user, one.user]
    assert away.user not in found
    text = "{ ticketAgents { userId openTickets capacity isAvailable } }"
    listed = (await answered(engine, text, viewer=one))["data"]["ticketAgents"]
    assert sorted(each["openTickets"] for each in listed) == [0, 2, 4]
    key = encode_id("User", one.user)
    done = await asked(engine, "ticketAgentRemove", one, "agent { userId }", userId=key)
    assert done["userErrors"] == []
    assert await given(engine) is None
    done = await asked(engine, "ticketAgentRemove", one, "agent { userId }", userId=key)
    assert done["userErrors"][0]["code"] == "NOT_FOUND"


async def test_whoever_has_the_least_is_given_the_next(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP.format("least_loaded"))
    busy, idle = await agent(engine), await agent(engine)
    for _ in range(3):
        ticket = await opened(engine, CARL)
        to = encode_id("User", busy.user)
        await did(engine, "ticketAssign", busy, id=ticket["id"], assigneeId=to)
    assert [await given(engine) for _ in range(3)] == [idle.user] * 3
    again = await asyncio.gather(*(given(engine) for _ in range(4)))
    assert sorted(again.count(one.user) for one in (busy, idle)) == [2, 2]


async def test_tickets_go_to_who_is_good_at_them(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP.format("by_skill"))
    both = await agent(engine, skills=["Refunds", "VIP"])
    one = await agent(engine, skills=["refunds"])
    boss = staff(str(both.user))
    email = {"email": "x@guest.example"}
    assert await given(engine, boss, tags=["vip", "refunds"], **email) == both.user
    assert await given(engine, boss, tags=["refunds"], **email) == one.user
    phone = await agent(engine, skills=["phone"])
    assert await given(engine, boss, channel="PHONE", **email) == phone.user


async def test_hook_assign_ticket(plugins: Plugins, engine_for: EngineFor) -> None:
    asked_for: list[Ticket] = []
    answers: list[str] = []

    async def assign_ticket(ticket: Ticket) -> str | None:
        asked_for.append(ticket)
        return answers[0]

    plugins.add("rota", assign_ticket=assign_ticket)
    engine = await engine_for(plugins.toml("auth", "tickets"))
    one = await agent(engine)
    answers.append(str(one.user))
    assert await given(engine) == one.user
    assert asked_for[0].channel == "WEB"
    answers[0] = "nobody that is known"
    assert await given(engine) is None


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"capacity": -1}, "this is from 0 to 10000"),
        ({"team": ""}, "this can't be empty"),
        ({"skills": [""]}, "this can't be empty"),
        ({"userId": encode_id("User", ObjectId())}, "this account doesn't answer tickets"),
    ],
)
async def test_an_agent_is_what_it_must_be(
    shared_engine_for: Any, wanted: dict[str, Any], problem: str
) -> None:
    engine = await shared_engine_for(SHOP.format("none"))
    somebody = await agent(engine)
    text = {"userId": encode_id("User", somebody.user), **wanted}
    done = await asked(engine, "ticketAgentUpdate", somebody, "agent { userId }", **text)
    assert [one["message"] for one in done["userErrors"]] == [problem]
