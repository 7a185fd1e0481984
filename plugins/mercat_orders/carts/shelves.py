"""What is for sale, asked of the catalogue once in one change of a cart."""

from collections.abc import Iterable

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat_products.offers import Offer, offers


class Shelf:
    """What a change of a cart has found for sale, for the answer that shows the cart after it.

    It lives as long as the request: the next look asks anew.
    """

    def __init__(self) -> None:
        self._found: dict[ObjectId, Offer | None] = {}

    async def offers(self, context: Context, lines: Iterable[Record]) -> dict[ObjectId, Offer]:
        """What is for sale of the variants of these lines."""
        wanted = {line["variant"] for line in lines}
        missing = wanted - self._found.keys()
        found = await offers(context, missing) if missing else {}
        self._found |= {variant: found.get(variant) for variant in missing}
        known = ((variant, self._found[variant]) for variant in wanted)
        return {variant: offer for variant, offer in known if offer is not None}
