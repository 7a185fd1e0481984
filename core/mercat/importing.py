"""Reading files into the shop: what an importer is, whoever brings it.

A format turns a file into rows one by one; an importer takes them in batches. Neither ever holds
the whole file, and a bad row is rejected by itself, with its place and the reason.
"""

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, TypeVar

from mercat.context import Context
from mercat.errors import InvalidError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: where it stands in the file, and why, in a sentence."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row(Generic[T_co]):
    """A row that was read: where it stands in the file (`line 12`, `node abc`), and its value."""

    where: str
    value: T_co


class Format(Protocol[T_co]):
    """One way to write rows in a file."""

    name: str  # what `--format` takes: "jsonl"
    title: str  # what people read: "JSON Lines"

    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file looks like this format; `head` is its first 64 KiB."""
        ...

    def read(self, stream: BinaryIO) -> Iterator[Row[T_co] | Rejected]:
        """Read one row after another, in constant memory; a bad one is yielded as Rejected."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of the rows so far. `notes` are about rows that were taken all the same."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[Rejected] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.notes += other.notes


class Load(Protocol[T_contra]):
    """Takes the rows of one file, batch after batch, then finishes."""

    async def batch(self, rows: Sequence[Row[T_contra]]) -> Tally: ...

    async def finish(self) -> Tally: ...


@dataclass(frozen=True, kw_only=True)
class Importer(Generic[T]):
    """Something that `mercat import <noun> FILE` reads.

    `open` starts one load; a load that is broken off anywhere and started again must lead to the
    same shop, and a second one of the same file must change nothing.
    """

    noun: str
    description: str
    formats: Sequence[Format[T]]
    open: Callable[[Context], Awaitable[Load[T]]]
    batch_size: int = 500

    def format(self, path: Path, name: str | None = None) -> Format[T]:
        """The format of that name, or the first that the file looks like.

        Raises InvalidError, naming the formats there are, where none fits.
        """
        if name is not None:
            for candidate in self.formats:
                if candidate.name == name:
                    return candidate
        else:
            with path.open("rb") as file:
                head = file.read(65_536)
            for candidate in self.formats:
                if candidate.matches(path, head):
                    return candidate
        known = ", ".join(f"{f.name} ({f.title})" for f in self.formats)
        said = f"'{name}' is not a format" if name else f"{path.name} looks like no format"
        raise InvalidError(f"{said} of {self.noun}; name one with --format: {known}")


class CountingReader(io.RawIOBase):
    """A file that knows how many of its bytes were read, for the progress bar."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


async def import_file(
    importer: Importer[T],
    context: Context,
    path: Path,
    *,
    format_name: str | None = None,
    progress: Callable[[int, int], None] = lambda _read, _rows: None,
    on_tally: Callable[[Tally], None],
) -> None:
    """Read a whole file into the shop.

    `progress` hears of the bytes read and the rows seen; `on_tally` hears of each batch, so that
    a file with a million bad rows costs no memory here.
    """
    chosen = importer.format(path, format_name)
    load = await importer.open(context)
    with path.open("rb", buffering=0) as file:
        counting = CountingReader(file)
        batch: list[Row[T]] = []
        rejected: list[Rejected] = []
        seen = 0
        for row in chosen.read(io.BufferedReader(counting, 1 << 16)):
            seen += 1
            if isinstance(row, Rejected):
                rejected.append(row)
            else:
                batch.append(row)
            if len(batch) + len(rejected) >= importer.batch_size:
                on_tally(Tally(rejected=rejected))
                if batch:
                    on_tally(await load.batch(batch))
                batch, rejected = [], []
                progress(counting.count, seen)
        on_tally(Tally(rejected=rejected))
        if batch:
            on_tally(await load.batch(batch))
        on_tally(await load.finish())
        progress(counting.count, seen)
