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


class CycleError(DomainError):
    """A category would lie below itself."""

    code = "CYCLE"


class HasChildrenError(DomainError):
    """A category that has others below it can't be deleted in that way."""

    code = "HAS_CHILDREN"


class MismatchError(DomainError):
    """The categories named are not exactly the children of the parent."""

    code = "MISMATCH"


class ProductNotFoundError(DomainError):
    """There is no product with that id."""

    code = "PRODUCT_NOT_FOUND"


class TooManyError(DomainError):
    """A product would be in more categories than it may."""

    code = "TOO_MANY"
