"""Hooks of authentication, with the values that they pass."""

from collections.abc import Mapping
from dataclasses import dataclass

from mercat.context import ANONYMOUS, Context, Viewer
from mercat.hooks import hookspec


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along: its headers by lower-case name, and the peer's address."""

    headers: Mapping[str, str]
    address: str | None


@hookspec
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    """Who is asking; None where these credentials are not this plugin's.

    The first plugin that knows answers; where none does the viewer is anonymous.
    """


async def identified(
    context: Context, headers: Mapping[str, str], client: tuple[str, int] | None
) -> Viewer:
    """Who sent a request with these headers, by lower-case name; anonymous where nobody knows."""
    credentials = Credentials(headers, client[0] if client else None)
    return await context.hooks.first(authenticate, context, credentials) or ANONYMOUS
