"""How tickets are opened, answered and changed."""

# mypy: allow-untyped-decorators

from typing import Annotated

import strawberry
from bson import ObjectId
from strawberry import UNSET

from mercat.errors import DomainError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, extend
from mercat.ids import key_of, object_id
from mercat.storage import Record
from mercat_tickets.tickets import acting, bulk, opening, replying, splitting
from mercat_tickets.tickets.access import secret_of
from mercat_tickets.tickets.inputs import (
    TicketAssignInput,
    TicketBulkUpdateInput,
    TicketMergeInput,
    TicketNoteAddInput,
    TicketOpenInput,
    TicketRateInput,
    TicketReplyInput,
    TicketSplitInput,
    TicketTransitionInput,
    TicketUpdateInput,
)
from mercat_tickets.tickets.opening import Opening
from mercat_tickets.tickets.outcomes import (
    TicketBulkPayload,
    TicketOpenPayload,
    TicketPayload,
    payload,
    shown,
    to_error,
    to_result,
)
from mercat_tickets.tickets.replying import Reply
from mercat_tickets.tickets.types import TYPE


@extend(Mutation)
class TicketMutation:
    @strawberry.field(
        description="Ask the shop, or the seller of what it is about; also as a guest. With"
        " `tickets.manage` for somebody else."
    )
    @staticmethod
    async def ticket_open(
        info: Info,
        input: Annotated[TicketOpenInput, strawberry.argument(description="What is asked.")],  # noqa: A002
    ) -> TicketOpenPayload:
        context = info.context
        try:
            key = idempotency_key(info, input.idempotency_key)
            found = await opening.open_ticket(context, _opening(input), key)
        except DomainError as error:
            return TicketOpenPayload(ticket=None, secret=None, user_errors=[to_error(error)])
        is_guests = context.viewer.user is None and found["user"] is None
        secret = secret_of(context, found) if is_guests else None
        ticket = await shown(context, found, secret)
        return TicketOpenPayload(ticket=ticket, secret=secret, user_errors=[])

    @strawberry.field(
        description="Write in a ticket what both sides see. Who asked opens it again so where it"
        " was solved lately."
    )
    @staticmethod
    async def ticket_reply(
        info: Info,
        input: Annotated[TicketReplyInput, strawberry.argument(description="What is said.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            state = None if input.state is None else input.state.name
            wanted = Reply(input.text, state, input.secret)
            key = idempotency_key(info, input.idempotency_key)
            return await replying.reply(info.context, _ticket(input.id), wanted, key)

        return await payload(info.context, work(), input.secret)

    @strawberry.field(
        description="Write a note that the shop's staff alone sees; needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_note_add(
        info: Info,
        input: Annotated[TicketNoteAddInput, strawberry.argument(description="What is noted.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            key = idempotency_key(info, input.idempotency_key)
            return await replying.note(info.context, _ticket(input.id), input.text, key)

        return await payload(info.context, work())

    @strawberry.field(
        description="Give a ticket to one of those who answer, or to oneself: of two who take it at"
        " once one gets it. Needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_assign(
        info: Info,
        input: Annotated[TicketAssignInput, strawberry.argument(description="To whom.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            to, was = (
                None if given is None else key_of(given, "User", (name,))
                for given, name in ((input.assignee_id, "assigneeId"), (input.from_id, "fromId"))
            )
            return await acting.assign(info.context, _ticket(input.id), to, was)

        return await payload(info.context, work())

    @strawberry.field(
        description="Bring a ticket into another state. Who asked may solve it and open it again."
    )
    @staticmethod
    async def ticket_transition(
        info: Info,
        input: Annotated[TicketTransitionInput, strawberry.argument(description="Which state.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            key, state = _ticket(input.id), input.state.name
            return await acting.transition(info.context, key, state, input.version, input.secret)

        return await payload(info.context, work(), input.secret)

    @strawberry.field(
        description="Change a ticket's subject, priority and tags; needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_update(
        info: Info,
        input: Annotated[TicketUpdateInput, strawberry.argument(description="What changes.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            key = _ticket(input.id)
            return await acting.update(info.context, key, input.given, input.version)

        return await payload(info.context, work())

    @strawberry.field(
        description="Put what is written in one ticket into another of the same person, and close"
        " the one; needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_merge(
        info: Info,
        input: Annotated[TicketMergeInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            source = object_id(input.source_id, TYPE, ("sourceId",))
            target = object_id(input.target_id, TYPE, ("targetId",))
            return await acting.merge(info.context, source, target)

        return await payload(info.context, work())

    @strawberry.field(
        description="Open another ticket of the same person with copies of some messages of this"
        " one; gives the new one. Needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_split(
        info: Info,
        input: Annotated[TicketSplitInput, strawberry.argument(description="Which messages.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            key = _ticket(input.id)
            return await splitting.split(info.context, key, input.numbers, input.subject)

        return await payload(info.context, work())

    @strawberry.field(
        description="Do the same with many tickets, each by itself: one that can't be so says why,"
        " and the others are. Needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_bulk_update(
        info: Info,
        input: Annotated[TicketBulkUpdateInput, strawberry.argument(description="Which, what.")],  # noqa: A002
    ) -> TicketBulkPayload:
        try:
            keys = [object_id(one, TYPE, ("ids",)) for one in input.ids]
            found = await bulk.change_all(info.context, keys, _bulk(input))
        except DomainError as error:
            return TicketBulkPayload(results=[], user_errors=[to_error(error)])
        results = [await to_result(info.context, one) for one in found]
        return TicketBulkPayload(results=results, user_errors=[])

    @strawberry.field(description="Say how good the help was, once a ticket is solved.")
    @staticmethod
    async def ticket_rate(
        info: Info,
        input: Annotated[TicketRateInput, strawberry.argument(description="How good.")],  # noqa: A002
    ) -> TicketPayload:
        async def work() -> Record:
            key = _ticket(input.id)
            given = (input.rating, input.comment, input.secret)
            return await acting.rate(info.context, key, *given)

        return await payload(info.context, work(), input.secret)


def _ticket(given: strawberry.ID) -> ObjectId:
    return object_id(given, TYPE, ("id",))


def _bulk(given: TicketBulkUpdateInput) -> bulk.Wanted:
    to = given.assignee_id
    return bulk.Wanted(
        state=None if given.state is None else given.state.name,
        assignee=key_of(to, "User", ("assigneeId",)) if to else None,
        is_assigned=to is not UNSET,
        add_tags=given.add_tags,
        remove_tags=given.remove_tags,
        given=given.given,
    )


def _opening(given: TicketOpenInput) -> Opening:
    requester = given.requester_id
    return Opening(
        subject=given.subject,
        text=given.text,
        about=[str(one) for one in given.about],
        email=given.email,
        name=given.name,
        user=None if requester is None else key_of(requester, "User", ("requesterId",)),
        channel=None if given.channel is None else given.channel.name,
        priority=None if given.priority is None else given.priority.name,
        tags=given.tags,
    )
