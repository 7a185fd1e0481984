"""Mercurius and graphql-jit on Node: the fastest GraphQL of another language that we know of."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .server import Server, serving

_FOLDER = Path(__file__).parent / "node"
_INSTALL = ("install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")
_INSTALL_SECONDS = 180


def install() -> str | None:
    """Install its packages below tests/benchmarks/node; says why where that can't be done."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "node or npm is not installed"
    try:
        subprocess.run(
            [npm, *_INSTALL, "--prefix", str(_FOLDER)],
            capture_output=True,
            check=True,
            timeout=_INSTALL_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "npm can't install the packages of tests/benchmarks/node"
    return None


def version() -> str:
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def mercurius(data: Path) -> Iterator[Server]:
    """Serve the products of a JSON file."""
    command = ["node", str(_FOLDER / "server.mjs"), str(data)]
    with serving(command, {**os.environ, "NODE_ENV": "production"}) as server:
        yield server
