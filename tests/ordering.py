"""What tests of checkouts and orders need: carts that are ready, and orders that were placed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import decode_id
from mercat.storage import Record
from mercat_orders.carts import buyers, editing
from mercat_orders.carts.access import carts
from mercat_orders.carts.lines import NewLine
from mercat_orders.checkout.completing import Progress, complete
from mercat_orders.checkout.reconciling import reconcile
from mercat_orders.checkout.wanting import Agreement, Completion, Request
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.paying import Means
from mercat_orders.orders.documents import WAITING
from mercat_orders.orders.money import payments

from .market import BERLIN, CARL, offer
from .market import TOML as MARKET
from .plugins_for_tests.stocktaking.shop import figures
from .plugins_for_tests.till.books import BOOKS

TOML = (
    MARKET.replace('"orders"]', '"orders", "tests.plugins_for_tests.till"]')
    + """
[plugins.orders.shipping_methods.free]
name = "Free"
countries = ["DE"]
prices = { EUR = "0" }
"""
)
"""The market with a till."""

_BERLIN = {"postal_code" if name == "postalCode" else name: it for name, it in BERLIN.items()}


async def ready(
    engine: Engine,
    *quantities: int,
    viewer: Viewer = CARL,
    sellers: Sequence[str | None] = (None,),
    prices: dict[str, int] | None = None,
    stock: int | None = 100,
    currency: str = "EUR",
    thing: ObjectId | None = None,
) -> Record:
    """A stored cart that lacks nothing: for each quantity a new thing, the sellers' in turn.

    `thing` is what is in it instead.
    """
    lines = []
    for index, quantity in enumerate(quantities or (1,)):
        seller = sellers[index % len(sellers)]
        found = thing or await offer(engine, seller=seller, prices=prices, stock=stock)
        lines.append(NewLine(found, quantity))
    context = Context(engine, viewer)
    record = await editing.create(context, currency, "DE", lines)
    key = record["_id"]
    await buyers.set_buyer(context, key, {"email": "ada@example.com", "phone": "+49 30 123"})
    await buyers.set_addresses(context, key, {"shipping_address": _BERLIN})
    ways = dict.fromkeys(sellers[: len(lines)], ("standard", ()))
    return await editing.select_ways(context, key, ways)


async def completed(
    engine: Engine,
    cart: Record,
    *,
    viewer: Viewer = CARL,
    method: str = "till:paid",
    request: Request | None = None,
    data: Mapping[str, str] | None = None,
) -> Progress:
    """What becomes of a cart, whatever it costs; `data` is what a client has for the payment."""
    wanted = Completion(
        Agreement(most=10**12, currency=cart["currency"]),
        method=method,
        accepts_terms=True,
        means=Means(data or {}),
        request=request,
    )
    return await complete(Context(engine, viewer), cart["_id"], wanted)


async def placed(
    engine: Engine, *quantities: int, method: str = "till:paid", **more: Any
) -> Record:
    """A stored order of new things, as `ready` makes them."""
    viewer: Viewer = more.get("viewer", CARL)
    cart = await ready(engine, *quantities, **more)
    return (await completed(engine, cart, viewer=viewer, method=method)).order


async def left(engine: Engine) -> None:
    """Let every checkout look as if nobody had come back to it for ten minutes; run the job."""
    context = engine.context()
    past = datetime.now(UTC) - timedelta(minutes=10)
    await orders(context).update_many(
        {"state": {"$in": ["PLACING", "FAILED"]}}, {"$set": {"begun_at": past, "updated_at": past}}
    )
    await reconcile(context)


async def check_books(
    engine: Engine, cart: Record, stock: int = 100, spent: int = 0
) -> Sequence[Record]:
    """What must hold of a cart however it went; returns its orders.

    `spent` is what was paid otherwise than at the till.
    """
    context = engine.context()
    found = await orders(context).find({"cart": cart["_id"]}).to_list()
    real = [order for order in found if order["state"] not in WAITING]
    assert len(real) <= 1
    for order in found:
        kept = sum(kept_of(payment["key"]) for payment in payments(order))
        assert kept == (order["sums"]["total"] - spent if order in real else 0)
    now = await carts(context).find_one({"_id": cart["_id"]})
    assert now is not None
    assert now["state"] == ("ORDERED" if real else "OPEN")
    for line in cart["lines"]:
        on_hand, reserved = await figures(engine, line["variant"])
        assert (on_hand, reserved) == (stock - (line["quantity"] if real else 0), 0)
    return real


def kept_of(payment: str) -> int:
    """How much of a payment the till has."""
    found = BOOKS.get(payment)
    return 0 if found is None else found.charged - sum(found.refunded.values())


def key_in(global_id: str) -> str:
    return decode_id(global_id)[1]
