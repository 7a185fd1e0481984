"""One key that access tokens are signed with: made, sealed, and opened again."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.sealing import sealer_of

TYPE = "at+jwt"
_PURPOSE = "signing keys"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key by its id; `public` is its JWK (RFC 7517), `check` what PyJWT verifies with.

    All tokens that it signs begin with `header`: algorithm, type and key, in base64url. A token
    that begins otherwise is not the shop's, so nothing else in a header is ever read.
    """

    id: str
    algorithm: str
    private: Any
    check: jwt.PyJWK
    public: Mapping[str, str]
    signs_from: datetime
    header: str

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token that says this."""
        said = f"{self.header}.{_letters(orjson.dumps(claims))}"
        return f"{said}.{_letters(self.check.Algorithm.sign(said.encode(), self.private))}"


def generated(context: Context, key_id: str, algorithm: str, signs_from: datetime) -> Record:
    """A new key as it is stored."""
    private = ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else _elliptic()
    return {
        "_id": key_id,
        "algorithm": algorithm,
        "private": sealer_of(context).seal(_PURPOSE, _written(private)),
        "public": _public(key_id, algorithm, private),
        "signs_from": signs_from,
        "created_at": datetime.now(UTC),
    }


def opened(context: Context, record: Record) -> SigningKey:
    """A stored key. Raises InvalidError for one that another secret has sealed.

    The public part is that of the sealed one, whatever is stored beside it.
    """
    text = sealer_of(context).unseal(_PURPOSE, record["private"])
    private: Any = serialization.load_der_private_key(text, password=None)
    key_id = record["_id"]
    algorithm = "EdDSA" if isinstance(private, ed25519.Ed25519PrivateKey) else "ES256"
    public = _public(key_id, algorithm, private)
    header, _, _ = jwt.encode(
        {}, private, algorithm, headers={"typ": TYPE, "kid": key_id}
    ).partition(".")
    return SigningKey(
        id=key_id,
        algorithm=algorithm,
        private=private,
        check=jwt.PyJWK(public, algorithm),
        public=public,
        signs_from=record["signs_from"],
        header=header,
    )


def _letters(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _elliptic() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def _public(key_id: str, algorithm: str, private: Any) -> dict[str, str]:
    """The public key as a JWK (RFC 8037, RFC 7518)."""
    kind = OKPAlgorithm if algorithm == "EdDSA" else ECAlgorithm
    jwk: dict[str, str] = kind.to_jwk(private.public_key(), as_dict=True)
    return {**jwk, "kid": key_id, "use": "sig", "alg": algorithm}


def _written(private: Any) -> bytes:
    found: bytes = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return found
