import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from mercat.reach import is_loopback

PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}\Z")
_REVERSE_DOMAIN = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+\Z")
_LONGEST = 500


def _checked(uri: str) -> str:
    if not 0 < len(uri) <= _LONGEST or not uri.isascii() or not uri.isprintable():
        raise ValueError("is no URI of at most 500 ASCII characters")
    if any(character in uri for character in ' "<>\\^`{|}#'):
        raise ValueError("has a fragment, or characters that no URI has")
    if urlsplit(uri).username is not None:
        raise ValueError("has a user's name in it")
    return uri


def public_url(value: str) -> str:
    """The address of a shop, without a slash at its end: https, or http of one's own machine."""
    parts = urlsplit(_checked(value))
    is_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or parts.query or not (parts.scheme == "https" or is_local):
        raise ValueError("is no https URL such as https://shop.example")
    return value.rstrip("/")


def redirect_uri(value: str) -> str:
    """Where a sign-in may end: of a page, or of a native app (RFC 8252, 7.1 to 7.3)."""
    parts = urlsplit(_checked(value))
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return value
    if _REVERSE_DOMAIN.match(parts.scheme):
        return value
    raise ValueError(
        f"'{value}' is neither https, nor http of one's own machine, nor an app's own scheme, "
        "which is a domain name backwards such as com.example.shop:/signed-in"
    )


def issuer_url(value: str) -> str:
    """An issuer's identifier (OpenID Connect Discovery, 4): a URL without query and fragment."""
    public_url(value)
    return value


PublicUrl = Annotated[str, AfterValidator(public_url)]
RedirectUri = Annotated[str, AfterValidator(redirect_uri)]
Issuer = Annotated[str, AfterValidator(issuer_url)]
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")]


class ProviderSettings(BaseModel):
    """`[plugins.auth.providers.<name>]`: an OpenID provider that people may sign in with."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: Issuer | None = None
    """Its issuer, exactly as its discovery document says it; Google's is known."""

    client_id: str = Field(min_length=1, max_length=500)
    """What the provider calls the shop."""

    client_secret: SecretStr | None = None
    """What the shop proves that with; never in engine.toml. None for a public client."""

    scopes: tuple[Scope, ...] = ("openid", "email", "profile")
    """What the shop asks to know."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    """What people read on the button."""

    internal: bool = False
    """Whether the provider may be at an address that is not public, as in the shop's network."""

    trusts_mfa: bool = False
    """Whether a second factor that the provider says it saw counts as the shop's own."""

    @field_validator("scopes", mode="before")
    @classmethod
    def _separate_scopes(cls, scopes: object) -> object:
        """As the environment gives them: in one text."""
        return re.split(r"[ ,]+", scopes.strip()) if isinstance(scopes, str) else scopes

    @field_validator("scopes")
    @classmethod
    def _needed_scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("has to have openid")
        if "offline_access" in scopes:
            raise ValueError("has offline_access, but the shop keeps no tokens of a provider")
        return scopes
