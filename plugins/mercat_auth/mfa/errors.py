from mercat.errors import DomainError


class CodeWrongError(DomainError):
    """A code is wrong, or was used before."""

    code = "CODE_WRONG"


class ChallengeError(DomainError):
    """A challenge is not one of the shop's, has expired, or was answered before."""

    code = "CHALLENGE_EXPIRED"


class PasskeyRefusedError(DomainError):
    """What a passkey says is not right."""

    code = "PASSKEY_REFUSED"


class ProofNeededError(DomainError):
    """The password, or a second factor, is needed and missing or wrong."""

    code = "PROOF_NEEDED"


class MfaOnError(DomainError):
    """Codes by time are on already."""

    code = "MFA_ON"


class MfaOffError(DomainError):
    """There is no second factor."""

    code = "MFA_OFF"


class MfaRequiredError(DomainError):
    """The last factor of somebody whose role needs one can't be taken away."""

    code = "MFA_REQUIRED"


class PasskeysOffError(DomainError):
    """The shop has not been told its own addresses, so that it has no passkeys."""

    code = "PASSKEYS_OFF"
