"""Gift cards: what is on them is spent once, comes back, and is no discount."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat.ids import decode_id, encode_id
from mercat.storage import Record
from mercat_gift_cards.cards.ledger import cards, entries, give_back, spend
from mercat_orders.orders.money import payments

from .asking import answered
from .conftest import EngineFor
from .killing import Killed, killed_at
from .market import CARL, CORA, GUEST
from .order_changes import STAFF, did, order_id
from .ordering import TOML as ORDERING
from .ordering import check_books, completed, kept_of, left, ready
from .promoting import promote

TOML = ORDERING.replace('"orders"', '"orders", "coupons", "payments", "payments_manual"').replace(
    '"tests.plugins_for_tests.till"]', '"gift_cards", "tests.plugins_for_tests.till"]'
)
BOSS = Viewer(
    user="64b0000000000000000000aa",
    role="ADMIN",
    permissions=frozenset({"gift_cards.manage", "orders.manage", "payments.manage"}),
)
CART = """id paymentDue { amount } paymentMethods { id }
  totals { total { amount } discounts { amount } }
  giftCards { id lastCharacters balance { amount } amount { amount } message }"""
CARD = """id lastCharacters state expiresAt note version initialBalance { amount }
  balance { amount currency }
  entries { kind amount { amount } balance { amount } orderNumber reason }
