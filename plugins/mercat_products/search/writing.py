"""Writing one generation of the index. All of it blocks, so it runs in threads.

One call at a time: the library waits for a writer that another thread uses with the interpreter's
lock in its hand, which that thread needs to go on. A cancelled task leaves such a thread behind.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson
from tantivy import Document, Index, IndexWriter

from mercat.errors import MercatError
from mercat.storage import Record
from mercat_products.search import fields
from mercat_products.search.entries import entry_of
from mercat_products.search.fields import Fields
from mercat_products.search.reading import token_in

_MEGABYTE = 1_000_000


class IndexLostError(MercatError):
    """The index is not there, not whole, or not ours to write any more."""


class Generation:
    """An index that is open for writing; only one process can have it open."""

    def __init__(self, known: Fields, path: Path, index: Index, megabytes: int) -> None:
        self.path = path
        self._known = known
        self._index = index
        self._turn = threading.Lock()
        self._writer: IndexWriter = index.writer(megabytes * _MEGABYTE, 1)

    @staticmethod
    def create(known: Fields, path: Path, megabytes: int) -> "Generation":
        """A new one in an empty folder, which can be read at once."""
        index = known.prepare(Index(known.schema, str(path), reuse=False))
        made = Generation(known, path, index, megabytes)
        made.commit(None)
        return made

    @staticmethod
    def open(known: Fields, path: Path, megabytes: int) -> "Generation":
        """The one that is there. Raises IndexLostError where it can't be read."""
        try:
            return Generation(known, path, known.prepare(Index.open(str(path))), megabytes)
        except (ValueError, OSError) as error:
            raise IndexLostError(f"the search index can't be opened: {error}") from error

    @property
    def token(self) -> str | None:
        """Up to where in the change stream it holds everything; None where it isn't whole."""
        with self._turn:
            self._index.reload()
            return token_in(self._known, self._index.searcher())

    def add(self, records: Iterable[Record]) -> int:
        """Add products that it doesn't have yet; how many they were."""
        with self._turn:
            return self._add(records)

    def _add(self, records: Iterable[Record]) -> int:
        count = 0
        for record in records:
            self._writer.add_document(entry_of(self._known, record))
            count += 1
        return count

    def replace(self, keys: Sequence[str], records: Iterable[Record]) -> None:
        """Make the products with these keys what the records say; those without one go."""
        with self._turn:
            for key in keys:
                self._writer.delete_documents_by_term(fields.ID, key)
            self._add(records)

    def commit(self, token: str | None) -> None:
        """Make it durable, together with the token, and seen by all that read it."""
        state = Document()
        state.add_text(fields.ID, fields.STATE)
        state.add_text(fields.STATE, orjson.dumps({"token": token}).decode())
        with self._turn:
            self._writer.delete_documents_by_term(fields.ID, fields.STATE)
            self._writer.add_document(state)
            self._writer.commit()

    def close(self) -> None:
        """Let go of it, once its segments have been merged."""
        with self._turn:
            self._writer.wait_merging_threads()
