"""What messages about orders are told, read of the order as it is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bson import ObjectId

from mercat import checkout
from mercat.context import Context
from mercat.ids import decode_id
from mercat.money import Amount, parse_amount
from mercat.notifications import Message, Recipient, recipients_of
from mercat.storage import Record
from mercat_orders.addresses import Address, stored
from mercat_orders.carts.access import carts
from mercat_orders.carts.personal import personal_of
from mercat_orders.messages.pages import cart_url
from mercat_orders.orders.access import orders, status_url
from mercat_orders.orders.money import current
from mercat_orders.orders.sums import lines_of
from mercat_orders.papers.languages import Language

Facts = Mapping[str, Any]

_SUMS = ("subtotal", "discounts", "shipping", "tax", "total")
_UNPAID = ("awaited", "on_delivery")


async def buyer(context: Context, message: Message) -> Sequence[Recipient]:
    """Who bought; nobody once that is erased."""
    order = await _order(context, message)
    email = None if order is None else (await personal_of(context, order)).email
    if order is None or email is None:
        return ()
    return (Recipient(email, order["locale"], order["user"]),)


async def seller(context: Context, message: Message) -> Sequence[Recipient]:
    """The staff of whose part it is."""
    found = await _part(context, message)
    return () if found is None else await recipients_of(context, found[1]["seller"])


async def of_order(context: Context, message: Message, locale: str) -> Facts | None:
    """Of an entry of an order's timeline, with the whole order."""
    order = await _order(context, message)
    if order is None:
        return None
    number = int(message.subject.partition(":")[2])
    entry = next(one for one in order["timeline"] if one["number"] == number)
    personal = await personal_of(context, order)
    return {
        **order_facts(order, personal.shipping_address, locale),
        **entry_facts(order, entry),
        "url": status_url(context, order),
        "payment": await _how_to_pay(context, order) if entry["kind"] == "PLACED" else "",
    }


async def of_part(context: Context, message: Message, locale: str) -> Facts | None:
    """Of what was bought of one seller."""
    found = await _part(context, message)
    if found is None:
        return None
    order, part = found
    personal = await personal_of(context, order)
    return part_facts(order, part, personal.shipping_address, locale)


async def cart_owner(context: Context, message: Message) -> Sequence[Recipient]:
    """Whose cart it is, as far as the cart says."""
    cart = await carts(context).find_one({"_id": message.subject, "state": "OPEN"})
    email = None if cart is None else (await personal_of(context, cart)).email
    if cart is None or email is None:
        return ()
    return (Recipient(email, context.shop.locale, cart["user"]),)


async def of_cart(context: Context, message: Message, _locale: str) -> Facts | None:
    """Of a cart that nobody came back to; None once it is bought, emptied or gone."""
    cart = await carts(context).find_one({"_id": message.subject, "state": "OPEN", "told": True})
    return None if cart is None or not cart["lines"] else cart_facts(context, cart)


def order_facts(order: Facts, address: Address | None, locale: str) -> dict[str, Any]:
    """What is so of a whole order."""
    currency = order["currency"]
    return {
        "number": order["code"],
        "placed_at": order["placed_at"],
        "lines": [line_facts(one, one["quantity"], currency) for one in order["lines"]],
        "sums": _sums(order["sums"], currency),
        "tax_included": order["tax_included"],
        "address": _address(address, locale),
    }


def part_facts(order: Record, part: Record, address: Address | None, locale: str) -> dict[str, Any]:
    """What is so of a seller's part of an order."""
    whole = {**order, "lines": lines_of(order, part), "sums": part["sums"]}
    return order_facts(whole, address, locale)


def entry_facts(order: Facts, entry: Facts) -> dict[str, Any]:
    """What an entry says: which units, how much, why, and of which parcel."""
    facts, currency = entry["facts"], order["currency"]
    parcel = _parcel(order, facts.get("fulfilment"))
    whole = parcel or _return(order, facts.get("return"))
    said = facts.get("lines")
    units = _units(whole) if said is None and whole is not None else _counted(said or "")
    by_key = {line["id"]: line for line in order["lines"]}
    return {
        "units": [line_facts(by_key[key], count, currency) for key, count in units],
        "amount": _amount(facts, currency),
        "reason": entry["reason"],
        "parcel": parcel,
    }


def cart_facts(context: Context, cart: Record) -> dict[str, Any]:
    """What is in a cart."""
    lines = [{"name": one["name"], "quantity": one["quantity"]} for one in cart["lines"]]
    return {"lines": lines, "url": cart_url(context, cart["_id"])}


def line_facts(line: Facts, count: int, currency: str) -> dict[str, Any]:
    """So many of a line; `amount` is what the whole line costs, as in the order's subtotal."""
    return {
        "name": line["name"],
        "sku": line["sku"],
        "options": [f"{one['name']}: {one['value']}" for one in line["options"]],
        "quantity": count,
        "amount": Amount(line["subtotal"], currency),
    }


async def _how_to_pay(context: Context, order: Record) -> str:
    """What whoever takes the money tells the buyer, while it isn't paid."""
    payment = current(order)
    if payment["state"] not in _UNPAID:
        return ""
    status = await context.hooks.first(checkout.payment_status, context, payment["key"])
    return "" if status is None else status.message


async def _order(context: Context, message: Message) -> Record | None:
    key = message.subject.partition(":")[0]
    found: Record | None = await orders(context).find_one({"_id": ObjectId(key)})
    return found


async def _part(context: Context, message: Message) -> tuple[Record, Record] | None:
    order = await _order(context, message)
    key = ObjectId(message.subject.partition(":")[2])
    part = next((one for one in (order or {}).get("seller_orders", ()) if one["id"] == key), None)
    return None if order is None or part is None else (order, part)


def _sums(sums: Facts, currency: str) -> dict[str, Amount]:
    return {name: Amount(sums[name], currency) for name in _SUMS}


def _address(address: Address | None, locale: str) -> list[str]:
    return [] if address is None else Language.of(locale).address(stored(address))


def _parcel(order: Facts, global_id: str | None) -> Facts | None:
    if global_id is None:
        return None
    key = ObjectId(decode_id(global_id)[1])
    parcels = (one for part in order["seller_orders"] for one in part["fulfilments"])
    return next((one for one in parcels if one["id"] == key), None)


def _return(order: Facts, global_id: str | None) -> Facts | None:
    if global_id is None:
        return None
    key = ObjectId(decode_id(global_id)[1])
    returns = (one for part in order["seller_orders"] for one in part.get("returns", ()))
    return next((one for one in returns if one["id"] == key), None)


def _units(found: Facts) -> Iterable[tuple[ObjectId, int]]:
    """What is in a parcel, or comes back."""
    return [(one["line"], one["quantity"]) for one in found["lines"]]


def _counted(text: str) -> Iterable[tuple[ObjectId, int]]:
    """What `changes.telling.counted` has written."""
    pairs = (one.rpartition("=") for one in text.split())
    return [(ObjectId(decode_id(line)[1]), int(count)) for line, _, count in pairs]


def _amount(facts: Facts, currency: str) -> Amount | None:
    """A sum that an entry has, in minor units or as `12.50 EUR`."""
    found = facts.get("amount", facts.get("refunded"))
    if found is None:
        return None
    if isinstance(found, int):
        return Amount(found, currency)
    return parse_amount(str(found).partition(" ")[0], currency)
