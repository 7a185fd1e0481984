"""What can be wrong with a product, as a client sees it."""

from enum import Enum

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path


@strawberry.enum(description="What can be wrong with a product.")
class ProductErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    SLUG_TAKEN = strawberry.enum_value("SLUG_TAKEN", description="Another one has the slug.")
    SKU_TAKEN = strawberry.enum_value("SKU_TAKEN", description="Another variant has the SKU.")
    IN_USE = strawberry.enum_value("IN_USE", description="Something else still needs it.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The request contradicts one made before."
    )


@strawberry.type(description="What is wrong with a product.")
class ProductError(UserError):
    code: ProductErrorCode = strawberry.field(description="What kind of error it is.")


def to_error(error: DomainError) -> ProductError:
    """A refusal of a service as a `userError`; its field's path begins with `input`."""
    field = input_path(error.field)
    return ProductError(field=field, message=str(error), code=ProductErrorCode(error.code))
