"""A shop that was made over the API, exported and imported into an empty one, is the same shop."""

import asyncio
import csv
import io
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from mercat.context import Context
from mercat.engine import Engine
from mercat.exporting import export_to
from mercat.ids import decode_id
from mercat.importing import Tally
from mercat.storage import Record
from mercat_products.exporting import EXPORTS
from mercat_products.product_types.exporting import TYPE_EXPORTS
from mercat_products.stock import counts, reservations
from mercat_products.stock.reservations import Line
from mercat_products.stock.service import stocks_by_variant

from .asking import told
from .conftest import EngineFor, Mercat, write_jsonl
from .plugins_for_tests.stocktaking.shop import LONG, adjust, figures, set_policy
from .test_catalogue import load, product
from .test_categories_editing import category, succeeds
from .test_export import html, measures, sides, texts
from .test_product_editing import done
from .test_product_types import shoes
from .torture.profiles import share

TOML = """
[shop]
currencies = ["JPY", "KWD"]
locales = ["de", "pt-BR"]
[plugins]
enabled = ["media", "products", "categories"]
"""
FORMATS = pytest.mark.parametrize("name", ["jsonl", "csv"])
HISTORY = """query ($sku: String!) { variant(sku: $sku) { id stock { onHand lowAt
  backorder { policy limit } history(first: 9) { nodes { kind reason delta } } } } }"""

SOLD = """{ a: variant(sku: "TEA") { availableForSale } b: variant(sku: "MUG") { availableForSale }
  c: variant(sku: "CUP") { availableForSale } }"""


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture
async def other(engine_for: EngineFor, engine: Engine) -> AsyncIterator[Engine]:
    """Another shop with the same settings, and nothing in it."""
    found = await engine_for(TOML, database={"name": f"{engine.storage.database.name}_b"})
    yield found
    await found.storage.client.drop_database(found.storage.database.name)


async def exported(engine: Engine, name: str = "jsonl", notes: list[str] | None = None) -> bytes:
    file = io.BytesIO()
    told_of = notes.append if notes is not None else lambda _note: None
    await export_to(EXPORTS, engine.context(), file, format_name=name, on_note=told_of)
    return file.getvalue()


async def imported(engine: Engine, content: bytes, folder: Path, noun: str = "products") -> Tally:
    file = folder / f"{noun}.file"
    await asyncio.to_thread(file.write_bytes, content)
    return await load(engine, noun, file)


async def taken(engine: Engine, content: bytes, folder: Path, noun: str = "products") -> None:
    """Import a file of which every row must be taken, and which changes nothing after that."""
    tally = await imported(engine, content, folder, noun)
    assert (tally.rejected, tally.notes) == ([], [])
    await changes_nothing(engine, content, folder, noun)


async def changes_nothing(
    engine: Engine, content: bytes, folder: Path, noun: str = "products"
) -> None:
    lines = await engine.storage.database["stock_changes"].count_documents({})
    tally = await imported(engine, content, folder, noun)
    assert (tally.created, tally.updated, tally.rejected) == (0, 0, [])
    assert await engine.storage.database["stock_changes"].count_documents({}) == lines


async def types_of(engine: Engine) -> bytes:
    file = io.BytesIO()
    await export_to(TYPE_EXPORTS, engine.context(), file)
    return file.getvalue()


async def emptied(engine: Engine) -> None:
    for name in ("products", "stock", "stock_changes"):
        await engine.storage.database[name].delete_many({})


# Everything, made over the API

numbers = itertools.count(1)


def filled(most: int) -> st.SearchStrategy[str]:
    """Texts in which there is something to see."""
    return texts(most).map(lambda text: f"x{text}")


