"""Completing lists: their items are completed together, whatever list they are in."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError
from graphql.pyutils import is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable, is_awaitable

from mercat.graphql.completion import Column, Completer, Pending
from mercat.graphql.failures import Failure, is_failure
from mercat.graphql.places import ItemPlaces, Place, Places
from mercat.graphql.rows import FromColumn, Nested, Part, Read

if TYPE_CHECKING:
    from mercat.graphql.runs import Position, Run


class ListOf(Completer):
    """Lists of what another completer completes."""

    __slots__ = ("_inner",)

    def __init__(self, position: "Position", inner: Completer, *, nullable: bool) -> None:
        super().__init__(position, nullable=nullable)
        self._inner = inner
        self.regular = {list, tuple}

    def part(self, key: str, read: Read) -> Part:
        item = self._inner.part(key, read)
        if isinstance(item, Nested) and item.null_items is None:
            return replace(item, nullable=self.nullable, null_items=item.nullable)
        return FromColumn(key)

    def may_wait(self, kind: type) -> bool:
        return super().may_wait(kind) or hasattr(kind, "__aiter__")

    def waits(self, value: Any) -> bool:
        return is_async_iterable(value) or super().waits(value)

    async def awaited(self, value: Any) -> Any:
        found = await value if is_awaitable(value) else value
        return await _gather_items(found) if is_async_iterable(found) else found

    def _may_learn(self, kind: type) -> bool:
        del kind
        return False

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        for index, value in enumerate(values):
            if type(value) is not list and type(value) is not tuple:
                return self._convert_others(list(values), places, run, index)
        return self.convert_regular(values, places, run)

    def convert_regular(self, values: Column, places: Places, run: "Run") -> Pending:
        lengths = list(map(len, values))
        items = list(chain.from_iterable(values))
        if not items:
            return [[] for _ in values]
        done = self._inner.complete(items, ItemPlaces(places, lengths), run)
        if isinstance(done, list):
            return self._split(done, lengths, run)
        return self._split_later(done, lengths, run)

    def _split(self, items: Column, lengths: Sequence[int], run: "Run") -> Column:
        if len(lengths) == 1:
            lists = [items]
        else:
            ends = accumulate(lengths, initial=0)
            lists = [items[start:end] for start, end in pairwise(ends)]
        if not run.failures or self._inner.nullable:
            return lists
        return [next(filter(is_failure, found), found) for found in lists]

    async def _split_later(
        self, items: Awaitable[Column], lengths: Sequence[int], run: "Run"
    ) -> Column:
        return self._split(await items, lengths, run)

    def _convert_others(self, values: Column, places: Places, run: "Run", first: int) -> Pending:
        broken: dict[int, Failure] = {}
        for index in range(first, len(values)):
            items, error = self._items(values[index])
            if error is not None:
                # It stands behind the items that came before it.
                path, order = places[index]
                place = Place(path, (*order, len(items)))
                broken[index] = run.fail(error, self.position, place)
            values[index] = items
        done = self.convert_regular(values, places, run)
        if isinstance(done, list):
            return _broken_off(done, broken)
        return _broken_off_later(done, broken)

    def _items(self, value: Any) -> tuple[Sequence[Any], Exception | None]:
        """The items of an iterable, and the exception that ended it early, if one did."""
        if isinstance(value, (list, tuple)):
            return value, None
        if isinstance(value, _Broken):
            return value.items, value.error
        if not is_iterable(value):
            position = self.position
            return [], GraphQLError(
                "Expected Iterable, but did not find one for field"
                f" '{position.parent_type}.{position.name}'."
            )
        items: Column = []
        try:
            items.extend(value)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return items, error
        return items, None


class _Broken:
    """The items that an asynchronous iterable gave before it failed."""

    __slots__ = ("error", "items")

    def __init__(self, items: Column, error: Exception) -> None:
        self.items = items
        self.error = error


def _broken_off(lists: Column, broken: dict[int, Failure]) -> Column:
    for index, failure in broken.items():
        if not is_failure(lists[index]):
            lists[index] = failure
    return lists


async def _broken_off_later(lists: Awaitable[Column], broken: dict[int, Failure]) -> Column:
    return _broken_off(await lists, broken)


async def _gather_items(iterable: Any) -> Any:
    items: Column = []
    try:
        async for item in iterable:
            items.append(item)
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return _Broken(items, error)
    return items
