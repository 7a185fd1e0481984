"""Changing the tree: update, move, reorder, merge, delete, and placing products."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id
from mercat_categories.relisting import relist

from .asking import told
from .conftest import ADMIN, Client, EngineFor, write_jsonl
from .test_catalogue import load, product

NOBODY = encode_id("Category", "0" * 24)
LOCALES = '[shop]\nlocale = "en"\nlocales = ["de", "fr"]\n'
LOCALES += '[plugins]\nenabled = ["media", "products", "categories"]\n'
CATEGORY = """category { id slug name description position version depth parent { id name }
  seo { title description } translations { locale name description slug } }"""
SHOWN = {
    "categoryReorder": "children { id name position version }",
    "categoryDelete": "deletedId",
}


async def mutate(
    engine: Engine, mutation: str, viewer: Viewer = ADMIN, **values: Any
) -> dict[str, Any]:
    """The payload of a mutation, or the first top-level error."""
    input_type = mutation[0].upper() + mutation[1:] + "Input"
    document = f"""mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{
      {SHOWN.get(mutation, CATEGORY)} userErrors {{ field message code }} }} }}"""
    result = await run(
        engine.schema._schema,
        engine.documents.get(document),
        Context(engine, viewer),
        variables={"input": values},
    )
    if result.errors:
        return dict(result.errors[0].formatted)
    assert result.data is not None
    payload: dict[str, Any] = result.data[mutation]
    return payload


async def category(engine: Engine, name: str, parent: str | None = None, **values: Any) -> str:
    """The id of a new category."""
    payload = await mutate(engine, "categoryCreate", name=name, parent=parent, **values)
    assert payload["userErrors"] == []
    found: str = payload["category"]["id"]
    return found


async def fails(engine: Engine, mutation: str, **values: Any) -> tuple[str, list[str] | None]:
    """The code and the field of the one user error."""
    payload = await mutate(engine, mutation, **values)
    (error,) = payload["userErrors"]
    assert next(iter(payload.values())) is None
    return error["code"], error["field"] and error["field"][1:]


async def succeeds(engine: Engine, mutation: str, **values: Any) -> Any:
    payload = await mutate(engine, mutation, **values)
    assert payload["userErrors"] == [], payload
    return next(iter(payload.values()))


async def settled(engine: Engine) -> None:
    """Everything that follows a change has followed."""
    assert await relist(engine.context())
    while await engine.outbox.deliver_due():
        pass


async def products(engine: Engine, tmp_path: Path, **categories: list[str]) -> dict[str, str]:
    """Import products with the categories; their ids by their slugs."""
    rows = [product(slug, categories=found) for slug, found in categories.items()]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.rejected == []
    await settled(engine)
    stored = engine.storage.database["products"].find()
    return {record["slug"]: encode_id("Product", record["_id"]) async for record in stored}


async def listed(client: Client, slug: str, *, below: bool = True) -> list[str]:
    """The slugs of a category's products, which must be as many as it counts."""
    data = await client.data(
        """query ($slug: String!, $below: Boolean!) { category(slug: $slug) {
             productCount(includeDescendants: $below)
             products(first: 100, sort: OLDEST, includeDescendants: $below) {
               totalCount nodes { slug } } } }""",
        {"slug": slug, "below": below},
    )
    found = data["category"]
    slugs = [node["slug"] for node in found["products"]["nodes"]]
    assert found["productCount"] == found["products"]["totalCount"] == len(slugs)
    return slugs


async def test_every_value_is_updated_and_grows_the_version(engine_for: EngineFor) -> None:
    engine = await engine_for(LOCALES)
    key = await category(engine, "Shoes")
    german = {"locale": "de", "name": "Schuhe", "description": None, "slug": "schuhe"}
    found = await succeeds(
        engine,
        "categoryUpdate",
        id=key,
        version=1,
        name="Boots",
        slug="boots",
        description='For <b onclick="x()">feet</b><script>x()</script>.',
        position=7,
        seo={"title": "Boots!", "description": "Buy boots."},
        translations=[german],
    )
    assert found == {
        "id": key,
        "name": "Boots",
        "slug": "boots",
        "description": "For <b>feet</b>.",
        "position": 7,
        "version": 2,
        "depth": 0,
        "parent": None,
        "seo": {"title": "Boots!", "description": "Buy boots."},
        "translations": [german],
    }
    unchanged = await succeeds(engine, "categoryUpdate", id=key, name="Boots")
    assert unchanged == found


