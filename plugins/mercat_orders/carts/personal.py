"""What a cart knows of a person. It is encrypted where it is stored."""

import asyncio
from dataclasses import dataclass
from typing import Any

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_orders.addresses import Address, stored

FIELDS = ("email", "phone", "shipping_address", "billing_address")


@dataclass(frozen=True, slots=True)
class Personal:
    """Who buys, as plain text; None where it isn't known."""

    email: str | None = None
    phone: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None


async def personal_of(context: Context, record: Record) -> Personal:
    """What a stored cart or order has."""
    encryption = encryption_of(context)
    kept = {name: record[name] for name in FIELDS if record.get(name) is not None}
    plain = await asyncio.gather(*map(encryption.unseal, kept.values()))
    found: dict[str, Any] = dict(zip(kept, plain, strict=True))
    for name in ("shipping_address", "billing_address"):
        if name in found:
            found[name] = Address.of(found[name])
    return Personal(**found)


async def sealed(context: Context, value: str | Address | None) -> Any:
    """What is stored of a value."""
    if value is None:
        return None
    plain = stored(value) if isinstance(value, Address) else value
    return await encryption_of(context).seal(plain)
