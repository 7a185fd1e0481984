"""The mutations of the tree."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_categories import service
from mercat_categories.editing import service as editing
from mercat_categories.editing.inputs import (
    CategoryChildren,
    CategoryCreateInput,
    CategoryDeleteInput,
    CategoryMergeInput,
    CategoryMoveInput,
    CategoryProductsAddInput,
    CategoryProductsRemoveInput,
    CategoryReorderInput,
    CategoryUpdateInput,
    category_id,
    category_ids,
    given,
    place,
    product_ids,
)
from mercat_categories.editing.outcomes import (
    CategoryCreatePayload,
    CategoryDeletePayload,
    CategoryError,
    CategoryMergePayload,
    CategoryMovePayload,
    CategoryProductsAddPayload,
    CategoryProductsRemovePayload,
    CategoryReorderPayload,
    CategoryUpdatePayload,
    to_error,
)
from mercat_categories.schema import Category, to_category

T = TypeVar("T")


async def _attempt(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[CategoryError]]:
    """What `work` gives, or what the caller can mend."""
    try:
        return await work(), []
    except DomainError as error:
        return None, [to_error(error)]


def _shown(info: Info, record: Record | None) -> Category | None:
    return to_category(service.localised(info.context, record)) if record else None


@extend(Mutation)
class CategoryMutation:
    @strawberry.field(description="Add a category; needs the permission `categories.manage`.")
    @staticmethod
    async def category_create(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> CategoryCreatePayload:
        async def work() -> Record:
            parent = None if input.parent is None else category_id(input.parent, "parent")
            return await editing.create_category(
                info.context, parent_id=parent, values=given(input)
            )

        record, errors = await _attempt(work)
        return CategoryCreatePayload(category=_shown(info, record), user_errors=errors)

    @strawberry.field(description="Change a category; needs the permission `categories.manage`.")
    @staticmethod
    async def category_update(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> CategoryUpdatePayload:
        async def work() -> Record:
            key = category_id(input.id, "id")
            return await editing.update_category(info.context, key, input.version, given(input))

        record, errors = await _attempt(work)
        return CategoryUpdatePayload(category=_shown(info, record), user_errors=errors)

    @strawberry.field(
        description="Put a category elsewhere in the tree, at once with all below it; its products"
        " follow within moments. Needs the permission `categories.manage`."
    )
    @staticmethod
    async def category_move(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryMoveInput, strawberry.argument(description="What goes where.")
        ],
    ) -> CategoryMovePayload:
        async def work() -> Record:
            key = category_id(input.id, "id")
            return await editing.move_category(info.context, key, input.version, place(input))

        record, errors = await _attempt(work)
        return CategoryMovePayload(category=_shown(info, record), user_errors=errors)

    @strawberry.field(
        description="Put the children of a category, or the roots, in an order; needs the"
        " permission `categories.manage`."
    )
    @staticmethod
    async def category_reorder(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryReorderInput, strawberry.argument(description="Which order.")
        ],
    ) -> CategoryReorderPayload:
        async def work() -> list[Record]:
            parent = None if input.parent is None else category_id(input.parent, "parent")
            children = category_ids(input.children, "children")
            return await editing.reorder_children(info.context, parent, children)

        records, errors = await _attempt(work)
        shown = (
            None
            if records is None
            else [to_category(service.localised(info.context, record)) for record in records]
        )
        return CategoryReorderPayload(children=shown, user_errors=errors)

    @strawberry.field(
        description="Make a category part of another; needs the permission `categories.manage`."
    )
    @staticmethod
    async def category_merge(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryMergeInput, strawberry.argument(description="What becomes part of what.")
        ],
    ) -> CategoryMergePayload:
        async def work() -> Record:
            source = category_id(input.source, "source")
            target = category_id(input.target, "target")
            return await editing.merge_category(info.context, source, target, input.version)

        record, errors = await _attempt(work)
        return CategoryMergePayload(category=_shown(info, record), user_errors=errors)

    @strawberry.field(description="Delete a category; needs the permission `categories.manage`.")
    @staticmethod
    async def category_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryDeleteInput, strawberry.argument(description="What to delete.")
        ],
    ) -> CategoryDeletePayload:
        async def work() -> strawberry.ID:
            key = await editing.delete_category(
                info.context,
                category_id(input.id, "id"),
                reparent=input.children is CategoryChildren.REPARENT,
                version=input.version,
            )
            return strawberry.ID(encode_id("Category", key))

        deleted, errors = await _attempt(work)
        return CategoryDeletePayload(deleted_id=deleted, user_errors=errors)

    @strawberry.field(
        description="Put up to 100 products into a category, all or none; needs the permission"
        " `categories.manage`."
    )
    @staticmethod
    async def category_products_add(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryProductsAddInput, strawberry.argument(description="What goes where.")
        ],
    ) -> CategoryProductsAddPayload:
        async def work() -> Record:
            category = category_id(input.category, "category")
            products = product_ids(input.products)
            return await editing.add_products(info.context, category, products)

        record, errors = await _attempt(work)
        return CategoryProductsAddPayload(category=_shown(info, record), user_errors=errors)

    @strawberry.field(
        description="Take up to 100 products out of a category, all or none; needs the permission"
        " `categories.manage`."
    )
    @staticmethod
    async def category_products_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            CategoryProductsRemoveInput, strawberry.argument(description="What leaves where.")
        ],
    ) -> CategoryProductsRemovePayload:
        async def work() -> Record:
            category = category_id(input.category, "category")
            products = product_ids(input.products)
            return await editing.remove_products(info.context, category, products)

        record, errors = await _attempt(work)
        return CategoryProductsRemovePayload(category=_shown(info, record), user_errors=errors)
