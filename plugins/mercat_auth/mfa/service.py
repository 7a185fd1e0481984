"""Signing in with a second factor, or with a passkey alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn, as_user, finish_sign_in, subject_of
from mercat_auth.audit import service as audit
from mercat_auth.documents import UserDocument
from mercat_auth.limits import service as limits
from mercat_auth.mfa import ceremonies, challenges, passkeys, recovery, totp
from mercat_auth.mfa.challenges import Ticket
from mercat_auth.mfa.errors import ChallengeError, CodeWrongError, PasskeyRefusedError
from mercat_auth.mfa.requiring import is_enrolled

__all__ = ["Answer", "Challenge", "challenge", "confirm", "is_enrolled", "passkey_challenge"]

Kind = Literal["CODE", "RECOVERY_CODE", "PASSKEY"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """What stands between a good password and signing in; `token` is opaque.

    `passkey_options` is the JSON that a browser finds a passkey by.
    """

    token: str
    kinds: tuple[Kind, ...]
    expires_at: datetime
    passkey_options: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One of them; `passkey` is the JSON that a browser gives."""

    code: str | None = None
    recovery_code: str | None = None
    passkey: str | None = None


@dataclass(frozen=True, slots=True)
class _Proven:
    """A factor that was right; `spend` uses it up, once, and `methods` are RFC 8176's."""

    methods: tuple[str, ...]
    spend: Callable[[], Awaitable[bool]]


async def challenge(
    context: Context, user: Record, methods: Sequence[str], transport: str
) -> Challenge:
    """Ask a stored user, who has proven to be that by `methods`, for a second factor."""
    ticket = challenges.new_ticket("sign in", user, methods, transport)
    options = None
    if user["passkeys"] and ceremonies.are_on(context):
        options = ceremonies.login_options(context, user["passkeys"], ticket)
    has: dict[Kind, bool] = {
        "CODE": totp.stored_totp(user) is not None,
        "RECOVERY_CODE": bool(recovery.left(user)),
        "PASSKEY": options is not None,
    }
    kinds = tuple(kind for kind, there in has.items() if there)
    return Challenge(challenges.written(context, ticket), kinds, ticket.expires_at, options)


async def passkey_challenge(context: Context, transport: str) -> Challenge:
    """Ask somebody unknown for a passkey. Raises PasskeysOffError."""
    ticket = challenges.new_ticket("sign in", None, transport=transport)
    options = ceremonies.login_options(context, (), ticket)
    token = challenges.written(context, ticket)
    return Challenge(token, ("PASSKEY",), ticket.expires_at, options)


async def confirm(context: Context, token: str, answer: Answer) -> SignIn:
    """Sign in whoever answers a challenge.

    Raises ChallengeError, CodeWrongError, PasskeyRefusedError, InvalidError, RateLimitedError.
    """
    given = [each for each in (answer.code, answer.recovery_code, answer.passkey) if each]
    if len(given) != 1:
        raise InvalidError("give one of code, recoveryCode and passkey")
    ticket = challenges.read(context, token, "sign in")
    await limits.attempt(context, "mfa", ticket.user)
    try:
        user, proven = await _proven(context, ticket, answer)
        await challenges.spend(context, ticket)
        if not await proven.spend():
            raise CodeWrongError("this was used before; begin again")
    except DomainError:
        await limits.failed(context, "mfa", ticket.user)
        raise
    await limits.succeeded(context, "mfa", ticket.user)
    methods = [*ticket.methods, *(each for each in proven.methods if each not in ticket.methods)]
    return await finish_sign_in(context, user, methods, ticket.transport)


async def _proven(context: Context, ticket: Ticket, answer: Answer) -> tuple[Record, _Proven]:
    if answer.passkey is not None:
        credential = ceremonies.read(answer.passkey)
        user = await _owner(context, ticket, credential)
        return user, await _passkey(context, ticket, user, credential)
    user = await _challenged(context, ticket)
    if answer.code is not None:
        return user, _code(context, user, answer.code)
    return user, _recovery_code(context, user, answer.recovery_code or "")


async def _challenged(context: Context, ticket: Ticket) -> Record:
    """The user of a challenge, as it is now. Raises ChallengeError."""
    key = challenges.owner_of(ticket)
    if key is None:
        raise ChallengeError("only a passkey answers this", field=("passkey",))
    users = context.storage.collection(UserDocument)
    found: Record | None = await users.find_one({"_id": key, "state": "active"})
    if found is None or not challenges.is_for(ticket, found):
        raise ChallengeError("this has expired; begin again")
    return found


async def _owner(context: Context, ticket: Ticket, credential: Record) -> Record:
    if ticket.user is not None:
        return await _challenged(context, ticket)
    found = await passkeys.owner_of(context, credential["id"])
    if found is None:
        raise PasskeyRefusedError("no account has this passkey", field=("passkey",))
    return found


def _code(context: Context, user: Record, code: str) -> _Proven:
    step = totp.check(context, user, code)
    if step is None:
        raise CodeWrongError("this code is wrong, or was used before", field=("code",))
    return _Proven(("otp", "mfa"), lambda: totp.spend(context, user, step))


def _recovery_code(context: Context, user: Record, code: str) -> _Proven:
    digest = recovery.check(context, user, code)
    if digest is None:
        raise CodeWrongError("this code is wrong, or was used before", field=("recoveryCode",))
    return _Proven(("mfa",), lambda: recovery.spend(context, user["_id"], digest))


async def _passkey(context: Context, ticket: Ticket, user: Record, credential: Record) -> _Proven:
    passkey, count = ceremonies.asserted(context, ticket, user, credential)
    if (count or passkey["sign_count"]) and count <= passkey["sign_count"]:
        acting, subject = as_user(context, user), subject_of(user)
        await audit.record(acting, None, "user.passkey_copied", subject, passkey=passkey["key"])
        raise PasskeyRefusedError(
            "this passkey was used elsewhere, so that there may be a copy of it; use another one",
            field=("passkey",),
        )
    return _Proven(("hwk", "mfa"), lambda: passkeys.spend(context, user, passkey, count))
