"""Killing a piece of work at each of its steps, one after another: what `kill -9` leaves behind.

Steps are the calls to the database and the questions to plugins, each before it is made and after
it was answered, and the beginnings and ends of transactions. A transaction that is killed inside is
aborted, as the server does with one whose client is gone.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mercat.hooks import Hooks
from mercat.storage import Storage
from mercat.storage.stepdown import PatientCollection

_CALLS = (
    "insert_one",
    "insert_many",
    "update_one",
    "update_many",
    "find_one",
    "find_one_and_update",
    "delete_one",
    "delete_many",
)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Clock:
    """Counts steps; at step number `at` the process is killed."""

    at: int
    steps: int = 0

    def tick(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


@contextmanager
def killed_at(step: int) -> Iterator[Clock]:
    """Kill what runs in the block at that step; `steps` of what it yields says how many it took."""
    clock = Clock(step)
    with pytest.MonkeyPatch.context() as patch:
        for name in _CALLS:
            call = getattr(PatientCollection, name)
            patch.setattr(PatientCollection, name, _ticking(call, clock))
        patch.setattr(Storage, "transaction", _ticking(Storage.transaction, clock))
        patch.setattr(Hooks, "first", _ticking(Hooks.first, clock))
        yield clock


def _ticking(
    function: Callable[..., Awaitable[Any]], clock: Clock
) -> Callable[..., Awaitable[Any]]:
    async def called(*args: Any, **kwargs: Any) -> Any:
        clock.tick()
        answer = await function(*args, **kwargs)
        clock.tick()
        return answer

    return called
