"""Migrations: `migrations/<plugin>/NNNN_what.py`, each run once, in order, by one process.

A migration is a module with a docstring that says what it does, `async def up(context)`, which
must be safe to run again after a crash, and, where it can be told, `async def pending(context)`,
the number of documents that `up` would change, for the dry run.
"""

import importlib.util
import inspect
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beanie import Document
from pymongo.errors import PyMongoError

import mercat
from mercat.context import Context
from mercat.errors import BootError, MercatError
from mercat.storage.leases import lease

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.py\Z")
_LEASE = timedelta(seconds=60)

_logger = logging.getLogger(__name__)


class MigrationDocument(Document):
    id: str  # type: ignore[assignment]
    applied_at: datetime
    seconds: float

    class Settings:
        name = "migrations"


@dataclass(frozen=True)
class Migration:
    """One step: `id` is `<plugin>/NNNN_what`."""

    id: str
    title: str
    up: Callable[[Context], Awaitable[None]]
    pending: Callable[[Context], Awaitable[int]] | None


@dataclass(frozen=True)
class Status:
    """A migration with when it was applied, or None."""

    migration: Migration
    applied_at: datetime | None


def first_party_folder(plugin: str) -> Path:
    """Where a first-party plugin's migrations are: in the wheel, or in the repository."""
    package = Path(mercat.__file__).parent
    installed = package / "migrations"
    return (installed if installed.is_dir() else package.parents[1] / "migrations") / plugin


def find_migrations(folders: Iterable[tuple[str, Path]]) -> list[Migration]:
    """Load the migrations of plugins, in the order given and then by number.

    Raises BootError for a file that isn't named NNNN_what.py, a number used twice, or one without
    `up`.
    """
    found = []
    for plugin, folder in folders:
        numbers: dict[str, str] = {}
        for file in sorted(folder.glob("*.py")):
            if file.name == "__init__.py":
                continue
            match = _FILE_NAME.match(file.name)
            if match is None:
                raise BootError(f"{file} is no migration; name it NNNN_what.py, such as 0001_x.py")
            if match[1] in numbers:
                raise BootError(f"{file} has the same number as {numbers[match[1]]}; renumber one")
            numbers[match[1]] = file.name
            found.append(_load(plugin, file))
    return found


def _load(plugin: str, file: Path) -> Migration:
    specification = importlib.util.spec_from_file_location(f"{plugin}_{file.stem}", file)
    if specification is None or specification.loader is None:
        raise BootError(f"{file} can't be loaded")
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise BootError(f"{file} fails when loaded: {type(error).__name__}: {error}") from error
    up = getattr(module, "up", None)
    if not inspect.iscoroutinefunction(up) or not (module.__doc__ or "").strip():
        raise BootError(f"{file} needs a docstring and `async def up(context)`")
    title = (module.__doc__ or "").strip().splitlines()[0]
    return Migration(f"{plugin}/{file.stem}", title, up, getattr(module, "pending", None))


async def status(context: Context, migrations: Iterable[Migration]) -> list[Status]:
    """Which migrations were applied, and when."""
    records: Mapping[str, datetime] = {
        record["_id"]: record["applied_at"]
        async for record in context.storage.collection(MigrationDocument).find()
    }
    return [Status(migration, records.get(migration.id)) for migration in migrations]


async def migrate(
    context: Context,
    migrations: Iterable[Migration],
    on_applied: Callable[[Migration, float], None],
) -> bool:
    """Apply what is pending, in order; returns False where another process is at it.

    Safe to break off and to repeat: a migration counts as applied only once `up` has returned.
    Raises MercatError naming the migration that fails; those before it stay applied.
    """
    async with lease(context.storage, "migrations", _LEASE) as held:
        if not held:
            return False
        for step in await status(context, migrations):
            if step.applied_at is not None:
                continue
            started = time.perf_counter()
            await _apply(step.migration, context)
            seconds = time.perf_counter() - started
            await context.storage.collection(MigrationDocument).update_one(
                {"_id": step.migration.id},
                {"$set": {"applied_at": datetime.now(UTC), "seconds": seconds}},
                upsert=True,
            )
            on_applied(step.migration, seconds)
    return True


async def _apply(migration: Migration, context: Context) -> None:
    try:
        await migration.up(context)
    except (MercatError, PyMongoError) as error:
        raise MercatError(f"the migration {migration.id} failed: {error}") from error
    except Exception as error:
        _logger.exception("the migration %s failed", migration.id)
        raise MercatError(
            f"the migration {migration.id} failed: {type(error).__name__}: {error}"
        ) from error
