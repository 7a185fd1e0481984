"""How often promotions are used: never more than they may, and given back where nothing came."""

import asyncio
from collections.abc import Sequence

import pytest

from mercat.checkout import payment_changed
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_coupons.carts.applying import apply
from mercat_coupons.documents import CounterDocument, CouponDocument, PromotionDocument
from mercat_coupons.promotions.counters import of_promotion
from mercat_coupons.promotions.memory import promotions_of
from mercat_orders.carts.buyers import set_buyer
from mercat_orders.orders.access import orders

from .asking import answered
from .conftest import EngineFor
from .market import CARL, CORA
from .order_changes import did, order_id, stored
from .ordering import completed, left, placed, ready
from .plugins_for_tests.till.books import settle
from .promoting import TOML, coin, less, off, opened, promote, put, shown, uses

TENTH = 900 + 490
"""What something of 10 euros costs with a tenth off, and with delivery."""
WHOLE = 1_490


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


def somebody(number: int) -> Viewer:
    return Viewer(role="CUSTOMER", user=f"user-{number}")


async def bought(engine: Engine, viewer: Viewer = CARL, code: str | None = None) -> Record:
    """An order of one thing, with a code."""
    cart = await ready(engine, viewer=viewer)
    if code is not None:
        await apply(Context(engine, viewer), cart["_id"], code)
    return (await completed(engine, cart, viewer=viewer)).order


async def rush(engine: Engine, carts: Sequence[tuple[Viewer, Record]]) -> list[int]:
    """What all of them pay, who order at once."""
    found = await asyncio.gather(*(completed(engine, cart, viewer=who) for who, cart in carts))
    return sorted(one.order["sums"]["total"] for one in found)


@pytest.mark.parametrize(
    ("limit", "clients"), [(3, 20), pytest.param(10, 200, marks=pytest.mark.gate)]
)
async def test_of_many_who_order_at_once_exactly_the_limit_have_the_discount(
    engine: Engine, limit: int, clients: int
) -> None:
    key = await promote(engine, is_automatic=False, usage_limit=limit)
    coupon = await coin(engine, "GO", key)
    carts = [(somebody(at), await ready(engine, viewer=somebody(at))) for at in range(clients)]
    for who, cart in carts:
        await apply(Context(engine, who), cart["_id"], "GO")
    totals = await rush(engine, carts)
    assert totals == [TENTH] * limit + [WHOLE] * (clients - limit)
    assert await uses(engine, key) == limit
    found = await engine.storage.collection(CouponDocument).find_one({"_id": coupon})
    assert found is not None
    assert found["uses"] == limit


async def test_two_engines_of_one_shop_count_together(
    engine: Engine, engine_for: EngineFor
) -> None:
    other = await engine_for(TOML, database={"name": engine.storage.database.name})
    key = await promote(engine, usage_limit=3, usage_limit_per_customer=2)
    await promotions_of(other.context()).current(other.context())
    shops = [engine, other] * 5
    carts = [await ready(engine, viewer=somebody(at)) for at in range(len(shops))]
    for at, cart in enumerate(carts):
        buyer = Context(engine, somebody(at))
        await set_buyer(buyer, cart["_id"], {"email": f"{at}@example.com"})
    found = await asyncio.gather(
        *(completed(shops[at], cart, viewer=somebody(at)) for at, cart in enumerate(carts))
    )
    totals = sorted(one.order["sums"]["total"] for one in found)
    assert totals == [TENTH] * 3 + [WHOLE] * 7
    assert await uses(engine, key) == 3


async def test_a_code_of_one_use_is_used_once_by_whoever_comes_first(engine: Engine) -> None:
    key = await promote(engine, is_automatic=False)
    await coin(engine, "ONCE", key, usage_limit=1)
    carts = [(somebody(at), await ready(engine, viewer=somebody(at))) for at in range(8)]
    for who, cart in carts:
        await apply(Context(engine, who), cart["_id"], "ONCE")
    assert await rush(engine, carts) == [TENTH] + [WHOLE] * 7
    cart = await ready(engine)
    found = await put(engine, _id(cart), "ONCE")
    error = found["data"]["cartCouponApply"]["userErrors"][0]
    assert error["message"] == "this offer has been used up"


