"""`[database] encryption_key` and `[database.kms]`: what wraps the keys that seal data."""

import base64
import binascii
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic.alias_generators import to_camel

MASTER_KEY_BYTES = 96
"""What libmongocrypt wants of a local master key."""

_Names = tuple[frozenset[str], frozenset[str]]  # those that have to be there, those that may be


def _names(needed: str = "", allowed: str = "") -> _Names:
    return frozenset(needed.split()), frozenset(allowed.split())


_CREDENTIALS: dict[str, _Names] = {
    "aws": _names("access_key_id secret_access_key", "session_token"),
    "azure": _names("tenant_id client_id client_secret", "identity_platform_endpoint"),
    "gcp": _names("email private_key", "endpoint"),
    "kmip": _names(),
}
_KEYS: dict[str, _Names] = {
    "aws": _names("region key", "endpoint"),
    "azure": _names("key_vault_endpoint key_name", "key_version"),
    "gcp": _names("project_id location key_ring key_name", "key_version endpoint"),
    "kmip": _names("endpoint", "key_id"),
}


class KmsSettings(BaseModel):
    """`[database.kms]`: the key management service that has the master key.

    The names in `credentials` and `key` are those of MongoDB's drivers in snake case. Without
    `credentials` the machine's own are used, such as an instance's role.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    provider: Literal["aws", "azure", "gcp", "kmip"]
    credentials: dict[str, SecretStr] = {}
    key: dict[str, str]
    tls_ca_file: Path | None = None
    tls_certificate_key_file: Path | None = None

    @model_validator(mode="after")
    def _has_what_the_provider_needs(self) -> Self:
        if self.credentials:
            names = _CREDENTIALS[self.provider]
            _check(f"{self.provider} credentials", set(self.credentials), names)
        _check(f"{self.provider} key", set(self.key), _KEYS[self.provider])
        return self

    @property
    def credentials_for_driver(self) -> dict[str, Any]:
        """What pymongo takes as the provider's `kms_providers`."""
        if self.provider == "kmip":
            return {"endpoint": self.key["endpoint"]}
        return {to_camel(name): text.get_secret_value() for name, text in self.credentials.items()}

    @property
    def key_for_driver(self) -> dict[str, Any]:
        """What pymongo takes as a `master_key`."""
        return {to_camel(name): text for name, text in self.key.items()}

    @property
    def tls_for_driver(self) -> dict[str, Any]:
        """What pymongo takes as the provider's `kms_tls_options`."""
        files = {
            "tlsCAFile": self.tls_ca_file,
            "tlsCertificateKeyFile": self.tls_certificate_key_file,
        }
        return {name: str(path) for name, path in files.items() if path is not None}


def _check(what: str, given: set[str], names: _Names) -> None:
    needed, allowed = names
    if missing := sorted(needed - given):
        raise ValueError(f"{what} needs {', '.join(missing)}")
    if unknown := sorted(given - needed - allowed):
        known = ", ".join(sorted(needed | allowed)) or "nothing"
        raise ValueError(f"{what} has no {unknown[0]}; known are {known}")


def master_key_in(text: str) -> bytes:
    """The 96 bytes that a text has in base64. Raises ValueError for anything else."""
    try:
        key = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError(
            f"must be {MASTER_KEY_BYTES} random bytes in base64; "
            f"`openssl rand -base64 {MASTER_KEY_BYTES} | tr -d '\\n'` makes some"
        )
    return key
