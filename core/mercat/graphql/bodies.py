"""Reading the body of a request piece by piece, up to a bound."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from litestar.types import Receive

from mercat.graphql.errors import ErrorCode
from mercat.graphql.protocol import HTTPError

_LONGEST_LENGTH = 15


async def read_chunks(
    receive: Receive, headers: Mapping[str, str], most: int, first: Any = None
) -> AsyncIterator[bytes]:
    """The body of a request as it arrives; `first` is its first message where that was received.

    Raises HTTPError, with 413 where it has more than `most` bytes: before anything is read where
    the Content-Length says so.
    """
    check_length(headers, most)
    size = 0
    message: Any = first or await receive()
    while True:
        if message["type"] != "http.request":
            raise HTTPError(400, "the request was broken off")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise too_large(most)
        yield chunk
        if not message.get("more_body", False):
            return
        message = await receive()


def check_length(headers: Mapping[str, str], most: int) -> None:
    """Refuse a body by its Content-Length. Raises HTTPError."""
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise HTTPError(400, "the Content-Length is not a number")
    if len(length) > _LONGEST_LENGTH or int(length) > most:
        raise too_large(most)


def too_large(most: int) -> HTTPError:
    """The refusal of a body that has more than `most` bytes."""
    return HTTPError(
        413,
        f"the body is larger than {most} bytes",
        code=ErrorCode.QUERY_TOO_COSTLY,
        headers={"connection": "close"},
    )
