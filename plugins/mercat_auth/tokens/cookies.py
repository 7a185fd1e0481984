"""The transport for browsers: tokens in cookies that scripts can't read, and a proof against CSRF.

After RFC 6265bis: `__Host-` cookies belong to one host and come over TLS only (or to localhost).
A request that changes something and is known by its cookie must repeat the session's CSRF token in
`X-CSRF-Token`, which another site can't know (OWASP, Cross-Site Request Forgery Prevention: signed
double-submit cookie).
"""

from http.cookies import CookieError, SimpleCookie

from mercat.auth import Credentials
from mercat.context import Context
from mercat.errors import ForbiddenError
from mercat_auth.sealing import sealer_of
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.sessions import Tokens

ACCESS, REFRESH, CSRF, GUEST = (
    "__Host-mercat-access",
    "__Secure-mercat-refresh",
    "__Host-mercat-csrf",
    "__Host-mercat-guest",
)
CSRF_HEADER = "x-csrf-token"
_REFRESH_PATH = "/graphql"
_PURPOSE = "csrf"
_LONGEST = 8_192
_SAFE = {"GET", "HEAD", "OPTIONS"}
_GUEST_DAYS = 90


def read(credentials: Credentials | None) -> dict[str, str]:
    """The cookies of a request that are Mercat's; none where they can't be read or are too long."""
    header = credentials.headers.get("cookie", "") if credentials else ""
    if not header or len(header) > _LONGEST:
        return {}
    jar = SimpleCookie()
    try:
        # Several Cookie headers were joined by a comma, which no value of ours has.
        jar.load(header.replace(", ", "; "))
    except CookieError:
        return {}
    names = (ACCESS, REFRESH, CSRF, GUEST)
    return {name: jar[name].value for name in names if name in jar}


def give(context: Context, tokens: Tokens) -> str:
    """Put tokens into cookies of the response; returns the CSRF token."""
    settings = context.settings(AuthSettings)
    refresh_seconds = settings.session_days * 86_400
    token = csrf_token(context, tokens.session)
    context.cookies += [
        _cookie(ACCESS, tokens.access, tokens.expires_in),
        _cookie(REFRESH, tokens.refresh, refresh_seconds, path=_REFRESH_PATH, same_site="Strict"),
        _cookie(CSRF, token, refresh_seconds, is_hidden=False),
    ]
    return token


def give_guest(context: Context, token: str) -> None:
    """Have a browser remember who a guest is."""
    context.cookies.append(_cookie(GUEST, token, _GUEST_DAYS * 86_400))


def taken() -> list[str]:
    """Values of Set-Cookie that take everything of a session out of a browser."""
    return [
        _cookie(ACCESS, "", 0),
        _cookie(REFRESH, "", 0, path=_REFRESH_PATH, same_site="Strict"),
        _cookie(CSRF, "", 0, is_hidden=False),
    ]


def csrf_token(context: Context, session: str) -> str:
    """The CSRF token of a session."""
    return sealer_of(context).mac(_PURPOSE, session)


def check_csrf(context: Context, credentials: Credentials, session: str) -> None:
    """Raise ForbiddenError where a request by cookie may come from another site."""
    if credentials.method in _SAFE or credentials.method == "WEBSOCKET":
        return  # a WebSocket's opening can't have the header; its Origin is checked
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
    path: str = "/",
    same_site: str = "Lax",
    is_hidden: bool = True,
) -> str:
    hidden = "; HttpOnly" if is_hidden else ""
    return f"{name}={value}; Path={path}; Max-Age={seconds}; Secure{hidden}; SameSite={same_site}"
