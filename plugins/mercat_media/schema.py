"""What pictures look like, uploaded ones and those that lie elsewhere."""

import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Self, cast

import strawberry
from bson import ObjectId
from litestar.datastructures import UploadFile
from strawberry.file_uploads import Upload

from mercat.caching import cacheable
from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import reads, stored
from mercat.graphql.scalars import URL
from mercat.graphql.schema import Node
from mercat.ids import encode_id, id_encoder, object_id
from mercat.storage import Record
from mercat_media import service
from mercat_media.renditions import address
from mercat_media.settings import MediaSettings

CURSOR = "media"


@strawberry.enum(description="What a media is.")
class MediaKind(Enum):
    IMAGE = strawberry.enum_value("image", description="A picture that stands still.")


@strawberry.enum(description="How large a picture is shown; nothing is ever enlarged.")
class MediaSize(Enum):
    THUMBNAIL = strawberry.enum_value("thumbnail", description="160 pixels at its longer side.")
    SMALL = strawberry.enum_value("small", description="480 pixels at its longer side.")
    MEDIUM = strawberry.enum_value("medium", description="960 pixels at its longer side.")
    LARGE = strawberry.enum_value("large", description="1,600 pixels at its longer side.")
    ORIGINAL = strawberry.enum_value(
        "original", description="As it was uploaded, at most 4,096 pixels at its longer side."
    )


@strawberry.enum(description="How a picture's file is coded.")
class MediaFormat(Enum):
    WEBP = strawberry.enum_value("webp", description="WebP: small, and shown by every browser.")
    AVIF = strawberry.enum_value("avif", description="AVIF: smaller still.")
    JPEG = strawberry.enum_value("jpg", description="JPEG, for e-mails; on white.")


_encode = id_encoder("Media")


def _id(record: Record) -> strawberry.ID:
    if "id" in record:
        return strawberry.ID(_encode(record["id"]))
    # An external picture is found by no id, but clients' caches tell it from others by one.
    digest = hashlib.sha256(record["url"].encode(errors="surrogatepass")).hexdigest()
    return strawberry.ID(encode_id("Media", f"url-{digest[:24]}"))


@cacheable()
@reads("id", "url")
def _ids(media: "Sequence[Media]", _info: Info) -> list[strawberry.ID]:
    return [_id(each.record) for each in media]


@cacheable()
@reads()
def _kinds(media: "Sequence[Media]", _info: Info) -> list[MediaKind]:
    return [MediaKind.IMAGE] * len(media)


@cacheable()
@reads("url", "folder", "width", "height")
def _urls(
    media: "Sequence[Media]",
    info: Info,
    size: Annotated[
        MediaSize, strawberry.argument(description="The size, where the shop has the picture.")
    ] = MediaSize.LARGE,
    format: Annotated[  # noqa: A002
        MediaFormat, strawberry.argument(description="The format, where the shop has the picture.")
    ] = MediaFormat.WEBP,
) -> list[URL]:
    start = info.context.settings(MediaSettings).public_url
    return [URL(address(each.record, str(size.value), str(format.value), start)) for each in media]


@strawberry.type(description="A picture.")
class Media(Node):
    """`record` is what `service.embed` gives, or `{"url", "alt"}` of a picture elsewhere."""

    id: strawberry.ID = batched("Opaque, and unique in the whole shop.", _ids)
    kind = batched("What it is.", _kinds)
    url = batched("Where it is; this address always shows the same.", _urls)
    alt: str = stored("alt", "What it shows, in words.", default="")
    width: int | None = stored("width", "Its width in pixels; null for a picture elsewhere.")
    height: int | None = stored("height", "Its height in pixels; null for a picture elsewhere.")
    blurhash: str | None = stored(
        "blurhash", "A blur to show until it is there, see blurha.sh; null for one elsewhere."
    )
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        found = await service.media_by_id(info.context, [key for key in ids if key])
        return cast("list[Self | None]", [_shown(found.get(key)) if key else None for key in ids])


def _shown(record: Record | None) -> Media | None:
    return Media(record=service.embedded(record)) if record else None


@extend(Query)
class MediaQuery:
    @strawberry.field(
        description="The pictures that the viewer uploaded, or all with `media.manage`."
    )
    @staticmethod
    async def media(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Media]:
        context = info.context
        page = await service.media_page(context, page_request(CURSOR, first, after, last, before))

        async def count() -> int:
            return await service.count_media(context)

        nodes = [Media(record=service.embedded(record)) for record in page.records]
        return connection(CURSOR, page, nodes, count)


