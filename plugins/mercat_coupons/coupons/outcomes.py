"""What can be wrong with a coupon or a batch, as a client sees it."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path

T = TypeVar("T")


@strawberry.enum(description="What can be wrong with a coupon.")
class CouponErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such thing, or none that the viewer may see."
    )
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    CODE_TAKEN = strawberry.enum_value("CODE_TAKEN", description="Another coupon has the code.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The idempotency key came with something else before."
    )


@strawberry.type(description="What is wrong with a coupon.")
class CouponError(UserError):
    code: CouponErrorCode = strawberry.field(description="What kind of error it is.")


async def attempted(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[CouponError]]:
    """What `work` gives, or what the caller can mend; paths of fields begin with `input`."""
    try:
        return await work(), []
    except DomainError as error:
        field, code = input_path(error.field), CouponErrorCode(error.code)
        return None, [CouponError(field=field, message=str(error), code=code)]
