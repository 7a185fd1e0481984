"""Making the values that resolvers gave into values of the answer, a column at a time.

graphql-core does this one value after the other (`Executor.complete_value`); what comes out is the
same, errors included. tests/test_differential.py compares the two.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.execution.executor import Executor
from graphql.pyutils.is_awaitable import is_awaitable

from mercat.graphql.failures import Failure, is_failure
from mercat.graphql.places import ChosenPlaces, Places
from mercat.graphql.rows import FromColumn, FromSource, Part, Read

if TYPE_CHECKING:
    from mercat.graphql.runs import Position, Run

Column: TypeAlias = list[Any]
Pending: TypeAlias = Column | Awaitable[Column]

_MOST_INT = 2**31 - 1
_LEAST_INT = -(2**31)
_MOST_KINDS = 64
_EMPTY = frozenset((NoneType, Failure))


class Completer:
    """Completes columns of one output type.

    `regular` holds the classes of values that need no look of their own: no nulls, no exceptions,
    nothing to await.
    """

    __slots__ = ("nullable", "position", "regular")

    def __init__(self, position: "Position", *, nullable: bool) -> None:
        self.position = position
        self.nullable = nullable
        self.regular: set[type] = set()

    def complete(self, values: Column, places: Places, run: "Run") -> Pending:
        """The completed column: what failed is None where it may be, else a Failure."""
        kinds = set(map(type, values))
        if kinds <= self.regular:
            done = self.convert_regular(values, places, run)
        elif self._waits(values, kinds):
            return self._complete_later(values, places, run)
        else:
            done = self._convert_mixed(values, kinds, places, run)
        return done if isinstance(done, list) and not run.failures else self._end(done, places, run)

    def part(self, key: str, read: Read) -> Part:
        """Where a generated function finds the completed value of what is read."""
        del read
        return FromColumn(key)

    def convert_regular(self, values: Column, places: Places, run: "Run") -> Pending:
        """Complete values of regular classes."""
        return self.convert(values, places, run)

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        """Complete values that are neither null nor failed, and have not to be awaited."""
        raise NotImplementedError

    def may_wait(self, kind: type) -> bool:
        return kind is GeneratorType or hasattr(kind, "__await__")

    def waits(self, value: Any) -> bool:
        """Whether something has to be awaited to have the value."""
        return is_awaitable(value)

    async def awaited(self, value: Any) -> Any:
        """What it turns out to be; another thing to be awaited is an ordinary value."""
        return await value

    def _waits(self, values: Column, kinds: set[type]) -> bool:
        return any(map(self.may_wait, kinds - self.regular)) and any(map(self.waits, values))

    async def _complete_later(self, values: Column, places: Places, run: "Run") -> Column:
        values = list(values)
        waiting = [index for index, value in enumerate(values) if self.waits(value)]
        found = await together([caught(self.awaited(values[index])) for index in waiting])
        for index, value in zip(waiting, found, strict=True):
            values[index] = value
        done = self._end(
            self._convert_mixed(values, set(map(type, values)), places, run), places, run
        )
        return done if isinstance(done, list) else await done

    def _convert_mixed(
        self, values: Column, kinds: set[type], places: Places, run: "Run"
    ) -> Pending:
        if kinds <= self.regular:
            return self.convert_regular(values, places, run)
        strange = kinds - self.regular - _EMPTY
        if not any(issubclass(kind, Exception) for kind in strange) and len(self.regular) < (
            _MOST_KINDS
        ):
            self.regular |= {kind for kind in strange if self._may_learn(kind)}
        done = list(values)
        kept: list[int] = []
        for index, value in enumerate(values):
            if value is None or value is Undefined:
                done[index] = None if self.nullable else self.fail(self._null(), places, index, run)
            elif isinstance(value, Exception):
                done[index] = self.fail(value, places, index, run)
            elif not is_failure(value):
                kept.append(index)
        if not kept:
            return done
        if len(kept) == len(values):
            return self.convert(values, places, run)
        chosen = ChosenPlaces(places, kept)
        found = self.convert([values[index] for index in kept], chosen, run)
        if isinstance(found, list):
            return put(done, kept, found)
        return put_later(done, kept, found)

    def _may_learn(self, kind: type) -> bool:
        return not self.may_wait(kind) and kind is not type(Undefined)

    def fail(self, error: Exception, places: Places, index: int, run: "Run") -> Failure:
        return run.fail(error, self.position, places[index])

    def _null(self) -> TypeError:
        position = self.position
        return TypeError(
            f"Cannot return null for non-nullable field {position.parent_type}.{position.name}."
        )

    def _end(self, done: Pending, places: Places, run: "Run") -> Pending:
        if isinstance(done, list):
            return self._without_failures(done, places, run)
        return self._without_failures_later(done, places, run)

    def _without_failures(self, done: Column, places: Places, run: "Run") -> Column:
        if not run.failures or not self.nullable:
            return done
        for index, value in enumerate(done):
            if is_failure(value):
                value.nulled = places.depth
                done[index] = None
        return done

    async def _without_failures_later(
        self, done: Awaitable[Column], places: Places, run: "Run"
    ) -> Column:
        return self._without_failures(await done, places, run)


class Leaf(Completer):
    """Scalars and enums; values of the class `kind` are the answer's own."""

    __slots__ = ("_exact", "_is_fine", "_type", "coerce", "kind")

    def __init__(self, position: "Position", type_: GraphQLLeafType, *, nullable: bool) -> None:
        super().__init__(position, nullable=nullable)
        self._type = type_
        self.coerce: Callable[[Any], Any] = type_.coerce_output_value
        if isinstance(type_, GraphQLEnumType):
            self.coerce = _EnumNames(self.coerce).__getitem__
        self.kind, self._is_fine = _exact_kind(type_)
        kind = self.kind
        self._exact: set[type] = set() if kind is None else {kind}
        if nullable and kind is not None and self._is_fine is None:
            self._exact.add(NoneType)

    def part(self, key: str, read: Read) -> Part:
        return FromSource(key, read, self)

    def complete(self, values: Column, places: Places, run: "Run") -> Pending:
        if set(map(type, values)) <= self._exact and (
            self._is_fine is None or not values or self._is_fine(values)
        ):
            return values
        return super().complete(values, places, run)

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        coerce = self.coerce
        try:
            done = [coerce(value) for value in values]
        except Exception:  # noqa: BLE001  each value is met again, and its error is kept
            return self._convert_each(values, places, run)
        if any(value is None or value is Undefined for value in done):
            return self._convert_each(values, places, run)
        return done

    def _convert_each(self, values: Column, places: Places, run: "Run") -> Column:
        done: Column = []
        for index, value in enumerate(values):
            try:
                done.append(Executor.complete_leaf_value(self._type, value))
            except Exception as error:  # noqa: BLE001  it becomes the field's error
                done.append(self.fail(error, places, index, run))
        return done


