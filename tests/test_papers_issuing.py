"""Invoices: one for each seller's part of an order, numbered without gaps, the same for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError
from pymongo.asynchronous.pool import AsyncConnection

from mercat.context import Context
from mercat.engine import Engine
from mercat.lifecycle import startup
from mercat.money import parse_amount
from mercat.storage import Record
from mercat.storage.outbox import OutboxDocument
from mercat_orders.carts.personal import personal_of
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes import changing
from mercat_orders.papers.issuing import INVOICED, follow, invoice_of, invoices, issue
from mercat_orders.papers.series import Series
from mercat_orders.papers.settings import InvoiceSettings
from mercat_orders.papers.snapshots import charge_of

from .conftest import EngineFor, until
from .market import change_product
from .order_changes import did, part_id, units
from .ordering import TOML, placed

pytestmark = pytest.mark.gate

_ISSUERS = """
[plugins.orders.invoices]
time_zone = "Pacific/Kiritimati"

[plugins.orders.invoices.issuer]
name = "Tea House Ltd"
tax_number = "DE123456789"
code = "TH"

[plugins.orders.invoices.sellers.bea]
name = "Bea's Cups"
number = "BC{number:05d}"
"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML + _ISSUERS)


async def issued(engine: Engine, order: Record, seller: str | None = None) -> Record:
    found = await invoice_of(Context(engine), order, seller)
    assert found is not None
    return found


async def numbers(engine: Engine, seller: str | None) -> list[int]:
    found = invoices(Context(engine)).find({"seller": seller})
    return sorted([one["number"] async for one in found])


def _set(order: Record, **values: Any) -> dict[str, Any]:
    return {f"seller_orders.0.{name}": value for name, value in values.items()}


async def _change(engine: Engine, order: Record, **values: Any) -> None:
    await orders(Context(engine)).update_one({"_id": order["_id"]}, {"$set": values})


@pytest.mark.parametrize(("when", "count"), [("on_request", 0), ("fulfilled", 1)])
async def test_an_order_is_told_of_where_invoices_may_follow(
    engine_for: EngineFor, when: str, count: int
) -> None:
    engine = await engine_for(f"{TOML}[plugins.orders.invoices]\nissue = '{when}'\n")
    await engine.hooks.notify(startup, engine.context())
    order = await placed(engine, 1)
    written = engine.storage.collection(OutboxDocument)
    about = {"hook": "order_placed", "payload.order_id": str(order["_id"])}
    assert await written.count_documents(about) == count


async def test_each_seller_has_numbers_of_its_own(engine: Engine) -> None:
    order = await placed(engine, 1, 1, 1, sellers=("anna", "bea", None))
    found = [await issued(engine, order, seller) for seller in ("anna", "bea", None)]
    year = found[0]["facts"]["issued_on"][:4]
    assert [one["code"] for one in found] == [f"anna-{year}-000001", "BC00001", f"TH-{year}-000001"]
    names = [one["facts"]["issuer"]["name"] for one in found]
    assert names == ["Tea House Ltd", "Bea's Cups", "Tea House Ltd"]


async def test_an_invoice_says_what_its_part_came_to(engine: Engine) -> None:
    order = await placed(engine, 2, 3, 1, sellers=("ann", None, "ann"))
    facts = (await issued(engine, order, "ann"))["facts"]
    part = next(one for one in order["seller_orders"] if one["seller"] == "ann")
    assert facts["sums"] == part["sums"]
    assert [line["quantity"] for line in facts["lines"]] == [2, 1]
    (tax,) = facts["taxes"]
    assert tax["label"] == "VAT 19 %"
    assert tax["amount"] == part["sums"]["tax"]
    assert tax["base"] + tax["amount"] == part["sums"]["total"]


async def test_asking_again_gives_the_same_invoice(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("again",))
    first = await issued(engine, order, "again")
    assert await issue(Context(engine), order, "again") == first
    stored = await orders(Context(engine)).find_one({"_id": order["_id"]})
    assert stored is not None
    assert [one["kind"] for one in stored["timeline"]].count(INVOICED) == 1


async def test_nothing_that_changes_later_changes_an_invoice(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("stay",))
    first = await issued(engine, order, "stay")
    await change_product(engine, order["lines"][0]["variant"], name="Another name")
    await _change(engine, order, **{"lines.0.cancelled": 1, "email": None})
    assert await issued(engine, order, "stay") == first


