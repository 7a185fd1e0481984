"""Running one operation of a prepared document."""

from collections.abc import Awaitable, Mapping
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from mercat.context import Context
from mercat.graphql.documents import Document
from mercat.graphql.errors import presented

_LONGEST_MESSAGE = 500
_MOST_COERCION_ERRORS = 5


async def run(
    schema: GraphQLSchema,
    document: Document,
    context: Context,
    *,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ExecutionResult:
    """Execute an operation; `data` is None only where it did not start or its root failed.

    The errors are those a client may see.
    """
    result = execute(
        schema,
        document.node,
        context_value=context,
        variable_values=cast("dict[str, Any] | None", variables),
        operation_name=operation_name,
        executor_class=StrawberryGraphQLCoreExecutionContext,
        max_coercion_errors=_MOST_COERCION_ERRORS,
    )
    if isawaitable(result):
        result = await cast("Awaitable[ExecutionResult]", result)
    finished = cast("ExecutionResult", result)
    if finished.errors:
        finished.errors = [presented(error) for error in finished.errors]
    return finished


def formatted(error: GraphQLError) -> dict[str, Any]:
    """An error as the specification writes it, its message cut to 500 characters."""
    written: dict[str, Any] = dict(error.formatted)
    if len(written["message"]) > _LONGEST_MESSAGE:
        written["message"] = written["message"][:_LONGEST_MESSAGE] + "…"
    return written
