"""The master key that wraps data keys: one of the shop's own, or of a key management service."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mercat.errors import BootError
from mercat.kms import MASTER_KEY_BYTES, KmsSettings, master_key_in
from mercat.secret_files import secret_in
from mercat.settings import Settings

FILE_NAME = "encryption-key"
_FINGERPRINT_BYTES = 8


@dataclass(frozen=True)
class MasterKey:
    """One that pymongo can wrap data keys with.

    `provider` is what each data key says that it was wrapped with: `aws`, or `local:` and a
    fingerprint of the key, so that a wrong one is told apart before it is tried.
    """

    provider: str
    credentials: Mapping[str, Any] = field(repr=False)
    key: Mapping[str, Any] | None = None
    tls: Mapping[str, Any] = field(default_factory=dict)


def require_master_key(settings: Settings) -> None:
    """Raises BootError where a shop in production has set no master key."""
    database = settings.database
    if settings.shop.production and database.kms is None and database.encryption_key is None:
        raise BootError(
            "[database] encryption_key is not set; set MERCAT_DATABASE__ENCRYPTION_KEY to what "
            f"`openssl rand -base64 {MASTER_KEY_BYTES} | tr -d '\\n'` writes, the same for all "
            "replicas, or a key management service in [database.kms]"
        )


def master_keys_of(settings: Settings) -> tuple[MasterKey, ...]:
    """The master key that wraps, then others that data keys may still be wrapped with.

    Without any in the settings one is made in `data_dir`. Raises BootError for a file there that
    holds none.
    """
    database = settings.database
    own = database.encryption_key
    given = () if own is None else (local_master_key(master_key_in(own.get_secret_value())),)
    if database.kms is not None:
        return (_managed(database.kms), *given)
    return given or (_kept(settings),)


def local_master_key(secret: bytes) -> MasterKey:
    """The master key of 96 bytes that the shop has itself."""
    derived = HKDF(SHA256(), _FINGERPRINT_BYTES, salt=None, info=b"mercat master key's name")
    return MasterKey(f"local:{derived.derive(secret).hex()}", {"key": secret})


def _managed(kms: KmsSettings) -> MasterKey:
    return MasterKey(
        kms.provider, kms.credentials_for_driver, kms.key_for_driver, kms.tls_for_driver
    )


def _kept(settings: Settings) -> MasterKey:
    text = secret_in(settings.data_dir, FILE_NAME, _made)
    try:
        return local_master_key(master_key_in(text))
    except ValueError:
        raise BootError(
            f"{settings.data_dir / FILE_NAME} holds no master key of {MASTER_KEY_BYTES} bytes in "
            "base64; put the right one there, without which what it sealed can't be read"
        ) from None


def _made() -> str:
    return base64.b64encode(os.urandom(MASTER_KEY_BYTES)).decode()
