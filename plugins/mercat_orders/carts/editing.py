"""Changing carts: each change is one conditional update of the version that was read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ConflictError, NotFoundError
from mercat.storage import Record, stored_now
from mercat.texts import line_of
from mercat_orders.carts.access import carts, find_cart, owner_of
from mercat_orders.carts.lines import LONGEST_NOTE, NewLine, added, repriced
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.shelves import Shelf
from mercat_orders.errors import NotServedError, QuantityError, ShippingError
from mercat_orders.orders.access import orders
from mercat_orders.orders.failing import fail
from mercat_orders.settings import OrderSettings
from mercat_orders.tokens import random_key

_TRIES = 10
_LEFT_TO_BUYERS = {
    *("email", "phone", "shipping_address", "billing_address", "country", "ways", "payment_method")
}
"""What a buyer says of what staff prepared."""

Edit = Callable[[Record], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class LineChange:
    """What is to change of a line; None leaves it, a quantity of 0 takes the line out."""

    id: ObjectId
    quantity: int | None = None
    note: str | None = None


async def create(
    context: Context,
    currency: str | None,
    country: str | None,
    lines: Sequence[NewLine],
    shelf: Shelf | None = None,
) -> Record:
    """A new cart of the viewer. Raises NotServedError, and what `lines.added` does."""
    record = await made(context, random_key(), currency, country, lines, shelf)
    await carts(context).insert_one(record)
    return record


async def made(
    context: Context,
    key: str,
    currency: str | None,
    country: str | None,
    lines: Sequence[NewLine],
    shelf: Shelf | None = None,
) -> Record:
    """A cart of the viewer that isn't stored yet. Raises as `create` does."""
    record: Record = {
        "_id": key,
        **owner_of(context.viewer),
        "state": "OPEN",
        "currency": _currency(context, currency or context.shop.currency),
        "country": _country(context, country or context.shop.countries[0]),
        "lines": [],
        "email": None,
        "phone": None,
        "shipping_address": None,
        "billing_address": None,
        "ways": [],
        "payment_method": None,
        "told": False,
        "merged_into": None,
        "order": None,
        "draft": None,
        "plugin_data": {},
        "created_at": stored_now(),
        "version": 1,
        **_touched(context, {}),
    }
    if lines:
        record |= await added(context, record, lines, shelf or Shelf())
    return record


async def add_lines(
    context: Context, key: str, lines: Sequence[NewLine], shelf: Shelf | None = None
) -> Record:
    """Put more into a cart, all or nothing. Raises as `create` does, NotFoundError too."""
    shelf = shelf or Shelf()
    return await change(context, key, lambda record: added(context, record, lines, shelf))


async def update_lines(
    context: Context, key: str, changes: Sequence[LineChange], shelf: Shelf | None = None
) -> Record:
    """Change lines, all or none; what they cost now is taken note of.

    Raises NotFoundError, QuantityError, InvalidError.
    """
    shelf = shelf or Shelf()

    async def edit(record: Record) -> Mapping[str, Any]:
        lines = list(record["lines"])
        for index, one in enumerate(changes):
            at = _place(lines, one.id, ("lines", str(index), "id"))
            lines[at] = _changed(context, lines[at], one, ("lines", str(index)))
        kept = [line for line in lines if line["quantity"]]
        touched = {one.id for one in changes}
        return {"lines": await repriced(context, record["currency"], kept, touched, shelf)}

    return await change(context, key, edit)


async def remove_lines(context: Context, key: str, lines: Sequence[ObjectId]) -> Record:
    """Take lines out, all or none. Raises NotFoundError."""

    async def edit(record: Record) -> Mapping[str, Any]:
        for index, line in enumerate(lines):
            _place(record["lines"], line, ("lineIds", str(index)))
        return {"lines": [line for line in record["lines"] if line["id"] not in lines]}

    return await change(context, key, edit)


async def clear(context: Context, key: str) -> Record:
    """Take everything out; what is known of the buyer stays. Raises NotFoundError."""

    async def edit(_record: Record) -> Mapping[str, Any]:
        return {"lines": [], "ways": []}

    return await change(context, key, edit)


async def set_market(
    context: Context,
    key: str,
    currency: str | None,
    country: str | None,
    shelf: Shelf | None = None,
) -> Record:
    """Price a cart in another currency, or for another country. Raises NotServedError."""
    shelf = shelf or Shelf()

    async def edit(record: Record) -> Mapping[str, Any]:
        wanted = _currency(context, currency or record["currency"])
        lines = record["lines"]
        if wanted != record["currency"]:
            touched = {line["id"] for line in lines}
            lines = await repriced(context, wanted, lines, touched, shelf)
        return {
            "currency": wanted,
            "country": _country(context, country or record["country"]),
            "lines": lines,
        }

    return await change(context, key, edit)


