"""Taking away the second factors of somebody who has lost them all, recovery codes included."""

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record, Session
from mercat_auth.accounts import messages
from mercat_auth.mfa.errors import MfaOffError
from mercat_auth.mfa.requiring import is_enrolled
from mercat_auth.roles.users import (
    change_user,
    check_manages,
    check_rank,
    log_deed,
    stored_user,
)
from mercat_auth.tokens import sessions

_LONGEST_REASON = 500
_NONE: Record = {"mfa": None, "passkeys": []}


async def reset_factors(context: Context, key: ObjectId, reason: str) -> Record:
    """Take somebody's second factors away, end their sessions, and tell them.

    Nobody does that to themselves, or to somebody who may more than they do. Raises
    UnauthenticatedError, ForbiddenError, InvalidError, NotFoundError, NotYoursToGiveError,
    MfaOffError.
    """
    await check_manages(context, key)
    if context.viewer.user == str(key):
        raise InvalidError("your own factors are changed with a proof", field=("userId",))
    said = _checked_reason(reason)

    async def work(session: Session) -> Record:
        stored = await stored_user(context, session, key)
        await check_rank(context, stored["roles"], ("userId",))
        if not is_enrolled(stored) and not stored["mfa"]:
            raise MfaOffError("this account has no second factor", field=("userId",))
        changed = await change_user(context, session, stored, {"$set": _NONE})
        await sessions.end_all(context, key, session)
        await messages.send(context, session, "factors_reset", stored["email"], stored)
        await log_deed(context, session, "user.factors_reset", key, reason=said)
        return changed

    return await context.storage.transaction(work)


def _checked_reason(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= _LONGEST_REASON or not text.isprintable():
        raise InvalidError(
            f"a reason is one line of 1 to {_LONGEST_REASON} characters", field=("reason",)
        )
    return text