async def test_a_stale_version_changes_nothing(engine: Engine) -> None:
    key = await category(engine, "Shoes")
    assert (await succeeds(engine, "categoryUpdate", id=key, version=1, name="A"))["version"] == 2
    stale = ("STALE", ["version"])
    assert await fails(engine, "categoryUpdate", id=key, version=1, name="B") == stale
    assert await fails(engine, "categoryMove", id=key, version=1, parent=None) == stale
    assert await fails(engine, "categoryDelete", id=key, version=1) == stale
    other = await category(engine, "Other")
    assert await fails(engine, "categoryMerge", source=key, target=other, version=1) == stale
    record = await engine.storage.database["categories"].find_one({"name": "A"})
    assert record is not None
    assert record["version"] == 2


async def test_an_old_slug_still_finds_it_until_another_takes_it(
    engine: Engine, client: Client
) -> None:
    key = await category(engine, "Shoes")
    await succeeds(engine, "categoryUpdate", id=key, slug="boots")
    await succeeds(engine, "categoryUpdate", id=key, slug="sandals")
    query = '{ a: category(slug: "shoes") { slug } b: category(slug: "boots") { slug } }'
    assert await client.data(query) == {"a": {"slug": "sandals"}, "b": {"slug": "sandals"}}
    await category(engine, "New", slug="shoes")
    assert await client.data(query) == {"a": {"slug": "shoes"}, "b": {"slug": "sandals"}}
    await succeeds(engine, "categoryUpdate", id=key, slug="boots")
    assert (await client.data(query))["b"] == {"slug": "boots"}
    assert await fails(engine, "categoryUpdate", id=key, slug="shoes") == ("SLUG_TAKEN", ["slug"])


async def test_a_locale_shows_its_texts_and_falls_back(
    engine_for: EngineFor, client_for: Any
) -> None:
    engine = await engine_for(LOCALES)
    client = client_for(engine)
    german = [{"locale": "de", "name": "Schuhe", "slug": "schuhe"}]
    shoes = await category(engine, "Shoes", description="For feet.", translations=german)
    await category(engine, "Boots", shoes, translations=[{"locale": "de", "name": "Stiefel"}])
    query = """query ($slug: String!, $locale: String) { category(slug: $slug, locale: $locale) {
      name description slug children { name slug parent { name } } } }"""
    found = (await client.data(query, {"slug": "schuhe", "locale": "de"}))["category"]
    assert found == {
        "name": "Schuhe",
        "description": "For feet.",
        "slug": "schuhe",
        "children": [{"name": "Stiefel", "slug": "boots", "parent": {"name": "Schuhe"}}],
    }
    french = (await client.data(query, {"slug": "shoes", "locale": "fr"}))["category"]
    assert (french["name"], french["slug"]) == ("Shoes", "shoes")
    assert (await client.data(query, {"slug": "schuhe"}))["category"]["slug"] == "shoes"
    tree = await client.data(
        """{ categoryTree(locale: "de") { name }
             categories(first: 9, locale: "de") { nodes { name } } }"""
    )
    assert tree["categoryTree"] == [{"name": "Schuhe"}]
    assert tree["categories"]["nodes"] == [{"name": "Schuhe"}, {"name": "Stiefel"}]
    accepted = await client.ask("{ categoryTree { name } }", **{"Accept-Language": "de-AT"})
    assert accepted["data"]["categoryTree"] == [{"name": "Schuhe"}]
    refused = await client.ask('{ categoryTree(locale: "xx") { name } }')
    assert refused["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("translations", "field"),
    [
        ([{"locale": "xx"}], ["translations", "0", "locale"]),
        ([{"locale": "en"}], ["translations", "0", "locale"]),
        ([{"locale": "de"}, {"locale": "de"}], ["translations", "1", "locale"]),
        ([{"locale": "de", "slug": "No Slug"}], ["translations", "0", "slug"]),
        ([{"locale": "de", "name": "x" * 201}], ["translations", "0", "name"]),
    ],
)
async def test_a_bad_translation_is_named(
    engine_for: EngineFor, translations: list[dict[str, Any]], field: list[str]
) -> None:
    engine = await engine_for(LOCALES)
    key = await category(engine, "Shoes")
    assert await fails(engine, "categoryUpdate", id=key, translations=translations) == (
        "INVALID",
        field,
    )


