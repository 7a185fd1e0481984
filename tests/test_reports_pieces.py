"""How the figures of an order's lines and deliveries follow from what is stored of it."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.storage import Record
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.pieces import pieces_of

ANNA, BERT = ObjectId(), ObjectId()


def line(total: int, quantity: int = 1, seller: str = "anna", **values: int) -> Record:
    """Some of a thing; a tenth of what it costs is taxes."""
    found = {"quantity": quantity, "cancelled": 0, "returned": 0, "tax": total // 10}
    return {"seller": seller, "subtotal": total, "total": total, **found, **values}


def part(key: ObjectId = ANNA, seller: str = "anna", way: int = 0, **values: Any) -> Record:
    cost = {"subtotal": way, "discount": 0, "tax": way // 10, "total": way}
    stored = {"id": key, "seller": seller, "state": "CONFIRMED", "commission": 0}
    return {**stored, "way": cost if way else None, **values}


def order(*lines: Record, parts: list[Record] | None = None, **values: Any) -> Record:
    found = {"tax_included": True, "refunds": [], "waived": 0, **values}
    return {"lines": list(lines), "seller_orders": parts or [part()], **found}


def refund(amount: int, key: ObjectId | None = ANNA, state: str = "DONE") -> Record:
    return {"part": key, "amount": amount, "state": state}


def refunds(found: Record) -> list[int]:
    """What went back of each piece: of a part's lines, and then of its delivery."""
    return [piece.figures.refunded for piece in pieces_of(found)]


def whole(found: Record) -> Figures:
    figures = Figures()
    for piece in pieces_of(found):
        figures.add(piece.figures)
    return figures


def test_a_refund_is_for_what_came_back_before_all_else() -> None:
    assert refunds(order(line(100), line(300, returned=1), refunds=[refund(300)])) == [0, 300]
    assert refunds(order(line(100), line(300, returned=1), refunds=[refund(350)])) == [50, 300]
    assert refunds(order(line(100, returned=1), line(300, returned=1), refunds=[refund(40)])) == [
        10,
        30,
    ]


def test_a_refund_for_nothing_in_particular_is_shared_in_proportion() -> None:
    found = order(line(100), line(300), parts=[part(way=100)], refunds=[refund(50)])
    assert refunds(found) == [10, 30, 10]


def test_what_was_cancelled_is_no_refund_whether_it_was_paid_or_not() -> None:
    paid = order(line(100, cancelled=1), line(300), refunds=[refund(100)])
    unpaid = order(line(100, cancelled=1), line(300), waived=100, parts=[part(waived=100)])
    still_owed = order(line(100, cancelled=1), line(300), refunds=[refund(100, state="FAILED")])
    for found in (paid, unpaid, still_owed):
        figures = whole(found)
        assert (figures.cancelled, figures.refunded, figures.net) == (100, 0, 300)


def test_a_refund_that_failed_counts_for_nothing_and_one_on_its_way_counts() -> None:
    for state, expected in (("FAILED", 0), ("WANTED", 40), ("PENDING", 40), ("DONE", 40)):
        assert refunds(order(line(100), refunds=[refund(40, state=state)])) == [expected]


def test_a_refund_of_the_whole_order_is_shared_by_what_is_left_of_its_parts() -> None:
    found = order(
        line(100),
        line(300, seller="bert"),
        parts=[part(), part(BERT, "bert")],
        refunds=[refund(60), refund(170, None)],
    )
    assert refunds(found) == [60 + 20, 150]
    (own,) = pieces_of(found, "anna")
    assert own.figures.refunded == 80


def test_delivery_goes_with_the_last_unit_that_is_cancelled() -> None:
    some = whole(order(line(100, cancelled=1), line(300), parts=[part(way=50)]))
    assert (some.shipping, some.cancelled, some.tax) == (50, 100, 35)
    everything = whole(order(line(300, 3, cancelled=3), parts=[part(way=50)]))
    assert everything == Figures(cancelled=350)


def test_delivery_that_was_paid_back_is_refunded_before_what_was_kept() -> None:
    parts = [part(way=50, shipping_back=True)]
    found = order(line(100, returned=1), line(300), parts=parts, refunds=[refund(150)])
    assert refunds(found) == [100, 0, 50]


@pytest.mark.parametrize("cancelled", [0, 1, 2, 3])
def test_units_that_stay_are_worth_what_the_others_leave(cancelled: int) -> None:
    total, left = 100, (100, 66, 33, 0)[cancelled]
    figures = whole(order(line(total, 3, cancelled=cancelled, subtotal=105)))
    assert (figures.total, figures.cancelled) == (left, total - left)
    assert (figures.units, figures.gross) == (3 - cancelled, 35 * (3 - cancelled))
    assert figures.gross - figures.discounts == figures.total


def test_net_sales_are_without_taxes_and_delivery() -> None:
    found = order(line(100), line(300), parts=[part(way=100)], refunds=[refund(50)])
    assert whole(found).net_sales == (100 - 10) + (300 - 30) - (10 - 1) - (30 - 3)
    on_top = order(line(110, subtotal=100, tax=10), tax_included=False)
    assert whole(on_top).net_sales == whole(on_top).gross == 100


def test_a_part_that_nobody_confirmed_is_pending_beside_one_that_is_not() -> None:
    parts = [part(state="PENDING", way=50), part(BERT, "bert")]
    found = whole(order(line(100), line(300, seller="bert"), parts=parts))
    assert found == Figures(units=1, gross=300, tax=30, total=300, net_sales=270, pending=150)


def test_what_an_order_lacks_that_was_stored_before_counts_as_nothing() -> None:
    old = order(line(100))
    del old["refunds"], old["waived"], old["seller_orders"][0]["commission"]
    assert whole(old).net == 100
