"""Relay's opaque global ids: URL-safe base64 of `Type:key`, without padding."""

import base64
import binascii
import re
from collections.abc import Callable

from bson import ObjectId

from mercat.errors import InvalidError

_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST = 200
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode_id(type_name: str, key: object) -> str:
    """Make the global id of an object: `("Product", ObjectId(...))` -> `"UHJvZHVjdDo..."`."""
    encoded = binascii.b2a_base64(f"{type_name}:{key}".encode(), newline=False)
    return encoded.translate(_URL_SAFE).rstrip(b"=").decode()


def id_encoder(type_name: str) -> Callable[[ObjectId], str]:
    """`encode_id` of one type's ObjectIds, for lists: some 0.3 us an id instead of 0.7."""
    prefix = f"{type_name}:".encode()
    padding = -(len(prefix) + 24) % 3

    def encode(key: ObjectId) -> str:
        # Letters, digits and a colon have no 62 and no 63 in their base64.
        encoded = binascii.b2a_base64(prefix + binascii.hexlify(key.binary), newline=False)
        return encoded[: len(encoded) - padding].decode()

    return encode


def decode_id(global_id: str) -> tuple[str, str]:
    """Split a global id into its type's name and key. Raises InvalidError for anything else."""
    if len(global_id) <= _LONGEST:
        try:
            padded = global_id.encode("ascii") + b"=" * (-len(global_id) % 4)
            type_name, colon, key = (
                base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
            )
        except (binascii.Error, UnicodeError):
            pass
        else:
            if colon and key and _TYPE_NAME.match(type_name):
                return type_name, key
    raise InvalidError("this is not an id that the shop gave out")


def key_of(global_id: str, type_name: str, field: tuple[str, ...] | None = None) -> str:
    """Read the key of a `type_name`, as text.

    Raises InvalidError, about `field`, for another type's id and for what is none.
    """
    try:
        found, key = decode_id(global_id)
    except InvalidError as error:
        raise InvalidError(str(error), field=field) from None
    if found != type_name:
        article = "an" if type_name[0] in "AEIO" else "a"
        raise InvalidError(
            f"this is the id of a {found}, not of {article} {type_name}", field=field
        )
    return key


def object_id(global_id: str, type_name: str, field: tuple[str, ...] | None = None) -> ObjectId:
    """Read the stored key of a `type_name`. Raises InvalidError as `key_of` does."""
    key = key_of(global_id, type_name, field)
    if not ObjectId.is_valid(key):
        raise InvalidError("this is not an id that the shop gave out", field=field)
    return ObjectId(key)
