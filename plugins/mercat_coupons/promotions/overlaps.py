"""Promotions that exclude each other, and of which nothing says which one holds."""

from datetime import UTC, datetime

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_coupons.errors import OverlapError
from mercat_coupons.promotions.reading import promotions
from mercat_coupons.promotions.sight import Sight

_SHOWN = dict.fromkeys(("name", "starts_at", "ends_at", "seller", "countries", "currencies"), 1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


async def check_overlap(context: Context, session: Session, record: Record, sight: Sight) -> None:
    """Refuse an exclusive promotion beside another one of the same priority.

    Only those that need no code are meant: which code somebody enters says what they want. Raises
    OverlapError.
    """
    if record["is_combinable"] or not record["is_automatic"]:
        return
    wanted = {
        "status": "active",
        "is_automatic": True,
        "is_combinable": False,
        "priority": record["priority"],
        "_id": {"$ne": record["_id"]},
    }
    async for other in promotions(context).find(wanted, _SHOWN, session=session):
        if _overlap(record, other):
            name = f"'{other['name']}'" if sight.sees(other["seller"]) else "one of the shop's"
            raise OverlapError(
                f"another promotion that excludes all others holds at the same time: {name}; give "
                "them different priorities, or let them be combined",
                field=("priority",),
            )


def _overlap(one: Record, other: Record) -> bool:
    """Whether a cart may come to meet both."""
    starts = max(one["starts_at"] or _FIRST, other["starts_at"] or _FIRST)
    ends = min(one["ends_at"] or _LAST, other["ends_at"] or _LAST)
    if ends <= max(starts, datetime.now(UTC)):
        return False
    if None not in {one["seller"], other["seller"]} and one["seller"] != other["seller"]:
        return False
    return all(_meet(one[name], other[name]) for name in ("countries", "currencies"))


def _meet(some: list[str], others: list[str]) -> bool:
    """Whether two lists have something in common; an empty one has everything."""
    return not some or not others or not set(some).isdisjoint(others)
