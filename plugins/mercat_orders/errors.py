from collections.abc import Sequence

from mercat.errors import DomainError


class QuantityError(DomainError):
    """A quantity is below one, or more than a line may have."""

    code = "QUANTITY"


class UnavailableError(DomainError):
    """A variant isn't for sale now, or not in the cart's currency."""

    code = "UNAVAILABLE"


class TooManyError(DomainError):
    """A cart would have more lines than it may."""

    code = "TOO_MANY"


class NotServedError(DomainError):
    """The shop doesn't sell to that country, or not in that currency."""

    code = "NOT_SERVED"


class ShippingError(DomainError):
    """A parcel can't go in that way."""

    code = "SHIPPING"


class AddressError(DomainError):
    """An address that its country's post would not take; `problems` are where, and what."""

    code = "ADDRESS"

    def __init__(self, problems: Sequence[tuple[tuple[str, ...], str]]) -> None:
        super().__init__(problems[0][1], field=problems[0][0])
        self.problems = tuple(problems)
