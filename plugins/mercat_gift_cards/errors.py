"""What callers may have done wrong with gift cards."""

from mercat.errors import DomainError


class NotUsableError(DomainError):
    """The gift card can't be used; the message says why, as far as the caller may know."""

    code = "NOT_USABLE"


class TooManyCardsError(DomainError):
    """The cart has as many gift cards as it may have."""

    code = "TOO_MANY"


class BalanceError(DomainError):
    """There would be less than nothing on the card."""

    code = "BALANCE"
