"""Which promotions hold for a cart, and what each takes off which line. Nothing here asks anybody.

Those of lines come first, then those of the order, then those of delivery; of each kind those with
a higher priority first. Each takes its share of what the ones before it have left.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mercat.checkout import Cart
from mercat_coupons.promotions.basket import Basket, Lines, places
from mercat_coupons.promotions.benefits import (
    Parts,
    Reach,
    ceiling,
    gifts,
    off_lines,
    off_shipping,
)
from mercat_coupons.promotions.counters import of_promotion
from mercat_coupons.promotions.holding import is_current, refused, unmet
from mercat_coupons.promotions.values import (
    Candidate,
    Facts,
    Gift,
    Outcome,
    Promotion,
    Refusal,
    Taken,
    Target,
    Why,
)

Choice = Literal["best", "priority"]

_STAGES = {"lines": 0, "cheapest": 0, "order": 1, "shipping": 2}
_BEATEN = Why(Refusal.BEATEN)


@dataclass(frozen=True, slots=True)
class _Holding:
    """A candidate that nothing is against, with the lines that it is for."""

    candidate: Candidate
    lines: Lines

    @property
    def promotion(self) -> Promotion:
        return self.candidate.promotion


@dataclass(frozen=True, slots=True)
class _Part:
    """What one takes off: sums by the index of a line, and by the seller of a parcel."""

    holding: _Holding
    lines: Parts
    shipping: dict[str | None, int]

    @property
    def amount(self) -> int:
        return sum(self.lines.values()) + sum(self.shipping.values())


@dataclass(frozen=True, slots=True)
class _Set:
    """Promotions that hold together, and why some of them take nothing off all the same."""

    parts: tuple[_Part, ...]
    refused: Mapping[str, Why]
    amount: int


def target_of(promotion: Promotion) -> Literal["lines", "order", "shipping"]:
    """What a promotion is off, as `mercat.checkout.Discount` says it."""
    found: Target = getattr(promotion.benefit, "target", "lines")
    return "lines" if found == "cheapest" else found


def evaluate(
    candidates: Iterable[Candidate],
    cart: Cart,
    facts: Facts,
    choice: Choice = "best",
    undiscounted: Collection[str] = (),
) -> Outcome:
    """What holds for a cart, and why the rest doesn't; of a promotion given twice the first.

    With the choice `best` an exclusive promotion holds where it takes off more than all that can be
    combined together, and more than every other one; with `priority` where it comes first. Lines
    whose product type is one of `undiscounted` are left alone.
    """
    basket = Basket.of(cart, undiscounted)
    found, why = [], {}
    for one in _ordered(candidates):
        lines = basket.matching(one.promotion.scope, one.promotion.seller)
        reason = refused(one, basket, facts) or _unmet(one.promotion, basket, lines)
        if reason is None:
            found.append(_Holding(one, lines))
        else:
            why[one.promotion.id] = reason
    chosen = _Choice(basket, facts).of(found, choice)
    held = {part.holding.promotion.id for part in chosen.parts}
    beaten = {one.promotion.id: _BEATEN for one in found if one.promotion.id not in held}
    taken = tuple(_taken(part, basket) for part in chosen.parts)
    return Outcome(taken, {**why, **beaten, **chosen.refused})


def plausible(
    candidates: Iterable[Candidate], cart: Cart, now: datetime, undiscounted: Collection[str] = ()
) -> list[Candidate]:
    """Those that hold by the cart and the time alone, whoever's it is."""
    basket = Basket.of(cart, undiscounted)
    return [
        one
        for one in candidates
        if is_current(one.promotion, now)
        and basket.matching(one.promotion.scope, one.promotion.seller)
    ]


def _ordered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """By priority; of a promotion given twice the one that isn't barred."""
    found: dict[str, Candidate] = {}
    for one in candidates:
        known = found.get(one.promotion.id)
        if known is None or (known.barred and not one.barred):
            found[one.promotion.id] = one
    return sorted(found.values(), key=lambda one: (-one.promotion.priority, one.promotion.id))


def _unmet(promotion: Promotion, basket: Basket, lines: Lines) -> Why | None:
    benefit = promotion.benefit
    if not isinstance(benefit, Gift):
        return unmet(promotion, basket, lines)
    given = gifts(benefit, basket, promotion.seller)
    return unmet(promotion, basket, lines & ~given) or (None if given else Why(Refusal.GIFT))


