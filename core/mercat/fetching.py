"""Fetching from URLs that others had a say in, and nothing but what is public.

After OWASP's Server-Side Request Forgery Prevention: a name is resolved once, each of its addresses
is checked, and the connection goes to the very address that was. There are no redirects, no proxies
and no unpacking; size and time are bounded.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from typing import TypeAlias

import httpx2

from mercat.errors import MercatError
from mercat.reach import PUBLIC, Reach, is_loopback

MAX_BYTES = 1_000_000
SECONDS = 10.0

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

_LONGEST_URL = 2_000
_PORTS = {"https": 443, "http": 80}


class FetchError(MercatError):
    """Something can't be fetched, or may not be; the text names no more than the host."""


def check_url(url: str, reach: Reach = PUBLIC) -> httpx2.URL:
    """A URL that may be fetched, as far as can be told without resolving it. Raises FetchError."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or "\\" in url:
        raise FetchError("this is no URL that can be fetched")
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise FetchError("this is no URL that can be fetched") from None
    if not parsed.host or parsed.userinfo or parsed.fragment or " " in url:
        raise FetchError("this is no URL that can be fetched")
    is_plain = reach.plain and parsed.scheme == "http" and is_loopback(parsed.host)
    if parsed.scheme != "https" and not is_plain:
        raise FetchError(f"{parsed.host[:100]} is fetched from by https alone")
    return parsed


def client(
    reach: Reach = PUBLIC, *, max_bytes: int = MAX_BYTES, resolve: Resolve | None = None
) -> httpx2.AsyncClient:
    """A client that goes no farther; use it with `async with`, inside `asyncio.timeout`."""
    return httpx2.AsyncClient(
        transport=PinnedTransport(reach, max_bytes=max_bytes, resolve=resolve),
        follow_redirects=False,
        trust_env=False,
        timeout=SECONDS,
    )


async def fetch(url: str, reach: Reach = PUBLIC, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The body of a URL's 200. Raises FetchError for all else."""
    check_url(url, reach)
    try:
        async with asyncio.timeout(SECONDS), client(reach, max_bytes=max_bytes) as asking:
            answer = await asking.get(url, headers={"accept": "application/json"})
    except (httpx2.HTTPError, TimeoutError) as error:
        raise FetchError(f"nothing comes from there: {type(error).__name__}") from None
    if answer.status_code != httpx2.codes.OK:
        raise FetchError(f"the answer from there is {answer.status_code}")
    return answer.content


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Resolves once, checks, and connects to what it has checked."""

    def __init__(
        self, reach: Reach, *, max_bytes: int = MAX_BYTES, resolve: Resolve | None = None
    ) -> None:
        self._reach = reach
        self._max_bytes = max_bytes
        self._resolve = resolve or _resolved
        self._inner: httpx2.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises FetchError, and httpx2's errors of transport."""
        url = check_url(str(request.url), self._reach)
        request.headers["accept-encoding"] = "identity"
        addresses = await self._addresses(url)
        for address in addresses[:-1]:
            try:
                return await self._send(request, url, address)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue  # nothing was sent; the host has other addresses
        return await self._send(request, url, addresses[-1])

    async def aclose(self) -> None:
        """Close the connections."""
        if self._inner is not None:
            await self._inner.aclose()

    async def _addresses(self, url: httpx2.URL) -> list[str]:
        found = await self._resolve(url.host, url.port or _PORTS[url.scheme])
        if not found:
            raise FetchError(f"{url.host[:100]} has no address")
        for each in found:
            if not self._reach.includes(each, is_plain=url.scheme == "http"):
                raise FetchError(f"{url.host[:100]} is at an address that is not public")
        return list(found)

    async def _send(
        self, request: httpx2.Request, url: httpx2.URL, address: str
    ) -> httpx2.Response:
        if self._inner is None:
            # Kept connections would be told apart by address alone, and not by name.
            none_kept = httpx2.Limits(max_keepalive_connections=0)
            self._inner = httpx2.AsyncHTTPTransport(
                verify=_trust(), trust_env=False, limits=none_kept
            )
        pinned = httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        response = await self._inner.handle_async_request(pinned)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise FetchError("the answer is packed, which was not asked for")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response, self._max_bytes),
            extensions=response.extensions,
        )


class _Bounded(httpx2.AsyncByteStream):
    """What comes, up to a size."""

    def __init__(self, response: httpx2.Response, max_bytes: int) -> None:
        self._response = response
        self._left = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101  of an async transport
        async for chunk in stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise FetchError("the answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


async def _resolved(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError(f"{host[:100]} has no address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
