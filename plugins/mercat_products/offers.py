"""What is for sale now, for the plugin that sells it: prices, and how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_products.documents import ProductDocument
from mercat_products.permissions import ACTIVE
from mercat_products.service import localised
from mercat_products.stock.service import stocks_by_variant

_SHOWN = {"imported": 0, "description": 0, "addresses": 0, "old_addresses": 0, "seo": 0}


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant of an active product; `product` is stored, with its texts in the viewer's locale.

    `available` is how many there are, None where they aren't counted.
    """

    variant: Record
    product: Record
    available: int | None

    @property
    def is_for_sale(self) -> bool:
        return bool(self.variant["available"])

    @property
    def seller(self) -> str | None:
        found: str | None = self.product.get("seller")
        return found

    def price(self, currency: str, quantity: int) -> tuple[int, int | None] | None:
        """What one of so many costs, and used to cost, in minor units; None without a price."""
        for price in self.variant["prices"]:
            if price["currency"] == currency:
                amount = amount_for(price, quantity)
                before = price.get("compare_at")
                return amount, before if before is not None and before > amount else None
        return None


async def offers(context: Context, variants: Iterable[ObjectId]) -> dict[ObjectId, Offer]:
    """What is for sale of those variants, whoever asks; archived ones and drafts are left out."""
    wanted = set(variants)
    if not wanted:
        return {}
    stocks = await stocks_by_variant(context, list(wanted))
    found: dict[ObjectId, Offer] = {}
    products = context.storage.collection(ProductDocument)
    async for record in find_by(products, "variants.id", wanted, _SHOWN):
        if record["status"] != ACTIVE["status"]:
            continue
        product = localised(context, record)
        for variant in product["variants"]:
            if variant["id"] in wanted:
                found[variant["id"]] = Offer(variant, product, _available(stocks, variant["id"]))
    return found


def _available(stocks: dict[ObjectId, Record], variant: ObjectId) -> int | None:
    stock = stocks.get(variant)
    return None if stock is None else max(0, stock["sellable"])


def amount_for(price: Record, quantity: int) -> int:
    """What one of so many costs at a stored price, in minor units."""
    amount: int = price["amount"]
    for one in price.get("breaks") or ():
        if one["quantity"] <= quantity:
            amount = one["amount"]
    return amount
