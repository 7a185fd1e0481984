"""The simulated company's books: whatever is asked when, its events come to its sums."""

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount
from mercat.payments import Operation
from mercat.storage import Record
from mercat_payments.balances import Entry, fold
from mercat_payments_sandbox import books, company
from mercat_payments_sandbox.books import Button, Clock
from mercat_payments_sandbox.documents import Telling

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
LIMIT = timedelta(minutes=30)

presses = st.tuples(
    st.just("press"),
    st.sampled_from(get_args(Button)),
    st.sampled_from(get_args(Telling)),
    st.sampled_from(["123456", "1", "2", "3"]),
)
operations = st.tuples(
    st.sampled_from(["capture", "void", "refund"]),
    st.sampled_from("abcdef"),
    st.sampled_from([1, 250, 499, 500, 1000, 1001]),
)
waits = st.tuples(st.just("wait"), st.sampled_from([1, 4, 5, 10, 1800]))


def record(method: str) -> Record:
    asked = {"method": method, "amount": 1000, "currency": "EUR", "telling": "at_once"}
    return {"ref": "sandbox_1", **asked, **company._untouched(), "expires_at": NOON + LIMIT}


def clock(now: datetime) -> Clock:
    return Clock(now, timedelta(seconds=10), timedelta(seconds=5))


def happen(found: Record, step: Any, now: datetime) -> datetime:
    """Do a step; what the company refuses with an error changes nothing."""
    before = copy.deepcopy(found)
    kind, *given = step
    try:
        if kind == "wait":
            now += timedelta(seconds=given[0])
            books.pass_time(found, clock(now))
        elif kind == "press":
            button, telling, code = given
            books.press(found, button, telling, code, clock(now))
        else:
            request = Operation(given[0], "sandbox_1", Amount(given[1], "EUR"))
            books.operate(found, kind, request, clock(now))
    except (ConflictError, InvalidError):
        assert found == before
    return now


@given(
    method=st.sampled_from(["card", "authorize"]),
    steps=st.lists(st.one_of(presses, operations, waits), max_size=25),
    seed=st.integers(0, 2**32),
)
def test_the_events_come_to_the_sums_in_any_order_and_told_twice(
    method: str, steps: list[Any], seed: int
) -> None:
    found, now = record(method), NOON
    for step in steps:
        events, answers = copy.deepcopy(found["events"]), copy.deepcopy(found["operations"])
        now = happen(found, step, now)
        assert found["events"][: len(events)] == events, "what happened stays as it was"
        assert found["operations"][: len(answers)] == answers
        check(found, random.Random(seed))


def check(found: Record, chance: random.Random) -> None:
    assert 0 <= found["refunded"] <= found["captured"] <= found["authorized"] <= 1000
    assert books.held(found) >= 0
    told = [*found["events"], *found["events"]]
    chance.shuffle(told)
    come_to = fold(Entry(each["kind"], each["ref"], each["amount"]) for each in told)
    sums = (books.held(found), found["captured"], found["refunded"])
    assert (come_to.authorized, come_to.captured, come_to.refunded) == sums
    assert come_to.is_failed == (found["state"] in {"DECLINED", "CANCELLED", "EXPIRED"})
    assert not (come_to.is_failed and found["authorized"])
    keys = [each["key"] for each in found["operations"]]
    assert len(keys) == len(set(keys))
    sent = [each["id"] for each in found["messages"]]
    assert len(sent) == len(set(sent))


@pytest.mark.parametrize("telling", get_args(Telling))
def test_something_is_due_while_something_is_to_come(telling: Telling) -> None:
    found = record("card")
    assert books.next_due(found) == NOON + LIMIT
    books.press(found, "timeout", telling, "", clock(NOON))
    assert books.next_due(found) == NOON + timedelta(seconds=5)
    books.pass_time(found, clock(NOON + timedelta(seconds=5)))
    assert (found["captured"], books.next_due(found) is None) == (1000, telling == "none")
