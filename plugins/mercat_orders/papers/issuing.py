"""Issuing invoices: once for each seller's part of an order, with the next number of a series.

Invoice, number and the order's entry are written in one transaction, on condition that the order is
as it was read: whatever fails leaves no gap, and nobody is charged for what was just cancelled.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_orders.carts.personal import FIELDS
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.papers.documents import InvoiceDocument, SeriesDocument
from mercat_orders.papers.series import Series
from mercat_orders.papers.snapshots import facts_of, settings_of

INVOICED = "INVOICED"
_CONFIRMED = frozenset({"CONFIRMED", "PARTIALLY_FULFILLED", "FULFILLED", "DELIVERED", "COMPLETED"})
_SENT = frozenset({"FULFILLED", "DELIVERED", "COMPLETED"})


def invoices(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(InvoiceDocument)


def is_automatic(context: Context) -> bool:
    """Whether invoices are issued without anybody asking for them."""
    return settings_of(context).issue != "on_request"


async def follow(context: Context, order_id: str) -> None:
    """Issue what is due of an order that was placed or changed; repeating is harmless."""
    if not is_automatic(context):
        return
    order = await orders(context).find_one({"_id": ObjectId(order_id)})
    for part in order["seller_orders"] if order is not None else ():
        if order is not None and is_due(context, part):
            await issue(context, order, part["seller"])


def is_due(context: Context, part: Mapping[str, Any]) -> bool:
    """Whether a seller's part of an order has an invoice, or gets one when somebody asks."""
    sent_first = settings_of(context).issue == "fulfilled"
    return part["state"] in (_SENT if sent_first else _CONFIRMED)


async def invoice_of(context: Context, order: Record, seller: str | None) -> Record | None:
    """The invoice of a seller's part of an order, issued now where it is due; None without one."""
    found = await invoices(context).find_one({"order": order["_id"], "seller": seller})
    return found or await issue(context, order, seller)


async def issue(context: Context, order: Record, seller: str | None) -> Record | None:
    """Issue the invoice of a seller's part once; None where it isn't due. Raises ConflictError."""

    def decide(now: Record) -> Change | None:
        part = next((one for one in now["seller_orders"] if one["seller"] == seller), None)
        if part is None or not is_due(context, part) or is_invoiced(now, seller):
            return None
        draft = _draft(context, now, part)
        if not draft["facts"]["lines"]:
            return None

        async def write(session: Session) -> None:
            await _write(context, draft, session)

        return Change(Happening(INVOICED, part=part, is_internal=True), also=write)

    await change(context, order["_id"], decide)
    return await invoices(context).find_one({"order": order["_id"], "seller": seller})


def is_invoiced(order: Mapping[str, Any], seller: str | None) -> bool:
    """Whether the order's timeline has the invoice of that seller's part."""
    return any(one["kind"] == INVOICED and one["seller"] == seller for one in order["timeline"])


def _draft(context: Context, order: Record, part: Record) -> Record:
    now = datetime.now(UTC)
    settings, seller = settings_of(context), part["seller"]
    issuer = seller if seller in settings.sellers else ""
    facts = facts_of(context, order, part, now)
    day = date.fromisoformat(facts["issued_on"])
    series = Series.of(issuer, settings.format_of(seller), settings.code_of(seller), day)
    return {
        "order": order["_id"],
        "seller": seller,
        "issuer": issuer,
        "series": series,
        "issued_at": now,
        "facts": facts,
        **{name: order[name] for name in FIELDS},
    }


async def _write(context: Context, draft: Record, session: Session) -> None:
    series: Series = draft["series"]
    number = await _next(context, series, session)
    named = {"series": series.key, "number": number, "code": series.written(number)}
    await invoices(context).insert_one({**draft, **named, "_id": ObjectId()}, session=session)


async def _next(context: Context, series: Series, session: Session) -> int:
    """The next number of a series; it is nobody's where the transaction fails."""
    record: Any = await context.storage.collection(SeriesDocument).find_one_and_update(
        {"_id": series.key},
        {"$inc": {"last": 1}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    number: int = record["last"]
    return number
