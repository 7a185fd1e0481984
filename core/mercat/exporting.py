"""Writing what the shop has into files: what an exporter is, whoever brings it.

An exporter reads rows in batches, a format turns each into bytes. Neither ever holds the whole
shop.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Generic, Protocol, TypeVar

from mercat.context import Context
from mercat.errors import InvalidError

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Written:
    """A row in a file's bytes; `notes` say in sentences what of it the format couldn't take."""

    data: bytes
    notes: tuple[str, ...] = ()


class OutputFormat(Protocol[T_contra]):
    """One way to write rows into a file."""

    name: str  # what `--format` takes: "jsonl"
    title: str  # what people read: "JSON Lines"

    def head(self, context: Context) -> bytes:
        """What stands above the first row."""
        ...

    def written(self, row: T_contra, context: Context) -> Written:
        """One row, with the ends of its lines."""
        ...


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Some rows in order; `done` of `whole` steps were made with them."""

    rows: Sequence[T]
    done: int
    whole: int


@dataclass(frozen=True, kw_only=True)
class Exporter(Generic[T]):
    """Something that `mercat export <noun>` writes, in its first format unless one is named.

    `read` gives the rows of one status, or of all where it is None. `statuses` are those there are;
    without any the command has no `--status`.
    """

    noun: str
    description: str
    formats: Sequence[OutputFormat[T]]
    read: Callable[[Context, str | None], AsyncIterator[Batch[T]]]
    statuses: Sequence[str] = ()

    def format(self, name: str | None = None) -> OutputFormat[T]:
        """The format of that name, or the first. Raises InvalidError, naming those there are."""
        for candidate in self.formats:
            if name in (None, candidate.name):
                return candidate
        known = ", ".join(f"{f.name} ({f.title})" for f in self.formats)
        raise InvalidError(f"'{name}' is not a format of {self.noun}; there are: {known}")


async def export_to(
    exporter: Exporter[T],
    context: Context,
    file: BinaryIO,
    *,
    format_name: str | None = None,
    status: str | None = None,
    progress: Callable[[int, int, int], None] = lambda _done, _whole, _rows: None,
    on_note: Callable[[str], None] = lambda _note: None,
) -> int:
    """Write all rows into an open file; returns how many.

    `progress` hears of the steps done, of all steps and of the rows written.
    """
    chosen = exporter.format(format_name)
    file.write(chosen.head(context))
    count = 0
    async for batch in exporter.read(context, status):
        for row in batch.rows:
            written = chosen.written(row, context)
            file.write(written.data)
            count += bool(written.data)
            for note in written.notes:
                on_note(note)
        progress(batch.done, batch.whole, count)
    return count
