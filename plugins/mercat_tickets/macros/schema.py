"""How macros are kept and applied."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from mercat.errors import DomainError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id, object_id
from mercat.storage import Record
from mercat_tickets.macros import service
from mercat_tickets.tickets.outcomes import TicketError, TicketPayload, payload, to_error
from mercat_tickets.tickets.types import TicketPriority, TicketState

TYPE = "TicketMacro"
_NAME = "What staff picks it by; unique in the shop."
_TEXT = (
    "What it writes, with variables such as `{{requester.name}}`; it writes nothing where empty."
)
_IS_NOTE = "Whether it writes a note that the shop's staff alone sees."
_STATE = "What the ticket becomes; where left out, what a reply makes of it."
_PRIORITY = "How much the ticket is to matter."
_TEAM = "The team that the ticket goes to."
_TAGS = "Tags that the ticket is given besides those it has."


@strawberry.type(description="A canned reply, and what it makes of a ticket.")
class TicketMacro(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    name: str = stored("name", _NAME)
    text: str = stored("text", _TEXT)
    is_note: bool = stored("is_note", _IS_NOTE)
    state: TicketState | None = stored("state", _STATE, convert=TicketState)
    priority: TicketPriority | None = stored("priority", _PRIORITY, convert=TicketPriority)
    team: str | None = stored("team", _TEAM)
    tags: list[str] = stored("tags", _TAGS)
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.macros_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


@strawberry.input(description="A macro to be kept.")
class TicketMacroCreateInput:
    name: str = strawberry.field(description=_NAME)
    text: str = strawberry.field(default="", description=_TEXT)
    is_note: bool = strawberry.field(default=False, description=_IS_NOTE)
    state: TicketState | None = strawberry.field(default=None, description=_STATE)
    priority: TicketPriority | None = strawberry.field(default=None, description=_PRIORITY)
    team: str | None = strawberry.field(default=None, description=_TEAM)
    tags: list[str] = strawberry.field(default_factory=list, description=_TAGS)


@strawberry.input(description="What is to be changed of a macro; what is left out stays.")
class TicketMacroUpdateInput:
    id: strawberry.ID = strawberry.field(description="The id of the macro.")
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    text: str | None = strawberry.field(default=UNSET, description=_TEXT)
    is_note: bool | None = strawberry.field(default=UNSET, description=_IS_NOTE)
    state: TicketState | None = strawberry.field(default=UNSET, description=_STATE)
    priority: TicketPriority | None = strawberry.field(default=UNSET, description=_PRIORITY)
    team: str | None = strawberry.field(default=UNSET, description=_TEAM)
    tags: list[str] | None = strawberry.field(default=UNSET, description=_TAGS)


@strawberry.input(description="A macro to be forgotten.")
class TicketMacroDeleteInput:
    id: strawberry.ID = strawberry.field(description="The id of the macro.")


@strawberry.input(description="A macro to be applied to a ticket.")
class TicketMacroApplyInput:
    id: strawberry.ID = strawberry.field(description="The id of the ticket.")
    macro_id: strawberry.ID = strawberry.field(description="The id of the macro.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too.",
    )


@strawberry.type(description="The outcome of keeping a macro.")
class TicketMacroPayload:
    macro: TicketMacro | None = strawberry.field(
        description="The macro; null where it failed, and once it is forgotten."
    )
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class TicketMacroQuery:
    @strawberry.field(description="All macros, by name; needs `tickets.manage`.")
    @staticmethod
    async def ticket_macros(info: Info) -> list[TicketMacro]:
        return [TicketMacro(record=one) for one in await service.all_macros(info.context)]


@extend(Mutation)
class TicketMacroMutation:
    @strawberry.field(description="Keep a canned reply; needs `tickets.manage`.")
    @staticmethod
    async def ticket_macro_create(
        info: Info,
        input: Annotated[TicketMacroCreateInput, strawberry.argument(description="What it does.")],  # noqa: A002
    ) -> TicketMacroPayload:
        try:
            found = await service.create(info.context, _given(input))
        except DomainError as error:
            return TicketMacroPayload(macro=None, user_errors=[to_error(error)])
        return TicketMacroPayload(macro=TicketMacro(record=found), user_errors=[])

    @strawberry.field(description="Change a canned reply; needs `tickets.manage`.")
    @staticmethod
    async def ticket_macro_update(
        info: Info,
        input: Annotated[TicketMacroUpdateInput, strawberry.argument(description="What changes.")],  # noqa: A002
    ) -> TicketMacroPayload:
        try:
            key = object_id(input.id, TYPE, ("id",))
            found = await service.update(info.context, key, _given(input))
        except DomainError as error:
            return TicketMacroPayload(macro=None, user_errors=[to_error(error)])
        return TicketMacroPayload(macro=TicketMacro(record=found), user_errors=[])

    @strawberry.field(description="Forget a canned reply; needs `tickets.manage`.")
    @staticmethod
    async def ticket_macro_delete(
        info: Info,
        input: Annotated[TicketMacroDeleteInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> TicketMacroPayload:
        try:
            await service.delete(info.context, object_id(input.id, TYPE, ("id",)))
        except DomainError as error:
            return TicketMacroPayload(macro=None, user_errors=[to_error(error)])
        return TicketMacroPayload(macro=None, user_errors=[])

    @strawberry.field(
        description="Do with a ticket what a macro says: write, and change it, all at once. Needs"
        " `tickets.manage`."
    )
    @staticmethod
    async def ticket_macro_apply(
        info: Info,
        input: Annotated[TicketMacroApplyInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            ticket = object_id(input.id, "Ticket", ("id",))
            macro = object_id(input.macro_id, TYPE, ("macroId",))
            key = idempotency_key(info, input.idempotency_key)
            return await service.apply(info.context, ticket, macro, key)

        return await payload(info.context, work())


def _given(given: TicketMacroCreateInput | TicketMacroUpdateInput) -> dict[str, Any]:
    """What was said; enums as they are stored."""
    found: dict[str, Any] = {
        "name": given.name,
        "text": given.text,
        "is_note": given.is_note,
        "state": given.state.name if isinstance(given.state, TicketState) else given.state,
        "priority": (
            given.priority.name if isinstance(given.priority, TicketPriority) else given.priority
        ),
        "team": given.team,
        "tags": given.tags,
    }
    nullable = {"state", "priority", "team"}
    return {
        name: value
        for name, value in found.items()
        if value is not UNSET and (value is not None or name in nullable)
    }
