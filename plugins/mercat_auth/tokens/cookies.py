"""The transport for browsers: tokens in cookies that scripts can't read, and a proof against CSRF.

After RFC 6265bis: `__Host-` cookies belong to one host and come over TLS only (or to localhost).
A request that changes something and is known by its cookie must repeat the session's CSRF token in
`X-CSRF-Token`, which another site can't know (OWASP, Cross-Site Request Forgery Prevention: signed
double-submit cookie).
"""

from collections import Counter

from mercat.auth import Credentials
from mercat.context import Context
from mercat.errors import ForbiddenError, InvalidError
from mercat.graphql.watching import STREAM
from mercat_auth.sealing import sealer_of
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.sessions import Tokens

ACCESS, REFRESH, CSRF, GUEST = (
    "__Host-mercat-access",
    "__Host-mercat-refresh",
    "__Host-mercat-csrf",
    "__Host-mercat-guest",
)
CSRF_HEADER = "x-csrf-token"
_PURPOSE = "csrf"
_LONGEST = 8_192
_SAFE = {"GET", "HEAD", "OPTIONS"}
# A WebSocket's opening can't have the header, but its Origin is checked; a stream's request was
# checked when it began.
_CHECKED = {"WEBSOCKET", STREAM}
_GUEST_DAYS = 90
_NAMES = frozenset({ACCESS, REFRESH, CSRF, GUEST})


def read(credentials: Credentials | None) -> dict[str, str]:
    """The cookies of a request that are Mercat's (RFC 6265, 5.4).

    None where there are too many to read. One that comes twice is left out: somebody else has set
    one of the two, and nobody knows which.
    """
    header = credentials.headers.get("cookie", "") if credentials else ""
    if not header or len(header) > _LONGEST:
        return {}
    pairs = [pair.strip(" \t").partition("=") for pair in header.split(";")]
    found = [(name, value) for name, _, value in pairs if name in _NAMES and value]
    count = Counter(name for name, _ in found)
    return {name: value for name, value in found if count[name] == 1}


def check_can_be_given(context: Context) -> None:
    """Raise InvalidError where an answer has no headers that cookies could be in."""
    if context.credentials and context.credentials.method in {"WEBSOCKET", STREAM}:
        raise InvalidError("cookies are given over plain HTTP only", field=("transport",))


def give(context: Context, tokens: Tokens) -> str:
    """Put tokens into cookies of the response; returns the CSRF token. Raises InvalidError."""
    check_can_be_given(context)
    settings = context.settings(AuthSettings)
    refresh_seconds = settings.session_days * 86_400
    token = csrf_token(context, tokens.session)
    context.cookies += [
        _cookie(ACCESS, tokens.access, tokens.expires_in),
        _cookie(REFRESH, tokens.refresh, refresh_seconds, same_site="Strict"),
        _cookie(CSRF, token, refresh_seconds, is_hidden=False),
    ]
    return token


def give_guest(context: Context, token: str) -> None:
    """Have a browser remember who a guest is. Raises InvalidError."""
    check_can_be_given(context)
    context.cookies.append(_cookie(GUEST, token, _GUEST_DAYS * 86_400))


def taken() -> list[str]:
    """Values of Set-Cookie that take everything of a session out of a browser."""
    return [
        _cookie(ACCESS, "", 0),
        _cookie(REFRESH, "", 0, same_site="Strict"),
        _cookie(CSRF, "", 0, is_hidden=False),
    ]


def csrf_token(context: Context, session: str) -> str:
    """The CSRF token of a session."""
    return sealer_of(context).mac(_PURPOSE, session)


def check_csrf(context: Context, credentials: Credentials, session: str) -> None:
    """Raise ForbiddenError where a request by cookie may come from another site."""
    if credentials.method in _SAFE or credentials.method in _CHECKED:
        return
    given = credentials.headers.get(CSRF_HEADER, "")
    if not sealer_of(context).proves(_PURPOSE, session, given):
        raise ForbiddenError(
            "a request with the session's cookie needs the header X-CSRF-Token, with the value "
            f"of the cookie {CSRF}"
        )


def _cookie(
    name: str,
    value: str,
    seconds: int,
    *,
    same_site: str = "Lax",
    is_hidden: bool = True,
) -> str:
    hidden = "; HttpOnly" if is_hidden else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; Secure{hidden}; SameSite={same_site}"
