"""What becomes of mutations of gift cards, and what can be wrong with them."""

from collections.abc import Awaitable
from enum import Enum

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat.storage import Record
from mercat_gift_cards.cards.types import GiftCard


@strawberry.enum(description="What can be wrong with a gift card.")
class GiftCardErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such gift card.")
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    BALANCE = strawberry.enum_value("BALANCE", description="There isn't that much on it.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The idempotency key came with something else before."
    )


@strawberry.type(description="What is wrong with a gift card.")
class GiftCardError(UserError):
    code: GiftCardErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of changing a gift card.")
class GiftCardPayload:
    gift_card: GiftCard | None = strawberry.field(description="The card; null where it failed.")
    user_errors: list[GiftCardError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `giftCardIssue`.")
class GiftCardIssuePayload:
    gift_card: GiftCard | None = strawberry.field(description="The card; null where it failed.")
    code: str | None = strawberry.field(
        description="Its code, which nothing else tells: who has it can spend the card."
    )
    user_errors: list[GiftCardError] = strawberry.field(description="What the caller can mend.")


async def payload(work: Awaitable[Record]) -> GiftCardPayload:
    try:
        return GiftCardPayload(gift_card=GiftCard(record=await work), user_errors=[])
    except DomainError as error:
        return GiftCardPayload(gift_card=None, user_errors=[to_error(error)])


def to_error(error: DomainError) -> GiftCardError:
    code = GiftCardErrorCode(error.code)
    return GiftCardError(field=input_path(error.field), message=str(error), code=code)
