"""Promotions of what is stored of them."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from mercat.storage import Record
from mercat_coupons.promotions.values import (
    Benefit,
    BuyGet,
    Conditions,
    FixedAmount,
    FixedPrice,
    Gift,
    Limits,
    Percentage,
    Promotion,
    Scope,
    Selection,
    Tier,
    Tiered,
)

_EVERYTHING = Scope()


def to_promotion(record: Record) -> Promotion:
    """The promotion that a record stands for."""
    return Promotion(
        id=str(record["_id"]),
        name=record["name"],
        benefit=_BENEFITS[record["kind"]](record["benefit"]),
        scope=_scope(record["scope"]),
        conditions=_conditions(record),
        limits=Limits(record["usage_limit"], record["usage_limit_per_customer"], record["budget"]),
        is_automatic=record["is_automatic"],
        is_active=record["status"] == "active",
        is_combinable=record["is_combinable"],
        priority=record["priority"],
        seller=record["seller"],
        borne_by=record["borne_by"],
    )


def _conditions(record: Record) -> Conditions:
    return Conditions(
        starts_at=record["starts_at"],
        ends_at=record["ends_at"],
        minimum_subtotal=record["minimum_subtotal"],
        minimum_quantity=record["minimum_quantity"],
        first_order=record["first_order"],
        countries=frozenset(record["countries"]),
        currencies=frozenset(record["currencies"]),
        customers=frozenset(record["customers"]),
        groups=frozenset(record["groups"]),
    )


def _scope(stored: Record) -> Scope:
    if not any(stored.values()):
        return _EVERYTHING
    return Scope(
        include=tuple(map(_selection, stored["include"])),
        exclude=tuple(map(_selection, stored["exclude"])),
        excludes_reduced=stored["excludes_reduced"],
    )


def _selection(stored: Record) -> Selection:
    return Selection(
        products=frozenset(stored["products"]),
        variants=frozenset(stored["variants"]),
        categories=frozenset(stored["categories"]),
        brands=frozenset(stored["brands"]),
        sellers=frozenset(stored["sellers"]),
        attributes=frozenset((key, value) for key, value in stored["attributes"]),
    )


def _percentage(stored: Record) -> Percentage:
    return Percentage(
        target=stored["target"],
        rate=Fraction(stored["rate"]),
        at_most=stored.get("at_most"),
        units=stored.get("units", 1),
    )


def _fixed_amount(stored: Record) -> FixedAmount:
    return FixedAmount(stored["target"], stored["amounts"], stored.get("units", 1))


def _free_shipping(stored: Record) -> Percentage:
    return Percentage("shipping", Fraction(1), stored.get("at_most"))


def _buy_get(stored: Record) -> BuyGet:
    buy, get = stored.get("buy"), stored.get("get")
    return BuyGet(
        buy_quantity=stored["buy_quantity"],
        get_quantity=stored["get_quantity"],
        rate=Fraction(stored.get("rate", "1")),
        buy=None if buy is None else _scope(buy),
        get=None if get is None else _scope(get),
        most=stored.get("most"),
    )


def _tiered(stored: Record) -> Tiered:
    return Tiered(tuple(map(_tier, stored["tiers"])))


def _tier(stored: Record) -> Tier:
    rate = stored.get("rate")
    return Tier(
        from_subtotal=stored.get("from_subtotal"),
        from_quantity=stored.get("from_quantity"),
        rate=None if rate is None else Fraction(rate),
        amounts=stored.get("amounts"),
    )


def _fixed_price(stored: Record) -> FixedPrice:
    return FixedPrice(stored["amounts"], stored.get("quantity", 1))


def _gift(stored: Record) -> Gift:
    return Gift(frozenset(stored["variants"]), stored.get("quantity", 1))


_BENEFITS: Mapping[str, Callable[[Any], Benefit]] = {
    "percentage": _percentage,
    "fixed_amount": _fixed_amount,
    "free_shipping": _free_shipping,
    "buy_get": _buy_get,
    "tiered": _tiered,
    "fixed_price": _fixed_price,
    "gift": _gift,
}
