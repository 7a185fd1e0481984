"""What categories look like."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Annotated, Self, cast

import strawberry
from bson import ObjectId

from mercat.caching import cacheable
from mercat.errors import InvalidError
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
from mercat.graphql.extend import Query, extend
from mercat.graphql.localising import Locale, check_locale
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat_categories import service
from mercat_categories.documents import CategoryTreeDocument, CountDocument, ListingDocument
from mercat_media.schema import Media
from mercat_products.details import Seo
from mercat_products.documents import ProductDocument
from mercat_products.permissions import sees_more
from mercat_products.schema import CURSOR as PRODUCTS
from mercat_products.schema import Product, products_connection
from mercat_products.search.facets import Facets
from mercat_products.search.inputs import Filter, ProductSort, Sort
from mercat_products.search.schema import browse, is_by_age

CURSOR = "categories"

_NO_SEO = Seo(record={"title": "", "description": ""})
IncludeDescendants = Annotated[
    bool, strawberry.argument(description="Also those in the categories below it.")
]


@strawberry.type(description="A category's texts in one of the shop's other locales.")
class CategoryTranslation:
    locale: str = stored("locale", "Such as `de`.")
    name: str | None = stored("name", "Null where it falls back.")
    description: str | None = stored("description", "Null where it falls back.")
    slug: str | None = stored("slug", "Null where it falls back.")
    record: strawberry.Private[Record]


_encode = id_encoder("Category")


def _to_media(record: Record) -> Media:
    return Media(record=record)


def _to_seo(record: Record) -> Seo:
    return Seo(record=record)


def _to_translations(records: Sequence[Record]) -> list[CategoryTranslation]:
    return [CategoryTranslation(record=record) for record in records]


@strawberry.type(description="A place in the shop's tree of categories.")
class Category(Node):
    id: strawberry.ID = stored("_id", "Opaque, and unique in the whole shop.", convert=_encode)
    slug: str = stored("slug", "Its name in URLs; unique in the shop.")
    name: str = stored("name", "Its name.")
    description: str = stored("description", "What is in it; harmless HTML.")
    position: int = stored("position", "Its place among its siblings; ties go by name.")
    parent_id: strawberry.ID | None = stored(
        "parent_id", "The id of the category above it; null for a root.", convert=_encode
    )
    depth: int = stored("ancestors", "How many categories are above it; 0 for a root.", convert=len)
    version: int = stored("version", "Grows with each change of its own.")
    image: Media | None = stored("image", "Its picture.", convert=_to_media)
    seo: Seo = stored("seo", "How search engines show it.", convert=_to_seo, default=_NO_SEO)
    translations: list[CategoryTranslation] = stored(
        "translations",
        "Its texts in the shop's other locales.",
        convert=_to_translations,
        default=(),
    )
    record: strawberry.Private[Record]

    @property
    def key(self) -> ObjectId:
        found: ObjectId = self.record["_id"]
        return found

    @strawberry.field(description="The products in it, and in everything below it.")
    @cacheable(ListingDocument, CountDocument, named=[ProductDocument])
    async def products(
        self,
        info: Info,
        include_descendants: IncludeDescendants = True,
        filter: Filter = None,  # noqa: A002
        sort: Sort = ProductSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Product]:
        context = info.context
        # Only the active ones among those that lie in the category itself are listed by age.
        is_index_asked = not include_descendants and sees_more(context.viewer)
        if is_index_asked or not is_by_age(filter, sort):
            return await browse(
                info,
                filter,
                sort,
                first,
                after,
                last,
                before,
                self.key,
                include_descendants=include_descendants,
            )
        request = page_request(PRODUCTS, first, after, last, before)
        newest_first = sort is ProductSort.NEWEST
        if include_descendants:
            count = partial(service.count_products, context, self.key)
            return await products_connection(
                info, request, newest_first=newest_first, group=self.key, count=count
            )
        page, records = await service.direct_products(
            context, self.key, request, newest_first=newest_first
        )

        async def count_direct() -> int:
            return (await service.product_counts(context, [self.key]))[self.key].direct

        shown = [Product(record=record) for record in records]
        return connection(PRODUCTS, page, shown, count_direct)

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        found = await service.found_by_id(info.context, [key for key in ids if key])
        own = {record["_id"]: to_category(record) for record in found.values()}
        return cast("list[Self | None]", [own.get(key) if key else None for key in ids])


def to_category(record: Record) -> Category:
    """A stored category as it is shown."""
    return Category(record=record)


async def _related(info: Info, wanted: Sequence[Sequence[ObjectId]]) -> list[list[Category]]:
    """The categories with these ids, list by list."""
    found = await service.found_by_id(info.context, set(chain.from_iterable(wanted)))
    return [[to_category(found[key]) for key in keys if key in found] for keys in wanted]


@cacheable(CategoryTreeDocument)
async def _parents(categories: list[Category], info: Info) -> list[Category | None]:
    parents = [category.record["parent_id"] for category in categories]
    found = await _related(info, [[] if key is None else [key] for key in parents])
    return [next(iter(each), None) for each in found]


@cacheable(CategoryTreeDocument)
async def _ancestors(categories: list[Category], info: Info) -> list[list[Category]]:
    return await _related(info, [category.record["ancestors"] for category in categories])


@cacheable(CategoryTreeDocument)
async def _children(categories: list[Category], info: Info) -> list[list[Category]]:
    keys = [category.key for category in categories]
    found = await service.children_of(info.context, keys)
    return [[to_category(child) for child in found[key]] for key in keys]


@cacheable(CountDocument)
async def _product_counts(
    categories: list[Category], info: Info, include_descendants: IncludeDescendants = True
) -> list[int]:
    keys = [category.key for category in categories]
    found = await service.product_counts(info.context, keys)
    if include_descendants:
        return [found[key].total for key in keys]
    return [found[key].direct for key in keys]


@extend(Category)
class CategoryTree:
    parent = batched("The category above it; null for a root.", _parents)
    ancestors = batched("The categories above it, the root first.", _ancestors)
    children = batched("The categories below it, by position and name.", _children)
    product_count = batched(
        "How many products that are for sale are in it, and in everything below it.",
        _product_counts,
    )


@cacheable(CategoryTreeDocument)
@reads("placed_in")
async def _categories_of(products: list[Product], info: Info) -> list[list[Category]]:
    wanted = [product.record.get("placed_in", ()) for product in products]
    found = await service.found_by_id(info.context, chain.from_iterable(wanted))
    return [
        [
            to_category(record)
            for record in sorted(
                {found[key]["_id"]: found[key] for key in keys if key in found}.values(),
                key=lambda record: (-len(record["ancestors"]), record["name"]),
            )
        ]
        for keys in wanted
    ]


@extend(Product)
class ProductCategories:
    categories = batched("The categories it was put in, the most specific first.", _categories_of)


@strawberry.type(description="How many of the products that were found are in a category.")
class CategoryCount:
    category: Category = strawberry.field(description="The category.")
    count: int = strawberry.field(description="How many are in it or below it.")


@cacheable(CategoryTreeDocument)
@reads("groups")
async def _category_counts(facets: list[Facets], info: Info) -> list[list[CategoryCount]]:
    wanted = [
        [(ObjectId(each.value), each.count) for each in found.record["groups"]] for found in facets
    ]
    keys = [key for found in wanted for key, _ in found]
    known = await service.found_by_id(info.context, keys)
    return [
        [
            CategoryCount(category=to_category(known[key]), count=count)
            for key, count in found
            if key in known
        ]
        for found in wanted
    ]


@extend(Facets)
class CategoryFacets:
    categories = batched("By category, the most frequent first.", _category_counts)


@extend(Query)
class CategoryQuery:
    @strawberry.field(description="One category, by its id or its slug; null where there is none.")
    @staticmethod
    @cacheable(CategoryTreeDocument)
    async def category(
        info: Info,
        id: Annotated[  # noqa: A002
            strawberry.ID | None,
            strawberry.argument(
                description="Its id. That of one that became part of it finds it too."
            ),
        ] = None,
        slug: Annotated[
            str | None,
            strawberry.argument(
                description="Its slug. One that it had finds it too: compare the answer's `slug`."
            ),
        ] = None,
        locale: Locale = None,
    ) -> Category | None:
        if (id is None) == (slug is None):
            raise InvalidError("give either `id` or `slug`")
        check_locale(info.context, locale)
        context = info.context
        if slug is not None:
            record = await service.category_by_slug(context, slug)
        else:
            key = object_id(id or "", "Category")
            record = (await service.found_by_id(context, [key])).get(key)
        return to_category(record) if record else None

    @strawberry.field(description="The categories in the order in which they were added.")
    @staticmethod
    @cacheable(CategoryTreeDocument)
    async def categories(
        info: Info,
        roots: Annotated[bool, strawberry.argument(description="Only those at the top.")] = False,
        locale: Locale = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Category]:
        check_locale(info.context, locale)
        context = info.context
        request = page_request(CURSOR, first, after, last, before)
        page = await service.category_page(context, request, roots=roots)

        async def count() -> int:
            return await service.count_categories(context, roots=roots)

        shown = [to_category(record) for record in page.records]
        return connection(CURSOR, page, shown, count)

    @strawberry.field(description="The tree from its roots, by position and name.")
    @staticmethod
    @cacheable(CategoryTreeDocument)
    async def category_tree(
        info: Info,
        depth: Annotated[
            int | None,
            strawberry.argument(
                description="Bounds nothing any more: what is selected is there.",
                deprecation_reason="Select as many levels as you need, or use `allCategories`.",
            ),
        ] = None,
        locale: Locale = None,
    ) -> list[Category]:
        _check_depth(depth)
        check_locale(info.context, locale)
        roots = await service.children_of(info.context, [None])
        return [to_category(record) for record in roots[None]]

    @strawberry.field(
        description="All categories in the tree's order: after each the first below it with all "
        "below that, then the next. `depth` and `parentId` say where each one belongs."
    )
    @staticmethod
    @cacheable(CategoryTreeDocument)
    async def all_categories(
        info: Info,
        depth: Annotated[
            int | None,
            strawberry.argument(description="How many levels from the roots; null for all."),
        ] = None,
        locale: Locale = None,
    ) -> list[Category]:
        _check_depth(depth)
        check_locale(info.context, locale)
        found = await service.whole_tree(info.context, depth)
        return [to_category(record) for record in found]


def _check_depth(depth: int | None) -> None:
    if depth is not None and depth < 1:
        raise InvalidError("`depth` must be at least 1")
