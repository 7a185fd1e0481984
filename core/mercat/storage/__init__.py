"""Where the shop's data lives: MongoDB, Redis, and what is built on them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pymongo
import redis.asyncio as aioredis
from beanie import Document
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.results import UpdateResult
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from mercat.errors import BootError, StoreError
from mercat.settings import Settings
from mercat.storage.binding import bound, indexes_of, name_of
from mercat.storage.embedded import EmbeddedServers
from mercat.storage.stepdown import PatientDatabase, wait_for_primary

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Record = dict[str, Any]
Session = AsyncClientSession

_TRANSACTION_SECONDS = 20
_LONGEST_TEXT = 2000
_CANCEL_SECONDS = 3.0
_END_SECONDS = 2.0

logging.getLogger("pymongo").setLevel(logging.WARNING)


class Storage:
    """One engine's stores: `storage[ProductDocument]`, `storage.redis`, `storage.transaction`.

    Beanie keeps a document's collection on its class, so each engine binds subclasses of its own,
    when each is first asked for: making them all would be half of an engine's start. That is why
    documents are reached through `storage[...]` and never by their class alone.
    """

    def __init__(
        self, settings: Settings, documents: Sequence[type[Document]], *, demo: bool = False
    ) -> None:
        self._settings = settings
        self._documents = tuple(documents)
        self._collections: dict[type[Document], AsyncCollection[Record]] = {}
        self._bound: dict[type[Document], Any] = {}
        self._embedded: EmbeddedServers | None = None
        self._watching: asyncio.Task[None] | None = None
        self._name = f"{settings.database.name}_demo" if demo else settings.database.name
        self.owner = secrets.token_hex(8)  # names this process in the outbox
        self.highest_numbers: dict[str, tuple[float, int]] = {}  # see pages.known_highest
        self.numbers: dict[str, Any] = {}  # see pages.next_number
        self.on_commit: list[Callable[[], None]] = []
        self.client: AsyncMongoClient[Record]
        self.database: AsyncDatabase[Record]
        self.redis: aioredis.Redis

    @property
    def is_embedded(self) -> bool:
        """Whether either store is an embedded server."""
        return self._settings.database.url is None or self._settings.redis.url is None

    @property
    def data_dir(self) -> Path:
        return self._settings.data_dir

    async def connect(self, *, make_indexes: bool = True) -> None:
        """Start or find the stores and make the documents' indexes.

        Raises BootError for a malformed URL, StoreError naming the store that doesn't answer.
        """
        try:
            mongo_url, redis_url = await self._urls()
            await self._connect_mongo(mongo_url)
            await self._connect_redis(redis_url)
            self._collections = {each: self.database[name_of(each)] for each in self._documents}
            if make_indexes:
                await self._make_indexes()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the stores; embedded servers that nobody else holds stop."""
        if hasattr(self, "redis"):
            await self.redis.aclose()
        if hasattr(self, "client"):
            await self.client.close()
        if self._watching is not None:
            await cancel([self._watching])
            self._watching = None
        if self._embedded is not None:
            await self._embedded.stop()
            self._embedded = None

    def __getitem__(self, document: type[D]) -> type[D]:
        """The Beanie class of a document, bound to this engine's database."""
        if document not in self._bound:
            self._bound[document] = bound(document, self.collection(document).database)
        found: type[D] = self._bound[document]
        return found

    def collection(self, document: type[Document]) -> AsyncCollection[Record]:
        """The plain collection of a document, for reads that need no models."""
        return self._collections[document]

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in a transaction: all that it writes with the session, or nothing.

        `work` runs again where another transaction was in the way (TransientTransactionError), so
        it must only touch the database. It has 20 s in all; where no server answers at the start,
        the client's timeout decides instead.
        """
        if not self.client.topology_description.has_writable_server():
            await wait_for_primary(self.client)
        async with self.client.start_session() as session:
            try:
                with pymongo.timeout(_TRANSACTION_SECONDS):
                    result = await session.with_transaction(work)
            except PyMongoError as error:
                if error.timeout:
                    await self._end(session)
                raise
        for tell in self.on_commit:
            tell()
        return result

    async def _end(self, session: Session) -> None:
        """Have the server give up a transaction whose abort came too late to be sent.

        Otherwise whoever writes the same waits for it, up to a minute.
        """
        with contextlib.suppress(PyMongoError), pymongo.timeout(_END_SECONDS):
            await self.client.admin.command("killSessions", [session.session_id])

    async def ping(self) -> None:
        """Ask both stores. Raises StoreError naming the one that doesn't answer."""
        try:
            with pymongo.timeout(self._settings.database.timeout_seconds):
                await self.client.admin.command("ping")
        except PyMongoError as error:
            raise StoreError(f"MongoDB does not answer: {_reason(error)}") from None
        try:
            await self.redis.ping()
        except (aioredis.RedisError, OSError) as error:
            raise StoreError(f"Redis does not answer: {error}") from None

    async def _urls(self) -> tuple[str, str]:
        """The URLs of MongoDB and Redis, of embedded servers where the settings name none."""
        mongo, valkey = self._settings.database.url, self._settings.redis.url
        if mongo is not None and valkey is not None:
            return mongo.get_secret_value(), valkey.get_secret_value()
        self._embedded = EmbeddedServers(self.data_dir)
        await self._embedded.start()
        self._watching = asyncio.create_task(self._embedded.watch(), name="watch-servers")
        return (
            mongo.get_secret_value() if mongo else self._embedded.mongo_url,
            valkey.get_secret_value() if valkey else self._embedded.redis_url,
        )

    async def _connect_mongo(self, url: str) -> None:
        milliseconds = int(self._settings.database.timeout_seconds * 1000)
        try:
            self.client = AsyncMongoClient(
                url,
                appname="mercat",
                heartbeatFrequencyMS=500,
                # Also how long a server may say nothing to the heartbeat before it counts as gone.
                connectTimeoutMS=2 * milliseconds,
                serverSelectionTimeoutMS=milliseconds,
                tz_aware=True,
                tzinfo=UTC,
            )
        except (ConfigurationError, InvalidURI, ValueError) as error:
            raise BootError(f"MERCAT_DATABASE__URL is no MongoDB URL: {error}") from None
        self.database = PatientDatabase(self.client, self._name)
        try:
            await self.client.admin.command("ping")
        except OperationFailure as error:
            raise StoreError(
                f"MongoDB refuses: {_reason(error)}; correct MERCAT_DATABASE__URL"
            ) from None
        except PyMongoError as error:
            raise StoreError(
                f"MongoDB does not answer: {_reason(error)}; start it, or correct "
                "MERCAT_DATABASE__URL"
            ) from None

    async def _connect_redis(self, url: str) -> None:
        timeout = self._settings.redis.timeout_seconds
        try:
            self.redis = aioredis.Redis.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                health_check_interval=30,
                retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
                client_name="mercat",
            )
        except ValueError as error:
            # Python's own words for a port would repeat part of a password.
            said = "its port is no number" if "Port could" in str(error) else str(error)
            raise BootError(f"MERCAT_REDIS__URL is no Redis URL: {said}") from None
        try:
            await self.redis.ping()
        except TypeError as error:  # an option in the URL that redis-py doesn't know
            raise BootError(f"MERCAT_REDIS__URL is no Redis URL: {error}") from None
        except (aioredis.RedisError, OSError) as error:
            raise StoreError(
                f"Redis does not answer: {error}; start it, or correct MERCAT_REDIS__URL"
            ) from None

    async def _make_indexes(self) -> None:
        try:
            for document, collection in self._collections.items():
                if found := indexes_of(document):
                    await collection.create_indexes(found)
        except OperationFailure as error:
            raise StoreError(f"an index can't be made: {_reason(error)}") from None


def _reason(error: PyMongoError) -> str:
    """The first sentence of what pymongo says, which otherwise runs on for a paragraph."""
    text = str(error).split(", Timeout:")[0].split(", full error:")[0]
    if isinstance(error, ServerSelectionTimeoutError):
        text = text.split(" (configured timeouts")[0]
    return text


def stored_now() -> datetime:
    """The time in UTC to the millisecond, as MongoDB keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def is_written(result: UpdateResult) -> bool:
    """Whether an upsert did anything: of two at once SecantusDB may let one change nothing."""
    return result.matched_count == 1 or result.upserted_id is not None


def storable(text: str) -> str:
    """Any text, such as an error's, as MongoDB takes it: no lone surrogates, and not too long."""
    return text[:_LONGEST_TEXT].encode(errors="backslashreplace").decode()


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended.

    A library may swallow a cancellation that comes just when what it waits for is done, as
    `asyncio.wait_for` does before Python 3.12; so it is repeated.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
