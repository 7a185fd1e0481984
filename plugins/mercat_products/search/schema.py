"""Searching and browsing the catalogue, as clients see it."""

from dataclasses import replace
from enum import Enum
from typing import Annotated

import strawberry
from bson import ObjectId

from mercat.caching import cacheable
from mercat.catalog import ProductSearch
from mercat.errors import NotReadyError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    PageInfo,
    encode_cursor,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.localising import Locale, check_locale
from mercat.graphql.records import wanted_keys
from mercat_products.documents import ProductDocument
from mercat_products.schema import CURSOR, Product, products_connection
from mercat_products.search import service
from mercat_products.search.cursors import checked_count, read_cursor, to_number
from mercat_products.search.facets import ALL_FACETS, Facets
from mercat_products.search.finder import finder_of
from mercat_products.search.inputs import (
    Filter,
    ProductFilter,
    ProductSort,
    Sort,
    conditions_of,
    order_of,
)
from mercat_products.search.listing import Listing
from mercat_products.search.marking import Marker, marked

_MARKED = ("name", "description")


@strawberry.type(description="A piece of a text.")
class HighlightPart:
    text: str = strawberry.field(description="The piece, as plain text.")
    is_match: bool = strawberry.field(description="Whether it is a word that was looked for.")


@strawberry.enum(description="A text of a product.")
class HighlightedField(Enum):
    NAME = strawberry.enum_value("name", description="Its name, the whole of it.")
    DESCRIPTION = strawberry.enum_value(
        "description", description="Its description, the part around the first match."
    )


@strawberry.type(description="A text in which words that were looked for were found.")
class Highlight:
    field: HighlightedField = strawberry.field(description="The text that it is from.")
    parts: list[HighlightPart] = strawberry.field(description="Its pieces in order.")


@strawberry.type(description="A product that was found.")
class ProductSearchEdge:
    cursor: str = strawberry.field(description="Goes into `after` or `before`.")
    node: Product = strawberry.field(description="The product.")
    marker: strawberry.Private[Marker]

    @strawberry.field(description="Where the words that were looked for are.")
    @cacheable()
    def highlights(self) -> list[Highlight]:
        return [
            Highlight(
                field=HighlightedField(name),
                parts=[HighlightPart(text=part.text, is_match=part.is_match) for part in parts],
            )
            for name, parts in marked(self.marker, self.node.record).items()
        ]


@strawberry.type(description="One page of what was found, and facts about all of it.")
class ProductSearchConnection:
    nodes: list[Product] = strawberry.field(description="The products of the page.")
    listing: strawberry.Private[Listing]

    @strawberry.field(description="Where the page lies in the list.")
    @cacheable()
    def page_info(self) -> PageInfo:
        return self.listing.page_info()

    @strawberry.field(description="The products of the page with their cursors and highlights.")
    @cacheable()
    async def edges(self) -> list[ProductSearchEdge]:
        wanted = self.listing.wanted
        said = await self.listing.whole.ask(correction=True)
        marker = Marker.of(finder_of(self.listing.context).words, wanted.text, said.words)
        kind = self.listing.kind
        return [
            ProductSearchEdge(
                cursor=encode_cursor(kind, to_number(hit.position)), node=node, marker=marker
            )
            for (hit, _), node in zip(self.listing.found, self.nodes, strict=True)
        ]

    @strawberry.field(description="How many were found in all; counted only when asked for.")
    @cacheable()
    async def total_count(self) -> int:
        return await self.listing.total_count()

    @strawberry.field(description="Counts of what was found, for narrowing it down.")
    @cacheable()
    async def facets(self, info: Info) -> Facets:
        said = await self.listing.whole.ask(facets=wanted_keys(info, Facets) or ALL_FACETS)
        return Facets.of(said.facets, self.listing.wanted.currency)

    @strawberry.field(description="The query as it may have been meant; null where it seems right.")
    @cacheable()
    async def did_you_mean(self) -> str | None:
        return (await self.listing.whole.ask(correction=True)).correction

    @strawberry.field(description="False while the index is being made: products may be missing.")
    @cacheable()
    def is_complete(self) -> bool:
        return self.listing.answer.is_complete


@strawberry.enum(description="What a suggestion is.")
class SuggestionKind(Enum):
    BRAND = strawberry.enum_value("brand", description="A brand.")
    PRODUCT = strawberry.enum_value("product", description="The name of a product.")


@strawberry.type(description="How a query that was begun may go on.")
class ProductSuggestion:
    text: str = strawberry.field(description="The whole query.")
    kind: SuggestionKind = strawberry.field(description="What it is.")
    product: Product | None = strawberry.field(description="The product; null for a brand.")


