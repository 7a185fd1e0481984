"""Engines of shops with given plugins, each with a database of its own."""

import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from mercat.engine import Engine
from mercat.plugins import find_plugin
from mercat.settings import FILE_NAME, Settings, load_settings
from mercat.storage import Record
from mercat.testing.stores import Stores


@asynccontextmanager
async def opened(
    stores: Stores,
    *plugins: str,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    work: bool = False,
    **sections: Mapping[str, Any],
) -> AsyncIterator[Engine]:
    """A started engine with these plugins and all that they require.

    `tables` are `[plugins.<name>]`, secrets too; `sections` others of engine.toml, such as
    `shop={"currency": "USD"}`. With `work` it also delivers the outbox and runs jobs.
    """
    with tempfile.TemporaryDirectory(prefix="mercat-shop-") as folder:
        settings = settings_of(stores, Path(folder), *plugins, tables=tables, **sections)
        engine = Engine(settings)
        await engine.start(work=work)
        try:
            yield engine
        finally:
            await engine.stop()
            await _forget(settings)


def settings_of(
    stores: Stores,
    folder: Path,
    *plugins: str,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    **sections: Mapping[str, Any],
) -> Settings:
    """The settings of such a shop, with an engine.toml in `folder`."""
    enabled = requirements(*plugins)
    file = folder / FILE_NAME
    file.write_text(f"[plugins]\nenabled = {json.dumps(enabled)}\n", encoding="utf-8")
    database = {"url": stores.mongo_url, "name": f"shop_{secrets.token_hex(6)}"}
    overrides = {
        "database": database,
        "redis": {"url": stores.redis_url},
        "plugins": dict(tables or {}),
        **sections,
    }
    return load_settings(file, overrides)


def requirements(*plugins: str) -> list[str]:
    """Plugins, each after all that it needs, as `[plugins] enabled` lists them.

    Raises BootError for one that can't be found.
    """
    found: dict[str, None] = {}
    for entry in plugins:
        manifest = find_plugin(entry, Path(FILE_NAME)).manifest
        found |= dict.fromkeys(requirements(*manifest.requires))
        found[entry] = None
    return list(found)


async def _forget(settings: Settings) -> None:
    """Embedded stores end with their process; of others the database is taken away."""
    if url := os.environ.get("MERCAT_TEST_DATABASE__URL"):
        async with AsyncMongoClient[Record](url) as client:
            await client.drop_database(settings.database.name)