"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def asked(engine: Engine, name: str, viewer: Viewer, shown: str, **given: Any) -> Any:
    """The answer of a mutation of gift cards."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    text = f"""mutation ($input: {kind}!) {{
      {name}(input: $input) {{ {shown} userErrors {{ code field message }} }} }}"""
    return (await answered(engine, text, {"input": given}, viewer=viewer))["data"][name]


async def issued(engine: Engine, amount: str = "10", **more: Any) -> tuple[ObjectId, str]:
    """A card with so many euros on it: its key, and its code."""
    given = {"amount": {"amount": amount, "currency": "EUR"}, **more}
    given.setdefault("idempotencyKey", secrets.token_hex(8))
    done = await asked(engine, "giftCardIssue", BOSS, f"code giftCard {{ {CARD} }}", **given)
    assert done["userErrors"] == []
    return ObjectId(decode_id(done["giftCard"]["id"])[1]), done["code"]


async def put(engine: Engine, cart: Record, code: str, viewer: Viewer = CARL) -> Any:
    """A cart with a card in it, as it is shown."""
    key = encode_id("Cart", cart["_id"])
    done = await asked(
        engine, "cartGiftCardApply", viewer, f"cart {{ {CART} }}", cartId=key, code=code
    )
    assert done["userErrors"] == []
    return done["cart"]


async def refused(
    engine: Engine, cart: Record, code: str, viewer: Viewer = CARL
) -> tuple[str, str]:
    key = encode_id("Cart", cart["_id"])
    done = await asked(engine, "cartGiftCardApply", viewer, "cart { id }", cartId=key, code=code)
    (error,) = done["userErrors"]
    return error["code"], error["message"]


async def on(engine: Engine, card: ObjectId) -> int:
    """What is on a card; the sum of its entries, at any time."""
    context = engine.context()
    found = await cards(context).find_one({"_id": card})
    moved = await entries(context).find({"card": card}).to_list()
    assert found is not None
    assert found["balance"] == sum(one["amount"] for one in moved) >= 0
    latest = max(moved, key=lambda one: one["number"])
    assert latest["balance"] == found["balance"]
    return int(found["balance"])


async def test_a_card_pays_what_is_on_it_and_a_method_the_rest(engine: Engine) -> None:
    card, code = await issued(engine)
    cart = await ready(engine, 2)
    shown = await put(engine, cart, f" {code.lower().replace('-', ' ')} ")
    assert (shown["totals"]["total"]["amount"], shown["paymentDue"]["amount"]) == ("24.90", "14.90")
    (used,) = shown["giftCards"]
    assert used["lastCharacters"] == code[-4:]
    assert (used["balance"]["amount"], used["amount"]["amount"]) == ("10.00", "10.00")
    assert "gift_card" not in {one["id"].partition(":")[0] for one in shown["paymentMethods"]}
    order = (await completed(engine, cart)).order
    assert order["state"] == "CONFIRMED"
    assert await on(engine, card) == 0
    assert kept_of(order["payment"]["key"]) == 1_490
    found = await answered(
        engine,
        "query ($id: ID!) { order(id: $id) { payments { method amount { amount } state } } }",
        {"id": order_id(order)},
        viewer=CARL,
    )
    (paid,) = found["data"]["order"]["payments"]
    assert paid == {"method": f"gift_card:{card}", "amount": {"amount": "10.00"}, "state": "PAID"}


async def test_where_cards_cover_everything_no_method_is_needed(engine: Engine) -> None:
    first, code = await issued(engine, "20")
    second, other = await issued(engine, "20")
    cart = await ready(engine, 2)
    await put(engine, cart, code)
    shown = await put(engine, cart, other)
    assert (shown["paymentDue"]["amount"], shown["paymentMethods"]) == ("0.00", [])
    assert [one["amount"]["amount"] for one in shown["giftCards"]] == ["20.00", "4.90"]
    order = (await completed(engine, cart)).order
    assert order["state"] == "CONFIRMED"
    assert (await on(engine, first), await on(engine, second)) == (0, 1_510)


async def test_it_is_no_discount(engine: Engine) -> None:
    promotion = await promote(engine, name="Ten off", customers=[CORA.user])
    card, code = await issued(engine)
    cart = await ready(engine, 2, viewer=CORA)
    shown = await put(engine, cart, code, CORA)
    assert shown["totals"] == {"total": {"amount": "22.90"}, "discounts": {"amount": "2.00"}}
    order = (await completed(engine, cart, viewer=CORA)).order
    plain = (await completed(engine, await ready(engine, 2, viewer=CORA), viewer=CORA)).order
    assert order["sums"] == plain["sums"]
    assert [part["commission"] for part in order["seller_orders"]] == [
        part["commission"] for part in plain["seller_orders"]
    ]
    assert await on(engine, card) == 0
    assert promotion


async def test_it_comes_back_where_the_rest_is_declined(engine: Engine) -> None:
    card, code = await issued(engine)
    cart = await ready(engine, 2)
    await put(engine, cart, code)
    with pytest.raises(DomainError, match="the till says declined"):
        await completed(engine, cart, method="till:declined")
    assert await on(engine, card) == 1_000
    await completed(engine, cart)
    assert await on(engine, card) == 0


async def test_what_goes_back_goes_to_the_card_last_also_where_it_is_off(engine: Engine) -> None:
    card, code = await issued(engine)
    cart = await ready(engine, 2)
    await put(engine, cart, code)
    order = (await completed(engine, cart)).order
    await asked(engine, "giftCardDisable", BOSS, "giftCard { id }", id=encode_id("GiftCard", card))
    await did(engine, "refundCreate", STAFF, orderId=order_id(order), amount={"amount": "20"})
    assert (kept_of(order["payment"]["key"]), await on(engine, card)) == (0, 510)
    await did(engine, "orderCancel", CARL, orderId=order_id(order))
    assert await on(engine, card) == 1_000
    kinds = [one["kind"] async for one in entries(engine.context()).find({"card": card})]
    assert sorted(kinds) == ["ISSUED", "RETURNED", "RETURNED", "SPENT"]


async def test_a_card_that_another_cart_emptied_is_told_of(engine: Engine) -> None:
    card, code = await issued(engine)
    carts = [await ready(engine, 2) for _ in range(2)]
    for cart in carts:
        await put(engine, cart, code)
    done = await asyncio.gather(
        *(completed(engine, cart) for cart in carts), return_exceptions=True
    )
    failed = [one for one in done if isinstance(one, DomainError)]
    placed = [one for one in done if not isinstance(one, BaseException)]
    assert 1 <= len(placed) <= 2, "who looked after it was spent pays all by the method"
    assert all("left on the gift card" in str(one) or "left" in str(one) for one in failed)
    assert await on(engine, card) == 0
    spent = entries(engine.context()).find({"card": card, "kind": "SPENT"})
    assert sum([one["amount"] async for one in spent]) == -1_000


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.gate)])
async def test_what_is_on_it_is_spent_once_however_many_want_it(engine: Engine, count: int) -> None:
    card, _ = await issued(engine, "10")
    context = engine.context()
    done = await asyncio.gather(
        *(spend(context, f"{card} {n % count}", card, 100, "EUR", "A") for n in range(2 * count))
    )
    assert len({one["_id"] for one in done if one}) == 10
    assert await on(engine, card) == 0


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["spend", "return"]),
            st.integers(0, 4),
            st.integers(1, 700),
            st.integers(0, 4),
        ),
        max_size=12,
    )
)
@settings(max_examples=15, deadline=None)
async def test_any_sequence_of_movements_is_what_the_model_says(
    engine: Engine, steps: list[tuple[str, int, int, int]]
) -> None:
    card, _ = await issued(engine, "10")
    context, balance, known = engine.context(), 1_000, dict[str, int]()
    left_of: dict[str, int] = {}
    for kind, name, amount, of in steps:
        key, spent = f"{kind} {card} {name}", f"spend {card} {of}"
        if kind == "spend":
            done = await spend(context, key, card, amount, "EUR", "A")
            if key not in known and amount <= balance:
                known[key], left_of[key], balance = -amount, amount, balance - amount
        else:
            done = await give_back(context, key, spent, amount)
            if spent in known and key not in known and amount <= left_of[spent]:
                known[key], left_of[spent], balance = (
                    amount,
                    left_of[spent] - amount,
                    balance + amount,
                )
            if spent not in known:
                assert done is None
                continue
        assert (None if done is None else done["amount"]) == known.get(key)
    assert await on(engine, card) == balance


async def test_the_same_key_issues_one_card_and_answers_its_code_again(engine: Engine) -> None:
    key = secrets.token_hex(8)
    found = await asyncio.gather(*(issued(engine, "7", idempotencyKey=key) for _ in range(4)))
    assert len(set(found)) == 1
    given = {"amount": {"amount": "8", "currency": "EUR"}, "idempotencyKey": key}
    done = await asked(engine, "giftCardIssue", BOSS, "code", **given)
    assert [one["code"] for one in done["userErrors"]] == ["CONFLICT"]
    stored = await cards(engine.context()).find_one({"_id": found[0][0]})
    assert found[0][1] not in str(stored)
    assert found[0][1].replace("-", "") not in str(stored)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": {"amount": "0", "currency": "EUR"}}, ["input", "amount"]),
        ({"amount": {"amount": "-5", "currency": "EUR"}}, ["input", "amount"]),
        ({"amount": {"amount": "1.234", "currency": "EUR"}}, ["input", "amount"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["input", "expiresAt"]),
        ({"note": "x" * 501}, ["input", "note"]),
        ({"idempotencyKey": None}, ["input", "idempotencyKey"]),
    ],
)
async def test_what_can_be_no_card_is_refused(
    engine: Engine, given: dict[str, Any], field: list[str]
) -> None:
    base = {"amount": {"amount": "5", "currency": "EUR"}, "idempotencyKey": secrets.token_hex(8)}
    done = await asked(engine, "giftCardIssue", BOSS, "code", **{**base, **given})
    assert [(one["code"], one["field"]) for one in done["userErrors"]] == [("INVALID", field)]


async def test_staff_changes_what_is_on_it_and_says_why(engine: Engine) -> None:
    card, _ = await issued(engine)
    name, key = encode_id("GiftCard", card), secrets.token_hex(8)

    async def adjusted(amount: str, key: str) -> Any:
        given = {"id": name, "amount": {"amount": amount, "currency": "EUR"}, "reason": "Sorry"}
        shown = f"giftCard {{ {CARD} }}"
        return await asked(engine, "giftCardAdjust", BOSS, shown, **given, idempotencyKey=key)

    for _ in range(2):
        done = await adjusted("-4", key)
        assert done["giftCard"]["balance"] == {"amount": "6.00", "currency": "EUR"}
    done = await adjusted("-6.01", secrets.token_hex(8))
    assert done["userErrors"][0]["code"] == "BALANCE"
    assert "has 6.00 EUR left" in done["userErrors"][0]["message"]
    done = await adjusted("1", secrets.token_hex(8))
    assert [(one["kind"], one["amount"]["amount"]) for one in done["giftCard"]["entries"]] == [
        ("ADJUSTED", "1.00"),
        ("ADJUSTED", "-4.00"),
        ("ISSUED", "10.00"),
    ]
    assert await on(engine, card) == 700


async def test_why_a_card_cannot_be_used_is_told_to_who_has_its_code(engine: Engine) -> None:
    cart = await ready(engine, 1)
    card, code = await issued(engine)
    name, last = encode_id("GiftCard", card), code[-4:]
    await asked(engine, "giftCardDisable", BOSS, "giftCard { id }", id=name)
    assert await refused(engine, cart, code) == (
        "NOT_USABLE",
        f"the gift card ending in {last} is switched off",
    )
    await asked(engine, "giftCardEnable", BOSS, "giftCard { id }", id=name)
    past = datetime.now(UTC) - timedelta(days=1)
    await cards(engine.context()).update_one({"_id": card}, {"$set": {"expires_at": past}})
    assert "expired on" in (await refused(engine, cart, code))[1]
    later = "2040-01-01T00:00:00Z"
    done = await asked(
        engine, "giftCardUpdate", BOSS, f"giftCard {{ {CARD} }}", id=name, expiresAt=later
    )
    assert done["giftCard"]["expiresAt"].startswith("2040-01-01")
    await put(engine, cart, code)
    await put(engine, cart, code)
    key = encode_id("Cart", cart["_id"])
    done = await asked(
        engine, "cartGiftCardRemove", CARL, "cart { id }", cartId=key, giftCardId=name
    )
    assert done["userErrors"] == []
    done = await asked(
        engine, "cartGiftCardRemove", CARL, "cart { id }", cartId=key, giftCardId=name
    )
    assert done["userErrors"][0]["code"] == "NOT_FOUND"
    _, dollars = await issued(engine, amount="5")
    await cards(engine.context()).update_one({"last": dollars[-4:]}, {"$set": {"currency": "USD"}})
    assert "is for USD" in (await refused(engine, cart, dollars))[1]


async def test_guessing_ends_after_some_wrong_codes(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    cart = await ready(engine, 1)
    _, code = await issued(engine)
    unknown = ("NOT_USABLE", "this gift card can't be used here")
    wrong = ["x" * 10_000, "K7TX-3M9P-4BQZ-HN2W", "\u0421\u0421", *(f"WRONG{n}" for n in range(7))]
    for text in wrong:
        assert await refused(engine, cart, text) == unknown
    key = encode_id("Cart", cart["_id"])
    text = """mutation ($input: CartGiftCardApplyInput!) {
      cartGiftCardApply(input: $input) { userErrors { code } } }"""
    answer = await answered(engine, text, {"input": {"cartId": key, "code": code}}, viewer=CARL)
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    balance = "query ($c: String!) { giftCardBalance(code: $c) { balance { amount } } }"
    answer = await answered(engine, balance, {"c": code}, viewer=CARL)
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    answer = await answered(engine, balance, {"c": code}, viewer=GUEST)
    assert answer["data"]["giftCardBalance"] == {"balance": {"amount": "10.00"}}


async def test_a_cart_has_so_many_cards_at_most(engine: Engine) -> None:
    cart = await ready(engine, 1)
    for _ in range(5):
        await put(engine, cart, (await issued(engine, "1"))[1])
    assert (await refused(engine, cart, (await issued(engine, "1"))[1]))[0] == "TOO_MANY"


async def test_a_card_is_found_by_how_its_code_ends(engine: Engine) -> None:
    card, code = await issued(engine)
    text = "query ($l: String!) { giftCards(first: 50, lastCharacters: $l) { nodes { id } } }"
    answer = await answered(engine, text, {"l": code[-4:].lower()}, viewer=BOSS)
    ids = [one["id"] for one in answer["data"]["giftCards"]["nodes"]]
    assert encode_id("GiftCard", card) in ids


@pytest.mark.gate
async def test_killed_anywhere_no_cent_of_it_is_lost(engine: Engine) -> None:
    step, killed = 0, True
    ends = {"ordered": 0, "undone": 0}
    while killed:
        step += 1
        card, code = await issued(engine)
        cart = await ready(engine, 2)
        await put(engine, cart, code)
        killed = False
        with killed_at(step):
            try:
                await completed(engine, cart)
            except Killed:
                killed = True
        await left(engine)
        await left(engine)
        found = await check_books(engine, cart, spent=1_000 - await on(engine, card))
        ends["ordered" if found else "undone"] += 1
        assert await on(engine, card) == (0 if found else 1_000)
        for order in found:
            assert len(payments(order)) == 2
    assert ends["ordered"] > 5
    assert ends["undone"] > 10
