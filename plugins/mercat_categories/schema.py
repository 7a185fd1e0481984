"""What categories look like."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Annotated, Self, cast

import strawberry
from bson import ObjectId

from mercat.errors import DomainError, InvalidError
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
from mercat.graphql.errors import ForbiddenError, UserError
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.schema import Node
from mercat.ids import encode_id, object_id
from mercat.storage import Record
from mercat_categories import service
from mercat_products.schema import Product, ProductSort, Sort, products_connection

CURSOR = "categories"
MANAGE = "categories.manage"
MOST_DEPTH = 5


@strawberry.type(description="A place in the shop's tree of categories.")
class Category(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")
    slug: str = strawberry.field(description="Its name in URLs; unique in the shop.")
    name: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="What is in it.")
    position: int = strawberry.field(description="Its place among its siblings; ties go by name.")
    depth: int = strawberry.field(description="How many categories are above it; 0 for a root.")
    version: int = strawberry.field(description="Grows with each change.")
    key: strawberry.Private[ObjectId]
    parent_key: strawberry.Private[ObjectId | None]
    ancestor_keys: strawberry.Private[list[ObjectId]]
    known_children: strawberry.Private[list["Category"] | None] = None

    @strawberry.field(description="The products in it and in everything below it.")
    async def products(
        self,
        info: Info,
        sort: Sort = ProductSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Product]:
        return await products_connection(
            info.context, sort, first, after, last, before, group=self.key
        )

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        found = await service.categories_by_id(info.context, [key for key in ids if key])
        return cast(
            "list[Self | None]",
            [to_category(found[key]) if key in found else None for key in ids],
        )


def _keys(keys: Iterable[ObjectId | None]) -> list[ObjectId]:
    return [key for key in keys if key is not None]


def to_category(record: Record) -> Category:
    """A stored category as it is shown."""
    return Category(
        id=strawberry.ID(encode_id("Category", record["_id"])),
        key=record["_id"],
        slug=record["slug"],
        name=record["name"],
        description=record["description"],
        position=record["position"],
        depth=len(record["ancestors"]),
        version=record["version"],
        parent_key=record["parent_id"],
        ancestor_keys=record["ancestors"],
    )


async def _parents(categories: list[Category], info: Info) -> list[Category | None]:
    found = await service.categories_by_id(info.context, _keys(c.parent_key for c in categories))
    return [to_category(found[c.parent_key]) if c.parent_key in found else None for c in categories]


async def _ancestors(categories: list[Category], info: Info) -> list[list[Category]]:
    wanted = _keys(key for category in categories for key in category.ancestor_keys)
    found = await service.categories_by_id(info.context, wanted)
    return [
        [to_category(found[key]) for key in c.ancestor_keys if key in found] for c in categories
    ]


async def _children(categories: list[Category], info: Info) -> list[list[Category]]:
    known = [category.known_children for category in categories]
    missing = [c.key for c in categories if c.known_children is None]
    found = await service.children_of(info.context, missing) if missing else {}
    return [
        children if children is not None else list(map(to_category, found[category.key]))
        for category, children in zip(categories, known, strict=True)
    ]


@extend(Category)
class CategoryTree:
    parent = batched("The category above it; null for a root.", _parents)
    ancestors = batched("The categories above it, the root first.", _ancestors)
    children = batched("The categories below it, by position and name.", _children)


async def _categories_of(products: list[Product], info: Info) -> list[list[Category]]:
    wanted = [key for product in products for key in product.placed_in]
    found = await service.categories_by_id(info.context, wanted)
    return [
        sorted(
            (to_category(found[key]) for key in product.placed_in if key in found),
            key=lambda category: (-category.depth, category.name),
        )
        for product in products
    ]


@extend(Product)
class ProductCategories:
    categories = batched("The categories it was put in, the most specific first.", _categories_of)


@extend(Query)
class CategoryQuery:
    @strawberry.field(description="One category, by its id or its slug; null where there is none.")
    @staticmethod
    async def category(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        slug: Annotated[str | None, strawberry.argument(description="Its slug.")] = None,
    ) -> Category | None:
        if (id is None) == (slug is None):
            raise InvalidError("give either `id` or `slug`")
        if slug is not None:
            record = await service.category_by_slug(info.context, slug)
        else:
            key = object_id(id or "", "Category")
            record = (await service.categories_by_id(info.context, [key])).get(key)
        return to_category(record) if record else None

    @strawberry.field(description="The categories in the order in which they were added.")
    @staticmethod
    async def categories(
        info: Info,
        roots: Annotated[bool, strawberry.argument(description="Only those at the top.")] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Category]:
        request = page_request(CURSOR, first, after, last, before)
        page = await service.category_page(info.context, request, roots=roots)

        async def count() -> int:
            return await service.count_categories(info.context, roots=roots)

        return connection(CURSOR, page, list(map(to_category, page.records)), count)

    @strawberry.field(description="The tree from its roots, by position and name.")
    @staticmethod
    async def category_tree(
        info: Info,
        depth: Annotated[int, strawberry.argument(description="How many levels: 1 to 5.")] = 3,
    ) -> list[Category]:
        if not 1 <= depth <= MOST_DEPTH:
            raise InvalidError(f"`depth` must be from 1 to {MOST_DEPTH}")
        roots = list(map(to_category, (await service.children_of(info.context, [None]))[None]))
        level = roots
        for remaining in range(depth - 1, -1, -1):
            found = (
                await service.children_of(info.context, [category.key for category in level])
                if remaining and level
                else {}
            )
            for category in level:
                category.known_children = list(map(to_category, found.get(category.key, [])))
            level = [child for category in level for child in category.known_children or ()]
        return roots


@strawberry.input(description="A category to be added.")
class CategoryCreateInput:
    name: str = strawberry.field(description="Its name.")
    slug: str | None = strawberry.field(
        default=None, description="Its name in URLs; made from the name where left out."
    )
    description: str = strawberry.field(default="", description="What is in it.")
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the category above it; a root where left out."
    )
    position: int = strawberry.field(default=0, description="Its place among its siblings.")


@strawberry.enum(description="What can be wrong with a category.")
class CategoryErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    PARENT_NOT_FOUND = strawberry.enum_value(
        "PARENT_NOT_FOUND", description="There is no category with the parent's id."
    )
    SLUG_TAKEN = strawberry.enum_value("SLUG_TAKEN", description="Another one has the slug.")
    TOO_DEEP = strawberry.enum_value("TOO_DEEP", description="The tree has too many levels.")


@strawberry.type(description="What is wrong with a category.")
class CategoryError(UserError):
    code: CategoryErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of `categoryCreate`.")
class CategoryCreatePayload:
    category: Category | None = strawberry.field(description="The category; null where it failed.")
    user_errors: list[CategoryError] = strawberry.field(description="What the caller can mend.")


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
        if MANAGE not in info.context.viewer.permissions:
            raise ForbiddenError
        try:
            parent = None if input.parent is None else object_id(input.parent, "Category")
            record = await service.create_category(
                info.context,
                name=input.name,
                slug=input.slug,
                description=input.description,
                parent_id=parent,
                position=input.position,
            )
        except DomainError as error:
            return CategoryCreatePayload(category=None, user_errors=[_to_error(error)])
        return CategoryCreatePayload(category=to_category(record), user_errors=[])


def _to_error(error: DomainError) -> CategoryError:
    field = ["input", *error.field] if error.field else None
    return CategoryError(field=field, message=str(error), code=CategoryErrorCode(error.code))
