"""Addresses: of the company's pages, and of those that buyers come back to."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from mercat.context import Context
from mercat_payments_sandbox.settings import SandboxSettings

PATH = "/sandbox/payments"
_EVERYWHERE = {"0.0.0.0", "::", "127.0.0.1"}  # noqa: S104
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NO_PAGES = {"javascript", "data", "vbscript", "file", "blob", "about"}


def page_url(context: Context, token: str) -> str:
    """The address of a payment's page; a path alone where nobody knows the port."""
    server = context.engine.settings.server
    start = context.settings(SandboxSettings).public_url
    if start is None and server.port:
        host = "localhost" if server.host in _EVERYWHERE else server.host
        start = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
    return f"{start or ''}{PATH}/{token}"


def origin_of(url: str | None) -> str | None:
    """What a policy names to let a form lead to an address; None for one that no buyer is sent to.

    CSP Level 3, 2.3.1: a scheme and a host, or the scheme of an app.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme in {"http", "https"}:
        is_plain = _HOST.fullmatch(parts.netloc)
        return f"{parts.scheme}://{parts.netloc}" if is_plain else None
    is_app = _SCHEME.fullmatch(parts.scheme) and parts.scheme not in _NO_PAGES
    return f"{parts.scheme}:" if is_app else None


def back_to(url: str, said: str) -> str:
    """Where a buyer is sent back to, with how it went as the parameter `payment`."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "payment"]
    return parts._replace(query=urlencode([*kept, ("payment", said)])).geturl()
