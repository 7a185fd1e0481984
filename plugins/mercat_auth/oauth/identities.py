"""From a person at a provider to an account: finding, making, linking and unlinking."""

from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.emails import email_of
from mercat.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from mercat.storage import Record, Session
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import (
    as_user,
    create,
    find_by_key,
    subject_of,
    users,
    viewers_account,
)
from mercat_auth.accounts.texts import name_of
from mercat_auth.audit import service as audit
from mercat_auth.documents import SessionDocument
from mercat_auth.errors import EmailTakenError, SignInAgainError, SuspendedError
from mercat_auth.mfa import ceremonies
from mercat_auth.oauth.errors import (
    AccountExistsError,
    EmailUnverifiedError,
    IdentityTakenError,
    LastSignInError,
)
from mercat_auth.oauth.grants import Person
from mercat_auth.oauth.providers import providers_of
from mercat_auth.sealing import digest_of
from mercat_auth.tokens import sessions

MOST_IDENTITIES = 10
_TRIES = 3
_FRESH = timedelta(minutes=10)


def key_of(stored: Record) -> str:
    """The key by which its owner calls an identity, which tells nothing of the provider's."""
    return digest_of(stored["key"])[:24]


async def account_of(context: Context, who: Person) -> Record:
    """The account of a person; one is made, or linked, where that takes nothing from anybody.

    Raises EmailUnverifiedError, AccountExistsError, SuspendedError, and InvalidError for an address
    that the shop doesn't take.
    """
    for _ in range(_TRIES):
        found = await _known(context, who) or await _linked_or_made(context, who)
        if found is not None:
            return found
    raise ConflictError("the account is being changed; begin the sign-in again")


async def check_fresh(context: Context) -> Record:
    """The account of a viewer who has signed in minutes ago (OWASP ASVS 5.0, 7.5.1).

    Raises UnauthenticatedError, also for an API key, and SignInAgainError.
    """
    account = await viewers_account(context)
    if context.viewer.session is None:
        raise UnauthenticatedError
    wanted = {"_id": context.viewer.session, "created_at": {"$gt": datetime.now(UTC) - _FRESH}}
    if await context.storage.collection(SessionDocument).find_one(wanted, {"_id": 1}) is None:
        raise SignInAgainError
    return account


async def link(context: Context, who: Person) -> Record:
    """Link an identity to the viewer's account.

    Raises UnauthenticatedError, SignInAgainError, IdentityTakenError, ConflictError where there are
    too many.
    """
    account = await check_fresh(context)

    async def work(within: Session) -> Record | None:
        wanted = {"_id": account["_id"], "state": "active"}
        found = await _push(context, wanted, who, within, "user.identity_linked")
        if found is not None:
            await messages.send(context, within, "identity_linked", found["email"], found)
        return found

    owner = await _known(context, who)
    if owner is None:
        try:
            owner = await context.storage.transaction(work)
        except DuplicateKeyError:
            owner = await _known(context, who)
    if owner is None:
        raise ConflictError(f"an account has at most {MOST_IDENTITIES} identities")
    if owner["_id"] != account["_id"]:
        raise IdentityTakenError("another account has this identity; unlink it there first")
    return owner


async def unlink(context: Context, key: str) -> Record:
    """Unlink one of the viewer's identities; all other sessions end.

    Raises UnauthenticatedError, SignInAgainError, NotFoundError, LastSignInError.
    """
    account = await check_fresh(context)
    stored = next((each for each in account["identities"] if key_of(each) == key), None)
    if stored is None:
        raise NotFoundError("you have no such identity", field=("id",))
    wanted = _with_another_way(context, account["_id"], stored["key"])

    async def work(within: Session) -> Record | None:
        found: Record | None = await users(context).find_one_and_update(
            wanted,
            {"$pull": {"identities": {"key": stored["key"]}}, **_touched()},
            return_document=ReturnDocument.AFTER,
            session=within,
        )
        if found is not None:
            await _note_unlinked(context, found, stored, within)
        return found

    found = await context.storage.transaction(work)
    if found is None:
        raise LastSignInError(
            "this is the only way you can sign in; set a password or link another identity first"
        )
    return found


