"""The whole tree in one answer: nested as deep as it is selected, and as a list."""

import time
from typing import Any

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.ids import decode_id
from mercat_categories.documents import CategoryDocument, CategoryTreeDocument

from .conftest import Client, ClientFor, EngineFor, until
from .test_caching import got, is_hit, is_settled
from .test_categories_editing import category, succeeds

LIST = "{ allCategories { id parentId depth name slug } }"


async def six(engine: Engine) -> list[str]:
    """A chain of six levels; their ids."""
    found: list[str] = []
    for level in range(6):
        found.append(await category(engine, f"Level {level}", found[-1] if found else None))
    return found


def nested(levels: int) -> str:
    return "{ name children " * (levels - 1) + "{ name " + "} " * levels


async def test_children_are_there_however_deep_they_are_selected(
    engine: Engine, client: Client
) -> None:
    await six(engine)
    for field in ("categoryTree", "categoryTree(depth: 1)", "categoryTree(depth: null)"):
        for _ in range(3):
            (found,) = (await client.data(f"{{ {field} {nested(6)} }}"))[field.split("(")[0]]
            for level in range(6):
                assert found["name"] == f"Level {level}"
                found = found["children"][0] if level < 5 else found


async def test_all_categories_are_listed_in_the_order_of_the_tree(
    engine: Engine, client: Client
) -> None:
    b = await category(engine, "B")
    a = await category(engine, "A")
    low = await category(engine, "Low", b)
    high = await category(engine, "High", b)
    deep = await category(engine, "Deep", high)
    await succeeds(engine, "categoryReorder", parent=b, children=[low, high])
    found = (await client.data(LIST))["allCategories"]
    assert [(one["id"], one["parentId"], one["depth"]) for one in found] == [
        (a, None, 0),
        (b, None, 0),
        (low, b, 1),
        (high, b, 1),
        (deep, high, 2),
    ]
    for depth, count in ((1, 2), (2, 4), (3, 5), (50, 5)):
        asked = await client.data(f"{{ allCategories(depth: {depth}) {{ id }} }}")
        assert [one["id"] for one in asked["allCategories"]] == [
            one["id"] for one in found if one["depth"] < depth
        ]
        assert len(asked["allCategories"]) == count


async def many(engine: Engine) -> int:
    """Two thousand categories below the one that is made as any other, written at once."""
    key = decode_id(await category(engine, "Root"))[1]
    stored = engine.storage.collection(CategoryDocument)
    root = await stored.find_one({"_id": ObjectId(key)})
    assert root is not None
    records: list[dict[str, Any]] = []
    for number in range(2, 2_001):
        name = f"category-{number}"
        above = root if number < 50 else records[number % 40]
        place = {"parent_id": above["_id"], "ancestors": [*above["ancestors"], above["_id"]]}
        known = {"key": name, "slug": name, "addresses": [name], "path": name, "name": name}
        records.append(
            {**root, **place, **known, "_id": ObjectId(), "number": number, "tree_version": 9}
        )
    await stored.insert_many(records)
    trees = engine.storage.collection(CategoryTreeDocument)
    await trees.update_one({}, {"$set": {"version": 9, "removed": []}})
    return len(records) + 1


@pytest.mark.parametrize("field", ["allCategories", "categoryTree"])
async def test_a_depth_of_nothing_is_refused(client: Client, field: str) -> None:
    answer = await client.ask(f"{{ {field}(depth: 0) {{ id }} }}")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_thousands_of_categories_are_one_kept_answer(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(work=True)
    client = client_for(engine)
    count = await many(engine)
    await is_settled(engine)
    begun = time.monotonic()
    first = await got(client, LIST)
    took = time.monotonic() - begun
    found: list[dict[str, Any]] = first.json()["data"]["allCategories"]
    assert len(found) == count == 2_000
    assert took < 5, took
    seen: set[str | None] = {None}
    for one in found:
        assert one["parentId"] in seen
        seen.add(one["id"])

    async def is_kept() -> bool:
        return is_hit(await got(client, LIST))

    await until(is_kept)
    await category(engine, "New")
    await is_settled(engine)
    assert len((await got(client, LIST)).json()["data"]["allCategories"]) == count + 1
