"""What people can mend about accounts, signing in and roles; the codes of its `userErrors`."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path

T = TypeVar("T")


class BadCredentialsError(DomainError):
    """The address or the password is wrong; nobody is told which."""

    code = "BAD_CREDENTIALS"

    def __init__(self, message: str = "the address or the password is wrong") -> None:
        super().__init__(message)


class WrongPasswordError(DomainError):
    """Somebody who is signed in did not repeat the password."""

    code = "WRONG_PASSWORD"

    def __init__(self, field: tuple[str, ...] = ("password",)) -> None:
        super().__init__("this is not your password", field=field)


class SignInAgainError(DomainError):
    """What is asked for needs somebody who has signed in a few minutes ago."""

    code = "SIGN_IN_AGAIN"

    def __init__(self) -> None:
        super().__init__("sign in again to do this")


class EmailNotVerifiedError(DomainError):
    """The password is right, but nobody has followed the link to the address yet."""

    code = "EMAIL_NOT_VERIFIED"


class EmailTakenError(DomainError):
    """Another account has the address; only told to who owns that."""

    code = "EMAIL_TAKEN"

    def __init__(self, field: tuple[str, ...] = ("email",)) -> None:
        super().__init__("another account has this address", field=field)


class SuspendedError(DomainError):
    """The account may not be used at present."""

    code = "SUSPENDED"

    def __init__(self) -> None:
        super().__init__("this account is suspended; ask the shop")


class WeakPasswordError(DomainError):
    """A password that would be guessed."""

    code = "WEAK_PASSWORD"


class LinkError(DomainError):
    """A link that was used before, has expired, or never was."""

    code = "LINK_ENDED"

    def __init__(self) -> None:
        super().__init__(
            "this link was used before or has expired; ask for another", field=("token",)
        )


class TooManyError(DomainError):
    """There are as many of something as there may be."""

    code = "TOO_MANY"


@strawberry.enum(description="What can be wrong about accounts, signing in and roles.")
class AuthErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such thing, or none that the viewer may see."
    )
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="It contradicts what was done before or is being done."
    )
    BAD_CREDENTIALS = strawberry.enum_value(
        "BAD_CREDENTIALS", description="The address or the password is wrong."
    )
    WRONG_PASSWORD = strawberry.enum_value(
        "WRONG_PASSWORD", description="It is not the viewer's password."
    )
    SIGN_IN_AGAIN = strawberry.enum_value(
        "SIGN_IN_AGAIN", description="It needs somebody who signed in a few minutes ago."
    )
    EMAIL_NOT_VERIFIED = strawberry.enum_value(
        "EMAIL_NOT_VERIFIED", description="The link that was sent to the address comes first."
    )
    EMAIL_TAKEN = strawberry.enum_value(
        "EMAIL_TAKEN", description="Another account has the address."
    )
    SUSPENDED = strawberry.enum_value("SUSPENDED", description="The account is suspended.")
    WEAK_PASSWORD = strawberry.enum_value(
        "WEAK_PASSWORD", description="The password is too short, or would be guessed."
    )
    LINK_ENDED = strawberry.enum_value(
        "LINK_ENDED", description="The link was used before, has expired, or never was."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="There are as many as there may be.")
    CODE_WRONG = strawberry.enum_value(
        "CODE_WRONG", description="The code is wrong, or was used before."
    )
    CHALLENGE_EXPIRED = strawberry.enum_value(
        "CHALLENGE_EXPIRED",
        description="The challenge has expired or was answered before; begin again.",
    )
    PASSKEY_REFUSED = strawberry.enum_value(
        "PASSKEY_REFUSED", description="What the passkey says can't be verified."
    )
    PROOF_NEEDED = strawberry.enum_value(
        "PROOF_NEEDED", description="It needs the password or a code beside the session."
    )
    MFA_ON = strawberry.enum_value("MFA_ON", description="Codes by time are on already.")
    MFA_OFF = strawberry.enum_value("MFA_OFF", description="There is no second factor.")
    MFA_REQUIRED = strawberry.enum_value(
        "MFA_REQUIRED", description="A role of the account needs its last second factor."
    )
    PASSKEYS_OFF = strawberry.enum_value(
        "PASSKEYS_OFF", description="The shop is not set up for passkeys."
    )
    LAST_ADMIN = strawberry.enum_value(
        "LAST_ADMIN", description="The shop would have no admin left."
    )
    NOT_YOURS_TO_GIVE = strawberry.enum_value(
        "NOT_YOURS_TO_GIVE", description="It may more than the viewer may."
    )
    NAME_TAKEN = strawberry.enum_value("NAME_TAKEN", description="There is one with that name.")
    SLUG_TAKEN = strawberry.enum_value("SLUG_TAKEN", description="Another seller has the slug.")
    IN_USE = strawberry.enum_value("IN_USE", description="Something goes by it still.")
    WRONG_STATE = strawberry.enum_value(
        "WRONG_STATE", description="It is not in a state in which that can be done."
    )
    LAST_OWNER = strawberry.enum_value(
        "LAST_OWNER", description="The seller would have no owner left."
    )
    PROVIDER_EMAIL_UNVERIFIED = strawberry.enum_value(
        "PROVIDER_EMAIL_UNVERIFIED", description="The provider has not verified the address."
    )
    ACCOUNT_EXISTS = strawberry.enum_value(
        "ACCOUNT_EXISTS",
        description="An account has the address; sign in to it, then use `identityLink`.",
    )
    IDENTITY_TAKEN = strawberry.enum_value(
        "IDENTITY_TAKEN", description="Another account has the identity."
    )
    LAST_SIGN_IN = strawberry.enum_value(
        "LAST_SIGN_IN", description="There would be no way left to sign in."
    )


@strawberry.type(description="What is wrong about an account, signing in or a role.")
class AuthError(UserError):
    code: AuthErrorCode = strawberry.field(description="What kind of error it is.")


def to_error(error: DomainError) -> AuthError:
    """A refusal of a service as a `userError`; its field's path begins with `input`."""
    field = input_path(error.field)
    return AuthError(field=field, message=str(error), code=AuthErrorCode(error.code))


async def attempted(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[AuthError]]:
    """What `work` gives, or what the caller can mend."""
    try:
        return await work(), []
    except DomainError as error:
        return None, [to_error(error)]
