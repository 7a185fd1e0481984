"""Reading the index: the newest commit, whichever process made it."""

import logging
import threading
from pathlib import Path

import orjson
from tantivy import Index, Query, Searcher

from mercat_products.search import fields
from mercat_products.search.fields import Fields
from mercat_products.search.folder import IndexFolder, mark_broken, state_of

_logger = logging.getLogger(__name__)


class Reader:
    """Gives searchers of the current generation; of the one before, while that one is gone."""

    def __init__(self, known: Fields, folder: IndexFolder) -> None:
        self._known = known
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[Path, object] | None = None
        self._opened: tuple[Path, Index] | None = None
        self._searcher: Searcher | None = None
        self.is_complete = False

    def searcher(self) -> Searcher | None:
        """A searcher that has all commits so far; None where there never was an index."""
        with self._lock:
            seen = self.state()
            if seen is not None and seen != self._seen:
                self._look_again(seen[0])
                self._seen = seen
            return self._searcher

    def state(self) -> tuple[Path, object] | None:
        """Changes whenever somebody commits; None where there is no index."""
        path = self._folder.current()
        return None if path is None else (path, state_of(path))

    def fail(self) -> None:
        """Have the index that was read last made anew."""
        with self._lock:
            self._searcher, self.is_complete = None, False
            if self._opened is not None:
                mark_broken(self._opened[0])
                self._opened = None

    def _look_again(self, path: Path) -> None:
        try:
            if self._opened is None or self._opened[0] != path:
                self._opened = path, self._known.prepare(Index.open(str(path)))
            self._opened[1].reload()
            searcher = self._opened[1].searcher()
            is_complete = token_in(self._known, searcher) is not None
        except (ValueError, OSError) as error:
            _logger.warning("the search index can't be read and is made anew: %s", error)
            mark_broken(path)
            return
        if is_complete or not self.is_complete:  # all of before is better than a part of now
            self._searcher, self.is_complete = searcher, is_complete


def token_in(known: Fields, searcher: Searcher) -> str | None:
    """The resume token of an index, as JSON; None while the index is being made."""
    query = Query.term_query(known.schema, fields.ID, fields.STATE)
    hits = searcher.search(query, limit=1).hits
    if not hits:
        return None
    state = orjson.loads(searcher.doc(hits[0][1])[fields.STATE][0])
    found: str | None = state["token"]
    return found
