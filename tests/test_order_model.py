"""Random histories of orders against a plain model: quantities, money and stock agree."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.money import allocate, format_minor
from mercat.storage import Record
from mercat_orders.orders.money import is_over, payments

from .conftest import EngineFor
from .order_changes import STAFF, on_hand, order_id, refused, stored
from .order_model import Line, Model, Part
from .ordering import TOML, placed
from .plugins_for_tests.loyalty.hooks import PAID
from .plugins_for_tests.till.books import BOOKS

pytestmark = pytest.mark.gate

T = TypeVar("T")

SELLERS = ("anna", "bert", None)
STOCKED = 20
STEPS = 14
SHARE = 0.2
MOST = 200  # a test that takes more than five minutes is ended
COUNTS = st.lists(st.integers(0, 3), min_size=2, max_size=2)
WHICH = st.integers(0, 2)
LOYAL = "loyal"


class Prime(dict[str, int]):
    """Every line comes to an amount that no number of units divides, where it costs as much."""

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: str) -> int:
        return 997


class Orders(RuleBasedStateMachine):
    """One order, in the shop and in the model."""

    engine: Engine
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @initialize(
        quantities=st.lists(st.integers(1, 4), min_size=1, max_size=6),
        sellers=st.integers(1, 3),
        price=st.sampled_from([0, 1, 333, 1_999, 2_500]),
        method=st.sampled_from(["till:paid", "till:paid", "till:on_delivery"]),
    )
    def place(self, quantities: list[int], sellers: int, price: int, method: str) -> None:
        self.order = self.run(
            placed(
                self.engine,
                *quantities,
                sellers=SELLERS[:sellers],
                prices={"EUR": price},
                stock=STOCKED,
                method=method,
                viewer=Viewer(role="CUSTOMER", user=LOYAL),
            )
        )
        self.model = Model(list(map(self._part, self.order["seller_orders"])), self._total())

    def _total(self) -> int:
        total: int = self.order["sums"]["total"]
        return total

    def _part(self, part: Record) -> Part:
        lines = [
            Line(line["quantity"], allocate(line["total"], [1] * line["quantity"]))
            for line in self._lines(part)
        ]
        return Part(lines, part["way"]["total"], part["sums"]["total"])

    def _lines(self, part: Record) -> list[Record]:
        return [line for line in self.order["lines"] if line["seller"] == part["seller"]]

    def chosen(self, which: int) -> tuple[Record, Part]:
        index = which % len(self.model.parts)
        return self.order["seller_orders"][index], self.model.parts[index]

    def counted(self, part: Record, counts: Sequence[int]) -> tuple[list[int], list[Any]]:
        """So many of each line of a part, for the model, and for an input."""
        lines = self._lines(part)
        found = [*counts, *[0] * len(lines)][: len(lines)]
        given = [
            {"lineId": encode_id("OrderLine", line["id"]), "quantity": n}
            for line, n in zip(lines, found, strict=True)
            if n
        ]
        return found, given

    def compare(self, expected: str | None, name: str, **given: Any) -> None:
        assert self.run(refused(self.engine, name, STAFF, **given)) == expected

    @rule(which=WHICH, counts=COUNTS, shipped=st.booleans())
    def pack(self, which: int, counts: list[int], shipped: bool) -> None:
        self.fulfil(which, counts, shipped=shipped)

    def fulfil(self, which: int, counts: list[int], *, shipped: bool) -> None:
        part, known = self.chosen(which)
        found, lines = self.counted(part, counts)
        if not lines:
            return
        expected = self.model.fulfil(known, found, shipped=shipped)
        where = encode_id("SellerOrder", part["id"])
        self.compare(expected, "orderFulfil", sellerOrderId=where, lines=lines, shipped=shipped)

    @precondition(lambda self: any(part.parcels for part in self.model.parts))
    @rule(which=WHICH, index=WHICH, what=st.sampled_from(["shipped", "delivered", "cancelled"]))
    def move(self, which: int, index: int, what: str) -> None:
        where = which % len(self.model.parts)
        known = self.model.parts[where]
        if not known.parcels:
            return
        place = index % len(known.parcels)
        found = self.run(stored(self.engine, self.order))["seller_orders"][where]
        key = encode_id("Fulfilment", found["fulfilments"][place]["id"])
        expected = self.model.move(known, known.parcels[place], what)
        self.compare(expected, "fulfilmentUpdate", id=key, **{what: True})

    @rule(which=WHICH)
    def arrive(self, which: int) -> None:
        """All that is left is sent and arrives, so that histories get far."""
        where = which % len(self.model.parts)
        known = self.model.parts[where]
        if left := [line.unsent for line in known.lines]:
            self.fulfil(which, left, shipped=True)
        found = self.run(stored(self.engine, self.order))["seller_orders"][where]
        for place, parcel in enumerate(list(known.parcels)):
            key = encode_id("Fulfilment", found["fulfilments"][place]["id"])
            expected = self.model.move(known, parcel, "delivered")
            self.compare(expected, "fulfilmentUpdate", id=key, delivered=True)

    @precondition(lambda self: self.model.state != "CANCELLED")
    @rule(which=WHICH, counts=COUNTS, restock=st.booleans())
    def cancel_lines(self, which: int, counts: list[int], restock: bool) -> None:
        part, known = self.chosen(which)
        found, lines = self.counted(part, counts)
        if not lines:
            return
        expected = self.model.cancel(known, found, restock=restock)
        where = order_id(self.order)
        self.compare(expected, "orderCancel", orderId=where, lines=lines, restock=restock)

    @precondition(lambda self: self.model.state != "CANCELLED")
    @rule(which=st.integers(0, 7), restock=st.booleans())
    def cancel(self, which: int, restock: bool) -> None:
        if which > 3:  # seldom, as not much can happen afterwards
            return
        if which == 3:
            expected = self.model.cancel_all(self.model.parts, restock=restock)
            self.compare(expected, "orderCancel", orderId=order_id(self.order), restock=restock)
            return
        part, known = self.chosen(which)
        expected = self.model.cancel_all([known], restock=restock)
        where = encode_id("SellerOrder", part["id"])
        self.compare(expected, "orderCancel", sellerOrderId=where, restock=restock)

    @precondition(lambda self: any(part.state == "DELIVERED" for part in self.model.parts))
    @rule()
    def complete(self) -> None:
        self.compare(self.model.complete(), "orderComplete", orderId=order_id(self.order))

    @precondition(lambda self: any(one.delivered for one in self.model.lines))
    @rule(which=WHICH, counts=COUNTS)
    def ask_back(self, which: int, counts: list[int]) -> None:
        self.ask(which, counts)

    def ask(self, which: int, counts: list[int]) -> None:
        part, known = self.chosen(which)
        found, lines = self.counted(part, counts)
        if not lines:
            return
        expected = self.model.ask_back(known, found)
        self.compare(expected, "orderReturnRequest", orderId=order_id(self.order), lines=lines)

    @precondition(lambda self: any(one.delivered > one.returned for one in self.model.lines))
    @rule(which=WHICH, count=st.integers(1, 3), restock=st.booleans())
    def come_back(self, which: int, count: int, restock: bool) -> None:
        """Some of what can come back does, so that histories get far."""
        where = which % len(self.model.parts)
        known = self.model.parts[where]
        counts = [min(count, known.returnable(index)) for index in range(len(known.lines))]
        if not any(counts):
            return
        self.ask(where, counts)
        for what in ("Approve", "Receive"):
            self.answer(where, len(known.returns) - 1, what, restock=restock)

    @precondition(lambda self: any(part.returns for part in self.model.parts))
    @rule(
        which=WHICH,
        index=WHICH,
        what=st.sampled_from(["Approve", "Receive", "Refuse"]),
        restock=st.booleans(),
    )
    def take_back(self, which: int, index: int, what: str, restock: bool) -> None:
        found = [at for at, part in enumerate(self.model.parts) if part.returns]
        where = found[which % len(found)]
        place = index % len(self.model.parts[where].returns)
        self.answer(where, place, what, restock=restock)

    def answer(self, where: int, place: int, what: str, *, restock: bool) -> None:
        known = self.model.parts[where]
        found = self.run(stored(self.engine, self.order))["seller_orders"][where]
        key = encode_id("Return", found["returns"][place]["id"])
        if what == "Receive":
            expected = self.model.receive(known, known.returns[place], restock=restock)
            self.compare(expected, "returnReceive", id=key, restock=restock)
            return
        expected = self.model.answer(known.returns[place], what)
        more = {"reason": "worn"} if what == "Refuse" else {}
        self.compare(expected, f"return{what}", id=key, **more)

    @rule(which=st.integers(0, 3), amount=st.sampled_from([1, 100, 1_000, 10_000]))
    def refund(self, which: int, amount: int) -> None:
        given = {"amount": {"amount": format_minor(amount, "EUR")}}
        if which == 3:
            expected = self.model.refund(None, amount)
            self.compare(expected, "refundCreate", orderId=order_id(self.order), **given)
            return
        part, known = self.chosen(which)
        expected = self.model.refund(known, amount)
        where = encode_id("SellerOrder", part["id"])
        self.compare(expected, "refundCreate", sellerOrderId=where, **given)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        found = self.run(stored(self.engine, self.order))
        assert found["state"] == self.model.state
        for part, known in zip(found["seller_orders"], self.model.parts, strict=True):
            assert part["state"] == known.state
            assert [one["state"] for one in part["fulfilments"]] == [
                one.state for one in known.parcels
            ]
            assert [one["state"] for one in part.get("returns", ())] == [
                one.state for one in known.returns
            ]
            lines = [line for line in found["lines"] if line["seller"] == part["seller"]]
            for line, model in zip(lines, known.lines, strict=True):
                self._line_agrees(line, model)
        self._money_agrees(found)

    def _line_agrees(self, line: Record, model: Line) -> None:
        names = ("cancelled", "fulfilled", "delivered", "returned")
        assert [line[name] for name in names] == [getattr(model, name) for name in names]
        there = self.run(on_hand(self.engine, line["variant"]))
        assert there == STOCKED - model.quantity + model.restocked

    def _money_agrees(self, found: Record) -> None:
        refunds = found.get("refunds") or []
        assert all(one["state"] == "DONE" for one in refunds)
        went = sum(one["amount"] for one in refunds)
        if self.order["payment"]["method"] == "till:paid":
            book = BOOKS[str(self.order["_id"])]
            assert sum(book.refunded.values()) == went == self.model.back
            assert book.charged - went == self.model.left(None) >= 0
            assert found.get("waived", 0) == 0
        else:
            assert (went, found.get("waived", 0)) == (0, self.model.back)
            alive = [one for one in payments(found) if not is_over(one)]
            assert sum(one["amount"] for one in alive) == self.model.left(None)
            assert {one["state"] for one in alive} <= {self.order["payment"]["state"]}


async def test_random_histories_of_an_order_agree_with_the_model(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PAID, LOYAL, Prime())
    toml = TOML.replace('till"]', 'till", "tests.plugins_for_tests.loyalty"]')
    engine, loop = await engine_for(toml), asyncio.get_running_loop()

    class Bound(Orders):
        pass

    Bound.engine, Bound.loop = engine, loop
    examples = min(MOST, max(1, round(settings().max_examples * SHARE)))
    # A history of some steps says enough; making it shorter takes minutes.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    chosen = settings(max_examples=examples, stateful_step_count=STEPS, phases=phases)
    await asyncio.to_thread(run_state_machine_as_test, Bound, settings=chosen)


def test_the_model_refuses_what_must_not_be() -> None:
    part = Part([Line(2, [500, 500])], 490, 1_490)
    model = Model([part], 1_490)
    assert model.fulfil(part, [3], shipped=True) == "QUANTITY"
    assert model.fulfil(part, [1], shipped=True) is None
    assert model.cancel_all([part], restock=True) == "STATE"
    assert model.cancel(part, [1], restock=True) is None
    assert (part.state, model.back) == ("FULFILLED", 500)
    assert model.refund(part, 991) == "AMOUNT"
