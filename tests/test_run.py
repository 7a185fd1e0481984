"""`mercat run --demo` as a newcomer meets it, and the other commands of the README."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import Mercat


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment that names no store, so that the embedded ones are used."""
    environment = {key: value for key, value in os.environ.items() if "MERCAT" not in key}
    return environment | {"MERCAT_DATABASE__DATA_DIR": str(tmp_path / "data")}


def _get(url: str, body: dict[str, Any] | None = None, accept: str = "*/*") -> tuple[str, bytes]:
    request = urllib.request.Request(
        url,
        json.dumps(body).encode() if body else None,
        {"content-type": "application/json", "accept": accept},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["content-type"], answer.read()


@pytest.mark.gate
def test_demo_runs_on_a_machine_with_nothing_and_leaves_nothing_running(
    bare: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mercat.cli", "run", "--demo", "--port", "0"],
        cwd=tmp_path,
        env=bare,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as out:
        first = out.readline()
        assert "Embedded stores" in first
        assert "development" in first
        people = [out.readline() for _ in range(5)]
        assert "shown this once" in people[0]
        assert all("@demo.example.com" in line for line in people[1:])
        url = re.search(r"http://localhost:\d+/graphql", out.readline())
        assert url is not None
        kind, body = _get(
            url[0], {"query": "{ products(first: 100) { totalCount nodes { name } } }"}
        )
        assert kind.startswith("application/json")
        found = json.loads(body)["data"]["products"]
        assert found["totalCount"] >= 60
        kind, page = _get(url[0], accept="text/html")
        assert kind.startswith("text/html")
        assert b"Ready operations" in page or b"operations" in page
        images = json.loads(
            _get(url[0], {"query": "{ products(first: 1) { nodes { featuredMedia { url } } } }"})[1]
        )
        path = images["data"]["products"]["nodes"][0]["featuredMedia"]["url"]
        kind, picture = _get(url[0].removesuffix("/graphql") + path)
        assert kind == "image/webp"
        assert picture[8:12] == b"WEBP"
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5
    _, alive = psutil.wait_procs(children, timeout=1)
    assert not alive


def test_demo_shop_is_loaded_into_a_database_of_its_own(
    mercat: Mercat, tmp_path: Path, bare: dict[str, str]
) -> None:
    del bare
    rows = '{"slug": "mine", "name": "Mine", "variants": [{"sku": "M"}]}\n'
    (tmp_path / "p.jsonl").write_text(rows)
    assert "1 created" in mercat("import", "products", "p.jsonl").out
    assert "1 created" in mercat("import", "products", "p.jsonl", "--demo").out
    assert "1 unchanged" in mercat("import", "products", "p.jsonl").out


def test_check_asks_providers_what_is_wrong(mercat: Mercat) -> None:
    enabled = '["media", "products", "orders", "payments", "payments_stripe"]'
    done = mercat("check", MERCAT_PLUGINS__ENABLED=enabled)
    assert (done.code, done.out) == (2, "")
    assert "secret_key" in done.err


def test_check_goes_through_everything_without_serving(mercat: Mercat) -> None:
    done = mercat("check")
    assert done.code == 0, done.err
    for word in ("configuration", "plugins", "schema", "stores", "migrations", "All is well."):
        assert word in done.out


def test_plugins_lists_what_each_brings(mercat: Mercat) -> None:
    done = mercat("plugins")
    assert done.code == 0
    assert re.search(r"3\. products 0\.1\.0\n +from +mercat_products \(built in\)", done.out)
    assert "Product.categories" in done.out
    assert "product_placements" in done.out


def test_schema_names_the_plugin_of_each_field(mercat: Mercat) -> None:
    done = mercat("schema")
    assert re.search(r"^  categories: \[Category!\]! +# categories$", done.out, re.MULTILINE)
    assert re.search(r"^  sku: String! +# products$", done.out, re.MULTILINE)
    assert re.search(r"^  shop: Shop! +# mercat$", done.out, re.MULTILINE)
    assert "#" not in mercat("schema", "--plain").out
