"""The engine: settings -> plugins in order -> hooks -> schema -> stores -> start."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from beanie import Document

import mercat
from mercat import auth, catalog, checkout, lifecycle, notifications, payments, payouts, support
from mercat.caching.answers import Answers
from mercat.context import SYSTEM, Context, Viewer
from mercat.errors import BootError
from mercat.graphql.documents import Documents
from mercat.graphql.extend import Contribution, MergedSchema
from mercat.graphql.schema import SCHEMA
from mercat.graphql.streams import Prepared
from mercat.hooks import Hooks
from mercat.importing import Importer
from mercat.manifest import PluginSettings
from mercat.memory import settle
from mercat.plugins import load_plugins
from mercat.settings import Settings, load_settings, read_section
from mercat.storage import Storage, cancel
from mercat.storage.changes import Changes
from mercat.storage.encryption import EncryptionKeyDocument, encryption_of
from mercat.storage.idempotency import IdempotencyDocument, forget_old_keys
from mercat.storage.leases import LeaseDocument
from mercat.storage.master_keys import require_master_key
from mercat.storage.migrations import (
    Migration,
    MigrationDocument,
    find_migrations,
    first_party_folder,
)
from mercat.storage.outbox import Outbox, OutboxDocument
from mercat.storage.pages import CounterDocument
from mercat.storage.rotation import finish_rotation
from mercat.storage.schedule import JobDocument, Schedule
from mercat.storage.sealed_fields import SealedCollectionDocument

S = TypeVar("S", bound=PluginSettings)
T = TypeVar("T")

DOMAINS: tuple[ModuleType, ...] = (
    lifecycle,
    catalog,
    checkout,
    payments,
    payouts,
    auth,
    notifications,
    support,
)
_CORE_DOCUMENTS: tuple[type[Document], ...] = (
    CounterDocument,
    EncryptionKeyDocument,
    IdempotencyDocument,
    JobDocument,
    LeaseDocument,
    MigrationDocument,
    OutboxDocument,
    SealedCollectionDocument,
)
_CORE_JOBS = (
    lifecycle.Job(
        name="forget-idempotency-keys",
        every=timedelta(hours=1),
        run=forget_old_keys,
    ),
)
_SEALING_JOB = lifecycle.Job(
    name="finish-key-rotation",
    every=timedelta(hours=1),
    run=finish_rotation,
)


class Engine:
    """One shop's engine; several in one process don't see each other.

    Building it checks everything that needs no store, and raises BootError with one sentence.
    `async with engine:` connects the stores; `work=True` also delivers the outbox and runs jobs.
    """

    def __init__(self, settings: Settings | None = None, *, demo: bool = False) -> None:
        self.settings = settings or load_settings()
        self._own: dict[type, Any] = {}
        self.demo = demo
        self.plugins = load_plugins(
            self.settings.enabled,
            mercat.__version__,
            self.settings.file,
            demo=demo and not self.settings.shop.production,
        )
        self._plugin_settings = self._read_plugin_settings()
        self.hooks = Hooks(DOMAINS)
        for plugin in self.plugins:
            self.hooks.register(plugin.name, plugin.hooks)
        self.schema = self._merge_schema()
        self.documents = Documents(
            self.schema._schema,  # noqa: SLF001  Strawberry's own handle
            self.settings.graphql,
            introspection=self.settings.introspection,
            compile_at=2 if self.settings.graphql.executor == "compiled" else None,
        )
        self.migrations = self._find_migrations()
        documents = self._documents()
        self.sealed_fields = self._find_sealed_fields(documents)
        self.storage = Storage(self.settings, documents, demo=demo)
        self.changes = Changes(self.storage)
        self.answers = Answers(self)
        self.outbox = Outbox(self.context())
        jobs = [job for _, found in self.hooks.gather(lifecycle.scheduled_jobs) for job in found]
        sealing = [_SEALING_JOB] if self.sealed_fields else []
        self._schedule = Schedule(self.context(), [*_CORE_JOBS, *sealing, *jobs])
        self._tasks: list[asyncio.Task[Any]] = []

    def context(self, viewer: Viewer = SYSTEM) -> Context:
        """A context for work that no request asked for."""
        return Context(self, viewer)

    def plugin_settings(self, model: type[S]) -> S:
        """The validated settings of the plugin whose manifest names `model`."""
        return self._plugin_settings[model]  # type: ignore[return-value]

    def own(self, kind: type[T], *arguments: Any) -> T:
        """The engine's only object of a class, such as a plugin's memory; made when asked for.

        `arguments` are those that it is made of.
        """
        if kind not in self._own:
            self._own[kind] = kind(*arguments)
        found: T = self._own[kind]
        return found

    def importers(self) -> list[tuple[str, Importer[Any]]]:
        """What can be imported, with the plugin that reads it."""
        return [
            (plugin, importer)
            for plugin, importers in self.hooks.gather(lifecycle.importers)
            for importer in importers
        ]

    async def start(self, *, work: bool = True) -> None:
        """Connect the stores; with `work`, deliver the outbox, run jobs, and tell the plugins."""
        await self._connect()
        if not work:
            return
        await self.hooks.notify(lifecycle.startup, self.context())
        self._tasks = [
            asyncio.create_task(self.changes.run(), name="changes"),
            asyncio.create_task(self.outbox.run(), name="outbox"),
            asyncio.create_task(self._schedule.run(), name="schedule"),
        ]
        settle()

    async def stop(self) -> None:
        """Stop working, tell the plugins, and let go of the stores."""
        if self._tasks:
            await cancel(self._tasks)
            self._tasks = []
            await self.hooks.notify_reversed(lifecycle.shutdown, self.context())
            await self.answers.stop()
        await encryption_of(self.context()).close()
        await self.storage.close()

    async def _connect(self) -> None:
        await self.storage.connect()
        if not self.sealed_fields:
            return
        try:
            await encryption_of(self.context()).open()
        except BaseException:
            await self.stop()
            raise

    async def __aenter__(self) -> Self:
        await self.start(work=False)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _read_plugin_settings(self) -> dict[type[PluginSettings], PluginSettings]:
        names = {plugin.name for plugin in self.plugins}
        for name in self.settings.plugins.keys() - names:
            raise BootError(
                f"{self.settings.file}: [plugins.{name}] is set, but '{name}' is not enabled; add "
                "it to [plugins] enabled or remove its table"
            )
        return {
            plugin.manifest.settings: read_section(
                plugin.manifest.settings,
                self.settings.plugins.get(plugin.name, {}),
                f"plugins.{plugin.name}",
                self.settings.file,
                self.settings.in_file,
            )
            for plugin in self.plugins
        }

    def _merge_schema(self) -> MergedSchema:
        given = [("mercat", SCHEMA), *self.hooks.gather(lifecycle.schema)]
        return _merged(
            tuple(Contribution(plugin, tuple(classes)) for plugin, classes in given),
            tuple((plugin.package.__name__, plugin.name) for plugin in self.plugins),
            suggestions=not self.settings.shop.production,
        )

    def _documents(self) -> list[type[Document]]:
        found = list(_CORE_DOCUMENTS)
        owners: dict[str, str] = {_collection(document): "mercat" for document in found}
        for plugin, documents in self.hooks.gather(lifecycle.documents):
            for document in documents:
                other = owners.setdefault(_collection(document), plugin)
                if other != plugin:
                    raise BootError(
                        f"the collection '{_collection(document)}' is declared by the plugins "
                        f"'{other}' and '{plugin}'; rename one"
                    )
                found.append(document)
        return found

    def _find_sealed_fields(self, documents: list[type[Document]]) -> list[lifecycle.SealedFields]:
        declared = [
            (plugin, fields)
            for plugin, answer in self.hooks.gather(lifecycle.sealed_fields)
            for fields in answer
        ]
        for plugin, fields in declared:
            if fields.document not in documents:
                raise BootError(
                    f"plugin '{plugin}': sealed_fields names {fields.document.__name__}, which no "
                    "plugin has in `documents`"
                )
        if declared:
            require_master_key(self.settings)
        return [fields for _, fields in declared]

    def _find_migrations(self) -> list[Migration]:
        own = dict(self.hooks.gather(lifecycle.migrations))
        folders: Iterable[tuple[str, Path]] = (
            (plugin.name, own.get(plugin.name, first_party_folder(plugin.name)))
            for plugin in self.plugins
        )
        return find_migrations(folders)


@lru_cache(maxsize=16)
def _merged(
    contributions: tuple[Contribution, ...],
    packages: tuple[tuple[str, str], ...],
    *,
    suggestions: bool,
) -> MergedSchema:
    """The schema of these; engines in one process that have the same share it.

    A test suite makes many, and putting a schema together is half of making an engine.
    """
    return MergedSchema(
        contributions, dict(packages), suggestions=suggestions, extensions=[Prepared]
    )


def _collection(document: type[Document]) -> str:
    name: str | None = getattr(getattr(document, "Settings", None), "name", None)
    if name is None:
        raise BootError(
            f"{document.__module__}.{document.__qualname__} has no Settings.name; "
            "name its collection"
        )
    return name
