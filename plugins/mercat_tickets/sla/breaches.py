"""Finding tickets that are late, and escalating each once, whichever process finds it."""

from datetime import datetime, timedelta

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Record, stored_now
from mercat_tickets.settings import TicketSettings
from mercat_tickets.sla.clocks import FIRST_RESPONSE, late
from mercat_tickets.sla.settings import Escalation
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.changing import Change, Entry, change

_AT_ONCE = 500


async def escalate_late(context: Context) -> None:
    """Say of each ticket that is late by now that it is, and change it as the settings say."""
    settings = context.settings(TicketSettings).sla
    if settings is None:
        return
    escalation = settings.escalation

    def decide(ticket: Record, now: datetime) -> Change | None:
        return _breach(ticket, now, escalation)

    due = {"next_due": {"$lte": stored_now()}}
    async for found in tickets(context).find(due, {"_id": 1}).limit(_AT_ONCE):
        await change(context, found["_id"], "SYSTEM", decide)


def _breach(ticket: Record, now: datetime, escalation: Escalation) -> Change | None:
    missed = late(ticket, now)
    if not missed:
        return None
    entries, breaches = [], list(ticket["breaches"])
    for name in missed:
        due = ticket["respond_by" if name == FIRST_RESPONSE else "resolve_by"]
        breaches.append({"target": name, "due": due, "at": now})
        facts = {"target": name.upper(), "due": due.isoformat()}
        entries.append(Entry("SLA_BREACHED", is_internal=True, facts=facts))
    wanted = {"priority": escalation.priority, "team": escalation.team}
    changed = {
        name: value for name, value in wanted.items() if value is not None and value != ticket[name]
    }
    if changed:
        entries.append(Entry("ESCALATED", is_internal=True, facts=changed))
    return Change(entries, {"breaches": breaches, **changed})


JOBS = (Job(name="tickets-sla", every=timedelta(seconds=15), run=escalate_late),)
