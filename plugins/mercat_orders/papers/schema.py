from collections.abc import Sequence
from urllib.parse import quote, urlencode

from mercat.context import Context
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import extend
from mercat.graphql.scalars import URL
from mercat.storage import Record
from mercat_orders.orders.access import secret_of
from mercat_orders.orders.sight import is_staff
from mercat_orders.orders.types.orders import Order, SellerOrder
from mercat_orders.papers.issuing import is_due, is_invoiced


async def _invoice_urls(parts: Sequence[SellerOrder], info: Info) -> list[URL | None]:
    return [
        await _url(info.context, one.whole, one.record, "invoice", is_whole=one.is_whole)
        if _has_invoice(info.context, one.whole, one.record)
        else None
        for one in parts
    ]


async def _slip_urls(parts: Sequence[SellerOrder], info: Info) -> list[URL | None]:
    return [
        None
        if one.record["state"] == "CANCELLED"
        else await _url(info.context, one.whole, one.record, "packing-slip", is_whole=one.is_whole)
        for one in parts
    ]


async def _only_invoice_urls(orders: Sequence[Order], info: Info) -> list[URL | None]:
    found = []
    for order in orders:
        parts = order.record["seller_orders"]
        has_one = len(parts) == 1 and _has_invoice(info.context, order.record, parts[0])
        found.append(
            await _url(info.context, order.record, parts[0], "invoice", is_whole=True)
            if has_one
            else None
        )
    return found


def _has_invoice(context: Context, order: Record, part: Record) -> bool:
    return is_due(context, part) or is_invoiced(order, part["seller"])


async def _url(context: Context, order: Record, part: Record, paper: str, *, is_whole: bool) -> URL:
    """Where a paper is, with the secret for a guest who has nothing else to show."""
    asked = {"seller": part["seller"]} if part["seller"] is not None else {}
    if is_whole and order["user"] is None and not await is_staff(context, order):
        asked["secret"] = secret_of(context, order)
    query = f"?{urlencode(asked)}" if asked else ""
    return URL(f"/orders/{quote(order['code'], safe='')}/{paper}.pdf{query}")


@extend(SellerOrder)
class SellerOrderPapers:
    invoice_url = batched(
        "Where its invoice is, as PDF, on this server; null while it has none.", _invoice_urls
    )
    packing_slip_url = batched(
        "Where its packing slip is, as PDF, on this server; `fulfilment=` and the id of a parcel"
        " make it that one's. Null where it is cancelled.",
        _slip_urls,
    )


@extend(Order)
class OrderPapers:
    invoice_url = batched(
        "Where its invoice is, as PDF, on this server; null while it has none, and where there is"
        " one for each of several sellers.",
        _only_invoice_urls,
    )
