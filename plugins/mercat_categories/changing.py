"""Writing a change of the tree: in one transaction, if nobody changed the tree meanwhile.

A change is worked out on the tree at one version and written together with the next version, on the
condition that the version is still that one. Where it isn't, it is worked out anew.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record, Session
from mercat_categories.documents import (
    TREE,
    CategoryDocument,
    CategoryTreeDocument,
    CountDocument,
    RelistingDocument,
)
from mercat_categories.draft import Draft
from mercat_categories.memory import MOST_DONE, MOST_REMOVALS, memory_of
from mercat_categories.settings import CategorySettings
from mercat_media.service import count_uses

T = TypeVar("T")

_PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.02


class _OutdatedError(Exception):
    """Somebody else changed the tree first."""


async def change_tree(context: Context, work: Callable[[Draft], T]) -> T:
    """Have `work` make a draft of the change, again where another came first, and write it.

    Raises what `work` raises, and ConflictError where others were faster for 15 s.
    """
    memory = memory_of(context)
    most_levels = context.settings(CategorySettings).max_depth
    name = ObjectId()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    result: T | None = None
    async with memory.changing:
        while time.monotonic() < deadline:
            forest = await memory.newest(context.storage)
            if name in forest.done and result is not None:
                return result  # its acknowledgement had got lost
            draft = Draft(forest, most_levels)
            result = work(draft)
            try:
                if await _write(context, draft, name):
                    memory.advance(draft.result())
            except _OutdatedError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            finally:
                memory.spoil()
            return result
    raise ConflictError("the categories are being changed by somebody else; try again")


async def _write(context: Context, draft: Draft, name: ObjectId) -> bool:
    """Write what the draft changes; whether that is anything. Raises _OutdatedError."""
    writes = draft.writes()
    if not writes:
        return False
    version = draft.forest.version
    before, after = draft.images()
    removals = [{"version": version + 1, "category": key} for key in draft.removed]

    async def write(session: Session) -> None:
        advanced = await context.storage.collection(CategoryTreeDocument).update_one(
            {"_id": TREE, "version": version},
            {
                "$inc": {"version": 1},
                "$push": {
                    "removed": {"$each": removals, "$slice": -MOST_REMOVALS},
                    "done": {"$each": [name], "$slice": -MOST_DONE},
                },
            },
            session=session,
        )
        if advanced.matched_count == 0:
            raise _OutdatedError
        await categories(context).bulk_write(writes, session=session)
        await count_uses(context, session, before=before, after=after)
        if draft.added:
            new = [{"_id": key, "direct": 0, "total": 0} for key in draft.added]
            await counts(context).insert_many(new, session=session)
        for key in draft.removed:
            await counts(context).delete_one({"_id": key}, session=session)
        if draft.relisted:
            now = datetime.now(UTC)
            await relistings(context).insert_many(
                [
                    {"category": key, "status": 0, "number": 0, "created_at": now}
                    for key in draft.relisted
                ],
                session=session,
            )

    await context.storage.transaction(write)
    return True


def relistings(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(RelistingDocument)


def counts(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(CountDocument)


def categories(context: Context) -> AsyncCollection[Record]:
    """The stored categories."""
    return context.storage.collection(CategoryDocument)
