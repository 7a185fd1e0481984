"""Turning second factors on and off; each needs a proof beside the session."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_auth.mfa import ceremonies, challenges, passkeys, pictures, recovery, totp
from mercat_auth.mfa.changing import change, strengthen_session, update
from mercat_auth.mfa.errors import (
    ChallengeError,
    CodeWrongError,
    MfaOffError,
    MfaOnError,
    MfaRequiredError,
    PasskeyRefusedError,
)
from mercat_auth.mfa.proving import Proof, prove, signed_in_user
from mercat_auth.mfa.requiring import is_enrolled, is_needed


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator is set up with; `challenge` stands for it in `confirm`.

    `picture` is the URI as a QR code, as a `data:` URI.
    """

    challenge: str
    secret: str
    uri: str
    picture: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What a browser makes a passkey by; `challenge` stands for it in `finish_passkey`."""

    challenge: str
    options: str
    expires_at: datetime


async def enable(context: Context, proof: Proof) -> Enrolment:
    """Begin to use codes by time. Raises MfaOnError, and what `prove` raises."""
    user = await signed_in_user(context)
    if totp.stored_totp(user) is not None:
        raise MfaOnError("codes are on already; turn them off first")
    await prove(context, user, proof)
    secret = totp.new_secret()
    ticket = challenges.new_ticket("enrol", user, secret=secret)
    uri = totp.uri(secret, user["email"], context.shop.name)
    return Enrolment(
        challenges.written(context, ticket), secret, uri, pictures.qr_code(uri), ticket.expires_at
    )


async def confirm(context: Context, challenge: str, code: str) -> tuple[Record, list[str]]:
    """Use codes by time from now on: the user, and recovery codes, which nobody sees again.

    Raises ChallengeError, CodeWrongError, MfaOnError.
    """
    user = await signed_in_user(context)
    ticket = challenges.read(context, challenge, "enrol")
    if not challenges.is_for(ticket, user):
        raise ChallengeError("this has expired; begin again")
    step = totp.step_of(ticket.secret, code, 0)
    if step is None:
        raise CodeWrongError("this code is wrong", field=("code",))
    await challenges.spend(context, ticket)
    codes = recovery.new_codes()

    async def work(found: Record, within: Session) -> Record:
        if totp.stored_totp(found) is not None:
            raise MfaOnError("codes are on already; turn them off first")
        mfa = {
            "totp": {
                "secret": totp.seal(context, found["_id"], ticket.secret),
                "last_step": step,
                "added_at": datetime.now(UTC),
            },
            "recovery": recovery.digests(context, found["_id"], codes),
        }
        await update(context, found, {"mfa": mfa}, within)
        await strengthen_session(context, ("otp", "mfa"), within)
        return {**found, "mfa": mfa}

    changed = await change(
        context, user["_id"], work, action="user.mfa_enabled", told="mfa_enabled"
    )
    return changed, codes


async def disable(context: Context, proof: Proof) -> Record:
    """Use codes by time no more. Raises MfaOffError, MfaRequiredError, and what `prove` raises."""
    user = await signed_in_user(context)
    if totp.stored_totp(user) is None:
        raise MfaOffError("codes are not on")
    await prove(context, user, proof)

    async def work(found: Record, within: Session) -> Record:
        mfa = {**(found["mfa"] or {}), "totp": None} if found["passkeys"] else None
        _check_last(context, {**found, "mfa": mfa})
        await update(context, found, {"mfa": mfa}, within)
        return {**found, "mfa": mfa}

    return await change(context, user["_id"], work, action="user.mfa_disabled", told="mfa_disabled")


async def renew_codes(context: Context, proof: Proof) -> list[str]:
    """Other recovery codes; those so far are good no more.

    Raises MfaOffError, and what `prove` raises.
    """
    user = await signed_in_user(context)
    if not is_enrolled(user):
        raise MfaOffError("there is no second factor that codes could stand in for")
    await prove(context, user, proof)
    codes = recovery.new_codes()

    async def work(found: Record, within: Session) -> None:
        if not is_enrolled(found):
            raise MfaOffError("there is no second factor that codes could stand in for")
        digests = recovery.digests(context, found["_id"], codes)
        mfa = {**(found["mfa"] or {}), "recovery": digests}
        await update(context, found, {"mfa": mfa}, within)

    await change(
        context,
        user["_id"],
        work,
        action="user.recovery_codes_renewed",
        told="recovery_codes_renewed",
    )
    return codes


async def start_passkey(context: Context, proof: Proof) -> Registration:
    """Begin to make a passkey. Raises PasskeysOffError, TooManyError, and what `prove` raises."""
    user = await signed_in_user(context)
    passkeys.check_room(user)
    ticket = challenges.new_ticket("register passkey", user)
    options = ceremonies.registration_options(context, user, ticket)
    await prove(context, user, proof)
    return Registration(challenges.written(context, ticket), options, ticket.expires_at)


async def finish_passkey(
    context: Context, challenge: str, credential: str, name: str
) -> tuple[Record, list[str] | None]:
    """Keep a passkey: it, and recovery codes where it is the first factor.

    Raises ChallengeError, PasskeyRefusedError, PasskeysOffError, InvalidError, TooManyError.
    """
    user = await signed_in_user(context)
    ticket = challenges.read(context, challenge, "register passkey")
    if not challenges.is_for(ticket, user):
        raise ChallengeError("this has expired; begin again")
    verified = ceremonies.registered(context, ticket, ceremonies.read(credential))
    passkey = passkeys.new_passkey(verified, name)
    await challenges.spend(context, ticket)
    codes = recovery.new_codes()

    async def work(found: Record, within: Session) -> bool:
        passkeys.check_room(found)
        passkeys.check_new(found, passkey)
        is_first = not is_enrolled(found)
        await passkeys.push(context, found, passkey, within)
        if is_first:
            digests = recovery.digests(context, found["_id"], codes)
            await update(context, found, {"mfa": {"totp": None, "recovery": digests}}, within)
        await strengthen_session(context, ("hwk", "mfa"), within)
        return is_first

    try:
        is_first = await change(
            context, user["_id"], work, action="user.passkey_added", told="passkey_added"
        )
    except DuplicateKeyError:
        raise PasskeyRefusedError(passkeys.TAKEN) from None
    return passkey, codes if is_first else None


async def remove_passkey(context: Context, key: str, proof: Proof) -> None:
    """Take a passkey away. Raises NotFoundError, MfaRequiredError, and what `prove` raises."""
    user = await signed_in_user(context)
    passkeys.stored(user, key)
    await prove(context, user, proof)

    async def work(found: Record, within: Session) -> None:
        passkeys.stored(found, key)
        left = [each for each in found["passkeys"] if each["key"] != key]
        _check_last(context, {**found, "passkeys": left})
        await passkeys.pull(context, found, key, within)
        if not left and totp.stored_totp(found) is None:
            await update(context, found, {"mfa": None}, within)

    await change(context, user["_id"], work, action="user.passkey_removed", told="passkey_removed")


async def rename_passkey(context: Context, key: str, name: str) -> Record:
    """Call a passkey otherwise. Raises InvalidError, NotFoundError."""
    user = await signed_in_user(context)
    name = passkeys.checked_name(name)
    passkey = passkeys.stored(user, key)

    async def work(found: Record, within: Session) -> None:
        passkeys.stored(found, key)
        await passkeys.rename(context, found, key, name, within)

    await change(context, user["_id"], work, action="user.passkey_renamed", told=None)
    return {**passkey, "name": name}


def _check_last(context: Context, changed: Record) -> None:
    """Raise MfaRequiredError where somebody would be left without a factor that a role needs."""
    if not is_enrolled(changed) and is_needed(context, changed["roles"]):
        raise MfaRequiredError("your role needs a second factor; add another one first")
