"""A seller's staff: who is on it, invitations, leaving."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from bson import ObjectId

from mercat.context import Context
from mercat.emails import email_of
from mercat.errors import NotFoundError
from mercat.notifications import Recipient
from mercat.storage import Record, Session
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts import service as accounts
from mercat_auth.errors import LinkError, TooManyError
from mercat_auth.sellers.errors import LastOwnerError, WrongStateError
from mercat_auth.sellers.reading import may_see_staff, rank_of, sellers, stored_seller
from mercat_auth.sellers.service import change_seller, check_rank, join, leave, log

MOST_MEMBERS = 50
_PURPOSE: Literal["seller_invitation"] = "seller_invitation"
_LIFETIME = timedelta(days=7)


async def staff_of(context: Context, sellers: Sequence[Record]) -> list[list[Record] | None]:
    """Sellers' staffs with their names; None where that isn't the viewer's business."""
    seen = [await may_see_staff(context, seller) for seller in sellers]
    pairs = list(zip(sellers, seen, strict=True))
    keys = {one["user"] for seller, is_seen in pairs if is_seen for one in seller["members"]}
    users = await accounts.users_by_id(context, keys) if keys else {}
    return [
        [{**one, "name": users.get(one["user"], {}).get("name")} for one in seller["members"]]
        if is_seen
        else None
        for seller, is_seen in pairs
    ]


async def told_staff(context: Context, seller: str) -> list[Recipient]:
    """Those of a seller's staff who are told what concerns it: whose address is proved."""
    if not ObjectId.is_valid(seller):
        return []
    found = await sellers(context).find_one({"_id": ObjectId(seller)}, {"members": 1})
    if found is None:
        return []
    users = await accounts.users_by_id(context, [one["user"] for one in found["members"]])
    return [
        Recipient(one["email"], one["locale"] or context.shop.locale, str(one["_id"]))
        for one in users.values()
        if one["state"] == "active" and one["email_verified_at"] is not None
    ]


async def invite(context: Context, key: ObjectId, email: str, rank: str) -> None:
    """Send somebody a link with which the owner of that address joins a seller's staff.

    Raises NotFoundError, ForbiddenError, InvalidError, WrongStateError, TooManyError.
    """
    seller = await stored_seller(context, key)
    await check_rank(context, seller, {"owner"})
    inviter = await accounts.viewers_account(context)
    to = email_of(email)
    _check_room(seller)

    async def work(session: Session) -> None:
        link = await links.make(
            context,
            session,
            _PURPOSE,
            user=inviter["_id"],
            email_key=to.key,
            lifetime=_LIFETIME,
            data={"seller": key, "rank": rank},
        )
        nobody = {"locale": inviter["locale"]}  # whether the address has an account is not told
        await messages.send(context, session, _PURPOSE, to.shown, nobody, link)
        await log(context, session, "seller.member_invited", seller, rank=rank)

    await context.storage.transaction(work)


async def accept(context: Context, token: str) -> Record:
    """Join the staff that the viewer was invited to, at the verified address of the account.

    Raises UnauthenticatedError, LinkError, ConflictError for who is on a staff already, and
    TooManyError.
    """
    user = await accounts.viewers_account(context)

    async def work(session: Session) -> Record:
        link = await links.use(context, session, token, _PURPOSE)
        if user["email_verified_at"] is None or link["email_key"] != user["email_key"]:
            raise LinkError
        seller = await stored_seller(context, link["data"]["seller"], session)
        _check_room(seller)
        await join(context, session, user["_id"], seller)
        member = {
            "user": user["_id"],
            "rank": link["data"]["rank"],
            "since": datetime.now(UTC),
        }
        change = {"$push": {"members": member}}
        changed = await change_seller(context, session, seller["_id"], change)
        await log(context, session, "seller.member_joined", changed, rank=member["rank"])
        return changed

    return await context.storage.transaction(work)


async def remove(context: Context, key: ObjectId, user: ObjectId) -> Record:
    """Take somebody off a seller's staff, of which an owner at least stays.

    Raises NotFoundError, ForbiddenError, LastOwnerError.
    """
    seller = await stored_seller(context, key)
    if context.viewer.user != str(user) or rank_of(seller, str(user)) is None:
        await check_rank(context, seller, {"owner"})

    async def work(session: Session) -> Record:
        stored = await stored_seller(context, key, session)
        if rank_of(stored, str(user)) is None:
            raise NotFoundError("nobody of the staff is this user", field=("userId",))
        kept = [one for one in stored["members"] if one["user"] != user]
        if not any(one["rank"] == "owner" for one in kept):
            raise LastOwnerError("a seller needs an owner", field=("userId",))
        account = await accounts.users(context).find_one({"_id": user}, session=session)
        if account is not None and account["seller"] == str(key):
            await leave(context, session, account)
        changed = await change_seller(context, session, key, {"$set": {"members": kept}})
        await log(context, session, "seller.member_removed", changed, user=str(user))
        return changed

    return await context.storage.transaction(work)


def _check_room(seller: Record) -> None:
    if seller["status"] not in {"applied", "approved"}:
        raise WrongStateError(f"this seller is {seller['status']}", field=("id",))
    if len(seller["members"]) >= MOST_MEMBERS:
        raise TooManyError(f"a seller's staff has at most {MOST_MEMBERS} people", field=("id",))
