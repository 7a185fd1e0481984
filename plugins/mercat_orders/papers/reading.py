"""Papers of orders, for who may see them: the buyer, staff, and a seller for their own part."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.ids import object_id
from mercat.storage import Record
from mercat_orders.carts.personal import Personal, personal_of
from mercat_orders.orders.access import orders
from mercat_orders.orders.quantities import wanted
from mercat_orders.orders.sight import Sight, sight_of
from mercat_orders.papers import layouts
from mercat_orders.papers.issuing import invoice_of
from mercat_orders.papers.printing import press_of
from mercat_orders.papers.snapshots import article_of, day_of, issuer_facts, settings_of

_MISSING = "there is no such paper"
_CODE = re.compile(r"[0-9A-Za-z-]{1,20}\Z")


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF, and what a file of it is called, without its ending."""

    name: str
    pdf: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of which order, by the order's number, and the secret that a guest has.

    Without `seller` it is the shop's own part, or the only one that the viewer sees.
    """

    number: str
    seller: str | None = None
    secret: str | None = None


async def invoice(context: Context, which: Wanted) -> Paper:
    """The invoice of a seller's part of an order, issued now where it is due.

    Raises NotFoundError, ConflictError, BusyError and PrintingError.
    """
    order, part = await _found(context, which)
    stored = await invoice_of(context, order, part["seller"])
    if stored is None:
        raise NotFoundError(_MISSING)
    personal = _plain(await personal_of(context, stored))
    paper = await asyncio.to_thread(layouts.invoice, stored["code"], stored["facts"], personal)
    pdf = await press_of(context).print("invoice", paper, stored["issued_at"])
    return Paper(f"invoice-{stored['code']}", pdf)


async def packing_slip(context: Context, which: Wanted, fulfilment: str | None = None) -> Paper:
    """What goes into a parcel, by its global id, or all that is sent of a seller's part.

    Raises NotFoundError, InvalidError, BusyError and PrintingError.
    """
    order, part = await _found(context, which)
    if part["state"] == "CANCELLED":
        raise NotFoundError(_MISSING)
    facts = _slip_facts(context, order, part, _parcel(part, fulfilment))
    personal = _plain(await personal_of(context, order))
    paper = await asyncio.to_thread(layouts.packing_slip, facts, personal)
    pdf = await press_of(context).print("packing_slip", paper, datetime.now(UTC))
    return Paper(f"packing-slip-{order['code']}", pdf)


async def _found(context: Context, which: Wanted) -> tuple[Record, Record]:
    if _CODE.match(which.number) is None:
        raise NotFoundError(_MISSING)
    order: Record | None = await orders(context).find_one({"code": which.number.upper()})
    seen = None if order is None else await sight_of(context, order, which.secret)
    if order is None or seen is None:
        raise NotFoundError(_MISSING)
    return order, _part(order, seen, which.seller)


def _part(order: Record, seen: Sight, seller: str | None) -> Record:
    parts = {part["seller"]: part for part in order["seller_orders"]}
    if not seen.is_whole:
        parts = {key: part for key, part in parts.items() if key == seen.seller}
    if seller is None and len(parts) == 1:
        return next(iter(parts.values()))
    if seller not in parts:
        raise NotFoundError(_MISSING)
    found: Record = parts[seller]
    return found


def _plain(personal: Personal) -> dict[str, Any]:
    return asdict(personal)


def _parcel(part: Mapping[str, Any], fulfilment: str | None) -> Record | None:
    if fulfilment is None:
        return None
    key = object_id(fulfilment, "Fulfilment")
    for parcel in part["fulfilments"]:
        if parcel["id"] == key and parcel["state"] != "CANCELLED":
            found: Record = parcel
            return found
    raise NotFoundError(_MISSING)


def _ready(line: Record) -> int:
    """How many of a line are sent, as far as that is known now."""
    return 0 if line.get("waits") else wanted(line)


def _slip_facts(
    context: Context, order: Record, part: Record, parcel: Record | None
) -> dict[str, Any]:
    settings = settings_of(context)
    in_it = None if parcel is None else {one["line"]: one["quantity"] for one in parcel["lines"]}
    lines = [
        {**article_of(line), "quantity": quantity}
        for line in order["lines"]
        if line["seller"] == part["seller"]
        and (quantity := _ready(line) if in_it is None else in_it.get(line["id"], 0))
    ]
    return {
        "locale": order["locale"],
        "order": order["code"],
        "ordered_on": day_of(settings, order["placed_at"]),
        "issuer": issuer_facts(context, settings.issuer_of(part["seller"])),
        "way": part["way"]["name"] if part["way"] else "",
        "carrier": parcel["carrier"] if parcel else "",
        "tracking": parcel["tracking_number"] if parcel else "",
        "lines": lines,
    }
