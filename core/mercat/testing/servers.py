"""Servers beside an engine, such as a payment company's stand-in."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_START_SECONDS = 20.0


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An ASGI application on a free port of this machine, in a thread of its own; its URL.

    The thread has an event loop of its own, so that a plugin which blocks the engine's loop
    doesn't stop the server that it waits for.
    """
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", ws="none"
    )
    config.timeout_graceful_shutdown = 1  # a reply that is held back for a test may never end
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{_port(server, thread)}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
