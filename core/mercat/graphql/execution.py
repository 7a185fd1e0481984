"""Running one operation of a prepared document: by its plan, or else by graphql-core."""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, execute
from graphql.execution.values import VariableValues, get_variable_values

from mercat.graphql.documents import Document
from mercat.graphql.errors import presented_together
from mercat.graphql.executor import Executor

# graphql-core adds one that says that there are more.
_MOST_COERCION_ERRORS = 4
_NO_VARIABLES = VariableValues({}, {})


async def run(
    schema: GraphQLSchema,
    document: Document,
    context: Any,
    *,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    hide_suggestions: bool = False,
) -> ExecutionResult:
    """Execute an operation; `data` is None only where it did not start or its root failed.

    The errors are those a client may see.
    """
    result = await execute_document(
        schema,
        document,
        context,
        operation_name=operation_name,
        variables=variables,
        hide_suggestions=hide_suggestions,
    )
    if result.errors:
        result.errors = presented_together(result.errors)
    return result


async def execute_document(
    schema: GraphQLSchema,
    document: Document,
    context: Any,
    *,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    hide_suggestions: bool = False,
) -> ExecutionResult:
    """Execute an operation; the errors are as they were raised."""
    plans = document.plans_of(operation_name)
    if plans is not None:
        values = _NO_VARIABLES
        definitions = plans.operation.variable_definitions
        if definitions and plans.are_due:
            coerced = get_variable_values(
                schema,
                definitions,
                dict(variables or {}),
                _MOST_COERCION_ERRORS,
                hide_suggestions,
            )
            if isinstance(coerced, list):
                return ExecutionResult(None, coerced)
            values = coerced
        plan = plans.find(values)
        if plan is not None:
            return await plan.execute(context, values, hide_suggestions=hide_suggestions)
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
    return await result if isawaitable(result) else result
