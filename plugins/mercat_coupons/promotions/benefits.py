"""What a promotion takes off the lines that it is for: never more than is left of each."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import singledispatch

from mercat.money import allocate
from mercat_coupons.promotions.basket import Basket, Lines, Run, places
from mercat_coupons.promotions.values import (
    Benefit,
    BuyGet,
    FixedAmount,
    FixedPrice,
    Gift,
    Percentage,
    Promotion,
    Scope,
    Selection,
    Tier,
    Tiered,
)

Parts = dict[int, int]
"""Sums by the index of a line."""


class Reach:
    """Where a promotion works: its lines, with what is left of each in minor units."""

    def __init__(
        self, basket: Basket, lines: Lines, left: Sequence[int], seller: str | None
    ) -> None:
        self.basket = basket
        self.lines = lines
        self.left = left
        self.seller = seller

    @property
    def currency(self) -> str:
        return self.basket.cart.currency

    def share(self, amount: int) -> Parts:
        """A sum over lines in proportion to what is left of them, and no more than that."""
        where = places(self.lines)
        weights = [self.left[one] for one in where]
        amount = min(amount, sum(weights))
        if amount <= 0:
            return {}
        parts = zip(where, allocate(amount, weights), strict=True)
        return {one: part for one, part in parts if part}

    def clamp(self, parts: Iterable[tuple[int, int]]) -> Parts:
        """Sums of single lines, added up, and no more than is left of each."""
        found: Parts = {}
        for at, amount in parts:
            found[at] = found.get(at, 0) + amount
        clamped = ((at, min(amount, self.left[at])) for at, amount in found.items())
        return {at: amount for at, amount in clamped if amount > 0}

    def runs(self, *, dearest: bool) -> list[Run]:
        """Its lines by the price of one unit before anything is taken off."""
        return self.basket.runs(self.lines, dearest=dearest)


def off_lines(promotion: Promotion, reach: Reach) -> Parts:
    """What is taken off which line."""
    return _off(promotion.benefit, reach)


def off_shipping(
    promotion: Promotion, left: Mapping[str | None, int], currency: str
) -> dict[str | None, int]:
    """What is taken off the ways of which sellers, of what is left of each."""
    benefit = promotion.benefit
    whole = sum(left.values())
    if isinstance(benefit, Percentage):
        amount = _share(whole, benefit.rate)
        if benefit.at_most is not None:
            amount = min(amount, benefit.at_most[currency])
    elif isinstance(benefit, FixedAmount):
        amount = min(benefit.amounts[currency], whole)
    else:
        return {}
    if not amount:
        return {}
    parts = zip(left, allocate(amount, list(left.values())), strict=True)
    return {seller: part for seller, part in parts if part}


def ceiling(benefit: Benefit, basket: Basket, lines: Lines) -> int:
    """More than this isn't taken off lines, whatever is left of them: found without sharing it."""
    goods = basket.subtotal(lines)
    match benefit:
        case Percentage(rate=rate):
            return _share(goods, rate) + len(basket.lines)  # each may be rounded up
        case FixedAmount(target="order", amounts=amounts):
            return amounts[basket.cart.currency]
        case Tiered(tiers=tiers):
            return max(_worth(tier, goods, basket.cart.currency) for tier in tiers)
        case BuyGet(rate=rate):
            return _share(basket.subtotal(basket.all), rate) + len(basket.lines)
        case FixedPrice(amounts=amounts, quantity=size):
            price = amounts[basket.cart.currency]
            mine = (basket.lines[at] for at in places(lines))
            whole = sum(max(0, one.unit_price * size - price) * one.quantity for one in mine)
            return whole // size
    return basket.subtotal(basket.all)


@singledispatch
def _off(benefit: Benefit, reach: Reach) -> Parts:
    raise NotImplementedError(type(benefit))


@_off.register
def _percentage(benefit: Percentage, reach: Reach) -> Parts:
    if benefit.target == "cheapest":
        return reach.clamp(
            (at, _share(price * count, benefit.rate))
            for at, count, price in _first(reach.runs(dearest=False), benefit.units)
        )
    amount = _share(sum(reach.left[at] for at in places(reach.lines)), benefit.rate)
    if benefit.at_most is not None:
        amount = min(amount, benefit.at_most[reach.currency])
    return reach.share(amount)


@_off.register
def _fixed_amount(benefit: FixedAmount, reach: Reach) -> Parts:
    amount = benefit.amounts[reach.currency]
    if benefit.target == "order":
        return reach.share(amount)
    runs = reach.runs(dearest=False)
    if benefit.target == "cheapest":
        runs = _first(runs, benefit.units)
    return reach.clamp((at, min(amount, price) * count) for at, count, price in runs)


