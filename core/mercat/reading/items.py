"""The items of a JSON document, one after another, in memory bounded by one item.

Broken JSON ends the reading: what came before stands, the rest is one rejected row.
"""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

import ijson  # type: ignore[import-untyped]

from mercat.importing import Rejected, Row
from mercat.reading.lines import DECODING, LONGEST, SPOILT, flaw, json_lines, opening

_CHUNK = 1 << 16
_DEEPEST = 32
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_Event = tuple[str, object]


def json_values(stream: BinaryIO) -> Iterator[Row[object] | Rejected]:
    """Yield the items of a JSON array, or the lines of a JSON Lines file, whichever it is."""
    start = opening(stream)
    if start.lstrip().startswith(b"["):
        yield from array_items(stream, start=start)
    else:
        yield from json_lines(stream, start)


def array_items(
    stream: BinaryIO, *, depth: int = 1, start: bytes = b""
) -> Iterator[Row[object] | Rejected]:
    """Yield the items of the arrays that stand `depth` brackets deep, counted from the outermost.

    An item with bytes that are not UTF-8, larger than 16 MiB or nested deeper than 32 is rejected
    by itself. A single value longer than 16 MiB, like anything that is not JSON, ends the reading.
    """
    items = _Items(depth)
    events = ijson.sendable_list()
    # `ijson.items` spells out the path of every event, which makes a file of nothing but brackets
    # cost gigabytes; the bare events carry no path.
    parser = ijson.basic_parse_coro(events)
    silent = 0
    try:
        for chunk in _chunks(stream, start):
            parser.send(chunk)
            silent = 0 if events else silent + len(chunk)
            yield from items.take(events)
            if silent > LONGEST:
                yield Rejected(items.where, "a value is longer than 16 MiB; the rest is not read")
                return
        parser.close()
    except (ijson.JSONError, ValueError, ArithmeticError, SystemError) as error:
        if events and isinstance(error, SystemError):
            # A number too long for Python leaves an event behind whose value can't be touched.
            del events[-1]
        yield from items.take(events)
        yield Rejected(items.where, f"{_fault(error)}; the rest is not read")


def _fault(error: Exception) -> str:
    text = str(error)
    if "premature EOF" in text:
        return "the file ends in the middle of it"
    if "trailing garbage" in text:
        return "something follows the end of the JSON"
    return "it is not JSON" if isinstance(error, ijson.JSONError) else "a number is out of range"


def _chunks(stream: BinaryIO, start: bytes) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")(DECODING)
    chunk = start or opening(stream)
    while chunk:
        following = stream.read(_CHUNK)
        # The parser takes an empty chunk for the end.
        if text := decoder.decode(chunk, final=not following):
            yield _CONTROLS.sub(SPOILT, text).encode()
        chunk = following


class _Items:
    """Puts events together into items."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._level = 0
        self._in_array = False
        self._number = 0
        self._builder: ijson.ObjectBuilder | None = None
        self._size = 0
        self._flaw: str | None = None

    @property
    def where(self) -> str:
        """The item that is being read, or the one that would come next."""
        return f"item {self._number + (self._builder is None)}"

    def take(self, events: list[_Event]) -> Iterator[Row[object] | Rejected]:
        for event, value in events:
            closes = event.startswith("end_")
            self._level -= closes
            if self._builder is None and self._begins(event):
                self._number += 1
                self._builder, self._size, self._flaw = ijson.ObjectBuilder(), 0, None
            if self._builder is not None:
                self._add(event, value)
                if self._level == self._depth and (closes or not event.startswith("start_")):
                    yield self._finished(self._builder)
            if event.startswith("start_"):
                self._level += 1
                if self._level == self._depth:
                    self._in_array = event == "start_array"
        events.clear()

    def _begins(self, event: str) -> bool:
        return self._level == self._depth and self._in_array and not event.startswith("end_")

    def _add(self, event: str, value: object) -> None:
        if isinstance(value, str):
            self._size += len(value)
            self._flaw = self._flaw or flaw(value)
        self._size += 8
        if self._size > LONGEST:
            self._flaw = "it is larger than 16 MiB"
        if self._level - self._depth >= _DEEPEST:
            self._flaw = "it is nested too deep"
        if self._flaw is None and self._builder is not None:
            self._builder.event(event, value)

    def _finished(self, builder: ijson.ObjectBuilder) -> Row[object] | Rejected:
        where = self.where
        self._builder = None
        return Rejected(where, self._flaw) if self._flaw else Row(where, builder.value)
