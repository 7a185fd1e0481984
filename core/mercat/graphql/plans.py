"""Compiled operations: what to read, call and complete, place by place, for all objects at once.

A plan goes through the answer level by level. Each field of a level is one column: read or
resolved for every object of the level, and completed together; then the columns become objects.
`mercat.graphql.compile` makes plans.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any, cast

from graphql import (
    ExecutionResult,
    GraphQLField,
    GraphQLFieldResolver,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails
from graphql.execution.executor import default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.field import StrawberryField

from mercat.graphql.batching import checked
from mercat.graphql.completion import Column, Completer, Leaf, Pending, together
from mercat.graphql.context import Info
from mercat.graphql.executor import Executor
from mercat.graphql.failures import Failure, is_failure, reported
from mercat.graphql.nodes import FieldNodes
from mercat.graphql.places import ROOT, FieldPlaces, Place, Places
from mercat.graphql.resolvers import AttributeRead, BatchCall, FunctionCall, StoredRead
from mercat.graphql.rows import (
    MOST_PARTS,
    Constant,
    FromColumn,
    FromSource,
    Part,
    can_be_read_inline,
    row_maker,
)


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """One field at one place of an operation."""

    key: str
    name: str
    number: int
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList
    nodes: FieldNodes


class Run:
    """One execution of a plan."""

    __slots__ = (
        "_core",
        "context",
        "failures",
        "hide_suggestions",
        "plan",
        "variables",
    )

    def __init__(
        self, plan: "Plan", context: Any, variables: VariableValues, *, hide_suggestions: bool
    ) -> None:
        self.plan = plan
        self.context = context
        self.variables = variables
        self.hide_suggestions = hide_suggestions
        self.failures: list[Failure] = []
        self._core: Executor | None = None

    @property
    def core(self) -> Executor:
        """graphql-core's executor of the same operation, which makes what resolvers are told."""
        if self._core is None:
            plan = self.plan
            self._core = Executor(
                plan.schema,
                {name: details.definition for name, details in plan.fragments.items()},
                plan.fragments,
                None,
                self.context,
                plan.operation,
                self.variables,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                hide_suggestions=self.hide_suggestions,
            )
        return self._core

    def fail(self, error: Exception, position: Position, place: Place) -> Failure:
        failure = Failure(error, position.nodes, place)
        self.failures.append(failure)
        return failure

    def raw_info(self, position: Position, place: Place) -> GraphQLResolveInfo[Any]:
        found: GraphQLResolveInfo[Any] = self.core.build_resolve_info(
            position.definition, position.nodes, position.parent_type, place.path
        )
        return found

    def coerced(self, position: Position) -> dict[str, Any]:
        """The values of a field's arguments. Raises a GraphQLError for a wrong one."""
        first = position.details[0]
        return get_argument_values(
            position.definition,
            first.node,
            self.variables,
            first.fragment_variable_values,
            self.hide_suggestions,
        )


class FieldInfo(Info):
    """Strawberry's `info` of one call; what is seldom asked for is made when it is."""

    def __init__(
        self, run: Run, position: Position, places: Places, index: int, field: StrawberryField
    ) -> None:
        self._run = run
        self._position = position
        self._places = places
        self._index = index
        self._field = field
        self._made: GraphQLResolveInfo[Any] | None = None

    @property
    def context(self) -> Any:
        return self._run.context

    @property
    def nodes(self) -> FieldNodes:
        """The field's nodes, which know what was found out about them."""
        return self._position.nodes

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        if self._made is None:
            self._made = self._run.raw_info(self._position, self._places[self._index])
        return self._made


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
        shared = self._constant
        if shared is None:
            shared = _immutable(self._convert(run.coerced(self.position)))
        if shared is None:
            return lambda: self._convert(run.coerced(self.position))
        found = shared
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


