"""What can be wrong with a promotion, as a client sees it."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path

T = TypeVar("T")


@strawberry.enum(description="What can be wrong with a promotion.")
class PromotionErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such promotion, or none that the viewer may see."
    )
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    OVERLAP = strawberry.enum_value(
        "OVERLAP",
        description="Another one that excludes all others holds at the same time, and has the same "
        "priority.",
    )


@strawberry.type(description="What is wrong with a promotion.")
class PromotionError(UserError):
    code: PromotionErrorCode = strawberry.field(description="What kind of error it is.")


async def attempted(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[PromotionError]]:
    """What `work` gives, or what the caller can mend; paths of fields begin with `input`."""
    try:
        return await work(), []
    except DomainError as error:
        field, code = input_path(error.field), PromotionErrorCode(error.code)
        return None, [PromotionError(field=field, message=str(error), code=code)]