class _EnumNames(dict[Any, Any]):
    """The names of an enum's values, as they are met."""

    def __init__(self, coerce: Callable[[Any], Any]) -> None:
        super().__init__()
        self._coerce = coerce

    def __missing__(self, value: Any) -> Any:
        name = self[value] = self._coerce(value)
        return name


def _exact_kind(
    type_: GraphQLLeafType,
) -> tuple[type | None, Callable[[Column], bool] | None]:
    """The class whose values are the answer's own, and what else must hold for a column of them."""
    if type_ in {GraphQLString, GraphQLID} or type_.coerce_output_value is str:
        return str, None
    if type_ is GraphQLBoolean:
        return bool, None
    if type_ is GraphQLInt:
        return int, _are_int32
    if type_ is GraphQLFloat:
        return float, _are_finite
    return None, None


def _are_int32(values: Column) -> bool:
    return bool(min(values) >= _LEAST_INT and max(values) <= _MOST_INT)


def _are_finite(values: Column) -> bool:
    return all(map(math.isfinite, values))


async def together(awaitables: Sequence[Awaitable[Any]]) -> Sequence[Any]:
    """Await all at once; a single one without a task of its own."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    return await asyncio.gather(*awaitables)


async def caught(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return error


def put(column: Column, indices: Sequence[int], values: Sequence[Any]) -> Column:
    for index, value in zip(indices, values, strict=True):
        column[index] = value
    return column


async def put_later(column: Column, indices: Sequence[int], values: Awaitable[Column]) -> Column:
    return put(column, indices, await values)
