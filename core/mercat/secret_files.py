"""Secrets that the engine made itself, kept in files that nobody else can read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def secret_in(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The secret that a file of a folder holds; made where there is none, once of all processes."""
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write_once(path, make())
    return path.read_text()


def _write_once(path: Path, text: str) -> None:
    written = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    finally:
        written.unlink()
