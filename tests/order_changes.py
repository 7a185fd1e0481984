"""What tests of changes of orders need: who changes them, the mutations, and what is stored."""

from typing import Any

from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_products.stock.documents import StockDocument

from .asking import answered
from .market import in_input
from .plugins_for_tests.till.books import BOOKS

STAFF = Viewer(
    role="SUPPORT", permissions=frozenset({"orders.manage", "orders.read"}), user="staff"
)
READER = Viewer(role="AUDITOR", permissions=frozenset({"orders.read"}), user="reader")
ANNA = Viewer(role="SELLER", permissions=frozenset({"orders.sell"}), user="a1", seller="anna")
BERT = Viewer(role="SELLER", permissions=frozenset({"orders.sell"}), user="b1", seller="bert")

MONEY = "{ amount currency }"
_LINES = "lines { id quantity fulfilledQuantity deliveredQuantity cancelledQuantity"
_LINES += " returnedQuantity }"
_REFUND = f"{{ id state cause reason message amount {MONEY} }}"
PART = f"""{{ id state version sellerId {_LINES} refunded {MONEY} refunds {_REFUND}
  fulfilments {{ id state carrier trackingNumber trackingUrl shippedAt deliveredAt
    lines {{ quantity line {{ id }} }} }}
  returns {{ id state reason message value {MONEY} refunds {_REFUND}
    lines {{ quantity receivedQuantity restockedQuantity line {{ id }} }} }} }}"""
ORDER = f"""{{ id state version paymentState {_LINES} paid {MONEY} due {MONEY} refunded {MONEY}
  refunds {_REFUND} sellerOrders {PART} }}"""

Errors = list[tuple[str, list[str] | None]]


async def tried(
    engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any
) -> tuple[dict[str, Any], Errors]:
    """The payload of a mutation, and its errors' codes and fields in the input."""
    kind = name[0].upper() + name[1:]
    more = "returns { id state }" if name == "orderReturnRequest" else ""
    answer = await answered(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ order {ORDER}"
        f" sellerOrder {PART} {more} userErrors {{ code field message }} }} }}",
        {"input": given},
        viewer=viewer,
    )
    assert "errors" not in answer, answer["errors"]
    payload = answer["data"][name]
    return payload, [(one["code"], in_input(one)) for one in payload["userErrors"]]


async def did(engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any) -> dict[str, Any]:
    """The payload of a mutation that must succeed."""
    payload, errors = await tried(engine, name, viewer, **given)
    assert not errors, payload["userErrors"]
    return payload


async def refused(engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any) -> str | None:
    """The code of the only error of a mutation, in its payload or not; None for none."""
    kind = name[0].upper() + name[1:]
    answer = await answered(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input)"
        " { userErrors { code field message } } }",
        {"input": given},
        viewer=viewer,
    )
    if "errors" in answer:
        (error,) = answer["errors"]
        return str(error["extensions"]["code"])
    errors = answer["data"][name]["userErrors"]
    assert len(errors) <= 1
    return str(errors[0]["code"]) if errors else None


async def stored(engine: Engine, order: Record) -> Record:
    """The order as it is stored now."""
    found = await orders(Context(engine)).find_one({"_id": order["_id"]})
    assert found is not None
    return found


async def on_hand(engine: Engine, variant: ObjectId) -> int:
    found = await engine.storage.collection(StockDocument).find_one({"_id": variant})
    assert found is not None
    count: int = found["on_hand"]
    return count


def given_back(order: Record) -> int:
    """What the payment service gave back."""
    return sum(BOOKS[str(order["_id"])].refunded.values())


def order_id(order: Record) -> str:
    return encode_id("Order", order["_id"])


def part_id(order: Record, index: int = 0) -> str:
    return encode_id("SellerOrder", order["seller_orders"][index]["id"])


def units(order: Record, *quantities: int) -> list[dict[str, Any]]:
    """So many of the first lines; 0 leaves one out."""
    return [
        {"lineId": encode_id("OrderLine", line["id"]), "quantity": quantity}
        for line, quantity in zip(order["lines"], quantities, strict=False)
        if quantity
    ]


def kinds(order: Record) -> list[str]:
    """What happened to it, one after the other."""
    return [entry["kind"] for entry in order["timeline"]]
