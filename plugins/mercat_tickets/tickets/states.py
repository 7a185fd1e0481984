"""The states of a ticket, and who takes it from one to which.

A reply of its requester makes it `OPEN`, one of those who answer `PENDING`. `CLOSED` is for ever.
"""

from datetime import datetime, timedelta

from mercat.storage import Record
from mercat_tickets.errors import ClosedError, TransitionError
from mercat_tickets.tickets.sight import Sight

WORKING = ("OPEN", "PENDING", "ON_HOLD")
"""Where something is still to be done."""

_BY_ANSWERERS = {
    "OPEN": ("PENDING", "ON_HOLD", "SOLVED", "CLOSED"),
    "PENDING": ("OPEN", "ON_HOLD", "SOLVED", "CLOSED"),
    "ON_HOLD": ("OPEN", "PENDING", "SOLVED", "CLOSED"),
    "SOLVED": ("OPEN", "PENDING", "ON_HOLD", "CLOSED"),
    "CLOSED": (),
}
_BY_REQUESTERS = {
    **dict.fromkeys(WORKING, ("SOLVED",)),
    "SOLVED": ("OPEN",),
    "CLOSED": (),
}


def check_transition(ticket: Record, state: str, sight: Sight, now: datetime, days: int) -> None:
    """Raise ClosedError or TransitionError where a ticket doesn't go there, or not by them."""
    before = ticket["state"]
    if before == "CLOSED":
        raise ClosedError("this ticket is closed; open another one", field=("state",))
    allowed = (_BY_ANSWERERS if sight.answers else _BY_REQUESTERS)[before]
    if state not in allowed:
        raise TransitionError(
            f"a ticket that is {before} can become {_named(allowed)}", field=("state",)
        )
    if not sight.answers and before == "SOLVED":
        check_takes_replies(ticket, now, days)


def check_takes_replies(ticket: Record, now: datetime, days: int) -> None:
    """Raise ClosedError for a ticket that is closed, or was solved more than `days` ago."""
    solved = ticket["solved_at"]
    is_late = ticket["state"] == "SOLVED" and now > solved + timedelta(days=days)
    if ticket["state"] == "CLOSED" or is_late:
        raise ClosedError("this ticket is closed; open another one", field=("id",))


def moments(ticket: Record, state: str, now: datetime) -> Record:
    """What a ticket's dates become with its state."""
    if state in WORKING:
        return {"state": state, "solved_at": None}
    if state == "SOLVED":
        return {"state": state, "solved_at": now}
    return {"state": state, "solved_at": ticket["solved_at"] or now, "closed_at": now}


def _named(states: tuple[str, ...]) -> str:
    return " or ".join(", ".join(states).rsplit(", ", 1))
