"""Compiled operations: what to read, call and complete, place by place, for all objects at once.

A plan goes through the answer level by level. Each field of a level is one column: read or
resolved for every object of the level, and completed together; then the columns become objects.
`mercat.graphql.compile` makes plans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from mercat.graphql.completion import Column, Pending, together
from mercat.graphql.failures import is_failure, reported
from mercat.graphql.fields import FieldPlan
from mercat.graphql.places import ROOT, Places
from mercat.graphql.rows import MOST_PARTS, FromColumn, Nested, Part, count, row_maker
from mercat.graphql.runs import Run


class ObjectPlan:
    """The fields selected on objects of one type, at one place."""

    __slots__ = ("_columns", "_keys", "_make_rows", "fields", "parts")

    def __init__(self, fields: Sequence[FieldPlan]) -> None:
        self.fields = fields
        self._keys = [field.position.key for field in fields]
        self.parts = _bounded([field.part() for field in fields])
        self._columns = [
            field
            for field, part in zip(fields, self.parts, strict=True)
            if isinstance(part, FromColumn)
        ]
        self._make_rows = row_maker(self.parts) if len(fields) <= MOST_PARTS else None

    def run(self, sources: Column, places: Places, run: Run) -> Pending:
        """The objects of the answer, in the order of their sources; a Failure where one failed."""
        if not sources:
            return []
        columns: list[Pending] = []
        waits = False
        for field in self._columns:
            column = field.run(sources, places, run)
            waits = waits or not isinstance(column, list)
            columns.append(column)
        if waits:
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


def _bounded(parts: list[Part]) -> list[Part]:
    """The parts, with columns for what would make too long a function."""
    if len(parts) > MOST_PARTS:
        return [FromColumn(part.key) for part in parts]
    if count(parts) > MOST_PARTS:
        return [FromColumn(part.key) if isinstance(part, Nested) else part for part in parts]
    return parts


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
