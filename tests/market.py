"""What tests of carts and orders need: a shop that delivers and taxes, things in it, and buyers."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat_products.documents import ProductDocument

from .asking import answered
from .plugins_for_tests.stocktaking.shop import adjust

TOML = """
[shop]
currency = "EUR"
currencies = ["USD", "JPY", "KWD"]
countries = ["DE", "AT", "US", "JP"]

[plugins]
enabled = ["media", "products", "orders"]

[plugins.orders.tax_zones.germany]
countries = ["DE"]
rates = { standard = "19", reduced = "7" }

[plugins.orders.tax_zones.california]
countries = ["US"]
regions = ["CA"]
label = "Sales tax"
included = false
rates = { standard = "7.25", shipping = "0" }

[plugins.orders.shipping_methods.standard]
name = "Standard"
countries = ["DE"]
prices = { EUR = "4.90", USD = "5.90", JPY = "800", KWD = "1.500" }
free_from = { EUR = "50" }
days = [2, 4]

[plugins.orders.shipping_methods.express]
name = "Express"
countries = ["DE"]
bands = [
  { up_to_weight = 1000, prices = { EUR = "9.90" } },
  { up_to_weight = 5000, prices = { EUR = "14.90" } },
]

[plugins.orders.shipping_methods.world]
name = "Worldwide"
countries = ["US", "JP"]
prices = { EUR = "20", USD = "25", JPY = "3000" }
"""

CARL = Viewer(role="CUSTOMER", user="carl")
CORA = Viewer(role="CUSTOMER", user="cora")
GUEST = Viewer(guest="g1")
OTHER_GUEST = Viewer(guest="g2")
NOBODY = Viewer()

SUMS = "subtotal { amount } discounts { amount } shipping { amount } tax { amount }"
TOTALS = f"""{{ {SUMS} total {{ amount currency }}
  adjustments {{ kind label source amount {{ amount }} isIncluded }} }}"""
CART = f"""{{ id currency country itemCount version taxIncluded totals {TOTALS}
  lines {{ id name sku quantity note options {{ name value }} sellerId isAvailable onlyAvailable
    unitPrice {{ amount currency }} priceChangedFrom {{ amount }} totals {TOTALS}
    variant {{ id sku }} }}
  buyer {{ email phone }}
  shippingAddress {{ name lines city region postalCode country phone }}
  billingAddress {{ name country }}
  parcels {{ sellerId weight selected {{ id }} totals {TOTALS}
    options {{ id name minimumDays maximumDays price {{ amount currency }} }} }}
  problems {{ code message lineId sellerId }} }}"""

BERLIN = {
    "name": "Ada Lovelace",
    "lines": ["Unter den Linden 1"],
    "city": "Berlin",
    "postalCode": "10117",
    "country": "DE",
}


async def offer(
    engine: Engine,
    *,
    prices: dict[str, int] | None = None,
    seller: str | None = None,
    stock: int | None = None,
    product: dict[str, Any] | None = None,
    **variant: Any,
) -> ObjectId:
    """A product with one variant, in minor units by currency; the key of the variant."""
    now, key, slug = datetime.now(UTC), ObjectId(), f"thing-{secrets.token_hex(4)}"
    named = {"EUR": 1_000} if prices is None else prices
    found = {
        "id": key,
        "sku": slug.upper(),
        "name": "",
        "options": [],
        "prices": [{"currency": code, "amount": amount} for code, amount in named.items()],
        "available": True,
        "in_stock": True,
        **variant,
    }
    products = engine.storage.collection(ProductDocument)
    await products.insert_one(
        {
            "number": secrets.randbelow(2**40),
            "slug": slug,
            "addresses": [slug],
            "name": "Thing",
            "status": "active",
            "seller": seller,
            "variants": [found],
            "created_at": now,
            "updated_at": now,
            "version": 1,
            **(product or {}),
        }
    )
    if stock is not None:
        await adjust(engine, key, delta=stock)
    return key


async def change_product(engine: Engine, variant: ObjectId, **values: Any) -> None:
    """Write to a product behind everybody's back, as another process would."""
    await engine.storage.collection(ProductDocument).update_one(
        {"variants.id": variant}, {"$set": values}
    )


def line(variant: ObjectId, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"variantId": encode_id("ProductVariant", variant), "quantity": quantity, **more}


async def change(
    engine: Engine, name: str, viewer: Viewer = CARL, /, **given: Any
) -> tuple[dict[str, Any] | None, list[tuple[str, list[str] | None]]]:
    """The cart of a mutation, and its errors' codes and fields in the input."""
    kind = name[0].upper() + name[1:]
    answer = await answered(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ cart {CART}"
        " userErrors { code field message } } }",
        {"input": given},
        viewer=viewer,
    )
    assert "errors" not in answer, answer["errors"]
    payload = answer["data"][name]
    return payload["cart"], [(one["code"], in_input(one)) for one in payload["userErrors"]]


def in_input(error: dict[str, Any]) -> list[str] | None:
    """Where in the input an error is; None where it is about no field."""
    if error["field"] is None:
        return None
    path: list[str] = error["field"]
    assert path[0] == "input"
    return path[1:]


async def changed(engine: Engine, name: str, viewer: Viewer = CARL, /, **given: Any) -> Any:
    """The cart of a mutation that must succeed."""
    cart, errors = await change(engine, name, viewer, **given)
    assert not errors, errors
    assert cart is not None
    return cart


async def seen(engine: Engine, cart: str | None = None, viewer: Viewer = CARL) -> Any:
    """The cart that a viewer sees; None for none."""
    answer = await answered(
        engine, f"query ($id: ID) {{ cart(id: $id) {CART} }}", {"id": cart}, viewer=viewer
    )
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["cart"]


async def cart_of(
    engine: Engine, *lines: dict[str, Any], viewer: Viewer = CARL, **given: Any
) -> Any:
    """A new cart."""
    return await changed(engine, "cartCreate", viewer, lines=list(lines), **given)


def codes(cart: Any) -> list[str]:
    """Why it can't be bought."""
    return [problem["code"] for problem in cart["problems"]]


def sums(cart: Any) -> Sequence[str]:
    """Subtotal, discounts, shipping, tax, total."""
    found = cart["totals"]
    names = ("subtotal", "discounts", "shipping", "tax", "total")
    return [found[name]["amount"] for name in names]
