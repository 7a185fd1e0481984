"""Making an uploaded picture into its renditions: a script, run as a process of its own.

It decodes what strangers send, so a process holds what may go wrong with that: it has bounds of
memory, time and file size, no secrets in its environment, and says on its output what came out.
Blurhash is after https://github.com/woltapp/blurhash/blob/master/Algorithm.md.
"""

import io
import json
import math
import os
import resource
import runpy
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

_SIGNATURES = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF"))
_AVIF_BRANDS = {b"avif", b"avis"}
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_SAVE: dict[str, dict[str, Any]] = {
    "webp": {"format": "WEBP", "quality": 80, "method": 4},
    # Speed 9 takes a quarter of speed 8's time for files that are no larger.
    "avif": {"format": "AVIF", "quality": 60, "speed": 9, "max_threads": 1},
    "jpg": {"format": "JPEG", "quality": 82, "progressive": True, "optimize": True},
}
_LARGEST_PROFILE = 4_000_000
_LARGEST_FILE = 200_000_000
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


# The package that it is in would take longer to import than most pictures take to render.
_polyglots = runpy.run_path(str(Path(__file__).with_name("polyglots.py")))


class RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(source: str, folder: str, order: str) -> None:
    """Render `source` into `folder`; print `{"width", "height", "blurhash"}` or an error."""
    wanted: dict[str, Any] = json.loads(order)
    _bound(wanted["memory"], wanted["seconds"])
    try:
        answer: dict[str, Any] = _render(Path(source), Path(folder), wanted)
    except RefusedError as error:
        answer = {"error": error.code, "message": str(error)}
    print(json.dumps(answer))  # noqa: T201


