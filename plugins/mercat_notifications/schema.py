"""Who was sent what, as staff see it, and what people don't want to be sent."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_notifications import choices, listing
from mercat_notifications.choices import Choice

_CURSOR = "notifications"
_TYPE = "Notification"


@strawberry.enum(description="What became of a message.")
class NotificationState(Enum):
    WAITING = strawberry.enum_value("WAITING", description="It is sent soon, or again.")
    SENT = strawberry.enum_value("SENT", description="The mail server has it.")
    BOUNCED = strawberry.enum_value(
        "BOUNCED", description="The mail server won't ever take it for this address."
    )
    SKIPPED = strawberry.enum_value(
        "SKIPPED", description="There was nothing to be told any more, or it wasn't wanted."
    )
    DEAD = strawberry.enum_value(
        "DEAD", description="It was given up: its template is wrong, or it was tried too often."
    )


async def _addresses(found: "Sequence[Notification]", info: Info) -> list[str]:
    return [await listing.address_of(info.context, one.record) for one in found]


@strawberry.type(description="A message to one recipient. What it says isn't stored.")
class Notification:
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=lambda key: encode_id(_TYPE, key)
    )
    kind: str = stored("kind", "What it is about, such as `orders.shipped`.")
    state: NotificationState = stored("state", "What became of it.", convert=NotificationState)
    locale: str = stored("locale", "In which locale it is.")
    attempts: int = stored("attempts", "How often it was tried to send it.")
    error: str | None = stored("error", "What went wrong last.")
    created_at: datetime = stored("created_at", "Since when it is to be sent.")
    settled_at: datetime | None = stored("settled_at", "When it was sent or given up.")
    to = batched("Where it goes.", _addresses)
    record: strawberry.Private[Record]


@strawberry.input(description="Which messages are looked for; all of it has to hold.")
class NotificationFilter:
    state: NotificationState | None = strawberry.field(
        default=None, description="Those in this state."
    )
    kind: str | None = strawberry.field(default=None, description="Those of this kind.")


@strawberry.type(description="Whether the viewer wants messages of a kind.")
class NotificationChoice:
    kind: str = strawberry.field(description="The kind, such as `orders.cart_abandoned`.")
    title: str = strawberry.field(description="What it is, in a few words.")
    is_wanted: bool = strawberry.field(description="Whether they are sent.")

    @classmethod
    def of(cls, found: Choice) -> "NotificationChoice":
        return cls(kind=found.kind.name, title=found.kind.title, is_wanted=found.is_wanted)


@strawberry.enum(description="What can be wrong with what is asked of messages.")
class NotificationErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value can't be used.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")


@strawberry.type(description="What is wrong with what is asked of messages.")
class NotificationError(UserError):
    code: NotificationErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.input(description="Which message is to be sent again.")
class NotificationRetryInput:
    notification_id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="What the viewer wants.")
class NotificationChooseInput:
    kind: str = strawberry.field(description="The kind, as in `notificationChoices`.")
    is_wanted: bool = strawberry.field(description="Whether such messages are to be sent.")


@strawberry.type(description="The outcome of `notificationRetry`.")
class NotificationRetryPayload:
    notification: Notification | None = strawberry.field(
        description="The message; null where it failed."
    )
    user_errors: list[NotificationError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `notificationChoose`.")
class NotificationChoosePayload:
    choices: list[NotificationChoice] | None = strawberry.field(
        description="All that the viewer can choose; null where it failed."
    )
    user_errors: list[NotificationError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class NotificationQuery:
    @strawberry.field(
        description="Who was sent which messages, the newest first; needs `notifications.view`."
    )
    @staticmethod
    async def notifications(
        info: Info,
        filter: Annotated[  # noqa: A002
            NotificationFilter | None, strawberry.argument(description="Which messages.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Notification]:
        context, wanted = info.context, _wanted(filter)
        request = page_request(_CURSOR, first, after, last, before)
        page = await listing.page(context, wanted, request)

        async def count() -> int:
            return await listing.count(context, wanted)

        return connection(_CURSOR, page, [Notification(record=one) for one in page.records], count)

    @strawberry.field(
        description="Which messages the viewer can have or not, apart from those that have to be."
    )
    @staticmethod
    async def notification_choices(info: Info) -> list[NotificationChoice]:
        return [NotificationChoice.of(one) for one in await choices.choices(info.context)]


@extend(Mutation)
class NotificationMutation:
    @strawberry.field(
        description="Have a message sent again that bounced or was given up; needs "
        "`notifications.manage`."
    )
    @staticmethod
    async def notification_retry(
        info: Info,
        input: Annotated[  # noqa: A002
            NotificationRetryInput, strawberry.argument(description="Which message.")
        ],
    ) -> NotificationRetryPayload:
        try:
            key = key_of(input.notification_id, _TYPE, ("notificationId",))
            found = await listing.retry(info.context, key)
        except DomainError as error:
            return NotificationRetryPayload(notification=None, user_errors=[_error(error)])
        return NotificationRetryPayload(notification=Notification(record=found), user_errors=[])

    @strawberry.field(description="Say whether the viewer wants messages of a kind.")
    @staticmethod
    async def notification_choose(
        info: Info,
        input: Annotated[  # noqa: A002
            NotificationChooseInput, strawberry.argument(description="What the viewer wants.")
        ],
    ) -> NotificationChoosePayload:
        try:
            await choices.choose(info.context, input.kind, wanted=input.is_wanted)
        except DomainError as error:
            return NotificationChoosePayload(choices=None, user_errors=[_error(error)])
        found = [NotificationChoice.of(one) for one in await choices.choices(info.context)]
        return NotificationChoosePayload(choices=found, user_errors=[])


def _error(error: DomainError) -> NotificationError:
    return NotificationError(
        field=input_path(error.field), message=str(error), code=NotificationErrorCode(error.code)
    )


def _wanted(given: NotificationFilter | None) -> listing.Wanted:
    if given is None:
        return listing.Wanted()
    state = None if given.state is None else str(given.state.value)
    return listing.Wanted(state, given.kind)
