"""Who finds which products in a list: the same ones whatever the order, and whoever sells them."""

from pathlib import Path
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id

from .asking import RIVAL, SELLER, STAFF, answered, told
from .conftest import EngineFor, until, write_jsonl
from .test_catalogue import load, product

ANYBODY = Viewer()
SETTLED = """{ products(first: 1, sort: NAME) { totalCount }
  category(slug: "clothing") { productCount } }"""
PAGE = """{ totalCount nodes { slug }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"""
STATUSES = ("active", "draft", "archived")


@pytest.fixture
async def shop(engine_for: EngineFor, tmp_path: Path) -> Engine:
    """36 products: of each status, of the shop and of a seller, in a category or below it."""
    engine = await engine_for(work=True)
    rows = [
        product(
            f"p-{n:02}",
            status=STATUSES[n % 3],
            seller="seller-1" if n % 2 else None,
            categories=["Clothing > Shoes" if n % 4 < 2 else "Clothing"],
        )
        for n in range(36)
    ]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.created == 36

    async def is_settled() -> bool:
        found = await answered(engine, SETTLED)
        return "errors" not in found and found["data"] == {
            "products": {"totalCount": 36},
            "category": {"productCount": 12},
        }

    await until(is_settled)
    return engine


def expected(viewer: Viewer, *, category: bool | None = None) -> list[str]:
    """The slugs that a viewer sees; with False of `category` those directly in Clothing."""
    return [
        f"p-{n:02}"
        for n in range(36)
        if n % 3 == 0 or viewer is STAFF or (viewer is SELLER and n % 2 == 1)
        if category is not False or n % 4 >= 2
    ]


@pytest.mark.parametrize("viewer", [ANYBODY, RIVAL, SELLER, STAFF])
@pytest.mark.parametrize("category", [None, True, False])
async def test_every_order_lists_the_same_products(
    shop: Engine, viewer: Viewer, category: bool | None
) -> None:
    wanted = expected(viewer, category=category)
    for sort in ("NEWEST", "OLDEST", "NAME"):
        for size, backward in ((5, False), (4, True), (100, False)):
            seen = await walked(shop, viewer, category, sort, size, backward=backward)
            assert seen == (wanted[::-1] if sort == "NEWEST" else wanted), (sort, size)


async def walked(
    engine: Engine, viewer: Viewer, category: bool | None, sort: str, size: int, *, backward: bool
) -> list[str]:
    """The slugs of a whole list, page by page; each page says how many there are in all."""
    count, cursor = ("last", "before") if backward else ("first", "after")
    given = f"sort: {sort}, {count}: {size}, {cursor}: $cursor"
    field = f"products({given}) {PAGE}"
    if category is not None:
        only = "" if category else "includeDescendants: false, "
        field = f'category(slug: "clothing") {{ products({only}{given}) {PAGE} }}'
    seen: list[str] = []
    at = None
    while True:
        query = f"query ($cursor: String) {{ {field} }}"
        data = await told(engine, query, {"cursor": at}, viewer=viewer)
        page = data.get("category", data)["products"]
        slugs = [node["slug"] for node in page["nodes"]]
        seen = slugs + seen if backward else seen + slugs
        info = page["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            assert page["totalCount"] == len(seen)
            return seen
        at = info["startCursor" if backward else "endCursor"]


async def test_what_has_no_price_is_not_in_stock(engine_for: EngineFor, tmp_path: Path) -> None:
    engine = await engine_for(work=True)
    variant = {"sku": "FREE", "prices": []}
    rows = [product("sold"), product("unpriced", variants=[variant])]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    query = """{ products(first: 5, filter: {inStock: true}) { nodes { slug } }
      productSearch(query: "", first: 1) { totalCount facets { inStock } } }"""

    async def is_right() -> bool:
        found = await answered(engine, query)
        return "errors" not in found and found["data"] == {
            "products": {"nodes": [{"slug": "sold"}]},
            "productSearch": {"totalCount": 2, "facets": {"inStock": 1}},
        }

    await until(is_right)


async def test_drafts_are_counted_for_nobody_else(shop: Engine) -> None:
    query = '{ products(first: 1) { totalCount } category(slug: "clothing") { productCount } }'
    for viewer in (ANYBODY, RIVAL, SELLER, STAFF):
        data = await told(shop, query, viewer=viewer)
        assert data["products"]["totalCount"] == len(expected(viewer))
        assert data["category"] == {"productCount": 12}


async def test_a_product_says_who_sells_it_as_filters_take_it(shop: Engine) -> None:
    query = "{ products(first: 100) { nodes { slug sellerId } } }"
    found = (await told(shop, query, viewer=ANYBODY))["products"]["nodes"]
    key = encode_id("Seller", "seller-1")
    assert {node["slug"]: node["sellerId"] for node in found} == {
        f"p-{n:02}": key if n % 2 else None for n in range(0, 36, 3)
    }
    of_one = (
        "query ($of: [ID!]!) { products(first: 100, filter: {sellers: $of}) { nodes { slug } } }"
    )
    data = await told(shop, of_one, {"of": [key]}, viewer=ANYBODY)
    assert len(data["products"]["nodes"]) == 6


async def test_a_seller_is_given_by_its_id_or_its_key(shop: Engine) -> None:
    create = """mutation M($input: ProductCreateInput!) {
      productCreate(input: $input) { product { id sellerId } userErrors { field code } } }"""
    update = """mutation M($input: ProductUpdateInput!) {
      productUpdate(input: $input) { product { id sellerId } userErrors { field code } } }"""
    for number, (viewer, given, shown) in enumerate(
        (
            (STAFF, "Müller & Söhne", "Müller & Söhne"),
            (STAFF, encode_id("Seller", "Müller & Söhne"), "Müller & Söhne"),
            (STAFF, " seller-1 ", "seller-1"),
            (STAFF, None, None),
            (SELLER, None, "seller-1"),
            (SELLER, "seller-1", "seller-1"),
            (SELLER, encode_id("Seller", "seller-1"), "seller-1"),
        )
    ):
        new: dict[str, Any] = {"name": "X", "variants": [{"sku": f"X-{number}"}], "seller": given}
        payload = (await told(shop, create, {"input": new}, viewer=viewer))["productCreate"]
        assert payload["userErrors"] == []
        wanted = None if shown is None else encode_id("Seller", shown)
        assert payload["product"]["sellerId"] == wanted
        change = {"id": payload["product"]["id"], "seller": wanted}
        if viewer is STAFF:
            again = (await told(shop, update, {"input": change}))["productUpdate"]
            assert again["product"] == payload["product"]
    for given in (encode_id("Seller", "seller-2"), "seller-2", encode_id("Product", "seller-1")):
        new = {"name": "X", "variants": [{"sku": "Y"}], "seller": given}
        found = await answered(shop, create, {"input": new}, viewer=SELLER)
        errors = found["data"]["productCreate"]["userErrors"]
        assert errors == [{"field": ["input", "seller"], "code": "INVALID"}]