class ObjectPlan:
    """The fields selected on objects of one type, at one place."""

    __slots__ = ("_columns", "_keys", "_make_rows", "fields")

    def __init__(self, fields: Sequence[FieldPlan]) -> None:
        self.fields = fields
        self._keys = [field.position.key for field in fields]
        parts = [field.part() for field in fields]
        if len(parts) > MOST_PARTS:
            parts = [FromColumn(key) for key in self._keys]
        self._columns = [
            field for field, part in zip(fields, parts, strict=True) if isinstance(part, FromColumn)
        ]
        self._make_rows = row_maker(parts) if len(parts) <= MOST_PARTS else None

    def run(self, sources: Column, places: Places, run: Run) -> Pending:
        """The objects of the answer, in the order of their sources; a Failure where one failed."""
        if not sources:
            return []
        columns = [field.run(sources, places, run) for field in self._columns]
        for column in columns:
            if not isinstance(column, list):
                return self._run_later(sources, columns, places, run)
        return self._rows(sources, cast("list[Column]", columns), places, run)

    async def _run_later(
        self, sources: Column, columns: list[Pending], places: Places, run: Run
    ) -> Column:
        rows = self._rows(sources, await _all(columns), places, run)
        return rows if isinstance(rows, list) else await rows

    def _rows(self, sources: Column, columns: list[Column], places: Places, run: Run) -> Pending:
        if self._make_rows is None:
            return self._join(columns, run)
        try:
            rows = self._make_rows(sources, *columns)
        except Exception:  # noqa: BLE001  what is irregular is met again, and becomes an error
            return self._rows_by_column(sources, columns, places, run)
        if run.failures:
            for column in columns:
                for index, value in enumerate(column):
                    if is_failure(value) and not is_failure(rows[index]):
                        rows[index] = value
        return rows

    def _rows_by_column(
        self, sources: Column, ready: list[Column], places: Places, run: Run
    ) -> Pending:
        done = dict(zip(self._columns, ready, strict=True))
        columns = [
            done[field] if field in done else field.run(sources, places, run)
            for field in self.fields
        ]
        if all(isinstance(column, list) for column in columns):
            return self._join(cast("list[Column]", columns), run)
        return self._join_later(columns, run)

    async def _join_later(self, columns: list[Pending], run: Run) -> Column:
        return self._join(await _all(columns), run)

    def _join(self, columns: list[Column], run: Run) -> Column:
        keys = self._keys
        if run.failures and any(is_failure(value) for column in columns for value in column):
            return [
                next(filter(is_failure, row), None) or dict(zip(keys, row, strict=True))
                for row in zip(*columns, strict=True)
            ]
        return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]

    async def run_in_order(self, source: Any, run: Run) -> Any:
        """The same for one source, each field finished before the next one starts."""
        answer: dict[str, Any] = {}
        for field in self.fields:
            column = field.run([source], ROOT, run)
            value = (column if isinstance(column, list) else await column)[0]
            if is_failure(value):
                return value
            answer[field.position.key] = value
        return answer


async def _all(columns: list[Pending]) -> list[Column]:
    waiting = {
        index: column for index, column in enumerate(columns) if not isinstance(column, list)
    }
    found = await together(list(waiting.values()))
    for index, column in zip(waiting, found, strict=True):
        columns[index] = column
    return cast("list[Column]", columns)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A compiled operation. `size` counts its fields; `in_order` is for mutations."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    root: ObjectPlan
    size: int
    in_order: bool

    async def execute(
        self, context: Any, variables: VariableValues, *, hide_suggestions: bool
    ) -> ExecutionResult:
        run = Run(self, context, variables, hide_suggestions=hide_suggestions)
        if self.in_order:
            data = await self.root.run_in_order(None, run)
        else:
            found = self.root.run([None], ROOT, run)
            data = (found if isinstance(found, list) else await found)[0]
        return ExecutionResult(
            None if is_failure(data) else data, reported(run.failures) if run.failures else None
        )


def _inline(field: FieldPlan, read: AttributeRead | StoredRead) -> Part:
    completer, key = field.completer, field.position.key
    if isinstance(completer, Leaf) and can_be_read_inline(read):
        return FromSource(key, read, completer)
    return FromColumn(key)


def are_immutable(values: dict[str, Any]) -> bool:
    """Whether no resolver could change these arguments."""
    return all(isinstance(value, _IMMUTABLE) for value in values.values())


def _immutable(values: dict[str, Any]) -> dict[str, Any] | None:
    return values if are_immutable(values) else None


_IMMUTABLE = (str, int, float, bool, NoneType, Enum, datetime)


def _tried(read: Callable[[Any], Any], source: Any) -> Any:
    try:
        return read(source)
    except Exception as error:  # noqa: BLE001  it becomes the field's error
        return error
