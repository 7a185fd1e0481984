"""One engine's own search: what is asked of the index, and who keeps the index."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tantivy import Query, Searcher

from mercat.caching import Topic
from mercat.catalog import ProductSearch, SearchAnswer
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import DomainError, NotReadyError, StoreError
from mercat_products.search.asking import answer, brands
from mercat_products.search.fields import Fields
from mercat_products.search.folder import IndexFolder
from mercat_products.search.following import Follower
from mercat_products.search.reading import Reader
from mercat_products.search.words import Words
from mercat_products.settings import ProductSettings

T = TypeVar("T")

INDEX = Topic("products.search")
"""The index that this process reads."""

_CANCEL_SECONDS = 0.2
_WATCH_SECONDS = 0.1

_logger = logging.getLogger(__name__)


class Finder:
    """`finder_of(context)` finds an engine's."""

    def __init__(self, engine: Engine) -> None:
        shop = engine.settings.shop
        settings = engine.plugin_settings(ProductSettings)
        synonyms = [[word.strip() for word in group.split(",")] for group in settings.synonyms]
        words = Words.of(shop.all_locales, synonyms)
        self._known = Fields(words, shop.all_currencies)
        name = engine.settings.database.name + ("_demo" if engine.demo else "")
        path = engine.storage.data_dir / "search" / name / self._known.fingerprint
        folder = IndexFolder(path)
        self._reader = Reader(self._known, folder)
        self._follower = Follower(engine.storage, self._known, folder, settings.index_megabytes)
        self._answers = engine.answers
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def words(self) -> Words:
        return self._known.words

    def start(self) -> None:
        """Keep the index up to date, whenever no other process of the host does."""
        self._tasks = [
            asyncio.create_task(self._follower.run(), name="search-index"),
            asyncio.create_task(self._watch(), name="search-watch"),
        ]

    async def stop(self) -> None:
        """Let another process write."""
        while self._tasks:
            # Again and again: until Python 3.12 `asyncio.wait_for` may swallow a cancellation.
            for task in self._tasks:
                task.cancel()
            _, pending = await asyncio.wait(self._tasks, timeout=_CANCEL_SECONDS)
            self._tasks = list(pending)

    async def _watch(self) -> None:
        """Tell when whoever writes the index has committed."""
        seen = self._reader.state()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            found = self._reader.state()
            if found != seen:
                self._answers.changed(INDEX)
                seen = found

    async def search(self, wanted: ProductSearch) -> SearchAnswer:
        """Ask the index. Raises InvalidError for a wrong position, NotReadyError for no index."""
        return await self._ask(
            lambda searcher: replace(
                answer(self._known, searcher, wanted), is_complete=self._reader.is_complete
            )
        )

    async def brands(self, begun: str, wanted: ProductSearch, count: int) -> list[str]:
        """Brands whose name, or a word of it, begins so, the most frequent first."""
        return await self._ask(lambda searcher: brands(self._known, searcher, begun, wanted, count))

    async def _ask(self, question: Callable[[Searcher], T]) -> T:
        return await asyncio.to_thread(self._answer, question)

    def _answer(self, question: Callable[[Searcher], T]) -> T:
        searcher = self._reader.searcher()
        if searcher is None:
            raise NotReadyError("the search index is being made; try again in a moment")
        try:
            return question(searcher)
        except DomainError:
            raise
        except BaseException as error:  # the library's own faults are no Exceptions
            if not _is_readable(searcher):
                self._reader.fail()
            raise StoreError(f"the search index can't answer: {error}") from error


def _is_readable(searcher: Searcher) -> bool:
    """Whether the index answers a plain question, so that the other one was at fault."""
    try:
        hits = searcher.search(Query.all_query(), limit=1).hits
        return all(searcher.doc(address).num_fields for _, address in hits)
    except BaseException:  # noqa: BLE001  the library's own faults come as these
        return False


def finder_of(context: Context) -> Finder:
    """The search of the context's engine."""
    return context.engine.own(Finder, context.engine)
