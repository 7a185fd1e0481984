"""Who buys and where it goes: checked, encrypted, written."""

from collections.abc import Mapping
from typing import Any

from mercat.context import Context
from mercat.emails import email_of
from mercat.storage import Record
from mercat.texts import line_of
from mercat_orders.addresses import checked
from mercat_orders.carts.editing import set_values
from mercat_orders.carts.personal import sealed
from mercat_orders.errors import NotServedError

_LONGEST_PHONE = 40


async def set_buyer(context: Context, key: str, given: Mapping[str, str | None]) -> Record:
    """Write who buys: `email` and `phone`, None for what goes. Raises InvalidError."""
    return await set_values(context, key, await buyer_values(context, given))


async def buyer_values(context: Context, given: Mapping[str, str | None]) -> dict[str, Any]:
    """What is stored of who buys. Raises InvalidError."""
    values: dict[str, Any] = {}
    if "email" in given:
        email = given["email"]
        values["email"] = await sealed(context, email_of(email).shown if email else None)
    if "phone" in given:
        phone = line_of(given["phone"] or "", ("phone",), most=_LONGEST_PHONE)
        values["phone"] = await sealed(context, phone or None)
    return values


async def set_addresses(
    context: Context, key: str, given: Mapping[str, Mapping[str, Any] | None]
) -> Record:
    """Write `shipping_address` and `billing_address`, None for what goes.

    Raises AddressError, and NotServedError for a country that the shop doesn't deliver to.
    """
    return await set_values(context, key, await address_values(context, given))


async def address_values(
    context: Context, given: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """What is stored of where a cart goes. Raises as `set_addresses` does."""
    values: dict[str, Any] = {}
    for name, shown in (
        ("shipping_address", "shippingAddress"),
        ("billing_address", "billingAddress"),
    ):
        if name not in given:
            continue
        found = given[name]
        address = None if found is None else checked(found, (shown,))
        if address is not None and name == "shipping_address":
            if address.country not in context.shop.countries:
                raise NotServedError(
                    f"the shop doesn't deliver to {address.country}", field=(shown, "country")
                )
            values["country"] = address.country
        values[name] = await sealed(context, address)
    return values