async def select_ways(
    context: Context,
    key: str,
    ways: Mapping[str | None, tuple[str, tuple[str, ...]]],
    shelf: Shelf | None = None,
) -> Record:
    """Choose how parcels go: by seller the id of an option, and where the caller gave it.

    Raises ShippingError where a parcel can't go like that.
    """

    async def edit(record: Record) -> Mapping[str, Any]:
        view = await look_at(context, record, shelf)
        offered_ways = {
            cost.parcel.seller: {way.id for way in cost.options} for cost in view.quote.shipping
        }
        for seller, (way, field) in ways.items():
            if seller not in offered_ways:
                raise ShippingError("nothing in the cart is that seller's", field=field)
            if way not in offered_ways[seller]:
                raise ShippingError("this can't be delivered in that way", field=field)
        chosen = {each["seller"]: each["option"] for each in record["ways"]}
        chosen |= {seller: way for seller, (way, _) in ways.items()}
        return {"ways": [{"seller": one, "option": way} for one, way in chosen.items()]}

    return await change(context, key, edit)


async def set_values(context: Context, key: str, values: Mapping[str, Any]) -> Record:
    """Write what was checked and encrypted before. Raises NotFoundError, ConflictError."""

    async def edit(_record: Record) -> Mapping[str, Any]:
        return values

    return await change(context, key, edit)


async def change(context: Context, key: str, edit: Edit) -> Record:
    """Change a cart as `edit` says, which runs again where somebody else was faster.

    Raises what `edit` does, NotFoundError, and ConflictError for one that became an order.
    """
    for _ in range(_TRIES):
        record = await find_cart(context, key)
        if record["state"] == "CHECKOUT":
            await _reopen(context, record)
            continue
        if record["state"] != "OPEN":
            raise ConflictError("this cart is an order already", field=("cartId",))
        values = await edit(record)
        if record.get("draft") and values.keys() - _LEFT_TO_BUYERS:
            raise ConflictError(
                "the shop prepared this; ask it to change what is in it", field=("cartId",)
            )
        changed = {**values, "told": False, **_touched(context, record)}
        written = await carts(context).update_one(
            {"_id": record["_id"], "version": record["version"]},
            {"$set": changed, "$inc": {"version": 1}},
        )
        if written.modified_count:
            return {**record, **changed, "version": record["version"] + 1}
    raise ConflictError("the cart is being changed elsewhere; try again")


async def _reopen(context: Context, record: Record) -> None:
    """End the checkout that a cart is in: who changes it means something else now."""
    order = await orders(context).find_one({"_id": record["order"]})
    if order is not None:
        await fail(context, order, "ABANDONED", "the cart was changed before it was ordered")


def _touched(context: Context, record: Record) -> dict[str, datetime]:
    """When it was changed, and until when it is kept: no shorter than before."""
    now = stored_now()
    until = now + timedelta(days=context.settings(OrderSettings).cart_days)
    return {"updated_at": now, "expires_at": max(until, record.get("expires_at", until))}


def _place(lines: Sequence[Record], key: ObjectId, field: tuple[str, ...]) -> int:
    for index, line in enumerate(lines):
        if line["id"] == key:
            return index
    raise NotFoundError("there is no such line in the cart", field=field)


def _changed(context: Context, line: Record, wanted: LineChange, field: tuple[str, ...]) -> Record:
    quantity = line["quantity"] if wanted.quantity is None else wanted.quantity
    most = context.settings(OrderSettings).max_quantity
    if not 0 <= quantity <= most:
        raise QuantityError(f"a quantity is from 0 to {most}", field=(*field, "quantity"))
    note = line["note"]
    if wanted.note is not None:
        note = line_of(wanted.note, (*field, "note"), most=LONGEST_NOTE)
    return {**line, "quantity": quantity, "note": note}


def _currency(context: Context, code: str) -> str:
    if code not in context.shop.all_currencies:
        known = ", ".join(context.shop.all_currencies)
        raise NotServedError(f"the shop sells in {known}", field=("currency",))
    return code


def _country(context: Context, code: str) -> str:
    if code not in context.shop.countries:
        raise NotServedError(f"the shop doesn't deliver to {code}", field=("country",))
    return code
