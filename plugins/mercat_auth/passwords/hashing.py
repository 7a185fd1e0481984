"""argon2id in threads of its own, a bounded number at once, so that a flood starves nobody."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import RateLimitedError
from mercat_auth.settings import AuthSettings

T = TypeVar("T")

# Of the threads: whoever only looks at products goes first. On a core that is busy with that, Linux
# still gives them a seventieth; with 10 it is a tenth, in pieces of 4 ms that all others wait for.
_NICE = 19
_AGAIN_SECONDS = 5


class Hashing:
    """One process's; its parameters are those of OWASP's Password Storage Cheat Sheet."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.plugin_settings(AuthSettings)
        self._hasher = PasswordHasher(
            time_cost=settings.hash_passes, memory_cost=settings.hash_memory_kib, parallelism=1
        )
        self._most = settings.hashes_at_once + settings.hashes_waiting
        self._count = 0
        self._threads = ThreadPoolExecutor(
            settings.hashes_at_once, "hashing", initializer=_step_back
        )
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The hash of a password. Raises RateLimitedError where too many wait."""
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether a password is the one that was hashed; takes as long where there is none."""
        return await self._in_turn(lambda: self._verify(stored, password))

    def is_outdated(self, stored: str) -> bool:
        """Whether a password is to be hashed anew, as the parameters have changed."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str | None, password: str) -> bool:
        # Made whoever is the first to sign in, so that even then both take as long.
        self._nobodys = self._nobodys or self._hasher.hash("nobody's")
        try:
            return self._hasher.verify(stored or self._nobodys, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._count >= self._most:
            raise RateLimitedError(
                "too many people sign in at this moment; try again", retry_after=_AGAIN_SECONDS
            )
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        try:
            self._threads.submit(_do, work, future)
            found: T = await future
            return found
        finally:
            self._count -= 1


def _do(work: Callable[[], T], future: "asyncio.Future[T]") -> None:
    """Work, unless nobody waits for it any more; the loop is called once, as each call wakes it."""
    if future.cancelled():
        return
    result: T | BaseException
    try:
        result = work()
    except Exception as error:  # noqa: BLE001  whoever waits has it
        result = error
    with contextlib.suppress(RuntimeError):  # the loop has ended
        future.get_loop().call_soon_threadsafe(_tell, future, result)


def _tell(future: "asyncio.Future[T]", result: T | BaseException) -> None:
    if future.cancelled():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


def _step_back() -> None:
    """Give this thread less of the processor; Linux has priorities by thread, others do not."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def hashing_of(context: Context) -> Hashing:
    """The hashing of the context's engine."""
    return context.engine.own(Hashing, context.engine)
