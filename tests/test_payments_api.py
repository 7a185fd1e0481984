"""Payments as the shop's staff sees them, and what it says of them by hand."""

import asyncio
from typing import Any

import pytest

from mercat.checkout import PaymentWanted, payment_start
from mercat.context import ANONYMOUS, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.payments import Operation, Outcome, Pending

from . import asking
from .banking import Bank, ended, events, operations, refunded, started, status, stored
from .conftest import EngineFor
from .identity import told
from .test_hooks import Plugins
from .test_payments import bank, made, toml_of

__all__ = ["bank", "made"]

STAFF = Viewer(role="SUPPORT", permissions=frozenset({"payments.manage"}), user="sue")
STRANGERS = (
    ANONYMOUS,
    Viewer(role="CUSTOMER", user="cy"),
    Viewer(role="SELLER", permissions=frozenset({"products.sell"}), user="sel", seller="s"),
    Viewer(role="ADMIN", permissions=frozenset({"products.manage"}), user="ann"),
)
SHOWN = """{ id provider method state orderNumber reference message version endedAt
  amount { amount currency } authorized { amount } captured { amount } refunded { amount }
  refunds { key state reason amount { amount } } }"""


@pytest.fixture
def hand() -> Bank:
    """A bank that nobody can ask."""
    return Bank(by_hand=True)


@pytest.fixture
async def shop(plugins: Plugins, hand: Bank, bank: Bank, engine_for: EngineFor) -> Engine:
    bank.code = "other"
    return await engine_for(toml_of(plugins, hand, bank))


def node(key: str) -> str:
    return encode_id("Payment", key)


async def changed(
    engine: Engine, name: str, viewer: Viewer = STAFF, **given: Any
) -> dict[str, Any]:
    """The payload of a mutation, or its top-level errors."""
    kind = name[0].upper() + name[1:]
    document = (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
        f"{{ payment {SHOWN} userErrors {{ field code message }} }} }}"
    )
    found = await asking.answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in found:
        return {"errors": [error["extensions"]["code"] for error in found["errors"]]}
    payload: dict[str, Any] = found["data"][name]
    return payload


async def paid(engine: Engine, key: str, **given: Any) -> dict[str, Any]:
    return await changed(
        engine, "paymentMarkPaid", **{"paymentId": node("o"), "idempotencyKey": key, **given}
    )


async def test_staff_sees_a_payment(shop: Engine) -> None:
    await started(shop, "o")
    await refunded(shop, "r", "o", 250)
    found = await asking.told(
        shop, f'{{ node(id: "{node("o")}") {{ ... on Payment {SHOWN} }} }}', viewer=STAFF
    )
    assert found["node"] == {
        "id": node("o"),
        "provider": "bank",
        "method": "bank:card",
        "state": "PAID",
        "orderNumber": "No",
        "reference": "pay-start:o",
        "message": "",
        "version": 4,
        "endedAt": None,
        "amount": {"amount": "10.00", "currency": "EUR"},
        "authorized": {"amount": "0.00"},
        "captured": {"amount": "10.00"},
        "refunded": {"amount": "2.50"},
        "refunds": [
            {"key": "refund:r", "state": "DONE", "reason": "broken", "amount": {"amount": "2.50"}}
        ],
    }


async def test_payments_are_listed_by_pages_the_newest_first(shop: Engine) -> None:
    for key in "abc":
        await started(shop, key)
    await started(shop, "d", "later")
    await ended(shop, "never begun")
    document = """query ($after: String, $state: PaymentState, $number: String) {
      payments(first: 2, after: $after, state: $state, orderNumber: $number) {
        nodes { orderNumber } pageInfo { hasNextPage endCursor } totalCount } }"""

    async def page(**variables: Any) -> tuple[list[str], int, dict[str, Any]]:
        found = (await asking.told(shop, document, variables, viewer=STAFF))["payments"]
        numbers = [each["orderNumber"] for each in found["nodes"]]
        return numbers, found["totalCount"], found["pageInfo"]

    numbers, count, info = await page()
    assert (numbers, count, info["hasNextPage"]) == (["Nd", "Nc"], 4, True)
    assert (await page(after=info["endCursor"]))[:2] == (["Nb", "Na"], 4)
    assert (await page(state="AWAITED"))[:2] == (["Nd"], 1)
    assert (await page(number="Nb"))[:2] == (["Nb"], 1)
    assert (await page(state="AWAITED", number="Nb"))[:2] == ([], 0)


@pytest.mark.parametrize("viewer", STRANGERS, ids=lambda viewer: viewer.role)
async def test_nobody_else_sees_or_says_anything(shop: Engine, viewer: Viewer) -> None:
    await started(shop, "o", "later")
    before = await stored(shop, "o")
    word = "UNAUTHENTICATED" if viewer is ANONYMOUS else "FORBIDDEN"
    found = await asking.answered(shop, f'{{ node(id: "{node("o")}") {{ id }} }}', viewer=viewer)
    assert found["data"]["node"] is None
    listed = await asking.answered(shop, "{ payments(first: 1) { totalCount } }", viewer=viewer)
    assert [error["extensions"]["code"] for error in listed["errors"]] == [word]
    for payment in ("o", "nobody's"):
        given = {"paymentId": node(payment)}
        marked = await changed(shop, "paymentMarkPaid", viewer, **given, idempotencyKey="k")
        assert marked == {"errors": [word]}
        marked = await changed(shop, "paymentMarkRefunded", viewer, **given, refundKey="x")
        assert marked == {"errors": [word]}
    assert await stored(shop, "o") == before


