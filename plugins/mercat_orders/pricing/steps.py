"""The steps: prices, discounts, shipping, discounts of shipping, taxes. Nothing here asks anybody.

Each takes what the one before it gave, and what the plugins said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from mercat.checkout import (
    Cart,
    Destination,
    Discount,
    Parcel,
    PriceAdjustment,
    ShippingOption,
    Tax,
    Taxable,
    TaxAnswer,
)
from mercat.money import allocate, share_of
from mercat_orders.pricing.values import (
    Adjustment,
    AdjustmentKind,
    LineCost,
    Quote,
    ShippingCost,
)

Cost = TypeVar("Cost", LineCost, ShippingCost)


def priced(cart: Cart, adjustments: Iterable[PriceAdjustment]) -> Quote:
    """The cart at its prices, adjusted; of two adjustments of a line the later one holds."""
    chosen = {one.line: one for one in adjustments}
    lines = []
    for line in cart.lines:
        other = chosen.get(line.id)
        if other is None or other.unit_price == line.unit_price:
            lines.append(LineCost(line))
            continue
        changed = replace(line, unit_price=max(0, other.unit_price))
        difference = changed.price - line.price
        why = Adjustment(
            "price", other.label, other.source, difference, line.id, line.seller, is_included=True
        )
        lines.append(LineCost(changed, (why,)))
    return Quote(replace(cart, lines=tuple(cost.line for cost in lines)), tuple(lines))


def discounted(quote: Quote, discounts: Sequence[Discount]) -> Quote:
    """The lines with what is taken off: first of lines, then of the order."""
    lines = quote.lines
    for discount in discounts:
        if discount.target == "lines":
            lines = _taken_off_lines(lines, discount, "line_discount")
    for discount in discounts:
        if discount.target == "order":
            lines = _taken_off_lines(lines, discount, "order_discount")
    return replace(quote, lines=lines)


def parcels(quote: Quote, destination: Destination) -> tuple[Parcel, ...]:
    """One parcel a seller."""
    found = []
    for seller in quote.sellers:
        mine = [cost for cost in quote.lines if cost.line.seller == seller]
        found.append(
            Parcel(
                seller,
                tuple(cost.line for cost in mine),
                quote.cart.currency,
                sum(cost.left for cost in mine),
                sum((cost.line.weight or 0) * cost.line.quantity for cost in mine),
                destination,
            )
        )
    return tuple(found)


def shipped(
    quote: Quote,
    options: Sequence[tuple[Parcel, Sequence[ShippingOption]]],
    chosen: Mapping[str | None, str],
    *,
    takes_cheapest: bool = False,
) -> Quote:
    """With the chosen way of each parcel; the only one, or the cheapest, where none is chosen."""
    costs = []
    for parcel, ways in options:
        option = _chosen(ways, chosen.get(parcel.seller), takes_cheapest=takes_cheapest)
        why: tuple[Adjustment, ...] = ()
        if option is not None:
            why = (
                Adjustment(
                    "shipping", option.name, option.source, option.price, None, parcel.seller
                ),
            )
        costs.append(ShippingCost(parcel, tuple(ways), option, why))
    return replace(quote, shipping=tuple(costs))


def shipping_discounted(quote: Quote, discounts: Sequence[Discount]) -> Quote:
    """With what is taken off shipping."""
    costs = quote.shipping
    for discount in discounts:
        if discount.target == "shipping":
            at = [
                index
                for index, cost in enumerate(costs)
                if not discount.sellers or cost.parcel.seller in discount.sellers
            ]
            costs = _taken_off(costs, at, discount, "shipping_discount")
    return replace(quote, shipping=costs)


def taxables(quote: Quote) -> tuple[Taxable, ...]:
    """What is taxed: each line and each parcel's shipping, after discounts."""
    lines = [
        Taxable(cost.line.id, "line", cost.left, cost.line.tax_class, cost.line.seller)
        for cost in quote.lines
    ]
    ways = [
        Taxable(
            _shipping_id(cost), "shipping", cost.left, cost.option.tax_class, cost.parcel.seller
        )
        for cost in quote.shipping
        if cost.option is not None
    ]
    return (*lines, *ways)


