"""Tickets that were solved and that nobody answered since are closed."""

from datetime import datetime, timedelta

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Record, stored_now
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.changing import Change, change
from mercat_tickets.tickets.replying import state_entry
from mercat_tickets.tickets.states import moments

_AT_ONCE = 500


async def close_old(context: Context) -> None:
    """Close what can't be opened again by a reply any more."""
    days = timedelta(days=context.settings(TicketSettings).reopen_days)
    until = stored_now() - days
    late = {"state": "SOLVED", "solved_at": {"$lt": until}}

    def decide(ticket: Record, now: datetime) -> Change | None:
        if ticket["state"] != "SOLVED" or ticket["solved_at"] >= until:
            return None
        return Change([state_entry("SOLVED", "CLOSED")], moments(ticket, "CLOSED", now))

    async for found in tickets(context).find(late, {"_id": 1}).limit(_AT_ONCE):
        await change(context, found["_id"], "SYSTEM", decide)


JOBS = (Job(name="tickets-close", every=timedelta(minutes=10), run=close_old),)
