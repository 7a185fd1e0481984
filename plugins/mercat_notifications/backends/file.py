"""Mails as files, for development: one `.eml` each, readable by nobody else."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from mercat_notifications.making import Mail

_FOLDER = "mail"

_logger = logging.getLogger(__name__)


class FileBackend:
    """Writes into `mail/` of the data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / _FOLDER
        self._is_told = False

    async def send(self, mail: Mail) -> None:
        if not self._is_told:
            self._is_told = True
            _logger.warning("no mail server is set; mails are written to %s", self._folder)
        await asyncio.to_thread(self._write, mail)

    async def close(self) -> None:
        pass

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = str(mail.message["Message-ID"]).strip("<>").partition("@")[0]
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = self._folder / f"{moment}-{name}.eml"
        half = path.with_suffix(".part")
        descriptor = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(mail.raw)
        half.rename(path)
