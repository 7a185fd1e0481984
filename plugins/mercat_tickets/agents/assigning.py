"""Giving new tickets to somebody: as a plugin says, or else as the settings do."""

import contextlib
from datetime import timedelta

from bson import ObjectId

from mercat.context import Context
from mercat.errors import DomainError
from mercat.ids import encode_id
from mercat.storage import Record, Session, stored_now
from mercat.support import Ticket, assign_ticket
from mercat_tickets.agents.service import MOST_AGENTS, agents, loads
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.acting import assign, assignment
from mercat_tickets.tickets.changing import write

_MOST_TRIES = 50
_MOMENT = timedelta(milliseconds=1)


async def give(context: Context, key: str) -> None:
    """Give a new ticket to somebody, where there is somebody; done again it does nothing."""
    ticket: Record | None = await tickets(context).find_one({"_id": ObjectId(key)})
    if ticket is None or not _is_nobodys(ticket):
        return
    to = await context.hooks.first(assign_ticket, context, _shown(ticket))
    if to is None:
        await _by_settings(context, ticket["_id"])
        return
    with contextlib.suppress(DomainError):  # somebody took it meanwhile, or that one may not
        await assign(context, ticket["_id"], to)


async def _by_settings(context: Context, key: ObjectId) -> None:
    """Give a ticket to whose turn it is: the turn and the ticket are taken in one transaction."""
    way = context.settings(TicketSettings).assignment
    if way == "none":
        return
    for _ in range(_MOST_TRIES):
        ticket: Record | None = await tickets(context).find_one({"_id": key})
        if ticket is None or not _is_nobodys(ticket):
            return
        free = await _free(context, ticket)
        if way == "by_skill":
            free = _most_skilled(free, ticket)
        if not free:
            return
        chosen = free[0] if way == "round_robin" else min(free, key=lambda one: one["load"])
        if await _take(context, ticket, chosen):
            await feed.publish(context, ticket)
            return


async def _take(context: Context, ticket: Record, agent: Record) -> bool:
    """Give a ticket as it was read to somebody as they were read; False where either is another."""
    now = stored_now()

    async def work(session: Session) -> bool:
        given = await agents(context).update_one(
            {"_id": agent["_id"], "given_at": agent["given_at"], "is_available": True},
            {"$set": {"given_at": max(now, agent["given_at"] + _MOMENT)}, "$inc": {"version": 1}},
            session=session,
        )
        change = assignment(ticket, agent["_id"])
        if given.matched_count and await write(context, session, ticket, change, "SYSTEM", now):
            return True
        await session.abort_transaction()
        return False

    return await context.storage.transaction(work)


def _is_nobodys(ticket: Record) -> bool:
    return ticket["assignee"] is None and ticket["state"] != "CLOSED"


async def _free(context: Context, ticket: Record) -> list[Record]:
    """Who may have one more of the ticket's team, or of all: whoever waits longest first."""
    wanted = {"is_available": True}
    known = await agents(context).find(wanted).sort("given_at", 1).to_list(MOST_AGENTS)
    team = ticket["team"]
    found = [one for one in known if team is None or one["team"] == team]
    have = await loads(context, [one["_id"] for one in found]) if found else {}
    with_load = [{**one, "load": have[one["_id"]]} for one in found]
    return [one for one in with_load if not one["capacity"] or one["load"] < one["capacity"]]


def _most_skilled(free: list[Record], ticket: Record) -> list[Record]:
    """Those who have the most of the skills that a ticket asks for."""
    wanted = wanted_skills(ticket)
    score = {one["_id"]: len(wanted & set(one["skills"])) for one in free}
    best = max(score.values(), default=0)
    return [one for one in free if score[one["_id"]] == best]


def wanted_skills(ticket: Record) -> set[str]:
    """Its tags, its language, its channel, and what it is about: `vip`, `de`, `email`, `order`."""
    kinds = {one["kind"].casefold() for one in ticket["subjects"]}
    language = ticket["locale"].partition("-")[0].casefold()
    return {*ticket["tags"], *kinds, language, ticket["channel"].casefold()}


def _shown(ticket: Record) -> Ticket:
    return Ticket(
        id=encode_id("Ticket", ticket["_id"]),
        number=str(ticket["number"]),
        priority=ticket["priority"],
        tags=tuple(ticket["tags"]),
        channel=ticket["channel"],
        locale=ticket["locale"],
        team=ticket["team"],
        subjects=tuple(one["id"] for one in ticket["subjects"]),
        seller=ticket["seller"],
    )
