"""Asking both executors the same, and holding their answers side by side."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLSchema, execute
from hypothesis import reject

from mercat.graphql.documents import Document, Documents, InvalidDocument
from mercat.graphql.execution import execute_document

from .executing import MOST_COERCION_ERRORS, documents_of, errors_of, written
from .operations import Operation
from .schema import Mode, Torture, torture_schema, unawaited

# Where an error ends what runs beside it, graphql-core leaves coroutines that nobody awaited. What
# they warn of when they are collected is an error of its own where that happens at a bad moment.
tolerant = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """Nothing of it is left for the tests that follow."""
    yield
    gc.collect()


SYNC = torture_schema("sync")
TWINS: dict[Mode, GraphQLSchema] = {
    "sync": SYNC,
    "async": torture_schema("async"),
    "mixed": torture_schema("mixed"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation on its way: its document, and what is sent with it."""

    document: Document
    operation: Operation
    variables: dict[str, Any] | None


async def interpreted(schema: GraphQLSchema, asked: Asked, context: Any) -> ExecutionResult:
    """What graphql-core answers."""
    before = asyncio.all_tasks()
    result = execute(
        schema,
        asked.document.node,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.operation.name,
        max_coercion_errors=MOST_COERCION_ERRORS,
        hide_suggestions=asked.operation.hides,
    )
    found = await result if isawaitable(result) else result
    await ended(before)
    return found


async def compiled(mode: Mode, asked: Asked, context: Any) -> tuple[ExecutionResult, bool]:
    """What the engine answers, and whether by a plan: that leaves nothing running or unawaited."""
    executions = documents_of(TWINS[mode], 1).executions
    plans = executions["compiled"]
    before = asyncio.all_tasks()
    result = await execute_document(
        TWINS[mode],
        asked.document,
        context,
        operation_name=asked.operation.name,
        variables=asked.variables,
        hide_suggestions=asked.operation.hides,
    )
    by_plan = executions["compiled"] > plans
    if by_plan:
        assert not asyncio.all_tasks() - before
        assert not unawaited()
    await ended(before)
    return result, by_plan


async def ended(before: set[asyncio.Task[Any]]) -> None:
    """Wait for whatever graphql-core lets run on where an error ended what it belongs to."""
    while left := asyncio.all_tasks() - before:
        await asyncio.wait(left)
    unawaited()


def found_in(documents: Documents, operation: Operation) -> Document:
    """The operation's document; one that is larger than the engine allows is of no use here."""
    try:
        return documents.get(operation.text)
    except InvalidDocument as invalid:
        codes = [(error.extensions or {}).get("code") for error in invalid.errors]
        if codes == ["QUERY_TOO_COSTLY"]:
            reject()
        raise


async def agree(operation: Operation, mode: Mode) -> list[tuple[ExecutionResult, bool]]:
    """The engine answers in this twin as graphql-core does in the synchronous one.

    It is asked twice, the second time with other variables: a plan must not remember the first.
    """
    document = found_in(documents_of(TWINS[mode], 1), operation)
    found = [await _agree(Asked(document, operation, operation.variables), mode)]
    if operation.variables:
        found.append(await _agree(Asked(document, operation, _others(operation.variables)), mode))
    return found


async def _agree(asked: Asked, mode: Mode) -> tuple[ExecutionResult, bool]:
    measure, context = Torture(), Torture()
    expected = await interpreted(SYNC, asked, measure)
    found, by_plan = await compiled(mode, asked, context)
    assert written(found.data) == written(expected.data)
    if mode == "sync" or by_plan:  # else the order is graphql-core's own
        assert errors_of(found) == errors_of(expected)
    assert context.log == measure.log
    if mode != "sync":
        other = await interpreted(TWINS[mode], asked, Torture())
        assert written(other.data) == written(expected.data)
    return expected, by_plan


def _others(value: Any) -> Any:
    """Other variables of the same kinds; odd numbers stay odd."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 8
    if isinstance(value, list):
        return [_others(item) for item in value]
    if isinstance(value, dict):
        return {key: _others(item) for key, item in value.items()}
    return value
