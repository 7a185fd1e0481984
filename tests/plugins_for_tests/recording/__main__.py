"""An engine that delivers events and runs jobs, with leases of two seconds, until it is killed."""

import asyncio
from datetime import timedelta

from mercat import lifecycle
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage.outbox import Outbox
from mercat.storage.schedule import Schedule


async def work() -> None:
    engine = Engine(load_settings())
    async with engine:
        context = engine.context()
        jobs = [job for _, found in engine.hooks.gather(lifecycle.scheduled_jobs) for job in found]
        await asyncio.gather(
            Outbox(context, timedelta(seconds=2)).run(), Schedule(context, jobs).run()
        )


asyncio.run(work())
