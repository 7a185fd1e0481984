"""The search index after kill -9, without its folder, and in two processes at once."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat.settings import load_settings
from mercat_products.documents import ProductDocument
from mercat_products.search.writing import Generation

from .conftest import EngineFor, Serve, until
from .test_search import SHOP, insert, record, search, slugs, until_indexed
from .test_search_lists import index_folder, remove

pytestmark = pytest.mark.gate

REPOSITORY = Path(__file__).resolve().parents[1]
STAFF = '"products", "tests.plugins_for_tests.stocktaking",'  # knows staff by a header
CREATE = """mutation ($input: ProductCreateInput!) { productCreate(input: $input) {
  product { slug } userErrors { message } } }"""
COMMITS = {"beginning": 1, "built": 2}
LATER = 5
MORE_MOMENTS = ("beginning", "before", "after")


def products(prefix: str, count: int) -> list[dict[str, Any]]:
    return [record(f"{prefix}-{number}") for number in range(count)]


async def check_index(engine: Engine, wanted: set[str]) -> None:
    """It comes to have all of these, each once, and nothing else."""
    await until_indexed(engine, len(wanted))
    assert Counter(await slugs(engine)) == Counter(wanted)


def writer(engine: Engine, environment: dict[str, str], moment: str) -> "subprocess.Popen[str]":
    """Another process with an engine of the same shop, which kills itself as it writes."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.test_search_survival", moment],
        cwd=REPOSITORY,
        env={
            **environment,
            "MERCAT_CONFIG": str(engine.settings.file),
            "MERCAT_DATABASE__NAME": engine.storage.database.name,
        },
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "moment",
    ["built", "during", *(pytest.param(m, marks=pytest.mark.long) for m in MORE_MOMENTS)],
)
async def test_killed_while_it_writes_the_index_is_right_again(
    engine_for: EngineFor, mercat_environment: dict[str, str], moment: str
) -> None:
    idle = await engine_for(SHOP)
    wanted = products("old", 40)
    await insert(idle, wanted)
    process = writer(idle, mercat_environment, moment)
    assert process.stdout is not None
    with process:
        if moment not in COMMITS:
            assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
            stored = idle.storage.collection(ProductDocument)
            for step in range(200):
                if process.poll() is not None:
                    break
                await insert(idle, new := products(f"new-{step}", 3))
                wanted += new
                renamed = {"$set": {"name": f"Renamed {step}"}}
                await stored.update_one({"slug": "old-0"}, renamed)
                await asyncio.sleep(0.02)
        assert await asyncio.to_thread(process.wait, 20) == -signal.SIGKILL
    await insert(idle, late := products("late", 2))
    engine = await engine_for(SHOP, work=True)
    await check_index(engine, {each["slug"] for each in [*wanted, *late]})
    if moment not in COMMITS:
        last = await idle.storage.collection(ProductDocument).find_one({"slug": "old-0"})
        assert last is not None
        assert await slugs(engine, last["name"]) == ["old-0"]


async def test_what_one_process_is_told_another_finds_also_without_its_index(
    serve: Serve, mercat_environment: dict[str, str], engine_for: EngineFor
) -> None:
    """Two replicas whose hosts share no disk."""
    toml = SHOP.replace('"products",', STAFF)
    name = {"name": mercat_environment["MERCAT_DATABASE__NAME"]}
    elsewhere = {**name, "data_dir": "elsewhere"}
    idle = await engine_for(toml, database=name)
    path = {"PYTHONPATH": str(REPOSITORY), "MERCAT_CONFIG": str(idle.settings.file)}
    with serve(toml=toml, **path) as server:
        replica = await engine_for(toml, work=True, database=elsewhere)
        await until_indexed(replica, 0)
        for number in range(3):
            assert await seconds_until_found(server.url, replica, f"Lamp {number}") < 2
        await asyncio.to_thread(remove, index_folder(replica))
        for number in range(3, 6):
            assert await seconds_until_found(server.url, replica, f"Lamp {number}") < 2
        assert list(index_folder(replica).rglob("meta.json"))
        assert (await search(replica))["totalCount"] == 6
        assert server.process.poll() is None


async def seconds_until_found(url: str, replica: Engine, name: str) -> float:
    """How long after one process has stored a product another one finds it, never failing."""
    given = {"name": name, "status": "ACTIVE", "variants": [{"sku": name}]}
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}/graphql",
            json={"query": CREATE, "variables": {"input": given}},
            headers={"authorization": "staff"},
        )
    assert answer.json()["data"]["productCreate"]["userErrors"] == [], answer.text
    stored = time.monotonic()

    async def is_found() -> bool:
        found = await search(replica, name)
        assert "error" not in found, found
        return any(node["slug"] == name.lower().replace(" ", "-") for node in found["nodes"])

    await until(is_found)
    return time.monotonic() - stored


def dying(moment: str) -> None:
    """Have this process end at a commit: one of the first two while it is built, or a later one."""
    commit, commits = Generation.commit, 0

    def end() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def commit_or_end(self: Generation, token: str | None) -> None:
        nonlocal commits
        commits += 1
        if commits == COMMITS.get(moment, LATER):
            if moment == "before":
                end()
            if moment != "after":
                threading.Timer(0.001, end).start()
            commit(self, token)
            end()
        commit(self, token)

    Generation.commit = commit_or_end  # type: ignore[method-assign]


async def main(moment: str) -> None:
    dying(moment)
    engine = Engine(load_settings())
    await engine.start()
    await until_indexed(engine, 40)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