async def test_personal_data_are_sealed_and_stay_with_the_invoice(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("seal",))
    found = await issued(engine, order, "seal")
    assert "Lovelace" not in repr(found)
    assert "ada@example.com" not in repr(found)
    personal = await personal_of(Context(engine), found)
    assert personal.email == "ada@example.com"
    assert personal.shipping_address is not None
    assert personal.shipping_address.name == "Ada Lovelace"


async def test_what_was_cancelled_before_is_not_charged(engine: Engine) -> None:
    order = await placed(engine, 3, 1, sellers=("less",))
    await _change(engine, order, **{"lines.0.cancelled": 2, "lines.1.cancelled": 1})
    facts = (await issued(engine, order, "less"))["facts"]
    assert [(line["quantity"], line["amount"]) for line in facts["lines"]] == [(1, 1_000)]
    assert facts["sums"]["subtotal"] == 1_000


async def test_a_cancelled_unit_and_the_rest_are_what_was_paid(engine: Engine) -> None:
    """Through the API: what goes back and what is charged come to the whole, to the last cent."""
    order = await placed(engine, 3, 2, sellers=("cents",), prices={"EUR": 1_003})
    part = part_id(order)
    done = await did(engine, "orderCancel", sellerOrderId=part, lines=units(order, 2))
    back = sum(
        parse_amount(one["amount"]["amount"], "EUR").minor for one in done["order"]["refunds"]
    )
    facts = (await issued(engine, order, "cents"))["facts"]
    assert [line["quantity"] for line in facts["lines"]] == [1, 2]
    assert back > 0
    assert facts["sums"]["total"] + back == order["sums"]["total"]


@pytest.mark.parametrize(("state", "quantity"), [("REFUNDED", 1), ("REFUSED", 3)])
async def test_what_came_back_is_not_charged_where_it_was_paid_back(
    engine: Engine, state: str, quantity: int
) -> None:
    order = await placed(engine, 3, sellers=("back",))
    key = order["lines"][0]["id"]
    back = {"state": state, "lines": [{"line": key, "quantity": 2, "received": 2, "restocked": 0}]}
    values = {"lines.0.returned": 2, **_set(order, returns=[back], state="DELIVERED")}
    await _change(engine, order, **values)
    (line,) = (await issued(engine, order, "back"))["facts"]["lines"]
    assert line["quantity"] == quantity


@pytest.mark.parametrize("state", ["PENDING", "CANCELLED"])
async def test_an_order_that_is_not_confirmed_has_no_invoice(engine: Engine, state: str) -> None:
    order = await placed(engine, 1, sellers=("none",))
    await _change(engine, order, **_set(order, state=state))
    assert await invoice_of(Context(engine), order, "none") is None
    assert await numbers(engine, "none") == []


async def test_an_order_that_is_not_placed_has_no_invoice(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("early",))
    await _change(engine, order, state="PLACING", **_set(order, state="PLACING"))
    assert await invoice_of(Context(engine), order, "early") is None


async def test_twenty_who_ask_at_once_for_one_invoice_get_the_same(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("once",))
    found = await asyncio.gather(*(issued(engine, order, "once") for _ in range(20)))
    assert len({one["_id"] for one in found}) == 1
    assert await numbers(engine, "once") == [1]


async def test_twenty_orders_at_once_leave_no_gap_and_no_double(engine: Engine) -> None:
    placed_ones = [await placed(engine, 1, sellers=("many",)) for _ in range(20)]
    found = await asyncio.gather(*(issued(engine, order, "many") for order in placed_ones))
    assert await numbers(engine, "many") == list(range(1, 21))
    assert len({one["code"] for one in found}) == 20


_COUNTED: ContextVar["Crash | None"] = ContextVar("counted", default=None)


