"""The shop's secret, and what is derived of it: keys that encrypt, and codes that prove."""

import base64
import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError, InvalidError
from mercat.secret_files import secret_in
from mercat_auth.settings import AuthSettings

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = "auth-secret"


class Sealer:
    """One engine's; each purpose has a key of its own (RFC 5869)."""

    def __init__(self, engine: Engine) -> None:
        self._secret = _secret_of(engine)
        self._keys: dict[str, bytes] = {}

    def mac(self, purpose: str, message: str) -> str:
        """A code of 43 characters that only this shop can make (RFC 2104 with SHA-256)."""
        digest = hmac.digest(self._key(purpose), message.encode(), hashlib.sha256)
        return _text(digest)

    def proves(self, purpose: str, message: str, code: str) -> bool:
        """Whether `mac` made this code."""
        expected = self.mac(purpose, message).encode()
        return hmac.compare_digest(expected, code.encode(errors="replace"))

    def seal(self, purpose: str, text: bytes) -> bytes:
        """Encrypt, so that nobody can read or change it (AES-256-GCM, NIST SP 800-38D)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, text, None)

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """What was encrypted. Raises InvalidError for what this shop did not seal."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key(purpose)).decrypt(nonce, text, None)
        except (InvalidTag, ValueError):
            raise InvalidError("this was not sealed with the shop's secret") from None

    def _key(self, purpose: str) -> bytes:
        if purpose not in self._keys:
            derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"mercat {purpose}".encode())
            self._keys[purpose] = derived.derive(self._secret)
        return self._keys[purpose]


def sealer_of(context: Context) -> Sealer:
    """The sealer of the context's engine."""
    return context.engine.own(Sealer, context.engine)


def digest_of(text: str) -> str:
    """What is stored instead of a random token: it can be compared, and not used."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def random_text(size: int = 32) -> str:
    """That many random bytes as URL-safe text."""
    return secrets.token_urlsafe(size)


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _secret_of(engine: Engine) -> bytes:
    given = engine.plugin_settings(AuthSettings).secret
    if given is not None:
        return given.get_secret_value().encode()
    if engine.settings.shop.production:
        raise BootError(
            "[plugins.auth] secret is not set; set MERCAT_PLUGINS__AUTH__SECRET to 32 random "
            "characters or more, the same for all replicas"
        )
    kept = secret_in(engine.storage.data_dir, _FILE, lambda: secrets.token_urlsafe(_KEY_BYTES))
    return kept.encode()
