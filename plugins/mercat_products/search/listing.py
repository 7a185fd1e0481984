"""A list of products by way of the index, page by page."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mercat.catalog import ProductHit, ProductSearch, SearchAnswer
from mercat.context import Context
from mercat.graphql.connections import PageInfo, encode_cursor
from mercat.storage import Record
from mercat_products.search import service
from mercat_products.search.cursors import to_number

_MOST_ROUNDS = 5


@dataclass(frozen=True)
class Listing:
    """One page: what was asked, what was found, and the products that are still there."""

    context: Context
    wanted: ProductSearch
    answer: SearchAnswer
    found: Sequence[tuple[ProductHit, Record]]

    @staticmethod
    async def of(
        context: Context, wanted: ProductSearch, keys: Collection[str] | None
    ) -> "Listing":
        """Find and load a page. Raises InvalidError, StoreError.

        Where nothing of a page is there any more, it is the next page that has something.
        """
        for _ in range(_MOST_ROUNDS):
            answer = await service.find(context, wanted)
            records = await service.load(context, answer, keys)
            found = [
                (hit, records[hit.product_id]) for hit in answer.hits if hit.product_id in records
            ]
            if found or not answer.has_more or not answer.hits:
                break
            edge = answer.hits[0 if wanted.backward else -1]
            wanted = replace(wanted, position=edge.position)
        return Listing(context, wanted, answer, found)

    @cached_property
    def kind(self) -> str:
        return service.list_name(self.wanted)

    @property
    def numbers(self) -> Sequence[int]:
        return [to_number(hit.position) for hit, _ in self.found]

    @property
    def has_next(self) -> bool:
        if self.wanted.backward:
            return self.wanted.position is not None
        return self.answer.has_more

    @property
    def has_previous(self) -> bool:
        if self.wanted.backward:
            return self.answer.has_more
        return self.wanted.position is not None

    @cached_property
    def whole(self) -> "WholeList":
        return WholeList(self.context, replace(self.wanted, count=0, position=None, backward=False))

    async def total_count(self) -> int:
        return (await self.whole.ask(total=True)).total

    def page_info(self) -> PageInfo:
        """Where the page lies."""
        cursors = [encode_cursor(self.kind, number) for number in self.numbers]
        return PageInfo(
            has_next_page=self.has_next,
            has_previous_page=self.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


class WholeList:
    """What only some operations select, of a whole list.

    What is asked in the same moment, as an operation's fields do, is one question to the index.
    """

    def __init__(self, context: Context, wanted: ProductSearch) -> None:
        self._context = context
        self._wanted = self._next = wanted
        self._answer: asyncio.Task[SearchAnswer] | None = None

    async def ask(
        self,
        *,
        total: bool = False,
        facets: frozenset[str] = frozenset(),
        correction: bool = False,
    ) -> SearchAnswer:
        """An answer that has at least this. Raises StoreError."""
        self._next = replace(
            self._next,
            total=self._next.total or total,
            facets=self._next.facets | facets,
            correction=self._next.correction or correction,
        )
        if self._answer is None:
            self._answer = asyncio.create_task(self._ask(), name="search-whole-list")
        return await self._answer

    async def _ask(self) -> SearchAnswer:
        await asyncio.sleep(0)  # for the others to say what they want
        wanted, self._next, self._answer = self._next, self._wanted, None
        return await service.find(self._context, wanted)
