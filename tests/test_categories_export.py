"""`mercat export categories`."""

import asyncio
import io
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.exporting import export_to
from mercat.importing import Tally
from mercat_categories.documents import CategoryDocument, CategoryTreeDocument
from mercat_categories.exporting import EXPORTS
from mercat_categories.memory import newest_forest

from .asking import told
from .conftest import EngineFor, Mercat, write_jsonl
from .test_catalogue import load
from .test_categories_editing import category, succeeds

pytestmark = pytest.mark.gate

ROWS: list[dict[str, Any]] = [
    {"key": "tea", "name": "Tea", "parent": "food", "description": "It's hot.", "position": 2},
    {"key": "food", "name": 'Food "&" Drink', "slug": "food"},
]


@pytest.mark.long
def test_an_export_imports_into_nothing_new(mercat: Mercat, tmp_path: Path) -> None:
    given = write_jsonl(tmp_path / "c.jsonl", ROWS)
    assert mercat("import", "categories", str(given)).code == 0
    out = tmp_path / "out.jsonl"
    done = mercat("export", "categories", "-o", str(out))
    assert done.code == 0, done.err
    assert [line.count('"key"') for line in out.read_text().splitlines()] == [1, 1]
    again = mercat("import", "categories", str(out))
    assert again.code == 0, again.err
    assert "2" in again.out
    other = mercat("import", "categories", str(out), MERCAT_DATABASE__NAME="test_export_other")
    back = tmp_path / "back.jsonl"
    assert other.code == 0, other.err
    mercat("export", "categories", "-o", str(back), MERCAT_DATABASE__NAME="test_export_other")
    assert sorted(back.read_text().splitlines()) == sorted(out.read_text().splitlines())


@pytest.mark.long
def test_an_export_has_its_rows_in_their_order_again(mercat: Mercat, tmp_path: Path) -> None:
    given = write_jsonl(tmp_path / "c.jsonl", ROWS)
    assert mercat("import", "categories", str(given)).code == 0
    for kind in ("jsonl", "csv"):
        first, second = tmp_path / f"1.{kind}", tmp_path / f"2.{kind}"
        other = {"MERCAT_DATABASE__NAME": f"test_export_{secrets.token_hex(4)}"}
        mercat("export", "categories", "--format", kind, "-o", str(first))
        done = mercat("import", "categories", str(first), **other)
        assert done.code == 0, done.err
        mercat("export", "categories", "--format", kind, "-o", str(second), **other)
        assert first.read_bytes() == second.read_bytes()


LOCALES = '[shop]\nlocale = "en"\nlocales = ["de", "pt-BR"]\n'
LOCALES += '[plugins]\nenabled = ["media", "products", "categories"]\n'


async def exported(engine: Engine, kind: str) -> bytes:
    file = io.BytesIO()
    await export_to(EXPORTS, engine.context(), file, format_name=kind)
    return file.getvalue()


async def imported(engine: Engine, data: bytes, file: Path) -> Tally:
    await asyncio.to_thread(file.write_bytes, data)
    return await load(engine, "categories", file)


async def full(engine: Engine) -> None:
    """Categories with all that they can have, made and changed as staff do."""
    low = await category(engine, "Low", slug="low")
    top = await category(
        engine,
        "  =Food & 'Drink', \"hot\" | cold\\",
        description="<p>For\nall.</p>",
        position=3,
        seo={"title": "-Food", "description": 'Buy, "eat"\nand drink.'},
        translations=[
            {"locale": "de", "name": "Essen", "description": "", "slug": "essen"},
            {"locale": "pt-BR", "name": "+Comida"},
        ],
    )
    tea = await category(engine, "Tea", top, slug="tea", position=1)
    await succeeds(engine, "categoryUpdate", id=tea, slug="teas", name="Teas")
    await succeeds(engine, "categoryUpdate", id=tea, slug="hot-teas", name="Hot > teas")
    await succeeds(engine, "categoryMove", id=low, parent=tea)  # older than what it is below
    gone = await category(engine, "Gone", translations=[{"locale": "de", "slug": "weg"}])
    await succeeds(engine, "categoryMerge", source=gone, target=tea)
    await put_image(engine)


async def put_image(engine: Engine) -> None:
    """Give the root a picture that lies elsewhere."""
    (root,) = (await newest_forest(engine.context())).children[None]
    await engine.storage.collection(CategoryDocument).update_one(
        {"_id": root["_id"]},
        {"$set": {"image": {"url": "https://a.test/x.png", "alt": "=A, x"}, "tree_version": 10**6}},
    )
    await engine.storage.collection(CategoryTreeDocument).update_one(
        {}, {"$set": {"version": 10**6}}
    )


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_all_that_a_category_has_comes_back(
    engine_for: EngineFor, tmp_path: Path, kind: str
) -> None:
    engine = await engine_for(LOCALES)
    await full(engine)
    first = await exported(engine, kind)
    for said in ("hot-teas", "Essen", "pt-BR", "Comida", "https://a.test/x.png", "essen", "weg"):
        assert said in first.decode(), said
    again = await imported(engine, first, tmp_path / "same")
    assert (again.unchanged, again.updated, again.rejected) == (3, 0, []), again
    empty = await engine_for(LOCALES, database={"name": f"test_{secrets.token_hex(6)}"})
    tally = await imported(empty, first, tmp_path / "empty")
    assert (tally.created, tally.rejected) == (3, []), tally
    assert await exported(empty, kind) == first
    found = await told(
        empty, '{ a: category(slug: "tea") { slug } b: category(slug: "gone") { slug } }'
    )
    assert found == {"a": {"slug": "hot-teas"}, "b": {"slug": "hot-teas"}}


async def test_what_a_file_leaves_out_stays(engine_for: EngineFor, tmp_path: Path) -> None:
    engine = await engine_for(LOCALES)
    await full(engine)
    before = await exported(engine, "jsonl")
    rows = [
        {
            name: row[name]
            for name in ("key", "name", "parent", "slug", "description", "position")
            if name in row
        }
        for row in map(json.loads, before.splitlines())
    ]
    tally = await load(engine, "categories", write_jsonl(tmp_path / "less.jsonl", rows))
    assert (tally.unchanged, tally.rejected) == (3, [])
    assert await exported(engine, "jsonl") == before


async def test_a_bad_translation_rejects_its_row_and_an_unknown_locale_is_noted(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(LOCALES)
    rows = [
        {"key": "a", "name": "A", "translations": [{"locale": "fr", "name": "Un"}]},
        {"key": "b", "name": "B", "translations": [{"locale": "de", "name": "x" * 201}]},
        {"key": "c", "name": "C", "translations": [{"locale": "de", "slug": "a"}]},
    ]
    tally = await load(engine, "categories", write_jsonl(tmp_path / "c.jsonl", rows))
    assert tally.created == 2
    (rejected,) = tally.rejected
    assert "translations.0.name" in rejected.reason
    assert "'fr' is left out" in tally.notes[0].reason
    found = await told(engine, "{ allCategories { name translations { locale slug } } }")
    assert found["allCategories"] == [
        {"name": "A", "translations": []},
        {"name": "C", "translations": [{"locale": "de", "slug": None}]},
    ]
