"""What tickets are about, as the plugins say whose it is."""

from collections.abc import Sequence

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat.support import TicketFact, TicketSubject, ticket_facts, ticket_subjects

MOST = 10
"""How many things a ticket is about at most."""


async def found_subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
    """What these global ids stand for. Raises InvalidError, NotFoundError."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST:
        raise InvalidError(f"a ticket is about {MOST} things at most", field=("about",))
    if not wanted:
        return []
    answers = await context.hooks.collect(ticket_subjects, context, wanted)
    known = {one.id: one for answer in answers for one in answer}
    if any(one not in known for one in wanted):
        raise NotFoundError("there is nothing with one of these ids", field=("about",))
    return [known[one] for one in wanted]


def seller_of(context: Context, subjects: Sequence[TicketSubject]) -> str | None:
    """The seller who answers: whose all of it is; never who asks."""
    sellers = {one.seller for one in subjects}
    seller = sellers.pop() if len(sellers) == 1 else None
    return None if seller == context.viewer.seller else seller


def stored_subject(subject: TicketSubject) -> Record:
    return {"id": subject.id, "kind": subject.kind, "label": subject.label}


async def facts_of(context: Context, ids: Sequence[str]) -> list[TicketFact]:
    """What is known of these, as far as the viewer may see it."""
    if not ids:
        return []
    answers = await context.hooks.collect(ticket_facts, context, list(ids))
    return [one for answer in answers for one in answer]
