"""What callers may have done wrong with promotions and coupons."""

from mercat.errors import DomainError


class NotUsableError(DomainError):
    """The code does nothing for this cart; the message says why, as far as the caller may know."""

    code = "NOT_USABLE"


class TooManyCodesError(DomainError):
    """The cart has as many codes as it may have."""

    code = "TOO_MANY"


class TooManyTriesError(DomainError):
    """The caller tried too many wrong codes."""

    code = "TOO_MANY_TRIES"


class CodeTakenError(DomainError):
    """Another coupon has the code."""

    code = "CODE_TAKEN"


class KeyTakenError(DomainError):
    """Another customer group, or another imported promotion, has the key."""

    code = "KEY_TAKEN"


class OverlapError(DomainError):
    """Two promotions that exclude each other would hold at once, and nothing says which."""

    code = "OVERLAP"
