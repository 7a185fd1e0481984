"""Uploading pictures, finding them, and what other plugins embed of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import IO

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat_media.contents import content_of, loosen
from mercat_media.documents import COUNTER, MediaDocument
from mercat_media.errors import InUseError
from mercat_media.owners import check_uploads, owner_of, theirs
from mercat_media.workshop import Staged, workshop_of

_LONGEST_ALT = 500
_EMBEDDED = ("folder", "alt", "width", "height", "blurhash")


def embedded(record: Record) -> Record:
    """What other plugins keep of a stored media; `schema.Media` shows it without a lookup."""
    return {"id": record["_id"], **{name: record[name] for name in _EMBEDDED}}


async def upload_file(context: Context, file: IO[bytes], *, alt: str | None) -> Record:
    """Upload a whole file; see `upload`. Raises TooLargeError too."""
    check_uploads(context.viewer)
    async with workshop_of(context).staging() as staged:
        await asyncio.to_thread(staged.copy, file)
        return await upload(context, staged, alt=alt)


async def upload_chunks(
    context: Context, chunks: AsyncIterator[bytes], *, alt: str | None
) -> Record:
    """Upload a file as it arrives; see `upload`. Raises TooLargeError too."""
    check_uploads(context.viewer)
    async with workshop_of(context).staging() as staged:
        with await asyncio.to_thread(staged.source.open, "xb") as out:
            async for chunk in chunks:
                staged.write(out, chunk)
        return await upload(context, staged, alt=alt)


async def upload(context: Context, staged: Staged, *, alt: str | None) -> Record:
    """Add the picture that was staged, or find the viewer's own media of it.

    That keeps the words that it has: other things in the shop may show it.

    Raises UnauthenticatedError, ForbiddenError, InvalidError, UnsupportedTypeError, PolyglotError,
    TooManyPixelsError, BrokenError, BusyError.
    """
    check_uploads(context.viewer)
    text = _checked_alt(alt or "")
    owner = owner_of(context.viewer)
    if owner is None:
        raise NotFoundError("you may not upload pictures")
    content = await content_of(context, staged)
    known = {"owner": owner, "digest": content["_id"]}
    for _ in range(3):
        found = await _found_again(context, known, text)
        if found is None:
            found = await _insert(context, known, content, text)
        if found is not None:
            return found
    raise ConflictError("this picture is being uploaded and deleted all the time; try again")


async def update(context: Context, media: ObjectId, *, alt: str) -> Record:
    """Change what a media's picture shows, in words. Raises InvalidError, NotFoundError."""
    check_uploads(context.viewer)
    text = _checked_alt(alt)
    found = await _collection(context).find_one_and_update(
        _own(context, media),
        {"$set": {"alt": text, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    return _there(found)


async def delete(context: Context, media: ObjectId) -> None:
    """Delete a media that nothing uses. Raises NotFoundError, InUseError."""
    check_uploads(context.viewer)
    own = _own(context, media)

    async def work(session: Session) -> None:
        gone = await _collection(context).find_one_and_delete({**own, "uses": 0}, session=session)
        if gone is None:
            _there(await _collection(context).find_one(own, session=session))
            raise InUseError(
                "something in the shop shows this picture; take it away there first", field=("id",)
            )
        await loosen(context, gone["digest"], session)

    await context.storage.transaction(work)


async def media_by_id(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """Those of the media that the viewer uploaded or manages."""
    condition = theirs(context.viewer)
    if condition is None or not ids:
        return {}
    cursor = _collection(context).find({"_id": {"$in": list(set(ids))}, **condition})
    return {record["_id"]: record async for record in cursor}


async def media_page(context: Context, request: PageRequest) -> Page:
    """One page of the viewer's media, the newest first.

    Raises UnauthenticatedError or ForbiddenError for who has none.
    """
    check_uploads(context.viewer)
    return await find_page(
        _collection(context),
        _listed(context),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count_media(context: Context) -> int:
    return await _collection(context).count_documents(_listed(context))


async def embed(
    context: Context, ids: Sequence[ObjectId], *, field: tuple[str, ...] = ("media",)
) -> list[Record]:
    """What another plugin keeps of these media, in order, to show them without a lookup.

    The viewer must have uploaded them or manage all. Raises NotFoundError, which names the place
    in `field` of the first that isn't there. Whoever keeps them calls `count_uses` where it
    writes them down.
    """
    found = await media_by_id(context, ids)
    for index, media in enumerate(ids):
        if media not in found:
            raise NotFoundError("there is no such picture", field=(*field, str(index)))
    return [embedded(found[media]) for media in ids]


async def count_uses(
    context: Context,
    session: Session,
    *,
    before: Iterable[Record] = (),
    after: Iterable[Record] = (),
) -> None:
    """Note, in the transaction that writes it, that one thing shows other pictures than before.

    `before` and `after` are the embedded records; external pictures among them don't matter. A
    picture that is used can't be deleted. Raises NotFoundError for one that is deleted already,
    which ends the transaction.
    """
    change = Counter(record["id"] for record in after if "id" in record)
    change.subtract(record["id"] for record in before if "id" in record)
    for media, by in sorted(change.items()):  # in one order, so that no two wait for each other
        if by == 0:
            continue
        done = await _collection(context).update_one(
            {"_id": media, "uses": {"$gte": -by}}, {"$inc": {"uses": by}}, session=session
        )
        if by > 0 and not done.matched_count:
            raise NotFoundError("a picture was deleted meanwhile; choose another")


async def _found_again(context: Context, known: Record, alt: str) -> Record | None:
    """The media of a picture; it gets the words only where it has none."""
    if alt:
        changed: Record | None = await _collection(context).find_one_and_update(
            {**known, "alt": ""},
            {"$set": {"alt": alt, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        if changed is not None:
            return changed
    return await _collection(context).find_one(known)


async def _insert(context: Context, known: Record, content: Record, alt: str) -> Record | None:
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    now = datetime.now(UTC)
    record = {
        **known,
        "number": number,
        "uploaded_by": context.viewer.user,
        **{name: content[name] for name in ("folder", "width", "height", "blurhash")},
        "alt": alt,
        "uses": 0,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    try:
        await _collection(context).insert_one(record)
    except DuplicateKeyError:
        return None
    return record


def _checked_alt(alt: str) -> str:
    text = alt.strip()
    if len(text) > _LONGEST_ALT:
        raise InvalidError(f"an `alt` has at most {_LONGEST_ALT} characters", field=("alt",))
    if not text.isprintable():
        raise InvalidError("an `alt` is one line of text", field=("alt",))
    return text


def _own(context: Context, media: ObjectId) -> Record:
    condition = theirs(context.viewer)
    if condition is None:
        raise _missing()
    return {"_id": media, **condition}


def _listed(context: Context) -> Record:
    condition = theirs(context.viewer)
    if condition is None:
        raise _missing()
    return condition


def _there(found: Record | None) -> Record:
    if found is None:
        raise _missing()
    return found


def _missing() -> NotFoundError:
    return NotFoundError("there is no such picture", field=("id",))


def _collection(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(MediaDocument)
