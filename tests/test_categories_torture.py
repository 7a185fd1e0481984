"""The tree under random changes: alone against a plain model, many at once, and after kill -9."""

import asyncio
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat.settings import load_settings
from mercat.storage import Record, Session
from mercat_categories.listing import settle

from .asking import told
from .conftest import EngineFor, until, write_jsonl
from .test_catalogue import load, product
from .test_categories_editing import category, fails, mutate, settled, succeeds
from .test_product_editing import done

pytestmark = pytest.mark.gate

TOML = '[plugins]\nenabled = ["media", "products", "categories"]\n'
TOML += "[plugins.categories]\nmax_depth = 6\n"
MOST_LEVELS = 6


def long(*values: Any) -> Any:
    """Parameters of the long form of a test."""
    return pytest.param(*values, marks=pytest.mark.long)


def key_of(global_id: str) -> ObjectId:
    return ObjectId(decode_id(global_id)[1])


async def tree_of(engine: Engine) -> tuple[int, dict[ObjectId, Record], set[ObjectId]]:
    """The tree's version, the categories, and those that have counts, all of one moment."""
    database = engine.storage.database

    async def read(session: Session) -> tuple[int, dict[ObjectId, Record], set[ObjectId]]:
        tree = await database["category_tree"].find_one({}, session=session)
        found = await database["categories"].find({}, session=session).to_list()
        counted = await database["category_counts"].find({}, {"_id": 1}, session=session).to_list()
        version = tree["version"] if tree else 0
        return version, {r["_id"]: r for r in found}, {r["_id"] for r in counted}

    return await engine.storage.transaction(read)


def check_tree(records: dict[ObjectId, Record]) -> None:
    """No cycle, no orphan, nothing too deep; ancestors and path as the parents say."""
    addresses: Counter[str] = Counter()
    for record in records.values():
        names, parent = [record["name"]], record["parent_id"]
        above: list[ObjectId] = []
        while parent is not None:
            assert parent in records, "an orphan"
            assert len(above) < MOST_LEVELS, "a cycle, or too deep"
            names.insert(0, records[parent]["name"])
            above.insert(0, parent)
            parent = records[parent]["parent_id"]
        assert record["ancestors"] == above
        assert record["path"] == " > ".join(names).casefold()
        addresses.update([*record["addresses"], *record["old_addresses"]])
    assert max(addresses.values(), default=1) == 1, "two categories share a slug"


async def check_lists(engine: Engine) -> None:
    """What each product is listed in, and each count, as the tree says."""
    _, records, counted = await tree_of(engine)
    assert counted == records.keys()
    direct: Counter[ObjectId] = Counter()
    total: Counter[ObjectId] = Counter()
    async for found in engine.storage.database["products"].find():
        placed, listed = set(found["placed_in"]), set(found["listed_in"])
        assert placed <= records.keys()
        assert listed == placed | {a for key in placed for a in records[key]["ancestors"]}
        if found["status"] == "active":
            direct.update(placed)
            total.update(listed)
    async for count in engine.storage.database["category_counts"].find():
        assert (count["direct"], count["total"]) == (direct[count["_id"]], total[count["_id"]])


