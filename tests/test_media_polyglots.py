"""Which pictures are refused as they are something else too, and which camera files are not."""

import io
import struct
import zipfile
from typing import Any

import pytest
from PIL import Image

from mercat.engine import Engine
from mercat_media.polyglots import following, hidden

from .conftest import Client
from .test_media import MediaEngine, files_of, media_engine, picture, shop, upload, web
from .test_media_files import chunk

__all__ = ["MediaEngine", "media_engine", "shop", "web"]  # fixtures
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
HTML = b"<!DOCTYPE html><body onload=alert(1)>"
PHP = b"<?PHP\nsystem($_GET['c']); ?>"


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("index.html", "hello")
    return out.getvalue()


def noise(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((300, 200), 90).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def film() -> bytes:
    """The boxes of an MP4."""
    boxes = (
        (b"ftyp", b"mp42\0\0\0\0mp42"),
        (b"mdat", bytes(range(256)) * 40),
        (b"moov", bytes(99)),
    )
    return b"".join(struct.pack(">I4s", len(data) + 8, name) + data for name, data in boxes)


def samsung(*, lie: int = 0) -> bytes:
    """A Samsung trailer: blocks, then a directory that says how far back each begins."""
    names = {b"Image_UTC_Data": b"1700000000000", b"MotionPhoto_Data": film()}
    blocks = [
        struct.pack("<HHI", 0, 0x0A01 + n, len(name)) + name + data
        for n, (name, data) in enumerate(names.items())
    ]
    back = [sum(map(len, blocks[n:])) for n in range(len(blocks))]
    entries = b"".join(
        struct.pack("<HHII", 0, 0x0A01 + n, back[n] + lie, len(block))
        for n, block in enumerate(blocks)
    )
    directory = b"SEFH" + struct.pack("<II", 107, len(blocks)) + entries
    return b"".join(blocks) + directory + struct.pack("<I", len(directory)) + b"SEFT"


def with_segment(marker: int, data: bytes) -> bytes:
    """A JPEG with a segment after its start."""
    jpeg = noise("JPEG")
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


def png_with(*chunks: bytes) -> bytes:
    png = noise("PNG")
    return png[:33] + b"".join(chunks) + png[33:]


CAMERAS = {
    **{f"plain {kind}": noise(kind) for kind in KINDS},
    "progressive": noise("JPEG", progressive=True),
    "restart markers": noise("JPEG", restart_marker_rows=1),
    "thumbnail": with_segment(0xE1, b"Exif\0\0II*\0" + picture(64, 48, kind="JPEG")),
    **{f"{kind} with zeros": noise(kind) + bytes(4096) for kind in KINDS},
    "a line end": noise("PNG") + b"\r\n",
    "ones": noise("JPEG") + b"\xff" * 100,
    "MPF": noise("JPEG") + noise("JPEG"),
    "MPF with padding": noise("JPEG") + bytes(512) + noise("JPEG") + b"\xff" * 3 + noise("JPEG"),
    "motion photo": noise("JPEG") + film(),
    "motion photo with a gain map": noise("JPEG") + noise("JPEG") + film(),
    "Samsung": noise("JPEG") + samsung(),
    "Samsung with padding": noise("JPEG") + samsung() + bytes(32),
    "XMP": noise("WEBP", xmp=b"<?xpacket?><x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
    "animation": noise("GIF", save_all=True, append_images=[Image.new("RGB", (300, 200))] * 3),
}
POLYGLOTS = {
    **{f"{kind} and HTML": noise(kind) + HTML for kind in KINDS},
    **{f"{kind} and ZIP": noise(kind) + archive() for kind in KINDS},
    **{f"{kind} and words": noise(kind) + b"/*nothing*/=1;alert(1)" for kind in KINDS},
    "zeros, then words": noise("JPEG") + bytes(99) + b"alert(1)",
    "PHP in a comment": with_segment(0xFE, PHP),
    "ZIP in a segment": with_segment(0xE2, b"ICC_PROFILE\0\x01\x01" + archive()),
    "PDF in a segment": with_segment(0xE0, b"JFIF\0%PDF-1.7\n1 0 obj"),
    "script in Exif": with_segment(0xE1, b"Exif\0\0<ScRiPt src=//a.test>"),
    "PHP in a PNG's text": png_with(chunk(b"tEXt", b"Comment\0<?php phpinfo();")),
    "SVG in a PNG's text": png_with(
        chunk(b"tEXt", b'a\0<svg onload="x()"\n xmlns="http://www.w3.org/2000/svg">')
    ),
    "PHAR": png_with(chunk(b"teXt", b"a\0__HALT_COMPILER(); ?>")),
    "RAR after a second picture": noise("JPEG") + noise("JPEG") + b"Rar!\x1a\x07\0",
    "words after a film": noise("JPEG") + film() + b"#!/bin/sh\necho",
    "HTML in a film": noise("JPEG") + film() + struct.pack(">I4s", 8 + len(HTML), b"free") + HTML,
    "Samsung that lies": noise("JPEG") + samsung(lie=8),
    "words before Samsung": noise("JPEG") + b"words" + samsung(),
    "words after Samsung": noise("JPEG") + samsung() + b"words",
    "a film after a PNG": noise("PNG") + film(),
    "GIF and JavaScript": b"GIF89a/*" + noise("GIF")[8:] + b"*/=1;alert(1)",
}


def flaw(file: bytes, kind: str) -> str | None:
    return hidden(file) or following(file, kind)


def kind_of(file: bytes) -> str:
    heads = {b"\xff\xd8": "JPEG", b"\x89P": "PNG", b"GI": "GIF", b"RI": "WEBP"}
    return heads.get(file[:2], "AVIF")


@pytest.mark.parametrize("name", CAMERAS)
def test_what_cameras_write_is_no_polyglot(name: str) -> None:
    assert flaw(CAMERAS[name], kind_of(CAMERAS[name])) is None


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_polyglot_is_found(name: str) -> None:
    said = flaw(POLYGLOTS[name], kind_of(POLYGLOTS[name]))
    assert said is not None
    assert "export it anew" in said


@pytest.mark.parametrize("name", ["MPF", "Samsung", "motion photo", "JPEG with zeros"])
async def test_a_camera_file_is_uploaded(web: Client, name: str) -> None:
    payload = await upload(web, CAMERAS[name])
    assert payload["userErrors"] == []
    assert (payload["media"]["width"], payload["media"]["height"]) == (300, 200)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("JPEG and HTML", "HTML"),
        ("PNG and ZIP", "ZIP"),
        ("PHP in a comment", "PHP"),
        ("GIF and JavaScript", "JavaScript"),
        ("JPEG and words", "after the picture's end"),
    ],
)
async def test_a_polyglot_is_refused_and_leaves_nothing(
    shop: Engine, web: Client, name: str, word: str
) -> None:
    (error,) = (await upload(web, POLYGLOTS[name]))["userErrors"]
    assert (error["code"], error["field"]) == ("POLYGLOT", ["input", "file"])
    assert word in error["message"]
    answer = await web.http.post(
        "/media", content=POLYGLOTS[name], headers={"authorization": "ada"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["extensions"]["code"] == "POLYGLOT"
    assert files_of(shop) == []


def test_noise_is_no_polyglot_however_large() -> None:
    large = io.BytesIO()
    Image.effect_noise((3_000, 2_000), 120).convert("RGB").save(large, "JPEG", quality=98)
    assert len(large.getvalue()) > 4_000_000
    assert flaw(large.getvalue(), "JPEG") is None
