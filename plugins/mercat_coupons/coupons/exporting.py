"""The codes of a batch as CSV (RFC 4180), safe to open in a spreadsheet; never all in memory."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ConflictError, NotFoundError
from mercat.storage import Record
from mercat.texts import harmless
from mercat_coupons.coupons.batches import batch_by_key
from mercat_coupons.coupons.listing import STATUSES, coupons
from mercat_coupons.coupons.opening import promotions

_HEADER = ("code", "promotion", "usage_limit", "uses", "status")
_SHOWN = ("number", "code", "promotions", "usage_limit", "uses", "status")
_AT_ONCE = 1_000

Names = dict[ObjectId, str]


async def whole_batch(context: Context, key: ObjectId) -> Record:
    """A batch whose codes are all there.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, and ConflictError while some aren't.
    """
    batch = await batch_by_key(context, key)
    if batch is None:
        raise NotFoundError("there is no such batch")
    if batch["state"] != "done":
        raise ConflictError(
            f"{batch['generated']} of {batch['total']} codes are there; wait for the others"
        )
    return batch


async def batch_csv(context: Context, batch: Record) -> AsyncIterator[str]:
    """The header and the rows of a batch, some hundred at a time, in the order of their making."""
    yield _lines([_HEADER])
    names: Names = {}
    first, end = batch["first_number"], batch["first_number"] + batch["total"]
    for low in range(first, end, _AT_ONCE):
        found = await _between(context, batch, low, min(low + _AT_ONCE, end) - 1)
        await _name(context, names, found)
        yield _lines([_cells(one, names) for one in found])


async def _between(context: Context, batch: Record, low: int, high: int) -> list[Record]:
    """A batch's coupons by their numbers, both included.

    One that is archived meanwhile is found twice rather than never, and counts as archived.
    """
    found = {}
    for status in STATUSES:
        numbers = {"$gte": low, "$lte": high}
        condition = {"batch": batch["_id"], "status": status, "number": numbers}
        async for one in coupons(context).find(condition, dict.fromkeys(_SHOWN, 1)):
            found[one["number"]] = one
    return [found[number] for number in sorted(found)]


async def _name(context: Context, names: Names, found: Iterable[Record]) -> None:
    """Read the names of promotions that aren't known yet."""
    missing = {key for one in found for key in one["promotions"]} - names.keys()
    if missing:
        named = promotions(context).find({"_id": {"$in": list(missing)}}, {"name": 1})
        names |= {one["_id"]: one["name"] async for one in named}


def _cells(coupon: Record, names: Names) -> Sequence[str | int]:
    limit, opened = coupon["usage_limit"], coupon["promotions"]
    return [
        harmless(coupon["code"]),
        harmless(", ".join(names[key] for key in opened if key in names)),
        "" if limit is None else limit,
        coupon["uses"],
        coupon["status"],
    ]


def _lines(rows: Sequence[Sequence[str | int]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
