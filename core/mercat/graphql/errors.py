"""How errors look to a client: `userErrors` in payloads, and `extensions.code` at the top level."""

import logging
import re
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mercat.errors import (
    AccessError,
    ConflictError,
    DomainError,
    ForbiddenError,
    MercatError,
    NotFoundError,
    NotReadyError,
    RateLimitedError,
    StoreError,
    UnauthenticatedError,
)

_LONGEST_MESSAGE = 500
_SHORTEST_MESSAGE = 200
_MESSAGE_BYTES = 1_200
_MOST_POSITIONS = 3
_VALUE = re.compile(r"(object, found: |(?:found|value): (?=[{\[])).*", re.DOTALL | re.IGNORECASE)

_logger = logging.getLogger("mercat.graphql")


class ErrorCode(StrEnum):
    """The values of `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    TOO_LARGE = "TOO_LARGE"
    CONFLICT = "CONFLICT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


_CODES: dict[type[MercatError], ErrorCode] = {
    NotFoundError: ErrorCode.NOT_FOUND,
    ConflictError: ErrorCode.CONFLICT,
    NotReadyError: ErrorCode.UNAVAILABLE,
    UnauthenticatedError: ErrorCode.UNAUTHENTICATED,
    ForbiddenError: ErrorCode.FORBIDDEN,
}


@strawberry.interface(description="What the person who asked can mend.")
class UserError:
    """The parent of every domain's error; each adds its own `code`."""

    field: list[str] | None = strawberry.field(
        description="The path of the input field that is meant, where it is one."
    )
    message: str = strawberry.field(description="What is wrong, in a sentence.")


def input_path(field: Sequence[str] | None) -> list[str] | None:
    """The path of a `userError` about a mutation's only argument, `input`; None about no field."""
    return ["input", *field] if field else None


def refusal(message: str, code: ErrorCode = ErrorCode.BAD_REQUEST) -> GraphQLError:
    """An error about the request itself."""
    return GraphQLError(message, extensions={"code": code.value})


def presented(error: GraphQLError, longest: int = _LONGEST_MESSAGE) -> GraphQLError:
    """What a client may see of an error: internal ones keep only an id, which is logged too.

    It keeps no syntax nodes, so that whoever keeps it doesn't keep their document.
    """
    message, extensions = _seen(error)
    return GraphQLError(
        _cut(message, longest),
        source=error.source,
        positions=list(error.positions or ())[:_MOST_POSITIONS] or None,
        path=error.path,
        extensions=extensions,
    )


def presented_together(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """What a client may see of the errors of one answer: the more there are, the shorter each."""
    longest = min(_LONGEST_MESSAGE, max(_MESSAGE_BYTES // max(len(errors), 1), _SHORTEST_MESSAGE))
    return [presented(error, longest) for error in errors]


def presented_exception(error: Exception) -> GraphQLError:
    """What a client may see of an exception that no field raised."""
    if isinstance(error, GraphQLError):
        return presented(error)
    return presented(GraphQLError(str(error), original_error=error))


def _seen(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause = error.original_error
    if error.extensions and "code" in error.extensions:
        return error.message, error.extensions
    if cause is None or _is_about_the_request(error, cause):
        return _without_values(error.message), {"code": ErrorCode.BAD_REQUEST.value}
    if isinstance(cause, (DomainError, AccessError, NotReadyError)):
        return str(cause), _extensions(cause)
    if isinstance(cause, (StoreError, RedisConnectionError, RedisTimeoutError)) or _is_down(cause):
        _logger.warning("a store does not answer: %s", type(cause).__name__)
        return "the shop's store does not answer; try again", {"code": ErrorCode.UNAVAILABLE.value}
    error_id = secrets.token_hex(8)
    _logger.error("error %s at %s", error_id, error.path, exc_info=cause)
    return "internal error", {"code": ErrorCode.INTERNAL.value, "errorId": error_id}


def _without_values(message: str) -> str:
    """What is wrong with an input object or a list, without what it has: it may be a password."""
    return _VALUE.sub(r"\1something else", message)


def _extensions(error: MercatError) -> dict[str, Any]:
    if isinstance(error, RateLimitedError):
        return {"code": ErrorCode.RATE_LIMITED.value, "retryAfter": error.retry_after}
    return {"code": _code(error).value}


def _is_about_the_request(error: GraphQLError, cause: BaseException) -> bool:
    """Whether graphql-core says what is wrong with the document, a variable or an argument.

    What happens before a field runs has nodes and no path. An argument's error names its node
    itself; one without a node is about the value that a resolver gave, not the client's business.
    """
    if error.path is None:
        return bool(error.nodes)
    return isinstance(cause, GraphQLError) and bool(cause.nodes)


def _cut(message: str, longest: int) -> str:
    """The message with at most that many bytes of JSON."""
    if len(message) <= longest and message.isascii() and message.isprintable():
        return message
    cut = message[:longest]
    while len(orjson.dumps(cut, default=str)) > longest:
        cut = cut[: len(cut) * 3 // 4]
    return cut if len(cut) == len(message) else cut + "…"


def _is_down(error: BaseException) -> bool:
    return isinstance(error, (ConnectionFailure, ExecutionTimeout)) or (
        isinstance(error, PyMongoError) and error.timeout
    )


def _code(error: MercatError) -> ErrorCode:
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return ErrorCode.BAD_REQUEST
