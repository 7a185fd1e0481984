"""Making, changing and archiving promotions; who may is decided here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.ids import key_of
from mercat.storage import Record, Session, stored_now
from mercat.storage.pages import next_number
from mercat_coupons.errors import KeyTakenError
from mercat_coupons.promotions.checking import checked, checked_new
from mercat_coupons.promotions.coherence import check_coherence
from mercat_coupons.promotions.existing import check_groups, check_things
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.promotions.overlaps import check_overlap
from mercat_coupons.promotions.reading import COUNTER, promotions
from mercat_coupons.promotions.sight import Sight, check_manages, checked_sight
from mercat_coupons.promotions.turns import take_turn
from mercat_coupons.settings import CouponSettings

T = TypeVar("T")


async def create_promotion(
    context: Context, given: Mapping[str, Any], *, external_id: str | None = None
) -> Record:
    """Make a promotion; a seller's staff make their own seller's.

    `external_id` is what an imported one is known again by; of twins one raises KeyTakenError.

    Raises InvalidError, OverlapError.
    """
    sight = await checked_sight(context)
    owner = await _owner(context, sight, given)
    _check_groups_may_be_named(sight, given)
    now = stored_now()
    record: Record = {
        "_id": ObjectId(),
        **checked_new(given, context.shop, context.settings(CouponSettings).time_zone),
        **owner,
        "status": "active",
        "external_id": external_id,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    check_coherence(record)
    await check_things(context, record)
    record["number"] = await next_number(context.storage, COUNTER)

    async def work(session: Session) -> None:
        await take_turn(context, session)
        await check_groups(context, session, record["groups"])
        await check_overlap(context, session, record, sight)
        await promotions(context).insert_one(record, session=session)

    try:
        await _written(context, record["_id"], work)
    except DuplicateKeyError:
        raise KeyTakenError(f"there is a promotion '{external_id}' already") from None
    return record


async def update_promotion(
    context: Context, key: ObjectId, version: int | None, given: Mapping[str, Any]
) -> Record:
    """Change what is given of a promotion.

    Raises InvalidError, NotFoundError, StaleError, OverlapError.
    """
    sight = await checked_sight(context)
    seen = _editable(sight, await promotions(context).find_one({"_id": key}))
    _check_groups_may_be_named(sight, given)
    values = _checked(context, sight, seen, given)
    await check_things(context, {**seen, **values}, before=seen)

    async def work(session: Session) -> Record:
        await take_turn(context, session)
        stored = await promotions(context).find_one({"_id": key}, session=session)
        return await _change(context, session, sight, _editable(sight, stored, version), values)

    return await _written(context, key, work)


async def archive_promotion(context: Context, key: ObjectId) -> Record:
    """Have a promotion hold no more; one that is archived stays so. Raises NotFoundError."""
    sight = await checked_sight(context)
    seen = _changeable(sight, await promotions(context).find_one({"_id": key}))
    try:
        archived: Record | None = await promotions(context).find_one_and_update(
            {"_id": key, "status": "active"},
            {"$set": {"status": "archived", "updated_at": stored_now()}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
    finally:
        promotions_of(context).spoil(key)
    return archived or await promotions(context).find_one({"_id": key}) or seen


async def _change(
    context: Context, session: Session, sight: Sight, stored: Record, values: Record
) -> Record:
    version = stored["version"]
    written = {**values, "updated_at": stored_now(), "version": version + 1}
    changed = {**stored, **written}
    check_coherence(changed)
    if "groups" in values:
        await check_groups(context, session, values["groups"])
    await check_overlap(context, session, changed, sight)
    result = await promotions(context).update_one(
        {"_id": stored["_id"], "version": version}, {"$set": written}, session=session
    )
    if not result.matched_count:
        raise _stale()
    return changed


async def _written(context: Context, key: ObjectId, work: Callable[[Session], Awaitable[T]]) -> T:
    """What a transaction gives that changes a promotion, which is read again in any case."""
    try:
        return await context.storage.transaction(work)
    finally:
        promotions_of(context).spoil(key)


async def _owner(context: Context, sight: Sight, given: Mapping[str, Any]) -> Record:
    """Whose promotion it is, and who pays for it."""
    wanted = given.get("seller_id")
    seller = sight.seller if wanted is None else key_of(wanted, "Seller", ("sellerId",))
    if not sight.sees(seller):
        await check_manages(context)
    return {"seller": seller, "borne_by": _bearer(sight, given)}


def _bearer(sight: Sight, given: Mapping[str, Any]) -> str:
    default = "shop" if sight.manages else "seller"
    found: str = given["borne_by"].value if "borne_by" in given else default
    if not sight.manages and found != "seller":
        raise InvalidError("a seller pays for the promotions of its own", field=("borneBy",))
    return found


def _checked(context: Context, sight: Sight, seen: Record, given: Mapping[str, Any]) -> Record:
    """The values of a change, as they are stored."""
    values = checked(given, context.shop, seen["time_zone"])
    return {**values, "borne_by": _bearer(sight, given)} if "borne_by" in given else values


def _check_groups_may_be_named(sight: Sight, given: Mapping[str, Any]) -> None:
    """Whom a group has shows in whose orders have the promotion."""
    if not sight.manages and given.get("customer_group_ids"):
        raise InvalidError("the shop alone says so", field=("customerGroupIds",))


def _changeable(sight: Sight, record: Record | None) -> Record:
    """A promotion that the viewer may change. Raises NotFoundError, ForbiddenError."""
    if record is None or not sight.sees(record["seller"]):
        raise NotFoundError("there is no such promotion", field=("id",))
    sight.check_changes(record)
    return record


def _editable(sight: Sight, record: Record | None, version: int | None = None) -> Record:
    """The same, for one that isn't archived. Raises InvalidError, StaleError too."""
    found = _changeable(sight, record)
    if found["status"] != "active":
        raise InvalidError(
            "this promotion is archived, and stays as it is; make another one", field=("id",)
        )
    if version is not None and found["version"] != version:
        raise _stale()
    return found


def _stale() -> StaleError:
    return StaleError("somebody else changed the promotion; read it again", field=("version",))
