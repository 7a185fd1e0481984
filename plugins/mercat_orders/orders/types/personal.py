"""What an order knows of its buyer: unsealed only where it is asked for."""

from collections.abc import Sequence
from typing import Any, Protocol

import strawberry

from mercat.context import Context
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.records import reads
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_orders.addresses import Address
from mercat_orders.carts.types import PostalAddress, to_address


class _Known(Protocol):
    """Something with the stored order that it is of."""

    @property
    def whole(self) -> Record: ...


async def _unsealed(context: Context, known: Sequence[_Known], name: str) -> list[Any]:
    """A personal field of each; None where it isn't known, or was erased."""
    sealed = [one.whole.get(name) for one in known]
    plain = iter(await encryption_of(context).unseal_all(one for one in sealed if one is not None))
    return [None if one is None else next(plain) for one in sealed]


async def _addresses(
    context: Context, known: Sequence[_Known], name: str
) -> list[PostalAddress | None]:
    found = await _unsealed(context, known, name)
    return [None if one is None else to_address(Address.of(one)) for one in found]


async def _emails(buyers: "Sequence[OrderBuyer]", info: Info) -> list[str | None]:
    return await _unsealed(info.context, buyers, "email")


async def _phones(buyers: "Sequence[OrderBuyer]", info: Info) -> list[str | None]:
    return await _unsealed(info.context, buyers, "phone")


@reads("shipping_address")
async def shipping_addresses(orders: Sequence[_Known], info: Info) -> list[PostalAddress | None]:
    return await _addresses(info.context, orders, "shipping_address")


@reads("billing_address")
async def billing_addresses(orders: Sequence[_Known], info: Info) -> list[PostalAddress | None]:
    return await _addresses(info.context, orders, "billing_address")


@strawberry.type(description="Who bought.")
class OrderBuyer:
    email = batched("Where the confirmation was sent to; null once it is erased.", _emails)
    phone = batched("For questions about it.", _phones)
    whole: strawberry.Private[Record]
