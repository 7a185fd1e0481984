from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from mercat.emails import email_of
from mercat.errors import InvalidError
from mercat.manifest import PluginSettings
from mercat.texts import line_of

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_NAME = 100


def _sender(value: str) -> str:
    """An address, or a name and an address in angle brackets."""
    name, address = parseaddr(value)
    try:
        shown = email_of(address).shown
        named = line_of(name, (), most=_LONGEST_NAME)
        return str(Address(named, addr_spec=shown))
    except (InvalidError, ValueError) as error:
        raise ValueError(f"this is no sender: {error}") from None


Sender = Annotated[str, AfterValidator(_sender)]


class SmtpSettings(BaseModel):
    """`[plugins.notifications.smtp]`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True
    )

    host: str = Field(min_length=1, max_length=253)
    """The mail server."""

    port: int | None = Field(default=None, ge=1, le=65_535)
    """Its port; left out, 587 with STARTTLS, 465 with TLS, 25 with neither."""

    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted: from its second word on, from the start, or not."""

    user: str | None = Field(default=None, min_length=1, max_length=320)
    """Who signs in; nobody does without it."""

    password: SecretStr | None = None
    """With which password."""

    ca_file: Path | None = None
    """The certificates that the server's is checked by; left out, those of the system."""

    timeout_seconds: float = Field(default=20, ge=0.1, le=50)
    """How long the server may take for each answer."""

    connections: int = Field(default=4, ge=1, le=50)
    """How many connections a process has at most, and so how many mails are sent at once."""

    @property
    def known_port(self) -> int:
        return self.port or _PORTS[self.security]

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        if (self.user is None) is not (self.password is None):
            raise ValueError("user and password come together")
        if self.user and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError('a password is not sent with security = "none"')
        return self


class NotificationSettings(PluginSettings):
    """`[plugins.notifications]`."""

    backend: Literal["smtp", "console", "file"] | None = None
    """Where mails go: to a mail server, to the terminal, or to files in `mail/` of `data_dir`. Left
    out, to the mail server where there is one, else to files; production has a mail server."""

    sender: Sender | None = None
    """Whom mails are from, such as `Shop <shop@shop.example>`."""

    templates: Path | None = None
    """A folder, beside engine.toml, with templates that are used instead of the plugins'."""

    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#]+$")
    """The engine's address as people know it, such as `https://api.shop.example`; links for
    unsubscribing lead there."""

    keep_days: int = Field(default=90, ge=1, le=3_650)
    """How long it is kept who was sent what."""

    smtp: SmtpSettings | None = None
    """`[plugins.notifications.smtp]`: the mail server."""
