"""What can be wrong with a ticket beyond what the core knows."""

from typing import ClassVar

from mercat.errors import DomainError


class ClosedError(DomainError):
    """The ticket takes no more replies."""

    code: ClassVar[str] = "CLOSED"


class TransitionError(DomainError):
    """A ticket doesn't go from the state that it is in to that one."""

    code: ClassVar[str] = "TRANSITION"


class TakenError(DomainError):
    """Somebody else has the ticket."""

    code: ClassVar[str] = "TAKEN"