@pytest.mark.parametrize("way", ["later", "cash"])
async def test_what_came_in_by_hand_is_paid_and_told(shop: Engine, hand: Bank, way: str) -> None:
    await started(shop, "o", way)
    for _ in range(3):
        found = await paid(shop, "k", reference="statement 7, line 3")
        assert found["userErrors"] == []
        assert (found["payment"]["state"], found["payment"]["captured"]) == (
            *("PAID", {"amount": "10.00"}),
        )
    assert await events(shop, "o") == ["captured"]
    assert await operations(shop, "o") == [("START", "DONE"), ("CAPTURE", "DONE")]
    assert await told(shop, "payment_changed") == [{"key": "o"}]
    assert await status(shop, "o") == "paid"
    row = await shop.storage.database["payment_operations"].find_one({"kind": "CAPTURE"})
    assert row is not None
    assert (row["who"], row["reason"]) == ("sue", "statement 7, line 3")
    assert len(hand.calls) == 1


async def test_parts_come_in_until_all_is_paid(shop: Engine) -> None:
    await started(shop, "o", "later")
    assert (await paid(shop, "a", amount="4.00"))["payment"]["state"] == "AWAITED"
    found = await paid(shop, "b", amount="6.01")
    assert found["payment"] is None
    (error,) = found["userErrors"]
    assert (error["field"], error["code"]) == (["input", "amount"], "INVALID")
    assert "6.00" in error["message"]
    assert (await paid(shop, "b", amount="6.00"))["payment"]["state"] == "PAID"
    assert (await paid(shop, "c"))["userErrors"][0]["code"] == "INVALID"
    assert await events(shop, "o") == ["captured", "captured"]


async def test_twenty_at_once_with_one_key_or_with_twenty_pay_once(shop: Engine) -> None:
    for key, keys in (("o", ["k"] * 20), ("p", [f"k{n}" for n in range(20)])):
        await started(shop, key, "later")
        found = await asyncio.gather(*(paid(shop, each, paymentId=node(key)) for each in keys))
        good = [each for each in found if not each["userErrors"]]
        assert len(good) == (20 if key == "o" else 1)
        assert await events(shop, key) == ["captured"]
        assert (await stored(shop, key))["captured"] == 1000


async def test_a_key_says_one_thing(shop: Engine) -> None:
    await started(shop, "o", "later")
    await paid(shop, "k", amount="4.00")
    assert (await paid(shop, "k", amount="4.00"))["userErrors"] == []
    found = await paid(shop, "k", amount="5.00")
    assert found["userErrors"][0]["code"] == "CONFLICT"
    assert (await stored(shop, "o"))["captured"] == 400


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"amount": "0"}, "amount", "INVALID"),
        ({"amount": "-1"}, "amount", "INVALID"),
        ({"amount": "1.005"}, "amount", "INVALID"),
        ({"amount": "lots"}, "amount", "INVALID"),
        ({"reference": "a\nb"}, "reference", "INVALID"),
        ({"idempotencyKey": ""}, "idempotencyKey", "INVALID"),
        ({"idempotencyKey": None}, "idempotencyKey", "INVALID"),
        ({"idempotencyKey": "k" * 256}, "idempotencyKey", "INVALID"),
        ({"paymentId": node("nobody's")}, "paymentId", "NOT_FOUND"),
        ({"paymentId": encode_id("Product", "o")}, "paymentId", "INVALID"),
        ({"paymentId": "x"}, "paymentId", "INVALID"),
    ],
)
async def test_what_cant_be_said_changes_nothing(
    shop: Engine, given: dict[str, Any], field: str, code: str
) -> None:
    await started(shop, "o", "later")
    before = await stored(shop, "o")
    found = await paid(shop, **{"key": "k", **given})
    (error,) = found["userErrors"]
    assert (error["field"], error["code"]) == (["input", field], code)
    assert await stored(shop, "o") == before


async def test_nobody_speaks_for_a_provider_that_can_be_asked(shop: Engine, bank: Bank) -> None:
    asked = PaymentWanted("p", "other:later", 1000, "EUR", "Np")
    assert await shop.hooks.first(payment_start, shop.context(), asked) is not None
    found = await paid(shop, "k", paymentId=node("p"))
    assert found["userErrors"][0]["code"] == "INVALID"
    assert (await stored(shop, "p"))["captured"] == 0


async def test_what_comes_in_after_the_end_is_not_written_down_as_paid(shop: Engine) -> None:
    await started(shop, "o", "later")
    await ended(shop, "o")
    assert (await paid(shop, "k"))["userErrors"][0]["code"] == "INVALID"
    assert (await stored(shop, "o"))["state"] == "ended"


async def test_a_refund_by_hand_waits_until_somebody_gave_it(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    class Hand(Bank):
        async def refund(self, request: Operation) -> Outcome:
            return Pending(request.key)

    shop = await engine_for(toml_of(plugins, Hand(by_hand=True)))
    await started(shop, "o", "later")
    await paid(shop, "k")
    assert await refunded(shop, "r", "o", 400) == "pending"
    record = await stored(shop, "o")
    assert (record["refunded"], record["refunding"], record["refundable"]) == (0, 400, 600)
    for key, code in (("refund:r", None), ("refund:r", None), ("refund:x", "NOT_FOUND")):
        found = await changed(shop, "paymentMarkRefunded", paymentId=node("o"), refundKey=key)
        assert [error["code"] for error in found["userErrors"]] == ([code] if code else [])
    assert await refunded(shop, "r", "o", 400) == "done"
    record = await stored(shop, "o")
    assert (record["refunded"], record["refunding"], record["refundable"]) == (400, 0, 600)
    assert await events(shop, "o") == ["captured", "refunded"]
