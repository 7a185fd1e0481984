"""A server to be measured: pinned to one core, its stores and the load on the other."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mercat.storage.embedded import EmbeddedServers

SERVER_CPU, OTHER_CPU = 0, 1
_TOML = """
[server]
port = 0
[plugins]
enabled = ["products", "categories", "tests.benchmarks.plugin"]
"""


@contextmanager
def running(products: Path | None = None) -> Iterator[str]:
    """Serve the demo shop, or the products of a Mercat JSON Lines file; yields the URL."""
    os.sched_setaffinity(0, {OTHER_CPU})
    with tempfile.TemporaryDirectory() as folder:
        stores = EmbeddedServers(Path(folder) / "stores")
        asyncio.run(stores.start())
        (Path(folder) / "engine.toml").write_text(_TOML)
        environment = {
            **os.environ,
            "MERCAT_DATABASE__URL": stores.mongo_url,
            "MERCAT_REDIS__URL": stores.redis_url,
            "MERCAT_CONFIG": str(Path(folder) / "engine.toml"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONUNBUFFERED": "1",
        }
        if products is not None:
            command = [sys.executable, "-m", "mercat.cli", "import", "products", str(products)]
            subprocess.run(command, env=environment, check=True)
        try:
            with _serving(environment, demo=products is None) as url:
                yield url
        finally:
            asyncio.run(stores.stop())


@contextmanager
def _serving(environment: dict[str, str], *, demo: bool) -> Iterator[str]:
    command = ["taskset", "-c", str(SERVER_CPU), sys.executable, "-m", "mercat.cli", "run"]
    process = subprocess.Popen(
        [*command, *(["--demo"] if demo else [])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if " serves http" in line:
                yield (
                    line.split(" serves ")[1].split("/graphql")[0].replace("localhost", "127.0.0.1")
                )
                return
        raise SystemExit("the server ended:\n" + "".join(lines))
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
