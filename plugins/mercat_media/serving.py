"""`GET /media/<folder>/<size>.<type>`: files that never change."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from litestar import HttpMethod, Request, route
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from mercat.errors import StoreError
from mercat_media.ranges import UnsatisfiableError, is_known, wanted_range
from mercat_media.renditions import PATH, content_type_of, file_headers
from mercat_media.storage import Store

# What keeps a browser from running anything, whatever it makes of the bytes.
_SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}


class _Answer:
    """A whole response; it is an ASGI application."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: AsyncIterator[bytes] | None = None
    ) -> None:
        self._status = status
        self._headers = {**_SECURITY, **headers}
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        raw = [(key.lower().encode(), value.encode()) for key, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": raw})
        if self._body is not None:
            async for piece in self._body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def serving(store: Store) -> ControllerRouterHandler:
    """The route that serves a store's files."""

    @route(
        f"{PATH}/{{folder:str}}/{{name:str}}",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        name="media",
    )
    async def media(request: Request[Any, Any, Any]) -> ASGIApp:
        try:
            return await _answer(store, request)
        except StoreError:
            return _Answer(503, {"content-length": "0", "retry-after": "10"})

    return media


async def _answer(store: Store, request: Request[Any, Any, Any]) -> _Answer:
    folder, name = request.path_params["folder"], request.path_params["name"]
    kind = content_type_of(folder, name)
    size = await store.size(folder, name) if kind else None
    if kind is None or size is None:
        return _Answer(404, {"content-length": "0", "cache-control": "no-store"})
    etag = f'"{folder}-{name}"'
    headers = {"etag": etag, "accept-ranges": "bytes", **file_headers(folder, name)}
    if is_known(request.headers, etag):
        return _Answer(304, headers)
    headers["content-type"] = kind
    is_get = request.method == HttpMethod.GET
    try:
        found = wanted_range(request.headers, etag, size) if is_get else None
    except UnsatisfiableError:
        return _Answer(416, {"content-length": "0", "content-range": f"bytes */{size}"})
    start, stop = found or (0, size)
    headers["content-length"] = str(stop - start)
    if found:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    body = store.read(folder, name, start, stop) if is_get else None
    return _Answer(206 if found else 200, headers, body)
