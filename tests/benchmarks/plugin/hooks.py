from collections.abc import Sequence
from functools import lru_cache

import orjson
from litestar import asgi
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from mercat.context import Context
from mercat.engine import Engine
from mercat.hooks import hookimpl

from .byhand import STAGES, Stage
from .commands import COMMANDS, READS
from .plain import PlainQuery
from .schema import MemoryQuery


@lru_cache(100)
def _bytes(query_string: bytes) -> bytes:
    """As many bytes as the query string says."""
    return b"x" * int(query_string)


async def _read(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def _answer(body: bytes, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@hookimpl
def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
    @asgi("/raw", copy_scope=False)
    async def raw(scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        await _answer(_bytes(scope["query_string"]), send)

    @asgi("/reads", copy_scope=False)
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        await _answer(orjson.dumps(READS.counts), send)

    @asgi("/commands", copy_scope=False)
    async def commands(scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        await _answer(orjson.dumps(COMMANDS.counts), send)

    @asgi("/outbox", copy_scope=False)
    async def outbox(scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        await _answer(b"%d" % await engine.outbox.pending_count(), send)

    return [
        raw,
        reads,
        commands,
        outbox,
        *(_route(engine, path, stage) for path, stage in STAGES.items()),
    ]


def _route(engine: Engine, path: str, stage: Stage) -> ControllerRouterHandler:
    """A stage as a route; one that makes no answer gives as many bytes as it is asked for."""

    @asgi(path, copy_scope=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        body = await stage(Context(engine))
        await _answer(_bytes(scope["query_string"]) if body is None else body, send)

    return route


@hookimpl
def schema() -> Sequence[type]:
    return [MemoryQuery, PlainQuery]
