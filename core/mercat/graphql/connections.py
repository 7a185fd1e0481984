"""Relay connections over pages: `edges`, `nodes`, `pageInfo`, `totalCount`."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, NamedTuple, Protocol, TypeVar

import strawberry

from mercat.caching import cacheable
from mercat.errors import InvalidError
from mercat.storage.pages import MOST, Page, PageRequest

T = TypeVar("T")
R = TypeVar("R")

First = Annotated[
    int | None, strawberry.argument(description="How many, from the start: 1 to 100.")
]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on from.")]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end: 1 to 100.")]
Before = Annotated[str | None, strawberry.argument(description="The cursor to go back from.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether more come before.")
    start_cursor: str | None = strawberry.field(description="The first cursor of the page.")
    end_cursor: str | None = strawberry.field(description="The last cursor of the page.")


@strawberry.type(description="One entry of a list with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Goes into `after` or `before`.")
    node: T = strawberry.field(description="The entry itself.")


class Extent(Protocol):
    """Where a page lies in its list; only asked for what the operation selects."""

    @property
    def kind(self) -> str: ...
    @property
    def numbers(self) -> Sequence[int]: ...
    @property
    def has_next(self) -> bool: ...
    @property
    def has_previous(self) -> bool: ...
    async def total_count(self) -> int: ...


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The entries of the page.")
    extent: strawberry.Private[Extent]

    @strawberry.field(description="Where the page lies in the list.")
    @cacheable()
    def page_info(self) -> PageInfo:
        extent = self.extent
        numbers = extent.numbers
        return PageInfo(
            has_next_page=extent.has_next,
            has_previous_page=extent.has_previous,
            start_cursor=encode_cursor(extent.kind, numbers[0]) if numbers else None,
            end_cursor=encode_cursor(extent.kind, numbers[-1]) if numbers else None,
        )

    @strawberry.field(description="The entries of the page with their cursors.")
    @cacheable()
    def edges(self) -> list[Edge[T]]:
        kind = self.extent.kind
        return [
            Edge(cursor=encode_cursor(kind, number), node=node)
            for number, node in zip(self.extent.numbers, self.nodes, strict=True)
        ]

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    @cacheable()
    async def total_count(self) -> int:
        return await self.extent.total_count()


def encode_cursor(kind: str, number: int) -> str:
    """A cursor that only the list of that kind takes back."""
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str | None) -> int | None:
    """Read a cursor. Raises InvalidError for one that another list, or nobody, gave out."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found, _, number = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").rpartition(":")
        )
    except (binascii.Error, UnicodeError):
        found, number = "", ""
    if found != kind or not number.isdigit() or len(number) > 18:  # noqa: PLR2004
        raise InvalidError("this is not a cursor of this list")
    return int(number)


def page_request(
    kind: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> PageRequest:
    """Check a connection's arguments. Raises InvalidError, which names the argument."""
    return PageRequest.of(first, decode_cursor(kind, after), last, decode_cursor(kind, before))


def connection(
    kind: str, page: Page, nodes: list[T], count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """The connection of a page whose records became `nodes`, one for one."""
    return Connection(nodes=nodes, extent=_PageExtent(kind, page, count))


class ListWindow(NamedTuple):
    """The part of lists in memory that a connection's arguments ask for."""

    kind: str
    start: int
    stop: int

    @staticmethod
    def of(kind: str, first: int | None, after: str | None) -> "ListWindow":
        """Check the arguments; without `first` it is all, up to 100. Raises InvalidError."""
        cursor = decode_cursor(kind, after)
        count = PageRequest.of(first if first is not None else MOST, cursor, None, None).count
        start = cursor or 0
        return ListWindow(kind, start, start + count)

    def connection(self, items: Sequence[R], make: Callable[[R], T]) -> Connection[T]:
        """The connection of one list, of whose entries only those shown are made."""
        nodes = [make(item) for item in items[self.start : self.stop]]
        return Connection(nodes=nodes, extent=_ListExtent(self, len(items)))


@dataclass(frozen=True, slots=True)
class _PageExtent:
    kind: str
    page: Page
    counting: Callable[[], Awaitable[int]]

    @property
    def numbers(self) -> Sequence[int]:
        return [record["number"] for record in self.page.records]

    @property
    def has_next(self) -> bool:
        return self.page.has_next

    @property
    def has_previous(self) -> bool:
        return self.page.has_previous

    async def total_count(self) -> int:
        return await self.counting()


class _ListExtent(NamedTuple):
    window: ListWindow
    total: int

    @property
    def kind(self) -> str:
        return self.window.kind

    @property
    def numbers(self) -> Sequence[int]:
        return range(self.window.start + 1, min(self.window.stop, self.total) + 1)

    @property
    def has_next(self) -> bool:
        return self.window.stop < self.total

    @property
    def has_previous(self) -> bool:
        return self.window.start > 0

    async def total_count(self) -> int:
        return self.total
