"""Serving an engine with uvicorn, in one process or several."""

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import uvicorn
from uvicorn.supervisors import Multiprocess

from mercat.app import CONFIG_VARIABLE, DEMO_VARIABLE, create_app
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.http import BoundedProtocol
from mercat.lifecycle import demo_requested
from mercat.storage.embedded import EmbeddedServers

_STOP_SECONDS = 3
_READY_SECONDS = 60
_BACKLOG = 2048


def serve(engine: Engine, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` hears the URL once the engine answers.

    Raises BootError where the port is taken, StoreError where a store doesn't answer.
    """
    server = engine.settings.server
    listening = _listen(server.host, server.port)
    port = listening.getsockname()[1]
    shown = "localhost" if server.host in {"0.0.0.0", "::", "127.0.0.1"} else server.host  # noqa: S104
    url = f"http://{shown}:{port}"
    check = f"http://{'127.0.0.1' if shown == 'localhost' else shown}:{port}/health"
    signal.signal(signal.SIGTERM, _interrupt)
    held = EmbeddedServers(engine.storage.data_dir) if engine.storage.is_embedded else None
    try:
        asyncio.run(_prepare(engine, held))
        threading.Thread(
            target=_announce, args=(check, url, on_ready), name="announce", daemon=True
        ).start()
        if server.workers == 1:
            uvicorn.Server(_config(engine)).run([listening])
        else:
            _serve_with_workers(engine, listening)
    except KeyboardInterrupt:
        pass  # uvicorn has stopped in order and passes the signal on
    finally:
        listening.close()
        if held is not None:
            asyncio.run(held.stop())


def _interrupt(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


async def _prepare(engine: Engine, held: EmbeddedServers | None) -> None:
    """Hold the stores while the engine serves, and load the demo shop where it is asked for."""
    if held is not None:
        await held.start()
    async with engine:
        await engine.storage.ping()
        if engine.demo:
            await engine.hooks.notify(demo_requested, engine.context())


def _serve_with_workers(engine: Engine, listening: socket.socket) -> None:
    if engine.settings.file.is_file():
        os.environ[CONFIG_VARIABLE] = str(engine.settings.file)
    os.environ[DEMO_VARIABLE] = "1" if engine.demo else "0"
    config = _config(engine, "mercat.app:app_from_environment")
    Multiprocess(config, [listening]).run()


def _config(engine: Engine, target: str | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        target or create_app(engine),
        factory=target is not None,
        workers=engine.settings.server.workers,
        loop="mercat.memory:RoomyLoop",
        http=BoundedProtocol,
        ws="websockets-sansio",
        lifespan="on",
        log_level=logging.WARNING,
        access_log=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_STOP_SECONDS,
        ws_max_size=65_536,
        server_header=False,
        date_header=False,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        reason = (
            "is in use" if error.errno == errno.EADDRINUSE else f"can't be had: {error.strerror}"
        )
        raise BootError(
            f"{host}:{port} {reason}; stop what uses it, or choose another with --port"
        ) from None
    listening.set_inheritable(True)
    return listening


def _announce(check: str, url: str, on_ready: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(check, timeout=1) as answer:  # noqa: S310
                if answer.status == 200:  # noqa: PLR2004
                    on_ready(url)
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.05)
