"""What is given of a benefit, checked, as it is stored. Every function raises InvalidError."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from strawberry import UNSET

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_coupons.promotions.checking_scopes import keys, scope
from mercat_orders.configured import checking
from mercat_products.values import input_name

Field = tuple[str, ...]

_PERCENTAGE = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,20})?")
_DIGITS = 4
_ALL = 100
_MOST_TIERS = 50
_MOST_UNITS = 1_000_000
_MOST_GIFTS = 250


def benefit(
    given: Mapping[str, Any], shop: ShopSettings, field: Field = ("benefit",)
) -> tuple[str, Record]:
    """The kind of a benefit, and what that kind needs."""
    ((kind, value),) = (
        (name, value) for name, value in given.items() if value is not UNSET and value is not None
    )
    return kind, _CHECKS[kind](value, shop, (*field, input_name(kind)))


def amounts(given: Sequence[Mapping[str, Any]], shop: ShopSettings, field: Field) -> dict[str, int]:
    """Sums of more than nothing, by currency."""
    found = checking.amounts(given, shop, field, least=1)
    for at, minor in enumerate(found.values()):
        if not minor:
            raise InvalidError(
                "this can't be nothing: give a sum, or leave it out",
                field=(*field, str(at), "amount"),
            )
    return found


def count(given: int, field: Field, most: int = _MOST_UNITS) -> int:
    """A number of things, 1 at least."""
    if not 1 <= given <= most:
        raise InvalidError(f"this is from 1 to {most:,}", field=field)
    return given


def _rate(given: str, field: Field) -> str:
    """A percentage as a rate, such as `0.125` of `12.5`."""
    text = given.strip()
    if not _PERCENTAGE.fullmatch(text):
        raise InvalidError("give a percentage such as 12.5", field=field)
    value = Decimal(text).normalize()
    if value <= 0:
        raise InvalidError("a percentage is more than 0", field=field)
    if value > _ALL:
        raise InvalidError(
            "more than 100 % can't be taken off; with 100 it costs nothing", field=field
        )
    if -int(value.as_tuple().exponent) > _DIGITS:
        raise InvalidError(f"a percentage has up to {_DIGITS} digits after the point", field=field)
    return f"{value / _ALL:f}"


def _at_most(
    given: Sequence[Mapping[str, Any]] | None, shop: ShopSettings, field: Field
) -> dict[str, int] | None:
    return None if given is None else amounts(given, shop, (*field, "atMost"))


def _units(given: int, target: str, field: Field) -> int:
    if target != "cheapest" and given != 1:
        raise InvalidError("this goes with the target CHEAPEST", field=(*field, "units"))
    return count(given, (*field, "units"))


def _percentage(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    target = given["target"].value
    if target == "cheapest" and given["at_most"] is not None:
        raise InvalidError("this doesn't go with the target CHEAPEST", field=(*field, "atMost"))
    return {
        "target": target,
        "rate": _rate(given["percentage"], (*field, "percentage")),
        "at_most": _at_most(given["at_most"], shop, field),
        "units": _units(given["units"], target, field),
    }


def _fixed_amount(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    target = given["target"].value
    return {
        "target": target,
        "amounts": amounts(given["amounts"], shop, (*field, "amounts")),
        "units": _units(given["units"], target, field),
    }


def _free_shipping(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    return {"at_most": _at_most(given["at_most"], shop, field)}


def _buy_get(given: Mapping[str, Any], _shop: ShopSettings, field: Field) -> Record:
    most = given["most_times"]
    return {
        "buy_quantity": count(given["buy_quantity"], (*field, "buyQuantity")),
        "get_quantity": count(given["get_quantity"], (*field, "getQuantity")),
        "rate": _rate(given["percentage"], (*field, "percentage")),
        "most": None if most is None else count(most, (*field, "mostTimes")),
        **{
            name: None if given[name] is None else scope(given[name], (*field, name))
            for name in ("buy", "get")
        },
    }


def _fixed_price(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    return {
        "amounts": amounts(given["amounts"], shop, (*field, "amounts")),
        "quantity": count(given["quantity"], (*field, "quantity")),
    }


def _gift(given: Mapping[str, Any], _shop: ShopSettings, field: Field) -> Record:
    at = (*field, "variantIds")
    variants = keys(given["variant_ids"], "ProductVariant", at, _MOST_GIFTS)
    if not variants:
        raise InvalidError("name a variant at least", field=at)
    return {"variants": variants, "quantity": count(given["quantity"], (*field, "quantity"))}


def _tiered(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    at = (*field, "tiers")
    if not 1 <= len(given["tiers"]) <= _MOST_TIERS:
        raise InvalidError(f"give 1 to {_MOST_TIERS} tiers", field=at)
    tiers = [_tier(one, shop, (*at, str(index))) for index, one in enumerate(given["tiers"])]
    for index, (before, tier) in enumerate(pairwise(tiers), start=1):
        _check_rising(before, tier, (*at, str(index)))
    return {"tiers": tiers}


def _tier(given: Mapping[str, Any], shop: ShopSettings, field: Field) -> Record:
    subtotal, quantity = given["from_subtotal"], given["from_quantity"]
    rate, sums = given["percentage"], given["amounts"]
    if subtotal is None and quantity is None:
        raise InvalidError("say from what subtotal or from how many units on", field=field)
    if (rate is None) == (sums is None):
        raise InvalidError("give either a percentage or amounts", field=field)
    return {
        "from_subtotal": _given(amounts, subtotal, shop, (*field, "fromSubtotal")),
        "from_quantity": None if quantity is None else count(quantity, (*field, "fromQuantity")),
        "rate": None if rate is None else _rate(rate, (*field, "percentage")),
        "amounts": _given(amounts, sums, shop, (*field, "amounts")),
    }


def _given(
    check: Callable[[Any, ShopSettings, Field], dict[str, int]],
    value: Any,
    shop: ShopSettings,
    field: Field,
) -> dict[str, int] | None:
    return None if value is None else check(value, shop, field)


def _check_rising(before: Record, tier: Record, field: Field) -> None:
    """Refuse a tier that begins no later than the one before it, or that gives no more."""
    for name in ("from_subtotal", "from_quantity"):
        if (before[name] is None) != (tier[name] is None):
            raise InvalidError(
                "all tiers begin at a subtotal, or all at a quantity, or all at both",
                field=(*field, input_name(name)),
            )
    begins, began = _threshold(tier), _threshold(before)
    if begins.keys() != began.keys():
        raise InvalidError(
            f"all tiers have the same currencies: {', '.join(before['from_subtotal'])}",
            field=(*field, "fromSubtotal"),
        )
    if not _is_more(begins, began):
        name = "fromSubtotal" if tier["from_subtotal"] else "fromQuantity"
        raise InvalidError("each tier begins later than the one before it", field=(*field, name))
    _check_gives_more(before, tier, field)


def _check_gives_more(before: Record, tier: Record, field: Field) -> None:
    if (before["rate"] is None) != (tier["rate"] is None):
        return  # which is more depends on the cart
    if tier["rate"] is not None:
        if Decimal(tier["rate"]) <= Decimal(before["rate"]):
            raise InvalidError(
                "each tier takes off more than the one before it", field=(*field, "percentage")
            )
    elif tier["amounts"].keys() != before["amounts"].keys():
        raise InvalidError(
            f"all tiers have the same currencies: {', '.join(before['amounts'])}",
            field=(*field, "amounts"),
        )
    elif not _is_more(tier["amounts"], before["amounts"]):
        raise InvalidError(
            "each tier takes off more than the one before it", field=(*field, "amounts")
        )


def _threshold(tier: Record) -> dict[str, int]:
    """From where on it holds: sums by currency, and the quantity."""
    quantity = tier["from_quantity"]
    return {**(tier["from_subtotal"] or {}), **({} if quantity is None else {"": quantity})}


def _is_more(found: Mapping[str, int], before: Mapping[str, int]) -> bool:
    """Whether none of it is less, and something is more in every currency."""
    if any(found[name] < before[name] for name in found):
        return False
    sums = [name for name in found if name]
    is_dearer = bool(sums) and all(found[one] > before[one] for one in sums)
    return is_dearer or found.get("", 0) > before.get("", 0)


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], ShopSettings, Field], Record]] = {
    "percentage": _percentage,
    "fixed_amount": _fixed_amount,
    "free_shipping": _free_shipping,
    "buy_get": _buy_get,
    "tiered": _tiered,
    "fixed_price": _fixed_price,
    "gift": _gift,
}
