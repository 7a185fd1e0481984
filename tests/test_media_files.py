"""Files that strangers upload: whatever they hold, what is served is a clean picture or nothing."""

import asyncio
import io
import secrets
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from mercat.engine import Engine
from mercat.settings import load_settings

from .conftest import Client, ClientFor, Stores
from .test_media import (
    TOML,
    MediaEngine,
    ask,
    files_of,
    media_engine,
    picture,
    upload,
    web,
    write_keys,
)
from .torture.profiles import share

__all__ = ["media_engine", "web"]  # fixtures

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(document.domain)</script>"
MARK = b"<b>Lovelace</b>"
URLS = (
    "query ($id: ID!) { node(id: $id) { ... on Media { "
    + " ".join(f"{kind}: url(size: ORIGINAL, format: {kind})" for kind in ("WEBP", "AVIF", "JPEG"))
    + " } } }"
)


@pytest.fixture(scope="module")
async def shared_shop(
    stores: Stores, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engine]:
    """One engine for all tests of a file: it takes longer to start than most of them."""
    folder = tmp_path_factory.mktemp("shop")
    write_keys(folder)
    file = folder / "engine.toml"
    file.write_text(TOML)
    database = {"url": stores.mongo_url, "name": f"test_{secrets.token_hex(6)}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        settings = load_settings(file, {"database": database, "redis": {"url": stores.redis_url}})
        async with Engine(settings) as engine:
            yield engine
            await engine.storage.client.drop_database(engine.storage.database.name)


@pytest.fixture
async def shop(shared_shop: Engine) -> Engine:
    """A shop without pictures."""
    for name in ("media", "media_contents", "outbox"):
        await shared_shop.storage.database[name].delete_many({})
    await asyncio.to_thread(shutil.rmtree, shared_shop.storage.data_dir / "media", True)
    return shared_shop


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of one bit a pixel, whatever else stands in it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A PNG whose pixels are all there, in a thousandth of their size."""
    return png(width, height, chunk(b"IDAT", zlib.compress(bytes((width // 8 + 1) * height), 9)))


def webp_of(width: int, height: int) -> bytes:
    """A WebP that says it is an animation of that size."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(20_000_000))
    return out.getvalue()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def halves(mode: str = "RGB", size: tuple[int, int] = (400, 200)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image.convert(mode)


async def shown(client: Client, file: bytes, name: str = "a.png") -> dict[str, Image.Image]:
    """Upload a file; what is served of it, by format."""
    payload = await upload(client, file, name=name)
    assert payload["userErrors"] == [], payload
    data = await ask(client, URLS, id=payload["media"]["id"])
    found: dict[str, Image.Image] = {}
    for kind, url in data["node"].items():
        answer = await client.http.get(url)
        assert MARK not in answer.content
        found[kind] = Image.open(io.BytesIO(answer.content))
        found[kind].load()
    return found


def near(pixel: Any, expected: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, expected, strict=True))


@pytest.mark.parametrize(
    ("file", "name", "code"),
    [
        (HTML, "photo.png", "UNSUPPORTED_TYPE"),
        (SVG, "photo.svg", "UNSUPPORTED_TYPE"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "photo.jpg", "UNSUPPORTED_TYPE"),
        (archive(), "photo.png", "UNSUPPORTED_TYPE"),
        (b"GIF89a/*" + HTML, "photo.gif", "POLYGLOT"),
        (b"BM" + bytes(100), "photo.bmp", "UNSUPPORTED_TYPE"),
        (saved(Image.new("RGB", (9, 9)), "TIFF"), "photo.jpg", "UNSUPPORTED_TYPE"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "photo.png", "UNSUPPORTED_TYPE"),
        (bomb(30_000, 30_000), "bomb.png", "TOO_MANY_PIXELS"),
        (bomb(50_000_008, 1), "line.png", "TOO_MANY_PIXELS"),
        (png(2**31 - 1, 2**31 - 1), "absurd.png", "TOO_MANY_PIXELS"),
        (webp_of(16_383, 16_383), "canvas.webp", "TOO_MANY_PIXELS"),
        (png(0, 5), "nothing.png", "BROKEN"),
        (png(50, 50), "empty.png", "BROKEN"),
        (picture(kind="JPEG")[:-200], "cut.jpg", "BROKEN"),
        (picture()[:-30], "cut.png", "BROKEN"),
        (picture(kind="WEBP")[:-30], "cut.webp", "BROKEN"),
        (picture(kind="AVIF")[:-30], "cut.avif", "BROKEN"),
        (b"\xff\xd8\xff", "start.jpg", "BROKEN"),
    ],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    shop: Engine, web: Client, file: bytes, name: str, code: str
) -> None:
    begun = time.monotonic()
    payload = await upload(web, file, name=name)
    assert time.monotonic() - begun < 5
    assert payload["media"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == (code, ["input", "file"])
    assert files_of(shop) == []
    assert list((shop.storage.data_dir / "media").rglob("incoming/*")) == []
    assert await shop.storage.database["media"].count_documents({}) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
async def test_a_polyglot_is_refused(web: Client, kind: str) -> None:
    payload = await upload(web, saved(halves(), kind) + HTML, name="a.html")
    assert [error["code"] for error in payload["userErrors"]] == ["POLYGLOT"]


async def test_metadata_is_gone(web: Client) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada <b>Lovelace</b>"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "Ada <b>Lovelace</b>")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for file in (
        saved(halves(), "JPEG", exif=exif, comment=MARK, icc_profile=profile, xmp=b"<x/>"),
        saved(halves(), "PNG", exif=exif, pnginfo=text, icc_profile=profile),
        saved(halves(), "WEBP", exif=exif, xmp=b"<x/>", icc_profile=profile),
        saved(halves(), "AVIF", exif=exif, xmp=b"<x/>", icc_profile=profile),
    ):
        for image in (await shown(web, file)).values():
            assert not image.getexif()
            assert set(image.info) <= {
                *("jfif", "jfif_version", "jfif_unit", "jfif_density"),
                *("progressive", "progression", "loop", "background", "timestamp", "duration"),
            }


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_pictures_are_turned_upright(web: Client, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    # What each orientation shows at the top left of a file whose corners differ.
    image = halves()
    image.paste("lime", (0, 100, 200, 200))
    expected = {1: "red", 2: "blue", 3: "blue", 4: "lime", 5: "red", 6: "lime", 7: "blue"}
    colours = {"red": (255, 0, 0), "blue": (0, 0, 255), "lime": (0, 255, 0)}
    for found in (await shown(web, saved(image, "JPEG", exif=exif, quality=95))).values():
        assert found.size == ((400, 200) if orientation < 5 else (200, 400))
        corner = found.convert("RGB").getpixel((10, 10))
        assert near(corner, colours[expected.get(orientation, "blue")], 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
async def test_every_mode_of_pixels_is_shown(web: Client, mode: str) -> None:
    image = halves("L").convert("I;16") if mode == "I;16" else halves(mode)
    if mode == "I;16":
        image = Image.frombytes("I;16", (256, 4), struct.pack("<256H", *range(0, 65_536, 256)) * 4)
    kind = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    for found in (await shown(web, saved(image, kind))).values():
        left, right = (found.convert("RGB").getpixel((x, 2)) for x in (2, found.width - 3))
        if mode == "I;16":
            assert near(left, (2, 2, 2))
            assert near(right, (253, 253, 253))
            assert near(found.convert("RGB").getpixel((128, 2)), (128, 128, 128))
        elif mode in {"RGB", "RGBA", "P"}:
            assert near(left, (255, 0, 0), 30)
            assert near(right, (0, 0, 255), 30)
        else:
            assert left != right


async def test_transparency_stays_but_in_jpeg(web: Client) -> None:
    palette = Image.new("P", (64, 64), 1)
    palette.putpalette([255, 0, 0, 0, 128, 0])
    palette.paste(0, (0, 0, 32, 64))
    half = Image.new("RGBA", (64, 64), (0, 128, 0, 255))
    half.paste((255, 0, 0, 0), (0, 0, 32, 64))
    for file in (saved(palette, "PNG", transparency=0), saved(half, "PNG"), saved(half, "WEBP")):
        found = await shown(web, file)
        for kind in ("WEBP", "AVIF"):
            assert found[kind].mode == "RGBA"
            assert found[kind].getchannel("A").getpixel((5, 30)) == 0
            assert near(found[kind].getpixel((60, 30)), (0, 128, 0, 255))
        assert near(found["JPEG"].getpixel((5, 30)), (255, 255, 255))


async def test_colours_are_converted_by_their_profile(web: Client) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    for profile in (lab.tobytes(), b"nonsense", b"\0" * 3_000_000):  # none of them is for RGB
        found = await shown(web, saved(image, "PNG", icc_profile=profile))
        assert near(found["WEBP"].convert("RGB").getpixel((30, 30)), (200, 100, 50))
    swapped = swapped_profile()
    found = await shown(web, saved(image, "PNG", icc_profile=swapped))
    assert near(found["WEBP"].convert("RGB").getpixel((30, 30)), (100, 200, 50), 20)


def swapped_profile() -> bytes:
    """The profile of sRGB with red and green swapped."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack(">I", data[128:132])
    names = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    for place in range(132, 132 + 12 * count, 12):
        name = bytes(data[place : place + 4])
        data[place : place + 4] = names.get(name, name)
    return bytes(data)


async def test_of_an_animation_the_first_frame_is_shown(web: Client) -> None:
    frames = [Image.new("RGB", (64, 64), (n % 256, 0, 0)) for n in range(1, 2_000)]
    first = Image.new("RGB", (64, 64), "blue")
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        many = frames if kind == "GIF" else frames[:20]
        file = saved(first, kind, save_all=True, append_images=many, duration=10)
        begun = time.monotonic()
        for found in (await shown(web, file)).values():
            assert getattr(found, "n_frames", 1) == 1
            assert near(found.convert("RGB").getpixel((30, 30)), (0, 0, 255), 20)
        assert time.monotonic() - begun < 3


@pytest.mark.gate
async def test_huge_metadata_costs_no_time(web: Client) -> None:
    chunks = [chunk(b"tEXt", b"k\0" + b"x" * 500) for _ in range(10_000)]
    large = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(60_000_000)))
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(60_000_000)))
    pixels = chunk(b"IDAT", zlib.compress(bytes(3 * 16), 9))
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(65_000)
    jpeg = picture(kind="JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) % 65_500 + 2) + exif[: len(exif) % 65_500]
    for file in (
        png(16, 16, *chunks, pixels),
        png(16, 16, large, pixels),
        png(16, 16, profile, pixels),
        jpeg[:2] + segment * 200 + jpeg[2:],
    ):
        begun = time.monotonic()
        payload = await upload(web, file)
        assert time.monotonic() - begun < 5
        assert payload["media"] or payload["userErrors"][0]["code"] == "BROKEN"


async def test_work_that_takes_too_long_is_ended(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    client = client_for(await media_engine("max_seconds = 1\n"))
    noise = Image.effect_noise((4_500, 4_500), 90).convert("RGB")
    begun = time.monotonic()
    payload = await upload(client, saved(noise, "JPEG", quality=2))
    assert time.monotonic() - begun < 5
    assert payload["userErrors"][0]["code"] == "BROKEN"


async def test_pixels_are_bounded_by_the_setting(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    client = client_for(await media_engine("max_pixels = 10_000\n"))
    assert (await upload(client, picture(100, 100)))["media"]
    payload = await upload(client, picture(101, 100))
    assert payload["userErrors"][0]["code"] == "TOO_MANY_PIXELS"
    assert "0.01 million" in payload["userErrors"][0]["message"]


VALID = {
    kind: saved(halves(size=(60, 40)), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes changed, inserted or cut away."""
    data = bytearray(draw(st.sampled_from(list(VALID.values()))))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "insert", "cut", "end"])):
            case "change":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                data[place:place] = draw(st.binary(max_size=40))
            case "cut":
                del data[place : place + draw(st.integers(1, 40))]
            case _:
                del data[max(place, len(data) // 2) :]
    return bytes(data)


@share(0.2)
@given(file=damaged())
async def test_a_damaged_file_is_a_picture_or_refused(web: Client, file: bytes) -> None:
    begun = time.monotonic()
    payload = await upload(web, file)
    assert time.monotonic() - begun < 10
    if payload["userErrors"]:
        assert payload["userErrors"][0]["code"] in {
            *("BROKEN", "POLYGLOT", "UNSUPPORTED_TYPE", "TOO_MANY_PIXELS")
        }
    else:
        assert (await web.http.get(payload["media"]["url"])).status_code == 200
