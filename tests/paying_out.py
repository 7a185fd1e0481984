"""What tests of payouts need: a shop with sellers, orders of theirs, and what is written down."""

from typing import Any

from mercat.context import SYSTEM, Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_payouts.documents import PayoutEntryDocument
from mercat_payouts.entries import Balance, balances, fold, lines, payouts
from mercat_payouts.looking import look_at
from mercat_payouts.reading import to_balance
from mercat_payouts.splitting import splits

from .order_changes import STAFF, did, order_id, part_id
from .ordering import TOML as ORDERING
from .ordering import placed

HASHES = "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n"
ORDERS = ORDERING.replace('["media"', '["auth", "media"').replace(
    'till"]', 'till", "payouts"%s]\n\n[plugins.orders]\ncommission = "10"'
)
MANAGER = Viewer(
    role="ADMIN", permissions=frozenset({*STAFF.permissions, "payouts.manage"}), user="boss"
)


def toml_of(*plugins: str, **settings: Any) -> str:
    """A shop that keeps a tenth; `settings` are those of the payouts."""
    more = "".join(f', "{plugin}"' for plugin in plugins)
    lines = "".join(
        f"{name} = {value!r}\n" if isinstance(value, int) else f'{name} = "{value}"\n'
        for name, value in settings.items()
    )
    return f"{ORDERS % more}\n{HASHES}\n[plugins.payouts]\n{lines}"


TOML = toml_of(due="fulfilment")


async def emptied(engine: Engine) -> Engine:
    """An engine of which nobody remembers any order or payout."""
    stores = await engine.storage.database.list_collection_names()
    for name in [name for name in stores if name == "orders" or name.startswith("payout")]:
        await engine.storage.database[name].delete_many({})
    return engine


async def sold(engine: Engine, *quantities: int, sellers: Any = ("anna",), **more: Any) -> Record:
    """A paid order of things at 10 euros, with delivery for 4.90 of each seller's."""
    return await placed(engine, *(quantities or (1,)), sellers=sellers, **more)


async def looked_at(engine: Engine, order: Record) -> None:
    """What the outbox, or a job, does of an order."""
    await look_at(engine.context(), order["_id"])


async def sent(engine: Engine, order: Record, index: int = 0) -> None:
    """All of a part is sent; the payouts hear of it."""
    await did(engine, "orderFulfil", STAFF, sellerOrderId=part_id(order, index))
    await looked_at(engine, order)


async def given_back(engine: Engine, order: Record, amount: str, index: int | None = None) -> None:
    """So much goes back of a part, or of the order; the payouts hear of it."""
    where = {"orderId": order_id(order)}
    if index is not None:
        where = {"sellerOrderId": part_id(order, index)}
    await did(engine, "refundCreate", STAFF, amount={"amount": amount}, **where)
    await looked_at(engine, order)


async def balance(engine: Engine, seller: str = "anna", provider: str = "ledger") -> Balance:
    """A seller's balance in euros, which must be what its entries come to."""
    key = f"{provider}:{seller}:EUR"
    record = await balances(engine.context()).find_one({"_id": key})
    if record is None:
        return Balance()
    rows = await entries(engine, key)
    assert fold((row["kind"], row["amount"]) for row in rows) == to_balance(record)
    assert [row["number"] for row in rows] == list(range(1, record["entries"] + 1))
    return to_balance(record)


async def entries(engine: Engine, key: str) -> list[Record]:
    collection = engine.storage.collection(PayoutEntryDocument)
    return await collection.find({"balance": key}).sort("number", 1).to_list()


async def kinds(engine: Engine, seller: str = "anna", provider: str = "ledger") -> list[Any]:
    """The kinds and amounts of a seller's entries."""
    rows = await entries(engine, f"{provider}:{seller}:EUR")
    return [(row["kind"], row["amount"]) for row in rows]


async def paid_out(engine: Engine) -> list[Record]:
    return await payouts(engine.context()).find({}).sort("number", 1).to_list()


async def split_of(engine: Engine, order: Record) -> Record | None:
    return await splits(engine.context()).find_one({"_id": order["_id"]})


def as_system(engine: Engine) -> Context:
    return Context(engine, SYSTEM)


async def count_of_entries(engine: Engine) -> int:
    return await lines(engine.context()).count_documents({})
