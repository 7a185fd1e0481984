from datetime import datetime

from beanie import Document
from pymongo import IndexModel

COUNTER = "media"


class ContentDocument(Document):
    """The files of one picture, however many media show it; its id is the picture's digest.

    `loose` says that perhaps no media shows it; only the sweep decides that.
    """

    id: str  # type: ignore[assignment]
    folder: str
    width: int
    height: int
    blurhash: str
    loose: bool
    touched_at: datetime

    class Settings:
        name = "media_contents"
        indexes = [
            IndexModel([("folder", 1)], unique=True),
            IndexModel([("loose", 1), ("touched_at", 1)]),
        ]


class MediaDocument(Document):
    """A picture that somebody uploaded; an owner has each picture once.

    `owner` is `user:<key>`, `seller:<key>` or `shop`; `uses` counts what in the shop shows it.
    """

    number: int
    owner: str
    uploaded_by: str | None = None
    digest: str
    folder: str
    alt: str = ""
    width: int
    height: int
    blurhash: str
    uses: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "media"
        indexes = [
            IndexModel([("owner", 1), ("digest", 1)], unique=True),
            IndexModel([("owner", 1), ("number", 1)]),
            IndexModel([("number", 1)]),
            IndexModel([("digest", 1)]),
        ]
