"""A sign-in under way: sealed in a cookie of the browser that began it, and good once.

RFC 9700 (2.1, 4.7): state against forged answers, a nonce against injected ID tokens, PKCE against
injected codes, and the provider that was asked against mix-ups.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlencode, urlsplit

import orjson
from litestar.datastructures import Cookie
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError
from mercat_auth.oauth.documents import SpentFlowDocument
from mercat_auth.oauth.errors import BadFlowError
from mercat_auth.sealing import digest_of, random_text, sealer_of
from mercat_auth.settings import AuthSettings

Purpose = Literal["login", "link"]

COOKIE_PREFIX: Final = "__Host-mercat-oauth-"
SECONDS: Final = 600
_PURPOSE: Final = "oauth flows"
_MOST_AT_ONCE: Final = 4
_LONGEST_STATE: Final = 200
_LONGEST_HEADER: Final = 32_768
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_ANY_PORT: Final = ("127.0.0.1", "::1")
_AGAIN: Final = (
    "this sign-in has expired, has ended, or was begun in another browser; go back to the shop and "
    "begin again"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a frontend asks for: where to end, and what only it can open the one-time code with."""

    redirect: str
    code_challenge: str
    purpose: Purpose = "login"
    app_state: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in under way; `state`, `nonce` and `verifier` are random and the shop's secrets."""

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect: str
    code_challenge: str
    purpose: Purpose
    app_state: str | None
    expires: float

    def ended(self, **said: str) -> str:
        """The address to end at; `said` goes into its query, with the frontend's own state."""
        if self.app_state is not None:
            said["state"] = self.app_state
        return f"{self.redirect}{'&' if '?' in self.redirect else '?'}{urlencode(said)}"


def wanted(context: Context, query: Mapping[str, str]) -> Wanted:
    """What the query of a start says. Raises BadFlowError; nobody is sent anywhere then."""
    redirect, challenge = query.get("redirect", ""), query.get("code_challenge", "")
    purpose, app_state = query.get("purpose", "login"), query.get("state")
    allowed = context.settings(AuthSettings).redirects
    if not any(_is_same(redirect, each) for each in allowed):
        raise BadFlowError("`redirect` is not an address that the shop's settings name")
    if not _CHALLENGE.match(challenge) or query.get("code_challenge_method", "S256") != "S256":
        raise BadFlowError("`code_challenge` is not one of S256 (RFC 7636, 4.2)")
    if app_state is not None and not 0 < len(app_state) <= _LONGEST_STATE:
        raise BadFlowError(f"`state` has 1 to {_LONGEST_STATE} characters")
    if purpose == "login":
        return Wanted(redirect, challenge, "login", app_state)
    if purpose == "link":
        return Wanted(redirect, challenge, "link", app_state)
    raise BadFlowError("`purpose` is login or link")


def begin(provider: str, asked: Wanted) -> Flow:
    """A new sign-in by a provider."""
    return Flow(
        provider=provider,
        state=random_text(),
        nonce=random_text(),
        verifier=random_text(),
        redirect=asked.redirect,
        code_challenge=asked.code_challenge,
        purpose=asked.purpose,
        app_state=asked.app_state,
        expires=time.time() + SECONDS,
    )


def given(context: Context, flow: Flow) -> Cookie:
    """The cookie that a browser keeps a sign-in in."""
    sealed = sealer_of(context).seal(_PURPOSE, orjson.dumps(asdict(flow)))
    value = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    return _cookie(_name(flow.state), value, SECONDS)


def taken(state: str) -> Cookie:
    """The cookie that takes a sign-in out of a browser."""
    return _cookie(_name(state), "", 0)


def surplus(cookies: Mapping[str, str]) -> list[Cookie]:
    """Those that take sign-ins that were left off out of a browser, so that they don't add up."""
    names = [name for name in cookies if name.startswith(COOKIE_PREFIX)]
    return [_cookie(name, "", 0) for name in names[: max(0, len(names) - _MOST_AT_ONCE + 1)]]


def resumed(context: Context, provider: str, state: str, cookies: Mapping[str, str]) -> Flow:
    """The sign-in that this browser began with this provider and state. Raises BadFlowError."""
    value = cookies.get(_name(state), "")
    flow = _opened(context, value)
    if flow is None or not hmac.compare_digest(flow.state.encode(), state.encode()):
        raise BadFlowError(_AGAIN)
    if flow.provider != provider or flow.expires < time.time():
        raise BadFlowError(_AGAIN)
    return flow


async def spend(context: Context, flow: Flow) -> None:
    """Have a sign-in come back this one time. Raises BadFlowError where it has before."""
    # The row outlives the cookie, so that what was swept away can't come back.
    expires = datetime.fromtimestamp(flow.expires, UTC) + timedelta(seconds=SECONDS)
    record = {"_id": digest_of(flow.state), "expires_at": expires}
    try:
        await _spent(context).insert_one(record)
    except DuplicateKeyError:
        raise BadFlowError(_AGAIN) from None


async def sweep(context: Context) -> None:
    """Remove what says that sign-ins came back, once they couldn't anyway."""
    await _spent(context).delete_many({"expires_at": {"$lt": datetime.now(UTC)}})


def _opened(context: Context, value: str) -> Flow | None:
    try:
        sealed = base64.b64decode(value + "=" * (-len(value) % 4), altchars="-_", validate=True)
        return Flow(**orjson.loads(sealer_of(context).unseal(_PURPOSE, sealed)))
    except (binascii.Error, ValueError, TypeError, InvalidError):
        return None


def _is_same(redirect: str, allowed: str) -> bool:
    """Whether an address is one that is allowed: exactly, but for the port of a native app's."""
    if redirect == allowed:
        return True
    try:
        asked, known = urlsplit(redirect), urlsplit(allowed)
        has_port = bool(asked.port)
    except ValueError:
        return False
    if known.scheme != "http" or known.hostname not in _ANY_PORT or not has_port:
        return False
    return redirect == _with_port(known, asked.port)


def _with_port(known: SplitResult, port: int | None) -> str:
    host = f"[{known.hostname}]" if ":" in (known.hostname or "") else known.hostname
    return known._replace(netloc=f"{host}:{port}").geturl()


def _name(state: str) -> str:
    return f"{COOKIE_PREFIX}{digest_of(state)[:16]}"


def _cookie(name: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def read_cookies(header: str) -> dict[str, str]:
    """The cookies of sign-ins under way in a Cookie header (RFC 6265, 4.2.1), the oldest first."""
    pairs: Sequence[tuple[str, str, str]] = [
        each.strip().partition("=") for each in header[:_LONGEST_HEADER].split(";")
    ]
    return {name: value for name, _, value in pairs if name.startswith(COOKIE_PREFIX)}


def _spent(context: Context) -> Any:
    return context.storage.collection(SpentFlowDocument)
