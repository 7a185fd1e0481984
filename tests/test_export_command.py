"""`mercat export` as a command: where it writes, and what is left of it when it ends early."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mercat.engine import Engine
from mercat.settings import Settings

from .conftest import Mercat, write_jsonl
from .test_catalogue import load, product

CSV_HEAD = "slug,name,description"


@pytest.fixture
def shop(
    settings_for: Callable[..., Settings],
    mercat: Mercat,
    mercat_environment: dict[str, str],
    tmp_path: Path,
) -> Mercat:
    settings = settings_for(database={"name": mercat_environment["MERCAT_DATABASE__NAME"]})
    rows = [product(f"p-{n}", status="active" if n else "draft") for n in range(3)]

    async def fill() -> None:
        async with Engine(settings) as engine:
            await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))

    asyncio.run(fill())
    return mercat


def test_it_writes_json_lines_to_standard_output(shop: Mercat) -> None:
    done = shop("export", "products")
    assert (done.code, done.err) == (0, "")
    assert [json.loads(line)["slug"] for line in done.out.splitlines()] == ["p-0", "p-1", "p-2"]


def test_a_format_and_a_status_are_chosen(shop: Mercat, tmp_path: Path) -> None:
    done = shop("export", "products", "--format", "csv", "--status", "draft", "-o", "draft.csv")
    assert (done.code, done.out) == (0, "")
    assert "products: 1 written to draft.csv" in done.err
    head, line = (tmp_path / "draft.csv").read_text().splitlines()
    assert head.startswith(CSV_HEAD)
    assert line.startswith("p-0,")


def test_help_names_formats_and_statuses(mercat: Mercat) -> None:
    said = mercat("export", "products", "--help").out
    assert all(word in said for word in ("jsonl", "csv", "shopify", "google", "archived"))
    assert "products" in mercat("export", "--help").out


def test_an_export_that_fails_leaves_the_file_as_it_was(shop: Mercat, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("before")
    nowhere = {
        "MERCAT_DATABASE__URL": "mongodb://[::1]:9/",
        "MERCAT_DATABASE__TIMEOUT_SECONDS": "0.5",
    }
    done = shop("export", "products", "-o", "out.jsonl", **nowhere)
    assert (done.code, file.read_text()) == (3, "before")
    assert shop("export", "products", "-o", "out.jsonl").code == 0
    assert len(file.read_text().splitlines()) == 3
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_cannot_be_written_is_a_sentence(shop: Mercat) -> None:
    done = shop("export", "products", "-o", "nowhere/out.jsonl")
    assert done.code == 1
    assert done.err == "mercat: nowhere/out.jsonl can't be written: No such file or directory\n"


def test_a_pipe_is_written_into_and_not_replaced(shop: Mercat, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    assert shop("export", "products", "-o", "pipe").code == 0
    reader.join(10)
    assert len(found[0].splitlines()) == 3
    assert pipe.is_fifo()


def test_a_reader_that_goes_away_is_no_error(
    shop: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mercat.cli", "export", "products"],
        cwd=tmp_path,
        env=mercat_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait(60) == 1
