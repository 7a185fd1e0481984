"""Until when a ticket has to be answered and solved: worked out anew with each change.

The time until it is solved stands still while its requester is to answer, as it does at Zendesk
("requester wait time") and Intercom.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mercat.context import Context
from mercat.storage import Record
from mercat_tickets.hours.calendars import BusinessCalendar, NeverDueError
from mercat_tickets.settings import TicketSettings
from mercat_tickets.sla.settings import SlaSettings, Targets

FIRST_RESPONSE = "first_response"
RESOLUTION = "resolution"

_RUNNING = ("OPEN", "ON_HOLD")
_NONE: Record = {
    "respond_by": None,
    "resolve_by": None,
    "next_due": None,
    "paused_at": None,
    "paused_minutes": 0,
    "breaches": [],
}


def new_clocks(context: Context, ticket: Record, now: datetime) -> Record:
    """The clocks of a ticket that is opened."""
    return after(context, {**ticket, **_NONE}, {"opened_at": ticket["opened_at"]}, now)


def after(context: Context, ticket: Record, values: Mapping[str, Any], now: datetime) -> Record:
    """What the clocks of a stored ticket become with a change of its values."""
    settings = context.settings(TicketSettings).sla
    if settings is None:
        return dict(_NONE) if "breaches" not in ticket else {}
    before = {**_NONE, **ticket}
    then = {**before, **values}
    clocks = {name: then[name] for name in _NONE}
    clocks |= _paused(before, then, settings.hours.calendar(), now)
    clocks |= _due({**then, **clocks}, settings)
    return clocks


def late(ticket: Record, now: datetime) -> list[str]:
    """Which targets a ticket has just missed: those whose time is up that weren't missed before."""
    known = {one["target"] for one in ticket["breaches"]}
    dues = {FIRST_RESPONSE: ticket["respond_by"], RESOLUTION: ticket["resolve_by"]}
    return [
        name for name, due in dues.items() if due is not None and due <= now and name not in known
    ]


def _paused(before: Record, then: Record, calendar: BusinessCalendar, now: datetime) -> Record:
    """Whether the clock stands still, and how long it did."""
    runs = then["state"] in _RUNNING
    stood = before["paused_at"]
    if runs and stood is not None:
        waited = calendar.business_minutes(stood, now)
        return {"paused_at": None, "paused_minutes": before["paused_minutes"] + waited}
    if not runs and stood is None:
        return {"paused_at": now}
    return {}


def _due(ticket: Record, settings: SlaSettings) -> Record:
    """By when what has to happen; None for what has happened, waits, or is promised by nobody."""
    targets: Targets = getattr(settings.targets, ticket["priority"].lower())
    calendar, opened = settings.hours.calendar(), ticket["opened_at"]
    is_over = ticket["state"] in {"SOLVED", "CLOSED"}
    respond_by = resolve_by = None
    if targets.first_response and ticket["first_replied_at"] is None and not is_over:
        respond_by = _at(calendar, opened, targets.first_response)
    if targets.resolution and ticket["paused_at"] is None:
        resolve_by = _at(calendar, opened, targets.resolution + ticket["paused_minutes"])
    missed = {one["target"] for one in ticket["breaches"]}
    waiting = [
        due
        for name, due in ((FIRST_RESPONSE, respond_by), (RESOLUTION, resolve_by))
        if due is not None and name not in missed
    ]
    return {
        "respond_by": respond_by,
        "resolve_by": resolve_by,
        "next_due": min(waiting, default=None),
    }


def _at(calendar: BusinessCalendar, start: datetime, minutes: int) -> datetime | None:
    try:
        return calendar.due_at(start, minutes)
    except NeverDueError:
        return None