def optional(found: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | found


def sum_of(minor: int, places: int) -> str:
    return f"{minor / 10**places:.{places}f}"


def price(currency: str, places: int) -> st.SearchStrategy[dict[str, Any]]:
    """A price that was higher once, and falls with the quantity."""
    return st.builds(
        lambda amount, before, steps: {
            "amount": sum_of(amount, places),
            "currency": currency,
            "compareAt": None if before is None else sum_of(amount + before, places),
            "breaks": [
                {"quantity": 3 * n, "amount": sum_of(amount - 7 * n, places)}
                for n in range(1, steps + 1)
            ],
        },
        st.integers(100, 10**6),
        optional(st.integers(1, 500)),
        st.integers(0, 3),
    )


prices = st.tuples(price("EUR", 2), price("JPY", 0), price("KWD", 3)).flatmap(
    lambda found: st.lists(st.sampled_from(found), unique_by=lambda one: one["currency"])
)
pictures = st.lists(
    st.fixed_dictionaries({"url": st.sampled_from(["/media/a|b", "https://x/="]), "alt": texts(9)}),
    max_size=3,
)
stocks = st.fixed_dictionaries(
    {
        "setTo": st.integers(0, 99),
        "lowAt": st.integers(0, 9),
        "backorders": st.sampled_from(["ALLOW", "DENY"]),
        "backorderLimit": optional(st.integers(0, 50)),
    }
)
variants = st.fixed_dictionaries(
    {
        "name": texts(9),
        "barcode": optional(filled(13)),
        "prices": prices,
        "available": st.booleans(),
        "taxClass": optional(filled(9)),
        "weight": measures,
        "dimensions": optional(
            st.fixed_dictionaries({"length": sides, "width": sides, "height": sides})
        ),
        "media": pictures,
    }
)
translation = st.fixed_dictionaries({"name": optional(filled(9)), "description": optional(html)})
pairs = st.dictionaries(filled(8), texts(8), max_size=2).map(
    lambda found: [{"key": key, "value": value} for key, value in found.items()]
)
values = st.fixed_dictionaries(
    {"heel": st.floats(-1e9, 1e9).map(lambda number: {"number": number})},
    optional={
        "material": filled(9).map(lambda text: {"text": text}),
        "vegan": st.booleans().map(lambda value: {"boolean": value}),
        "fit": st.sampled_from(["slim", "wide"]).map(lambda choice: {"choices": [choice]}),
        "season": st.sampled_from([[], ["autumn"], ["spring", "autumn"]]).map(
            lambda chosen: {"choices": chosen}
        ),
        "since": st.dates().map(lambda day: {"date": str(day)}),
    },
).map(lambda found: [{"key": key, "value": value} for key, value in found.items()])
products = st.fixed_dictionaries(
    {
        "name": filled(20),
        "description": html,
        "brand": optional(filled(9)),
        "status": st.sampled_from(["DRAFT", "ACTIVE", "ARCHIVED"]),
        "seller": optional(filled(9)),
        "attributes": optional(values),
        "tags": st.lists(filled(8), max_size=3, unique=True),
        "seo": st.fixed_dictionaries({"title": texts(9), "description": texts(9)}),
        "media": pictures,
        "variants": st.lists(st.tuples(variants, optional(stocks)), min_size=1, max_size=3),
        "metadata": pairs,
        "privateMetadata": pairs,
        "translations": st.lists(optional(translation), min_size=2, max_size=2),
        "categories": st.sampled_from([[], [0], [1, 0]]),
        "moves": st.integers(0, 2),
    }
)


async def made(engine: Engine, wanted: dict[str, Any], of_type: str, categories: list[str]) -> None:
    """A product of the API, with its stocks and categories, that had other slugs before."""
    number = next(numbers)
    stocked = [stock for _, stock in wanted["variants"]]
    given = {
        key: value
        for key, value in wanted.items()
        if key not in {"categories", "moves", "attributes"}
    } | {
        "slug": f"p-{number}",
        "variants": [
            {
                **one,
                "sku": f"={number}'{n}",
                "options": [{"name": "Größe|", "value": f"=\\{n}"}, {"name": "-", "value": "'+"}],
            }
            for n, (one, _) in enumerate(wanted["variants"])
        ],
        "translations": [
            {**one, "locale": locale, "slug": f"{locale.lower()}-{number}"}
            for one, locale in zip(wanted["translations"], ("pt-BR", "de"), strict=True)
            if one is not None
        ],
    }
    if wanted["attributes"] is not None:
        given |= {"type": of_type, "attributes": wanted["attributes"]}
    product_ = await done(engine, "productCreate", **given)
    for n in range(wanted["moves"]):
        await done(engine, "productUpdate", id=product_["id"], slug=f"p-{number}-{n}")
    for place in wanted["categories"]:
        values_ = {"category": categories[place], "products": [product_["id"]]}
        await succeeds(engine, "categoryProductsAdd", **values_)
    for one, stock in zip(product_["variants"]["nodes"], stocked, strict=True):
        if stock is not None:
            await counted(engine, ObjectId(decode_id(one["id"])[1]), stock)


async def counted(engine: Engine, variant: ObjectId, stock: dict[str, Any]) -> None:
    assert (await adjust(engine, variant, setTo=stock["setTo"]))["userErrors"] == []
    policy = {key: stock[key] for key in ("lowAt", "backorders")}
    if stock["backorders"] == "ALLOW":
        policy["backorderLimit"] = stock["backorderLimit"]
    assert (await set_policy(engine, variant, **policy))["userErrors"] == []


@pytest.mark.long
async def test_any_shop_that_the_api_made_round_trips_to_the_same_bytes(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    of_type = (await shoes(engine))["id"]
    food = await category(engine, "Food")
    categories = [food, await category(engine, "Black & Tea", food)]
    await taken(other, await types_of(engine), tmp_path, "product-types")
    loop = asyncio.get_running_loop()

    async def round_trip(shop: list[dict[str, Any]]) -> None:
        await emptied(engine)
        for one in shop:
            await made(engine, one, of_type, categories)
        for name in ("jsonl", "csv"):
            content = await exported(engine, name)
            await changes_nothing(engine, content, tmp_path)
            await emptied(other)
            await taken(other, content, tmp_path)
            assert await exported(other, name) == content

    @share(0.12)
    @given(st.lists(products, min_size=1, max_size=2))
    def shops(shop: list[dict[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(round_trip(shop), loop).result(120)

    await asyncio.to_thread(shops)


# Product types


async def test_product_types_are_written_and_read_again(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    await shoes(engine)
    content = await types_of(engine)
    (row,) = map(json.loads, content.splitlines())
    assert (row["name"], row["attributes"][1]) == (
        "Shoes",
        {
            "key": "heel",
            "name": "Heel",
            "kind": "number",
            "unit": "mm",
            "choices": [],
            "required": True,
        },
    )
    await changes_nothing(engine, content, tmp_path, "product-types")
    await taken(other, content, tmp_path, "product-types")
    assert await types_of(other) == content


async def test_an_import_of_a_type_takes_no_attribute_away(engine: Engine, tmp_path: Path) -> None:
    await shoes(engine)
    colour = {"key": "colour", "name": "Colour", "kind": "text"}
    fit = {"key": "fit", "name": "Fit", "kind": "select", "choices": ["wide", "slim", "loose"]}
    rows = [{"name": "Shoes", "attributes": [colour, fit]}]
    file = write_jsonl(tmp_path / "types.jsonl", rows)
    tally = await load(engine, "product-types", file)
    assert (tally.created, tally.updated, tally.rejected) == (0, 1, [])
    found = json.loads(await types_of(engine))["attributes"]
    keys = ["colour", "fit", "material", "heel", "vegan", "season", "since"]
    assert [one["key"] for one in found] == keys
    assert found[1]["choices"] == ["wide", "slim", "loose"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"attributes": []}, "name: Field required"),
        (
            {"name": "Hat", "attributes": [{"key": "a", "name": "A", "kind": "colour"}]},
            "attributes",
        ),
        ({"name": "Hat", "attributes": [{"key": "A", "name": "A", "kind": "text"}]}, "attributes"),
        ({"name": "Bag", "attributes": []}, "the type 'Bag' stands earlier in this file"),
    ],
)
async def test_a_bad_type_is_rejected_by_itself(
    engine: Engine, tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    file = write_jsonl(tmp_path / "types.jsonl", [{"name": "Bag"}, row, {"name": "Cap"}])
    tally = await load(engine, "product-types", file)
    assert tally.created == 2
    (said,) = tally.rejected
    assert said.where == "line 2"
    assert said.reason.startswith(reason)


@pytest.mark.gate
def test_types_and_products_move_by_the_command_line(mercat: Mercat, tmp_path: Path) -> None:
    type_ = {"name": "Tea", "attributes": [{"key": "grade", "name": "Grade", "kind": "text"}]}
    write_jsonl(tmp_path / "types.jsonl", [type_])
    tea = product("tea", type="Tea", attributes={"grade": "FTGFOP"})
    write_jsonl(tmp_path / "products.jsonl", [tea])
    assert mercat("import", "products", "products.jsonl").code == 1
    assert "1 created" in mercat("import", "product-types", "types.jsonl").out
    assert "1 created" in mercat("import", "products", "products.jsonl").out
    (found,) = map(json.loads, mercat("export", "product-types").out.splitlines())
    assert (found["name"], found["attributes"][0]["key"]) == ("Tea", "grade")
    (row,) = map(json.loads, mercat("export", "products").out.splitlines())
    assert (row["type"], row["attributes"]) == ("Tea", {"grade": "FTGFOP"})


# Stock


def stocked(on_hand: int, sku: str = "TEA", **terms: Any) -> dict[str, Any]:
    stock = {"on_hand": on_hand, **terms}
    one = {"sku": sku, "prices": [{"amount": "9.50"}], "stock": stock}
    return product(sku.lower(), variants=[one])


async def stock_of(engine: Engine, sku: str = "TEA") -> dict[str, Any]:
    found: dict[str, Any] = (await told(engine, HISTORY, {"sku": sku}))["variant"]["stock"]
    return found


async def key_of(engine: Engine, sku: str = "TEA") -> ObjectId:
    found = await told(engine, HISTORY, {"sku": sku})
    return ObjectId(decode_id(found["variant"]["id"])[1])


async def loaded(engine: Engine, folder: Path, *rows: dict[str, Any]) -> Tally:
    return await load(engine, "products", write_jsonl(folder / "p.jsonl", list(rows)))


async def test_an_import_sets_what_is_on_hand_and_the_history_says_so(
    engine: Engine, tmp_path: Path
) -> None:
    row = stocked(7, low_at=2, backorders="allow", backorder_limit=3)
    assert (await loaded(engine, tmp_path, row)).created == 1
    stock = await stock_of(engine)
    (adjusted,) = stock.pop("history")["nodes"]
    assert stock == {"onHand": 7, "lowAt": 2, "backorder": {"policy": "ALLOW", "limit": 3}}
    assert adjusted == {"kind": "ADJUSTED", "reason": "IMPORTED", "delta": 7}
    assert await figures(engine, await key_of(engine)) == (7, 0)
    changed = stocked(7, low_at=3, backorders="deny")
    assert (await loaded(engine, tmp_path, changed)).updated == 1
    stock = await stock_of(engine)
    assert [line["kind"] for line in stock.pop("history")["nodes"]] == ["POLICY", "ADJUSTED"]
    assert stock == {"onHand": 7, "lowAt": 3, "backorder": {"policy": "DENY", "limit": None}}


async def test_what_is_counted_as_none_is_sold_out_and_said_so(
    engine: Engine, tmp_path: Path
) -> None:
    owing = stocked(0, "MUG", backorders="allow")
    await loaded(engine, tmp_path, stocked(0), owing, stocked(1, "CUP"))
    found = await told(engine, SOLD)
    assert [one["availableForSale"] for one in found.values()] == [False, True, True]
    for sku in ("TEA", "MUG", "CUP"):
        await figures(engine, await key_of(engine, sku))
    events = engine.storage.database["outbox"].find({"hook": "stock_changed"})
    told_of = {one["sku"] async for event in events for one in event["payload"]["changes"]}
    assert told_of == {"TEA", "MUG", "CUP"}


async def test_two_imports_at_once_count_once(engine: Engine, tmp_path: Path) -> None:
    rows = [stocked(n, f"TEA-{n}") for n in range(1, 41)]
    bare = [product(f"tea-{n}", variants=[{"sku": f"TEA-{n}"}]) for n in range(1, 41)]
    await loaded(engine, tmp_path, *bare)
    file = write_jsonl(tmp_path / "stocks.jsonl", rows)
    tallies = await asyncio.gather(*(load(engine, "products", file) for _ in range(2)))
    assert [(tally.rejected, tally.notes) for tally in tallies] == [([], []), ([], [])]
    for n in range(1, 41):
        assert await figures(engine, await key_of(engine, f"TEA-{n}")) == (n, 0)
        assert len((await stock_of(engine, f"TEA-{n}"))["history"]["nodes"]) == 1


async def test_a_stock_that_somebody_begins_meanwhile_is_set_too(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await loaded(engine, tmp_path, product("tea", variants=[{"sku": "TEA"}]))
    key, begun = await key_of(engine), list[bool]()

    async def read_before(context: Context, variants: Sequence[ObjectId]) -> dict[ObjectId, Record]:
        found = await stocks_by_variant(context, variants)
        if not begun:
            begun.append(True)
            await adjust(engine, key, delta=3)
        return found

    monkeypatch.setattr(counts, "stocks_by_variant", read_before)
    tally = await loaded(engine, tmp_path, stocked(7), stocked(5, "MUG"))
    assert (tally.rejected, tally.notes) == ([], [])
    assert [(await stock_of(engine, sku))["onHand"] for sku in ("TEA", "MUG")] == [7, 5]
    deltas = [line["delta"] for line in (await stock_of(engine))["history"]["nodes"]]
    assert (deltas, await figures(engine, key)) == ([4, 3], (7, 0))


async def test_only_a_stock_that_differs_is_adjusted(engine: Engine, tmp_path: Path) -> None:
    await loaded(engine, tmp_path, stocked(7), stocked(5, "MUG"))
    again = await loaded(engine, tmp_path, stocked(7), stocked(5, "MUG"))
    assert (again.updated, again.unchanged) == (0, 2)
    assert len((await stock_of(engine))["history"]["nodes"]) == 1
    await adjust(engine, await key_of(engine), delta=-4)
    tally = await loaded(engine, tmp_path, stocked(7), stocked(5, "MUG"))
    assert (tally.updated, tally.unchanged, tally.rejected) == (1, 1, [])
    deltas = [
        (line["reason"], line["delta"]) for line in (await stock_of(engine))["history"]["nodes"]
    ]
    assert deltas == [("IMPORTED", 4), ("RECEIVED", -4), ("IMPORTED", 7)]
    assert len((await stock_of(engine, "MUG"))["history"]["nodes"]) == 1


async def test_a_file_that_says_nothing_of_stock_leaves_it(engine: Engine, tmp_path: Path) -> None:
    await loaded(engine, tmp_path, stocked(7, low_at=2))
    tally = await loaded(engine, tmp_path, product("tea", name="Black", variants=[{"sku": "TEA"}]))
    assert tally.updated == 1
    assert (await stock_of(engine))["onHand"] == 7
    await loaded(engine, tmp_path, stocked(6))
    assert (await stock_of(engine))["lowAt"] == 2


async def test_an_import_that_ended_before_its_stocks_is_made_up_for(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [stocked(n, f"TEA-{n}") for n in range(1, 121)]
    await loaded(engine, tmp_path, *rows)
    for name in ("stock", "stock_changes"):
        await engine.storage.database[name].delete_many({})
    tally = await loaded(engine, tmp_path, *rows)
    assert (tally.created, tally.updated, tally.unchanged) == (0, 120, 0)
    assert [(await stock_of(engine, f"TEA-{n}"))["onHand"] for n in (1, 50, 120)] == [1, 50, 120]


async def test_units_that_are_reserved_stay_and_the_other_stocks_are_set(
    engine: Engine, tmp_path: Path
) -> None:
    await loaded(engine, tmp_path, stocked(7), stocked(5, "MUG"))
    key = await key_of(engine)
    await reservations.reserve(engine.context(), "cart", [Line(key, 4)], LONG)
    tally = await loaded(engine, tmp_path, stocked(3), stocked(9, "MUG"))
    (note,) = tally.notes
    assert (note.where, tally.rejected) == ("line 1", [])
    assert note.reason.startswith(
        "the stock of 'TEA' stays as it is: of the 7 on hand 4 are reserv"
    )
    assert [(await stock_of(engine, sku))["onHand"] for sku in ("TEA", "MUG")] == [7, 9]


async def test_a_rejected_product_sets_nobodys_stock(engine: Engine, tmp_path: Path) -> None:
    await loaded(engine, tmp_path, stocked(7))
    thief = product("thief", variants=[{"sku": "TEA", "stock": {"on_hand": 99}}])
    tally = await loaded(engine, tmp_path, thief)
    assert [row.where for row in tally.rejected] == ["line 1"]
    assert (await stock_of(engine))["onHand"] == 7


# Translations


async def test_a_translators_table_changes_what_it_has_columns_for(
    engine: Engine, tmp_path: Path
) -> None:
    german = {"locale": "de", "name": "Tee", "description": "Heiß", "slug": "tee"}
    portuguese = {"locale": "pt-BR", "name": "Chá", "description": None, "slug": None}
    await loaded(engine, tmp_path, product("tea", translations=[german, portuguese]))
    table = "slug,name,sku,name:de,slug:pt-BR\ntea,Tea,TEA,Schwarztee,cha\n"
    tally = await imported(engine, table.encode(), tmp_path)
    assert (tally.updated, tally.rejected) == (1, [])
    (row,) = map(json.loads, (await exported(engine)).splitlines())
    assert row["translations"] == [
        {**german, "name": "Schwarztee"},
        {**portuguese, "slug": "cha"},
    ]
    emptied_ = "slug,name,sku,name:pt-BR,slug:pt-BR\ntea,Tea,TEA,,\n"
    await imported(engine, emptied_.encode(), tmp_path)
    (row,) = map(json.loads, (await exported(engine)).splitlines())
    assert [one["locale"] for one in row["translations"]] == ["de"]


async def test_a_translation_into_no_locale_of_the_shop_is_rejected(
    engine: Engine, tmp_path: Path
) -> None:
    table = "slug,name,sku,name:es\ntea,Tea,TEA,Té\nmug,Mug,MUG,\n"
    tally = await imported(engine, table.encode(), tmp_path)
    assert tally.created == 1
    (said,) = tally.rejected
    assert "'es' is none of the shop's other locales" in said.reason


# Long texts


@FORMATS
async def test_the_longest_texts_come_back(
    engine: Engine, other: Engine, tmp_path: Path, name: str
) -> None:
    words = "\N{CJK UNIFIED IDEOGRAPH-8336}" * 100_000
    translations = [{"locale": locale, "description": words} for locale in ("de", "pt-BR")]
    many = [
        {"sku": f"T-{n}", "options": {"N": f"{n} " + "x" * 400}, "barcode": "9" * 300}
        for n in range(500)
    ]
    media = [{"url": f"https://x/{n}{'x' * 1_900}", "alt": ""} for n in range(250)]
    texts_ = {"description": words, "translations": translations, "media": media}
    row = product("tea", variants=many, **texts_)
    assert (await loaded(engine, tmp_path, row)).created == 1
    content = await exported(engine, name)
    assert len(content) > 1 << 20
    await taken(other, content, tmp_path)
    assert await exported(other, name) == content


# Currencies


async def test_prices_in_a_currency_that_the_shop_does_not_sell_in_are_noted_once(
    engine: Engine, tmp_path: Path
) -> None:
    pounds = [{"amount": "9.50"}, {"amount": "8", "currency": "GBP"}]
    rows = [product(f"p-{n}", variants=[{"sku": f"P-{n}", "prices": pounds}]) for n in range(3)]
    rows[0] |= {"type": "None"}
    tally = await loaded(engine, tmp_path, *rows)
    assert (tally.created, len(tally.rejected)) == (2, 1)
    (note,) = tally.notes
    assert note.where == "line 2"
    assert note.reason == (
        "the shop doesn't sell in GBP, in which 2 of the file's products have prices; "
        "they wait until it is one of [shop] currencies"
    )


# Shopify's and Google's files


async def test_a_variants_picture_stays_its_own_in_shopifys_csv(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    front = {"url": "https://img.example/front.webp", "alt": "Front"}
    variants_ = [
        {
            "sku": f"S-{colour}",
            "options": {"Colour": colour},
            "prices": [{"amount": "9.00"}],
            "media": [{"url": f"https://img.example/{colour}.webp", "alt": ""}],
            "stock": {"on_hand": count, "low_at": 5, "backorders": policy, "backorder_limit": None},
        }
        for colour, count, policy in (("red", 3, "deny"), ("blue", 0, "allow"))
    ]
    await loaded(engine, tmp_path, product("shirt", media=[front], variants=variants_))
    notes: list[str] = []
    content = await exported(engine, "shopify", notes)
    assert notes == []
    await taken(other, content, tmp_path)
    assert await exported(other, "shopify") == content
    assert await exported(other) == await exported(engine)


async def test_shopify_is_told_of_pictures_and_units_that_it_will_not_get(
    engine: Engine, tmp_path: Path
) -> None:
    local = {"sku": "A", "options": {"N": "1"}, "media": [{"url": "/media/a.webp"}]}
    hidden = {"sku": "B", "options": {"N": "2"}, "available": False, "stock": {"on_hand": 4}}
    await loaded(engine, tmp_path, product("shirt", variants=[local, hidden]))
    notes: list[str] = []
    content = await exported(engine, "shopify", notes)
    assert notes == [
        "shirt: Shopify fetches pictures by http(s) URLs only",
        "shirt: 'B' isn't offered, so its quantity becomes 0",
    ]
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    assert [line["Variant Inventory Qty"] for line in lines] == ["", "0"]


async def test_googles_feed_keeps_the_variants_of_a_product_together(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    many = [
        {
            "sku": f"R-{n}",
            "options": {"Colour": "red", "Length, cm": f"{n}:{n}\\"},
            "prices": [{"amount": "9.00"}],
        }
        for n in range(2_000)
    ]
    await loaded(engine, tmp_path, product("rod", name="Rod", variants=many), product("mug"))
    notes: list[str] = []
    content = await exported(engine, "google", notes)
    assert notes == [
        "rod: Google has no column for the options 'Length, cm', so they are product details"
    ]
    await taken(other, content, tmp_path)
    before, after = [
        list(map(json.loads, (await exported(shop)).splitlines())) for shop in (engine, other)
    ]
    assert [(row["slug"], row["name"], row["variants"]) for row in after] == [
        (row["slug"], row["name"], row["variants"]) for row in before
    ]


async def test_google_is_told_of_names_that_are_too_long(engine: Engine, tmp_path: Path) -> None:
    long = product("a" * 60, name="b" * 160, variants=[{"sku": "A", "prices": [{"amount": 1}]}])
    await loaded(engine, tmp_path, long)
    notes: list[str] = []
    await exported(engine, "google", notes)
    assert [note.partition(": ")[2] for note in notes] == [
        "its slug is longer than Google's ids, and cut at 50 characters",
        "its title is cut at 150 characters",
    ]
