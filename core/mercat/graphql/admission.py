"""How many operations a process executes at once: those beyond are refused, and soon."""

from collections.abc import Iterator
from contextlib import contextmanager

from graphql import OperationType

from mercat.graphql.errors import ErrorCode
from mercat.graphql.protocol import HTTPError
from mercat.settings import ServerSettings

AGAIN = {"retry-after": "1"}
"""When to ask again what could not be answered now (RFC 9110, 10.2.3)."""


class Admission:
    """One process's: work that waits behind too much other work would be done for nobody.

    Mutations are fewer, as their transactions are in each other's way, and those that wait for
    somebody else's service leave room for queries.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._most = settings.max_operations
        self._most_mutations = settings.max_mutations
        self._mutations = 0
        self.running = 0
        self.refused = 0

    @contextmanager
    def one(self, kind: OperationType) -> Iterator[None]:
        """Execute one operation. Raises HTTPError (503) where as many as may be are executed."""
        mutations = kind is OperationType.MUTATION
        if self.running >= self._most or (mutations and self._mutations >= self._most_mutations):
            self.refused += 1
            raise HTTPError(
                503,
                "the shop has too much to do; try again",
                code=ErrorCode.UNAVAILABLE,
                headers=AGAIN,
            )
        self.running += 1
        self._mutations += mutations
        try:
            yield
        finally:
            self.running -= 1
            self._mutations -= mutations
