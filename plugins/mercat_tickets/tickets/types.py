"""How tickets look."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry
from bson import ObjectId

from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    decode_cursor,
    encode_cursor,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.records import stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat.support import TicketFact as Fact
from mercat_auth.roles.users import visible_users
from mercat_auth.schema import User, to_user
from mercat_tickets.tickets import reading
from mercat_tickets.tickets.sight import Sight
from mercat_tickets.tickets.subjects import facts_of

TYPE = "Ticket"


@strawberry.enum(description="Where a ticket stands.")
class TicketState(Enum):
    OPEN = strawberry.enum_value("OPEN", description="Its requester waits for an answer.")
    PENDING = strawberry.enum_value("PENDING", description="An answer of its requester is awaited.")
    ON_HOLD = strawberry.enum_value("ON_HOLD", description="Something else is awaited.")
    SOLVED = strawberry.enum_value(
        "SOLVED", description="Done; a reply opens it again for a while."
    )
    CLOSED = strawberry.enum_value("CLOSED", description="Done for ever.")


@strawberry.enum(description="How much a ticket matters.")
class TicketPriority(Enum):
    LOW = strawberry.enum_value("LOW", description="It can wait.")
    NORMAL = strawberry.enum_value("NORMAL", description="As most do.")
    HIGH = strawberry.enum_value("HIGH", description="Before others.")
    URGENT = strawberry.enum_value("URGENT", description="At once.")


@strawberry.enum(description="By which way a ticket came.")
class TicketChannel(Enum):
    WEB = strawberry.enum_value("WEB", description="By the shop's own pages or apps.")
    EMAIL = strawberry.enum_value("EMAIL", description="By e-mail.")
    PHONE = strawberry.enum_value("PHONE", description="By telephone.")
    CHAT = strawberry.enum_value("CHAT", description="By a chat.")
    API = strawberry.enum_value("API", description="By another program.")


@strawberry.enum(description="As whom somebody did something in a ticket.")
class TicketAuthor(Enum):
    CUSTOMER = strawberry.enum_value("CUSTOMER", description="Who asks.")
    SELLER = strawberry.enum_value("SELLER", description="The seller who answers.")
    STAFF = strawberry.enum_value("STAFF", description="The shop's own staff.")
    SYSTEM = strawberry.enum_value("SYSTEM", description="The shop by itself.")


@strawberry.type(description="Something that a ticket is about.")
class TicketSubject:
    id: strawberry.ID = strawberry.field(description="Its id, for `node`.")
    kind: str = strawberry.field(description="What it is, such as `Order`.")
    label: str = strawberry.field(description="What people know it by.")


@strawberry.type(description="Something worth knowing of what a ticket is about.")
class TicketFact:
    subject_id: strawberry.ID = strawberry.field(description="The id of what it is about.")
    name: str = strawberry.field(description="What it is, such as `total`.")
    value: str = strawberry.field(description="Its value, as people read it.")


@strawberry.type(description="One more thing that is known of what happened.")
class TicketEventFact:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="Its value.")


async def _authors(
    entries: Sequence["TicketMessage | TicketEvent"], info: Info
) -> list[User | None]:
    return await users_of(info, [one.record["user"] for one in entries])


@strawberry.type(description="Something that is written in a ticket.")
class TicketMessage:
    text: str = stored("text", "What it says: plain text, which pages have to escape.")
    html: str | None = stored(
        "html", "The same as it came by mail, as HTML without scripts, styles and foreign pictures."
    )
    at: datetime = stored("at", "When it was written.")
    author: TicketAuthor = stored("author", "As whom somebody wrote it.", convert=TicketAuthor)
    is_internal: bool = stored("is_internal", "Whether it is a note among the shop's staff.")
    record: strawberry.Private[Record]

    user = batched("Who wrote it; null for whom the viewer may not see.", _authors)

    @strawberry.field(description="Its place in the ticket's history.")
    def number(self) -> int:
        return int(self.record["number"])


@strawberry.type(description="Something that happened to a ticket.")
class TicketEvent:
    kind: str = stored("kind", "What happened, such as `OPENED`, `MESSAGE` or `STATE_CHANGED`.")
    at: datetime = stored("at", "When it happened.")
    author: TicketAuthor = stored("author", "As whom somebody did it.", convert=TicketAuthor)
    is_internal: bool = stored("is_internal", "Whether the shop's staff alone sees it.")
    text: str | None = stored("text", "What was written, where something was.")
    record: strawberry.Private[Record]
    whole: strawberry.Private[Record]
    sight: strawberry.Private[Sight]

    user = batched("Who did it; null for whom the viewer may not see.", _authors)

    @strawberry.field(description="Its place in the ticket's history.")
    def number(self) -> int:
        return int(self.record["number"])

    @strawberry.field(description="Goes into `since` of `ticketUpdated`.")
    def cursor(self) -> str:
        return encode_cursor(_kind(self.whole["_id"]), self.record["number"])

    @strawberry.field(description="What else is known, such as the state before.")
    def facts(self) -> list[TicketEventFact]:
        facts: Record = self.record["facts"]
        shown = {name: one for name, one in facts.items() if one is not None}
        if self.record["kind"] == "ASSIGNED":
            shown = {name: encode_id("User", one) for name, one in shown.items()}
        return [TicketEventFact(name=name, value=str(one)) for name, one in shown.items()]

    @strawberry.field(description="The ticket as it is by then.")
    def ticket(self) -> Annotated["Ticket", strawberry.lazy("mercat_tickets.tickets.types")]:
        return Ticket(record=self.whole, sight=self.sight)


async def _requesters(tickets: Sequence["Ticket"], info: Info) -> list[User | None]:
    return await users_of(info, [one.record["user"] for one in tickets])


async def _assignees(tickets: Sequence["Ticket"], info: Info) -> list[User | None]:
    shown = [one.record["assignee"] if one.sight.is_staff else None for one in tickets]
    return await users_of(info, shown)


@strawberry.enum(description="What is promised of a ticket.")
class SlaTarget(Enum):
    FIRST_RESPONSE = strawberry.enum_value("first_response", description="That it is answered.")
    RESOLUTION = strawberry.enum_value("resolution", description="That it is solved.")


@strawberry.type(description="A promise that wasn't kept.")
class SlaBreach:
    target: SlaTarget = strawberry.field(description="What was promised.")
    due_at: datetime = strawberry.field(description="Until when.")


@strawberry.type(description="Until when a ticket has to be answered and solved.")
class Sla:
    first_response_by: datetime | None = strawberry.field(
        description="Until when it is answered; null once it is, or where nothing is promised."
    )
    resolution_by: datetime | None = strawberry.field(
        description="Until when it is solved; null once it is, while its requester is to answer,"
        " or where nothing is promised."
    )
    breaches: list[SlaBreach] = strawberry.field(description="The promises that weren't kept.")


@strawberry.type(description="What somebody asks the shop or a seller, and what becomes of it.")
class Ticket(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    number: str = stored("number", "What people call it.", convert=str)
    subject: str = stored("subject", "What it is about in a few words.")
    state: TicketState = stored("state", "Where it stands.", convert=TicketState)
    priority: TicketPriority = stored("priority", "How much it matters.", convert=TicketPriority)
    channel: TicketChannel = stored("channel", "By which way it came.", convert=TicketChannel)
    locale: str = stored("locale", "The language of messages to who isn't signed in.")
    rating: int | None = stored("rating", "How good the help was, from 1 to 5, once rated.")
    rating_comment: str = stored("rating_comment", "What was said with the rating.", default="")
    opened_at: datetime = stored("opened_at", "When it was opened.")
    updated_at: datetime = stored("updated_at", "When something happened last.")
    first_replied_at: datetime | None = stored("first_replied_at", "When it was answered first.")
    solved_at: datetime | None = stored("solved_at", "When it was solved.")
    closed_at: datetime | None = stored("closed_at", "When it was closed.")
    version: int = stored("version", "The number of the last entry of its history.")
    record: strawberry.Private[Record]
    sight: strawberry.Private[Sight]

    requester = batched(
        "Whose it is; null for a guest's, and for whom the viewer may not see.", _requesters
    )
    assignee = batched("Which of the shop's staff has it; null except for staff.", _assignees)

    @strawberry.field(description="The guest's address; null except for the shop's staff.")
    async def email(self, info: Info) -> str | None:
        return await self._unsealed(info, "email")

    @strawberry.field(description="The guest's name; null except for the shop's staff.")
    async def name(self, info: Info) -> str | None:
        return await self._unsealed(info, "name")

    @strawberry.field(description="What staff files it under; none except for the shop's staff.")
    def tags(self) -> list[str]:
        return list(self.record["tags"]) if self.sight.is_staff else []

    @strawberry.field(
        description="Until when it has to be answered and solved; null except for staff."
    )
    def sla(self) -> Sla | None:
        if not self.sight.is_staff:
            return None
        return Sla(
            first_response_by=self.record["respond_by"],
            resolution_by=self.record["resolve_by"],
            breaches=[
                SlaBreach(target=SlaTarget(one["target"]), due_at=one["due"])
                for one in self.record["breaches"]
            ],
        )

    @strawberry.field(description="The team whose it is; null except for the shop's staff.")
    def team(self) -> str | None:
        return self.record["team"] if self.sight.is_staff else None

    @strawberry.field(description="The seller who answers it beside the shop, if any.")
    def seller_id(self) -> strawberry.ID | None:
        seller = self.record["seller"]
        return None if seller is None else strawberry.ID(encode_id("Seller", seller))

    @strawberry.field(description="The ticket that this one was put into; null for most.")
    def merged_into_id(self) -> strawberry.ID | None:
        key = self.record["merged_into"]
        return None if key is None else strawberry.ID(encode_id(TYPE, key))

    @strawberry.field(description="What it is about.")
    def about(self) -> list[TicketSubject]:
        return [
            TicketSubject(id=strawberry.ID(one["id"]), kind=one["kind"], label=one["label"])
            for one in self.record["subjects"]
        ]

    @strawberry.field(description="What is known of that, as far as the viewer may see it.")
    async def facts(self, info: Info) -> list[TicketFact]:
        ids = [one["id"] for one in self.record["subjects"]]
        return [_to_fact(one) for one in await facts_of(info.context, ids)]

    @strawberry.field(description="What is written in it, from the start.")
    async def messages(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TicketMessage]:
        kind = f"ticketMessages:{self.record['_id']}"
        request = page_request(kind, first, after, last, before)
        context, ticket, sight = info.context, self.record, self.sight
        page = await reading.entry_page(context, ticket, sight, request, messages=True)

        async def count() -> int:
            return await reading.count_entries(context, ticket, sight, messages=True)

        return connection(kind, page, [TicketMessage(record=one) for one in page.records], count)

    @strawberry.field(description="All that happened to it, from the start.")
    async def timeline(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TicketEvent]:
        kind = _kind(self.record["_id"])
        request = page_request(kind, first, after, last, before)
        context, ticket, sight = info.context, self.record, self.sight
        page = await reading.entry_page(context, ticket, sight, request, messages=False)

        async def count() -> int:
            return await reading.count_entries(context, ticket, sight, messages=False)

        nodes = [to_event(ticket, sight, one) for one in page.records]
        return connection(kind, page, nodes, count)

    async def _unsealed(self, info: Info, name: str) -> str | None:
        value = self.record[name]
        if value is None or not (self.sight.is_staff or self.sight.is_requester):
            return None
        return str(await encryption_of(info.context).unseal(value))

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.tickets_by_key(info.context, keys)
        return [
            cls(record=found[key][0], sight=found[key][1]) if key in found else None for key in keys
        ]


def to_event(ticket: Record, sight: Sight, entry: Record) -> TicketEvent:
    """An entry of a ticket's history, to somebody who may see it."""
    return TicketEvent(record=entry, whole=ticket, sight=sight)


def entry_number(key: ObjectId, cursor: str | None) -> int | None:
    """The number of the entry with a cursor. Raises InvalidError for another ticket's cursor."""
    return decode_cursor(_kind(key), cursor)


def _kind(key: object) -> str:
    return f"ticketEvents:{key}"


def _to_fact(fact: Fact) -> TicketFact:
    return TicketFact(subject_id=strawberry.ID(fact.subject), name=fact.name, value=fact.value)


async def users_of(info: Info, keys: Sequence[str | None]) -> list[User | None]:
    """The accounts of these keys, as far as the viewer may see them."""
    wanted = {ObjectId(key) for key in keys if key is not None and ObjectId.is_valid(key)}
    found = await visible_users(info.context, list(wanted)) if wanted else {}
    users = {str(key): to_user(record) for key, record in found.items()}
    return [None if key is None else users.get(key) for key in keys]
