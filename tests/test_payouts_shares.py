"""The law of splits: nothing of what was paid is lost, or made, whatever happens to an order."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mercat.storage import Record
from mercat_orders.orders import money
from mercat_payouts.shares import Share, shares_of, unshared

from . import splitting as acts
from .splitting import WHEN, line, order

SELLERS = (None, "anna", "bert")
WHICH = st.integers(0, 7)
FEW = st.integers(1, 4)
CENTS = st.integers(1, 3_000)
LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(SELLERS),
        st.integers(1, 5),
        st.integers(0, 2_000),
        given=st.sampled_from([0, 0, 1, 333]),
        borne=st.sampled_from([0, 0, 100]),
    ),
    min_size=1,
    max_size=5,
)
ORDERS = st.builds(
    lambda lines, **more: order(*lines, **more),
    LINES,
    way=st.sampled_from([0, 490, 7]),
    rate=st.sampled_from([0, 333, 1_000, 10_000]),
    state=st.sampled_from(["paid", "paid", "authorized", "on_delivery"]),
)
ACTS: Mapping[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "cancelled": st.tuples(WHICH, FEW),
    "sent": st.tuples(WHICH, FEW),
    "returned": st.tuples(WHICH, FEW, st.booleans()),
    "refunded": st.tuples(WHICH, CENTS),
    "failed": st.tuples(WHICH),
    "extended": st.tuples(WHICH, FEW, CENTS),
    "paid": st.tuples(WHICH),
}
STEP = st.sampled_from(sorted(ACTS)).flatmap(lambda name: st.tuples(st.just(name), ACTS[name]))
HISTORIES = st.lists(STEP, max_size=12)


def happened(found: Record, step: tuple[str, tuple[Any, ...]]) -> Record:
    name, values = step
    if name == "returned":
        return acts.returned(found, *values[:2], shipping=values[2])
    act: Callable[..., Record] = getattr(acts, name)
    return act(found, *values)


def check(found: Record) -> None:
    """The law, and what follows from it, of an order as it is."""
    ready = {
        part["id"]: WHEN + timedelta(days=-index)
        for index, part in enumerate(found["seller_orders"])
    }
    for known in ({}, ready):
        shares = shares_of(found, known)
        kept = money.paid(found) - money.refunded(found)
        left = unshared(found)
        total = sum(one.earned.net + one.earned.commission - one.earned.discount for one in shares)
        assert total == kept - left
        assert left == max(0, money.paid(found) - money.owed(found))
        for one, part in zip(shares, found["seller_orders"], strict=True):
            assert 0 <= one.payable.gross <= one.earned.gross
            assert 0 <= one.earned.commission <= part["commission"]
            assert one.payable.commission <= one.earned.commission
            assert one.earned.discount >= one.payable.discount >= 0
            if _is_plain(found):
                assert one.earned.gross == money.left(found, part)


def _is_plain(found: Record) -> bool:
    """Whether all is paid, and what went back or was waived was that of single parts."""
    parts = found["seller_orders"]
    waived = sum(part.get("waived", 0) for part in parts)
    back = sum(money.refunded(found, part) for part in parts)
    is_paid = money.paid(found) == money.owed(found)
    return is_paid and (waived, back) == (found["waived"], money.refunded(found))


@given(ORDERS, HISTORIES)
def test_shares_and_commissions_are_what_was_paid_less_what_went_back(
    found: Record, history: list[tuple[str, tuple[Any, ...]]]
) -> None:
    check(found)
    for step in history:
        found = happened(found, step)
        check(found)


@given(ORDERS)
def test_of_what_is_cancelled_nobody_keeps_anything(found: Record) -> None:
    for which in range(len(found["lines"])):
        found = acts.cancelled(found, which, 5)
    assert {one.earned for one in shares_of(found, {})} == {Share()}


def test_a_seller_gets_what_was_paid_less_the_commission() -> None:
    found = order(line("anna", 2, 10_000), line("bert", 1, 5_000), line(None, 1, 999), way=490)
    anna, bert, _ = (one.earned for one in shares_of(found, {}))
    assert (anna.gross, anna.commission, anna.net) == (10_490, 1_000, 9_490)
    assert (bert.gross, bert.commission, bert.net) == (5_490, 500, 4_990)


def test_a_refund_takes_its_share_of_the_commission_back() -> None:
    found = order(line("anna", 2, 10_000), rate=1_250)
    half = shares_of(acts.refunded(found, 0, 5_000), {})[0].earned
    assert (half.gross, half.commission) == (5_000, 625)
    one = shares_of(acts.cancelled(found, 0, 1), {})[0].earned
    assert (one.gross, one.commission) == (5_000, 625)


def test_what_the_shop_gives_away_is_no_loss_of_the_sellers() -> None:
    found = order(line("anna", 1, 9_000, given=1_000), rate=1_000)
    share = shares_of(found, {})[0].earned
    assert (share.gross, share.discount, share.commission, share.net) == (
        9_000,
        1_000,
        1_000,
        9_000,
    )
    borne = order(line("anna", 1, 9_000, borne=1_000), rate=1_000)
    share = shares_of(borne, {})[0].earned
    assert (share.gross, share.discount, share.commission, share.net) == (9_000, 0, 900, 8_100)


def test_delivery_that_is_paid_back_takes_no_commission_with_it() -> None:
    found = order(line("anna", 1, 10_000), way=500)
    back = acts.returned(acts.sent(found, 0, 1), 0, 0, shipping=True)
    assert shares_of(back, {})[0].earned == Share(10_500, 0, 1_000)
    part = found["seller_orders"][0]
    part["shipping_back"] = True
    assert shares_of(acts.refunded(found, 0, 500), {})[0].earned == Share(10_000, 0, 1_000)


def test_a_part_that_was_ready_first_is_paid_first_where_less_was_taken() -> None:
    found = order(line("anna", 1, 1_000), line("bert", 1, 1_000), state="authorized")
    found["further_payments"] = [{**found["payment"], "state": "paid", "amount": 1_000}]
    anna, bert = (part["id"] for part in found["seller_orders"])
    ready = {bert: WHEN, anna: WHEN + timedelta(days=1)}
    assert [one.earned.gross for one in shares_of(found, ready)] == [0, 1_000]
    assert [one.earned.gross for one in shares_of(found, {})] == [1_000, 0]


def test_what_is_not_sent_yet_is_not_payable() -> None:
    found = acts.sent(order(line("anna", 4, 4_000)), 0, 3)
    share = shares_of(found, {})[0]
    assert (share.earned.gross, share.payable) == (4_000, Share(3_000, 0, 300))
