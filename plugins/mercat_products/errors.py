from mercat.errors import DomainError


class SlugTakenError(DomainError):
    """Another product has the slug."""

    code = "SLUG_TAKEN"


class SkuTakenError(DomainError):
    """Another variant has the SKU."""

    code = "SKU_TAKEN"


class InUseError(DomainError):
    """Something else still needs it."""

    code = "IN_USE"
