"""Watching a provider: whether it holds up the event loop, and what it says in logs and errors."""

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_STEP_SECONDS = 0.005


class LoopWatch:
    """Measures for how long the event loop did nothing else, at worst: `seconds`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await asyncio.sleep(_STEP_SECONDS)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_STEP_SECONDS)
            self.seconds = max(self.seconds, time.monotonic() - before - _STEP_SECONDS)


class Ears(logging.Handler):
    """Everything that is logged, and the errors that it is given."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))

    def note(self, what: object) -> None:
        """Remember how something shows itself: an error with its causes, a value by its repr."""
        if isinstance(what, BaseException):
            self.heard.extend(traceback.format_exception(what))
        self.heard.append(repr(what))

    def has(self, secret: str) -> str | None:
        """Where a secret was heard; None where it was not."""
        return next((text for text in self.heard if secret in text), None)


@contextlib.contextmanager
def listening(package: str) -> Iterator[Ears]:
    """Hear what is logged from INFO on, and of a package from DEBUG on."""
    ears, root, own = Ears(), logging.getLogger(), logging.getLogger(package)
    before = root.level, own.level
    root.addHandler(ears)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    try:
        yield ears
    finally:
        root.removeHandler(ears)
        root.setLevel(before[0])
        own.setLevel(before[1])
