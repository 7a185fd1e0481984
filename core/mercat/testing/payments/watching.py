"""Watching a provider: whether it holds up the event loop, and what it says in logs and errors."""

import asyncio
import contextlib
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_STEP_SECONDS = 0.005


class LoopWatch:
    """Measures for how long, at worst, the event loop came late: `seconds`.

    That is less by what a thread beside it came late meanwhile: a busy machine makes both late, and
    a call that waits on the loop makes the loop late alone.
    """

    def __init__(self) -> None:
        self._loop = self._thread = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_over = threading.Event()
        self._beside = threading.Thread(target=self._watch_beside, daemon=True)

    @property
    def seconds(self) -> float:
        return max(0.0, self._loop - self._thread)

    async def __aenter__(self) -> Self:
        self._beside.start()
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
        self._is_over.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_STEP_SECONDS)
            self._loop = max(self._loop, time.monotonic() - before - _STEP_SECONDS)

    def _watch_beside(self) -> None:
        while not self._is_over.is_set():
            before = time.monotonic()
            time.sleep(_STEP_SECONDS)
            self._thread = max(self._thread, time.monotonic() - before - _STEP_SECONDS)


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
