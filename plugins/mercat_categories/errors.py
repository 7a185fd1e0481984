from mercat.errors import DomainError


class TooDeepError(DomainError):
    """The tree would get more levels than `max_depth` allows."""

    code = "TOO_DEEP"


class SlugTakenError(DomainError):
    """Another category has the slug."""

    code = "SLUG_TAKEN"


class ParentNotFoundError(DomainError):
    """There is no category with the parent's id."""

    code = "PARENT_NOT_FOUND"
