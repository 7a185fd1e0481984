"""graphql-core's executor, as Strawberry's resolvers expect it."""

from typing import Any, cast

from graphql.execution import Executor as BaseExecutor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class Executor(BaseExecutor[Any]):
    """Executes one operation.

    Strawberry's own adds incremental delivery, which costs each request and which nobody can ask
    for here; its way of making `info` is kept.
    """

    operation_extensions: None = None
    build_resolve_info = cast("Any", StrawberryGraphQLCoreExecutionContext.build_resolve_info)
