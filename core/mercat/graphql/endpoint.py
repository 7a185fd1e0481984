"""`/graphql`: a thin path for JSON and forms; subscriptions go to Strawberry."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from litestar import Request as LitestarRequest
from litestar import WebSocket
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from mercat.auth import identify
from mercat.caching.answers import Reply
from mercat.context import ANONYMOUS, Context
from mercat.errors import UnauthenticatedError
from mercat.graphql.admission import Admission
from mercat.graphql.bodies import check_length, read_chunks
from mercat.graphql.documents import Document, Documents, InvalidDocument
from mercat.graphql.errors import ErrorCode, presented_exception
from mercat.graphql.execution import run
from mercat.graphql.forms import Form, read_parts
from mercat.graphql.protocol import (
    EVENTS,
    FORM,
    GRAPHQL_JSON,
    HTML,
    JSON,
    HTTPError,
    Request,
    accepted,
    check_content_type,
    form_request,
    read_body,
    read_headers,
    read_query_string,
    wants_page,
)
from mercat.graphql.responses import (
    Headers,
    Response,
    cache_status,
    data_json,
    errors_json,
    failure,
    refusal,
    retried,
    validated,
)
from mercat.graphql.streams import StrawberryView, closing
from mercat.graphql.uploads import largest_upload
from mercat.graphql.watching import STREAM

_POLICY_VIOLATION = 1008
_RETRIED = {ErrorCode.UNAVAILABLE: 503, ErrorCode.RATE_LIMITED: 429}
_TOO_LARGE = 413


class Endpoint:
    """The ASGI application at `/graphql`."""

    def __init__(
        self,
        context: Context,
        documents: Documents,
        view: StrawberryView,
        *,
        admission: Admission,
        max_body_bytes: int,
        page: Callable[[], tuple[bytes, str]] | None,
    ) -> None:
        self._context = context
        self._schema = context.engine.schema._schema  # noqa: SLF001  Strawberry's own handle
        self._documents = documents
        self._answers = context.engine.answers
        self._view = view
        self._admission = admission
        self._max_body_bytes = max_body_bytes
        self._max_form_bytes = max_body_bytes + largest_upload(context.engine)
        self._page = page
        self._authenticates = bool(context.hooks.implementations("authenticate"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            await self._stream(scope, receive, send)
            return
        headers = read_headers(scope["headers"])
        try:
            answer = await self._http(scope, receive, headers)
        except HTTPError as error:
            answer = refusal(headers, error)
        except Exception as error:  # noqa: BLE001  nothing gets past it, and it is logged
            answer = failure(headers, error)
        await answer(scope, receive, send)

    async def _http(self, scope: HTTPScope, receive: Receive, headers: Headers) -> ASGIApp:
        accept = headers.get("accept", "")
        method = scope["method"]
        if method == "GET" and wants_page(accept) and b"query=" not in scope["query_string"]:
            return self._graphiql(scope)
        content_type = accepted(accept)
        if content_type is None:
            raise HTTPError(406, f"the answer comes as {GRAPHQL_JSON} or {JSON}")
        if method == "GET":
            request = read_query_string(self._query_string(scope))
        elif method != "POST":
            raise HTTPError(
                405, "GraphQL is asked with POST or GET", headers={"allow": "GET, POST"}
            )
        elif headers.get("content-type", "").lower().startswith(FORM):
            return await self._answer_form(scope, receive, headers, content_type)
        else:
            check_content_type(headers.get("content-type", ""))
            request = read_body(await self._body(receive, headers))
        return await self._answer(request, scope, headers, content_type)

    async def _answer(
        self,
        request: Request,
        scope: HTTPScope,
        headers: Headers,
        content_type: str,
        context: Context | None = None,
    ) -> ASGIApp:
        if content_type == EVENTS:
            return await self._events(request, scope, headers)
        refused = 400 if content_type == GRAPHQL_JSON else 200
        try:
            document = self._documents.get(request.query)
            _check_operation(document, request, scope["method"])
        except InvalidDocument as invalid:
            return Response(refused, errors_json(invalid.errors), content_type)
        except GraphQLError as error:
            return Response(refused, errors_json([error]), content_type)
        context = context or await self._operation_context(scope, headers)
        ask = partial(self._execute, document, request, content_type)
        question = self._answers.question(
            document, request.operation_name, request.variables, context
        )
        if question is None:
            reply = await ask(context)
        else:
            reply = await self._answers.reply(question, context, ask)
        if scope["method"] == "GET" and reply.is_whole:
            return validated(reply, headers, content_type, question)
        more = retried(reply) or cache_status(question, reply)
        return Response(reply.status, reply.body, content_type, more, context.cookies)

    async def _execute(
        self, document: Document, request: Request, content_type: str, context: Context
    ) -> Reply:
        kind = document.operation(request.operation_name).operation
        with self._admission.one(kind):
            result = await run(
                self._schema,
                document,
                context,
                operation_name=request.operation_name,
                variables=request.variables,
                hide_suggestions=not self._documents.introspection,
            )
        if not result.errors:
            return Reply(200, orjson.dumps({"data": result.data}), is_whole=True)
        if result.data is None and _did_not_start(result):
            refused = 400 if content_type == GRAPHQL_JSON else 200
            return Reply(refused, errors_json(result.errors), is_whole=False)
        return Reply(
            _status(result),
            data_json(result, result.errors),
            is_whole=False,
            retry_after=_retry_after(result),
        )

    async def _answer_form(
        self, scope: HTTPScope, receive: Receive, headers: Headers, content_type: str
    ) -> ASGIApp:
        if not self._view.trusts(headers.get("origin"), headers.get("host")):
            raise HTTPError(
                403,
                "a page of another origin sends forms only where [server] cors_origins names it",
                code=ErrorCode.FORBIDDEN,
            )
        if content_type == EVENTS:
            raise HTTPError(406, f"a form is answered with {GRAPHQL_JSON} or {JSON}")
        context = await self._operation_context(scope, headers)
        form = await self._form(receive, headers, context)
        try:
            return await self._answer(form_request(form), scope, headers, content_type, context)
        finally:
            await form.close()

    async def _events(self, request: Request, scope: HTTPScope, headers: Headers) -> ASGIApp:
        context = await self._operation_context(scope, headers)
        if context.credentials is not None:
            context.credentials = replace(context.credentials, method=STREAM)
        response = await self._view.events(request, context, method=scope["method"])
        return response.to_asgi_response(app=None, request=LitestarRequest(scope))

    async def _operation_context(self, scope: Scope, headers: Headers) -> Context:
        context = Context(
            self._context.engine,
            languages=headers.get("accept-language", ""),
            idempotency_key=headers.get("idempotency-key"),
        )
        if self._authenticates:
            await identify(context, headers, scope)
        return context

    async def _body(self, receive: Receive, headers: Headers) -> bytes:
        check_length(headers, self._max_body_bytes)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            body: bytes = message.get("body", b"")
            if len(body) <= self._max_body_bytes:
                return body
        chunks = read_chunks(receive, headers, self._max_body_bytes, message)
        return b"".join([chunk async for chunk in chunks])

    async def _form(self, receive: Receive, headers: Headers, context: Context) -> Form:
        """Read a form; only of those who have signed in one that is larger than other bodies."""
        is_known = context.viewer.role != ANONYMOUS.role
        most = self._max_form_bytes if is_known else self._max_body_bytes
        chunks = read_chunks(receive, headers, most)
        try:
            return await read_parts(chunks, headers["content-type"], self._max_body_bytes)
        except ValueError as error:
            raise HTTPError(
                400, f"the body is not {FORM}, or has too many parts or too much text"
            ) from error
        except HTTPError as error:
            if error.status != _TOO_LARGE:
                raise
            raise HTTPError(
                _TOO_LARGE,
                f"a form has at most {most} bytes, with all files in it; send smaller ones",
                code=ErrorCode.TOO_LARGE,
                headers=error.headers,
            ) from None

    def _query_string(self, scope: Scope) -> bytes:
        query_string: bytes = scope["query_string"]
        if len(query_string) > self._max_body_bytes:
            raise HTTPError(414, f"the query string is longer than {self._max_body_bytes} bytes")
        return query_string

    def _graphiql(self, scope: HTTPScope) -> ASGIApp:
        if self._page is None:
            raise HTTPError(
                404, "GraphiQL is turned off here; send a query", code=ErrorCode.NOT_FOUND
            )
        if scope["raw_path"].endswith(b"/"):  # the page's addresses are relative
            return Response(308, b"", HTML, {"location": "../graphql"})
        body, policy = self._page()
        return Response(
            200, body, HTML, {"content-security-policy": policy, "cache-control": "no-cache"}
        )

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
        headers = read_headers(scope["headers"])
        try:
            context = await self._operation_context(scope, headers)
        except UnauthenticatedError as error:
            await self._refuse(socket, headers, error)
            return
        except Exception as error:  # noqa: BLE001  the handshake is refused, and it is logged
            presented_exception(error)
            await socket.close(_POLICY_VIOLATION)
            return
        await self._view.run(socket, context=context, root_value=None)

    async def _refuse(
        self, socket: WebSocket[Any, Any, Any], headers: Headers, error: UnauthenticatedError
    ) -> None:
        """Refuse a handshake; a page by its cookies learns why only once the socket is open."""
        code, reason = closing(error)
        by_cookie = "authorization" not in headers
        if by_cookie and self._view.trusts(headers.get("origin"), headers.get("host")):
            offered = GRAPHQL_TRANSPORT_WS_PROTOCOL in socket.scope["subprotocols"]
            await socket.accept(subprotocols=GRAPHQL_TRANSPORT_WS_PROTOCOL if offered else None)
            await socket.close(code, reason)
        else:
            await socket.close(_POLICY_VIOLATION)


def _check_operation(document: Document, request: Request, method: str) -> None:
    operation = document.operation(request.operation_name).operation
    if operation is OperationType.SUBSCRIPTION:
        raise HTTPError(400, f"a subscription goes over graphql-transport-ws or {EVENTS}")
    if operation is OperationType.MUTATION and method == "GET":
        raise HTTPError(405, "a mutation is sent with POST", headers={"allow": "POST"})


def _did_not_start(result: ExecutionResult) -> bool:
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _status(result: ExecutionResult) -> int:
    """503 or 429 where the only field, or one that all others need, failed for such a reason."""
    if result.data is None:
        for error in result.errors or ():
            code = (error.extensions or {}).get("code")
            if code in _RETRIED:
                return _RETRIED[code]
    return 200


def _retry_after(result: ExecutionResult) -> int | None:
    """How many seconds an error says to wait, the longest."""
    found = ((error.extensions or {}).get("retryAfter") for error in result.errors or ())
    return max((seconds for seconds in found if seconds is not None), default=None)
