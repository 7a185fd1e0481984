"""Product types whose products no promotion takes anything off, such as gift cards."""

import math
import time

from mercat.checkout import Cart
from mercat.context import Context
from mercat_coupons.settings import CouponSettings
from mercat_products.product_types.documents import ProductTypeDocument

_FRESH_SECONDS = 1.0


class KeptTypes:
    """One engine's ids of them, looked up by their names at most once a second."""

    def __init__(self) -> None:
        self._ids: frozenset[str] = frozenset()
        self._read_at = -math.inf

    async def current(self, context: Context, names: tuple[str, ...]) -> frozenset[str]:
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            read_at = time.monotonic()
            types = context.storage.collection(ProductTypeDocument)
            found = types.find({"name": {"$in": list(names)}}, {"_id": 1})
            self._ids = frozenset([str(one["_id"]) async for one in found])
            self._read_at = read_at
        return self._ids


async def undiscounted(context: Context, cart: Cart) -> frozenset[str]:
    """The ids of such types, as far as a cart may have things of them."""
    names = context.settings(CouponSettings).undiscounted_types
    if not names or all(line.product_type is None for line in cart.lines):
        return frozenset()
    return await context.engine.own(KeptTypes).current(context, names)
