"""Running one operation of a prepared document."""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, execute

from mercat.context import Context
from mercat.graphql.documents import Document
from mercat.graphql.errors import presented_together
from mercat.graphql.executor import Executor

# graphql-core adds one that says that there are more.
_MOST_COERCION_ERRORS = 4


async def run(
    schema: GraphQLSchema,
    document: Document,
    context: Context,
    *,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    hide_suggestions: bool = False,
) -> ExecutionResult:
    """Execute an operation; `data` is None only where it did not start or its root failed.

    The errors are those a client may see.
    """
    known = document.known.get(_name(document, operation_name)) if document.known else None
    if known is not None:
        return ExecutionResult(dict(known))
    result = execute(
        schema,
        document.node,
        context_value=context,
        variable_values=cast("dict[str, Any] | None", variables),
        operation_name=operation_name,
        executor_class=Executor,
        max_coercion_errors=_MOST_COERCION_ERRORS,
        hide_suggestions=hide_suggestions,
    )
    if isawaitable(result):
        result = await result
    if result.errors:
        result.errors = presented_together(result.errors)
    return result


def _name(document: Document, operation_name: str | None) -> str | None:
    """The name that an operation has in its document; nobody names the only one."""
    if operation_name is None and len(document.operations) == 1:
        return next(iter(document.operations))
    return operation_name
