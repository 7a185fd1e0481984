"""A cart as promotions look at it. Sets of lines are integers, a bit for each line."""

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self, TypeVar

from mercat.checkout import Cart, CartLine
from mercat_coupons.promotions.values import Scope, Selection

T = TypeVar("T")
Lines = int
Run = tuple[int, int, int]
"""The index of a line, how many units it has, and what one of them costs."""


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines of a cart that can be reduced at all, by their ids, whatever their order was."""

    cart: Cart
    lines: tuple[CartLine, ...]
    reduced: Lines
    indexes: Mapping[str, Mapping[Any, Lines]]
    by_price: tuple[int, ...]
    _subtotals: dict[Lines, int] = field(default_factory=dict, repr=False)
    _quantities: dict[Lines, int] = field(default_factory=dict, repr=False)
    _runs: dict[tuple[Lines, bool], list[Run]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, cart: Cart, undiscounted: Collection[str] = ()) -> Self:
        """Without the lines whose product type is one of `undiscounted`, such as gift cards."""
        kept = (line for line in cart.lines if line.product_type not in undiscounted)
        lines = tuple(sorted(kept, key=lambda line: line.id))
        return cls(
            cart,
            lines,
            sum(1 << at for at, line in enumerate(lines) if _is_reduced(line)),
            {kind: _index(lines, values) for kind, values in _VALUES.items()},
            tuple(sorted(range(len(lines)), key=lambda at: (lines[at].unit_price, at))),
        )

    @property
    def all(self) -> Lines:
        return (1 << len(self.lines)) - 1

    def matching(self, scope: Scope, seller: str | None = None) -> Lines:
        """The lines in a scope, and, where a seller is given, of that one."""
        found = self.all if seller is None else self.indexes["sellers"].get(seller, 0)
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

    def runs(self, lines: Lines, *, dearest: bool) -> list[Run]:
        """Those lines by the price of one unit; runs of units, as a line may have thousands."""
        found = self._runs.get((lines, dearest))
        if found is None:
            order = reversed(self.by_price) if dearest else self.by_price
            mine = ((at, self.lines[at]) for at in order if lines >> at & 1)
            found = [(at, line.quantity, line.unit_price) for at, line in mine]
            self._runs[lines, dearest] = found
        return found

    def _any(self, selections: Iterable[Selection]) -> Lines:
        found = 0
        for one in selections:
            found |= self._selected(one)
        return found

    def _selected(self, wanted: Selection) -> Lines:
        found = self.all
        for kind, values in wanted.given:
            found &= _of(self.indexes[kind], values)
        return found


@lru_cache(maxsize=1_024)
def places(lines: Lines) -> tuple[int, ...]:
    """The indexes of a set of lines."""
    return tuple(at for at in range(lines.bit_length()) if lines >> at & 1)


def _is_reduced(line: CartLine) -> bool:
    return line.compare_at is not None and line.compare_at > line.unit_price


_VALUES: Mapping[str, Callable[[CartLine], Iterable[Any]]] = {
    "products": lambda line: (line.product_id,),
    "variants": lambda line: (line.variant_id,),
    "categories": lambda line: line.groups,
    "brands": lambda line: (line.brand,) if line.brand else (),
    "sellers": lambda line: (line.seller or "",),
    "attributes": lambda line: line.attributes,
}
"""What a line has of each kind of `values.KINDS`."""


def _index(lines: Iterable[CartLine], values: Callable[[CartLine], Iterable[T]]) -> dict[T, Lines]:
    found: dict[T, Lines] = {}
    for at, line in enumerate(lines):
        for value in values(line):
            found[value] = found.get(value, 0) | 1 << at
    return found


def _of(index: Mapping[T, Lines], wanted: AbstractSet[T]) -> Lines:
    if len(wanted) == 1:
        (only,) = wanted
        return index.get(only, 0)
    if wanted.isdisjoint(index):
        return 0
    found = 0
    # By what is in the cart: `&` would go through all of a promotion's ten thousand products.
    for value, lines in index.items():
        if value in wanted:
            found |= lines
    return found