async def test_one_customer_has_it_as_often_as_one_may_however_many_carts(engine: Engine) -> None:
    key = await promote(engine, usage_limit_per_customer=2)
    carts = [(CARL, await ready(engine)) for _ in range(6)]
    assert await rush(engine, carts) == [TENTH] * 2 + [WHOLE] * 4
    assert await uses(engine, key) == 2


async def test_a_customer_is_known_by_address_too(engine: Engine) -> None:
    """Who has had it with an account doesn't have it again as a guest, nor the other way round."""
    await promote(engine, usage_limit_per_customer=1)
    assert (await bought(engine))["sums"]["total"] == TENTH
    guest = Viewer(guest="somebody")
    cart = await ready(engine, viewer=guest)
    assert (await completed(engine, cart, viewer=guest)).order["sums"]["total"] == WHOLE
    other = Viewer(guest="somebody-else")
    cart = await ready(engine, viewer=other)
    await set_buyer(Context(engine, other), cart["_id"], {"email": "other@example.com"})
    assert (await completed(engine, cart, viewer=other)).order["sums"]["total"] == TENTH


async def test_a_first_order_is_one_and_the_next_is_none(engine: Engine) -> None:
    key = await promote(engine, first_order=True)
    carts = [(CARL, await ready(engine)) for _ in range(4)]
    assert await rush(engine, carts) == [TENTH] + [WHOLE] * 3
    assert await uses(engine, key) == 1
    assert (await bought(engine))["sums"]["total"] == WHOLE


async def test_a_budget_is_never_exceeded(engine: Engine) -> None:
    key = await promote(engine, less(300), budget={"EUR": 1_000})
    carts = [(somebody(at), await ready(engine, viewer=somebody(at))) for at in range(8)]
    assert await rush(engine, carts) == [WHOLE - 300] * 3 + [WHOLE] * 5
    counter = await engine.storage.collection(CounterDocument).find_one(
        {"_id": of_promotion(str(key))}
    )
    assert counter is not None
    assert counter["spent"] == {"EUR": 900}


async def test_a_cancelled_order_gives_the_use_back(engine: Engine) -> None:
    key = await promote(engine, usage_limit=1, is_automatic=False)
    await coin(engine, "GO", key, usage_limit=1)
    order = await bought(engine, code="GO")
    assert order["sums"]["total"] == TENTH
    assert await uses(engine, key) == 1
    await did(engine, "orderCancel", CARL, orderId=order_id(order), reason="Too late")
    assert await uses(engine, key) == 0
    assert (await bought(engine, CORA, "GO"))["sums"]["total"] == TENTH


async def test_a_declined_payment_gives_the_use_back(engine: Engine) -> None:
    key = await promote(engine, usage_limit=1, budget={"EUR": 100})
    cart = await ready(engine)
    with pytest.raises(DomainError, match="declined"):
        await completed(engine, cart, method="till:declined")
    assert await uses(engine, key) == 0
    assert (await completed(engine, cart)).order["sums"]["total"] == TENTH
    assert await uses(engine, key) == 1


async def test_a_payment_that_nobody_comes_back_to_gives_the_use_back(engine: Engine) -> None:
    key = await promote(engine, usage_limit=1)
    cart = await ready(engine)
    waiting = (await completed(engine, cart, method="till:action")).order
    assert await uses(engine, key) == 1
    other = await ready(engine, viewer=CORA)
    assert (await completed(engine, other, viewer=CORA)).order["sums"]["total"] == WHOLE
    settle(waiting["payment"]["key"], "ended")
    await left(engine)
    assert (await stored(engine, waiting))["state"] == "FAILED"
    assert await uses(engine, key) == 0