def _search(
    info: Info,
    text: str,
    asked: ProductFilter | None,
    sort: ProductSort,
    count: int,
    category: ObjectId | None = None,
    *,
    include_descendants: bool = True,
) -> ProductSearch:
    """What a client asks for, within what it may see. Raises InvalidError, ForbiddenError."""
    shop = info.context.shop
    conditions = replace(
        conditions_of(asked, shop),
        within=category,
        within_itself=not include_descendants,
    )
    currency = conditions.price.currency if conditions.price else shop.currency
    wanted = ProductSearch(
        text, conditions, order_of(sort), currency, count, locale=info.context.locale
    )
    return service.asked_by(info.context.viewer, wanted)


def is_by_age(filter: ProductFilter | None, sort: ProductSort) -> bool:  # noqa: A002
    """Whether the database lists what is asked for, and not the index."""
    return filter is None and sort in {ProductSort.NEWEST, ProductSort.OLDEST}


async def browse(
    info: Info,
    filter: ProductFilter | None,  # noqa: A002
    sort: ProductSort,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
    category: ObjectId | None = None,
    *,
    include_descendants: bool = True,
) -> Connection[Product]:
    """A page of products by the index, of the shop or of a category.

    Raises InvalidError, ForbiddenError, NotReadyError where the index has not all products yet.
    """
    count = checked_count(first, after, last, before)
    wanted = _search(
        info, "", filter, sort, count, category, include_descendants=include_descendants
    )
    cursor = read_cursor(service.list_name(wanted), after if first is not None else before)
    wanted = service.at(wanted, cursor, backward=first is None)
    listing = await Listing.of(info.context, wanted, wanted_keys(info, Product))
    if not listing.answer.is_complete:
        raise NotReadyError("the search index is being made; try again in a moment")
    nodes = [Product(record=record) for _, record in listing.found]
    return Connection(nodes=nodes, extent=listing)


@extend(Query)
class ProductListQuery:
    @strawberry.field(description="The products that are for sale; staff see all, sellers theirs.")
    @staticmethod
    @cacheable(named=[ProductDocument])
    async def products(
        info: Info,
        filter: Filter = None,  # noqa: A002
        sort: Sort = ProductSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        locale: Locale = None,
    ) -> Connection[Product]:
        check_locale(info.context, locale)
        if not is_by_age(filter, sort):
            return await browse(info, filter, sort, first, after, last, before)
        request = page_request(CURSOR, first, after, last, before)
        return await products_connection(info, request, newest_first=sort is ProductSort.NEWEST)


@extend(Query)
class ProductSearchQuery:
    @strawberry.field(
        description="Products by words: in names, brands, SKUs, options, tags and descriptions, in "
        "the shop's languages, with typos, and the last word as far as it is typed. A query has at "
        "most 500 characters, of which 12 words count; an empty one finds everything."
    )
    @staticmethod
    @cacheable(named=[ProductDocument])
    async def product_search(
        info: Info,
        query: Annotated[str, strawberry.argument(description="What is looked for.")],
        filter: Filter = None,  # noqa: A002
        sort: Sort = ProductSort.RELEVANCE,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        locale: Locale = None,
    ) -> ProductSearchConnection:
        check_locale(info.context, locale)
        count = checked_count(first, after, last, before)
        wanted = _search(info, query, filter, sort, count)
        cursor = read_cursor(service.list_name(wanted), after if first is not None else before)
        wanted = service.at(wanted, cursor, backward=first is None)
        keys = wanted_keys(info, Product)
        listing = await Listing.of(
            info.context, wanted, None if keys is None else keys | set(_MARKED)
        )
        nodes = [Product(record=record) for _, record in listing.found]
        return ProductSearchConnection(nodes=nodes, listing=listing)

    @strawberry.field(description="How a query that was begun may go on: brands and products.")
    @staticmethod
    @cacheable(named=[ProductDocument])
    async def product_suggestions(
        info: Info,
        prefix: Annotated[str, strawberry.argument(description="What was typed so far.")],
        first: Annotated[int, strawberry.argument(description="How many at most: 1 to 20.")] = 8,
        locale: Locale = None,
    ) -> list[ProductSuggestion]:
        check_locale(info.context, locale)
        found = await service.suggest(info.context, prefix, first)
        return [
            ProductSuggestion(
                text=each.text,
                kind=SuggestionKind.BRAND if each.record is None else SuggestionKind.PRODUCT,
                product=None if each.record is None else Product(record=each.record),
            )
            for each in found
        ]
