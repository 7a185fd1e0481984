"""Files that are a picture and something else too; a part of the script `rendering.py`.

A picture ends where its format says. What may follow is what cameras write there: padding, further
pictures (CIPA DC-007, "MPF"; gain maps), the film of a motion photo, and Samsung's own trailer
(https://exiftool.org/TagNames/Samsung.html#Trailer). In the file itself nothing may begin that a
server or a browser would run, or that opens as an archive or a document.
"""

import re
import struct
from collections.abc import Callable

_WINDOW = 1 << 20
_LONGEST = 600  # bytes of a marker, with what makes it one
_AFTER = "the file goes on after the picture's end; export it anew and upload that"
_HIDDEN = "there is {} in the picture; export it anew without metadata and upload that"
# Each with bytes that are looked for first, in lower case. None of them comes about by chance.
_MARKERS: tuple[tuple[bytes, re.Pattern[bytes], str], ...] = tuple(
    (literal, re.compile(pattern, re.IGNORECASE | re.DOTALL), what)
    for literal, pattern, what in (
        (b"<?php", rb"<\?php(?=\s|\Z)", "PHP"),
        (b"__halt_compiler", rb"__halt_compiler", "PHP"),
        (b"<script", rb"<script[\s>/]", "HTML"),
        (b"<iframe", rb"<iframe[\s>/]", "HTML"),
        (b"<html", rb"<html[\s>]", "HTML"),
        (b"<!doctype", rb"<!doctype\s+html", "HTML"),
        (b"<svg", rb"<svg\s[^<>]{0,500}\bxmlns", "SVG"),
        (b"%pdf-", rb"%PDF-\d\.\d", "a PDF"),
        (
            b"pk\x03\x04",
            rb"PK\x03\x04[\x0a-\x3f]\x00..[\x00\x08\x09\x0c\x0e\x5d\x5f\x63]\x00",
            "a ZIP archive",
        ),
        (b"rar!\x1a\x07", rb"Rar!\x1a\x07", "a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c", rb"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"gif8", rb"\AGIF8[79]a/\*", "JavaScript"),
    )
)
_PADDING = re.compile(rb"(?:\0|\xff(?!\xd8)|[\r\n\t ])*+")
_ENTROPY = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_TYPE = re.compile(rb"[ -~]{4}")


def hidden(data: bytes) -> str | None:
    """What is in a picture's file that doesn't belong there, in a sentence; None for nothing."""
    for start in range(0, len(data), _WINDOW):
        piece = data[start : start + _WINDOW + _LONGEST]
        lowered = piece.lower()
        for literal, pattern, what in _MARKERS:
            if literal in lowered and pattern.search(piece):
                return _HIDDEN.format(what)
    return None


def following(data: bytes, kind: str) -> str | None:
    """Why what follows a picture that was decoded is refused, in a sentence; None where it isn't.

    Nothing follows a picture that is cut off.
    """
    try:
        end = _ENDS[kind](data)
    except (struct.error, IndexError):
        return None
    return None if _is_harmless(data, end, kind) else _AFTER


def _is_harmless(data: bytes, place: int, kind: str) -> bool:
    """Whether only padding, or what cameras write, follows."""
    while (padded := _padded(data, place)) < len(data):
        # What follows may itself begin with zeros.
        begins = range(padded, max(place, padded - 4) - 1, -1) if kind == "JPEG" else ()
        ends = (_camera_end(data, begin) for begin in begins)
        found = next((end for end in ends if end is not None), None)
        if found is None:
            return False
        place = found
    return True


def _padded(data: bytes, place: int) -> int:
    found = _PADDING.match(data, place)
    return found.end() if found else place


def _camera_end(data: bytes, place: int) -> int | None:
    """Where a further picture, a film or a trailer ends that begins here; None for all else."""
    try:
        if data.startswith(b"\xff\xd8\xff", place):
            return _jpeg_end(data, place)
        if data[place + 4 : place + 8] == b"ftyp":
            end = _boxes_end(data, place)
            return end if end > place else None
        return _samsung_end(data, place)
    except (struct.error, IndexError):
        return None


def _jpeg_end(data: bytes, start: int = 0) -> int:
    place = start + 2
    while place < len(data):
        if data[place] != 0xFF:  # noqa: PLR2004
            break
        marker = data[place + 1]
        if marker == 0xFF:  # noqa: PLR2004  a fill byte
            place += 1
        elif marker == 0xD9:  # noqa: PLR2004
            return place + 2
        elif marker in {0x01, *range(0xD0, 0xD9)}:
            place += 2
        else:
            place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
            if marker == 0xDA:  # noqa: PLR2004
                found = _ENTROPY.search(data, place)
                place = found.start() if found else len(data)
    return place


def _png_end(data: bytes) -> int:
    place = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        place += 12 + int(length)
        if name == b"IEND":
            return place


def _gif_end(data: bytes) -> int:
    place = 13 + _colours(data[10])
    while data[place] != 0x3B:  # noqa: PLR2004
        if data[place] == 0x21:  # noqa: PLR2004
            place += 2
        elif data[place] == 0x2C:  # noqa: PLR2004
            place += 11 + _colours(data[place + 9])
        else:
            return place
        while data[place]:
            place += 1 + data[place]
        place += 1
    return place + 1


def _colours(flags: int) -> int:
    """The bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp_end(data: bytes) -> int:
    size: int = struct.unpack_from("<I", data, 4)[0]
    return 8 + size + size % 2


def _boxes_end(data: bytes, start: int = 0) -> int:
    """Where the boxes of ISO 14496-12 end: at the first thing that is none."""
    place = start
    while place + 8 <= len(data):
        size: int
        size, name = struct.unpack_from(">I4s", data, place)
        if size == 1:
            size = int(struct.unpack_from(">Q", data, place + 8)[0])
        size = int(size) or len(data) - place
        if size < 8 or place + size > len(data) or not _TYPE.match(name):  # noqa: PLR2004
            break
        place += size
    return place


def _samsung_end(data: bytes, place: int) -> int | None:
    """The end of a trailer that begins here and goes to the file's end."""
    end = data.rfind(b"SEFT", max(place, len(data) - 1_000)) + 4
    if end < 4 + place or _padded(data, end) < len(data):
        return None
    directory = end - 8 - int(struct.unpack_from("<I", data, end - 8)[0])
    if directory < place or data[directory : directory + 4] != b"SEFH":
        return None
    count: int = struct.unpack_from("<I", data, directory + 8)[0]
    if 12 + 12 * count > end - directory:
        return None
    blocks = [
        struct.unpack_from("<II", data, directory + 16 + 12 * index) for index in range(count)
    ]
    begins = directory - max((back for back, _ in blocks), default=0)
    return end if begins == place else None


_ENDS: dict[str, Callable[[bytes], int]] = {
    "JPEG": _jpeg_end,
    "PNG": _png_end,
    "GIF": _gif_end,
    "WEBP": _webp_end,
    "AVIF": _boxes_end,
}