def taxed(quote: Quote, answer: TaxAnswer) -> Quote:
    """With the taxes: each is rounded once, and shared over what it is on."""
    left = {item.id: item.amount for item in taxables(quote)}
    rates: dict[str, Fraction] = {}
    for tax in answer.taxes:
        for item in tax.items:
            rates[item] = rates.get(item, Fraction(0)) + Fraction(tax.rate)
    why: dict[str, list[Adjustment]] = {item: [] for item in left}
    for tax in answer.taxes:
        for item, amount in _shares(tax, left, rates, included=answer.included):
            why[item].append(
                Adjustment("tax", tax.label, tax.source, amount, is_included=answer.included)
            )
    return replace(
        quote,
        lines=tuple(cost.because(why[cost.line.id]) for cost in quote.lines),
        shipping=tuple(cost.because(why.get(_shipping_id(cost), ())) for cost in quote.shipping),
        tax_included=answer.included,
    )


def _shares(
    tax: Tax, left: Mapping[str, int], rates: Mapping[str, Fraction], *, included: bool
) -> list[tuple[str, int]]:
    """What of a tax falls on each of its items."""
    items = [item for item in tax.items if item in left]
    if tax.amounts:
        given = dict(zip(tax.items, tax.amounts, strict=True))
        return [(item, given[item]) for item in items]
    groups: dict[Fraction, list[str]] = {}
    for item in items:  # included taxes are shares of what is left of the sum with all of them
        groups.setdefault(1 + rates[item] if included else Fraction(1), []).append(item)
    found: list[tuple[str, int]] = []
    for divisor, members in groups.items():
        amounts = [left[item] for item in members]
        whole = share_of(sum(amounts), Fraction(tax.rate) / divisor)
        found += zip(members, allocate(whole, amounts), strict=True)
    return found


def _taken_off_lines(
    lines: tuple[LineCost, ...], discount: Discount, kind: AdjustmentKind
) -> tuple[LineCost, ...]:
    at = [
        index
        for index, cost in enumerate(lines)
        if (not discount.lines or cost.line.id in discount.lines)
        and (not discount.sellers or cost.line.seller in discount.sellers)
    ]
    if discount.amounts:
        told = dict(zip(discount.lines, discount.amounts, strict=True))
        parts = [max(0, min(told[lines[index].line.id], lines[index].left)) for index in at]
        return _with_parts(lines, at, parts, discount, kind)
    return _taken_off(lines, at, discount, kind)


def _taken_off(
    costs: tuple[Cost, ...], at: Sequence[int], discount: Discount, kind: AdjustmentKind
) -> tuple[Cost, ...]:
    """A discount shared over some of the costs, in proportion to what is left of each."""
    weights = [costs[index].left for index in at]
    amount = _worth(discount, sum(weights))
    return _with_parts(costs, at, allocate(amount, weights), discount, kind) if amount else costs


def _with_parts(
    costs: tuple[Cost, ...],
    at: Sequence[int],
    parts: Sequence[int],
    discount: Discount,
    kind: AdjustmentKind,
) -> tuple[Cost, ...]:
    changed = list(costs)
    for index, part in zip(at, parts, strict=True):
        if part:
            why = Adjustment(kind, discount.label, discount.source, -part)
            changed[index] = costs[index].because([replace(why, borne_by=discount.borne_by)])
    return tuple(changed)


def _worth(discount: Discount, left: int) -> int:
    """What a discount takes off what is left: nothing below zero, and not more than there is."""
    if discount.amount is not None:
        wanted = discount.amount
    else:
        wanted = share_of(left, discount.rate or Fraction(0))
    if discount.at_most is not None:
        wanted = min(wanted, discount.at_most)
    return max(0, min(wanted, left))


def _chosen(
    ways: Sequence[ShippingOption], wanted: str | None, *, takes_cheapest: bool
) -> ShippingOption | None:
    if wanted is None and takes_cheapest:
        return min(ways, key=lambda way: way.price, default=None)
    if wanted is None:
        return ways[0] if len(ways) == 1 else None
    return next((way for way in ways if way.id == wanted), None)


def _shipping_id(cost: ShippingCost) -> str:
    return f"shipping:{cost.parcel.seller or ''}"
