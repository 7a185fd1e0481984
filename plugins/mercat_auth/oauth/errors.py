from enum import StrEnum

from mercat.errors import DomainError, MercatError


class FlowError(StrEnum):
    """What `?error=` says to a frontend; each is one of these words and nothing else."""

    ACCESS_DENIED = "access_denied"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_INVALID = "provider_invalid"
    TOO_MANY_ATTEMPTS = "too_many_attempts"


class ProviderError(MercatError):
    """A sign-in by a provider went wrong; `code` tells the frontend, the text is for the log."""

    def __init__(self, code: FlowError, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadFlowError(MercatError):
    """A request that belongs to no sign-in that this browser has begun; the text may be shown."""


class CodeInvalidError(DomainError):
    """A one-time code is wrong, was used or is too old, or the verifier isn't its own."""

    code = "CODE_WRONG"


class EmailUnverifiedError(DomainError):
    """The provider doesn't say that it has verified the person's address."""

    code = "PROVIDER_EMAIL_UNVERIFIED"


class AccountExistsError(DomainError):
    """There is an account with the address that nothing may be linked to without its owner."""

    code = "ACCOUNT_EXISTS"


class IdentityTakenError(DomainError):
    """The identity belongs to another account."""

    code = "IDENTITY_TAKEN"


class LastSignInError(DomainError):
    """Without the identity there would be no way left to sign in."""

    code = "LAST_SIGN_IN"
