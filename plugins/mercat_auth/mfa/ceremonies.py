"""WebAuthn's two ceremonies: registering a passkey, and proving to have one.

After Web Authentication Level 3 (w3.org/TR/webauthn-3, 7.1 and 7.2), by the package `webauthn`. The
authenticator has to have verified its user, by a finger, a face or a PIN.
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson
from bson import ObjectId
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.mfa.challenges import MINUTES, Ticket
from mercat_auth.mfa.errors import PasskeyRefusedError, PasskeysOffError
from mercat_auth.settings import AuthSettings

LONGEST_CREDENTIAL = 20_000
_LONGEST_ID = 1_364  # 1,023 bytes (7.1, step 25) in base64
_MILLISECONDS = 60_000 * MINUTES
_ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# The shop asks for none; one that an authenticator signs itself says nothing else.
_FORMATS = {"none", "packed"}
_TRANSPORTS = {transport.value for transport in AuthenticatorTransport}
_ID = re.compile(r"[\w-]+\Z", re.ASCII)


def are_on(context: Context) -> bool:
    """Whether the shop knows its own addresses, which passkeys belong to."""
    return context.settings(AuthSettings).rp_id is not None


def registration_options(context: Context, user: Record, ticket: Ticket) -> str:
    """What a browser makes a passkey by, as the JSON that it reads. Raises PasskeysOffError."""
    options = generate_registration_options(
        rp_id=_rp_id(context),
        rp_name=context.shop.name,
        user_id=user["_id"].binary,
        user_name=user["email"],
        user_display_name=user.get("name") or user["email"],
        challenge=ticket.bytes_to_sign,
        timeout=_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(user["passkeys"]),
        supported_pub_key_algs=_ALGORITHMS,
    )
    return options_to_json(options)


def login_options(context: Context, passkeys: Iterable[Record], ticket: Ticket) -> str:
    """What a browser finds a passkey by, of any account where none are named; as JSON."""
    options = generate_authentication_options(
        rp_id=_rp_id(context),
        challenge=ticket.bytes_to_sign,
        timeout=_MILLISECONDS,
        allow_credentials=_described(passkeys),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def read(text: str) -> Record:
    """The JSON of a browser's credential. Raises PasskeyRefusedError for anything else."""
    if len(text) <= LONGEST_CREDENTIAL:
        try:
            found = orjson.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("response"), dict):
            key = found.get("id")
            if isinstance(key, str) and len(key) <= _LONGEST_ID and _ID.match(key):
                return found
    raise PasskeyRefusedError("this is not what a browser gives for a passkey")


def registered(context: Context, ticket: Ticket, credential: Record) -> Record:
    """What is stored of a new passkey. Raises PasskeyRefusedError, PasskeysOffError."""
    rp_id, origins = _rp_id(context), _origins(context)
    try:
        _check_format(credential["response"]["attestationObject"])
        found = verify_registration_response(
            credential=credential,
            expected_challenge=ticket.bytes_to_sign,
            expected_rp_id=rp_id,
            expected_origin=origins,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except Exception:  # noqa: BLE001  whatever a parser makes of a client's bytes
        raise PasskeyRefusedError("the passkey can't be verified; try again") from None
    return {
        "id": bytes_to_base64url(found.credential_id),
        "public_key": found.credential_public_key,
        "sign_count": found.sign_count,
        "transports": _transports(credential["response"].get("transports")),
        "is_backed_up": found.credential_backed_up,
    }


def asserted(
    context: Context, ticket: Ticket, owner: Record, credential: Record
) -> tuple[Record, int]:
    """A user's passkey, and how often it was used, as it signs; 0 where it doesn't count.

    What that means is the caller's business (7.2, step 22). Raises PasskeyRefusedError.
    """
    rp_id, origins = _rp_id(context), _origins(context)
    stored: list[Record] = owner["passkeys"]
    passkey = next((each for each in stored if each["id"] == credential["id"]), None)
    if passkey is None:
        raise PasskeyRefusedError("the account has no such passkey", field=("passkey",))
    try:
        _check_owner(owner["_id"], credential["response"].get("userHandle"))
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=ticket.bytes_to_sign,
            expected_rp_id=rp_id,
            expected_origin=origins,
            credential_public_key=passkey["public_key"],
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  whatever a parser makes of a client's bytes
        raise PasskeyRefusedError("the passkey can't be verified; try again") from None
    return passkey, found.new_sign_count


def _check_format(attestation: str) -> None:
    if parse_attestation_object(base64url_to_bytes(attestation)).fmt not in _FORMATS:
        raise ValueError("attestations of other formats are not asked for")


def _check_owner(user: ObjectId, handle: str | None) -> None:
    if handle is not None and base64url_to_bytes(handle) != user.binary:
        raise ValueError("the authenticator made the passkey for somebody else")


def _described(passkeys: Iterable[Record]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(each["id"]),
            transports=[AuthenticatorTransport(name) for name in each["transports"]],
        )
        for each in passkeys
    ]


def _transports(given: Any) -> list[str]:
    names = given if isinstance(given, list) else []
    return sorted({name for name in names if isinstance(name, str)} & _TRANSPORTS)


def _rp_id(context: Context) -> str:
    found = context.settings(AuthSettings).rp_id
    if found is None:
        raise PasskeysOffError("this shop has no passkeys; set [plugins.auth] rp_id and origins")
    return found


def _origins(context: Context) -> list[str]:
    return list(context.settings(AuthSettings).origins)
