"""A cart as an order: what was agreed to, frozen."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.money import share_of
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat_orders.carts.views import CartView, LineView
from mercat_orders.pricing.quotes import digest_of
from mercat_orders.pricing.values import Adjustment, LineCost, ShippingCost, Totals
from mercat_orders.settings import OrderSettings

_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXYZ"  # no vowels, and nothing that looks like something else
_LENGTH = 8
_BASIS = 10_000


def order_code() -> str:
    """Such as `K7TX-3M9P`: one of 29**8, so that nobody guesses one that exists."""
    found = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{found[:4]}-{found[4:]}"


def frozen(context: Context, view: CartView, *, on_behalf: bool = False) -> Record:
    """The order that a cart becomes, if all goes well; not stored yet, and without a number.

    Whoever orders a cart of nobody has the order, but for staff who do so `on_behalf` of somebody.
    """
    cart, quote, now = view.record, view.quote, stored_now()
    return {
        "_id": ObjectId(),
        "code": order_code(),
        "cart": cart["_id"],
        "user": cart["user"] or _buyer(context, cart, on_behalf=on_behalf),
        "guest": cart["guest"],
        "state": "PLACING",
        "currency": cart["currency"],
        "country": cart["country"],
        "locale": context.locale,
        "tax_included": quote.tax_included,
        "lines": [frozen_line(line, line.cost) for line in view.lines if line.cost is not None],
        "seller_orders": [_seller_order(context, view, seller) for seller in quote.sellers],
        "sums": _sums(quote.totals),
        "quote": digest_of(quote, view.tenders),
        "email": cart["email"],
        "phone": cart["phone"],
        "shipping_address": cart["shipping_address"],
        "billing_address": cart["billing_address"],
        "email_digest": encryption_of(context).digest(view.personal.email or ""),
        "payment": None,
        "further_payments": [],
        "request": None,
        "asked": None,
        "failure": None,
        "timeline": [],
        "terms_accepted_at": None,
        "begun_at": now,
        "placed_at": None,
        "updated_at": now,
        "version": 1,
    }


def _buyer(context: Context, cart: Record, *, on_behalf: bool) -> str | None:
    return None if on_behalf or cart["guest"] else context.viewer.user


def frozen_line(view: LineView, cost: LineCost) -> Record:
    """A line of an order, as it costs now."""
    line, stored = cost.line, view.record
    return {
        "id": stored["id"],
        "seller": line.seller,
        "variant": ObjectId(line.variant_id),
        "product": ObjectId(line.product_id),
        "sku": line.sku,
        "name": line.name,
        "brand": line.brand,
        "groups": list(line.groups),
        "options": stored["options"],
        "note": stored["note"],
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "compare_at": line.compare_at,
        "tax_class": line.tax_class,
        "weight": line.weight,
        **_costs(cost),
        "cancelled": 0,
        "fulfilled": 0,
        "delivered": 0,
        "returned": 0,
        "waits": False,
        "exchange": None,
    }


def _costs(cost: LineCost | ShippingCost) -> Record:
    return {
        "subtotal": cost.subtotal,
        "discount": cost.discount,
        "tax": cost.tax,
        "total": cost.total,
        "adjustments": _stored(cost.adjustments),
    }


def _stored(adjustments: Sequence[Adjustment]) -> list[dict[str, Any]]:
    return [asdict(one) for one in adjustments]


def _seller_order(context: Context, view: CartView, seller: str | None) -> Record:
    found = view.quote.of_seller(seller)
    costs = [cost for cost in view.quote.shipping if cost.parcel.seller == seller]
    rate = context.settings(OrderSettings).commission_of(seller)
    return {
        "id": ObjectId(),
        "seller": seller,
        "state": "PLACING",
        "way": _way(costs[0]) if costs else None,
        "sums": _sums(found),
        "commission_rate": rate,
        "commission": _commission(view, seller, rate),
        "fulfilments": [],
    }


def _commission(view: CartView, seller: str | None, rate: int) -> int:
    """What the shop keeps of what the lines cost; what it gives away is no loss of the seller's."""
    worth = sum(
        cost.subtotal - _borne_by_seller(cost)
        for cost in view.quote.lines
        if cost.line.seller == seller
    )
    return share_of(worth, Fraction(rate, _BASIS))


def _borne_by_seller(cost: LineCost) -> int:
    return -sum(
        one.amount
        for one in cost.adjustments
        if one.kind in ("line_discount", "order_discount") and one.borne_by == "seller"
    )


def _way(cost: ShippingCost) -> Record | None:
    if cost.option is None:
        return None
    days = cost.option.days
    return {
        "option": cost.option.id,
        "name": cost.option.name,
        **_costs(cost),
        "days": None if days is None else list(days),
    }


def _sums(found: Totals) -> dict[str, int]:
    return {
        "subtotal": found.subtotal,
        "discounts": found.discounts,
        "shipping": found.shipping,
        "tax": found.tax,
        "total": found.total,
    }
