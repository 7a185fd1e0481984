"""Reading files into the shop: what an importer is, whoever brings it.

A format turns a file into rows one by one; an importer takes them in batches. Neither ever holds
the whole file, and a bad row is rejected by itself, with its place and the reason.
"""

import asyncio
import io
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, TypeVar

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import cancel

_READ_AT_ONCE = 25
_MOST_BYTES = 8 << 20  # of a batch, as one row may have 16 MiB

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
    """Takes the rows of one file, batch after batch, then finishes.

    A batch may begin while earlier ones are under way; see `Importer.batches_at_once`.
    """

    async def batch(self, rows: Sequence[Row[T_contra]]) -> Tally: ...

    async def finish(self) -> Tally: ...


@dataclass(frozen=True, kw_only=True)
class Importer(Generic[T]):
    """Something that `mercat import <noun> FILE` reads.

    `open` starts one load; a load that is broken off anywhere and started again must lead to the
    same shop, and a second one of the same file must change nothing. With `batches_at_once` above 1
    a load is given its next batch before it is done with the last ones, so that the one is checked
    while the other is written.
    """

    noun: str
    description: str
    formats: Sequence[Format[T]]
    open: Callable[[Context], Awaitable[Load[T]]]
    batch_size: int = 500
    batches_at_once: int = 1

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


class _Batches(Generic[T]):
    """Gives a load its batches, the next ones while the last are under way.

    What became of them is told in their order.
    """

    def __init__(self, importer: Importer[T], load: Load[T], tell: Callable[[Tally], None]) -> None:
        self._load = load
        self._tell = tell
        self._at_once = importer.batches_at_once
        self._begun: deque[asyncio.Task[Tally]] = deque()

    async def add(self, rows: Sequence[Row[T]], rejected: list[Rejected]) -> None:
        """Begin with a batch; waits until fewer than `batches_at_once` are under way."""
        self._tell(Tally(rejected=rejected))
        if rows:
            self._begun.append(asyncio.create_task(self._load.batch(rows)))
            await self.settle(self._at_once - 1)

    async def settle(self, most: int = 0) -> None:
        """Wait until at most that many are under way."""
        while len(self._begun) > most:
            self._tell(await self._begun[0])
            self._begun.popleft()

    async def abandon(self) -> None:
        """Cancel what is under way."""
        await cancel(self._begun)


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
    batches = _Batches(importer, load, on_tally)
    with path.open("rb", buffering=0) as file:
        counting = CountingReader(file)
        batch: list[Row[T]] = []
        rejected: list[Rejected] = []
        seen = begun = 0
        try:
            for row in chosen.read(io.BufferedReader(counting, 1 << 16)):
                seen += 1
                if isinstance(row, Rejected):
                    rejected.append(row)
                else:
                    batch.append(row)
                is_long = counting.count - begun >= _MOST_BYTES
                if is_long or len(batch) + len(rejected) >= importer.batch_size:
                    await batches.add(batch, rejected)
                    batch, rejected, begun = [], [], counting.count
                    progress(counting.count, seen)
                elif seen % _READ_AT_ONCE == 0:
                    await asyncio.sleep(0)  # the batches that are under way go on
            await batches.add(batch, rejected)
            await batches.settle()
        finally:
            await batches.abandon()
        on_tally(await load.finish())
        progress(counting.count, seen)
