"""What the mutations answer."""

from datetime import datetime

import strawberry

from mercat_auth.errors import AuthError
from mercat_auth.mfa.states import Passkey
from mercat_auth.schema import AuthTokens, LoginChallenge, User

_ERRORS = "What the caller can mend."
_CODES = "Recovery codes, each good once; nobody sees them again."


@strawberry.type(description="The outcome of `loginConfirm`.")
class LoginConfirmPayload:
    user: User | None = strawberry.field(description="Who has signed in; null where it failed.")
    tokens: AuthTokens | None = strawberry.field(
        description="The tokens; null where they went into cookies, and where it failed."
    )
    csrf_token: str | None = strawberry.field(
        description="For the header `X-CSRF-Token`, where the tokens went into cookies."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `passkeyLoginStart`.")
class PasskeyLoginStartPayload:
    challenge: LoginChallenge | None = strawberry.field(
        description="What to answer; null where it failed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What an app for codes is set up with.")
class MfaEnrolment:
    challenge: str = strawberry.field(description="For `mfaConfirm`; a secret.")
    secret: str = strawberry.field(description="For apps that can't read a picture; base32.")
    uri: str = strawberry.field(description="What the QR code says: an `otpauth:` address.")
    qr_code: str = strawberry.field(
        description="A picture for the app's camera, as a `data:` address for `<img src>`; a"
        " secret."
    )
    expires_at: datetime = strawberry.field(description="Until when it can be confirmed.")


@strawberry.type(description="The outcome of `mfaEnable`.")
class MfaEnablePayload:
    enrolment: MfaEnrolment | None = strawberry.field(
        description="What to set the app up with; null where it failed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `mfaConfirm`.")
class MfaConfirmPayload:
    user: User | None = strawberry.field(description="The account; null where it failed.")
    recovery_codes: list[str] | None = strawberry.field(description=_CODES)
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `mfaDisable`.")
class MfaDisablePayload:
    user: User | None = strawberry.field(description="The account; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `recoveryCodesRenew`.")
class RecoveryCodesRenewPayload:
    recovery_codes: list[str] | None = strawberry.field(description=_CODES)
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What a browser makes a passkey by.")
class PasskeyRegistration:
    challenge: str = strawberry.field(description="For `passkeyRegisterFinish`.")
    options: str = strawberry.field(
        description="For `navigator.credentials.create`, as the JSON that"
        " `PublicKeyCredential.parseCreationOptionsFromJSON` reads."
    )
    expires_at: datetime = strawberry.field(description="Until when it can be finished.")


@strawberry.type(description="The outcome of `passkeyRegisterStart`.")
class PasskeyRegisterStartPayload:
    registration: PasskeyRegistration | None = strawberry.field(
        description="What to make it by; null where it failed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `passkeyRegisterFinish`.")
class PasskeyRegisterFinishPayload:
    passkey: Passkey | None = strawberry.field(description="The passkey; null where it failed.")
    recovery_codes: list[str] | None = strawberry.field(
        description=f"{_CODES} Null where there was a second factor before."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `passkeyRename`.")
class PasskeyRenamePayload:
    passkey: Passkey | None = strawberry.field(description="The passkey; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `passkeyRemove`.")
class PasskeyRemovePayload:
    removed_id: strawberry.ID | None = strawberry.field(
        description="The id that it had; null where it failed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)
