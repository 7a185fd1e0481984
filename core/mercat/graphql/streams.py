"""What the fast path leaves to Strawberry's view: uploads, and subscriptions over WebSocket or SSE."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from graphql import GraphQLError
from graphql.language import parse
from litestar import Request, Response, WebSocket
from strawberry.extensions import SchemaExtension
from strawberry.litestar.controller import GraphQLController
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import StreamExecutionResult

from mercat.graphql.documents import Documents, InvalidDocument
from mercat.graphql.errors import presented
from mercat.graphql.extend import MergedSchema

_NOTHING = parse("{ __typename }")
_INIT_SECONDS = 5


class StrawberryView(GraphQLController):
    """Strawberry's own view, made by hand: it isn't mounted as a controller."""

    protocols = (GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL)
    connection_init_wait_timeout = timedelta(seconds=_INIT_SECONDS)
    multipart_uploads_enabled = True
    graphql_ide = None

    def __init__(self, schema: MergedSchema, allowed_origins: Sequence[str]) -> None:
        self.schema = schema
        self.allowed_origins = frozenset(allowed_origins)

    async def get_sub_response(self, request: Request[Any, Any, Any]) -> Response[Any]:
        return Response({})

    async def get_root_value(self, request: Request[Any, Any, Any] | WebSocket) -> None:
        return None


def prepared(documents: Callable[[], Documents]) -> type[SchemaExtension]:
    """A Strawberry extension that takes documents, and their limits, from the document cache."""

    class Prepared(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            context.validation_rules = ()
            try:
                context.graphql_document = documents().get(context.query or "").node
            except InvalidDocument as invalid:
                context.graphql_document = _NOTHING
                context.provided_operation_name = None
                context.pre_execution_errors = invalid.errors
            yield

        def on_operation(self) -> Iterator[None]:
            yield
            _present(self.execution_context.result)

        def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
            _present(result)
            yield

    return Prepared


def _present(result: object) -> None:
    errors: list[GraphQLError] | None = getattr(result, "errors", None)
    if errors:
        result.errors = [presented(error) for error in errors]  # type: ignore[attr-defined]


