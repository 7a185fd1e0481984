"""A shop from before there were counts and addresses."""

from pathlib import Path

from mercat.engine import Engine
from mercat.storage.migrations import migrate

from .conftest import Client
from .test_categories_editing import listed, products, settled, succeeds
from .test_categories_torture import check_lists


async def test_categories_from_before_are_counted_and_changed(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    await products(engine, tmp_path, boot=["A > Shoes"], hat=["A"])
    database = engine.storage.database
    for name in ("category_counts", "category_listings", "category_tree"):
        await database[name].delete_many({})
    new = ["addresses", "old_addresses", "seo", "translations", "former_paths", "merged_ids"]
    gone = dict.fromkeys([*new, "tree_version", "image_id"], "")
    await database["categories"].update_many({}, {"$unset": gone})
    data = await client.data('{ category(slug: "shoes") { id productCount seo { title } } }')
    assert (data["category"]["productCount"], data["category"]["seo"]) == (0, {"title": ""})
    own = [one for one in engine.migrations if one.id.startswith("categories/")]
    for _ in range(2):
        await migrate(engine.context(), own, lambda _migration, _seconds: None)
        await own[0].up(engine.context())
    assert await listed(client, "a") == ["boot", "hat"]
    key = data["category"]["id"]
    await succeeds(engine, "categoryUpdate", id=key, slug="boots", version=1)
    await succeeds(engine, "categoryMove", id=key, parent=None)
    data = await client.data('{ category(slug: "shoes") { slug } }')
    assert data == {"category": {"slug": "boots"}}
    await settled(engine)
    await check_lists(engine)