class Chance:
    """Random changes; what they answer is not looked at but for errors that are none of a user."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)

    async def step(self) -> None:
        records = await self.engine.storage.database["categories"].find({}, {"_id": 1}).to_list()
        keys = [encode_id("Category", record["_id"]) for record in records]
        if len(keys) < 5:
            await mutate(self.engine, "categoryCreate", name=f"C{self.random.random()}")
            return
        a, b = self.random.choice(keys), self.random.choice(keys)
        parent = self.random.choice([a, b, None])
        changes: list[tuple[str, dict[str, Any]]] = [
            ("categoryCreate", {"name": f"C{self.random.randrange(9)}", "parent": parent}),
            ("categoryMove", {"id": a, "parent": b}),
            ("categoryMove", {"id": a, "parent": None}),
            ("categoryMerge", {"source": a, "target": b}),
            ("categoryDelete", {"id": a, "children": "REPARENT"}),
            ("categoryUpdate", {"id": a, "name": f"R{self.random.randrange(9)}"}),
            ("categoryUpdate", {"id": a, "slug": f"s{self.random.randrange(20)}"}),
            ("categoryProductsAdd", {"category": a, "products": await self.products()}),
            ("categoryProductsRemove", {"category": a, "products": await self.products()}),
        ]
        name, values = self.random.choices(changes, [8, 6, 2, 2, 2, 2, 2, 4, 2])[0]
        payload = await mutate(self.engine, name, **values)
        assert "userErrors" in payload, payload

    async def products(self) -> list[str]:
        stored = self.engine.storage.database["products"]
        records = await stored.find({}, {"_id": 1}).to_list()
        return [encode_id("Product", r["_id"]) for r in self.random.sample(records, 5)]


async def some_products(engine: Engine, folder: Path, count: int, **more: Any) -> None:
    rows = [
        product(f"p-{n}", categories=[f"G{n % 4} > H{n % 3}"], status=status, **more)
        for n in range(count)
        for status in [("active", "draft", "archived")[n % 5 % 3]]
    ]
    await load(engine, "products", write_jsonl(folder / "p.jsonl", rows))


@pytest.mark.parametrize("seed", [0, long(1), long(2)])
async def test_the_tree_does_what_a_plain_model_does(engine_for: EngineFor, seed: int) -> None:
    """Moves, creations and deletions in turn, each as a dictionary of parents says."""
    engine = await engine_for(TOML)
    chance = random.Random(seed)
    parents: dict[str, str | None] = {}

    def above(key: str | None) -> list[str]:
        return [] if key is None else [key, *above(parents[key])]

    def height(key: str) -> int:
        return 1 + max((height(other) for other in parents if parents[other] == key), default=0)

    for number in range(60):
        keys = list(parents)
        key = chance.choice(keys) if keys else None
        parent = chance.choice([*keys, None])
        kind = chance.choice(["create", "create", "move", "move", "delete"])
        if kind == "create" or key is None:
            if len(above(parent)) == MOST_LEVELS:
                code, _ = await fails(engine, "categoryCreate", name="x", parent=parent)
                assert code == "TOO_DEEP"
            else:
                parents[await category(engine, f"N{number}", parent)] = parent
        elif kind == "move":
            if key in above(parent):
                expected = "CYCLE"
            elif len(above(parent)) + height(key) > MOST_LEVELS and parents[key] != parent:
                expected = "TOO_DEEP"
            else:
                expected = ""
            if expected:
                assert (await fails(engine, "categoryMove", id=key, parent=parent))[0] == expected
            else:
                await succeeds(engine, "categoryMove", id=key, parent=parent)
                parents[key] = parent
        else:
            await succeeds(engine, "categoryDelete", id=key, children="REPARENT")
            gone = parents.pop(key)
            parents |= {child: gone for child, up in parents.items() if up == key}
    _, records, _ = await tree_of(engine)
    check_tree(records)
    stored = {key: record["parent_id"] for key, record in records.items()}
    assert stored == {key_of(key): up and key_of(up) for key, up in parents.items()}


@pytest.mark.parametrize(("seed", "steps"), [(0, 4), long(0, 15), long(1, 15)])
async def test_many_changes_at_once_leave_a_tree_at_every_moment(
    engine_for: EngineFor, tmp_path: Path, seed: int, steps: int
) -> None:
    engines = [await engine_for(TOML, work=True) for _ in range(2)]
    await some_products(engines[0], tmp_path, 2 * steps + 10)
    done = asyncio.Event()

    async def change(number: int) -> None:
        chance = Chance(engines[number % 2], seed * 100 + number)
        for _ in range(steps):
            await chance.step()

    async def import_again() -> None:
        for number in range(steps // 4):
            await some_products(engines[1], tmp_path, 2 * steps + 10, brand=str(number))

    async def watch() -> int:
        moments = 0
        while not done.is_set():
            check_tree((await tree_of(engines[0]))[1])
            moments += 1
            await asyncio.sleep(0.01)
        return moments

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(change(number) for number in range(4)), import_again())
    done.set()
    assert await watching > 10
    await settles(engines[0])
    check_tree((await tree_of(engines[0]))[1])
    await check_lists(engines[0])


async def settles(engine: Engine) -> None:
    """Nothing waits any more."""

    async def idle() -> bool:
        waiting = await engine.storage.database["category_relistings"].count_documents({})
        return not waiting and not await engine.outbox.pending_count()

    await until(idle, 60)


@pytest.mark.parametrize("rounds", [4, long(30)])
async def test_two_moves_at_once_make_no_cycle(engine_for: EngineFor, rounds: int) -> None:
    engines = [await engine_for(TOML) for _ in range(2)]
    for number in range(rounds):
        a = await category(engines[0], f"A{number}")
        b = await category(engines[0], f"B{number}")
        payloads = await asyncio.gather(
            mutate(engines[0], "categoryMove", id=a, parent=b),
            mutate(engines[1], "categoryMove", id=b, parent=a),
        )
        codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
        assert codes == ["CYCLE"]
        check_tree((await tree_of(engines[0]))[1])


@pytest.mark.parametrize("rounds", [4, long(30)])
async def test_a_child_is_never_put_below_what_is_being_deleted(
    engine_for: EngineFor, rounds: int
) -> None:
    engines = [await engine_for(TOML) for _ in range(2)]
    for number in range(rounds):
        a = await category(engines[0], f"A{number}")
        created, deleted = await asyncio.gather(
            mutate(engines[0], "categoryCreate", name="child", parent=a),
            mutate(engines[1], "categoryDelete", id=a),
        )
        codes = [error["code"] for found in (created, deleted) for error in found["userErrors"]]
        assert codes in (["PARENT_NOT_FOUND"], ["HAS_CHILDREN"])
        check_tree((await tree_of(engines[0]))[1])


async def test_a_product_saved_with_an_old_tree_is_put_right(
    engine: Engine, tmp_path: Path
) -> None:
    """As an import does whose placements were made just before a move."""
    await some_products(engine, tmp_path, 10)
    await settled(engine)
    found = await engine.storage.database["categories"].find_one({"name": "G0"})
    assert found is not None
    top = await category(engine, "Top")
    before = await engine.storage.database["products"].find({}).to_list()
    await succeeds(engine, "categoryMove", id=encode_id("Category", found["_id"]), parent=top)
    await settled(engine)
    for record in before:
        await engine.storage.database["products"].replace_one({"_id": record["_id"]}, record)
    changed = await settle(engine.context(), [record["_id"] for record in before])
    assert changed
    assert await settle(engine.context(), [record["_id"] for record in before]) == []
    await settled(engine)
    await check_lists(engine)


async def test_a_second_run_of_the_same_work_counts_nothing_twice(
    engine: Engine, tmp_path: Path
) -> None:
    await some_products(engine, tmp_path, 30)
    found = await engine.storage.database["products"].find({}, {"_id": 1}).to_list()
    keys = [record["_id"] for record in found]
    await asyncio.gather(*(settle(engine.context(), keys) for _ in range(4)))
    await settled(engine)
    await check_lists(engine)


async def test_a_total_is_right_at_once_and_read_where_nothing_waits(
    engine: Engine, tmp_path: Path
) -> None:
    await some_products(engine, tmp_path, 20)
    stored, counts = (engine.storage.database[name] for name in ("products", "category_counts"))
    top = await engine.storage.database["categories"].find_one({"name": "G1"})
    assert top is not None
    listed = {"listed_in": top["_id"], "status": "active"}
    before = await stored.count_documents(listed)
    assert await total_of(engine, top) == before > 1
    await settled(engine)
    assert await total_of(engine, top) == before
    active = await stored.find_one(listed)
    assert active is not None
    await counts.update_one({"_id": top["_id"]}, {"$inc": {"total": 100}})
    assert await total_of(engine, top) == before + 100
    await done(engine, "productUpdate", id=encode_id("Product", active["_id"]), status="ARCHIVED")
    assert await total_of(engine, top) == before - 1
    await settled(engine)
    assert await total_of(engine, top) == before + 99
    await counts.delete_one({"_id": top["_id"]})  # as in a shop from before there were counts
    assert await total_of(engine, top) == before - 1


async def total_of(engine: Engine, category: Record) -> int:
    query = "query ($id: ID!) { category(id: $id) { products(first: 1) { totalCount } } }"
    variables = {"id": encode_id("Category", category["_id"])}
    found = await told(engine, query, variables, viewer=Viewer())
    total: int = found["category"]["products"]["totalCount"]
    return total


def worker(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """This file in a process of its own: an engine that works, and changes the tree."""
    (folder / "engine.toml").write_text(TOML)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.test_categories_torture", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.long
async def test_two_processes_change_one_tree(
    mercat_environment: dict[str, str], engine_for: EngineFor, tmp_path: Path
) -> None:
    name = mercat_environment["MERCAT_DATABASE__NAME"]
    engine = await engine_for(TOML, database={"name": name})
    await some_products(engine, tmp_path, 30)
    processes = [worker(tmp_path, mercat_environment, "change", str(seed)) for seed in (1, 2)]
    for process in processes:
        out, _ = await asyncio.to_thread(process.communicate, timeout=120)
        assert process.returncode == 0, out
    check_tree((await tree_of(engine))[1])
    await settled(engine)
    await check_lists(engine)


@pytest.mark.parametrize(
    ("after", "low"), [(0.02, 30), long(0.0, 150), long(0.02, 150), long(0.1, 150), long(0.3, 150)]
)
async def test_killed_in_a_large_move_it_is_moved_whole_or_not_and_finished_by_the_next(
    mercat_environment: dict[str, str],
    engine_for: EngineFor,
    tmp_path: Path,
    after: float,
    low: int,
) -> None:
    name = mercat_environment["MERCAT_DATABASE__NAME"]
    engine = await engine_for(TOML, database={"name": name})
    rows = [
        product(f"p-{n}", categories=[f"Top > Mid > Low {n % low}"]) for n in range(2 * low + 20)
    ]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    await settled(engine)
    await category(engine, "Aside")
    process = worker(tmp_path, mercat_environment, "move", "Mid", "Aside")
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == "moving\n"
    await asyncio.sleep(after)
    process.kill()
    await asyncio.to_thread(process.wait)
    process.stdout.close()
    _, records, _ = await tree_of(engine)
    check_tree(records)
    tops = Counter(record["path"].split(" > ")[0] for record in records.values())
    assert tops in (Counter(top=low + 2, aside=1), Counter(top=1, aside=low + 2))
    following = await engine_for(TOML, database={"name": name}, work=True)
    await settles(following)
    await check_lists(following)


async def main(kind: str, *arguments: str) -> None:
    engine = Engine(load_settings(None))
    await engine.start()
    if kind == "change":
        chance = Chance(engine, int(arguments[0]))
        for _ in range(40):
            await chance.step()
    else:
        names = [
            await engine.storage.database["categories"].find_one({"name": n}) for n in arguments
        ]
        moved, parent = [encode_id("Category", record["_id"]) for record in names if record]
        print("moving", flush=True)
        await succeeds(engine, "categoryMove", id=moved, parent=parent)
        await asyncio.sleep(60)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
