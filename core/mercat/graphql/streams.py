"""What the fast path leaves to Strawberry: subscriptions over WebSocket or server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeGuard, cast

import orjson
from graphql import GraphQLError, OperationType
from graphql.language import parse
from litestar import Response
from litestar.response import Stream
from strawberry.extensions import SchemaExtension
from strawberry.http import process_result
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat
from strawberry.http.websocket_origin import is_same_origin, normalize_origin
from strawberry.litestar.controller import GraphQLController, LitestarWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
)
from strawberry.types.execution import ExecutionResult, StreamExecutionResult
from strawberry.types.graphql import OperationType as StrawberryOperationType

from mercat.context import Context
from mercat.errors import AccessError, ExpiredError, RateLimitedError, UnauthenticatedError
from mercat.graphql.documents import STREAMED, Document, Documents, InvalidDocument
from mercat.graphql.errors import presented_exception, presented_together, refusal
from mercat.graphql.extend import MergedSchema
from mercat.graphql.protocol import Request
from mercat.graphql.watching import ended, identify_again, until_ended
from mercat.storage import cancel

_NOTHING = parse("{ __typename }")
_INIT_SECONDS = 5
# A WebSocket's close frame holds 123 bytes of reason, and one of several bytes may be cut.
_LONGEST_REASON = 120
_LONGEST_ID = 200
_UNAUTHORIZED, _FORBIDDEN, _TRY_AGAIN_LATER, _INTERNAL = 4401, 4403, 1013, 1011


class _Socket(LitestarWebSocketAdapter):
    async def close(self, code: int, reason: str) -> None:
        await super().close(code, _short(reason))


class _Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's handler takes well-formed messages only; any other ends the connection.

    So does the end of what who opened it is known by.
    """

    _watch: asyncio.Task[None] | None = None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        payload = message.get("payload")
        if isinstance(payload, dict) and not self.connection_init_received:
            try:
                await identify_again(self.context, payload)
            except Exception as error:  # noqa: BLE001  it is said in the close, and logged
                await self.websocket.close(*closing(error))
                return
        await super().handle_connection_init(message)
        if self.connection_acknowledged and self._watch is None:
            self._watch = asyncio.create_task(self._close_when_ended())

    async def _close_when_ended(self) -> None:
        error = await ended(self.context)
        for name in list(self.operations):
            await self.cleanup_operation(name)
        await self.websocket.close(*closing(error))

    async def shutdown(self) -> None:
        if self._watch is not None:
            await cancel([self._watch])
        await super().shutdown()

    async def handle_message(self, message: Any) -> None:
        if _is_well_formed(message):
            if message.get("payload", message) is None:
                del message["payload"]  # the protocol has it either way, Strawberry only one
            await super().handle_message(cast("Message", message))
        else:
            await self.handle_invalid_message("the message is not one of graphql-transport-ws")


class StrawberryView(GraphQLController[Context, None]):
    """Strawberry's own view, made by hand: it isn't mounted as a controller."""

    protocols = (GRAPHQL_TRANSPORT_WS_PROTOCOL,)
    connection_init_wait_timeout = timedelta(seconds=_INIT_SECONDS)
    graphql_transport_ws_handler_class = _Handler
    websocket_adapter_class = _Socket
    graphql_ide = None

    def __init__(self, schema: MergedSchema, allowed_origins: Sequence[str]) -> None:
        self.schema = schema
        self.allowed_origins = frozenset(
            normal for origin in allowed_origins if (normal := normalize_origin(origin))
        )

    def trusts(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of this origin may send what a browser sends without asking first."""
        if origin is None or is_same_origin(origin, host):
            return True
        return normalize_origin(origin) in self.allowed_origins

    async def events(self, request: Request, context: Context, *, method: str) -> Response[Any]:
        """The answer to a request as server-sent events, its context ready."""
        transport = SSETransport()
        results = await self.schema.stream(
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=request.operation_name,
            allowed_operation_types=StrawberryOperationType.from_http(cast("Any", method)),
        )

        async def texts() -> AsyncIterator[str]:
            async with contextlib.aclosing(results):
                try:
                    async for result in until_ended(results, context):
                        shown = process_result(cast("ExecutionResult", result))
                        yield transport.encode_next(shown, _dumps)
                except AccessError as error:
                    refused: Any = {"data": None, "errors": [presented_exception(error).formatted]}
                    yield transport.encode_next(refused, _dumps)
            yield transport.encode_complete()

        beating = merge_stream_with_heartbeat(
            cast("Any", texts),
            lambda: transport.heartbeat_message(_dumps),
            interval=transport.heartbeat_interval,
            send_initial_heartbeat=transport.send_initial_heartbeat,
        )
        return Stream(beating(), headers={**transport.headers, "X-Content-Type-Options": "nosniff"})

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return _dumps(data)


def closing(error: Exception) -> tuple[int, str]:
    """The code and the reason of a WebSocket's end.

    By graphql-transport-ws and its clients: 4401 is for good, at 4403 they connect again.
    https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
    """
    message = _short(presented_exception(error).message)
    if isinstance(error, ExpiredError):
        return _FORBIDDEN, message
    if isinstance(error, UnauthenticatedError):
        return _UNAUTHORIZED, message
    if isinstance(error, RateLimitedError):
        return _TRY_AGAIN_LATER, message
    return (_FORBIDDEN if isinstance(error, AccessError) else _INTERNAL), message


def _short(reason: str) -> str:
    return reason.encode()[:_LONGEST_REASON].decode(errors="ignore")


def _dumps(data: object) -> str:
    return orjson.dumps(data).decode()


def _is_well_formed(message: Any) -> TypeGuard[dict[str, Any]]:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    payload, name = message.get("payload"), message.get("id", "")
    if not isinstance(name, str) or len(name) > _LONGEST_ID:
        return False
    if message["type"] != "subscribe":
        return True
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


class Prepared(SchemaExtension):
    """Takes documents, and their limits, from the document cache of the context's engine."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        context.validation_rules = ()
        # The operations of one WebSocket share its context, but not what they load.
        context.context = replace(context.context, loaders={})
        try:
            documents: Documents = context.context.engine.documents
            document = documents.get(context.query or "")
            documents.executions[STREAMED] += 1
            self._check_operation(document)
            context.graphql_document = document.node
        except InvalidDocument as invalid:
            self._refuse(invalid.errors)
        except GraphQLError as error:
            self._refuse([error])
        yield

    def _check_operation(self, document: Document) -> None:
        context = self.execution_context
        name = context._provided_operation_name  # noqa: SLF001  an InitVar has no other name
        operation = document.operation(name or None).operation
        if StrawberryOperationType[operation.name] not in context.allowed_operations:
            raise refusal(_not_here(operation))

    def _refuse(self, errors: Sequence[GraphQLError]) -> None:
        context = self.execution_context
        context.graphql_document = _NOTHING
        context._provided_operation_name = None  # noqa: SLF001
        context.pre_execution_errors = list(errors)

    def on_operation(self) -> Iterator[None]:
        yield
        _present(self.execution_context.result)

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        _present(result)
        yield


def _not_here(operation: OperationType) -> str:
    return f"a {operation.value} is not sent this way"


def _present(result: object) -> None:
    errors: list[GraphQLError] | None = getattr(result, "errors", None)
    if errors:
        result.errors = presented_together(errors)  # type: ignore[attr-defined]
