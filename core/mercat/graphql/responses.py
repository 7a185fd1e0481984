"""Responses of `/graphql`: their headers, entity tags, and what errors look like."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson
from graphql import ExecutionResult, GraphQLError
from litestar.types import ASGIApp, Receive, Scope, Send

from mercat.caching.answers import Question, Reply
from mercat.caching.kept import etag_of
from mercat.errors import RateLimitedError, UnauthenticatedError
from mercat.graphql.admission import AGAIN
from mercat.graphql.errors import ErrorCode, presented_exception
from mercat.graphql.protocol import GRAPHQL_JSON, HTML, JSON, HTTPError

Headers: TypeAlias = Mapping[str, str]

_NOT_MODIFIED = 304
_TOO_MANY, _UNAVAILABLE = 429, 503
# RFC 9211. Nobody but a developer reads it.
_HIT = {"cache-status": "mercat; hit"}
_MISS = {"cache-status": "mercat; fwd=miss"}
_NONE: Headers = {}
_PRIVATE = {"cache-control": "private, no-cache"}
_PUBLIC = {"cache-control": "public, no-cache"}
_CONTENT_TYPES = {kind: f"{kind}; charset=utf-8".encode() for kind in (GRAPHQL_JSON, JSON, HTML)}
_STATUS = {
    ErrorCode.UNAUTHENTICATED.value: 401,
    ErrorCode.FORBIDDEN.value: 403,
    ErrorCode.RATE_LIMITED.value: 429,
    ErrorCode.UNAVAILABLE.value: 503,
    ErrorCode.INTERNAL.value: 500,
}


class Response:
    """A whole response; it is an ASGI application."""

    __slots__ = ("body", "content_type", "cookies", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: Headers | None = None,
        cookies: Sequence[str] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.cookies = cookies

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        del scope
        raw = [
            (b"content-type", _CONTENT_TYPES[self.content_type]),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-content-type-options", b"nosniff"),
            (b"vary", b"accept, accept-language, authorization, cookie"),
        ]
        if self.status == _NOT_MODIFIED:  # has no content, so no type and no length of it
            del raw[:2]
        if self.headers:
            raw += [(key.encode(), value.encode()) for key, value in self.headers.items()]
        raw += [(b"set-cookie", cookie.encode()) for cookie in self.cookies]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def cache_status(question: Question | None, reply: Reply) -> Headers:
    """What RFC 9211 says of an answer; nothing of one that may not be kept."""
    if question is None:
        return _NONE
    return _HIT if reply.is_hit else _MISS


def retried(reply: Reply) -> Headers:
    """When to try again what was refused for now (RFC 9110, 10.2.3); nothing of anything else."""
    if reply.status == _UNAVAILABLE:
        return AGAIN
    if reply.status != _TOO_MANY or reply.retry_after is None:
        return _NONE
    return {"retry-after": str(reply.retry_after)}


def validated(
    reply: Reply, headers: Headers, content_type: str, question: Question | None
) -> Response:
    """An answer with its entity tag, or 304 where the client has it (RFC 9110, 8.8.3 and 15.4.5).

    Whoever keeps it has to ask again each time, so that what has changed is seen at once.
    """
    tag = reply.kept.etag if reply.kept is not None else etag_of(reply.body)
    etag = f'"{tag}-{"g" if content_type == GRAPHQL_JSON else "j"}"'
    control = _PRIVATE if question is None else _PUBLIC
    more = {"etag": etag, **control, **cache_status(question, reply)}
    if _has(headers.get("if-none-match", ""), etag):
        return Response(304, b"", content_type, more)
    return Response(200, reply.body, content_type, more)


def _has(if_none_match: str, etag: str) -> bool:
    """Whether a client has that answer (RFC 9110, 13.1.2: the weak comparison)."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag in known or if_none_match.strip() == "*"


def refusal(headers: Headers, error: HTTPError) -> ASGIApp:
    """The response to what is no GraphQL over HTTP."""
    return Response(error.status, errors_json([error.error]), _error_type(headers), error.headers)


def failure(headers: Headers, error: Exception) -> ASGIApp:
    """The response to a request that an exception ended."""
    seen = presented_exception(error)
    status = _STATUS.get((seen.extensions or {}).get("code", ""), 400)
    cookies = error.cookies if isinstance(error, UnauthenticatedError) else ()
    more = AGAIN if status == _UNAVAILABLE else hints(error)
    return Response(status, errors_json([seen]), _error_type(headers), more, cookies)


def hints(error: Exception) -> Headers:
    """What a client is to do about it (RFC 6750, 3; RFC 9110, 10.2.3)."""
    if isinstance(error, UnauthenticatedError):
        return {"www-authenticate": 'Bearer error="invalid_token"'}
    if isinstance(error, RateLimitedError):
        return {"retry-after": str(error.retry_after)}
    return _NONE


def _error_type(headers: Headers) -> str:
    return GRAPHQL_JSON if GRAPHQL_JSON in headers.get("accept", "") else JSON


def data_json(result: ExecutionResult, errors: Sequence[GraphQLError]) -> bytes:
    """The body of an answer with errors beside its data."""
    return orjson.dumps({"data": result.data, "errors": [error.formatted for error in errors]})


def errors_json(errors: Sequence[GraphQLError]) -> bytes:
    """The body of an answer that has errors alone."""
    return orjson.dumps({"errors": [error.formatted for error in errors]})
