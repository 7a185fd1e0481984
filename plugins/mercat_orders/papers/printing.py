"""Printing papers: so many at once in a process, each by a process of its own."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import DomainError, MercatError
from mercat_orders.papers.settings import InvoiceSettings
from mercat_orders.settings import OrderSettings

_SCRIPT = Path(__file__).with_name("press.py")
_TEMPLATES = Path(__file__).with_name("templates")
_FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")
# Not the rest of the environment: it has the shop's secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "TMPDIR")

_logger = logging.getLogger(__name__)


class BusyError(DomainError):
    """Too many papers wait to be printed."""

    code = "BUSY"


class PrintingError(MercatError):
    """A paper takes too much time or memory to print, or can't be printed at all."""


class Press:
    """`press_of(context)` finds an engine's."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.plugin_settings(OrderSettings).invoices or InvoiceSettings()
        self._settings = settings
        own = [] if settings.fonts is None else [str(settings.fonts)]
        self._fonts = [*own, *installed_fonts()]
        self._places = asyncio.Semaphore(settings.jobs)
        self._waiting = 0

    async def print(self, template: str, paper: dict[str, Any], at: datetime) -> bytes:
        """A paper as PDF: the same for the same values. Raises BusyError, PrintingError."""
        if find_spec("typst") is None:
            raise PrintingError("PDF files need more packages: pip install 'mercat[pdf]'")
        order = {
            "template": str(_TEMPLATES / f"{template}.typ"),
            "root": str(_TEMPLATES),
            "fonts": self._fonts,
            "paper": paper,
            "timestamp": int(at.timestamp()),
            "memory": self._settings.max_memory_bytes,
            "seconds": self._settings.max_seconds,
        }
        with self._in_line():
            async with self._places:
                said, _, pdf = (await self._run(json.dumps(order).encode())).partition(b"\n")
        if not pdf.startswith(b"%PDF-"):
            raise PrintingError(f"the {template} can't be printed")
        if json.loads(said)["lacking"]:
            _logger.warning(
                "a paper has characters that no font has; name a folder of fonts that do with "
                "[plugins.orders.invoices] fonts"
            )
        return pdf

    @contextlib.contextmanager
    def _in_line(self) -> Iterator[None]:
        if self._waiting >= self._settings.jobs + self._settings.max_waiting:
            raise BusyError("too many papers are being printed; try again in a minute")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _run(self, order: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_SCRIPT)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it would say what is printed
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is the engine's own business
        )
        try:
            async with asyncio.timeout(self._settings.max_seconds):
                said, _ = await process.communicate(order)
        except TimeoutError:
            raise PrintingError("a paper takes too much time to print") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return said


def installed_fonts() -> list[str]:
    """The folders of the fonts that are installed with the engine."""
    found = [find_spec(name) for name in _FONTS]
    return [str(Path(spec.origin).parent) for spec in found if spec is not None and spec.origin]


def press_of(context: Context) -> Press:
    """The press of an engine."""
    return context.engine.own(Press, context.engine)
