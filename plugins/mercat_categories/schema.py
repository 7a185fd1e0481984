"""What categories look like."""

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import chain
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
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat_categories import service
from mercat_products.schema import Product, ProductSort, Sort, products_connection

CURSOR = "categories"
MANAGE = "categories.manage"
MOST_DEPTH = 5


@strawberry.type(description="A place in the shop's tree of categories.")
class Category(Node):
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=id_encoder("Category")
    )
    slug: str = stored("slug", "Its name in URLs; unique in the shop.")
    name: str = stored("name", "Its name.")
    description: str = stored("description", "What is in it.")
    position: int = stored("position", "Its place among its siblings; ties go by name.")
    depth: int = stored("ancestors", "How many categories are above it; 0 for a root.", convert=len)
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]
    known_children: strawberry.Private[list["Category"] | None] = None

    @property
    def key(self) -> ObjectId:
        found: ObjectId = self.record["_id"]
        return found

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
        return await products_connection(info, sort, first, after, last, before, group=self.key)

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
    return Category(record=record)


async def _parents(categories: list[Category], info: Info) -> list[Category | None]:
    wanted = [category.record["parent_id"] for category in categories]
    found = await service.categories_by_id(info.context, _keys(wanted))
    return [to_category(found[key]) if key in found else None for key in wanted]


async def _ancestors(categories: list[Category], info: Info) -> list[list[Category]]:
    wanted = [category.record["ancestors"] for category in categories]
    found = await service.categories_by_id(info.context, list(chain.from_iterable(wanted)))
    return [[to_category(found[key]) for key in keys if key in found] for keys in wanted]


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


@reads("placed_in")
async def _categories_of(products: list[Product], info: Info) -> list[list[Category]]:
    wanted = [product.record.get("placed_in", ()) for product in products]
    found = await service.categories_by_id(info.context, list(chain.from_iterable(wanted)))
    return [
        [
            to_category(record)
            for record in sorted(
                (found[key] for key in keys if key in found),
                key=lambda record: (-len(record["ancestors"]), record["name"]),
            )
        ]
        for keys in wanted
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
