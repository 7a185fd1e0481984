"""What an export writes, and that an import takes all of it again."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.exporting import export_to
from mercat.ids import encode_id
from mercat.importing import Tally
from mercat_media.service import embedded, upload_file
from mercat_products.exporting import EXPORTS
from mercat_products.rows import address_of

from .conftest import EngineFor, write_jsonl
from .test_catalogue import load, product
from .test_media import picture
from .test_product_editing import WHOLE, done, shirt, variant
from .test_product_types import VALUES, shoes
from .torture.profiles import share

EDITOR = Viewer(
    role="ADMIN", permissions=frozenset({"products.manage", "media.manage"}), user="staff"
)
TOML = """
[shop]
currencies = ["JPY", "KWD", "USD"]
locales = ["de", "fr"]
[plugins]
enabled = ["media", "products", "categories"]
"""


async def exported(engine: Engine, name: str = "jsonl", status: str | None = None) -> bytes:
    file = io.BytesIO()
    await export_to(EXPORTS, engine.context(), file, format_name=name, status=status)
    return file.getvalue()


async def imported(engine: Engine, content: bytes, folder: Path) -> Tally:
    file = folder / "products.file"
    await asyncio.to_thread(file.write_bytes, content)
    return await load(engine, "products", file)


async def taken(engine: Engine, content: bytes, folder: Path) -> None:
    """Import a file of which every row must be taken."""
    tally = await imported(engine, content, folder)
    assert (tally.rejected, tally.notes) == ([], [])


async def changes_nothing(engine: Engine, content: bytes, folder: Path) -> None:
    tally = await imported(engine, content, folder)
    assert (tally.created, tally.updated, tally.rejected) == (0, 0, [])


async def empty(engine: Engine) -> None:
    await engine.storage.database["products"].delete_many({})


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture
async def other(engine_for: EngineFor, engine: Engine) -> Engine:
    """Another shop with the same settings."""
    return await engine_for(TOML, database={"name": f"{engine.storage.database.name}_b"})


async def whole_product(engine: Engine) -> None:
    """A product that has everything, made over the API."""
    of_type = await shoes(engine)
    parts = variant(
        "S-M",
        name="Medium",
        barcode="4006381333931",
        taxClass="reduced",
        weight=250,
        dimensions={"length": 300, "width": 200, "height": 20},
        media=[{"url": "https://img.example/m.webp", "alt": "Worn"}],
        prices=[
            {
                "amount": "49.90",
                "compareAt": "59.90",
                "breaks": [{"quantity": 3, "amount": "45"}, {"quantity": 10, "amount": "39.95"}],
            },
            {"amount": "5990", "currency": "JPY"},
            {"amount": "15.125", "currency": "KWD"},
        ],
    )
    made = await done(
        engine,
        "productCreate",
        **shirt(**WHOLE, variants=[parts, variant("S-L", "L")]),
        type=of_type["id"],
        attributes=VALUES,
        seller="seller-1",
    )
    await done(engine, "productUpdate", id=made["id"], slug="linen-shirt", translations=[])
    await done(
        engine, "productUpdate", id=made["id"], translations=[{"locale": "de", "slug": "hemd"}]
    )


async def test_a_product_is_written_with_all_that_it_has(engine: Engine) -> None:
    await whole_product(engine)
    (line,) = (await exported(engine)).splitlines()
    row = json.loads(line)
    medium, large = row.pop("variants")
    assert row == {
        "slug": "linen-shirt",
        "name": "Linen shirt",
        "description": "<p>Soft <b>linen</b></p>",
        "brand": "Harbour",
        "status": "active",
        "seller": "seller-1",
        "type": "Shoes",
        "attributes": {
            "material": "Linen",
            "heel": 12.5,
            "vegan": False,
            "fit": "wide",
            "season": ["spring", "autumn"],
            "since": "2026-02-28",
        },
        "tags": ["summer", "linen"],
        "categories": [],
        "seo": {"title": "Shirts", "description": "Linen shirts."},
        "media": [{"url": "/media/demo/shirt.webp", "alt": "A shirt"}],
        "metadata": {"care": "cold"},
        "private_metadata": {"supplier": "Acme"},
        "translations": [{"locale": "de", "name": None, "description": None, "slug": "hemd"}],
        "old_slugs": row["old_slugs"],
    }
    assert sorted(row["old_slugs"]) == ["leinenhemd", "shirt"]
    assert medium == {
        "sku": "S-M",
        "name": "Medium",
        "barcode": "4006381333931",
        "options": {"Size": "M"},
        "prices": [
            {
                "amount": "49.90",
                "currency": "EUR",
                "compare_at": "59.90",
                "breaks": [
                    {"quantity": 3, "amount": "45.00"},
                    {"quantity": 10, "amount": "39.95"},
                ],
            },
            {"amount": "5990", "currency": "JPY", "compare_at": None, "breaks": []},
            {"amount": "15.125", "currency": "KWD", "compare_at": None, "breaks": []},
        ],
        "available": True,
        "tax_class": "reduced",
        "weight": 250,
        "dimensions": {"length": 300, "width": 200, "height": 20},
        "media": [{"url": "https://img.example/m.webp", "alt": "Worn"}],
    }
    assert (large["sku"], large["weight"], large["dimensions"]) == ("S-L", None, None)


@pytest.mark.parametrize("name", ["jsonl", "csv"])
async def test_what_the_api_made_is_the_same_after_an_export_and_an_import(
    engine: Engine, other: Engine, tmp_path: Path, name: str
) -> None:
    await whole_product(engine)
    await shoes(other)
    content = await exported(engine, name)
    await changes_nothing(engine, content, tmp_path)
    await taken(other, content, tmp_path)
    assert await exported(other, name) == content
    await changes_nothing(other, content, tmp_path)


async def test_imported_addresses_lead_to_the_product(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    await whole_product(engine)
    await shoes(other)
    await taken(other, await exported(engine), tmp_path)
    found = await other.storage.database["products"].find_one({})
    assert found is not None
    assert found["addresses"] == ["linen-shirt", "hemd"]
    assert sorted(found["old_addresses"]) == ["leinenhemd", "shirt"]


async def test_categories_are_their_paths_in_the_names_that_they_have(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [product("tea", categories=["Food > Black Tea", "Gifts"]), product("mug")]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    tea, mug = map(json.loads, (await exported(engine)).splitlines())
    assert tea["categories"] == ["Food > Black Tea", "Gifts"]
    assert mug["categories"] == []


async def test_products_come_in_the_order_they_were_added_whatever_their_status(
    engine: Engine, tmp_path: Path
) -> None:
    statuses = ("draft", "active", "archived")
    rows = [product(f"p-{n}", status=statuses[n % 3]) for n in range(230)]  # several windows
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    found = [json.loads(line)["slug"] for line in (await exported(engine)).splitlines()]
    assert found == [f"p-{n}" for n in range(230)]
    active = (await exported(engine, status="active")).splitlines()
    assert [json.loads(line)["slug"] for line in active] == [f"p-{n}" for n in range(1, 230, 3)]


# Round trips of generated products

letters = st.one_of(
    st.sampled_from("|=\\,\"> \n\t'+-@<&;:"),
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufdd0"),
)


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    plain = st.text(letters, max_size=most).map(str.strip)
    return plain.filter(lambda text: not least or any(map(str.isalnum, text)))


html = st.lists(
    st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<pre>\n\n", "<a href='x'>", "<table>", "&"])
    | texts(5),
    max_size=6,
).map("".join)
amounts = st.integers(1, 10**9).map(lambda minor: f"{minor // 100}.{minor % 100:02}")
slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
media = st.lists(
    st.fixed_dictionaries({"url": st.sampled_from(["/media/a|b", "https://x/="]), "alt": texts(9)}),
    max_size=2,
    unique_by=lambda one: one["url"],
)
breaks = st.sampled_from([[], [{"quantity": 3, "amount": "0"}]])


def is_reduced(price: dict[str, Any]) -> bool:
    """Whether it costs less than it used to, where it says that."""
    before, now = price["compare_at"], price["amount"]
    return before is None or float(before) > float(now)


price: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"amount": amounts, "compare_at": st.none() | amounts, "breaks": breaks}
)
prices = st.lists(price.filter(is_reduced), max_size=2).map(
    lambda found: [
        {**one, "currency": code} for one, code in zip(found, ("EUR", "USD"), strict=False)
    ]
)
measures = st.none() | st.integers(0, 2**31 - 1)
sides = st.integers(0, 9_999)
dimensions = st.fixed_dictionaries({"length": sides, "width": sides, "height": sides})
values = st.fixed_dictionaries(
    {"heel": st.floats(allow_nan=False, allow_infinity=False)},
    optional={
        "material": texts(9, 1),
        "vegan": st.booleans(),
        "fit": st.sampled_from(["slim", "wide"]),
        "season": st.sampled_from([[], ["autumn"], ["spring", "autumn"]]),
        "since": st.dates().map(str),
    },
)
variants = st.fixed_dictionaries(
    {
        "name": texts(9),
        "barcode": st.none() | texts(14, 1),
        "prices": prices,
        "available": st.booleans(),
        "tax_class": st.none() | texts(9, 1),
        "weight": measures,
        "dimensions": st.none() | dimensions,
        "media": media,
    }
)
translations = st.fixed_dictionaries(
    {"name": st.none() | texts(9, 1), "description": st.none() | html}
)
pairs = st.dictionaries(texts(8, 1), texts(8), max_size=2)
rows = st.fixed_dictionaries(
    {
        "name": texts(20, 1),
        "description": html,
        "brand": st.none() | texts(9, 1),
        "status": st.sampled_from(["draft", "active", "archived"]),
        "seller": st.none() | texts(9, 1),
        "attributes": st.none() | values,
        "tags": st.lists(texts(8, 1), max_size=3),
        "seo": st.fixed_dictionaries({"title": texts(9), "description": texts(9)}),
        "media": media,
        "variants": st.lists(variants, min_size=1, max_size=2),
        "metadata": pairs,
        "private_metadata": pairs,
        "translations": st.lists(translations, max_size=2),
        "old_slugs": st.lists(slugs, max_size=2, unique=True),
    }
)


def completed(number: int, row: dict[str, Any]) -> dict[str, Any]:
    """A generated row with what must not come twice in a shop."""
    return {
        **row,
        "slug": f"p-{number}",
        "type": None if row["attributes"] is None else "Shoes",
        "attributes": row["attributes"] or {},
        "variants": [
            {**one, "sku": f"={number}'{n}", "options": {"Größe|": f"=\\{n}", "-": "'+"}}
            for n, one in enumerate(row["variants"])
        ],
        "translations": [
            {**one, "locale": locale, "slug": f"{locale}-{number}"}
            for one, locale in zip(row["translations"], ("de", "fr"), strict=False)
        ],
    }


async def test_any_shop_round_trips_to_the_same_bytes(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    await shoes(engine)
    await shoes(other)
    loop = asyncio.get_running_loop()

    async def round_trip(shop: list[dict[str, Any]]) -> None:
        await empty(engine)
        lines = (json.dumps(completed(number, row)) + "\n" for number, row in enumerate(shop))
        await taken(engine, "".join(lines).encode(), tmp_path)
        for name in ("jsonl", "csv"):
            content = await exported(engine, name)
            await changes_nothing(engine, content, tmp_path)
            await empty(other)
            await taken(other, content, tmp_path)
            assert await exported(other, name) == content

    @share(0.12)
    @given(st.lists(rows, min_size=1, max_size=3))
    def shops(shop: list[dict[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(round_trip(shop), loop).result(120)

    await asyncio.to_thread(shops)


# Tables for spreadsheets and feeds

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''-1", "'quoted'", "plain"]


@pytest.mark.parametrize("name", ["csv", "shopify"])
async def test_no_cell_is_a_formula_and_every_text_comes_back(
    engine: Engine, other: Engine, tmp_path: Path, name: str
) -> None:
    texts_ = [
        product(f"p-{n}", name=text, brand=text, description=text, tags=[text])
        for n, text in enumerate(DANGEROUS)
    ]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", texts_))
    content = await exported(engine, name)
    cells = [cell for line in csv.reader(io.StringIO(content.decode())) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    await taken(other, content, tmp_path)
    found = map(json.loads, (await exported(other)).splitlines())
    assert [(row["name"], row["brand"], row["tags"]) for row in found] == [
        (text, text, [text]) for text in DANGEROUS
    ]


RICH = product(
    "shirt",
    name="Shirt",
    description="<p>Soft &amp; <b>warm</b></p>",
    brand="Acme",
    tags=["summer", "linen"],
    categories=["Clothing > Shirts"],
    seo={"title": "Shirts", "description": "All shirts."},
    media=[{"url": f"https://img.example/{n}.webp", "alt": f"Picture {n}"} for n in range(4)],
    variants=[
        {
            "sku": f"S-{size}",
            "barcode": "4006381333931",
            "options": {"Colour": "Red", "Size": size},
            "prices": [{"amount": "20.00", "compare_at": "25.00"}],
            "available": size != "M",
            "weight": 250,
        }
        for size in ("S", "M")
    ],
)


async def test_shopify_csv_is_read_again(engine: Engine, other: Engine, tmp_path: Path) -> None:
    stocks = {"S": 3, "M": 0}
    variants = [
        {**one, "available": True, "stock": {"on_hand": stocks[one["options"]["Size"]]}}
        for one in RICH["variants"]
    ]
    shop = [{**RICH, "variants": variants}, product("mug", status="draft")]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", shop))
    await taken(other, await exported(engine, "shopify"), tmp_path)
    assert await exported(other) == await exported(engine)


async def test_shopify_has_no_place_for_a_fourth_option(engine: Engine, tmp_path: Path) -> None:
    options = {str(n): "x" for n in range(4)}
    row = product("many", variants=[{"sku": "M", "options": options}])
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [row]))
    file, notes = io.BytesIO(), list[str]()
    count = await export_to(
        EXPORTS, engine.context(), file, format_name="shopify", on_note=notes.append
    )
    assert (count, notes) == (0, ["many: left out, as Shopify takes 3 options at most"])


async def test_google_feed_has_what_can_be_bought_and_is_read_again(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    unpriced = product("free", variants=[{"sku": "FREE"}])
    shop = [RICH, product("mug", status="draft"), unpriced]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", shop))
    file, notes = io.BytesIO(), list[str]()
    await export_to(EXPORTS, engine.context(), file, format_name="google", on_note=notes.append)
    assert notes == ["free: 'FREE' is left out, as it has no price in EUR"]
    small, medium = csv.DictReader(io.StringIO(file.getvalue().decode()), delimiter="\t")
    assert small["description"] == "Soft & warm"
    assert (small["price"], small["sale_price"]) == ("25.00 EUR", "20.00 EUR")
    assert (small["availability"], medium["availability"]) == ("in_stock", "out_of_stock")
    assert (small["item_group_id"], small["size"], small["gtin"]) == ("shirt", "S", "4006381333931")
    await taken(other, file.getvalue(), tmp_path)
    before = json.loads((await exported(engine)).splitlines()[0])
    (after,) = map(json.loads, (await exported(other)).splitlines())
    for key in ("slug", "name", "brand", "categories"):
        assert after[key] == before[key]
    assert [one["url"] for one in after["media"]] == [one["url"] for one in before["media"]]
    assert after["variants"] == before["variants"]


async def test_a_picture_of_the_shop_stays_its_own(engine: Engine, tmp_path: Path) -> None:
    own = await upload_file(Context(engine, EDITOR), io.BytesIO(picture()), alt="Our own")
    url = address_of(embedded(own), None)
    given = {"media": [{"id": encode_id("Media", own["_id"])}]}
    await done(engine, "productCreate", EDITOR, **shirt(**given))
    media = engine.storage.database["media"]
    content = await exported(engine)
    assert json.loads(content)["media"] == [{"url": url, "alt": "Our own"}]
    await changes_nothing(engine, content, tmp_path)

    await taken(engine, content.replace(b"Linen shirt", b"Cotton shirt"), tmp_path)
    (stored,) = await engine.storage.database["products"].find().to_list()
    assert (stored["name"], stored["media"][0]["id"]) == ("Cotton shirt", own["_id"])
    assert (await media.find_one({}) or {})["uses"] == 1

    await taken(engine, content.replace(url.encode(), b"/media/other.webp"), tmp_path)
    assert (await media.find_one({}) or {})["uses"] == 0
