"""What somebody's second factors look like."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

import strawberry

from mercat.context import Context
from mercat.graphql.records import stored
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_auth.mfa import recovery, requiring, totp
from mercat_auth.tokens import sessions


@strawberry.enum(description="Whether somebody signs in with a second factor.")
class MfaStatus(Enum):
    OFF = strawberry.enum_value("OFF", description="There is none, and none is needed.")
    ON = strawberry.enum_value("ON", description="There is one.")
    REQUIRED = strawberry.enum_value(
        "REQUIRED",
        description="A role needs one: until the viewer has one and has signed in with it, the"
        " viewer has the permissions of a customer.",
    )


@strawberry.type(description="A passkey: a device or a password manager that signs one in.")
class Passkey:
    record: strawberry.Private[Record]
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = stored("name", "What its owner calls it.")
    created_at: datetime = stored("created_at", "When it was registered.")
    used_at: datetime | None = stored("used_at", "When it was last used.")
    is_backed_up: bool = stored("is_backed_up", "Whether its owner's other devices have it too.")


@strawberry.type(description="Somebody's second factors.")
class MfaState:
    status: MfaStatus = strawberry.field(description="Whether there is one, and has to be.")
    codes: bool = strawberry.field(description="Whether codes by time, of an app, are on.")
    recovery_codes_left: int = strawberry.field(
        description="How many recovery codes have not been used."
    )
    passkeys: list[Passkey] | None = strawberry.field(
        description="The passkeys, the oldest first; null except for their owner."
    )


def to_passkey(record: Record) -> Passkey:
    """A stored passkey."""
    return Passkey(id=strawberry.ID(encode_id("Passkey", record["key"])), record=record)


def to_state(context: Context, user: Record, *, is_own: bool) -> MfaState:
    """The second factors of a stored user."""
    return MfaState(
        status=_status(context, user),
        codes=totp.stored_totp(user) is not None,
        recovery_codes_left=len(recovery.left(user)),
        passkeys=[to_passkey(each) for each in user["passkeys"]] if is_own else None,
    )


async def viewers_status(context: Context, user: Record) -> MfaStatus:
    """Whether the viewer, whose stored account it is, still needs a second factor."""
    if requiring.is_needed(context, user["roles"]):
        methods = await _methods(context, user)
        if requiring.is_held_back(context, user["roles"], methods):
            return MfaStatus.REQUIRED
    return _status(context, user)


async def _methods(context: Context, user: Record) -> Iterable[str]:
    for session in await sessions.sessions_of(context, user["_id"]):
        if session["_id"] == context.viewer.session:
            found: list[str] = session["methods"]
            return found
    return ()


def _status(context: Context, user: Record) -> MfaStatus:
    if requiring.is_enrolled(user):
        return MfaStatus.ON
    is_needed = requiring.is_needed(context, user["roles"])
    return MfaStatus.REQUIRED if is_needed else MfaStatus.OFF
