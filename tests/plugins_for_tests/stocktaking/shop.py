"""A shop with variants to count, and those who count them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat import Viewer
from mercat.context import Context
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.storage.outbox import MOST_AT_ONCE
from mercat_products.documents import ProductDocument
from mercat_products.stock.documents import StockChangeDocument, StockDocument

TOML = '[plugins]\nenabled = ["media", "products", "tests.plugins_for_tests.stocktaking"]\n'
LONG = timedelta(minutes=10)

STAFF = Viewer(role="ADMIN", permissions=frozenset({"products.manage"}), user="ada")
ANNA = Viewer(role="SELLER", permissions=frozenset({"products.sell"}), user="a", seller="anna")
BEN = Viewer(role="SELLER", permissions=frozenset({"products.sell"}), user="b", seller="ben")
CUSTOMER = Viewer(role="CUSTOMER", user="carl")
VIEWERS = {"staff": STAFF, "anna": ANNA, "ben": BEN, "customer": CUSTOMER}

STOCK = "sku onHand reserved available lowAt low version backorder { policy limit owed }"
ADJUST = f"""mutation ($input: StockAdjustInput!) {{ stockAdjust(input: $input) {{
  stock {{ {STOCK} }} stocks {{ {STOCK} }} userErrors {{ field message code }} }} }}"""
POLICY = f"""mutation ($input: StockPolicyUpdateInput!) {{ stockPolicyUpdate(input: $input) {{
  stock {{ {STOCK} }} userErrors {{ field message code }} }} }}"""


async def add_product(
    engine: Engine, slug: str, *skus: str, seller: str | None = None, **values: Any
) -> list[ObjectId]:
    """Store a product with these variants; returns their keys."""
    now = datetime.now(UTC)
    keys = [ObjectId() for _ in skus]
    variants = [
        {"id": key, "sku": sku, "name": sku, "options": [], "prices": [], "available": True}
        for key, sku in zip(keys, skus, strict=True)
    ]
    products = engine.storage.collection(ProductDocument)
    await products.insert_one(
        {
            "number": await products.count_documents({}) + 1,
            "slug": slug,
            "addresses": [slug],
            "name": slug.title(),
            "status": "active",
            "seller": seller,
            "variants": variants,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            **values,
        }
    )
    return keys


async def ask(engine: Engine, viewer: Viewer, query: str, **variables: Any) -> dict[str, Any]:
    """The data of an answer, or the first top-level error."""
    result = await run(
        engine.schema._schema,
        engine.documents.get(query),
        Context(engine, viewer),
        variables=variables,
    )
    if result.errors:
        return dict(result.errors[0].formatted)
    assert result.data is not None
    return result.data


async def adjust(
    engine: Engine, variant: ObjectId | None = None, *, viewer: Viewer = STAFF, **values: Any
) -> dict[str, Any]:
    """Run `stockAdjust`; its payload, or the first top-level error."""
    if variant is not None:
        values["variantId"] = variant_id(variant)
    values = {"reason": "RECEIVED", **values}
    answer = await ask(engine, viewer, ADJUST, input=values)
    found: dict[str, Any] = answer.get("stockAdjust", answer)
    return found


async def set_policy(
    engine: Engine, variant: ObjectId, *, viewer: Viewer = STAFF, **values: Any
) -> dict[str, Any]:
    """Run `stockPolicyUpdate`; its payload, or the first top-level error."""
    answer = await ask(engine, viewer, POLICY, input={"variantId": variant_id(variant), **values})
    found: dict[str, Any] = answer.get("stockPolicyUpdate", answer)
    return found


def variant_id(key: ObjectId) -> str:
    return encode_id("ProductVariant", key)


async def stored(engine: Engine, variant: ObjectId) -> Record:
    """A stock as it is stored, checked for what must hold at every moment."""
    stock = await engine.storage.collection(StockDocument).find_one({"_id": variant})
    assert stock is not None
    beyond = 0
    if stock["backorders"] == "ALLOW":
        limit = stock["backorder_limit"]
        beyond = 1_000_000_000 if limit is None else limit
    available = stock["on_hand"] - stock["reserved"]
    assert stock["on_hand"] >= 0
    assert stock["reserved"] >= 0
    assert stock["sellable"] == available + beyond >= 0
    assert stock["above_low"] == available - stock["low_at"]
    held = sum(found["quantity"] for found in stock["held"])
    assert stock["reserved"] == held + stock["owed"]
    return stock


async def figures(engine: Engine, variant: ObjectId) -> tuple[int, int]:
    """What is on hand and what is reserved; also checks that the history adds up to it."""
    stock = await stored(engine, variant)
    lines = engine.storage.collection(StockChangeDocument).find({"stock": variant})
    deltas = [line["delta"] async for line in lines.sort("number", 1)]
    assert sum(deltas) == stock["on_hand"]
    assert len(deltas) == stock["version"]
    return stock["on_hand"], stock["reserved"]


async def in_stock(engine: Engine, variant: ObjectId) -> bool:
    """What the product's record says."""
    product = await engine.storage.collection(ProductDocument).find_one({"variants.id": variant})
    assert product is not None
    found: bool = next(v.get("in_stock", True) for v in product["variants"] if v["id"] == variant)
    return found


async def deliver(engine: Engine) -> None:
    """Deliver every event that is due."""
    while await engine.outbox.deliver_due() == MOST_AT_ONCE:
        pass
