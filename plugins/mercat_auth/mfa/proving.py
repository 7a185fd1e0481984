"""Proving again who one is, before something about the account's factors changes.

After OWASP ASVS 5.0, 7.5.1: a session alone, which may have been left open, is not enough.
"""

from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.errors import DomainError, InvalidError, UnauthenticatedError
from mercat.storage import Record
from mercat_auth.documents import SessionDocument, UserDocument
from mercat_auth.errors import SignInAgainError, WrongPasswordError
from mercat_auth.limits import service as limits
from mercat_auth.mfa import recovery, totp
from mercat_auth.mfa.errors import CodeWrongError, ProofNeededError
from mercat_auth.mfa.requiring import PROVING, is_enrolled
from mercat_auth.passwords.proving import check_owner


@dataclass(frozen=True, slots=True)
class Proof:
    """One of them."""

    password: str | None = None
    code: str | None = None
    recovery_code: str | None = None


async def signed_in_user(context: Context) -> Record:
    """The viewer, who has a session. Raises UnauthenticatedError, for an API key too."""
    viewer = context.viewer
    if viewer.user is None or viewer.session is None:
        raise UnauthenticatedError
    users = context.storage.collection(UserDocument)
    found: Record | None = await users.find_one({"_id": ObjectId(viewer.user), "state": "active"})
    if found is None:
        raise UnauthenticatedError
    return found


async def prove(context: Context, user: Record, proof: Proof) -> None:
    """Check a proof of the viewer, whose stored user it is.

    Who has neither a password nor a second factor needs none within minutes of signing in.
    Raises ProofNeededError, SignInAgainError, WrongPasswordError, CodeWrongError, InvalidError,
    RateLimitedError.
    """
    given = [each for each in (proof.password, proof.code, proof.recovery_code) if each is not None]
    if len(given) > 1:
        raise InvalidError("give one of password, code and recoveryCode", field=("proof",))
    if not given:
        await _check_fresh(context, user)
        return
    if proof.password is not None:
        await _check_password(context, user, proof.password)
        return
    account = str(user["_id"])
    await limits.attempt(context, "mfa", account)
    try:
        await _check_code(context, user, proof)
    except DomainError:
        await limits.failed(context, "mfa", account)
        raise
    await limits.succeeded(context, "mfa", account)


async def _check_code(context: Context, user: Record, proof: Proof) -> None:
    if proof.code is not None:
        step = totp.check(context, user, proof.code)
        if step is None or not await totp.spend(context, user, step):
            raise CodeWrongError("this code is wrong", field=("proof", "code"))
    elif proof.recovery_code is not None:
        digest = recovery.check(context, user, proof.recovery_code)
        if digest is None or not await recovery.spend(context, user["_id"], digest):
            raise CodeWrongError("this code is wrong", field=("proof", "recoveryCode"))


async def _check_password(context: Context, user: Record, password: str) -> None:
    field = ("proof", "password")
    if user["password"] is None:
        raise WrongPasswordError(field)
    await check_owner(context, user, password, field)


async def _check_fresh(context: Context, user: Record) -> None:
    if user["password"] is not None or totp.stored_totp(user) is not None:
        raise ProofNeededError("give your password or a code", field=("proof",))
    await check_owner(context, user, None)
    sessions = context.storage.collection(SessionDocument)
    session: Record | None = await sessions.find_one({"_id": context.viewer.session})
    if session is None or (is_enrolled(user) and PROVING.isdisjoint(session["methods"])):
        raise SignInAgainError
