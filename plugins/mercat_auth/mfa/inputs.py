"""The inputs of the mutations."""

import strawberry

from mercat_auth.mfa.proving import Proof
from mercat_auth.schema import Transport

_PROOF = "The password, or a code."


@strawberry.input(description="A proof, beside the session, of who one is: one of them.")
class ProofInput:
    password: str | None = strawberry.field(default=None, description="The password.")
    code: str | None = strawberry.field(default=None, description="A code of the app.")
    recovery_code: str | None = strawberry.field(
        default=None, description="A recovery code, which is used up."
    )


@strawberry.input(description="An answer to the challenge of `login`: one of the factors.")
class LoginConfirmInput:
    challenge: str = strawberry.field(description="The challenge.")
    code: str | None = strawberry.field(default=None, description="A code of the app.")
    recovery_code: str | None = strawberry.field(
        default=None, description="A recovery code, which is used up."
    )
    passkey: str | None = strawberry.field(
        default=None,
        description="The JSON of what `navigator.credentials.get` gave: its `toJSON()`.",
    )


@strawberry.input(description="The beginning of signing in with a passkey alone.")
class PasskeyLoginStartInput:
    transport: Transport = strawberry.field(
        default=Transport.BEARER, description="How the client keeps the tokens."
    )


@strawberry.input(description="The beginning of using codes of an app.")
class MfaEnableInput:
    proof: ProofInput | None = strawberry.field(default=None, description=_PROOF)


@strawberry.input(description="The end of that: a first code of the app.")
class MfaConfirmInput:
    challenge: str = strawberry.field(description="The challenge of `mfaEnable`.")
    code: str = strawberry.field(description="The code that the app shows.")


@strawberry.input(description="Codes of an app are to be used no more.")
class MfaDisableInput:
    proof: ProofInput | None = strawberry.field(default=None, description=_PROOF)


@strawberry.input(description="Other recovery codes; those so far are good no more.")
class RecoveryCodesRenewInput:
    proof: ProofInput | None = strawberry.field(default=None, description=_PROOF)


@strawberry.input(description="The beginning of registering a passkey.")
class PasskeyRegisterStartInput:
    proof: ProofInput | None = strawberry.field(default=None, description=_PROOF)


@strawberry.input(description="The end of that: what the browser gave.")
class PasskeyRegisterFinishInput:
    challenge: str = strawberry.field(description="The challenge of `passkeyRegisterStart`.")
    credential: str = strawberry.field(
        description="The JSON of what `navigator.credentials.create` gave: its `toJSON()`."
    )
    name: str = strawberry.field(description="What to call it, such as `My phone`.")


@strawberry.input(description="Another name for a passkey.")
class PasskeyRenameInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="What to call it.")


@strawberry.input(description="A passkey to be removed.")
class PasskeyRemoveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    proof: ProofInput | None = strawberry.field(default=None, description=_PROOF)


def proof(given: ProofInput | None) -> Proof:
    """The proof of an input; none where it is left out."""
    return Proof() if given is None else Proof(given.password, given.code, given.recovery_code)
