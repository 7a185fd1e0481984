"""What can be wrong with a shipping method or a tax zone, as a client sees it."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path

T = TypeVar("T")


@strawberry.enum(description="What can be wrong with a shipping method or a tax zone.")
class ConfigurationErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such thing, or none that the viewer may see."
    )
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    KEY_TAKEN = strawberry.enum_value("KEY_TAKEN", description="Another one has the key.")
    IN_SETTINGS = strawberry.enum_value(
        "IN_SETTINGS", description="It stands in engine.toml; change it there."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="There are as many as there may be.")


@strawberry.type(description="What is wrong with a shipping method or a tax zone.")
class ConfigurationError(UserError):
    code: ConfigurationErrorCode = strawberry.field(description="What kind of error it is.")


async def attempted(
    work: Callable[[], Awaitable[T]],
) -> tuple[T | None, list[ConfigurationError]]:
    """What `work` gives, or what the caller can mend; paths of fields begin with `input`."""
    try:
        return await work(), []
    except DomainError as error:
        field = input_path(error.field)
        code = ConfigurationErrorCode(error.code)
        return None, [ConfigurationError(field=field, message=str(error), code=code)]
