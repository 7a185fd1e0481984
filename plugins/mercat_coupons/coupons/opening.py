"""Which promotions a coupon may open."""

from collections.abc import Sequence

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_coupons.coupons.sight import sees
from mercat_coupons.documents import PromotionDocument

MOST = 20

_NEEDED = {"name": 1, "status": 1, "is_automatic": 1, "seller": 1}  # some have many products
_FIELD = "promotionIds"


def promotions(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PromotionDocument)


async def openable(
    context: Context, keys: Sequence[ObjectId], seller: str | None
) -> list[ObjectId]:
    """The promotions with these keys, each once, where a coupon of that seller may open them.

    Raises InvalidError, and NotFoundError for those that aren't there or that the viewer mustn't
    know of.
    """
    if not 1 <= len(keys) <= MOST:
        raise InvalidError(f"a coupon opens 1 to {MOST} promotions", field=(_FIELD,))
    records = promotions(context).find({"_id": {"$in": list(keys)}}, _NEEDED)
    found = {record["_id"]: record async for record in records}
    for index, key in enumerate(keys):
        field = (_FIELD, str(index))
        record = found.get(key)
        if record is None or not await sees(context, record["seller"]):
            raise NotFoundError("there is no such promotion", field=field)
        _check(record, seller, field)
    return list(dict.fromkeys(keys))


def _check(record: Record, seller: str | None, field: tuple[str, ...]) -> None:
    name = record["name"]
    if record["status"] != "active":
        raise InvalidError(f"the promotion '{name}' is archived; name another one", field=field)
    if record["is_automatic"]:
        raise InvalidError(
            f"the promotion '{name}' is automatic and needs no code; name one that isn't",
            field=field,
        )
    if seller is not None and record["seller"] != seller:
        raise InvalidError(
            f"the promotion '{name}' isn't the seller's own, and a seller's coupon opens only such",
            field=field,
        )
