"""The sizes and formats of a picture, and where each is found."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

SIZES = {"thumbnail": 160, "small": 480, "medium": 960, "large": 1600, "original": 4096}
FORMATS = {"webp": "image/webp", "avif": "image/avif", "jpg": "image/jpeg"}

PATH = "/media"

_FOLDER = re.compile(r"[0-9a-f]{40}\Z")
_NAMES = {f"{size}.{kind}": kind for size in SIZES for kind in FORMATS}


def sizes_of(width: int, height: int) -> Iterator[str]:
    """The sizes that a picture has: nothing is enlarged, so they end with the first that holds it.

    `width` and `height` are in pixels.
    """
    for size, bound in SIZES.items():
        yield size
        if bound >= max(width, height):
            return


def size_for(wanted: str, width: int, height: int) -> str:
    """The size to show where `wanted` is asked for: that, or the largest there is below it."""
    found = wanted
    for size in sizes_of(width, height):
        found = size
        if size == wanted:
            break
    return found


def address(record: Mapping[str, Any], size: str, kind: str, start: str | None) -> str:
    """Where a picture is; `start` is where the shop's own lie, or None for its own host."""
    if "folder" not in record:
        found: str = record["url"]
        return found
    shown = size_for(size, record["width"], record["height"])
    return f"{(start or PATH).rstrip('/')}/{record['folder']}/{shown}.{kind}"


def content_type_of(folder: str, name: str) -> str | None:
    """The type of a file that may exist, or None: no other names ever reach the storage."""
    kind = _NAMES.get(name)
    return FORMATS[kind] if kind is not None and _FOLDER.match(folder) else None


def file_headers(folder: str, name: str) -> dict[str, str]:
    """What every answer with a file says of it: it never changes, and it is shown, not run."""
    return {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": f'inline; filename="{folder[:8]}-{name}"',
    }
