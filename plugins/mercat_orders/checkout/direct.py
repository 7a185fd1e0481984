"""A whole cart in one call, as agents and mobile apps send it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import DomainError
from mercat.storage.encryption import encryption_of
from mercat_orders.carts.access import carts
from mercat_orders.carts.buyers import address_values, buyer_values
from mercat_orders.carts.editing import made
from mercat_orders.carts.lines import NewLine
from mercat_orders.checkout.wanting import Request
from mercat_orders.errors import AddressError


@dataclass(frozen=True, slots=True)
class WholeCart:
    """All that a cart has; `ways` are by seller."""

    lines: Sequence[NewLine]
    buyer: Mapping[str, str | None]
    addresses: Mapping[str, Mapping[str, Any] | None]
    ways: Mapping[str | None, str]
    currency: str | None = None


async def direct_cart(context: Context, given: WholeCart, request: Request) -> str:
    """The key of a cart with that in it; the same request has the same one.

    The key follows from the request and from a secret of the shop, so that nobody guesses it.
    Raises as the mutations of carts do.
    """
    key = encryption_of(context).digest(f"direct cart {request.key} {request.asked}")
    if await carts(context).find_one({"_id": key}, {"_id": 1}):
        return key
    with _inside("cart"):
        record = await made(context, key, given.currency, None, given.lines)
        record |= await buyer_values(context, given.buyer)
        record |= await address_values(context, given.addresses)
    record["ways"] = [{"seller": seller, "option": way} for seller, way in given.ways.items()]
    try:
        await carts(context).insert_one(record)
    except DuplicateKeyError:  # a twin of the request was faster
        return key
    return key


@contextmanager
def _inside(*place: str) -> Iterator[None]:
    """Errors of a block, about fields inside that one."""
    try:
        yield
    except AddressError as error:
        raise AddressError([((*place, *at), words) for at, words in error.problems]) from None
    except DomainError as error:
        if error.field is not None:
            error.field = (*place, *error.field)
        raise
