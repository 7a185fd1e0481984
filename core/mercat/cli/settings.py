"""The engine that a command works with."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mercat.engine import Engine


def engine_from(
    config: Path | None, overrides: Mapping[str, Any] | None = None, *, demo: bool = False
) -> "Engine":
    """The engine of `--config`. Raises BootError."""
    from mercat.engine import Engine
    from mercat.settings import load_settings

    settings = load_settings(config, overrides)
    folder = str(settings.file.parent.resolve())
    if folder not in sys.path:  # plugins beside engine.toml are found by their dotted path
        sys.path.insert(0, folder)
    return Engine(settings, demo=demo)


def with_engine(config: Path | None, work: "Callable[[Engine], Awaitable[None]]") -> None:
    """Do something with the engine of `--config`, its stores connected. Raises MercatError."""

    async def connected() -> None:
        async with engine_from(config) as engine:
            await work(engine)

    asyncio.run(connected())
