"""The shop's own pictures on products: by id where they are given, embedded where kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat_media.service import embed

Given = Mapping[str, Any]


async def with_pictures(context: Context, given: Given, field: tuple[str, ...] = ()) -> Given:
    """What is given of a product or a variant, with pictures in place of their ids.

    Raises NotFoundError for a picture that the viewer has not uploaded or may not manage.
    """
    found = dict(given)
    if "media" in found:
        found["media"] = await _embedded(context, found["media"], (*field, "media"))
    if "variants" in found:
        found["variants"] = await all_with_pictures(context, found["variants"])
    return found


async def all_with_pictures(context: Context, given: Sequence[Given]) -> list[Given]:
    """The same for variants."""
    return [
        await with_pictures(context, variant, ("variants", str(i)))
        for i, variant in enumerate(given)
    ]


async def _embedded(
    context: Context, given: Sequence[Given], field: tuple[str, ...]
) -> list[Record]:
    ids: list[ObjectId | None] = [picture.get("id") for picture in given]
    at = [str(i) for i, key in enumerate(ids) if key is not None]
    try:
        own = iter(await embed(context, [key for key in ids if key is not None], field=()))
    except NotFoundError as error:  # it counts the shop's own pictures only
        where = [at[int(i)] for i in error.field or ()]
        raise NotFoundError(str(error), field=(*field, *where)) from None
    return [
        dict(picture) if key is None else {**next(own), **_words(picture)}
        for key, picture in zip(ids, given, strict=True)
    ]


def _words(picture: Given) -> Record:
    """What is said of a picture here, where it is said; else it keeps its own."""
    return {"alt": picture["alt"]} if picture.get("alt") else {}


def pictures_of(record: Record | None) -> Iterator[Record]:
    """Every picture that a stored product shows, with its variants."""
    if record is None:
        return
    yield from record.get("media", ())
    for variant in record["variants"]:
        yield from variant.get("media", ())
