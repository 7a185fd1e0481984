"""Relay connections over pages: `edges`, `nodes`, `pageInfo`, `totalCount`."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Annotated, Generic, TypeVar

import strawberry

from mercat.errors import InvalidError
from mercat.storage.pages import Page, PageRequest

T = TypeVar("T")

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


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The entries of the page.")
    kind: strawberry.Private[str]
    page: strawberry.Private[Page]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        numbers = [record["number"] for record in self.page.records]
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=encode_cursor(self.kind, numbers[0]) if numbers else None,
            end_cursor=encode_cursor(self.kind, numbers[-1]) if numbers else None,
        )

    @strawberry.field(description="The entries of the page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        return [
            Edge(cursor=encode_cursor(self.kind, record["number"]), node=node)
            for record, node in zip(self.page.records, self.nodes, strict=True)
        ]

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()


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
    return Connection(nodes=nodes, kind=kind, page=page, count=count)


def list_connection(
    kind: str, items: list[T], first: int | None, after: str | None
) -> Connection[T]:
    """The connection of a list that is already in memory; without `first` all of it, up to 100."""
    request = PageRequest.of(
        first if first is not None else 100, decode_cursor(kind, after), None, None
    )
    start = request.cursor or 0
    chosen = items[start : start + request.count]
    records = [{"number": start + index + 1} for index in range(len(chosen))]
    page = Page(records, has_next=start + len(chosen) < len(items), has_previous=start > 0)

    async def count() -> int:
        return len(items)

    return connection(kind, page, chosen, count)
