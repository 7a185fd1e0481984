"""An authenticator in software: passkeys as a browser gives them (w3.org/TR/webauthn-3)."""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

RP_ID = "shop.example"
ORIGIN = "https://shop.example"
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """One passkey, ES256, with a counter of its uses; what it says can be bent."""

    def __init__(self, *, counts: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.count = 0
        self.user: str | None = None
        self._counts = counts

    def create(self, options: str, **bent: Any) -> str:
        """What `navigator.credentials.create(options)` gives, as JSON."""
        asked = json.loads(options)
        self.user = asked["user"]["id"]
        authenticator = self._data(_ATTESTED, bent) + bytes(16)
        authenticator += len(self.id).to_bytes(2, "big") + self.id + self._public()
        attestation = {"fmt": "none", "attStmt": {}, "authData": authenticator}
        attestation.update(bent.get("attestation", {}))
        response = {
            "clientDataJSON": _client_data("webauthn.create", asked["challenge"], bent),
            "attestationObject": text(cbor2.dumps(attestation)),
            "transports": ["internal", "nonsense", 5],
        }
        return self._credential(response)

    def create_u2f(self, options: str) -> str:
        """The same with an attestation of FIDO U2F (8.6), by a certificate of its own."""
        found = json.loads(self.create(options))
        response = found["response"]
        stored = cbor2.loads(_bytes(response["attestationObject"]))
        numbers = self.key.public_key().public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        client_data = hashlib.sha256(_bytes(response["clientDataJSON"])).digest()
        signed = b"\x00" + stored["authData"][:32] + client_data + self.id + point
        maker = ec.generate_private_key(ec.SECP256R1())
        stored["fmt"] = "fido-u2f"
        stored["attStmt"] = {
            "x5c": [_certificate(maker)],
            "sig": maker.sign(signed, ec.ECDSA(SHA256())),
        }
        response["attestationObject"] = text(cbor2.dumps(stored))
        return json.dumps(found)

    def get(self, options: str, **bent: Any) -> str:
        """What `navigator.credentials.get(options)` gives, as JSON."""
        asked = json.loads(options)
        self.count += self._counts
        authenticator = self._data(0, bent)
        client_data = _client_data("webauthn.get", asked["challenge"], bent)
        signed = authenticator + hashlib.sha256(_bytes(client_data)).digest()
        signature = bent.get("key", self.key).sign(signed, ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": text(authenticator),
            "signature": text(signature),
            "userHandle": bent.get("user", self.user),
        }
        return self._credential(response)

    def _data(self, flags: int, bent: dict[str, Any]) -> bytes:
        rp_id = hashlib.sha256(bent.get("rp_id", RP_ID).encode()).digest()
        flags |= bent.get("flags", _PRESENT | _VERIFIED)
        count: int = bent.get("count", self.count)
        return rp_id + bytes([flags]) + count.to_bytes(4, "big")

    def _public(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _credential(self, response: dict[str, Any]) -> str:
        key = text(self.id)
        return json.dumps({"id": key, "rawId": key, "type": "public-key", "response": response})


def _client_data(kind: str, challenge: str, bent: dict[str, Any]) -> str:
    said = {
        "type": bent.get("type", kind),
        "challenge": bent.get("challenge", challenge),
        "origin": bent.get("origin", ORIGIN),
        "crossOrigin": False,
    }
    return text(json.dumps(said).encode())


def _certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)


def text(raw: bytes) -> str:
    """Bytes as base64url."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
