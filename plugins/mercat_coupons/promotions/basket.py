"""A cart as promotions look at it. Sets of lines are integers, a bit for each line."""

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self, TypeVar

from mercat.checkout import Cart, CartLine
from mercat_coupons.promotions.values import Scope, Selection

T = TypeVar("T")
Lines = int


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines of a cart that can be reduced at all, by their ids, whatever their order was."""

    cart: Cart
    lines: tuple[CartLine, ...]
    reduced: Lines
    products: dict[str, Lines]
    variants: dict[str, Lines]
    categories: dict[str, Lines]
    brands: dict[str, Lines]
    sellers: dict[str, Lines]
    attributes: dict[tuple[str, str], Lines]
    by_price: tuple[int, ...]
    _subtotals: dict[Lines, int] = field(default_factory=dict, repr=False)
    _quantities: dict[Lines, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, cart: Cart, undiscounted: Collection[str] = ()) -> Self:
        """Without the lines whose product type is one of `undiscounted`, such as gift cards."""
        kept = (line for line in cart.lines if line.product_type not in undiscounted)
        lines = tuple(sorted(kept, key=lambda line: line.id))
        return cls(
            cart,
            lines,
            sum(1 << at for at, line in enumerate(lines) if _is_reduced(line)),
            _index(lines, lambda line: (line.product_id,)),
            _index(lines, lambda line: (line.variant_id,)),
            _index(lines, lambda line: line.groups),
            _index(lines, lambda line: (line.brand,) if line.brand else ()),
            _index(lines, lambda line: (line.seller or "",)),
            _index(lines, lambda line: line.attributes),
            tuple(sorted(range(len(lines)), key=lambda at: (lines[at].unit_price, at))),
        )

    @property
    def all(self) -> Lines:
        return (1 << len(self.lines)) - 1

    def matching(self, scope: Scope, seller: str | None = None) -> Lines:
        """The lines in a scope, and, where a seller is given, of that one."""
        found = self.all if seller is None else self.sellers.get(seller, 0)
        if scope.is_everything:
            return found
        if scope.include:
            found &= self._any(scope.include)
        if scope.excludes_reduced:
            found &= ~self.reduced
        return found & ~self._any(scope.exclude) if scope.exclude else found

    def subtotal(self, lines: Lines) -> int:
        """What those lines cost before anything is taken off."""
        found = self._subtotals.get(lines)
        if found is None:
            found = self._subtotals[lines] = sum(self.lines[at].price for at in places(lines))
        return found

    def quantity(self, lines: Lines) -> int:
        """How many units those lines have."""
        found = self._quantities.get(lines)
        if found is None:
            found = self._quantities[lines] = sum(self.lines[at].quantity for at in places(lines))
        return found

    def _any(self, selections: Iterable[Selection]) -> Lines:
        found = 0
        for one in selections:
            found |= self._selected(one)
        return found

    def _selected(self, wanted: Selection) -> Lines:
        found = self.all
        if wanted.products:
            found &= _of(self.products, wanted.products)
        if wanted.variants:
            found &= _of(self.variants, wanted.variants)
        if wanted.categories:
            found &= _of(self.categories, wanted.categories)
        if wanted.brands:
            found &= _of(self.brands, wanted.brands)
        if wanted.sellers:
            found &= _of(self.sellers, wanted.sellers)
        if wanted.attributes:
            found &= _of(self.attributes, wanted.attributes)
        return found


@lru_cache(maxsize=1_024)
def places(lines: Lines) -> tuple[int, ...]:
    """The indexes of a set of lines."""
    return tuple(at for at in range(lines.bit_length()) if lines >> at & 1)


def _is_reduced(line: CartLine) -> bool:
    return line.compare_at is not None and line.compare_at > line.unit_price


def _index(lines: Iterable[CartLine], values: Callable[[CartLine], Iterable[T]]) -> dict[T, Lines]:
    found: dict[T, Lines] = {}
    for at, line in enumerate(lines):
        for value in values(line):
            found[value] = found.get(value, 0) | 1 << at
    return found


def _of(index: dict[T, Lines], wanted: AbstractSet[T]) -> Lines:
    found = 0
    for value in index.keys() & wanted:
        found |= index[value]
    return found
