"""Writes that wait for a primary.

MongoDB answers "not primary" to a write while its replica set elects. Its driver repeats such a
write where the server labels the answer as retryable; SecantusDB doesn't, so it is repeated here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    NotPrimaryError,
    ServerSelectionTimeoutError,
    WriteError,
)

from .conflicts import WRITE_CONFLICT, conflict_of

P = ParamSpec("P")
T = TypeVar("T")
Record = dict[str, Any]

PRIMARY_SECONDS = 10.0
_STEP_SECONDS = 0.1


async def with_primary(client: AsyncMongoClient[Record], attempt: Callable[[], Awaitable[T]]) -> T:
    """Attempt a write again for up to 10 s while the servers answer but none is primary.

    A server that isn't primary has refused the write, so that repeating it can't do it twice.
    Servers that don't answer at all are waited for no longer than the client's own timeout. Where
    the driver retries no writes, one whose connection breaks is attempted once more.
    """
    deadline = time.monotonic() + PRIMARY_SECONDS
    is_last = client.options.retry_writes
    while True:
        try:
            return await attempt()
        except NotPrimaryError as error:
            if time.monotonic() > deadline or error.has_error_label("RetryableWriteError"):
                raise
        except ServerSelectionTimeoutError:
            if time.monotonic() > deadline or not _is_electing(client):
                raise
        except AutoReconnect as error:
            if is_last or error.timeout:
                raise
            is_last = True
        except WriteError as error:
            if time.monotonic() > deadline or error.code != WRITE_CONFLICT:
                raise
        await asyncio.sleep(_STEP_SECONDS)


async def wait_for_primary(client: AsyncMongoClient[Record]) -> None:
    """Ask the primary for a sign of life, for up to 10 s, as `with_primary` attempts a write.

    A connection that breaks is no reason to give up, as asking twice does nothing twice: after one
    the driver ends all others, so that whoever asks meanwhile is told of it.
    """
    deadline = time.monotonic() + PRIMARY_SECONDS
    while True:
        try:
            await with_primary(client, lambda: client.admin.command("ping"))
        except (NotPrimaryError, ServerSelectionTimeoutError):
            raise
        except AutoReconnect:
            if time.monotonic() > deadline:
                raise
        else:
            return
        await asyncio.sleep(_STEP_SECONDS)


def _is_electing(client: AsyncMongoClient[Record]) -> bool:
    """Whether there are servers and none of them is primary; so too where one just became it."""
    topology = client.topology_description
    return topology.has_readable_server(ReadPreference.NEAREST)


def _patient(
    write: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    @wraps(write)
    async def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        session: Any = kwargs.get("session")
        if session is not None and session.in_transaction:
            return await write(*args, **kwargs)  # the transaction as a whole is repeated
        collection: Any = args[0]
        return await with_primary(collection.database.client, lambda: write(*args, **kwargs))

    return patient


def _honest(
    write: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """An update that is told of a duplicate key only where it may have made one."""

    @wraps(write)
    async def honest(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await write(*args, **kwargs)
        except DuplicateKeyError as error:
            update = kwargs["update"] if "update" in kwargs else args[2]
            conflict = None if kwargs.get("upsert") else conflict_of(error, update)
            if conflict is None:
                raise
            raise conflict from error

    return honest


class PatientCollection(AsyncCollection[Record]):
    """A collection whose writes of one document wait for a primary."""

    insert_one = _patient(AsyncCollection.insert_one)
    update_one = _patient(_honest(AsyncCollection.update_one))
    replace_one = _patient(AsyncCollection.replace_one)
    delete_one = _patient(AsyncCollection.delete_one)
    find_one_and_update = _patient(_honest(AsyncCollection.find_one_and_update))
    find_one_and_replace = _patient(AsyncCollection.find_one_and_replace)
    find_one_and_delete = _patient(AsyncCollection.find_one_and_delete)


class PatientDatabase(AsyncDatabase[Record]):
    """A database of such collections, reached as `database[name]`."""

    def __getitem__(self, name: str) -> AsyncCollection[Record]:
        return PatientCollection(self, name)
