"""Promises: by when a ticket is answered and solved, in business hours, and what if not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.ids import decode_id
from mercat.storage import Record, stored_now
from mercat_tickets.sla.breaches import escalate_late
from mercat_tickets.sla.clocks import after, new_clocks
from mercat_tickets.tickets.access import tickets

from .asking import told
from .conftest import EngineFor
from .market import CARL
from .ticketing import TOML, did, opened, refusal, shown, staff

SAM = staff("64b0000000000000000000a1")
SHOP = (
    TOML
    + """
[plugins.tickets.sla.hours]
timezone = "Europe/Berlin"
monday = ["09:00-17:00"]
tuesday = ["09:00-17:00"]
wednesday = ["09:00-17:00"]
thursday = ["09:00-17:00"]
friday = ["09:00-17:00"]
holidays = ["2026-12-25"]
[plugins.tickets.sla.targets.normal]
first_response = 120
resolution = 960
[plugins.tickets.sla.targets.urgent]
first_response = 30
[plugins.tickets.sla.escalation]
priority = "URGENT"
team = "leads"
"""
)
ALWAYS = (
    TOML
    + """
[plugins.tickets.sla.targets.normal]
first_response = 60
resolution = 120
[plugins.tickets.sla.escalation]
priority = "HIGH"
team = "leads"
"""
)
SLA = """query ($id: ID!) { ticket(id: $id) {
  sla { firstResponseBy resolutionBy breaches { target dueAt } } } }"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_promises_count_business_hours_and_stand_still_while_the_other_is_to_answer(
    shared_engine_for: Any,
) -> None:
    engine = await shared_engine_for(SHOP)
    context = engine.context()
    friday = at("2026-11-27T15:30")  # 16:30 in Berlin
    ticket: Record = {
        "priority": "NORMAL",
        "state": "OPEN",
        "opened_at": friday,
        "first_replied_at": None,
    }
    ticket |= new_clocks(context, ticket, friday)
    assert ticket["respond_by"] == at("2026-11-30T09:30")  # Monday, 10:30
    assert ticket["resolve_by"] == at("2026-12-01T15:30")  # two days of eight hours
    assert ticket["next_due"] == ticket["respond_by"]
    monday = at("2026-11-30T09:00")
    reply = {"state": "PENDING", "first_replied_at": monday}
    ticket |= {**reply, **after(context, ticket, reply, monday)}
    assert (ticket["respond_by"], ticket["resolve_by"]) == (None, None)
    assert ticket["next_due"] is None
    tuesday = at("2026-12-01T10:00")  # nine business hours later
    ticket |= {"state": "OPEN", **after(context, ticket, {"state": "OPEN"}, tuesday)}
    assert ticket["resolve_by"] == at("2026-12-02T16:00") + timedelta(hours=16, minutes=30)
    urgent = {"priority": "URGENT"}
    ticket |= {**urgent, **after(context, ticket, urgent, tuesday)}
    assert (ticket["respond_by"], ticket["resolve_by"]) == (None, None)


async def late(engine: Engine, ticket: Any, hours: int = 3) -> None:
    """Have a ticket be that old."""
    key = ObjectId(decode_id(ticket["id"])[1])
    stored = await tickets(engine.context()).find_one({"_id": key})
    assert stored is not None
    before = timedelta(hours=hours)
    moved = {
        name: stored[name] - before
        for name in ("opened_at", "respond_by", "resolve_by", "next_due")
        if stored[name] is not None
    }
    await tickets(engine.context()).update_one({"_id": key}, {"$set": moved})


async def test_a_late_ticket_is_escalated_once_whoever_finds_it(engine_for: EngineFor) -> None:
    engine = await engine_for(ALWAYS)
    ticket, fresh = await opened(engine, CARL), await opened(engine, CARL)
    await late(engine, ticket)
    async with Engine(engine.settings) as other:
        await asyncio.gather(*(escalate_late(one.context()) for one in (engine, other) * 3))
    found = await shown(engine, SAM, ticket["id"])
    kinds = [one["kind"] for one in found["timeline"]["nodes"]]
    assert kinds == ["OPENED", "SLA_BREACHED", "SLA_BREACHED", "ESCALATED"]
    assert found["priority"] == "HIGH"
    sla = (await told(engine, SLA, {"id": ticket["id"]}, viewer=SAM))["ticket"]["sla"]
    assert [one["target"] for one in sla["breaches"]] == ["FIRST_RESPONSE", "RESOLUTION"]
    seen = await shown(engine, CARL, ticket["id"])
    assert [one["kind"] for one in seen["timeline"]["nodes"]] == ["OPENED"]
    assert (await told(engine, SLA, {"id": ticket["id"]}, viewer=CARL))["ticket"]["sla"] is None
    assert (await shown(engine, SAM, fresh["id"]))["version"] == 1


async def test_who_was_answered_in_time_is_late_for_the_rest_alone(engine_for: EngineFor) -> None:
    engine = await engine_for(ALWAYS)
    ticket = await opened(engine, CARL)
    await did(engine, "ticketReply", SAM, id=ticket["id"], text="We look", state="ON_HOLD")
    await late(engine, ticket)
    await escalate_late(engine.context())
    found = await shown(engine, SAM, ticket["id"])
    facts = {
        fact["value"]
        for entry in found["timeline"]["nodes"]
        for fact in entry["facts"]
        if entry["kind"] == "SLA_BREACHED" and fact["name"] == "target"
    }
    assert facts == {"RESOLUTION"}
    waiting = await opened(engine, CARL)
    await did(engine, "ticketReply", SAM, id=waiting["id"], text="And you?")
    await late(engine, waiting)
    await escalate_late(engine.context())
    assert (await shown(engine, SAM, waiting["id"]))["priority"] == "NORMAL"
    stored = await tickets(engine.context()).find_one({"next_due": {"$lte": stored_now()}})
    assert stored is None
    assert (await refusal(engine, "ticketNoteAdd", SAM, id=ticket["id"], text=""))[0] == "INVALID"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('hours = { timezone = "Mars/Base" }', "is no time zone"),
        ("hours = { }", "never open"),
        ("targets = { soon = { resolution = 5 } }", "soon"),
        ("targets = { low = { resolution = 0 } }", "resolution"),
    ],
)
def test_promises_that_cannot_be_are_refused_at_boot(
    settings_for: Any, text: str, problem: str
) -> None:
    with pytest.raises(Exception, match=problem):
        Engine(settings_for(TOML + f"[plugins.tickets.sla]\n{text}\n"))