class Crash:
    """Cancels the piece of work that asks the database for the `at`-th time."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.calls = at, after, 0

    async def around(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return await ask()
        if self.after:
            await ask()
        raise asyncio.CancelledError

    @contextmanager
    def counting(self) -> Iterator[None]:
        token = _COUNTED.set(self)
        yield
        _COUNTED.reset(token)


@pytest.fixture
async def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*given: Any, **named: Any) -> Any:
            crash = _COUNTED.get()
            if crash is None:
                return await original(*given, **named)
            return await crash.around(lambda: original(*given, **named))

        return call

    monkeypatch.setattr(AsyncConnection, "command", counted(AsyncConnection.command))


@pytest.mark.usefixtures("crashing")
@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_call_of_the_database_leaves_no_gap(
    engine: Engine, *, after: bool
) -> None:
    seller = f"crash-{after}"
    crashes = 0
    for at in range(1, 100):
        order = await placed(engine, 1, sellers=(seller,))
        crash = Crash(at, after=after)
        try:
            with crash.counting():
                await issue(Context(engine), order, seller)
        except asyncio.CancelledError:
            crashes += 1
        await issued(engine, order, seller)
        if crash.calls < at:
            break
    assert crashes >= 5  # the order, the event, the number, the invoice, the commit
    assert await numbers(engine, seller) == list(range(1, crashes + 2))


async def test_what_is_cancelled_meanwhile_is_not_charged(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order changes after the invoice was reckoned, and before it is written."""
    order = await placed(engine, 2, sellers=("race",))
    write, tries = changing.write, 0

    async def late(*given: Any) -> Record | None:
        nonlocal tries
        tries += 1
        if tries == 1:
            meanwhile = {"$set": {"lines.0.cancelled": 1}, "$inc": {"version": 1}}
            await orders(Context(engine)).update_one({"_id": order["_id"]}, meanwhile)
        return await write(*given)

    monkeypatch.setattr(changing, "write", late)
    (line,) = (await issued(engine, order, "race"))["facts"]["lines"]
    assert (tries, line["quantity"]) == (2, 1)
    assert await numbers(engine, "race") == [1]


@pytest.mark.parametrize("issue_at", ["placed", "fulfilled"])
async def test_invoices_are_issued_when_the_shop_says(engine_for: EngineFor, issue_at: str) -> None:
    toml = f'{TOML}\n[plugins.orders.invoices]\nissue = "{issue_at}"\n'
    engine = await engine_for(toml, work=True)
    order = await placed(engine, 1, 1, sellers=("anna", None))

    async def both() -> bool:
        return await numbers(engine, "anna") == [1] and await numbers(engine, None) == [1]

    if issue_at == "fulfilled":
        assert await invoice_of(Context(engine), order, "anna") is None
        for index, line in enumerate(units(order, 1, 1)):
            await did(engine, "orderFulfil", sellerOrderId=part_id(order, index), lines=[line])
    await until(both)


async def test_two_engines_count_together(engine_for: EngineFor) -> None:
    engines = [await engine_for(TOML), await engine_for(TOML)]
    placed_ones = [await placed(engines[0], 1) for _ in range(10)]
    await asyncio.gather(*(issued(engine, order) for order in placed_ones for engine in engines))
    assert await numbers(engines[0], None) == list(range(1, 11))


async def test_following_twice_issues_once(engine_for: EngineFor) -> None:
    engine = await engine_for(f'{TOML}\n[plugins.orders.invoices]\nissue = "placed"\n')
    order = await placed(engine, 1)
    await asyncio.gather(*(follow(Context(engine), str(order["_id"])) for _ in range(3)))
    assert await numbers(engine, None) == [1]


async def test_an_order_that_is_gone_is_nothing_to_follow(engine_for: EngineFor) -> None:
    engine = await engine_for(f'{TOML}\n[plugins.orders.invoices]\nissue = "placed"\n')
    await follow(Context(engine), "0" * 24)
    assert await numbers(engine, None) == []


def test_a_new_year_is_a_new_series() -> None:
    form = "{seller}/{year}-{month}/{number:04d}"
    one = Series.of("", form, "shop", date(2026, 12, 31))
    other = Series.of("", form, "shop", date(2027, 1, 1))
    assert one.written(7) == "shop/2026-12/0007"
    assert other.written(7) == "shop/2027-01/0007"
    assert one.key != other.key


def test_more_digits_are_the_same_series() -> None:
    keys = {Series.of("", f"A{{number:0{n}d}}", "", date(2026, 1, 1)).key for n in (4, 5)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "form",
    [
        "{seller}",
        "{number}{number}",
        "{number!r}",
        "{number.__class__}",
        "{number:>9}",
        "{x}{number}",
    ],
)
def test_a_number_that_cannot_be_written_is_refused_at_boot(form: str) -> None:
    with pytest.raises(ValidationError):
        InvoiceSettings(number=form)


def test_an_unknown_time_zone_is_refused_at_boot() -> None:
    with pytest.raises(ValidationError):
        InvoiceSettings(time_zone="Europe/Atlantis")


def test_parts_of_a_line_add_up_to_it() -> None:
    tax = {"kind": "tax", "label": "VAT 19 %", "amount": 101, "is_included": False}
    cost = {"subtotal": 700, "discount": 55, "total": 746, "adjustments": [tax]}
    for gone in range(8):
        left = charge_of(cost, 7, gone)
        assert left.amount + left.on_top == 746 - sum(
            divmod(746, 7)[0] + (at < 746 % 7) for at in range(gone)
        )
        assert left.amount + left.discount == 700 - 100 * gone
