"""What is given of a promotion, checked, as it is stored. Every function raises InvalidError."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat.texts import line_of
from mercat_coupons.promotions.checking_benefits import amounts, benefit, count
from mercat_coupons.promotions.checking_scopes import keys, scope
from mercat_coupons.promotions.periods import end, start, time_zone
from mercat_orders.configured import checking

T = TypeVar("T")

NULLABLE = (
    "scope",
    "starts_at",
    "ends_at",
    "minimum_subtotal",
    "minimum_quantity",
    "usage_limit",
    "usage_limit_per_customer",
    "budget",
)
"""What an update takes away with null."""

_LONGEST_NAME = 200
_MOST_CUSTOMERS = 10_000
_MOST_USES = 2**31 - 1
_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(NULLABLE),
    **dict.fromkeys(("countries", "currencies", "customer_ids", "customer_group_ids"), ()),
    **dict.fromkeys(("first_order", "is_automatic"), False),
    "is_combinable": True,
    "priority": 0,
}


def checked_new(given: Mapping[str, Any], shop: ShopSettings, zone: str) -> Record:
    """All values, with those that stand for what isn't given; `zone` is that of the settings."""
    return checked({**_NOTHING, "time_zone": zone, **given}, shop, zone)


def checked(given: Mapping[str, Any], shop: ShopSettings, zone: str) -> Record:
    """Those values that are given; `zone` is that of times where none is given."""
    found = {
        _STORED.get(name, name): _CHECKS[name](value, shop)
        for name, value in given.items()
        if name in _CHECKS
    }
    if "benefit" in given:
        found["kind"], found["benefit"] = benefit(given["benefit"], shop)
    zone = found.get("time_zone", zone)
    if "starts_at" in given:
        found["starts_at"] = _optional(start)(given["starts_at"], zone, ("startsAt",))
    if "ends_at" in given:
        found["ends_at"] = _optional(end)(given["ends_at"], zone, ("endsAt",))
    return found


def _optional(check: Callable[..., T]) -> Callable[..., T | None]:
    """A check that takes None for nothing."""
    return lambda value, *arguments: None if value is None else check(value, *arguments)


def _countries(values: Sequence[str], _shop: ShopSettings) -> list[str]:
    given = {**checking.EVERYWHERE, "countries": values}
    found: list[str] = checking.area(given, ())["countries"]
    return found


def _currencies(values: Sequence[str], shop: ShopSettings) -> list[str]:
    for at, currency in enumerate(values):
        if currency not in shop.all_currencies:
            sold = ", ".join(shop.all_currencies)
            raise InvalidError(f"the shop sells in {sold} only", field=("currencies", str(at)))
    return list(dict.fromkeys(values))


def _as_given(value: Any, _shop: ShopSettings) -> Any:
    return value


def _sums(name: str) -> Callable[[Any, ShopSettings], Any]:
    return lambda value, shop: _optional(amounts)(value, shop, (name,))


def _count(name: str) -> Callable[[Any, ShopSettings], Any]:
    return lambda value, _: _optional(count)(value, (name,), _MOST_USES)


_STORED = {"customer_ids": "customers", "customer_group_ids": "groups"}
_CHECKS: Mapping[str, Callable[[Any, ShopSettings], Any]] = {
    "name": lambda value, _: line_of(value, ("name",), most=_LONGEST_NAME, least=1),
    "scope": lambda value, _: scope(value, ("scope",)),
    "time_zone": lambda value, _: time_zone(value),
    "minimum_subtotal": _sums("minimumSubtotal"),
    "minimum_quantity": _count("minimumQuantity"),
    "first_order": _as_given,
    "countries": _countries,
    "currencies": _currencies,
    "customer_ids": lambda value, _: keys(value, "User", ("customerIds",), _MOST_CUSTOMERS),
    "customer_group_ids": lambda value, _: keys(value, "CustomerGroup", ("customerGroupIds",)),
    "usage_limit": _count("usageLimit"),
    "usage_limit_per_customer": _count("usageLimitPerCustomer"),
    "budget": _sums("budget"),
    "is_automatic": _as_given,
    "is_combinable": _as_given,
    "priority": _as_given,
}
