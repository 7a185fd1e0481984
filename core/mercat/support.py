"""Hooks of support, with the values that they pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.hooks import hookspec
from mercat.ids import decode_id


@dataclass(frozen=True, slots=True)
class TicketSubject:
    """Something that a ticket can be about, such as an order; `id` is its global id.

    `kind` is its type in GraphQL, `label` what people know it by. `seller` is the key of the one
    seller whose it is to answer for it; None leaves it to the shop's own staff.
    """

    id: str
    kind: str
    label: str
    seller: str | None = None


@dataclass(frozen=True, slots=True)
class TicketFact:
    """Something worth knowing of what a ticket is about, as people read it."""

    subject: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that nobody has yet; `subjects` are global ids, `seller` whose to answer it is."""

    id: str
    number: str
    priority: str
    tags: tuple[str, ...]
    channel: str
    locale: str
    team: str | None
    subjects: tuple[str, ...]
    seller: str | None


@hookspec
async def ticket_subjects(context: Context, ids: Sequence[str]) -> Sequence[TicketSubject] | None:
    """Those of the global ids that are the plugin's own, and that the viewer may see."""


@hookspec
async def ticket_facts(context: Context, ids: Sequence[str]) -> Sequence[TicketFact] | None:
    """What whoever answers a ticket should know of what it is about, as far as the viewer may."""


@hookspec
async def assign_ticket(context: Context, ticket: Ticket) -> str | None:
    """The key of the user who is to have a new ticket; None for no opinion."""


@hookspec
async def ticket_opened(context: Context, ticket_id: str) -> None:
    """A ticket is there, by its key. Told through the outbox, at least once."""


@hookspec
async def ticket_replied(context: Context, ticket_id: str, number: int) -> None:
    """A ticket has another message that its requester sees, by its number in the ticket's history.

    Told through the outbox, at least once.
    """


@hookspec
async def ticket_closed(context: Context, ticket_id: str) -> None:
    """A ticket takes no more replies. Told through the outbox, at least once."""


def keys_of(ids: Sequence[str], kind: str) -> list[str]:
    """The keys of those of the global ids that are of a type."""
    return [key for found, key in map(_decoded, ids) if found == kind]


def _decoded(global_id: str) -> tuple[str, str]:
    try:
        return decode_id(global_id)
    except InvalidError:
        return "", ""
