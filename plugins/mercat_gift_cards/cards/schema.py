"""`giftCards`, and how they are issued and looked after."""

# mypy: allow-untyped-decorators

from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, Query, extend
from mercat.ids import object_id
from mercat.storage import Record
from mercat_gift_cards.cards import service
from mercat_gift_cards.cards.inputs import (
    GiftCardAdjustInput,
    GiftCardDisableInput,
    GiftCardEnableInput,
    GiftCardIssueInput,
    GiftCardUpdateInput,
    money,
)
from mercat_gift_cards.cards.outcomes import (
    GiftCardIssuePayload,
    GiftCardPayload,
    payload,
    to_error,
)
from mercat_gift_cards.cards.types import TYPE, GiftCard

_CURSOR = "giftCards"


@extend(Query)
class GiftCardQuery:
    @strawberry.field(description="All gift cards, the newest first; needs `gift_cards.manage`.")
    @staticmethod
    async def gift_cards(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        last_characters: Annotated[
            str | None, strawberry.argument(description="Only those whose codes end so.")
        ] = None,
    ) -> Connection[GiftCard]:
        request = page_request(_CURSOR, first, after, last, before)
        page = await service.page(info.context, request, last_characters)

        async def count() -> int:
            return await service.count(info.context, last_characters)

        nodes = [GiftCard(record=one) for one in page.records]
        return connection(_CURSOR, page, nodes, count)


@extend(Mutation)
class GiftCardMutation:
    @strawberry.field(
        description="Issue a gift card with a code that nobody guesses; needs `gift_cards.manage`."
    )
    @staticmethod
    async def gift_card_issue(
        info: Info,
        input: Annotated[GiftCardIssueInput, strawberry.argument(description="What is on it.")],  # noqa: A002
    ) -> GiftCardIssuePayload:
        try:
            wanted = service.Issue(money(info.context, input.amount), input.expires_at, input.note)
            key = idempotency_key(info, input.idempotency_key)
            card, code = await service.issue(info.context, wanted, key)
        except DomainError as error:
            return GiftCardIssuePayload(gift_card=None, code=None, user_errors=[to_error(error)])
        return GiftCardIssuePayload(gift_card=GiftCard(record=card), code=code, user_errors=[])

    @strawberry.field(
        description="Change until when a gift card is good, and its note; needs"
        " `gift_cards.manage`."
    )
    @staticmethod
    async def gift_card_update(
        info: Info,
        input: Annotated[GiftCardUpdateInput, strawberry.argument(description="What changes.")],  # noqa: A002
    ) -> GiftCardPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            return await service.update(info.context, key, input.version, input.given)

        return await payload(work())

    @strawberry.field(
        description="Switch a gift card off: it pays nothing any more, and what is on it stays."
        " Needs `gift_cards.manage`."
    )
    @staticmethod
    async def gift_card_disable(
        info: Info,
        input: Annotated[GiftCardDisableInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> GiftCardPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            return await service.switch(info.context, key, "DISABLED")

        return await payload(work())

    @strawberry.field(
        description="Switch a gift card on that was switched off; needs `gift_cards.manage`."
    )
    @staticmethod
    async def gift_card_enable(
        info: Info,
        input: Annotated[GiftCardEnableInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> GiftCardPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            return await service.switch(info.context, key, "ACTIVE")

        return await payload(work())

    @strawberry.field(
        description="Put something on a gift card, or take it off; needs `gift_cards.manage`."
    )
    @staticmethod
    async def gift_card_adjust(
        info: Info,
        input: Annotated[GiftCardAdjustInput, strawberry.argument(description="How much, why.")],  # noqa: A002
    ) -> GiftCardPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            request = idempotency_key(info, input.idempotency_key)
            sum_ = money(info.context, input.amount)
            return await service.adjust(info.context, key, sum_, input.reason, request)

        return await payload(work())
