from mercat.errors import DomainError


class StateError(DomainError):
    """The payout, or the account, is not so that this could be done with it."""

    code = "STATE"