def _taken(part: _Part, basket: Basket) -> Taken:
    lines = {basket.lines[at].id: amount for at, amount in part.lines.items()}
    one = part.holding
    is_shipping = target_of(one.promotion) == "shipping"
    sellers = sellers_of(basket, one.lines) if is_shipping else ()
    return Taken(one.candidate, lines, part.shipping, sellers)


class _Choice:
    """Chooses among promotions that nothing is against."""

    def __init__(self, basket: Basket, facts: Facts) -> None:
        self._basket = basket
        self._facts = facts

    def of(self, found: Sequence[_Holding], choice: Choice) -> _Set:
        together = self.applied([one for one in found if one.promotion.is_combinable])
        alone = [one for one in found if not one.promotion.is_combinable]
        return self._best(together, alone) if choice == "best" else self._first(together, alone)

    def _first(self, together: _Set, alone: Sequence[_Holding]) -> _Set:
        """The exclusive one that comes before all others that take something off."""
        first = min((_order(part.holding) for part in together.parts), default=None)
        for one in alone:
            if first is not None and _order(one) > first:
                break
            applied = self.applied([one])
            if applied.parts:
                return applied
        return together

    def _best(self, together: _Set, alone: Sequence[_Holding]) -> _Set:
        """What takes off most; those that can't take off more aren't looked at."""
        best = together
        for most, one in sorted(
            ((self._most(one), one) for one in alone), key=lambda pair: (-pair[0], _order(pair[1]))
        ):
            if best.parts and most <= best.amount:
                break
            applied = self.applied([one])
            if applied.amount > best.amount or (applied.parts and not best.parts):
                best = applied
        return best

    def _most(self, one: _Holding) -> int:
        """More than this it doesn't take off."""
        if target_of(one.promotion) == "shipping":
            return sum(self._basket.cart.shipping.values())
        return ceiling(one.promotion.benefit, self._basket, one.lines)

    def applied(self, holdings: Sequence[_Holding]) -> _Set:
        """What promotions take off together, one after another."""
        left = [line.price for line in self._basket.lines]
        shipping = dict(self._basket.cart.shipping)
        parts, why = [], {}
        for one in sorted(holdings, key=lambda each: _STAGES[target_of(each.promotion)]):
            part = self._part(one, left, shipping)
            reason = self._too_little(part)
            if reason is not None:
                why[one.promotion.id] = reason
                continue
            parts.append(part)
            for at, amount in part.lines.items():
                left[at] -= amount
            for seller, amount in part.shipping.items():
                shipping[seller] -= amount
        return _Set(tuple(parts), why, sum(part.amount for part in parts))

    def _part(
        self, one: _Holding, left: Sequence[int], shipping: Mapping[str | None, int]
    ) -> _Part:
        promotion = one.promotion
        if target_of(promotion) != "shipping":
            reach = Reach(self._basket, one.lines, left, promotion.seller)
            return _Part(one, off_lines(promotion, reach), {})
        sellers = sellers_of(self._basket, one.lines)
        mine = {seller: left for seller, left in shipping.items() if seller in sellers}
        return _Part(one, {}, off_shipping(promotion, mine, self._basket.cart.currency))

    def _too_little(self, part: _Part) -> Why | None:
        """Why what it takes off isn't taken: nothing at all, or more than its budget has."""
        promotion = part.holding.promotion
        if target_of(promotion) != "shipping" and not part.lines:
            return Why(Refusal.WORTHLESS)
        if promotion.limits.budget is None:
            return None
        spent = self._facts.spent.get(of_promotion(promotion.id), 0)
        budget = promotion.limits.budget[self._basket.cart.currency]
        return Why(Refusal.BUDGET) if spent + part.amount > budget else None


def sellers_of(basket: Basket, lines: Lines) -> tuple[str | None, ...]:
    """Whose those lines are, the shop itself first."""
    found = {basket.lines[at].seller for at in places(lines)}
    return tuple(sorted(found, key=lambda seller: seller or ""))


def _order(one: _Holding) -> tuple[int, str]:
    return -one.promotion.priority, one.promotion.id
