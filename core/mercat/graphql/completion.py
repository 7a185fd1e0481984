"""Making the values that resolvers gave into values of the answer, a column at a time.

graphql-core does this one value after the other (`Executor.complete_value`); what comes out is the
same, errors included. tests/test_differential.py compares the two.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate, chain, pairwise
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLString,
    Undefined,
)
from graphql.execution.executor import Executor, default_type_resolver, invalid_return_type_error
from graphql.pyutils import is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable, is_awaitable

from mercat.graphql.failures import Failure, is_failure
from mercat.graphql.places import ChosenPlaces, ItemPlaces, Place, Places
from mercat.graphql.resolvers import IsInstance

if TYPE_CHECKING:
    from mercat.graphql.plans import ObjectPlan, Position, Run

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
        if not kinds <= self.regular and self._waits(values, kinds):
            return self._complete_later(values, places, run)
        return self._complete_ready(values, kinds, places, run)

    def _complete_ready(
        self, values: Column, kinds: set[type], places: Places, run: "Run"
    ) -> Pending:
        if kinds <= self.regular:
            done = self.convert_regular(values, places, run)
        else:
            done = self._convert_mixed(values, kinds, places, run)
        if isinstance(done, list):
            return self._without_failures(done, places, run)
        return self._without_failures_later(done, places, run)

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
        found = await together([_caught(self.awaited(values[index])) for index in waiting])
        for index, value in zip(waiting, found, strict=True):
            values[index] = value
        done = self._complete_ready(values, set(map(type, values)), places, run)
        return done if isinstance(done, list) else await done

    def _convert_mixed(
        self, values: Column, kinds: set[type], places: Places, run: "Run"
    ) -> Pending:
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
            return _put(done, kept, found)
        return _put_later(done, kept, found)

    def _may_learn(self, kind: type) -> bool:
        return not self.may_wait(kind) and kind is not type(Undefined)

    def fail(self, error: Exception, places: Places, index: int, run: "Run") -> Failure:
        return run.fail(error, self.position, places[index])

    def _null(self) -> TypeError:
        position = self.position
        return TypeError(
            f"Cannot return null for non-nullable field {position.parent_type}.{position.name}."
        )

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


class ListOf(Completer):
    """Lists of what another completer completes."""

    __slots__ = ("_inner",)

    def __init__(self, position: "Position", inner: Completer, *, nullable: bool) -> None:
        super().__init__(position, nullable=nullable)
        self._inner = inner
        self.regular = {list, tuple}

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


class Objects(Completer):
    """Objects of one type."""

    __slots__ = ("_plan", "_type")

    def __init__(
        self,
        position: "Position",
        type_: GraphQLObjectType,
        plan: "ObjectPlan",
        *,
        nullable: bool,
    ) -> None:
        super().__init__(position, nullable=nullable)
        self._type = type_
        self._plan = plan

    def convert_regular(self, values: Column, places: Places, run: "Run") -> Pending:
        return self._plan.run(values, places, run)

    def _may_learn(self, kind: type) -> bool:
        check = self._type.is_type_of
        if check is not None and not (isinstance(check, IsInstance) and check.knows(kind)):
            return False
        return super()._may_learn(kind)

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        if self._type.is_type_of is None:
            return self._plan.run(values, places, run)
        verdicts = [self._judge(value, places, index, run) for index, value in enumerate(values)]
        if any(map(is_awaitable, verdicts)):
            return self._convert_later(values, verdicts, places, run)
        return self._convert_judged(values, verdicts, places, run)

    def _judge(self, value: Any, places: Places, index: int, run: "Run") -> Any:
        check = self._type.is_type_of
        try:
            return check(value, run.raw_info(self.position, places[index])) if check else True
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return error

    async def _convert_later(
        self, values: Column, verdicts: Column, places: Places, run: "Run"
    ) -> Column:
        waiting = [index for index, verdict in enumerate(verdicts) if is_awaitable(verdict)]
        found = await together([_caught(verdicts[index]) for index in waiting])
        done = self._convert_judged(values, _put(verdicts, waiting, found), places, run)
        return done if isinstance(done, list) else await done

    def _convert_judged(
        self, values: Column, verdicts: Column, places: Places, run: "Run"
    ) -> Pending:
        done: Column = list(values)
        kept: list[int] = []
        for index, verdict in enumerate(verdicts):
            if isinstance(verdict, Exception):
                done[index] = self.fail(verdict, places, index, run)
            elif verdict:
                kept.append(index)
            else:
                error = invalid_return_type_error(self._type, values[index], self.position.details)
                done[index] = self.fail(error, places, index, run)
        if len(kept) == len(values):
            return self._plan.run(values, places, run)
        chosen = ChosenPlaces(places, kept)
        found = self._plan.run([values[index] for index in kept], chosen, run)
        if isinstance(found, list):
            return _put(done, kept, found)
        return _put_later(done, kept, found)


class Abstract(Completer):
    """Objects of an interface or a union: each is completed as the type that it turns out to be."""

    __slots__ = ("_completers", "_type")

    def __init__(
        self,
        position: "Position",
        type_: GraphQLAbstractType,
        completers: dict[str, Objects],
        *,
        nullable: bool,
    ) -> None:
        super().__init__(position, nullable=nullable)
        self._type = type_
        self._completers = completers

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        names = [self._name(value, places, index, run) for index, value in enumerate(values)]
        if any(map(is_awaitable, names)):
            return self._convert_later(values, names, places, run)
        return self._convert_named(values, names, places, run)

    def _name(self, value: Any, places: Places, index: int, run: "Run") -> Any:
        resolve = self._type.resolve_type or default_type_resolver
        try:
            return resolve(value, run.raw_info(self.position, places[index]), self._type)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return error

    async def _convert_later(
        self, values: Column, names: Column, places: Places, run: "Run"
    ) -> Column:
        waiting = [index for index, name in enumerate(names) if is_awaitable(name)]
        found = await together([_caught(names[index]) for index in waiting])
        done = self._convert_named(values, _put(names, waiting, found), places, run)
        return done if isinstance(done, list) else await done

    def _convert_named(self, values: Column, names: Column, places: Places, run: "Run") -> Pending:
        done: Column = list(values)
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            error = name
            if not isinstance(name, Exception):
                error = self._refusal(name, values[index], places[index], run)
            if error is None:
                groups.setdefault(name, []).append(index)
            else:
                done[index] = self.fail(error, places, index, run)
        pending: dict[str, Awaitable[Column]] = {}
        for name, kept in groups.items():
            found = self._completers[name].complete(
                [values[index] for index in kept], ChosenPlaces(places, kept), run
            )
            if isinstance(found, list):
                _put(done, kept, found)
            else:
                pending[name] = found
        return self._put_together(done, groups, pending) if pending else done

    def _refusal(self, name: Any, value: Any, place: Place, run: "Run") -> Exception | None:
        if isinstance(name, str) and name in self._completers:
            return None
        position = self.position
        try:
            run.core.ensure_valid_runtime_type(
                name, self._type, position.details, run.raw_info(position, place), value
            )
        except GraphQLError as error:
            return error
        return TypeError(f"'{name}' can't be the type of '{self._type}'")

    async def _put_together(
        self, done: Column, groups: dict[str, list[int]], pending: dict[str, Awaitable[Column]]
    ) -> Column:
        found = await together(list(pending.values()))
        for name, column in zip(pending, found, strict=True):
            _put(done, groups[name], column)
        return done


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


async def _caught(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return error


async def _gather_items(iterable: Any) -> Any:
    items: Column = []
    try:
        async for item in iterable:
            items.append(item)
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return _Broken(items, error)
    return items


def _put(column: Column, indices: Sequence[int], values: Sequence[Any]) -> Column:
    for index, value in zip(indices, values, strict=True):
        column[index] = value
    return column


async def _put_later(column: Column, indices: Sequence[int], values: Awaitable[Column]) -> Column:
    return _put(column, indices, await values)
