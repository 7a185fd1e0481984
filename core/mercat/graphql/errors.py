"""How errors look to a client: `userErrors` in payloads, and `extensions.code` at the top level."""

import logging
import secrets
from enum import StrEnum
from typing import Any

import strawberry
from graphql import GraphQLError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mercat.errors import ConflictError, DomainError, NotFoundError, StoreError

_logger = logging.getLogger("mercat.graphql")


class ErrorCode(StrEnum):
    """The values of `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    CONFLICT = "CONFLICT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


@strawberry.interface(description="What the person who asked can mend.")
class UserError:
    """The parent of every domain's error; each adds its own `code`."""

    field: list[str] | None = strawberry.field(
        description="The path of the input field that is meant, where it is one."
    )
    message: str = strawberry.field(description="What is wrong, in a sentence.")


class ForbiddenError(GraphQLError):
    """The viewer may not do this."""

    def __init__(self) -> None:
        super().__init__(
            "you may not do this", extensions={"code": ErrorCode.FORBIDDEN.value}
        )


def refusal(message: str, code: ErrorCode = ErrorCode.BAD_REQUEST) -> GraphQLError:
    """An error about the request itself."""
    return GraphQLError(message, extensions={"code": code.value})


def presented(error: GraphQLError) -> GraphQLError:
    """What a client may see of an error: internal ones keep only an id, which is logged too."""
    cause = error.original_error
    if error.extensions and "code" in error.extensions:
        return error
    if cause is None or isinstance(cause, GraphQLError):
        return _with(error, error.message, {"code": ErrorCode.BAD_REQUEST.value})
    if isinstance(cause, DomainError):
        return _with(error, str(cause), {"code": _domain_code(cause).value})
    if isinstance(cause, (StoreError, RedisConnectionError, RedisTimeoutError)) or _is_down(cause):
        _logger.warning("a store does not answer: %s", type(cause).__name__)
        return _with(
            error, "the shop's store does not answer; try again", {"code": "UNAVAILABLE"}
        )
    error_id = secrets.token_hex(8)
    _logger.error("error %s at %s", error_id, error.path, exc_info=cause)
    return _with(error, "internal error", {"code": ErrorCode.INTERNAL.value, "errorId": error_id})


def _is_down(error: BaseException) -> bool:
    return isinstance(error, (ConnectionFailure, ExecutionTimeout)) or (
        isinstance(error, PyMongoError) and error.timeout
    )


def _domain_code(error: DomainError) -> ErrorCode:
    if isinstance(error, NotFoundError):
        return ErrorCode.NOT_FOUND
    return ErrorCode.CONFLICT if isinstance(error, ConflictError) else ErrorCode.BAD_REQUEST


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