async def _note_unlinked(context: Context, user: Record, gone: Record, within: Session) -> None:
    await sessions.end_all(context, user["_id"], within, kept=context.viewer.session)
    subject, provider = subject_of(user), gone["provider"]
    await audit.record(context, within, "user.identity_unlinked", subject, provider=provider)
    await messages.send(context, within, "identity_unlinked", user["email"], user)


def _with_another_way(context: Context, user: ObjectId, key: str) -> Record:
    """The condition that an account has this identity, and can be signed in to without it."""
    known = [each.id for each in providers_of(context).all()]
    others = {"$elemMatch": {"key": {"$ne": key}, "provider": {"$in": known}}}
    ways: list[Record] = [{"password": {"$type": "string"}}, {"identities": others}]
    if ceremonies.are_on(context):
        ways.append({"passkeys.0": {"$exists": True}})
    return {"_id": user, "identities.key": key, "$or": ways}


async def _known(context: Context, who: Person) -> Record | None:
    found: Record | None = await users(context).find_one({"identities.key": who.key})
    return found


async def _linked_or_made(context: Context, who: Person) -> Record | None:
    """None where somebody else has done it at the same moment."""
    if who.email is None:
        raise EmailUnverifiedError(
            "the provider has not verified your address; register with the address itself"
        )
    account = await find_by_key(context, email_of(who.email).key)
    try:
        if account is None:
            return await _made(context, who, who.email)
        return await _linked(context, who, account)
    except (DuplicateKeyError, EmailTakenError):
        return None


async def _made(context: Context, who: Person, email: str) -> Record:
    async def work(within: Session) -> Record:
        made = await create(
            context,
            within,
            email=email,
            name=_name(who),
            password_hash=None,
            verified=True,
            locale=context.locale,
        )
        acting = as_user(context, made)
        found = await _push(
            acting, {"_id": made["_id"]}, who, within, "user.registered_by_provider"
        )
        return found or made

    return await context.storage.transaction(work)


async def _linked(context: Context, who: Person, account: Record) -> Record | None:
    """Link to an account that only the owner of the address can have made, and has no password."""
    if account["password"] is not None or account["email_verified_at"] is None:
        raise AccountExistsError(
            "there is an account with your address; sign in to it, then link the provider there"
        )
    if account["state"] == "suspended":
        raise SuspendedError
    wanted: Record = {
        "_id": account["_id"],
        "state": "active",
        "email_key": account["email_key"],
        "email_verified_at": {"$ne": None},
        "password": None,
    }

    async def work(within: Session) -> Record | None:
        acting = as_user(context, account)
        return await _push(acting, wanted, who, within, "user.identity_linked")

    return await context.storage.transaction(work)


async def _push(
    context: Context, wanted: Record, who: Person, within: Session, action: str
) -> Record | None:
    """Add an identity to the account that meets a condition, and log it; None where none does."""
    now = datetime.now(UTC)
    identity = {"key": who.key, "provider": who.provider, "email": who.email, "linked_at": now}
    found: Record | None = await users(context).find_one_and_update(
        {
            **wanted,
            "identities.key": {"$ne": who.key},
            f"identities.{MOST_IDENTITIES - 1}": {"$exists": False},
        },
        {"$push": {"identities": identity}, **_touched()},
        return_document=ReturnDocument.AFTER,
        session=within,
    )
    if found is not None:
        await audit.record(context, within, action, subject_of(found), provider=who.provider)
    return found


def _touched() -> Record:
    return {"$set": {"updated_at": datetime.now(UTC)}, "$inc": {"version": 1}}


def _name(who: Person) -> str | None:
    try:
        return name_of(who.name)
    except InvalidError:
        return None  # the provider takes other names than the shop
