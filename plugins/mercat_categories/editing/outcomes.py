"""What can be wrong with a category, and what the mutations answer."""

from enum import Enum

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat_categories.schema import Category


@strawberry.enum(description="What can be wrong with a category.")
class CategoryErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such category.")
    PARENT_NOT_FOUND = strawberry.enum_value(
        "PARENT_NOT_FOUND", description="There is no category with the parent's id."
    )
    PRODUCT_NOT_FOUND = strawberry.enum_value(
        "PRODUCT_NOT_FOUND", description="There is no product with that id."
    )
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    SLUG_TAKEN = strawberry.enum_value("SLUG_TAKEN", description="Another one has the slug.")
    TOO_DEEP = strawberry.enum_value("TOO_DEEP", description="The tree has too many levels.")
    CYCLE = strawberry.enum_value("CYCLE", description="A category would lie below itself.")
    HAS_CHILDREN = strawberry.enum_value(
        "HAS_CHILDREN", description="There are categories below it."
    )
    MISMATCH = strawberry.enum_value(
        "MISMATCH", description="The categories are not exactly the children of the parent."
    )
    TOO_MANY = strawberry.enum_value(
        "TOO_MANY", description="A product would be in too many categories."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="Others are changing the tree; the same request may do later."
    )


@strawberry.type(description="What is wrong with a category.")
class CategoryError(UserError):
    code: CategoryErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of `categoryCreate`.")
class CategoryCreatePayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryUpdate`.")
class CategoryUpdatePayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryMove`.")
class CategoryMovePayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryReorder`.")
class CategoryReorderPayload:
    children: list[Category] | None = strawberry.field(
        description="The children in their new order; null where it failed."
    )
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryMerge`.")
class CategoryMergePayload:
    category: Category | None = strawberry.field(
        description="The category that has it all now; null where it failed."
    )
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryDelete`.")
class CategoryDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id that it had; null where it failed."
    )
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryProductsAdd`.")
class CategoryProductsAddPayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `categoryProductsRemove`.")
class CategoryProductsRemovePayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


def to_error(error: DomainError) -> CategoryError:
    """A refusal of a service as a `userError`; its field's path begins with `input`."""
    field = input_path(error.field)
    return CategoryError(field=field, message=str(error), code=CategoryErrorCode(error.code))
