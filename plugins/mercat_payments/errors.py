from mercat.errors import DomainError


class DeclinedError(DomainError):
    """The provider refused what it was asked."""

    code = "DECLINED"
