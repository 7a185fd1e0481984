"""The files of pictures: made once for each digest, and swept a day after nobody needs them.

Only the database decides. An upload touches its content first, so the sweep, which deletes by what
it saw, leaves it alone for a day. Files are never put back into a folder that was given up: each
content gets a folder with a new name, and a folder that no content names is an orphan.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat_media.documents import ContentDocument, MediaDocument
from mercat_media.workshop import STALE_SECONDS, Staged, workshop_of

_DAY = timedelta(seconds=STALE_SECONDS)
_FIRST = "thumbnail.webp"
_BATCH = 50


async def content_of(context: Context, staged: Staged) -> Record:
    """The content of a picture, made now where there is none; it stays for a day at least.

    Raises UnsupportedTypeError, PolyglotError, TooManyPixelsError, BrokenError, BusyError.
    """
    workshop = workshop_of(context)
    async with workshop.alone(staged.digest):
        found = await _touched(context, staged.digest)
        if found is None:
            return await _make(context, staged)
        if await workshop.store.size(found["folder"], _FIRST) is None:
            await _put(context, staged, found["folder"])  # the storage lost it
        return found


async def loosen(context: Context, digest: str, session: Session) -> None:
    """Let the sweep look whether anybody needs this content still."""
    await _contents(context).update_one(
        {"_id": digest}, {"$set": {"loose": True, "touched_at": datetime.now(UTC)}}, session=session
    )


async def sweep(context: Context) -> None:
    """Delete what no media shows, and files of no content, a day after it was last touched."""
    before = datetime.now(UTC) - _DAY
    async for record in _contents(context).find({"loose": True, "touched_at": {"$lt": before}}):
        as_seen = {"_id": record["_id"], "touched_at": record["touched_at"]}
        if await _media(context).find_one({"digest": record["_id"]}, {"_id": 1}):
            await _contents(context).update_one(as_seen, {"$set": {"loose": False}})
        else:
            await _contents(context).delete_one(as_seen)
    batch: list[str] = []
    async for folder in workshop_of(context).store.folders(before):
        batch.append(folder)
        if len(batch) == _BATCH:
            await _delete_orphans(context, batch)
            batch = []
    await _delete_orphans(context, batch)


async def _delete_orphans(context: Context, folders: Sequence[str]) -> None:
    known = {record["folder"] async for record in find_by(_contents(context), "folder", folders)}
    for folder in folders:
        if folder not in known:
            await workshop_of(context).store.delete(folder)


async def _touched(context: Context, digest: str) -> Record | None:
    found: Record | None = await _contents(context).find_one_and_update(
        {"_id": digest},
        {"$set": {"loose": True, "touched_at": datetime.now(UTC)}},
        return_document=ReturnDocument.AFTER,
    )
    return found


async def _make(context: Context, staged: Staged) -> Record:
    folder = staged.digest[:32] + secrets.token_hex(4)
    made = await _put(context, staged, folder)
    record = {
        "_id": staged.digest,
        "folder": folder,
        **made,
        "loose": True,
        "touched_at": datetime.now(UTC),
    }
    try:
        await _contents(context).insert_one(record)
    except DuplicateKeyError:  # another process made it meanwhile
        found = await _touched(context, staged.digest)
        if found is None:
            raise
        await workshop_of(context).store.delete(folder)
        return found
    return record


async def _put(context: Context, staged: Staged, folder: str) -> Record:
    workshop = workshop_of(context)
    files = staged.folder / "files"
    answer = await workshop.render(staged.source, files)
    await workshop.store.put(folder, files)
    return {name: answer[name] for name in ("width", "height", "blurhash")}


def _contents(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ContentDocument)


def _media(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(MediaDocument)
