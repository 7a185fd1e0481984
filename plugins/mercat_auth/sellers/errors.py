from mercat.errors import DomainError


class WrongStateError(DomainError):
    """A seller is not in a state in which that can be done."""

    code = "WRONG_STATE"


class SlugTakenError(DomainError):
    """Another seller has the slug."""

    code = "SLUG_TAKEN"


class LastOwnerError(DomainError):
    """A seller would have no owner left."""

    code = "LAST_OWNER"
