from typing import Literal

from pydantic import Field, SecretStr

from mercat.manifest import PluginSettings


class AuthSettings(PluginSettings):
    """`[plugins.auth]`."""

    secret: SecretStr | None = Field(default=None, min_length=32)
    """What keys are derived from: at least 32 random characters, the same for all replicas. Left
    out, one is made in `data_dir`, which production doesn't accept."""

    issuer: str = Field(default="mercat", min_length=1, max_length=200)
    """Who issues the tokens, their `iss`; a URL such as `https://shop.example` is best."""

    audience: str = Field(default="mercat", min_length=1, max_length=200)
    """Whom the tokens are for, their `aud`."""

    algorithm: Literal["EdDSA", "ES256"] = "EdDSA"
    """What access tokens are signed with."""

    access_minutes: int = Field(default=10, ge=1, le=60)
    """How long an access token is good for."""

    session_days: int = Field(default=30, ge=1, le=365)
    """How long somebody who doesn't come back stays signed in."""

    longest_session_days: int = Field(default=180, ge=1, le=3650)
    """How long somebody stays signed in at most."""

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