def _bound(memory: int, seconds: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    signal.alarm(seconds)  # whoever started this may be gone
    os.nice(5)


def _render(source: Path, folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    sizes: dict[str, int] = wanted["sizes"]
    picture = _read(source, wanted["pixels"], max(sizes.values()))
    for size, bound in sizes.items():
        smaller = picture.copy()
        smaller.thumbnail((bound, bound), Image.Resampling.LANCZOS)
        for kind in wanted["formats"]:
            _write(smaller, folder / f"{size}.{kind}", kind)
        if bound >= max(picture.size):
            break
    return {"width": picture.width, "height": picture.height, "blurhash": blurhash(picture)}


def _write(picture: Image.Image, file: Path, kind: str) -> None:
    if kind == "jpg" and picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    with file.open("xb") as out:
        picture.save(out, **_SAVE[kind])
        out.flush()
        os.fsync(out.fileno())


def _read(source: Path, pixels: int, longest: int) -> Image.Image:
    """The picture upright in sRGB, as RGB or RGBA, no longer than `longest`, and nothing else."""
    kind = _kind_of(source)
    data = source.read_bytes()
    _refuse_polyglot(_polyglots["hidden"](data))
    Image.MAX_IMAGE_PIXELS = pixels
    PngImagePlugin.MAX_TEXT_CHUNK = _LARGEST_PROFILE
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(source, formats=[kind]) as image:
            if image.width * image.height > pixels:
                raise Image.DecompressionBombError  # noqa: TRY301
            picture = _clean(image, longest)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedError(
            "TOO_MANY_PIXELS",
            f"a picture has at most {pixels / 1e6:g} million pixels; make it smaller",
        ) from None
    except Exception:  # noqa: BLE001  Pillow's decoders raise anything
        raise RefusedError(
            "BROKEN", "the picture can't be read to its end; export it anew and upload that"
        ) from None
    _refuse_polyglot(_polyglots["following"](data, kind))
    return picture


def _refuse_polyglot(problem: str | None) -> None:
    if problem is not None:
        raise RefusedError("POLYGLOT", problem)


def _kind_of(source: Path) -> str:
    with source.open("rb") as file:
        head = file.read(64)
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and _AVIF_BRANDS & {head[n : n + 4] for n in range(8, 64, 4)}:
        return "AVIF"
    raise RefusedError(
        "UNSUPPORTED_TYPE", "this is no JPEG, PNG, WebP, AVIF or GIF; upload one of these"
    )


def _clean(image: Image.Image, longest: int) -> Image.Image:
    turn = _TURNS.get(_orientation(image))
    image.draft(image.mode, (longest, longest))
    image.load()
    profile = image.info.get("icc_profile")
    picture = _plain(image)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    picture = _in_srgb(picture, profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    if turn is not None:
        picture = picture.transpose(turn)
    bare = Image.new(picture.mode, picture.size)  # without all that `info` may hold
    bare.paste(picture)
    return bare


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  a broken Exif block is no reason to refuse the picture
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """The first frame as L, CMYK, RGB or RGBA with eight bits a channel."""
    if image.mode.startswith("I"):  # 16 bits; `convert` alone would clip them
        return image.convert("I").point([value >> 8 for value in range(65_536)], "L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in _SPACES:
        return image.copy()
    return image.convert("L" if image.mode in {"1", "LA"} else "RGB")


def _in_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    opaque = picture.convert("RGB") if alpha else picture
    if isinstance(profile, bytes) and 0 < len(profile) <= _LARGEST_PROFILE:
        opaque = _transformed(opaque, profile)
    opaque = opaque.convert("RGB")
    if alpha:
        opaque.putalpha(alpha)
    return opaque


def _transformed(picture: Image.Image, profile: bytes) -> Image.Image:
    """The picture by its colour profile; unchanged where that is broken, or not for its mode."""
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if found.profile.xcolor_space != _SPACES[picture.mode]:
            return picture
        srgb = ImageCms.createProfile("sRGB")
        done = ImageCms.profileToProfile(picture, found, srgb, outputMode="RGB")
    except Exception:  # noqa: BLE001  lcms raises several
        return picture
    return done or picture


def blurhash(picture: Image.Image) -> str:
    """Some 28 characters that a client draws as a blur until the picture is there."""
    across, down = (4, 3) if picture.width >= picture.height else (3, 4)
    small = picture.convert("RGBA")
    small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    small = small.resize((32, 32), Image.Resampling.BOX)
    data = small.tobytes()
    pixels = [[_linear(value) for value in data[n : n + 3]] for n in range(0, len(data), 3)]
    average, *others = _factors(pixels, small.size, across, down)
    largest = max(abs(value) for factor in others for value in factor)
    scale = max(0, min(82, int(largest * 166 - 0.5)))
    text = _base83(across - 1 + (down - 1) * 9, 1) + _base83(scale, 1)
    text += _base83(_joined([_byte(value) for value in average], 256), 4)
    most = (scale + 1) / 166
    for factor in others:
        text += _base83(_joined([_quantised(value / most) for value in factor], 19), 2)
    return text


def _factors(
    pixels: Sequence[Sequence[float]], size: tuple[int, int], across: int, down: int
) -> Iterator[list[float]]:
    width, height = size
    for j in range(down):
        for i in range(across):
            waves = [
                math.cos(math.pi * i * x / width) * math.cos(math.pi * j * y / height)
                for y in range(height)
                for x in range(width)
            ]
            scale = (2 if i or j else 1) / len(waves)
            yield [
                scale * sum(wave * pixel[c] for wave, pixel in zip(waves, pixels, strict=True))
                for c in range(3)
            ]


def _linear(value: int) -> float:
    part = value / 255
    return float(((part + 0.055) / 1.055) ** 2.4) if part > 0.04045 else part / 12.92  # noqa: PLR2004


def _byte(linear: float) -> int:
    part = max(0.0, min(1.0, linear))
    part = 1.055 * part ** (1 / 2.4) - 0.055 if part > 0.0031308 else part * 12.92  # noqa: PLR2004
    return int(part * 255 + 0.5)


def _quantised(value: float) -> int:
    return max(0, min(18, math.floor(math.copysign(math.sqrt(abs(value)), value) * 9 + 9.5)))


def _joined(values: Sequence[int], base: int) -> int:
    joined = 0
    for value in values:
        joined = joined * base + value
    return joined


def _base83(value: int, length: int) -> str:
    return "".join(_ALPHABET[value // 83**place % 83] for place in range(length - 1, -1, -1))


if __name__ == "__main__":
    main(*sys.argv[1:])