@_off.register
def _tiered(benefit: Tiered, reach: Reach) -> Parts:
    cost, count = reach.basket.subtotal(reach.lines), reach.basket.quantity(reach.lines)
    reached = [tier for tier in benefit.tiers if _is_reached(tier, cost, count, reach.currency)]
    left = sum(reach.left[at] for at in places(reach.lines))
    return reach.share(max((_worth(tier, left, reach.currency) for tier in reached), default=0))


def _is_reached(tier: Tier, cost: int, count: int, currency: str) -> bool:
    if tier.from_subtotal is not None and cost < tier.from_subtotal[currency]:
        return False
    return tier.from_quantity is None or count >= tier.from_quantity


def _worth(tier: Tier, left: int, currency: str) -> int:
    if tier.amounts is not None:
        return tier.amounts[currency]
    return _share(left, tier.rate or Fraction(0))


@_off.register
def _buy_get(benefit: BuyGet, reach: Reach) -> Parts:
    """The most often that it is possible, then the cheapest units that leave enough to be bought.

    Units that are only to be got come for nothing to what is bought; those that could be both are
    used as either.
    """
    basket = reach.basket
    buys = reach.lines if benefit.buy is None else basket.matching(benefit.buy, reach.seller)
    gets = reach.lines if benefit.get is None else basket.matching(benefit.get, reach.seller)
    only_buys, both, only_gets = (
        basket.quantity(lines) for lines in (buys & ~gets, buys & gets, gets & ~buys)
    )
    times = _times(benefit, only_buys, both, only_gets)
    spare = both - max(0, times * benefit.buy_quantity - only_buys)
    wanted, found = times * benefit.get_quantity, []
    for at, count, price in basket.runs(gets, dearest=False):
        if not wanted:
            break
        is_both = bool(buys >> at & 1)
        taken = min(count, wanted, spare if is_both else count)
        wanted -= taken
        spare -= taken if is_both else 0
        found.append((at, _share(price * taken, benefit.rate)))
    return reach.clamp(found)


def _times(benefit: BuyGet, only_buys: int, both: int, only_gets: int) -> int:
    """How often it holds: whole groups, of which no unit is bought and got."""
    buy, get = benefit.buy_quantity, benefit.get_quantity
    most = min((only_buys + both) // buy, (only_gets + both) // get)
    if benefit.most is not None:
        most = min(most, benefit.most)

    def of_both(times: int) -> int:
        return max(0, times * buy - only_buys) + max(0, times * get - only_gets)

    return bisect_right(range(most + 1), both, key=of_both) - 1


@_off.register
def _fixed_price(benefit: FixedPrice, reach: Reach) -> Parts:
    amount, size = benefit.amounts[reach.currency], benefit.quantity
    runs = reach.runs(dearest=True)
    if size == 1:
        return reach.clamp((at, max(0, price - amount) * count) for at, count, price in runs)
    if not runs or runs[0][2] * size <= amount:
        return {}
    whole = sum(count for _, count, _ in runs) // size * size
    found: list[tuple[int, int]] = []
    for bundle in _bundles(_first(runs, whole), size):
        costs = [price * count for _, count, price, _ in bundle]
        saved = sum(costs) - amount
        if saved <= 0:
            break  # nor do those behind it, as they cost no more
        parts, times = allocate(saved, costs), bundle[0][3]
        found += [(one[0], part * times) for one, part in zip(bundle, parts, strict=True)]
    return reach.clamp(found)


def _bundles(runs: Sequence[Run], size: int) -> Iterator[list[tuple[int, int, int, int]]]:
    """Runs cut into bundles of a size: their runs, and how many bundles are the same."""
    open_: list[tuple[int, int, int, int]] = []
    room = size
    for at, number, price in runs:
        count = number
        if open_:
            taken = min(count, room)
            open_.append((at, taken, price, 1))
            room, count = room - taken, count - taken
            if room:
                continue
            yield open_
            open_, room = [], size
        if count >= size:
            yield [(at, size, price, count // size)]
            count %= size
        if count:
            open_, room = [(at, count, price, 1)], size - count


@_off.register
def _gift(benefit: Gift, reach: Reach) -> Parts:
    given = gifts(benefit, reach.basket, reach.seller)
    runs = _first(reach.basket.runs(given, dearest=True), benefit.quantity)
    return reach.clamp((at, price * count) for at, count, price in runs)


def gifts(benefit: Gift, basket: Basket, seller: str | None) -> Lines:
    """The lines that have what is given away."""
    return basket.matching(Scope((Selection(variants=benefit.variants),)), seller)


def _first(runs: Iterable[Run], wanted: int) -> list[Run]:
    """The first so many units of some runs."""
    found = []
    for at, count, price in runs:
        taken = min(count, wanted)
        if not taken:
            break
        found.append((at, taken, price))
        wanted -= taken
    return found


def _share(amount: int, rate: Fraction) -> int:
    """What `mercat.money.share_of` gives for what isn't negative, without its fractions."""
    whole = 2 * rate.denominator
    return (2 * amount * rate.numerator + rate.denominator) // whole
