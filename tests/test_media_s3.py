"""Pictures in an S3-compatible store: moto's server, a process of its own on loopback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.settings import load_settings
from mercat_media import contents
from mercat_media.workshop import workshop_of

from .conftest import Client, ClientFor
from .test_media import DELETE, TOML, MediaEngine, ask, files_of, media_engine, picture, upload

__all__ = ["media_engine"]  # a fixture

SECRETS = {
    "MERCAT_PLUGINS__MEDIA__S3_ACCESS_KEY_ID": "key",
    "MERCAT_PLUGINS__MEDIA__S3_SECRET_ACCESS_KEY": "secret-of-the-shop",
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of a running moto server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Running on http" in line:
                yield line.split("Running on ")[1].strip()
                break
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What goes into `[plugins.media]` for a new bucket."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    name = f"shop-{time.monotonic_ns()}"
    assert httpx.put(f"{moto}/{name}").status_code == 200
    return f's3_bucket = "{name}"\ns3_endpoint = "{moto}"\ns3_prefix = "a/b/"\n'


@pytest.fixture
async def shop(media_engine: MediaEngine, bucket: str) -> Engine:
    found: Engine = await media_engine(bucket)
    return found


@pytest.fixture
def web(shop: Engine, client_for: ClientFor) -> Client:
    return client_for(shop)


def objects_of(shop: Engine) -> list[str]:
    store: Any = workshop_of(shop.context()).store
    return [entry["path"] for found in obstore.list(store._bucket) for entry in found]


async def test_pictures_are_put_into_the_bucket_and_served_from_it(
    shop: Engine, web: Client
) -> None:
    media = (await upload(web, picture(1000, 800)))["media"]
    assert files_of(shop) == []
    assert len(objects_of(shop)) == 12
    name = shop.settings.database.name
    assert all(path.startswith(f"a/b/{name}/") for path in objects_of(shop))
    whole = await web.http.get(media["url"])
    assert (whole.status_code, whole.headers["content-type"]) == (200, "image/webp")
    assert whole.headers["content-length"] == str(len(whole.content))
    part = await web.http.get(media["url"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    known = {"if-none-match": whole.headers["etag"]}
    assert (await web.http.get(media["url"], headers=known)).status_code == 304
    missing = media["url"].replace("/media/", "/media/0")[:-1]
    assert (await web.http.get(missing)).status_code == 404
    other = await web.http.get("/media/" + "0" * 40 + "/small.webp")
    assert other.status_code == 404


async def test_a_bucket_that_serves_by_itself_sends_the_same_headers(
    media_engine: MediaEngine, client_for: ClientFor, bucket: str, moto: str
) -> None:
    name = bucket.split('"')[1]
    plain = await media_engine(bucket)
    start = f"{moto}/{name}/a/b/{plain.settings.database.name}"
    shop = await media_engine(f'{bucket}public_url = "{start}"\n')
    media = (await upload(client_for(shop), picture()))["media"]
    assert media["url"].startswith(f"{start}/")
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{**everyone, "Resource": f"arn:aws:s3:::{name}/*"}],
    }
    async with httpx.AsyncClient() as http:
        await http.put(f"{moto}/{name}?policy", json=policy)
        answer = await http.get(media["url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-disposition"].startswith("inline; filename=")


async def test_what_nobody_needs_is_swept(
    shop: Engine, web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (await upload(web, picture(colour="red")))["media"]
    gone = (await upload(web, picture(colour="blue")))["media"]
    await ask(web, DELETE, id=gone["id"])
    await contents.sweep(shop.context())
    assert len(objects_of(shop)) == 12
    monkeypatch.setattr(contents, "_DAY", timedelta(days=-1))
    await contents.sweep(shop.context())
    assert len(objects_of(shop)) == 6
    assert (await web.http.get(kept["url"])).status_code == 200
    assert (await web.http.get(gone["url"])).status_code == 404


async def test_a_folder_is_as_old_as_its_objects(shop: Engine, web: Client) -> None:
    await upload(web, picture())
    store = workshop_of(shop.context()).store
    now = datetime.now(UTC)
    later = [folder async for folder in store.folders(now + timedelta(hours=1))]
    earlier = [folder async for folder in store.folders(now - timedelta(hours=1))]
    assert (len(later), earlier) == (1, [])


async def test_a_store_that_does_not_answer_is_unavailable_and_leaves_nothing(
    media_engine: MediaEngine, client_for: ClientFor, bucket: str, moto: str
) -> None:
    shop = await media_engine(bucket.replace(moto, "http://127.0.0.1:9"))
    client = client_for(shop)
    answer = await client.http.post("/media", content=picture(), headers={"authorization": "ada"})
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    assert (await upload(client, picture()))["extensions"] == {"code": "UNAVAILABLE"}
    answer = await client.http.get("/media/" + "0" * 40 + "/small.webp")
    assert answer.status_code == 503
    assert await shop.storage.database["media"].count_documents({}) == 0
    assert files_of(shop) == []


@pytest.mark.parametrize("name", ["s3_access_key_id", "s3_secret_access_key"])
def test_the_stores_secrets_are_refused_in_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(f'[plugins]\nenabled = ["mercat_media"]\n[plugins.media]\n{name} = "x"\n')
    with pytest.raises(BootError, match=f"{name} is a secret"):
        Engine(load_settings(file))


def test_half_a_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(TOML.replace(', "media_keys"', ""))
    monkeypatch.setenv("MERCAT_PLUGINS__MEDIA__S3_BUCKET", "pictures")
    monkeypatch.setenv("MERCAT_PLUGINS__MEDIA__S3_ACCESS_KEY_ID", "x")
    with pytest.raises(BootError, match="go together"):
        create_app(Engine(load_settings(file)))
