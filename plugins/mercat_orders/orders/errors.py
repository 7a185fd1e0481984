from mercat.errors import DomainError


class StateError(DomainError):
    """It can't be done any more with what became of the order, or not yet."""

    code = "STATE"


class AmountError(DomainError):
    """More would go back than there is left."""

    code = "AMOUNT"
