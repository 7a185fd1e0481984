from mercat.errors import DomainError


class GroupInUseError(DomainError):
    """A promotion is for the group."""

    code = "IN_USE"
