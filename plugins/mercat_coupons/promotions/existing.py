"""Whether what a promotion names is there. Every function raises InvalidError."""

from collections.abc import Collection, Sequence
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.storage import Record, Session
from mercat_coupons.documents import CustomerGroupDocument
from mercat_coupons.promotions.checking_scopes import things_of
from mercat_products.documents import ProductDocument

_AT_ONCE = 50  # SecantusDB compares each document with each of them
_TYPES = {"products": "Product", "variants": "ProductVariant"}
_PATHS = {"products": "_id", "variants": "variants.id"}


async def check_things(context: Context, record: Record, before: Record | None = None) -> None:
    """Refuse products and variants that aren't there, or aren't those of the promotion's seller.

    What `before`, the promotion as it was, names too isn't looked at: it may be gone meanwhile.
    """
    known = {key for _, _, keys in _named(before) for key in keys} if before else set()
    for field, kind, keys in _named(record):
        wanted = [key for key in keys if key not in known]
        found = await _found(context, kind, wanted, record["seller"])
        missing = next((key for key in wanted if key not in found), None)
        if missing is not None:
            noun, shown = kind.removesuffix("s"), encode_id(_TYPES[kind], missing)
            whose = "" if record["seller"] is None else " of this seller"
            raise InvalidError(f"there is no {noun} {shown}{whose}", field=field)


async def check_groups(context: Context, session: Session, keys: Sequence[str]) -> None:
    """Refuse customer groups that aren't there."""
    groups = context.storage.collection(CustomerGroupDocument)
    wanted = {"_id": {"$in": list(map(ObjectId, keys))}}
    found = {str(one["_id"]) async for one in groups.find(wanted, {"_id": 1}, session=session)}
    for at, key in enumerate(keys):
        if key not in found:
            shown = encode_id("CustomerGroup", key)
            raise InvalidError(
                f"there is no customer group {shown}", field=("customerGroupIds", str(at))
            )


def _named(record: Record) -> list[tuple[tuple[str, ...], str, list[str]]]:
    return list(things_of(record["kind"], record["benefit"], record["scope"]))


async def _found(
    context: Context, kind: str, keys: Sequence[str], seller: str | None
) -> Collection[str]:
    """Those of some products or variants that are there, of one seller or of all with None."""
    found: set[str] = set()
    products, path = context.storage.collection(ProductDocument), _PATHS[kind]
    whose: dict[str, Any] = {} if seller is None else {"seller": seller}
    for start in range(0, len(keys), _AT_ONCE):
        some = [ObjectId(key) for key in keys[start : start + _AT_ONCE]]
        async for one in products.find({path: {"$in": some}, **whose}, {path: 1}):
            ids = [one["_id"]] if kind == "products" else [each["id"] for each in one["variants"]]
            found.update(map(str, ids))
    return found
