"""Hooks around the engine's life: what a plugin brings at boot, and when it starts and stops."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.context import Context
from mercat.exporting import Exporter
from mercat.hooks import hookspec
from mercat.importing import Importer

if TYPE_CHECKING:
    from mercat.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work done at intervals, once across all replicas.

    `every` is measured from start to start. `run` may be called again after a crash, so it must
    be safe to repeat. A job that takes longer than `lease` renews its lease by itself.
    """

    name: str
    every: timedelta
    run: Callable[[Context], Awaitable[None]]
    lease: timedelta = timedelta(seconds=30)


@dataclass(frozen=True)
class SealedFields:
    """Fields of a document that hold values which `mercat.storage.encryption` has sealed.

    `fields` are dotted, `shipping.address`; lists on the way, and lists of sealed values, need no
    word. The ids of one collection are all of one type.
    """

    document: type[Document]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """An operation that GraphiQL offers ready to run."""

    title: str
    document: str


@hookspec
def documents() -> Sequence[type[Document]]:  # type: ignore[empty-body]
    """The Beanie documents that the plugin stores; their indexes are made at start."""


@hookspec
def sealed_fields() -> Sequence[SealedFields]:  # type: ignore[empty-body]
    """Where the plugin stores sealed values, so that rotating the keys finds them all."""


@hookspec
def schema() -> Sequence[type]:  # type: ignore[empty-body]
    """The classes that the plugin adds to the GraphQL schema, each made with `@extend`.

    New types come along with the fields that use them; a type that no field names, such as an
    implementation of an interface, may stand in the list itself.
    """


@hookspec
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:  # type: ignore[empty-body]
    """Litestar route handlers beside `/graphql`, such as a webhook's."""


@hookspec
def scheduled_jobs() -> Sequence[Job]:  # type: ignore[empty-body]
    """Work to be done at intervals, once across all replicas."""


@hookspec
def migrations() -> Path:  # type: ignore[empty-body]
    """The folder of the plugin's migrations, files named `NNNN_what.py`.

    First-party plugins keep theirs in the repository's `migrations/<plugin>/` instead.
    """


@hookspec
def commands() -> Sequence[click.Command]:  # type: ignore[empty-body]
    """Commands added to `mercat`."""


@hookspec
def importers() -> Sequence[Importer[Any]]:  # type: ignore[empty-body]
    """What `mercat import` can read."""


@hookspec
def exporters() -> Sequence[Exporter[Any]]:  # type: ignore[empty-body]
    """What `mercat export` can write."""


@hookspec
def ready_operations() -> Sequence[Operation]:  # type: ignore[empty-body]
    """Operations that GraphiQL offers ready to run."""


@hookspec
async def startup(context: Context) -> None:
    """The stores are connected and the engine is about to serve; in plugin order.

    Every worker process calls it. An exception here is logged and stops nothing.
    """


@hookspec
async def shutdown(context: Context) -> None:
    """The engine has stopped serving, its stores still connected; in reverse plugin order."""


@hookspec
async def demo_requested(context: Context) -> None:
    """Load the plugin's part of the demo shop; called by `mercat run --demo`, again at each run."""
