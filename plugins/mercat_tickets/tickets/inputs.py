"""What queries and mutations of tickets take."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from mercat.ids import decode_id, key_of
from mercat_tickets.tickets.reading import Wanted
from mercat_tickets.tickets.types import TicketChannel, TicketPriority, TicketState

_ID = "The id of the ticket."
_SECRET = "What its page has in its address, for who isn't signed in."  # noqa: S105  a description
_VERSION = "Refused where it is another by now."
_TEXT = "What is said: plain text, 20,000 characters at most."
_KEY = "The same key has its effect once; the header `Idempotency-Key` says it too."
_TAGS = "What staff files it under; they replace those it has."


@strawberry.input(
    description="Which tickets are looked for; all of it has to hold. `states`, `search`, `aboutId`"
    " and dates are for everybody among their own, the rest for the shop's staff."
)
class TicketFilter:
    states: list[TicketState] | None = strawberry.field(
        default=None, description="Those in one of these states."
    )
    priorities: list[TicketPriority] | None = strawberry.field(
        default=None, description="Those of one of these priorities."
    )
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the member of staff with this id."
    )
    unassigned: bool = strawberry.field(default=False, description="Those that nobody has.")
    team: str | None = strawberry.field(default=None, description="Those of this team.")
    tag: str | None = strawberry.field(default=None, description="Those with this tag.")
    requester_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the user with this id."
    )
    email: str | None = strawberry.field(
        default=None, description="Those of this address, with an account or without."
    )
    about_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those about what has this id, such as an order."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Those that the seller with this id answers; for its staff, and the shop's.",
    )
    channel: TicketChannel | None = strawberry.field(
        default=None, description="Those that came so."
    )
    search: str | None = strawberry.field(
        default=None, description="Those with all of these words in their texts, or this number."
    )
    opened_from: datetime | None = strawberry.field(
        default=None, description="Those opened then or later."
    )
    opened_to: datetime | None = strawberry.field(
        default=None, description="Those opened before then."
    )

    def wanted(self) -> Wanted:
        """Raises InvalidError for ids of something else."""
        about = None if self.about_id is None else str(self.about_id)
        if about is not None:
            decode_id(about)
        return Wanted(
            states=None if self.states is None else [one.name for one in self.states],
            priorities=None if self.priorities is None else [one.name for one in self.priorities],
            assignee=_key(self.assignee_id, "User", "assigneeId"),
            unassigned=self.unassigned,
            team=None if self.team is None else self.team.strip().casefold(),
            tag=None if self.tag is None else self.tag.strip().casefold(),
            requester=_key(self.requester_id, "User", "requesterId"),
            email=self.email,
            about=about,
            seller=_key(self.seller_id, "Seller", "sellerId"),
            channel=None if self.channel is None else self.channel.name,
            search=self.search,
            opened_from=self.opened_from,
            opened_to=self.opened_to,
        )


@strawberry.input(description="What somebody asks.")
class TicketOpenInput:
    subject: str = strawberry.field(description="It in a few words, 200 characters at most.")
    text: str = strawberry.field(description=_TEXT)
    about: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of what it is about, such as an order; up to 10."
    )
    email: str | None = strawberry.field(
        default=None,
        description="Where the answer goes; for who isn't signed in, and for staff who open it for"
        " a guest.",
    )
    name: str | None = strawberry.field(default=None, description="What a guest is called.")
    requester_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose it is, where staff opens it for somebody."
    )
    channel: TicketChannel | None = strawberry.field(
        default=None, description="How staff was asked; `WEB` for everybody else."
    )
    priority: TicketPriority | None = strawberry.field(
        default=None, description="How much it matters; for staff."
    )
    tags: list[str] = strawberry.field(default_factory=list, description=_TAGS)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A message that both sides of a ticket see.")
class TicketReplyInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    text: str = strawberry.field(description=_TEXT)
    state: TicketState | None = strawberry.field(
        default=None,
        description="What the ticket becomes, for who answers; `PENDING` where left out.",
    )
    secret: str | None = strawberry.field(default=None, description=_SECRET)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A note that the shop's staff alone sees.")
class TicketNoteAddInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    text: str = strawberry.field(description=_TEXT)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Who is to have a ticket.")
class TicketAssignInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    assignee_id: strawberry.ID | None = strawberry.field(
        description="The id of a user who answers tickets; null takes it from whoever has it."
    )
    from_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Who has it as far as is known; nobody where left out. Refused where it is"
        " somebody else by now.",
    )


@strawberry.input(description="What a ticket is to become.")
class TicketTransitionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    state: TicketState = strawberry.field(description="The state it is to be in.")
    secret: str | None = strawberry.field(default=None, description=_SECRET)
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="What is to be changed of a ticket; what is left out stays.")
class TicketUpdateInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    subject: str | None = strawberry.field(default=UNSET, description="It in a few words.")
    priority: TicketPriority | None = strawberry.field(
        default=UNSET, description="How much it matters."
    )
    tags: list[str] | None = strawberry.field(default=UNSET, description=_TAGS)
    team: str | None = strawberry.field(
        default=UNSET, description="The name of the team whose it is; null for none."
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)

    @property
    def given(self) -> dict[str, Any]:
        priority = self.priority.name if isinstance(self.priority, TicketPriority) else None
        found = {"subject": self.subject, "priority": priority, "tags": self.tags}
        kept = {name: one for name, one in found.items() if one is not None and one is not UNSET}
        return kept if self.team is UNSET else {**kept, "team": self.team}


@strawberry.input(description="A ticket that is to become a part of another of the same person.")
class TicketMergeInput:
    source_id: strawberry.ID = strawberry.field(description="The one that is closed.")
    target_id: strawberry.ID = strawberry.field(description="The one that goes on.")


@strawberry.input(description="What of a ticket is to become one of its own.")
class TicketSplitInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    numbers: list[int] = strawberry.field(
        description="The numbers of the messages that the new one begins with; up to 100."
    )
    subject: str = strawberry.field(description="What the new one is about in a few words.")


@strawberry.input(description="What is to be done with many tickets; what is left out stays.")
class TicketBulkUpdateInput:
    ids: list[strawberry.ID] = strawberry.field(description="Their ids; up to 100.")
    state: TicketState | None = strawberry.field(default=None, description="What they become.")
    assignee_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Who has them, whoever had them before; null for nobody."
    )
    priority: TicketPriority | None = strawberry.field(
        default=None, description="How much they matter."
    )
    team: str | None = strawberry.field(default=UNSET, description="Whose team they are.")
    add_tags: list[str] = strawberry.field(
        default_factory=list, description="Tags that they are given."
    )
    remove_tags: list[str] = strawberry.field(
        default_factory=list, description="Tags that they lose."
    )

    @property
    def given(self) -> dict[str, Any]:
        priority = {} if self.priority is None else {"priority": self.priority.name}
        return priority if self.team is UNSET else {**priority, "team": self.team}


@strawberry.input(description="How good the help was.")
class TicketRateInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    rating: int = strawberry.field(description="From 1, bad, to 5, very good.")
    comment: str = strawberry.field(default="", description="A word, 2,000 characters at most.")
    secret: str | None = strawberry.field(default=None, description=_SECRET)


def _key(given: strawberry.ID | None, kind: str, name: str) -> str | None:
    return None if given is None else key_of(given, kind, ("filter", name))
