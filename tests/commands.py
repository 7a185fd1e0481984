"""`mercat` commands in processes of their own, forked from one that has imported the engine.

A new interpreter spends two seconds on imports before it reads its arguments. The process that is
forked has done nothing else: it has one thread, no engine and no connection.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

PRELOADED = (
    "mercat.cli",
    "mercat.engine",
    "mercat.server",
    "mercat_auth.hooks",
    "mercat_categories.hooks",
    "mercat_media.hooks",
    "mercat_products.hooks",
)
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([*PRELOADED])


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> tuple[int, str, str]:
    """The exit code, the output and the errors of a command. Raises TimeoutError."""
    out, err = folder / ".stdout", folder / ".stderr"
    process = FORKS.Process(target=command, args=(arguments, environment, folder, out, err))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"mercat {' '.join(arguments)} ran for {seconds} seconds")
    texts = [file.read_text() for file in (out, err)]
    for file in (out, err):
        file.unlink()
    return process.exitcode, texts[0], texts[1]


def command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
) -> None:
    from mercat.cli import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for file, stream in ((out, sys.stdout), (err, sys.stderr)):
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), stream.fileno())
    sys.argv = ["mercat", *arguments]
    main()
