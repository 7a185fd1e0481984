from mercat.errors import DomainError


class UnsupportedTypeError(DomainError):
    """The file is none of the pictures that are taken."""

    code = "UNSUPPORTED_TYPE"


class TooLargeError(DomainError):
    """The file has more than `max_bytes`."""

    code = "TOO_LARGE"


class TooManyPixelsError(DomainError):
    """The picture has more than `max_pixels`."""

    code = "TOO_MANY_PIXELS"


class PolyglotError(DomainError):
    """The file is a picture, and something else too."""

    code = "POLYGLOT"


class BrokenError(DomainError):
    """The picture can't be read to its end, or only with too much time or memory."""

    code = "BROKEN"


class InUseError(DomainError):
    """Something in the shop shows the picture."""

    code = "IN_USE"


class BusyError(DomainError):
    """Too many pictures are being worked on."""

    code = "BUSY"


REFUSALS: dict[str, type[DomainError]] = {
    error.code: error
    for error in (UnsupportedTypeError, PolyglotError, TooManyPixelsError, BrokenError)
}
