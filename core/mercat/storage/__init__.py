"""Where the shop's data lives: MongoDB, Redis, and what is built on them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pymongo
import redis.asyncio as aioredis
from beanie import Document
from beanie.odm.utils.init import Initializer, Output
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
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from mercat.errors import BootError, StoreError
from mercat.settings import Settings
from mercat.storage.embedded import EmbeddedServers

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Record = dict[str, Any]
Session = AsyncClientSession

_TRANSACTION_SECONDS = 20

logging.getLogger("pymongo").setLevel(logging.WARNING)


class _BoundInitializer(Initializer):
    """Initializes bound classes only; Beanie would also bind the class each is made from."""

    async def init_document(self, cls: type[Document]) -> Output | None:
        if cls not in self.document_models:
            return None
        return await super().init_document(cls)


class Storage:
    """One engine's stores: `storage[ProductDocument]`, `storage.redis`, `storage.transaction`.

    Beanie keeps a document's collection on its class, so each engine binds subclasses of its own;
    that is why documents are reached through `storage[...]` and never by their class alone.
    """

    def __init__(
        self, settings: Settings, documents: Sequence[type[Document]], *, demo: bool = False
    ) -> None:
        self._settings = settings
        self._documents = tuple(documents)
        self._bound: dict[type[Document], type[Document]] = {}
        self._embedded: EmbeddedServers | None = None
        self._watching: asyncio.Task[None] | None = None
        self._name = f"{settings.database.name}_demo" if demo else settings.database.name
        self.owner = secrets.token_hex(8)  # names this process in leases
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
        """Start or find the stores and bind the documents.

        Raises BootError for a malformed URL, StoreError naming the store that doesn't answer.
        """
        urls = [self._settings.database.url, self._settings.redis.url]
        if self.is_embedded:
            self._embedded = EmbeddedServers(self.data_dir)
            await self._embedded.start()
            self._watching = asyncio.create_task(self._embedded.watch(), name="watch-servers")
        found = self._embedded
        mongo_url, redis_url = (
            url.get_secret_value() if url is not None else embedded
            for url, embedded in zip(
                urls,
                (found.mongo_url, found.redis_url) if found else ("", ""),
                strict=True,
            )
        )
        try:
            await self._connect_mongo(mongo_url)
            await self._connect_redis(redis_url)
            await self._bind(make_indexes=make_indexes)
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
        return self._bound[document]  # type: ignore[return-value]

    def collection(self, document: type[Document]) -> AsyncCollection[Record]:
        """The plain collection of a document, for reads that need no models."""
        return self._bound[document].get_pymongo_collection()

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in a transaction: all that it writes with the session, or nothing.

        `work` runs again where another transaction was in the way (TransientTransactionError), so
        it must only touch the database. It has 20 s in all.
        """
        async with self.client.start_session() as session:
            with pymongo.timeout(_TRANSACTION_SECONDS):
                return await session.with_transaction(work)

    async def ping(self) -> None:
        """Ask both stores. Raises StoreError naming the one that doesn't answer."""
        try:
            await self.client.admin.command("ping")
        except PyMongoError as error:
            raise StoreError(f"MongoDB does not answer: {_reason(error)}") from None
        try:
            await self.redis.ping()  # type: ignore[misc]
        except (aioredis.RedisError, OSError) as error:
            raise StoreError(f"Redis does not answer: {error}") from None

    async def _connect_mongo(self, url: str) -> None:
        database = self._settings.database
        try:
            self.client = AsyncMongoClient(
                url,
                appname="mercat",
                heartbeatFrequencyMS=500,
                serverSelectionTimeoutMS=int(database.timeout_seconds * 1000),
                retryWrites=True,
                tz_aware=True,
            )
        except (ConfigurationError, InvalidURI, ValueError) as error:
            raise BootError(f"MERCAT_DATABASE__URL is no MongoDB URL: {error}") from None
        self.database = self.client[self._name]
        try:
            await self.client.admin.command("ping")
            await self.database.command("connectionStatus")
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
            raise BootError(f"MERCAT_REDIS__URL is no Redis URL: {error}") from None
        try:
            await self.redis.ping()  # type: ignore[misc]
        except (aioredis.RedisError, OSError) as error:
            raise StoreError(
                f"Redis does not answer: {error}; start it, or correct MERCAT_REDIS__URL"
            ) from None

    async def _bind(self, *, make_indexes: bool) -> None:
        self._bound = {
            document: type(document.__name__, (document,), {"__module__": document.__module__})
            for document in self._documents
        }
        try:
            await _BoundInitializer(
                database=self.database,
                document_models=list(self._bound.values()),
                skip_indexes=not make_indexes,
            )
        except OperationFailure as error:
            raise StoreError(f"an index can't be made: {_reason(error)}") from None


def _reason(error: PyMongoError) -> str:
    """The first sentence of what pymongo says, which otherwise runs on for a paragraph."""
    text = str(error).split(", Timeout:")[0].split(", full error:")[0]
    if isinstance(error, ServerSelectionTimeoutError):
        text = text.split(" (configured timeouts")[0]
    return text


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
