"""What tests of reports need: stored orders as months of trade leave them, and who asks."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.quantities import unsent, worth
from mercat_orders.reports.periods import Period

from .asking import answered, told

ANALYST = Viewer(role="SUPPORT", permissions=frozenset({"orders.report"}), user="ada")
ANNA = Viewer(role="SELLER", permissions=frozenset({"orders.sell"}), user="a1", seller="anna")
BERT = Viewer(role="SELLER", permissions=frozenset({"orders.sell"}), user="b1", seller="bert")

SELLERS = (None, "anna", "bert")
PRODUCTS = [ObjectId() for _ in range(12)]
VARIANTS = {product: [ObjectId() for _ in range(2)] for product in PRODUCTS}
GROUPS = [str(ObjectId()) for _ in range(4)]
BEGIN = datetime(2026, 9, 20, tzinfo=UTC)
SECONDS = 50 * 86_400
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31), ZoneInfo("UTC"))

FIGURES = """{ orders units returnedUnits gross { amount } discounts { amount } shipping { amount }
  tax { amount } total { amount } refunded { amount } net { amount } netSales { amount }
  commission { amount } cancelled { amount } averageOrderValue { amount } pendingOrders
  pending { amount } }"""
REPORT = f"""query ($input: SalesReportInput!) {{ salesReport(input: $input) {{
  from to timeZone groupBy rowCount isOverlapping
  rows {{ key label subjectId sku currency figures {FIGURES} }}
  totals {{ currency figures {FIGURES} }} }} }}"""


def made_order(random: Random, number: int, at: datetime | None = None, **values: Any) -> Record:
    """A placed order as it is stored, with what became of it since."""
    placed = at or BEGIN + timedelta(seconds=random.randrange(SECONDS))
    included = random.random() < 0.7
    sellers = random.sample(SELLERS, random.choice((1, 1, 2, 3)))
    lines = [
        _line(random, seller, included) for seller in sellers for _ in range(random.choice((1, 2)))
    ]
    parts = [_part(random, seller, lines, included) for seller in sellers]
    key, sums = ObjectId(), _sums(lines, parts)
    order: Record = {
        "_id": key,
        "number": number,
        "code": f"C{number}",
        "state": parts[0]["state"],
        "currency": random.choice(("EUR", "EUR", "EUR", "JPY")),
        "country": random.choice(("DE", "AT", "US")),
        "tax_included": included,
        "lines": lines,
        "seller_orders": parts,
        "sums": sums,
        "payment": {
            "key": str(key),
            "method": "till:paid",
            "amount": sums["total"],
            "state": random.choice(("paid", "paid", "AWAITED")),
        },
        "refunds": [],
        "waived": 0,
        "timeline": [],
        "placed_at": placed,
        "updated_at": placed,
        "version": 1,
        **values,
    }
    return order | _aftermath(random, order)


def _line(random: Random, seller: str | None, included: bool) -> Record:
    product = random.choice(PRODUCTS)
    quantity, price = random.randint(1, 5), random.choice((0, 1, 99, 333, 1_000, 9_999))
    subtotal = quantity * price
    discount = random.choice((0, 0, subtotal // 7, subtotal))
    left = subtotal - discount
    tax = left * 19 // 119 if included else left * 7 // 100
    return {
        "id": ObjectId(),
        "seller": seller,
        "variant": random.choice(VARIANTS[product]),
        "product": product,
        "sku": f"SKU-{str(product)[-4:]}",
        "name": f"Thing {str(product)[-4:]}",
        "groups": random.sample(GROUPS, random.choice((0, 1, 2))),
        "quantity": quantity,
        "unit_price": price,
        "subtotal": subtotal,
        "discount": discount,
        "tax": tax,
        "total": left if included else left + tax,
        "cancelled": 0,
        "fulfilled": 0,
        "delivered": 0,
        "returned": 0,
    }


def _part(random: Random, seller: str | None, lines: Sequence[Record], included: bool) -> Record:
    price = random.choice((0, 490, 501))
    tax = price * 19 // 119 if included else price * 7 // 100
    way = {"subtotal": price, "discount": 0, "tax": tax, "total": price + (0 if included else tax)}
    mine = [line for line in lines if line["seller"] == seller]
    found = {
        "id": ObjectId(),
        "seller": seller,
        "state": random.choice(("PENDING", "CONFIRMED", "CONFIRMED", "DELIVERED", "COMPLETED")),
        "way": random.choice((way, way, None)),
        "commission": 0 if seller is None else sum(line["subtotal"] for line in mine) // 10,
    }
    return {**found, "sums": _sums(mine, [found])}


def _sums(lines: Sequence[Record], parts: Sequence[Record]) -> Record:
    costs = [*lines, *(part["way"] for part in parts if part["way"] is not None)]
    return {"total": sum(cost["total"] for cost in costs)}


def _aftermath(random: Random, order: Record) -> Record:
    """Cancellations, returns and refunds, written as orders write them."""
    revision = Revision(order)
    for _ in range(random.choice((0, 0, 1, 2))):
        part = random.choice(revision.parts)
        random.choice((_cancel, _return, _give))(random, revision, part)
    names = ("lines", "seller_orders", "refunds", "waived")
    values = (revision.lines, revision.parts, revision.refunds, revision.order["waived"])
    return dict(zip(names, values, strict=True))


def _cancel(random: Random, revision: Revision, part: Record) -> None:
    amount, everything = 0, random.random() < 0.5
    for line in revision.lines_of(part):
        count = unsent(line) - line["returned"]
        count = count if everything else random.randint(0, count)
        amount += worth(line, count)
        line["cancelled"] += count
    if revision.is_cancelled(part) and not part.get("shipping_back"):
        amount += part["way"]["total"] if part["way"] else 0
        part |= {"shipping_back": True, "state": "CANCELLED"}
    revision.give_back(part, min(amount, revision.left(part)), "CANCELLED")


def _return(random: Random, revision: Revision, part: Record) -> None:
    amount = 0
    for line in revision.lines_of(part):
        count = random.randint(0, unsent(line) - line["returned"])
        amount += worth(line, count)
        line["returned"] += count
    if random.random() < 0.3 and part["way"] and not part.get("shipping_back"):
        amount += part["way"]["total"]
        part["shipping_back"] = True
    revision.give_back(part, min(amount, revision.left(part)), "RETURNED")


def _give(random: Random, revision: Revision, part: Record) -> None:
    chosen = random.choice((part, None))
    left = revision.left(chosen)
    refunds = revision.give_back(chosen, random.randint(0, left) if left > 0 else 0, "GOODWILL")
    if refunds and random.random() < 0.1:
        refunds[0]["state"] = "FAILED"


async def store(engine: Engine, found: Sequence[Record]) -> None:
    await orders(Context(engine)).insert_many([dict(order) for order in found])


async def report(engine: Engine, viewer: Viewer = ANALYST, /, **given: Any) -> dict[str, Any]:
    """A sales report, of 2026 where nothing else is said."""
    asked = {"from": "2026-01-01", "to": "2026-12-31", **given}
    found = await told(engine, REPORT, {"input": asked}, viewer=viewer)
    report: dict[str, Any] = found["salesReport"]
    return report


async def refused(engine: Engine, viewer: Viewer = ANALYST, /, **given: Any) -> str:
    """The code of the only error of a sales report."""
    asked = {"from": "2026-01-01", "to": "2026-12-31", **given}
    (error,) = (await answered(engine, REPORT, {"input": asked}, viewer=viewer))["errors"]
    return str(error["extensions"]["code"])
