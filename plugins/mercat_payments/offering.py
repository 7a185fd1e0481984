"""The ways to pay that a buyer may choose from."""

import asyncio
from collections.abc import Sequence

from mercat.checkout import Cart, PaymentMethod
from mercat.context import Context
from mercat.money import Amount
from mercat.payments import Method, PaymentProvider
from mercat_payments.asking import methods_of
from mercat_payments.providers import providers_of


async def methods(context: Context, cart: Cart, total: int) -> Sequence[PaymentMethod]:
    """What every provider offers for a cart, in the order of the plugins."""
    money = Amount(total, cart.currency)
    country = cart.destination.country if cart.destination else None
    providers = [one for one in providers_of(context).all() if not one.capabilities.tender]
    found = await asyncio.gather(*(methods_of(each, money, country) for each in providers))
    return [
        _method(provider, method)
        for provider, offered in zip(providers, found, strict=True)
        for method in offered
    ]


def _method(provider: PaymentProvider, method: Method) -> PaymentMethod:
    name = f"{provider.code}:{method.id}" if method.id else provider.code
    return PaymentMethod(name, method.name, method.description)
