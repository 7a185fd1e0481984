from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from mercat.manifest import PluginSettings
from mercat_auth.mfa.origins import check_origins
from mercat_auth.oauth.settings import (
    ProviderName,
    ProviderSettings,
    PublicUrl,
    RedirectUri,
)

PageUrl = Annotated[str, Field(pattern=r"^https?://\S*\{token\}\S*$")]


class AuthSettings(PluginSettings):
    """`[plugins.auth]`."""

    secret: SecretStr | None = Field(default=None, min_length=32)
    """What keys are derived from: at least 32 random characters, the same for all replicas. Left
    out, one is made in `data_dir`, which production doesn't accept."""

    issuer: str = Field(default="mercat", min_length=1, max_length=200)
    """Who issues the tokens, their `iss`; a URL such as `https://shop.example` is best."""

    audience: str = Field(default="mercat", min_length=1, max_length=200)
    """Whom the tokens are for, their `aud`."""

    algorithm: Literal["ES256", "EdDSA"] = "ES256"
    """What access tokens are signed with. OpenSSL verifies ES256 in two thirds of the time."""

    access_minutes: int = Field(default=10, ge=1, le=60)
    """How long an access token is good for."""

    session_days: int = Field(default=30, ge=1, le=365)
    """How long somebody who doesn't come back stays signed in."""

    longest_session_days: int = Field(default=180, ge=1, le=3650)
    """How long somebody stays signed in at most."""

    require_verified_email: bool = True
    """Whether signing in with a password has to wait until the link to the address was followed."""

    verify_hours: int = Field(default=48, ge=1, le=720)
    """How long a link is good that proves an address."""

    reset_minutes: int = Field(default=30, ge=5, le=1440)
    """How long a link is good that sets a new password."""

    verify_url: PageUrl | None = None
    """The storefront's page that proves an address: `{token}` stands for what the link carries."""

    reset_url: PageUrl | None = None
    """The same of the page that sets a new password."""

    email_url: PageUrl | None = None
    """The same of the page that confirms a change of address."""

    invitation_url: PageUrl | None = None
    """The same of the page on which somebody joins a seller's staff."""

    confirm_minutes: int = Field(default=10, ge=1, le=60)
    """How long ago somebody without a password has signed in at most, to do what needs one."""

    min_password_length: int = Field(default=10, ge=8, le=12)
    """How many characters a password has at least."""

    hash_memory_kib: int = Field(default=19_456, ge=7_168, le=1_048_576)
    """Memory of one argon2id hash, in KiB; OWASP's Password Storage Cheat Sheet names 19,456."""

    hash_passes: int = Field(default=2, ge=1, le=20)
    """Passes of one argon2id hash; OWASP names 2 with 19,456 KiB."""

    hashes_at_once: int = Field(default=1, ge=1, le=64)
    """How many passwords a process hashes at the same time."""

    hashes_waiting: int = Field(default=200, ge=1, le=10_000)
    """How many more wait; others are told to come again."""

    free_attempts: int = Field(default=5, ge=1, le=100)
    """After how many wrong attempts on an account from one place the next ones wait: 1 s, 2 s, 4 s
    and so on."""

    longest_wait_minutes: int = Field(default=15, ge=1, le=1_440)
    """How long an attempt waits at most."""

    stranger_attempts_per_hour: int = Field(default=100, ge=1, le=100_000)
    """Wrong attempts on an account in an hour from all places it is not known from together; a
    tenth of it for messages to an address, three tenths for second factors."""

    address_attempts_per_hour: int = Field(default=100, ge=1, le=1_000_000)
    """Wrong attempts in an hour from one address, on whatever accounts, before these wait too."""

    known_address_days: int = Field(default=90, ge=1, le=3_650)
    """How long an address that somebody signed in from counts as theirs."""

    audit_addresses_days: int = Field(default=90, ge=1, le=3_650)
    """How long the audit log has the network addresses that deeds came from."""

    mfa_required_for: tuple[str, ...] = ()
    """Roles that count only for those who signed in with a second factor, such as `ADMIN`."""

    rp_id: str | None = Field(default=None, min_length=1, max_length=253)
    """The domain that passkeys belong to, such as `shop.example`; none without it."""

    origins: tuple[str, ...] = ()
    """Where passkeys are used, such as `https://shop.example`; in `rp_id` or below it."""

    @model_validator(mode="after")
    def _origins_are_in_domain(self) -> Self:
        check_origins(self.rp_id, self.origins)
        return self

    public_url: PublicUrl | None = None
    """The shop's address as people know it, such as `https://shop.example`; identity providers send
    them back there."""

    redirects: tuple[RedirectUri, ...] = ()
    """The addresses of pages and apps that a sign-in by an identity provider may end at, exactly.
    The port of one with 127.0.0.1 or [::1] may be any, as native apps need it (RFC 8252, 7.3)."""

    providers: dict[ProviderName, ProviderSettings] = Field(default_factory=dict)
    """Tables `[plugins.auth.providers.<name>]`, one an identity provider."""
