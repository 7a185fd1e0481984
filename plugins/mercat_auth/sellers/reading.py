"""Finding sellers. One that is not approved is there for its staff, and for who manages sellers."""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId

from mercat.auth import Subject, allowed
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_auth.permissions import MANAGE_SELLERS
from mercat_auth.sellers.documents import COUNTER, SellerDocument

APPROVED = "approved"


async def sellers_by_id(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """Those of the sellers that the viewer may see."""
    cursor = sellers(context).find({"_id": {"$in": list(keys)}})
    found = [each async for each in cursor]
    return {each["_id"]: each for each in found if await may_see(context, each)}


async def seller_by_slug(context: Context, slug: str) -> Record | None:
    """The seller with that slug, where the viewer may see it."""
    found: Record | None = await sellers(context).find_one({"slug": slug})
    return found if found is not None and await may_see(context, found) else None


async def seller_page(context: Context, status: str | None, request: PageRequest) -> Page:
    """A page of the sellers that the viewer may see, in the order in which they applied."""
    condition = await _listed(context, status)
    if condition is None:
        return Page([], has_next=False, has_previous=False)
    return await find_page(
        sellers(context),
        condition,
        request,
        newest_first=False,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count_sellers(context: Context, status: str | None) -> int:
    """How many of them there are."""
    condition = await _listed(context, status)
    return 0 if condition is None else int(await sellers(context).count_documents(condition))


async def suspended(context: Context, keys: Sequence[str]) -> list[str]:
    """Those of the sellers with these keys that may not sell now."""
    ids = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    condition = {"_id": {"$in": ids}, "status": {"$ne": APPROVED}}
    return [str(each["_id"]) async for each in sellers(context).find(condition, {"_id": 1})]


async def stored_seller(
    context: Context,
    key: ObjectId,
    within: Session | None = None,
    field: tuple[str, ...] = ("id",),
) -> Record:
    """The seller with that key, whoever asks. Raises NotFoundError."""
    found: Record | None = await sellers(context).find_one({"_id": key}, session=within)
    if found is None:
        raise NotFoundError("there is no such seller", field=field)
    return found


async def may_see(context: Context, seller: Record) -> bool:
    """Whether a seller is there for the viewer."""
    return seller["status"] == APPROVED or await may_see_staff(context, seller)


async def may_see_staff(context: Context, seller: Record) -> bool:
    """Whether the viewer is on a seller's staff, or manages sellers."""
    return rank_of(seller, context.viewer.user) is not None or await manages(context, seller)


async def manages(context: Context, seller: Record | None = None) -> bool:
    """Whether the viewer manages sellers, or this one."""
    key = None if seller is None else str(seller["_id"])
    return await allowed(context, MANAGE_SELLERS, Subject("Seller", key, seller=key))


def rank_of(seller: Record, user: str | None) -> str | None:
    """What somebody is on a seller's staff; None for nobody of it."""
    return next((one["rank"] for one in seller["members"] if str(one["user"]) == user), None)


def sellers(context: Context) -> Any:
    return context.storage.collection(SellerDocument)


async def _listed(context: Context, status: str | None) -> Record | None:
    if await manages(context):
        return {} if status is None else {"status": status}
    return {"status": APPROVED} if status in {None, APPROVED} else None
