from mercat.errors import DomainError


class SlugTakenError(DomainError):
    """Another product has the slug."""

    code = "SLUG_TAKEN"


class SkuTakenError(DomainError):
    """Another variant has the SKU, which is `sku` where it is known."""

    code = "SKU_TAKEN"

    def __init__(
        self, message: str, *, field: tuple[str, ...] | None = None, sku: str | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.sku = sku


class InUseError(DomainError):
    """Something else still needs it."""

    code = "IN_USE"
