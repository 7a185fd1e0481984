"""The fields of a plan: how each gets its column, one value for every object of its place."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any

from graphql import GraphQLFieldResolver

from mercat.graphql.batching import checked
from mercat.graphql.completion import Column, Completer, Pending
from mercat.graphql.places import FieldPlaces, Places
from mercat.graphql.resolvers import AttributeRead, BatchCall, FunctionCall, StoredRead
from mercat.graphql.rows import Constant, FromColumn, Part, Read, can_be_read_inline
from mercat.graphql.runs import FieldInfo, Position, Run


class FieldPlan:
    """How one field gets its column."""

    __slots__ = ("completer", "position")

    def __init__(self, position: Position, completer: Completer) -> None:
        self.position = position
        self.completer = completer

    def run(self, sources: Column, parents: Places, run: Run) -> Pending:
        position = self.position
        places = FieldPlaces(parents, position.key, position.parent_type.name, position.number)
        return self.completer.complete(self.resolve(sources, places, run), places, run)

    def part(self) -> Part:
        """Where a generated function finds the value."""
        return FromColumn(self.position.key)

    def resolve(self, sources: Column, places: Places, run: Run) -> Column:
        """The value of each source, an exception where it failed, or what has to be awaited."""
        raise NotImplementedError


class LocalisedField(FieldPlan):
    """A root field that is given a locale."""

    __slots__ = ("_field",)

    def __init__(self, field: FieldPlan) -> None:
        super().__init__(field.position, field.completer)
        self._field = field

    def run(self, sources: Column, parents: Places, run: Run) -> Pending:
        return self._field.run(sources, parents, run.localised(self.position))


class TypenameField(FieldPlan):
    """`__typename`."""

    __slots__ = ()

    def part(self) -> Part:
        return Constant(self.position.key, self.position.parent_type.name)

    def run(self, sources: Column, parents: Places, run: Run) -> Column:
        del parents, run
        return [self.position.parent_type.name] * len(sources)


class AttributeField(FieldPlan):
    """A plain attribute."""

    __slots__ = ("_inline", "_read")

    def __init__(self, position: Position, completer: Completer, read: AttributeRead) -> None:
        super().__init__(position, completer)
        self._inline = read
        self._read = attrgetter(read.name)

    def part(self) -> Part:
        return _inline(self, self._inline)

    def resolve(self, sources: Column, places: Places, run: Run) -> Column:
        del places, run
        try:
            return list(map(self._read, sources))
        except Exception:  # noqa: BLE001  the one that failed is found below
            return [_tried(self._read, source) for source in sources]


class StoredField(FieldPlan):
    """A key of a stored record."""

    __slots__ = ("_read",)

    def __init__(self, position: Position, completer: Completer, read: StoredRead) -> None:
        super().__init__(position, completer)
        self._read = read

    def part(self) -> Part:
        return _inline(self, self._read)

    def resolve(self, sources: Column, places: Places, run: Run) -> Column:
        del places, run
        key, convert, default = self._read.key, self._read.convert, self._read.default
        try:
            values = [source.record.get(key) for source in sources]
            if convert is None:
                return values if default is None else [default if v is None else v for v in values]
            return [default if value is None else convert(value) for value in values]
        except Exception:  # noqa: BLE001  the one that failed is found below
            return [_tried(partial(self._read, _info=None), source) for source in sources]


class ArgumentsField(FieldPlan):
    """A field that is called.

    `constant` are its arguments where the document holds them all; `convert` makes them into what
    the call takes.
    """

    __slots__ = ("_constant", "_convert")

    def __init__(
        self,
        position: Position,
        completer: Completer,
        constant: dict[str, Any] | None,
        convert: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        super().__init__(position, completer)
        self._convert = convert
        self._constant: dict[str, Any] | None = None
        if constant is not None:
            with suppress(Exception):  # it is met again at each call
                self._constant = _immutable(convert(constant))

    def arguments(self, run: Run) -> Callable[[], dict[str, Any]]:
        """What gives the arguments of each call: anew where a call could change them.

        Raises a GraphQLError for a wrong one.
        """
        found = self._constant
        if found is None:
            found = self._convert(run.coerced(self.position))
            if not are_immutable(found):
                return _first(found, lambda: self._convert(run.coerced(self.position)))
        return lambda: found


class FunctionField(ArgumentsField):
    """A resolver of a plugin, called for each source."""

    __slots__ = ("_call",)

    def __init__(
        self,
        position: Position,
        completer: Completer,
        constant: dict[str, Any] | None,
        call: FunctionCall,
    ) -> None:
        super().__init__(position, completer, constant, call.python_arguments)
        self._call = call

    def resolve(self, sources: Column, places: Places, run: Run) -> Column:
        call = self._call
        position = self.position
        try:
            arguments = self.arguments(run)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return [error] * len(sources)
        values: Column = []
        for index, source in enumerate(sources):
            try:
                info = (
                    FieldInfo(run, position, places, index, call.field) if call.info_name else None
                )
                values.append(call.call(source, info, arguments()))
            except Exception as error:  # noqa: BLE001  it becomes the field's error
                values.append(error)
        return values


class ResolverField(ArgumentsField):
    """Any other resolver, called as graphql-core does."""

    __slots__ = ("_resolve",)

    def __init__(
        self,
        position: Position,
        completer: Completer,
        constant: dict[str, Any] | None,
        resolve: GraphQLFieldResolver,
    ) -> None:
        super().__init__(position, completer, constant, dict)
        self._resolve = resolve

    def resolve(self, sources: Column, places: Places, run: Run) -> Column:
        resolve = self._resolve
        try:
            arguments = self.arguments(run)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return [error] * len(sources)
        values: Column = []
        for index, source in enumerate(sources):
            try:
                info = run.raw_info(self.position, places[index])
                values.append(resolve(source, info, **arguments()))
            except Exception as error:  # noqa: BLE001  it becomes the field's error
                values.append(error)
        return values


class BatchField(ArgumentsField):
    """A relation: its batch function is called once for all sources."""

    __slots__ = ("_call",)

    def __init__(
        self,
        position: Position,
        completer: Completer,
        constant: dict[str, Any] | None,
        call: BatchCall,
    ) -> None:
        super().__init__(position, completer, constant, call.python_arguments)
        self._call = call

    def run(self, sources: Column, parents: Places, run: Run) -> Pending:
        position = self.position
        places = FieldPlaces(parents, position.key, position.parent_type.name, position.number)
        info = FieldInfo(run, position, places, 0, self._call.field)
        try:
            found = self._call.load(sources, info, **self.arguments(run)())
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return self.completer.complete([error] * len(sources), places, run)
        if isinstance(found, Awaitable):
            return self._run_later(found, places, run, len(sources))
        answers = checked(self._call.load, found, len(sources))
        return self.completer.complete(answers, places, run)

    async def _run_later(
        self, loading: Awaitable[Sequence[Any]], places: Places, run: Run, count: int
    ) -> Column:
        try:
            values = checked(self._call.load, await loading, count)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            values = [error] * count
        done = self.completer.complete(values, places, run)
        return done if isinstance(done, list) else await done


def _inline(field: FieldPlan, read: Read) -> Part:
    key = field.position.key
    return field.completer.part(key, read) if can_be_read_inline(read) else FromColumn(key)


def are_immutable(values: dict[str, Any]) -> bool:
    """Whether no resolver could change these arguments."""
    return all(isinstance(value, _IMMUTABLE) for value in values.values())


def _first(found: dict[str, Any], again: Callable[[], dict[str, Any]]) -> Callable[[], Any]:
    """Gives what was found the first time that it is called, and then what `again` gives."""
    ready = [found]
    return lambda: ready.pop() if ready else again()


def _immutable(values: dict[str, Any]) -> dict[str, Any] | None:
    return values if are_immutable(values) else None


_IMMUTABLE = (str, int, float, bool, NoneType, Enum, datetime)


def _tried(read: Callable[[Any], Any], source: Any) -> Any:
    try:
        return read(source)
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return error
