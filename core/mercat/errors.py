"""Every error that Mercat raises on purpose.

MercatError
 ├── BootError           what the integrator must fix; the command exits with 2
 ├── StoreError          a store can't be reached; the command exits with 3
 │    └── NotReadyError  something is being made and not there yet
 ├── AccessError         who asks may not do this, or not now; never a `userError`
 │    ├── UnauthenticatedError
 │    │    └── ExpiredError
 │    ├── ForbiddenError
 │    └── RateLimitedError
 └── DomainError         what the caller did; becomes a `userError`
      ├── NotFoundError
      ├── StaleError
      ├── ConflictError
      └── InvalidError
"""

from collections.abc import Sequence
from typing import ClassVar


class MercatError(Exception):
    """Anything Mercat raises on purpose; its text is one sentence fit to be shown."""


class BootError(MercatError):
    """The engine can't start until the integrator changes what the sentence names."""


class StoreError(MercatError):
    """MongoDB or Redis can't be reached, or its embedded server won't start."""


class NotReadyError(StoreError):
    """Something that the answer needs is being made; the text says what, and clients see it."""


class AccessError(MercatError):
    """Who asks may not do this, or not now."""


class UnauthenticatedError(AccessError):
    """The credentials of a request are wrong, or there are none where some are needed.

    `cookies` are values of Set-Cookie that take wrong ones out of a browser.
    """

    def __init__(self, message: str = "sign in to do this", *, cookies: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.cookies = tuple(cookies)


class ExpiredError(UnauthenticatedError):
    """The credentials were good, and can be renewed without signing in again."""


class ForbiddenError(AccessError):
    """The viewer is known and may not do this."""

    def __init__(self, message: str = "you may not do this") -> None:
        super().__init__(message)


class RateLimitedError(AccessError):
    """Too much was asked for; `retry_after` is how many seconds to wait."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DomainError(MercatError):
    """The caller asked for something that can't be; `code` and `field` go into the `userError`."""

    code: ClassVar[str] = "INVALID"

    def __init__(self, message: str, *, field: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidError(DomainError):
    """A value that the caller can mend."""


class NotFoundError(DomainError):
    """No such thing, or none that the viewer may see: the two answer alike."""

    code = "NOT_FOUND"


class StaleError(DomainError):
    """Somebody else changed the object since the caller read it."""

    code = "STALE"


class ConflictError(DomainError):
    """The request contradicts one made before, such as another body under the same key."""

    code = "CONFLICT"
