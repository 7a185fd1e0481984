"""The ledger: the same balances in whatever order its events come, and however often."""

import itertools
from datetime import timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from mercat.engine import Engine
from mercat.money import Amount
from mercat.payments import Event, EventKind
from mercat_payments.balances import Balances, Entry, fold
from mercat_payments.ledger import note_events

from .banking import WHEN, Bank, ended, started, stored
from .test_payments import bank, made, shop

__all__ = ["bank", "made", "shop"]

ENTRIES = st.builds(
    Entry,
    st.sampled_from(get_args(EventKind)),
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 10**15),
)


@given(st.data(), st.lists(ENTRIES, max_size=12))
def test_the_order_of_arrival_and_repetitions_change_nothing(
    data: st.DataObject, entries: list[Entry]
) -> None:
    repeated = entries + data.draw(st.lists(st.sampled_from(entries))) if entries else []
    assert fold(data.draw(st.permutations(repeated))) == fold(entries)


@given(st.lists(ENTRIES, max_size=12))
def test_no_balance_is_below_nothing(entries: list[Entry]) -> None:
    found = fold(entries)
    assert min(found.authorized, found.captured, found.refunded) >= 0


def test_what_the_balances_are() -> None:
    def of(*entries: tuple[EventKind, str, int]) -> tuple[int, int, int]:
        found = fold(Entry(*each) for each in entries)
        return found.authorized, found.captured, found.refunded

    assert of(("authorized", "a", 100)) == (100, 0, 0)
    assert of(("authorized", "a", 100), ("captured", "c", 60)) == (40, 60, 0)
    assert of(("authorized", "a", 100), ("captured", "c", 60), ("voided", "a", 40)) == (0, 60, 0)
    assert of(("authorized", "a", 100), ("authorization_expired", "a", 100)) == (0, 0, 0)
    assert of(("captured", "c", 60), ("captured", "d", 40)) == (0, 100, 0)
    assert of(("captured", "c", 60), ("capture_failed", "c", 60)) == (0, 0, 0)
    assert of(("captured", "c", 100), ("refund_pending", "r", 30)) == (0, 100, 0)
    assert of(("captured", "c", 100), ("refunded", "r", 30), ("refunded", "s", 20)) == (0, 100, 50)
    assert of(("captured", "c", 100), ("refunded", "r", 30), ("refund_failed", "r", 30))[2] == 0
    assert of(("captured", "c", 100), ("refunded", "r", 30), ("refund_reversed", "r", 30))[2] == 0
    assert fold([Entry("failed", "p", 0)]) == Balances(is_failed=True)
    assert of() == (0, 0, 0)


async def test_a_failed_payment_is_declined_and_has_nothing_to_be_ended(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o", "later")
    failed = Event("f", "failed", Amount(1000, "EUR"), "pay-start:o", WHEN)
    found = await note_events(shop.context(), await stored(shop, "o"), (failed,))
    assert found["state"] == "declined"
    assert await ended(shop, "o") == "ended"
    assert bank.asked("void") == []


async def test_the_stored_figures_are_the_fold_in_every_order(shop: Engine, bank: Bank) -> None:
    money = Amount(1000, "EUR")
    story = (
        ("authorized", "a", money),
        ("captured", "c", money),
        ("refunded", "r", Amount(300, "EUR")),
        ("refund_failed", "r", Amount(300, "EUR")),
    )
    for number, order in enumerate(itertools.permutations(story)):
        key = f"o{number}"
        await started(shop, key, "later")
        for kind, ref, sum_ in (*order, *order[:2]):
            event = Event(f"{key}-{kind}", kind, sum_, f"{key}-{ref}", WHEN + timedelta(hours=1))  # type: ignore[arg-type]
            await note_events(shop.context(), await stored(shop, key), (event,))
        found = await stored(shop, key)
        figures = [found[name] for name in ("authorized", "captured", "refunded", "refundable")]
        assert (figures, found["state"], found["start"]) == ([0, 1000, 0, 1000], "paid", "DONE")
