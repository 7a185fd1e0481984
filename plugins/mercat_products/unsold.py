"""Prices in currencies that a shop doesn't sell in: files may have them, and the API refuses them.

An import keeps them, as a shop that begins to sell in another currency has its prices at once. They
are of no use before, so they are noted, once for each currency and not once for each product.
"""

from collections.abc import Collection, Iterable

from mercat.importing import Rejected, Row
from mercat.money import CURRENCIES
from mercat_products.records import ProductRecord


class UnsoldPrices:
    """Hears of all rows of an import."""

    def __init__(self, sold: Collection[str]) -> None:
        self._unsold = CURRENCIES.keys() - set(sold)
        self._found: dict[str, tuple[str, int]] = {}

    def hear(self, rows: Iterable[Row[ProductRecord]], rejected: Iterable[Rejected]) -> None:
        """Look at rows, but for those that were rejected."""
        without = {one.where for one in rejected}
        for row in rows:
            prices = (price for variant in row.value.variants for price in variant.prices)
            found = {price.currency for price in prices if price.currency} & self._unsold
            for currency in found if row.where not in without else ():
                first, count = self._found.get(currency, (row.where, 0))
                self._found[currency] = first, count + 1

    def notes(self) -> list[Rejected]:
        """Where each currency stands first, and in how many products."""
        return [
            Rejected(
                first,
                f"the shop doesn't sell in {currency}, in which {count:,} of the file's products "
                "have prices; they wait until it is one of [shop] currencies",
            )
            for currency, (first, count) in self._found.items()
        ]
