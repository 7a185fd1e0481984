from collections.abc import Sequence

from litestar import asgi
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from mercat.hooks import hookimpl

from .schema import MemoryQuery

SMALL = b'{"data":{"__typename":"Query"}}'
LARGE = b"x" * 13_000


async def _answer(body: bytes, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@hookimpl
def routes() -> Sequence[ControllerRouterHandler]:
    @asgi("/raw/small", copy_scope=False)
    async def small(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await _answer(SMALL, receive, send)

    @asgi("/raw/large", copy_scope=False)
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await _answer(LARGE, receive, send)

    return [small, large]


@hookimpl
def schema() -> Sequence[type]:
    return [MemoryQuery]
