"""Pictures over HTTP: `POST /media`, and how files are served."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat_media import workshop

from .conftest import Client, ClientFor, Serve
from .test_media import (
    LIST,
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
from .test_media_files import shared_shop, shop

__all__ = ["media_engine", "shared_shop", "shop", "web"]  # fixtures

ADA = {"authorization": "ada"}
SERVED = TOML.replace("[plugins.media]", "[database]\ndata_dir = 'data'\n[plugins.media]")


@pytest.fixture
async def address(web: Client) -> str:
    """Where a picture is served."""
    found: str = (await upload(web, picture(400, 300)))["media"]["url"]
    return found


async def test_a_raw_body_is_uploaded(web: Client) -> None:
    answer = await web.http.post(
        "/media",
        params={"alt": "A sea"},
        content=picture(),
        headers={"content-type": "text/html"} | ADA,
    )
    assert answer.status_code == 201
    found = answer.json()
    assert answer.headers["location"] == found["url"]
    assert (found["alt"], found["width"], found["height"]) == ("A sea", 320, 200)
    assert (await ask(web, LIST))["media"]["nodes"] == [{"id": found["id"], "alt": "A sea"}]
    assert (await web.http.get(found["url"])).status_code == 200


async def test_a_form_is_uploaded(web: Client) -> None:
    answer = await web.http.post(
        "/media", data={"alt": "A sea"}, files={"file": ("evil.html", picture())}, headers=ADA
    )
    assert answer.status_code == 201
    assert answer.json()["alt"] == "A sea"
    answer = await web.http.post("/media", files={"other": ("a.png", picture())}, headers=ADA)
    assert (answer.status_code, "`file`" in answer.text) == (400, True)
    broken = {"content-type": "multipart/form-data; boundary=x"} | ADA
    answer = await web.http.post("/media", content=b"--x\r\nno", headers=broken)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"<html><script>alert(1)</script>", 415, "UNSUPPORTED_TYPE"),
        (picture()[:100], 422, "BROKEN"),
        (b"", 415, "UNSUPPORTED_TYPE"),
    ],
)
async def test_what_is_wrong_is_said_with_a_status(
    shop: Engine, web: Client, body: bytes, status: int, code: str
) -> None:
    answer = await web.http.post("/media", content=body, headers=ADA)
    assert answer.status_code == status
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": code}
    assert "upload" in error["message"]
    assert files_of(shop) == []


async def test_uploads_from_a_page_elsewhere_are_refused(web: Client) -> None:
    for origin, status in [("https://elsewhere.test", 403), ("http://shop.test", 201)]:
        answer = await web.http.post("/media", content=picture(), headers={"origin": origin, **ADA})
        assert answer.status_code == status


async def test_only_post_uploads(web: Client) -> None:
    answer = await web.http.get("/media")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_too_many_bytes_are_refused_before_they_are_read(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    shop = await media_engine("max_bytes = 100_000\n")
    client = client_for(shop)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 50_000_000:
            read += 50_000
            yield picture()[:8] + b"\0" * 49_992

    answer = await client.http.post("/media", content=endless(), headers=ADA)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"
    assert "100000 bytes" in answer.json()["errors"][0]["message"]
    assert read <= 200_000
    payload = await upload(client, b"\x89PNG\r\n\x1a\n" + b"\0" * 200_000)
    assert payload["userErrors"][0]["code"] == "TOO_LARGE"
    answer = await client.http.post("/graphql", files={"f": ("a", b"\0" * 2_000_000)}, headers=ADA)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"
    assert files_of(shop) == []


async def test_large_forms_are_only_taken_from_those_who_signed_in(web: Client) -> None:
    noise = picture() + b"\0" * 1_500_000
    assert (await upload(web, noise))["media"] is not None
    refused = await upload(web, noise, who="nobody")
    assert refused["extensions"]["code"] == "TOO_LARGE"


async def test_a_form_with_much_text_is_refused(web: Client) -> None:
    answer = await web.http.post(
        "/graphql", data={"operations": "x" * 1_500_000}, files={"f": b"x"}, headers=ADA
    )
    assert answer.status_code == 400
    assert "too much text" in answer.text


async def test_more_uploads_than_may_wait_are_told_to_come_back(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    client = client_for(await media_engine("jobs = 1\nmax_waiting = 1\n"))
    answers = await asyncio.gather(
        *(client.http.post("/media", content=picture(50 + n), headers=ADA) for n in range(6))
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) >= 2
    busy = [answer for answer in answers if answer.status_code == 503]
    assert len(busy) == 6 - statuses.count(201) > 0
    assert {answer.headers["retry-after"] for answer in busy} == {"60"}


async def test_a_picture_never_changes_and_runs_nothing(web: Client, address: str) -> None:
    answer = await web.http.get(address)
    assert answer.status_code == 200
    folder, name = address.split("/")[-2:]
    assert {key: answer.headers[key] for key in answer.headers} == {
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=31536000, immutable",
        "content-disposition": f'inline; filename="{folder[:8]}-{name}"',
        "content-length": str(len(answer.content)),
        "content-security-policy": "default-src 'none'; sandbox",
        "content-type": "image/webp",
        "cross-origin-resource-policy": "cross-origin",
        "etag": f'"{folder}-{name}"',
        "x-content-type-options": "nosniff",
    }
    head = await web.http.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == answer.headers


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
async def test_what_a_browser_has_is_not_sent_again(web: Client, address: str, known: str) -> None:
    etag = (await web.http.head(address)).headers["etag"]
    for method in ("GET", "HEAD"):
        answer = await web.http.request(
            method, address, headers={"if-none-match": known.format(etag)}
        )
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "content-length" not in answer.headers
    other = await web.http.get(address, headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("Bytes=0-999999999", 0, None),
        ("bytes=-999999999", 0, None),
        ("bytes=3-3", 3, 4),
    ],
)
async def test_a_range_is_206(
    web: Client, address: str, asked: str, start: int, stop: int | None
) -> None:
    whole = (await web.http.get(address)).content
    answer = await web.http.get(address, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    first = start % len(whole)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"


async def test_ranges_that_are_none_give_the_whole(web: Client, address: str) -> None:
    whole = await web.http.get(address)
    for asked in ("bytes=5-2", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b", "x"):
        answer = await web.http.get(address, headers={"range": asked})
        assert (answer.status_code, answer.content) == (200, whole.content), asked
    stale = {"range": "bytes=0-1", "if-range": '"old"'}
    assert (await web.http.get(address, headers=stale)).status_code == 200
    fresh = {"range": "bytes=0-1", "if-range": whole.headers["etag"]}
    assert (await web.http.get(address, headers=fresh)).status_code == 206
    for asked in ("bytes=99999999-", "bytes=-0"):
        answer = await web.http.get(address, headers={"range": asked})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(whole.content)}"


@pytest.mark.parametrize(
    "path",
    [
        "/media/{folder}/../../../../engine.toml",
        "/media/{folder}/..%2f..%2f..%2f..%2fengine.toml",
        "/media/%2e%2e/engine.toml",
        "/media/..%2f../large.webp",
        "/media/{folder}/large.html",
        "/media/{folder}/huge.webp",
        "/media/{folder}/small.webp%00.html",
        "/media/{folder}/small.webp%0a",
        "/media/{folder}%0a/small.webp",
        "/media/" + "0" * 40 + "/small.webp",
        "/media/incoming/source",
    ],
)
async def test_no_other_path_is_served(web: Client, address: str, path: str) -> None:
    folder = address.split("/")[-2]
    answer = await web.http.get(path.format(folder=folder))
    assert answer.status_code == 404
    assert b"plugins" not in answer.content


async def test_no_file_above_the_folder_is_served(shop: Engine, web: Client) -> None:
    media = shop.storage.data_dir / "media"
    media.mkdir(parents=True)
    for folder in (media, media.parent, media / shop.settings.database.name):
        folder.mkdir(exist_ok=True)
        (folder / "small.webp").write_bytes(b"secret")
    (media / shop.settings.database.name / "files").mkdir()
    for path in ("%2e%2e", ".%2e", "%2e", "..%2f..", "%2fetc"):
        answer = await web.http.get(httpx.URL(f"http://shop.test/media/{path}/small.webp"))
        assert (answer.status_code, b"secret" in answer.content) == (404, False), path


async def test_what_an_ended_process_left_is_swept_after_a_day(shop: Engine) -> None:
    place = workshop.workshop_of(shop.context())
    async with place.staging() as fresh, place.staging() as old:
        for staged in (fresh, old):
            staged.source.write_bytes(b"x")
        os.utime(old.folder, (0, 0))
        place.forget_stale()
        assert (fresh.folder.exists(), old.folder.exists()) == (True, False)


# A real server


@pytest.fixture
def served(serve: Serve, tmp_path: Path) -> Iterator[Any]:
    write_keys(tmp_path)
    with serve(toml=SERVED) as server:
        yield server


def test_fifty_megabytes_are_refused_by_a_real_server(served: Any, tmp_path: Path) -> None:
    large = b"\0" * 50_000_000
    status = Path(f"/proc/{served.process.pid}/status")
    before = resident(status)
    for path, files in (("/media", None), ("/graphql", {"f": ("a.png", large)})):
        content = large if files is None else None
        answer = httpx.post(
            served.url + path, content=content, files=files, headers=ADA, timeout=30
        )
        assert answer.status_code == 413
        assert "bytes" in answer.json()["errors"][0]["message"]
    assert resident(status) - before < 30_000


@pytest.mark.long
def test_twenty_megabytes_are_not_held_in_memory(served: Any) -> None:
    status = Path(f"/proc/{served.process.pid}/status")
    httpx.post(f"{served.url}/media", content=picture(), headers=ADA, timeout=30)
    before = resident(status, "VmHWM")
    large = picture(3000, 2000, kind="JPEG") + b"\0" * 19_000_000
    answer = httpx.post(f"{served.url}/media", content=large, headers=ADA, timeout=60)
    assert answer.status_code == 201
    answer = httpx.post(
        f"{served.url}/media", files={"file": large + b"\0"}, headers=ADA, timeout=60
    )
    assert answer.status_code == 201
    assert resident(status, "VmHWM") - before < 15_000


def resident(status: Path, line: str = "VmRSS") -> int:
    """Kilobytes of memory."""
    return int(status.read_text().split(f"{line}:")[1].split()[0])


@pytest.mark.gate
@pytest.mark.parametrize(
    "after", [None, *(pytest.param(after, marks=pytest.mark.long) for after in (0.05, 0.15, 0.3))]
)
def test_a_server_killed_during_an_upload_leaves_no_half_picture(
    serve: Serve, tmp_path: Path, after: float | None
) -> None:
    write_keys(tmp_path)
    large = picture(*((2_100, 300) if after is None else (3000, 2000)), kind="JPEG")
    with serve(toml=SERVED) as server:

        def send() -> None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.post(f"{server.url}/media", content=large, headers=ADA, timeout=30)

        sending = threading.Thread(target=send)
        sending.start()
        if after is None:  # the moment at which its files appear
            while not any((tmp_path / "data" / "media").glob("*/files/*/*")):
                pass
        else:
            time.sleep(after)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        sending.join()
    whole = {
        f"{size}.{kind}"
        for size in ("thumbnail", "small", "medium", "large", "original")
        for kind in ("webp", "avif", "jpg")
    }
    for folder in (tmp_path / "data" / "media").glob("*/files/*/*"):
        assert {file.name for file in folder.iterdir()} == whole
    with serve() as server:
        answer = httpx.post(f"{server.url}/media", content=large, headers=ADA, timeout=30)
        assert answer.status_code == 201
        assert httpx.get(server.url + answer.json()["url"]).status_code == 200


def test_an_upload_that_is_broken_off_leaves_nothing(served: Any, tmp_path: Path) -> None:
    url = httpx.URL(served.url)
    for body in (picture()[:50], b"--b\r\nContent-Disposition: form-data; name=file; filename=a"):
        with socket.create_connection((url.host, url.port or 0)) as connection:
            connection.sendall(
                b"POST /media HTTP/1.1\r\nhost: x\r\nauthorization: ada\r\ncontent-length: 9999\r\n"
                b"content-type: multipart/form-data; boundary=b\r\n\r\n" + body
            )
            time.sleep(0.2)
    deadline = time.monotonic() + 10
    while any((tmp_path / "data" / "media").rglob("incoming/*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    answer = httpx.post(f"{served.url}/media", content=picture(), headers=ADA, timeout=30)
    assert answer.status_code == 201


@pytest.mark.gate
def test_a_browser_shows_it(served: Any, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium")
    answer = httpx.post(
        f"{served.url}/media", content=picture(640, 480, "#c02040"), headers=ADA, timeout=30
    )
    start = f"{served.url}{answer.json()['url']}".removesuffix("webp")
    page = tmp_path / "page.html"
    page.write_text(
        "".join(f"<img src='{start}{kind}'>" for kind in ("webp", "avif", "jpg"))
        + "<script>addEventListener('load', () => document.title = [...document.images]"
        ".map(image => image.naturalWidth).join())</script>"
    )
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{page}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "<title>640,640,640</title>" in done.stdout
