"""What it hears, where it is heard by two plugins, and its jobs and migrations."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from mercat import Context, hookimpl
from mercat.lifecycle import Job
from tests.plugins_for_tests.recording.record import record

TICK = "recording-tick"


@hookimpl
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    await record(context, "recording", list(product_ids))


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return [Job(name=TICK, every=timedelta(seconds=2), run=tick, lease=timedelta(seconds=2))]


@hookimpl
def migrations() -> Path:
    return Path(os.environ.get("RECORDING_MIGRATIONS", Path(__file__).parent / "no-migrations"))


async def tick(context: Context) -> None:
    await record(context, TICK, None)