async def test_a_checkout_doesnt_stand_in_the_way_of_its_own_cart(engine: Engine) -> None:
    key = await promote(engine, usage_limit=1, usage_limit_per_customer=1, budget={"EUR": 100})
    cart = await ready(engine)
    waiting = (await completed(engine, cart, method="till:action")).order
    assert (await shown(engine, _id(cart)))["totals"]["total"]["amount"] == "13.90"
    settle(waiting["payment"]["key"], "paid")
    await engine.hooks.notify(payment_changed, engine.context(), waiting["payment"]["key"])
    assert (await stored(engine, waiting))["state"] != "PLACING"
    assert await uses(engine, key) == 1


async def test_what_has_ended_meanwhile_isnt_claimed(engine: Engine) -> None:
    """Whoever priced a cart before a promotion was archived agrees anew."""
    key = await promote(engine)
    cart = await ready(engine)
    known = promotions_of(engine.context())
    await known.current(engine.context())
    await engine.storage.collection(PromotionDocument).update_one(
        {"_id": key}, {"$set": {"status": "archived"}, "$inc": {"version": 1}}
    )
    assert (await completed(engine, cart)).order["sums"]["total"] == WHOLE
    assert await uses(engine, key) == 0


async def test_a_placed_order_never_changes_and_says_what_it_had(engine: Engine) -> None:
    key = await opened(engine, "GO", name="Tenth off", borne_by="seller")
    order = await bought(engine, code="GO")
    await engine.storage.collection(PromotionDocument).update_one(
        {"_id": key},
        {
            "$set": {"benefit.rate": "0.9", "name": "Other", "status": "archived"},
            "$inc": {"version": 1},
        },
    )
    query = """query ($id: ID!) { node(id: $id) { ... on Order { discounts { label code borneBy
      promotionId amount { amount } shipping { amount } lines { lineId amount { amount } } }
      totals { discounts { amount } total { amount } } } } }"""
    found = (await answered(engine, query, {"id": order_id(order)}, viewer=CARL))["data"]["node"]
    assert found["totals"] == {"discounts": {"amount": "1.00"}, "total": {"amount": "13.90"}}
    (discount,) = found["discounts"]
    assert (discount["label"], discount["code"], discount["borneBy"]) == (
        *("Tenth off", "GO", "SELLER"),
    )
    assert discount["amount"] == discount["lines"][0]["amount"] == {"amount": "1.00"}


async def test_who_bears_a_discount_shows_in_the_commission(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML + '\n[plugins.orders]\ncommission = "10"\n')
    await promote(engine, off("0.5"), borne_by="shop")
    order = await placed(engine, sellers=("anna",))
    assert order["seller_orders"][0]["commission"] == 100, "of what the seller is paid for"
    await promote(engine, off("0.5"), borne_by="seller", seller="bert")
    order = await placed(engine, sellers=("bert",))
    assert order["seller_orders"][0]["commission"] == 75, "a quarter is the seller's own loss"


async def test_an_order_counts_in_a_coupon_once_however_much_that_opens(engine: Engine) -> None:
    first = await promote(engine, is_automatic=False)
    second = await promote(engine, less(100), is_automatic=False)
    coupon = await coin(engine, "BOTH", first, second, usage_limit=1, usage_limit_per_customer=1)
    order = await bought(engine, code="BOTH")
    assert order["sums"]["discounts"] == 200
    coupons = engine.storage.collection(CouponDocument)
    assert (await coupons.find_one({"_id": coupon}))["uses"] == 1  # type: ignore[index]
    await did(engine, "orderCancel", CARL, orderId=order_id(order), reason="Too late")
    assert (await coupons.find_one({"_id": coupon}))["uses"] == 0  # type: ignore[index]
    assert await uses(engine, first) == await uses(engine, second) == 0
    again = await bought(engine, code="BOTH")
    assert again["sums"]["discounts"] == 200


async def test_orders_of_no_promotion_claim_nothing(engine: Engine) -> None:
    await promote(engine, minimum_quantity=99)
    await bought(engine)
    assert await engine.storage.collection(CounterDocument).count_documents({}) == 0
    assert await orders(engine.context()).count_documents({}) == 1


def _id(cart: Record) -> str:
    return encode_id("Cart", cart["_id"])
