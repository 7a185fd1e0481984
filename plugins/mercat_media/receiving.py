"""`POST /media`: a picture as the whole body, or in a form with its `alt`."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from graphql import GraphQLError
from litestar import Request, asgi
from litestar.enums import ScopeType
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from mercat.auth import identify
from mercat.context import ANONYMOUS, Context
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat.graphql.bodies import read_chunks
from mercat.graphql.errors import ErrorCode, presented_exception
from mercat.graphql.forms import read_parts
from mercat.graphql.protocol import FORM, HTTPError, read_headers
from mercat.graphql.responses import hints
from mercat.graphql.streams import StrawberryView
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_media import service
from mercat_media.errors import BusyError, TooLargeError, UnsupportedTypeError
from mercat_media.owners import check_uploads
from mercat_media.renditions import PATH, address
from mercat_media.settings import MediaSettings

_FORM_TEXT = 10_000  # the bytes of an `alt`, and of what stands around the parts
_STATUS = {
    TooLargeError.code: 413,
    UnsupportedTypeError.code: 415,
    BusyError.code: 503,
    ErrorCode.UNAUTHENTICATED.value: 401,
    ErrorCode.FORBIDDEN.value: 403,
    ErrorCode.RATE_LIMITED.value: 429,
    ErrorCode.UNAVAILABLE.value: 503,
    ErrorCode.INTERNAL.value: 500,
}
_UNPROCESSABLE = 422


def receiving(engine: Engine) -> ControllerRouterHandler:
    """The route that takes uploads."""
    origins = [origin for origin in engine.settings.server.cors_origins if origin != "*"]
    view = StrawberryView(engine.schema, origins)

    @asgi(PATH, name="media-upload", copy_scope=False)
    async def media_upload(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = _checked(view, scope)
            context = await _context(engine, request)
            record = await _upload(context, request, receive)
        except Exception as error:  # noqa: BLE001  nothing gets past it, and it is logged
            await _send(send, *_refusal(error))
            return
        shown = _shown(context, record)
        await _send(send, 201, shown, {"location": str(shown["url"])})

    return media_upload


def _checked(view: StrawberryView, scope: Scope) -> Request[Any, Any, Any]:
    if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
        raise HTTPError(405, "a picture is sent with POST", headers={"allow": "POST"})
    request: Request[Any, Any, Any] = Request(scope)
    if not view.trusts(request.headers.get("origin"), request.headers.get("host")):
        raise HTTPError(
            403,
            "a page of another origin uploads only where [server] cors_origins names it",
            code=ErrorCode.FORBIDDEN,
        )
    return request


async def _context(engine: Engine, request: Request[Any, Any, Any]) -> Context:
    context = engine.context(ANONYMOUS)
    headers = read_headers(request.scope["headers"])
    await identify(context, headers, request.scope)
    check_uploads(context.viewer)
    return context


async def _upload(context: Context, request: Request[Any, Any, Any], receive: Receive) -> Record:
    most = context.settings(MediaSettings).max_bytes
    content_type = request.headers.get("content-type", "")
    try:
        if content_type.lower().startswith(FORM):
            chunks = read_chunks(receive, request.headers, most + _FORM_TEXT)
            return await _upload_form(context, chunks, content_type)
        chunks = read_chunks(receive, request.headers, most)
        return await service.upload_chunks(context, chunks, alt=request.query_params.get("alt"))
    except HTTPError as error:
        if error.status == _STATUS[TooLargeError.code]:
            raise TooLargeError(f"a picture has at most {most} bytes; make it smaller") from None
        raise


async def _upload_form(context: Context, chunks: AsyncIterator[bytes], content_type: str) -> Record:
    try:
        form = await read_parts(chunks, content_type, _FORM_TEXT)
    except ValueError:
        raise HTTPError(400, f"the body is not {FORM}, or has too many parts") from None
    try:
        if "file" not in form.files:
            raise HTTPError(400, "the form has no file named `file`")
        alt = form.texts.get("alt")
        text = None if alt is None else alt.decode(errors="replace")
        return await service.upload_file(context, form.files["file"].file, alt=text)
    finally:
        await form.close()


def _shown(context: Context, record: Record) -> dict[str, str | int]:
    start = context.settings(MediaSettings).public_url
    return {
        "id": encode_id("Media", record["_id"]),
        "url": address(record, "large", "webp", start),
        **{name: record[name] for name in ("alt", "width", "height", "blurhash")},
    }


def _refusal(error: Exception) -> tuple[int, object, Mapping[str, str]]:
    headers = {"connection": "close"}  # what is left of the body is not read
    if isinstance(error, HTTPError):
        return error.status, _errors(error.error), {**headers, **error.headers}
    if isinstance(error, DomainError):
        seen = GraphQLError(str(error), extensions={"code": error.code})
        if isinstance(error, BusyError):
            headers["retry-after"] = "60"
    else:
        seen = presented_exception(error)
        headers.update(hints(error))
    code = str((seen.extensions or {}).get("code"))
    return _STATUS.get(code, _UNPROCESSABLE), _errors(seen), headers


def _errors(error: GraphQLError) -> dict[str, object]:
    return {"errors": [error.formatted]}


async def _send(send: Send, status: int, answer: object, headers: Mapping[str, str]) -> None:
    body = orjson.dumps(answer)
    raw = {
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(body)),
        "x-content-type-options": "nosniff",
        **headers,
    }
    pairs = [(key.encode(), value.encode()) for key, value in raw.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})
