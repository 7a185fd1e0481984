"""Hooks of authentication and authorization, with the values that they pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from litestar.types import Scope

from mercat.context import ANONYMOUS, SYSTEM, Context, Viewer
from mercat.errors import ForbiddenError, UnauthenticatedError
from mercat.hooks import hookspec


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along: its headers by lower-case name, and the peer's address.

    `method` is HTTP's, or `WEBSOCKET` for the opening of one.
    """

    headers: Mapping[str, str]
    address: str | None
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Permission:
    """What somebody may be allowed to do; `roles` are those that may from the start.

    `name` is the plugin's name, a dot and a verb: `products.manage`.
    """

    name: str
    description: str
    roles: tuple[Literal["CUSTOMER", "SELLER", "SUPPORT", "ADMIN"], ...] = ("ADMIN",)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about: whose it is, by the keys of a user and of a seller."""

    kind: str
    key: str | None = None
    owner: str | None = None
    seller: str | None = None


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID provider that people may sign in with; `id` is its part of the shop's addresses.

    `issuer` is what its discovery document calls it. `internal` says that it may be at an address
    that is not public, such as one of the shop's own network. `trusts_mfa` says that where it saw a
    second factor (RFC 8176) the shop asks for none of its own.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    internal: bool = False
    trusts_mfa: bool = False


@hookspec
def permissions() -> Sequence[Permission]:  # type: ignore[empty-body]
    """What the plugin's operations need; roles are made of it."""


@hookspec
def identity_providers(context: Context) -> Sequence[IdentityProvider]:  # type: ignore[empty-body]
    """OpenID providers beside those of the settings, such as one that a plugin speaks for.

    Asked once, when the engine is made; the context has the plugin's settings, and no stores yet.
    """


@hookspec
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    """Who is asking; None where these credentials are not this plugin's.

    The first plugin that knows answers; where none does the viewer is anonymous. Raises
    UnauthenticatedError for credentials that are this plugin's and are wrong.
    """


@hookspec
async def authorize(context: Context, action: str, subject: Subject) -> bool | None:
    """Whether the context's viewer may do something, beyond what its permissions say.

    None for no opinion. Where anybody says False nobody may; where nobody says True neither.
    """


@hookspec
async def user_registered(context: Context, user_id: str) -> None:
    """Somebody has an account now, by its key. Told through the outbox, at least once."""


@hookspec
async def signed_in(context: Context, user_id: str, guest: str | None) -> None:
    """Somebody has signed in, and was this guest before. Told through the outbox."""


@hookspec
async def signed_out(context: Context, user_id: str) -> None:
    """A session has ended, by its user or by somebody else. Told through the outbox."""


@hookspec
async def users_named(context: Context, names: Sequence[str]) -> Mapping[str, str] | None:
    """The keys of those users whom a file calls so.

    A name with an `@` is an e-mail address, any other what the user's own import calls them. Those
    that aren't there, or were erased, are left out of the answer.
    """


@hookspec
async def user_erased(context: Context, user_id: str) -> None:
    """An account is gone: remove what is personal, keep what the law wants. By the outbox."""


@hookspec
async def seller_state_changed(context: Context, seller: str) -> None:
    """A seller was approved, suspended, reinstated or closed, by its key; told through the outbox.

    Delivered at least once, and not always in order: ask `suspended_sellers` for the state.
    """


@hookspec
async def suspended_sellers(context: Context, sellers: Sequence[str]) -> Sequence[str] | None:
    """Those of the sellers with these keys that may not sell now."""


@hookspec
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    """What the plugin stores about somebody, for their own copy of it, by headings of its own.

    Values that JSON has; no secrets, and nothing about others.
    """


async def identify(context: Context, headers: Mapping[str, str], scope: Scope) -> None:
    """Set who sent a request with these headers, by lower-case name; anonymous for nobody known.

    Raises UnauthenticatedError for wrong credentials.
    """
    client = scope.get("client")
    method = str(scope.get("method", "WEBSOCKET"))
    context.credentials = Credentials(headers, client[0] if client else None, method)
    context.viewer = await recognised(context, context.credentials)


async def recognised(context: Context, credentials: Credentials) -> Viewer:
    """Who these credentials stand for; anonymous for nobody known. Raises AccessError."""
    return await context.hooks.first(authenticate, context, credentials) or ANONYMOUS


async def allowed(context: Context, action: str, subject: Subject) -> bool:
    """Whether the viewer may do something with a subject: by a permission, or as plugins say."""
    viewer = context.viewer
    if viewer == SYSTEM:
        return True
    said = await context.hooks.collect(authorize, context, action, subject)
    return False not in said and (action in viewer.permissions or True in said)


async def check_allowed(context: Context, action: str, subject: Subject) -> None:
    """Raise UnauthenticatedError or ForbiddenError where the viewer may not do something."""
    if not await allowed(context, action, subject):
        if context.viewer.role == ANONYMOUS.role:
            raise UnauthenticatedError
        raise ForbiddenError