async def test_two_categories_share_no_slug_in_any_locale(engine_for: EngineFor) -> None:
    engine = await engine_for(LOCALES)
    german = [{"locale": "de", "slug": "schuhe"}]
    await category(engine, "Shoes", translations=german)
    other = await category(engine, "Other")
    taken = ("SLUG_TAKEN", ["translations", "0", "slug"])
    for locale, slug in (("de", "schuhe"), ("fr", "schuhe"), ("fr", "shoes")):
        given = [{"locale": locale, "slug": slug}]
        assert await fails(engine, "categoryUpdate", id=other, translations=given) == taken
    found = await fails(engine, "categoryUpdate", id=other, slug="schuhe")
    assert found == ("SLUG_TAKEN", ["slug"])
    same = [{"locale": locale, "slug": "other"} for locale in ("de", "fr")]
    await succeeds(engine, "categoryUpdate", id=other, translations=same)


async def test_a_merge_answers_with_the_count_of_both(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    for work in (False, True):
        database = {"name": f"test_merged_{work}_{secrets.token_hex(4)}"}
        engine = await engine_for(work=work, database=database)
        await products(engine, tmp_path, a=["A"], b=["B"], c=["B"], both=["A", "B > Below"])
        query = '{ a: category(slug: "a") { id productCount } b: category(slug: "b") { id } }'
        await settled(engine)
        found = await told(engine, query)
        while found["a"]["productCount"] != 2:  # the engine's own work is about it
            await asyncio.sleep(0.05)
            found = await told(engine, query)
        payload = await told(
            engine,
            """mutation ($input: CategoryMergeInput!) { categoryMerge(input: $input) {
              category { productCount products(first: 9) { totalCount } } } }""",
            {"input": {"source": found["b"]["id"], "target": found["a"]["id"]}},
            viewer=ADMIN,
        )
        merged = payload["categoryMerge"]["category"]
        assert merged == {"productCount": 4, "products": {"totalCount": 4}}


async def test_a_move_without_a_parent_leaves_it_where_it_is(engine: Engine) -> None:
    top = await category(engine, "Top")
    key = await category(engine, "Shoes", top)
    moved = await succeeds(engine, "categoryMove", id=key, position=3)
    assert (moved["position"], moved["parent"]["name"]) == (3, "Top")
    same = await succeeds(engine, "categoryMove", id=key)
    assert (same["position"], same["version"]) == (3, moved["version"])
    moved = await succeeds(engine, "categoryMove", id=key, parent=None)
    assert (moved["position"], moved["parent"]) == (3, None)


async def test_a_subtree_moves_at_once_and_its_products_follow(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    await products(engine, tmp_path, boot=["A > Shoes > Boots"], hat=["A > Hats"])
    ids = (await client.data('{ a: category(slug: "shoes") { id } }'))["a"]
    sale = await category(engine, "Sale")
    moved = await succeeds(engine, "categoryMove", id=ids["id"], parent=sale, position=3)
    assert (moved["depth"], moved["position"], moved["parent"]["name"]) == (1, 3, "Sale")
    data = await client.data('{ category(slug: "boots") { depth ancestors { name } } }')
    assert data["category"] == {"depth": 2, "ancestors": [{"name": "Sale"}, {"name": "Shoes"}]}
    await settled(engine)
    assert await listed(client, "sale") == ["boot"]
    assert await listed(client, "a") == ["hat"]
    assert await listed(client, "sale", below=False) == []
    assert await listed(client, "boots", below=False) == ["boot"]


async def test_a_cycle_is_refused(engine: Engine) -> None:
    top = await category(engine, "Top")
    middle = await category(engine, "Middle", top)
    low = await category(engine, "Low", middle)
    for parent in (top, middle, low):
        assert await fails(engine, "categoryMove", id=top, parent=parent) == ("CYCLE", ["parent"])
    assert await fails(engine, "categoryMerge", source=top, target=low) == ("CYCLE", ["target"])
    assert await fails(engine, "categoryMerge", source=low, target=low) == ("CYCLE", ["target"])


async def test_a_deep_subtree_does_not_go_below_max_depth(engine_for: EngineFor) -> None:
    engine = await engine_for(
        '[plugins]\nenabled = ["media", "products", "categories"]\n'
        "[plugins.categories]\nmax_depth = 3\n"
    )
    top = await category(engine, "1")
    await category(engine, "2", top)
    other = await category(engine, "a")
    below = await category(engine, "b", other)
    assert await fails(engine, "categoryMove", id=top, parent=below) == ("TOO_DEEP", ["parent"])
    record = await engine.storage.database["categories"].find_one({"name": "2"})
    assert record is not None
    assert len(record["ancestors"]) == 1
    await succeeds(engine, "categoryMove", id=top, parent=other)


async def test_children_are_put_in_order_or_refused(engine: Engine, client: Client) -> None:
    top = await category(engine, "Top")
    keys = [await category(engine, name, top) for name in "abc"]
    wanted = [keys[2], keys[0], keys[1]]
    found = await succeeds(engine, "categoryReorder", parent=top, children=wanted)
    assert [(child["name"], child["position"]) for child in found] == [("c", 0), ("a", 1), ("b", 2)]
    data = await client.data('{ category(slug: "top") { children { name } } }')
    assert [child["name"] for child in data["category"]["children"]] == ["c", "a", "b"]
    mismatch = ("MISMATCH", ["children"])
    for children in (keys[:2], [*keys, top], [*keys[:2], keys[0]], [], [*keys, keys[0]]):
        got = await fails(engine, "categoryReorder", parent=top, children=children)
        assert got == mismatch
    await category(engine, "Other")
    assert await fails(engine, "categoryReorder", parent=None, children=[top]) == mismatch
    assert await fails(engine, "categoryReorder", parent=NOBODY, children=[]) == (
        "PARENT_NOT_FOUND",
        ["parent"],
    )


async def test_a_merge_takes_over_children_products_slugs_and_paths(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    await products(
        engine, tmp_path, boot=["Footwear > Boots"], both=["Footwear", "Shoes"], shoe=["Shoes"]
    )
    query = '{ s: category(slug: "footwear") { id slug } t: category(slug: "shoes") { id slug } }'
    before = await client.data(query)
    source, target = before["s"]["id"], before["t"]["id"]
    await succeeds(engine, "categoryUpdate", id=source, slug="feet")
    await succeeds(engine, "categoryMerge", source=source, target=target, version=2)
    await settled(engine)
    after = await client.data(
        """query ($id: ID!) {
          a: category(slug: "feet") { slug } b: category(slug: "footwear") { slug }
          c: category(id: $id) { slug } n: node(id: $id) { id }
          product(slug: "both") { categories { name } } categories(first: 9) { totalCount } }""",
        {"id": source},
    )
    assert after["a"] == after["b"] == after["c"] == {"slug": "shoes"}
    assert after["n"] is None
    assert after["product"]["categories"] == [{"name": "Shoes"}]
    assert after["categories"]["totalCount"] == 2
    assert await listed(client, "shoes") == ["boot", "both", "shoe"]
    assert await listed(client, "shoes", below=False) == ["both", "shoe"]
    again = [product("new", categories=["Footwear > Boots"])]
    await load(engine, "products", write_jsonl(tmp_path / "again.jsonl", again))
    await settled(engine)
    assert "new" in await listed(client, "boots")
    assert await engine.storage.database["categories"].count_documents({}) == 2


async def test_deleting_refuses_or_reparents_children_and_frees_products(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    await products(engine, tmp_path, boot=["A > Shoes > Boots"], shoe=["A > Shoes"])
    key = (await client.data('{ category(slug: "shoes") { id } }'))["category"]["id"]
    assert await fails(engine, "categoryDelete", id=key) == ("HAS_CHILDREN", ["children"])
    assert await succeeds(engine, "categoryDelete", id=key, children="REPARENT") == key
    await settled(engine)
    data = await client.data(
        """{ category(slug: "shoes") { id } boots: category(slug: "boots") { parent { name } }
             product(slug: "shoe") { categories { name } } }"""
    )
    assert data == {
        "category": None,
        "boots": {"parent": {"name": "A"}},
        "product": {"categories": []},
    }
    assert await listed(client, "a") == ["boot"]
    assert await fails(engine, "categoryDelete", id=key) == ("NOT_FOUND", ["id"])


async def test_products_are_added_and_removed_all_or_none(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    ids = await products(engine, tmp_path, boot=["A > Shoes"], hat=["A"])
    sale = await category(engine, "Sale")
    both = [ids["boot"], ids["hat"]]
    gone = encode_id("Product", "0" * 24)
    assert await fails(engine, "categoryProductsAdd", category=sale, products=[*both, gone]) == (
        "PRODUCT_NOT_FOUND",
        ["products", "2"],
    )
    assert await listed(client, "sale") == []
    for _ in range(2):
        await succeeds(engine, "categoryProductsAdd", category=sale, products=both)
        assert await listed(client, "sale") == ["boot", "hat"]
    await succeeds(engine, "categoryProductsRemove", category=sale, products=[ids["hat"]])
    assert await listed(client, "sale") == ["boot"]
    assert await listed(client, "a") == ["boot", "hat"]
    for found in ([], both * 51):
        assert await fails(engine, "categoryProductsAdd", category=sale, products=found) == (
            "INVALID",
            ["products"],
        )


async def test_counts_follow_products_that_come_and_go(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    await products(engine, tmp_path, boot=["A > Shoes"], hat=["A"])
    for status, expected in (("draft", 1), ("active", 2), ("archived", 1)):
        row = product("boot", categories=["A > Shoes"], status=status)
        await load(engine, "products", write_jsonl(tmp_path / "q.jsonl", [row]))
        await settled(engine)
        assert len(await listed(client, "a")) == expected
    from mercat_categories.hooks import products_removed

    hat = await engine.storage.database["products"].find_one_and_delete({"slug": "hat"})
    assert hat is not None
    for _ in range(2):
        await products_removed(engine.context(), [str(hat["_id"])])
    assert await listed(client, "a") == []


@pytest.mark.parametrize(
    ("mutation", "values"),
    [
        ("categoryCreate", {"name": "x"}),
        ("categoryUpdate", {"id": NOBODY, "name": "x"}),
        ("categoryMove", {"id": NOBODY, "parent": None}),
        ("categoryReorder", {"parent": None, "children": []}),
        ("categoryMerge", {"source": NOBODY, "target": NOBODY}),
        ("categoryDelete", {"id": NOBODY}),
        ("categoryProductsAdd", {"category": NOBODY, "products": []}),
        ("categoryProductsRemove", {"category": NOBODY, "products": []}),
    ],
)
async def test_nobody_changes_anything_without_the_permission(
    engine: Engine, mutation: str, values: dict[str, Any]
) -> None:
    other = Viewer(role="CUSTOMER", permissions=frozenset({"products.manage"}), user="c")
    for viewer, code in ((Viewer(), "UNAUTHENTICATED"), (other, "FORBIDDEN")):
        refused = await mutate(engine, mutation, viewer, **values)
        assert refused["extensions"]["code"] == code


HOSTILE = ["x" * 100_000, "a\0b", "a\ud800b", "", " "]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["name", "slug"])
async def test_hostile_texts_are_user_errors(engine: Engine, name: str, value: str) -> None:
    key = await category(engine, "Shoes")
    assert await fails(engine, "categoryUpdate", id=key, **{name: value}) == ("INVALID", [name])
    found = await fails(engine, "categoryCreate", **{"name": "x", name: value})
    assert found == ("INVALID", [name])


async def test_an_operator_is_a_text_like_any_other(engine: Engine, client: Client) -> None:
    key = await category(engine, "Shoes")
    found = await succeeds(engine, "categoryUpdate", id=key, name='{"$gt": ""}')
    assert found["name"] == '{"$gt": ""}'
    slug = '{"$gt": ""}'
    data = await client.data("query ($s: String!) { category(slug: $s) { id } }", {"s": slug})
    assert data == {"category": None}
    answer = await client.ask(
        "query ($s: String!) { category(slug: $s) { id } }", {"s": {"$gt": ""}}
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    for bad in ("a\0b", "x" * 5_000):
        data = await client.data("query ($s: String!) { category(slug: $s) { id } }", {"s": bad})
        assert data == {"category": None}


@pytest.mark.parametrize("bad", [encode_id("Product", "0" * 24), "nonsense", "", "\0", "\ud800"])
async def test_ids_of_other_things_are_user_errors(engine: Engine, bad: str) -> None:
    key = await category(engine, "Shoes")
    assert await fails(engine, "categoryMove", id=bad, parent=None) == ("INVALID", ["id"])
    assert await fails(engine, "categoryMove", id=key, parent=bad) == ("INVALID", ["parent"])
    assert await fails(engine, "categoryReorder", parent=None, children=[key, bad]) == (
        "INVALID",
        ["children", "1"],
    )
    assert await fails(engine, "categoryMerge", source=key, target=bad) == ("INVALID", ["target"])
    wrong = key if bad.startswith("UHJvZHVjd") else bad
    assert await fails(engine, "categoryProductsAdd", category=key, products=[wrong]) == (
        "INVALID",
        ["products", "0"],
    )
