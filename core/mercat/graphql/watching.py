"""Whoever follows something over a long connection must still be who they said they are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, TypeVar

from mercat.auth import recognised
from mercat.context import ANONYMOUS, Context
from mercat.errors import AccessError, ExpiredError

T = TypeVar("T")

STREAM = "STREAM"
"""The method of credentials whose answer is a stream of events; its headers are sent before."""

_SECONDS = 0.4
_FROM_PAYLOAD = ("authorization", "x-mercat-guest")


async def identify_again(context: Context, payload: dict[str, object]) -> None:
    """Take what the payload of `connection_init` says of who opened a WebSocket.

    A browser can't give a WebSocket headers. Raises AccessError.
    """
    credentials = context.credentials
    given = {
        name.lower(): value
        for name, value in payload.items()
        if name.lower() in _FROM_PAYLOAD and isinstance(value, str)
    }
    if credentials is None or not given:
        return
    credentials = replace(credentials, headers={**credentials.headers, **given})
    context.viewer = await recognised(context, credentials)
    context.credentials = credentials


async def ended(context: Context) -> AccessError:
    """Wait until the context's viewer is that no more; why. For ever where nobody is known.

    Stores that don't answer end nothing: nothing can happen meanwhile either.
    """
    credentials = context.credentials
    while credentials is None or context.viewer.role == ANONYMOUS.role:
        await asyncio.Event().wait()
    while True:
        await asyncio.sleep(_SECONDS)
        try:
            asked = replace(context, loaders={}, cookies=[])
            viewer = await recognised(asked, credentials)
        except AccessError as error:
            return error
        except Exception:  # noqa: BLE001, S112  it is asked again
            continue
        if viewer != context.viewer:
            return ExpiredError("what you may do has changed; connect again")


async def until_ended(results: AsyncIterator[T], context: Context) -> AsyncIterator[T]:
    """The results, until the viewer is that no more. Raises AccessError then."""
    watch = asyncio.ensure_future(ended(context))
    try:
        while True:
            coming = asyncio.ensure_future(_next(results))
            try:
                await asyncio.wait({coming, watch}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not coming.done():
                    coming.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await coming
            if watch.done():
                _let_go(coming)
                raise watch.result()
            found = coming.result()
            if not found:
                return
            yield found[0]
    finally:
        watch.cancel()


def _let_go(coming: "asyncio.Future[Any]") -> None:
    """A result that came too late, and an exception that nobody waits for any more."""
    if not coming.cancelled():
        coming.exception()


async def _next(results: AsyncIterator[T]) -> tuple[T] | tuple[()]:
    try:
        return (await anext(results),)
    except StopAsyncIteration:
        return ()
