"""`GET /auth/<provider>` and `GET /auth/<provider>/callback`: what browsers are sent to."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from litestar import MediaType, Request, Response, get
from litestar.datastructures import Cookie
from litestar.types import ControllerRouterHandler

from mercat.auth import Credentials, IdentityProvider
from mercat.context import ANONYMOUS, Context
from mercat.engine import Engine
from mercat.errors import RateLimitedError
from mercat.graphql.errors import ErrorCode, presented_exception
from mercat.graphql.protocol import read_headers
from mercat_auth.limits import service as limits
from mercat_auth.oauth import flows, grants, handovers
from mercat_auth.oauth.discovery import sources_of
from mercat_auth.oauth.errors import BadFlowError, FlowError, ProviderError
from mercat_auth.oauth.flows import Flow
from mercat_auth.oauth.providers import providers_of

_LONGEST_QUERY: Final = 8_000
_LONGEST_CODE: Final = 4_000
_SEE_OTHER: Final = 303
_STATUS: Final = {ErrorCode.UNAVAILABLE.value: 503, ErrorCode.INTERNAL.value: 500}
# RFC 9700, 4.2.4: neither the codes nor the addresses that they come to go any farther.
_HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}

_Work: TypeAlias = Callable[
    [Context, IdentityProvider, Mapping[str, str]], Awaitable[Response[str]]
]

_logger = logging.getLogger(__name__)


def identity_routes(engine: Engine) -> list[ControllerRouterHandler]:
    """The routes of sign-ins by a provider; none where there is no provider. Raises BootError."""
    if not providers_of(engine.context()).all():
        return []

    @get("/auth/{provider:str}", name="identity-start")
    async def start(request: Request[Any, Any, Any]) -> Response[str]:
        return await _answered(engine, request, _start)

    @get("/auth/{provider:str}/callback", name="identity-callback")
    async def callback(request: Request[Any, Any, Any]) -> Response[str]:
        return await _answered(engine, request, _callback)

    return [start, callback]


async def _answered(engine: Engine, request: Request[Any, Any, Any], work: _Work) -> Response[str]:
    context = _context(engine, request)
    provider = providers_of(context).find(request.path_params["provider"])
    if provider is None:
        return _page(404, "the shop knows no such provider")
    try:
        query = _query(request)
        return await work(context, provider, query)
    except BadFlowError as error:
        return _page(400, str(error))
    except Exception as error:  # noqa: BLE001  nothing gets past it, and it is logged
        seen = presented_exception(error)
        code = str((seen.extensions or {}).get("code"))
        return _page(_STATUS.get(code, 500), seen.message)


async def _start(
    context: Context, provider: IdentityProvider, query: Mapping[str, str]
) -> Response[str]:
    flow = flows.begin(provider.id, flows.wanted(context, query))
    try:
        url = await grants.authorization_url(context, provider, flow)
    except ProviderError as error:
        _note(provider, error)
        return _redirect(flow.ended(error=error.code.value))
    return _redirect(url, [*flows.surplus(_cookies(context)), flows.given(context, flow)])


async def _callback(
    context: Context, provider: IdentityProvider, query: Mapping[str, str]
) -> Response[str]:
    state = query.get("state", "")
    flow = flows.resumed(context, provider.id, state, _cookies(context))
    await flows.spend(context, flow)
    try:
        said = {"code": await _code(context, provider, flow, query)}
    except ProviderError as error:
        _note(provider, error)
        said = {"error": error.code.value}
    return _redirect(flow.ended(**said), [flows.taken(state)])


async def _code(
    context: Context, provider: IdentityProvider, flow: Flow, query: Mapping[str, str]
) -> str:
    """The one-time code for who has come back from a provider. Raises ProviderError."""
    await _check_issuer(context, provider, query)
    if "error" in query:
        is_denied = query["error"] == "access_denied"
        code = FlowError.ACCESS_DENIED if is_denied else FlowError.PROVIDER_REFUSED
        raise ProviderError(code, f"the sign-in: {query['error']!r:.60}")
    given = query.get("code", "")
    if not 0 < len(given) <= _LONGEST_CODE:
        raise ProviderError(FlowError.PROVIDER_INVALID, "there is no code")
    try:
        await limits.attempt(context, "verify", None)
    except RateLimitedError as error:
        raise ProviderError(FlowError.TOO_MANY_ATTEMPTS, str(error)) from None
    try:
        who = await grants.person(context, provider, flow, given)
    except ProviderError:
        await limits.failed(context, "verify", None)
        raise
    return await handovers.issue(context, flow, who)


async def _check_issuer(
    context: Context, provider: IdentityProvider, query: Mapping[str, str]
) -> None:
    """Refuse an answer of another provider than the one asked (RFC 9207, 2.4)."""
    metadata = await sources_of(context).of(provider).metadata()
    said = query.get("iss")
    if said != provider.issuer and (said is not None or metadata.says_issuer):
        raise ProviderError(FlowError.PROVIDER_INVALID, "it is the answer of another issuer")


def _context(engine: Engine, request: Request[Any, Any, Any]) -> Context:
    context = engine.context(ANONYMOUS)
    headers = read_headers(request.scope["headers"])
    address = request.client.host if request.client else None
    context.credentials = Credentials(headers, address, "GET")
    return context


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The query; no name comes twice in it (RFC 6749, 3.1). Raises BadFlowError."""
    raw: bytes = request.scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadFlowError("the query can't be read") from None
    query = dict(pairs)
    if len(raw) > _LONGEST_QUERY or len(query) != len(pairs):
        raise BadFlowError("the query is too long, or says something twice")
    return query


def _cookies(context: Context) -> dict[str, str]:
    headers = context.credentials.headers if context.credentials else {}
    return flows.read_cookies(headers.get("cookie", ""))


def _redirect(url: str, cookies: list[Cookie] | None = None) -> Response[str]:
    # 303, so that nothing is sent along (RFC 9700, 4.12).
    return Response(
        "",
        status_code=_SEE_OTHER,
        headers={**_HEADERS, "location": url},
        cookies=cookies or [],
        media_type=MediaType.TEXT,
    )


def _page(status: int, text: str) -> Response[str]:
    return Response(f"{text}\n", status_code=status, headers=_HEADERS, media_type=MediaType.TEXT)


def _note(provider: IdentityProvider, error: ProviderError) -> None:
    _logger.warning("a sign-in with %s failed (%s): %s", provider.id, error.code.value, error)
