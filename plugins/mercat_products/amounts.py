"""Prices that callers give, checked; see `values`."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat.errors import InvalidError
from mercat.money import parse_amount
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_products.values import Field

_MOST_BREAKS = 20


def prices(values: Sequence[Mapping[str, Any]], shop: ShopSettings, field: Field) -> list[Record]:
    """One price for each currency of the shop at most; amounts as decimal strings."""
    found: dict[str, Record] = {}
    for i, value in enumerate(values):
        at = (*field, str(i))
        currency = value.get("currency") or shop.currency
        if currency not in shop.all_currencies:
            sold = ", ".join(shop.all_currencies)
            raise InvalidError(f"the shop sells in {sold} only", field=(*at, "currency"))
        if currency in found:
            raise InvalidError(f"there are two prices in {currency}", field=(*at, "currency"))
        found[currency] = _price(value, currency, at)
    return list(found.values())


def _price(value: Mapping[str, Any], currency: str, field: Field) -> Record:
    compare_at = value.get("compare_at")
    amount = _amount(value["amount"], currency, (*field, "amount"))
    at = (*field, "compareAt")
    before = None if compare_at is None else _amount(compare_at, currency, at)
    if before is not None and before <= amount:
        raise InvalidError("what it used to cost must be more than what it costs", field=at)
    return {
        "currency": currency,
        "amount": amount,
        "compare_at": before,
        "breaks": _breaks(value.get("breaks") or (), amount, currency, (*field, "breaks")),
    }


def _amount(value: str, currency: str, field: Field) -> int:
    found = parse_amount(value, currency, field).minor
    if found < 0:
        raise InvalidError("a price can't be negative", field=field)
    return found


def _breaks(
    values: Sequence[Mapping[str, Any]], amount: int, currency: str, field: Field
) -> list[Record]:
    """Prices of larger quantities, each lower than that of the quantity before."""
    if len(values) > _MOST_BREAKS:
        raise InvalidError(f"there may be {_MOST_BREAKS} quantity breaks at most", field=field)
    found: list[Record] = []
    least, most = 2, amount
    for i, value in enumerate(values):
        at = (*field, str(i))
        quantity = value["quantity"]
        price = _amount(value["amount"], currency, (*at, "amount"))
        if quantity < least:
            raise InvalidError(
                "quantities begin at 2, and each is larger than the one before",
                field=(*at, "quantity"),
            )
        if price >= most:
            raise InvalidError("more must cost less a piece", field=(*at, "amount"))
        found.append({"quantity": quantity, "amount": price})
        least, most = quantity + 1, price
    return found