@strawberry.input(description="A picture to be uploaded.")
class MediaUploadInput:
    file: Upload = strawberry.field(description="JPEG, PNG, WebP, AVIF or GIF.")
    alt: str | None = strawberry.field(default=None, description="What it shows, in words.")


@strawberry.input(description="What is to change of a picture.")
class MediaUpdateInput:
    id: strawberry.ID = strawberry.field(description="The picture's id.")
    alt: str = strawberry.field(description="What it shows, in words.")


@strawberry.input(description="A picture to be deleted.")
class MediaDeleteInput:
    id: strawberry.ID = strawberry.field(description="The picture's id.")


@strawberry.enum(description="What can be wrong with a picture.")
class MediaErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such picture.")
    UNSUPPORTED_TYPE = strawberry.enum_value(
        "UNSUPPORTED_TYPE", description="The file is no JPEG, PNG, WebP, AVIF or GIF."
    )
    TOO_LARGE = strawberry.enum_value("TOO_LARGE", description="The file has too many bytes.")
    TOO_MANY_PIXELS = strawberry.enum_value(
        "TOO_MANY_PIXELS", description="The picture has too many pixels."
    )
    POLYGLOT = strawberry.enum_value(
        "POLYGLOT", description="The file is a picture, and something else too."
    )
    BROKEN = strawberry.enum_value("BROKEN", description="The picture can't be read to its end.")
    IN_USE = strawberry.enum_value("IN_USE", description="Something in the shop shows it.")
    BUSY = strawberry.enum_value("BUSY", description="Too many uploads; try again in a minute.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="Somebody else is changing it too.")


@strawberry.type(description="What is wrong with a picture.")
class MediaError(UserError):
    code: MediaErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of `mediaUpload`.")
class MediaUploadPayload:
    media: Media | None = strawberry.field(description="The picture; null where it failed.")
    user_errors: list[MediaError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `mediaUpdate`.")
class MediaUpdatePayload:
    media: Media | None = strawberry.field(description="The picture; null where it failed.")
    user_errors: list[MediaError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `mediaDelete`.")
class MediaDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The picture's id; null where it is still there."
    )
    user_errors: list[MediaError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class MediaMutation:
    @strawberry.field(
        description="Upload a picture; needs `media.upload` or `media.manage`. The same picture "
        "again gives the same media, with the `alt` that it has: `mediaUpdate` changes that."
    )
    @staticmethod
    async def media_upload(
        info: Info,
        input: Annotated[  # noqa: A002
            MediaUploadInput, strawberry.argument(description="What to upload.")
        ],
    ) -> MediaUploadPayload:
        file = cast("UploadFile", input.file)
        try:
            record = await service.upload_file(info.context, file.file, alt=input.alt)
        except DomainError as error:
            return MediaUploadPayload(media=None, user_errors=[_to_error(error)])
        return MediaUploadPayload(media=_shown(record), user_errors=[])

    @strawberry.field(
        description="Change what a picture shows in words; needs `media.upload` or `media.manage`."
    )
    @staticmethod
    async def media_update(
        info: Info,
        input: Annotated[  # noqa: A002
            MediaUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> MediaUpdatePayload:
        try:
            key = object_id(input.id, "Media")
            record = await service.update(info.context, key, alt=input.alt)
        except DomainError as error:
            return MediaUpdatePayload(media=None, user_errors=[_to_error(error)])
        return MediaUpdatePayload(media=_shown(record), user_errors=[])

    @strawberry.field(
        description="Delete a picture that nothing in the shop shows; needs `media.upload` or "
        "`media.manage`."
    )
    @staticmethod
    async def media_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            MediaDeleteInput, strawberry.argument(description="What to delete.")
        ],
    ) -> MediaDeletePayload:
        try:
            await service.delete(info.context, object_id(input.id, "Media"))
        except DomainError as error:
            return MediaDeletePayload(deleted_id=None, user_errors=[_to_error(error)])
        return MediaDeletePayload(deleted_id=input.id, user_errors=[])


def _to_error(error: DomainError) -> MediaError:
    field = input_path(error.field)
    return MediaError(field=field, message=str(error), code=MediaErrorCode(error.code))
