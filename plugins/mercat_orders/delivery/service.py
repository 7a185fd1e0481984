"""Seeing and changing shipping methods; who may is decided here."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_orders.configured import writing
from mercat_orders.configured.checking import key as checked_key
from mercat_orders.configured.entries import Entry
from mercat_orders.delivery.checking import checked, checked_new
from mercat_orders.delivery.memory import kept_methods, to_method
from mercat_orders.delivery.methods import ShippingMethod
from mercat_orders.permissions import DELIVER, MANAGE_DELIVERY
from mercat_products.sellers import seller_key
from mercat_products.values import seller as checked_seller

Method = Entry[ShippingMethod]


async def list_methods(context: Context) -> list[Method]:
    """Those that the viewer may change, in the order in which customers see them."""
    await _check_delivers(context)
    kept = kept_methods(context)
    found = [
        *map(Entry, kept.fixed.values()),
        *map(_entry, await kept.records(context)),
    ]
    sellers = {each.value.seller for each in found}
    own = {seller for seller in sellers if await _manages(context, seller)}
    mine = (each for each in found if each.value.seller in own)
    return sorted(mine, key=lambda each: each.value.position)


async def methods_by_key(context: Context, keys: Sequence[str]) -> dict[str, Method]:
    """Those of the methods with these keys that the viewer may change."""
    kept = kept_methods(context)
    stored = kept.collection(context).find({"_id": {"$in": list(keys)}})
    found = {each["_id"]: _entry(each) async for each in stored}
    found |= {key: Entry(kept.fixed[key]) for key in keys if key in kept.fixed}
    return {key: each for key, each in found.items() if await _manages(context, each.value.seller)}


async def create_method(context: Context, given: Mapping[str, Any]) -> Method:
    """Add a method; a seller's is the seller's own.

    Raises InvalidError, KeyTakenError, TooManyKeptError.
    """
    await _check_delivers(context)
    seller = await _seller(context, given)
    key = checked_key(given["key"], ("key",)) if "key" in given else None
    values = {name: value for name, value in given.items() if name not in {"key", "seller"}}
    if "position" not in values:
        values["position"] = await _last_position(context, seller)
    found = {**checked_new(values, context.shop), "seller": seller}
    return _entry(await writing.add(context, kept_methods(context), key, found))


async def update_method(
    context: Context, key: str, version: int | None, given: Mapping[str, Any]
) -> Method:
    """Change what is given of a method.

    Raises InvalidError, NotFoundError, StaleError, InSettingsError.
    """
    stored = await _editable(context, key)
    values = checked(given, context.shop)
    return _entry(await writing.change(context, kept_methods(context), stored, version, values))


async def delete_method(context: Context, key: str, version: int | None) -> None:
    """Remove a method. Raises NotFoundError, StaleError, InSettingsError."""
    stored = await _editable(context, key)
    await writing.remove(context, kept_methods(context), stored, version)


async def _editable(context: Context, key: str) -> Record:
    """The stored method, where the viewer may change it."""
    await _check_delivers(context)
    kept = kept_methods(context)
    fixed = kept.fixed.get(key)
    if fixed is not None and await _manages(context, fixed.seller):
        raise writing.in_settings(kept)
    stored = None if fixed else await kept.collection(context).find_one({"_id": key})
    if stored is None or not await _manages(context, stored["seller"]):
        raise writing.missing(kept)
    return stored


async def _seller(context: Context, given: Mapping[str, Any]) -> str | None:
    """Whose method it will be; None for all who have none of their own."""
    seller = context.viewer.seller if not await _manages(context, None) else None
    if "seller" in given:
        try:
            seller = checked_seller(seller_key(given["seller"]), ("seller",))
        except InvalidError as error:
            raise InvalidError(str(error), field=("seller",)) from None
    if not await _manages(context, seller):
        await check_allowed(context, MANAGE_DELIVERY, _subject(seller))
    return seller


async def _last_position(context: Context, seller: str | None) -> int:
    """Behind the others that the same customers see."""
    methods = await kept_methods(context).all(context)
    return max((each.position + 1 for each in methods if each.seller == seller), default=0)


async def _check_delivers(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who may change no method at all."""
    if not await _manages(context, context.viewer.seller):
        await check_allowed(context, MANAGE_DELIVERY, _subject(None))


async def _manages(context: Context, seller: str | None) -> bool:
    """Whether the viewer may change that seller's methods; None has those for all."""
    subject = _subject(seller)
    if await allowed(context, MANAGE_DELIVERY, subject):
        return True
    is_own = seller is not None and context.viewer.seller == seller
    return is_own and await allowed(context, DELIVER, subject)


def _subject(seller: str | None) -> Subject:
    return Subject("ShippingMethod", seller=seller)


def _entry(record: Record) -> Method:
    return Entry.of(to_method(record), record)
