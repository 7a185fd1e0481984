"""graphql-core's executor, as Strawberry's resolvers expect it."""

from typing import Any, cast

from graphql import FieldNode, GraphQLError, GraphQLField, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution import Executor as BaseExecutor
from graphql.execution.values import get_argument_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from mercat.graphql.localising import context_in, names_locale

_build_resolve_info = cast("Any", StrawberryGraphQLCoreExecutionContext.build_resolve_info)


class Executor(BaseExecutor[Any]):
    """Executes one operation.

    Strawberry's own adds incremental delivery, which costs each request and which nobody can ask
    for here; its way of making `info` is kept.
    """

    operation_extensions: None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._contexts: dict[str | int, Any] = {}  # of root fields that are given a locale

    def build_resolve_info(
        self,
        field_def: GraphQLField,
        field_nodes: list[FieldNode],
        parent_type: GraphQLObjectType,
        path: Any,
    ) -> GraphQLResolveInfo[Any]:
        """What a resolver is told; its context is in the locale of its root field."""
        found: GraphQLResolveInfo[Any] = _build_resolve_info(
            self, field_def, field_nodes, parent_type, path
        )
        if path.prev is None:
            self._localise(field_def, field_nodes[0], path.key)
        if self._contexts:
            while path.prev is not None:
                path = path.prev
            if path.key in self._contexts:
                return found._replace(context=self._contexts[path.key])
        return found

    def _localise(self, field_def: GraphQLField, node: FieldNode, key: str | int) -> None:
        if not names_locale(node):
            return
        try:
            arguments = get_argument_values(field_def, node, self.variable_values)
        except GraphQLError:  # it becomes the field's error
            return
        self._contexts[key] = context_in(self.context_value, arguments)


class StreamingExecutor(Executor, StrawberryGraphQLCoreExecutionContext):
    """Executes what Strawberry's view is left: one result, or several."""
