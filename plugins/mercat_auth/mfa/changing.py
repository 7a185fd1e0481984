"""Changes of a user's factors: in one transaction with the audit log and the owner's message."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from bson import ObjectId

from mercat.context import Context
from mercat.errors import UnauthenticatedError
from mercat.storage import Record, Session
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import as_user, subject_of
from mercat_auth.audit import service as audit
from mercat_auth.documents import SessionDocument, UserDocument

T = TypeVar("T")


async def change(
    context: Context,
    user: ObjectId,
    work: Callable[[Record, Session], Awaitable[T]],
    *,
    action: str,
    told: str | None,
) -> T:
    """Run `work` with the user as stored then; of two changes at once one runs again.

    `told` is the message to the owner, who may not be the one who does it.
    """

    async def whole(within: Session) -> T:
        users = context.storage.collection(UserDocument)
        found = await users.find_one({"_id": user, "state": "active"}, session=within)
        if found is None:
            raise UnauthenticatedError
        result = await work(found, within)
        acting = context if context.viewer.user else as_user(context, found)
        await audit.record(acting, within, action, subject_of(found))
        if told is not None:
            await messages.send(context, within, told, found["email"], found)
        return result

    return await context.storage.transaction(whole)


async def update(context: Context, user: Record, values: Record, within: Session) -> None:
    """Set values of a user in a change."""
    users = context.storage.collection(UserDocument)
    await users.update_one({"_id": user["_id"]}, {"$set": values}, session=within)


async def strengthen_session(context: Context, methods: Sequence[str], within: Session) -> None:
    """Have the viewer's session count as signed in by a factor that was proven just now."""
    sessions: Any = context.storage.collection(SessionDocument)
    await sessions.update_one(
        {"_id": context.viewer.session},
        {"$addToSet": {"methods": {"$each": list(methods)}}},
        session=within,
    )
