"""Whether a type may change while products have it: what they say has to go on fitting."""

from collections.abc import Iterator, Sequence

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record, Session
from mercat_products.documents import ProductDocument
from mercat_products.values import Field

_FIELD = ("attributes",)


async def check_products(context: Context, before: Record, after: Record, session: Session) -> None:
    """Refuse a change of a type's attributes that a product doesn't fit, in its transaction.

    While products have a value for an attribute, it stays, and so do its kind, its unit and the
    choices that were made; it can be required once all have one. Raises InvalidError.
    """
    products = context.storage.collection(ProductDocument)
    for condition, message, field in _breaches(before["attributes"], after["attributes"]):
        wanted = {"type_id": before["_id"], **condition}
        if await products.find_one(wanted, {"_id": 1}, session=session) is not None:
            raise InvalidError(message, field=field)


def _breaches(
    before: Sequence[Record], after: Sequence[Record]
) -> Iterator[tuple[Record, str, Field]]:
    """Which products must not be there, what is said if there is one, and of which field."""
    now = {new["key"]: (str(i), new) for i, new in enumerate(after)}
    for old in before:
        key = old["key"]
        if key not in now:
            message = f"products have a value for '{key}'; take those away first"
            yield {"attributes.key": key}, message, _FIELD
            continue
        yield from _changes(old, now[key][1], (*_FIELD, now[key][0]))
    was_required = {old["key"] for old in before if old["required"]}
    for i, new in now.values():
        if new["required"] and new["key"] not in was_required:
            message = f"products have no value for '{new['key']}' yet; give them one first"
            yield {"attributes.key": {"$ne": new["key"]}}, message, (*_FIELD, i, "required")


def _changes(old: Record, new: Record, field: Field) -> Iterator[tuple[Record, str, Field]]:
    key = old["key"]
    for name in ("kind", "unit"):
        if new[name] != old.get(name):
            message = f"products have a value for '{key}' as it is; add an attribute instead"
            yield {"attributes.key": key}, message, (*field, name)
    gone = [choice for choice in old.get("choices", ()) if choice not in new["choices"]]
    if gone:
        chosen = {"$elemMatch": {"key": key, "value": {"$in": gone}}}
        message = f"products have chosen what '{key}' would lose: {', '.join(gone)[:200]}"
        yield {"attributes": chosen}, message, (*field, "choices")
