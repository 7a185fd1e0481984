"""Who sent a request: by `Authorization: Bearer`, or by a browser's cookies."""

import re

from mercat.auth import Credentials
from mercat.context import Context, Viewer
from mercat.errors import UnauthenticatedError
from mercat_auth.api_keys.knowing import viewer_of_key
from mercat_auth.api_keys.texts import PREFIX
from mercat_auth.roles.service import viewer_of
from mercat_auth.sealing import random_text, sealer_of
from mercat_auth.tokens import cookies
from mercat_auth.tokens.access import Claims, access_of
from mercat_auth.tokens.revoking import revocations_of

GUEST_HEADER = "x-mercat-guest"
_BEARER = re.compile(r"(?i:bearer) +([!-+\--~]+)\Z")
_GUEST = re.compile(r"([\w-]{22})\.([\w-]{43})\Z", re.ASCII)
_PURPOSE = "guests"


async def identified(context: Context, credentials: Credentials) -> Viewer | None:
    """The viewer of a request; None where it says nothing of who it is.

    Raises UnauthenticatedError for a token that isn't good, ForbiddenError for a forged request.
    """
    headers = credentials.headers
    if "authorization" in headers:
        return await bearer(context, headers["authorization"])
    if "cookie" not in headers and GUEST_HEADER not in headers:
        return None
    found = cookies.read(credentials)
    if cookies.ACCESS in found:
        try:
            claims = await _good(context, found[cookies.ACCESS])
        except UnauthenticatedError as error:
            error.cookies = tuple(cookies.taken()[:1])
            raise
        cookies.check_csrf(context, credentials, claims.session)
        return await viewer_of(context, claims)
    guest = read_guest(context, headers.get(GUEST_HEADER) or found.get(cookies.GUEST))
    return None if guest is None else Viewer(guest=guest)


async def bearer(context: Context, authorization: str) -> Viewer:
    """The viewer of an Authorization header (RFC 6750, 2.1). Raises UnauthenticatedError."""
    given = _BEARER.match(authorization)
    if given is None:
        raise UnauthenticatedError("the header Authorization is not `Bearer` and one token")
    if given[1].startswith(PREFIX):
        return await viewer_of_key(context, given[1])
    return await viewer_of(context, await _good(context, given[1]))


def make_guest(context: Context) -> str:
    """A signed identity for somebody without an account."""
    return signed_guest(context, random_text(16))


def signed_guest(context: Context, guest: str) -> str:
    """The identity of a guest, by its key."""
    return f"{guest}.{sealer_of(context).mac(_PURPOSE, guest)}"


def read_guest(context: Context, token: str | None) -> str | None:
    """The key of a guest; None where the shop did not sign it."""
    given = _GUEST.match(token or "")
    if given is None or not sealer_of(context).proves(_PURPOSE, given[1], given[2]):
        return None
    return given[1]


async def _good(context: Context, token: str) -> Claims:
    claims = await access_of(context).read(token)
    await revocations_of(context).check(claims)
    return claims
