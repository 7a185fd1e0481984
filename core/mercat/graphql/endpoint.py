"""`/graphql`: a thin path for JSON, and Strawberry's view for all else."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import ExecutionResult, GraphQLError, OperationType
from litestar import Request as LitestarRequest
from litestar import WebSocket
from litestar.exceptions import ClientException
from litestar.types import Receive, Scope, Send

from mercat.auth import Credentials, authenticate
from mercat.context import ANONYMOUS, Context
from mercat.graphql.documents import Document, Documents, InvalidDocument
from mercat.graphql.errors import ErrorCode, presented
from mercat.graphql.execution import formatted, run
from mercat.graphql.protocol import (
    GRAPHQL_JSON,
    JSON,
    HTTPError,
    Request,
    accepted,
    read_body,
    read_query_string,
    wants_page,
)
from mercat.graphql.streams import StrawberryView

_EVENTS = "text/event-stream"


class Endpoint:
    """The ASGI application at `/graphql`."""

    def __init__(
        self,
        context: Context,
        documents: Documents,
        view: StrawberryView,
        *,
        max_body_bytes: int,
        page: Callable[[], tuple[bytes, str]] | None,
    ) -> None:
        self._context = context
        self._schema = context.engine.schema._schema  # noqa: SLF001  Strawberry's own handle
        self._documents = documents
        self._view = view
        self._max_body_bytes = max_body_bytes
        self._page = page
        self._authenticates = bool(context.hooks.implementations("authenticate"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._stream(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        accept = headers.get("accept", "")
        content_type = accepted(accept)
        try:
            if _is_strawberrys(scope["method"], accept, headers):
                self._check_length(headers)
                await self._delegate(scope, self._bounded(receive), send)
                return
            if scope["method"] == "GET" and wants_page(accept) and not _asks(scope["query_string"]):
                await self._send_page(send)
                return
            if content_type is None:
                raise HTTPError(406, f"the answer comes as {GRAPHQL_JSON} or {JSON}")
            request = await self._read(scope, receive, headers)
            status, answer = await self._answer(request, scope, headers, content_type)
            await _send(send, status, answer, content_type)
        except HTTPError as error:
            answer = orjson.dumps({"errors": [formatted(error.error)]})
            await _send(send, error.status, answer, content_type or JSON, error.headers)

    async def _read(self, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> Request:
        if scope["method"] == "POST":
            _check_content_type(headers.get("content-type", ""))
            return read_body(await self._body(receive, headers))
        if scope["method"] == "GET":
            return read_query_string(scope["query_string"])
        raise HTTPError(405, "GraphQL is asked with POST or GET", headers={"allow": "GET, POST"})

    async def _answer(
        self, request: Request, scope: Scope, headers: Mapping[str, str], content_type: str
    ) -> tuple[int, bytes]:
        refused = 400 if content_type == GRAPHQL_JSON else 200
        try:
            document = self._documents.get(request.query)
            _check_operation(document, request, scope["method"])
        except InvalidDocument as invalid:
            return refused, _errors(invalid.errors)
        except GraphQLError as error:
            return refused, _errors([error])
        context = await self._operation_context(scope, headers)
        result = await run(
            self._schema,
            document,
            context,
            operation_name=request.operation_name,
            variables=request.variables,
        )
        if result.data is None and _did_not_start(result):
            return refused, _errors(result.errors or [])
        return _status(result), orjson.dumps(_response(result))

    async def _operation_context(self, scope: Scope, headers: Mapping[str, str]) -> Context:
        context = Context(self._context.engine)
        if self._authenticates:
            client = scope.get("client")
            credentials = Credentials(headers, client[0] if client else None)
            context.viewer = (
                await context.hooks.first(authenticate, context, credentials) or ANONYMOUS
            )
        return context

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        self._check_length(headers)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise HTTPError(400, "the request was broken off")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                raise self._too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _check_length(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> HTTPError:
        return HTTPError(
            413,
            f"the body is larger than {self._max_body_bytes} bytes",
            code=ErrorCode.QUERY_TOO_COSTLY,
            headers={"connection": "close"},
        )

    def _bounded(self, receive: Receive) -> Receive:
        """A `receive` that breaks off a body larger than the bound, whatever its headers say."""
        size = 0

        async def bounded() -> Any:
            nonlocal size
            message = await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size > self._max_body_bytes:
                    raise self._too_large()
            return message

        return bounded

    async def _delegate(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: LitestarRequest[Any, Any, Any] = LitestarRequest(scope, receive, send)
        headers = {key.lower(): value for key, value in request.headers.items()}
        context = await self._operation_context(scope, headers)
        try:
            response = await self._view.run(request, context=context)
        except HTTPException as error:
            raise HTTPError(error.status_code, error.reason) from None
        except ClientException as error:
            raise HTTPError(error.status_code, error.detail) from None
        await response.to_asgi_response(app=None, request=request)(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
        headers = {key.lower(): value for key, value in socket.headers.items()}
        await self._view.run(socket, context=await self._operation_context(scope, headers))

    async def _send_page(self, send: Send) -> None:
        if self._page is None:
            raise HTTPError(404, "GraphiQL is turned off here; send a query", code=ErrorCode.NOT_FOUND)
        body, policy = self._page()
        await _send(
            send, 200, body, "text/html", {"content-security-policy": policy, "cache-control": "no-cache"}
        )


def _is_strawberrys(method: str, accept: str, headers: Mapping[str, str]) -> bool:
    if method == "POST" and headers.get("content-type", "").startswith("multipart/form-data"):
        return True
    return method in {"GET", "POST"} and _EVENTS in accept


def _asks(query_string: bytes) -> bool:
    return b"query=" in query_string


def _check_content_type(content_type: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type != JSON:
        raise HTTPError(415, f"the body must be {JSON}, and its Content-Type must say so")
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in {"utf-8", "utf8"}:
            raise HTTPError(415, "the body must be UTF-8")


def _check_operation(document: Document, request: Request, method: str) -> None:
    operation = document.operation(request.operation_name).operation
    if operation is OperationType.SUBSCRIPTION:
        raise HTTPError(
            400, "a subscription goes over WebSocket (graphql-transport-ws) or text/event-stream"
        )
    if operation is OperationType.MUTATION and method == "GET":
        raise HTTPError(405, "a mutation is sent with POST", headers={"allow": "POST"})


def _did_not_start(result: ExecutionResult) -> bool:
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _status(result: ExecutionResult) -> int:
    for error in result.errors or ():
        if result.data is None and (error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE:
            return 503
    return 200


def _response(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [formatted(error) for error in result.errors]}


def _errors(errors: list[GraphQLError]) -> bytes:
    return orjson.dumps({"errors": [formatted(presented(error)) for error in errors]})


async def _send(
    send: Send, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
) -> None:
    raw = [
        (b"content-type", f"{content_type}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"accept"),
    ]
    raw += [(key.encode(), value.encode()) for key, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})  # type: ignore[typeddict-item]
    await send({"type": "http.response.body", "body": body, "more_body": False})
