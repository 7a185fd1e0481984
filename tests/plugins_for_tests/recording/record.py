"""Writing down, in the database so that other processes see it."""

import asyncio
import os
from datetime import UTC, datetime
from typing import Any

from mercat import Context


async def behave(context: Context, who: str, **behaviour: Any) -> None:
    """Have `who` take some `seconds`, or fail (`fails=True`), from now on."""
    await context.storage.database["behaviours"].replace_one(
        {"_id": who}, {"_id": who, **behaviour}, upsert=True
    )


async def record(context: Context, who: str, what: object) -> None:
    """Write down that `who` heard `what`; `done` is set only once it has succeeded."""
    database = context.storage.database
    heard = await database["recorded"].insert_one(
        {"who": who, "what": what, "at": datetime.now(UTC), "pid": os.getpid(), "done": False}
    )
    behaviour = await database["behaviours"].find_one({"_id": who}) or {}
    await asyncio.sleep(behaviour.get("seconds", 0))
    if behaviour.get("fails"):
        raise RuntimeError(f"{who} fails, as it was told to")
    await database["recorded"].update_one({"_id": heard.inserted_id}, {"$set": {"done": True}})


async def recorded(context: Context, who: str) -> list[dict[str, Any]]:
    """What `who` heard, in order."""
    return await context.storage.database["recorded"].find({"who": who}).sort("_id", 1).to_list()
