"""Files in a bucket of an S3-compatible store, by obstore."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from mercat.errors import BootError, StoreError
from mercat_media.renditions import content_type_of, file_headers
from mercat_media.settings import MediaSettings

if TYPE_CHECKING:
    from obstore.store import S3Config

_PIECE = 256 * 1024

_logger = logging.getLogger(__name__)


class BucketStore:
    """Objects named `<prefix><folder>/<name>`. Needs Mercat's extra `s3`."""

    def __init__(self, settings: MediaSettings, prefix: str) -> None:
        self._prefix = prefix
        self._bucket = _bucket(settings)

    async def put(self, folder: str, files: Path) -> None:
        for file in await asyncio.to_thread(lambda: sorted(files.iterdir())):
            kind = content_type_of(folder, file.name)
            if kind is not None:
                with _failures():
                    await obstore.put_async(
                        self._bucket,
                        f"{self._prefix}{folder}/{file.name}",
                        file,
                        attributes={"Content-Type": kind, **file_headers(folder, file.name)},
                    )

    async def size(self, folder: str, name: str) -> int | None:
        try:
            with _failures():
                found = await obstore.head_async(self._bucket, f"{self._prefix}{folder}/{name}")
        except FileNotFoundError:
            return None
        return found["size"]

    async def read(self, folder: str, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        with _failures():
            answer = await obstore.get_async(
                self._bucket,
                f"{self._prefix}{folder}/{name}",
                options={"range": (start, stop)},
            )
            async for piece in answer.stream(_PIECE):
                yield bytes(piece)

    async def delete(self, folder: str) -> None:
        with _failures():
            async for found in obstore.list(self._bucket, f"{self._prefix}{folder}"):
                await obstore.delete_async(self._bucket, [entry["path"] for entry in found])

    async def folders(self, before: datetime) -> AsyncIterator[str]:
        last = ""
        with _failures():
            async for found in obstore.list(self._bucket, self._prefix):
                for entry in found:
                    folder = entry["path"].removeprefix(self._prefix).partition("/")[0]
                    if folder != last and entry["last_modified"] < before:
                        last = folder
                        yield folder


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Say what the store's failures are to a caller: it can't be reached now."""
    try:
        yield
    except BaseError as error:
        _logger.warning("the store of pictures fails: %s", str(error).split("\n", 1)[0])
        raise StoreError("the store of pictures does not answer") from None


def _bucket(settings: MediaSettings) -> S3Store:
    config: S3Config = {"region": settings.s3_region}
    if settings.s3_endpoint is not None:
        config["endpoint"] = settings.s3_endpoint
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if (key is None) != (secret is None):
        raise BootError(
            "[plugins.media] s3_access_key_id and s3_secret_access_key go together; set both"
        )
    if key is not None and secret is not None:
        config["access_key_id"] = key.get_secret_value()
        config["secret_access_key"] = secret.get_secret_value()
    allow_http = (settings.s3_endpoint or "").startswith("http://")
    return S3Store(
        settings.s3_bucket or "",
        config=config,
        client_options={"allow_http": allow_http, "timeout": "30s", "connect_timeout": "5s"},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )
