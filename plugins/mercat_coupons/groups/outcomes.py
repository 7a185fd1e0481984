"""What can be wrong with a customer group, as a client sees it."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path

T = TypeVar("T")


@strawberry.enum(description="What can be wrong with a customer group.")
class CustomerGroupErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such group.")
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    KEY_TAKEN = strawberry.enum_value("KEY_TAKEN", description="Another one has the key.")
    IN_USE = strawberry.enum_value("IN_USE", description="A promotion is for it.")


@strawberry.type(description="What is wrong with a customer group.")
class CustomerGroupError(UserError):
    code: CustomerGroupErrorCode = strawberry.field(description="What kind of error it is.")


async def attempted(
    work: Callable[[], Awaitable[T]],
) -> tuple[T | None, list[CustomerGroupError]]:
    """What `work` gives, or what the caller can mend; paths of fields begin with `input`."""
    try:
        return await work(), []
    except DomainError as error:
        field, code = input_path(error.field), CustomerGroupErrorCode(error.code)
        return None, [CustomerGroupError(field=field, message=str(error), code=code)]
