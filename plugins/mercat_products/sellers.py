"""Sellers by their ids; who they are is another plugin's business."""

from mercat.errors import InvalidError
from mercat.ids import decode_id, encode_id, key_of

_TYPE = "Seller"


def seller_id(key: str) -> str:
    """The global id of the seller with that key."""
    return encode_id(_TYPE, key)


def seller_key(given: str | None) -> str | None:
    """A seller's key, of its global id or as it is. Raises InvalidError for another type's id."""
    if given is None:
        return None
    try:
        decode_id(given)
    except InvalidError:
        return given
    return seller_of(given)


def seller_of(global_id: str) -> str:
    """The key of the seller with that id. Raises InvalidError."""
    return key_of(global_id, _TYPE)
