"""What a provider has to keep, clause by clause."""

from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T", bound=type)

CLAUSES = {
    1: "capabilities are true both ways",
    2: "one key is one effect",
    3: "twenty calls at once with one key are one effect",
    4: "a lost answer is not a refusal",
    5: "amounts are exact in EUR, JPY and KWD",
    6: "captures and refunds add up, and have their limits",
    7: "success only when the company says so",
    8: "3-D Secure: action, expiry, coming back twice, leaving",
    9: "messages: only signed and fresh ones, with stable ids",
    10: "any order of events comes to what the company says",
    11: "message before, during or after the answer: one capture",
    12: "dashboard refund, failed refund and dispute reach the ledger",
    13: "no secrets told, no waiting on the loop, time-outs kept",
    14: "the kit itself finds broken providers",
}
"""By number, as `pytest.mark.clause(number)` names them."""

ABOUT_THE_KIT = {14: "Mercat's own tests prove it"}
"""Clauses that no run of a provider's can prove, and who does."""


def clause(number: int) -> Callable[[T], T]:
    """Mark the tests of a class as those of a clause.

    Each by itself, as a suite inherits all classes, and their marks would be one another's.
    """

    def mark(tests: T) -> T:
        for name, test in vars(tests).items():
            if name.startswith("test_"):
                pytest.mark.clause(number)(pytest.mark.anyio(test))
        return tests

    return mark
