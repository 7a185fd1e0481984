"""Checkouts over the API: steps in any order, one call with everything, and what is agreed to."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id

from .asking import answered
from .conftest import EngineFor
from .market import (
    BERLIN,
    CARL,
    CORA,
    GUEST,
    NOBODY,
    OTHER_GUEST,
    cart_of,
    change,
    change_product,
    changed,
    in_input,
    line,
    offer,
    seen,
)
from .ordering import TOML, ready
from .plugins_for_tests.till.books import BOOKS

COMPLETE = """mutation ($input: CheckoutCompleteInput!) { checkoutComplete(input: $input) {
  order { id number state totals { total { amount currency } } lines { name quantity } }
  secret action { kind paymentId message url data { name value } }
  cart { quoteHash totals { total { amount } } }
  userErrors { code field message } } }"""
QUOTE = """query ($id: ID) { cart(id: $id) { quoteHash paymentMethodId
  paymentMethods { id name } totals { total { amount } } } }"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def complete(engine: Engine, viewer: Viewer = CARL, /, **given: Any) -> Any:
    """The payload of `checkoutComplete`; terms are accepted unless said otherwise."""
    values = {"acceptsTerms": True, "paymentMethodId": "till:paid", **given}
    answer = await answered(engine, COMPLETE, {"input": values}, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["checkoutComplete"]


def errors(payload: Any) -> list[tuple[str, list[str] | None]]:
    return [(one["code"], in_input(one)) for one in payload["userErrors"]]


async def quote_of(engine: Engine, cart: str, viewer: Viewer = CARL) -> Any:
    answer = await answered(engine, QUOTE, {"id": cart}, viewer=viewer)
    return answer["data"]["cart"]


async def ready_id(engine: Engine, *quantities: int, **more: Any) -> str:
    return encode_id("Cart", (await ready(engine, *quantities, **more))["_id"])


def whole(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "lines": list(lines),
        "email": "ada@example.com",
        "shippingAddress": BERLIN,
        **more,
    }


MUCH = {"amount": "1000000", "currency": "EUR"}


async def test_steps_in_any_order_end_in_an_order(engine: Engine) -> None:
    cart = await cart_of(engine)
    key = cart["id"]
    await changed(engine, "cartAddressSet", cartId=key, shippingAddress=BERLIN)
    await changed(engine, "cartBuyerSet", cartId=key, email="ada@example.com")
    await changed(engine, "cartLinesAdd", cartId=key, lines=[line(await offer(engine), 2)])
    await changed(engine, "cartPaymentSelect", cartId=key, paymentMethodId="till:paid")
    await changed(engine, "cartShippingSelect", cartId=key, selections=[{"optionId": "standard"}])
    quote = await quote_of(engine, key)
    assert quote["paymentMethodId"] == "till:paid"
    assert "till:paid" in [method["id"] for method in quote["paymentMethods"]]
    done = await complete(engine, cartId=key, quoteHash=quote["quoteHash"], paymentMethodId=None)
    assert done["userErrors"] == []
    assert done["order"]["state"] == "CONFIRMED"
    assert done["order"]["totals"]["total"] == {"amount": "24.90", "currency": "EUR"}
    assert await seen(engine) is None or (await seen(engine))["id"] != key


async def test_one_call_with_everything_orders_once(engine: Engine) -> None:
    given: dict[str, Any] = {
        "cart": whole(line(await offer(engine), 2)),
        "maximumTotal": MUCH,
        "idempotencyKey": "agent-1",
    }
    done = await complete(engine, **given)
    assert done["userErrors"] == []
    assert done["order"]["totals"]["total"]["amount"] == "20.00", "the cheapest way is free"
    assert await complete(engine, **given) == done
    other = {**given, "cart": whole(line(await offer(engine), 1))}
    assert errors(await complete(engine, **other)) == [("CONFLICT", ["idempotencyKey"])]
    assert (await complete(engine, CORA, **given))["order"]["id"] != done["order"]["id"]


async def test_what_is_wrong_in_a_whole_cart_is_told_by_its_field(engine: Engine) -> None:
    thing = line(await offer(engine))
    given = {"maximumTotal": MUCH, "idempotencyKey": "agent-2"}
    wrong = whole(thing, shippingAddress={**BERLIN, "postalCode": "1"})
    done = await complete(engine, cart=wrong, **given)
    assert errors(done) == [("ADDRESS", ["cart", "shippingAddress", "postalCode"])]
    done = await complete(engine, cart=whole(thing, email="nobody"), **given)
    assert errors(done) == [("INVALID", ["cart", "email"])]
    for quantity in (0, -1, 2_000_000):
        done = await complete(engine, cart=whole({**thing, "quantity": quantity}), **given)
        assert errors(done) == [("QUANTITY", ["cart", "lines", "0", "quantity"])]
    gone = whole(line(ObjectId()))
    done = await complete(engine, cart=gone, **given)
    assert errors(done) == [("UNAVAILABLE", ["cart", "lines", "0", "variantId"])]
    ways = [{"optionId": "teleport"}]
    done = await complete(engine, cart=whole(thing, shipping=ways), **given)
    assert errors(done) == [("SHIPPING_MISSING", None)]
    done = await complete(engine, cart=whole(thing), maximumTotal=MUCH)
    assert errors(done) == [("INVALID", ["idempotencyKey"])]
    assert errors(await complete(engine, maximumTotal=MUCH)) == [("INVALID", ["cartId"])]
    done = await complete(engine, cart=whole(thing), **given)
    assert done["userErrors"] == [], "the key is free, as nothing was ordered with it"


async def test_a_price_that_changed_is_a_new_quote_and_no_order(engine: Engine) -> None:
    cart = await ready(engine, 1)
    key = encode_id("Cart", cart["_id"])
    quote = await quote_of(engine, key)
    variant = cart["lines"][0]["variant"]
    prices = [{"currency": "EUR", "amount": 1_100}]
    await change_product(engine, variant, **{"variants.0.prices": prices})
    done = await complete(engine, cartId=key, quoteHash=quote["quoteHash"])
    assert errors(done) == [("QUOTE_CHANGED", None)]
    assert done["order"] is None
    assert done["cart"]["totals"]["total"]["amount"] == "15.90"
    assert done["cart"]["quoteHash"] != quote["quoteHash"]
    done = await complete(engine, cartId=key, quoteHash=done["cart"]["quoteHash"])
    assert done["order"]["totals"]["total"]["amount"] == "15.90"


async def test_more_than_the_buyer_agreed_to_is_not_ordered(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    for most in ({"amount": "14.89"}, {"amount": "100", "currency": "USD"}):
        done = await complete(engine, cartId=key, maximumTotal=most)
        assert errors(done) == [("QUOTE_CHANGED", None)]
    done = await complete(engine, cartId=key, maximumTotal={"amount": "1.234"})
    assert errors(done) == [("INVALID", ["maximumTotal", "amount"])]
    assert errors(await complete(engine, cartId=key)) == [("AGREEMENT", None)]
    done = await complete(engine, cartId=key, maximumTotal={"amount": "14.90"})
    assert done["order"]["state"] == "CONFIRMED"


async def test_terms_are_accepted_or_nothing_is_ordered(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    done = await complete(engine, cartId=key, maximumTotal=MUCH, acceptsTerms=False)
    assert errors(done) == [("TERMS", ["acceptsTerms"])]


async def test_all_that_a_cart_lacks_is_told_at_once(engine: Engine) -> None:
    cart = await cart_of(engine)
    done = await complete(engine, cartId=cart["id"], maximumTotal=MUCH)
    assert [code for code, _ in errors(done)] == ["EMPTY", "EMAIL_MISSING", "ADDRESS_MISSING"]


async def test_ordering_twice_gives_the_first_order(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    first = await complete(engine, cartId=key, maximumTotal=MUCH)
    again = await complete(engine, cartId=key, maximumTotal=MUCH, paymentMethodId="till:action")
    assert again == first
    _, found = await change(engine, "cartClear", cartId=key)
    assert found == [("CONFLICT", ["cartId"])]


async def test_a_payment_method_is_one_of_those_offered(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    for wanted in (None, "till:gold", ""):
        done = await complete(engine, cartId=key, maximumTotal=MUCH, paymentMethodId=wanted)
        assert errors(done) == [("PAYMENT_METHOD", ["paymentMethodId"])]
    _, found = await change(engine, "cartPaymentSelect", cartId=key, paymentMethodId="gold")
    assert found == [("PAYMENT_METHOD", ["paymentMethodId"])]


async def test_an_action_says_where_the_buyer_goes(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    given = {"cartId": key, "maximumTotal": MUCH, "returnUrl": "https://shop.example/back"}
    done = await complete(engine, **given, paymentMethodId="till:action")
    assert done["order"] is None
    assert done["secret"], "so that somebody without an account goes on with it"
    assert (done["action"]["kind"], done["action"]["url"]) == (
        *("REDIRECT", "https://till.example/3ds"),
    )
    done = await complete(engine, **given, paymentMethodId="till:unknown")
    assert done["action"]["kind"] == "WAIT"
    assert BOOKS
    for bad in ("javascript:alert(1)", "//evil", "data://x", "", "https://a b"):
        done = await complete(engine, cartId=key, maximumTotal=MUCH, returnUrl=bad)
        assert errors(done) == [("INVALID", ["returnUrl"])], bad


async def test_somebody_elses_cart_is_not_there(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    theirs = await ready_id(engine, 1, viewer=GUEST)
    for viewer, cart in ((CORA, key), (NOBODY, key), (OTHER_GUEST, theirs), (CARL, theirs)):
        done = await complete(engine, viewer, cartId=cart, maximumTotal=MUCH)
        assert errors(done) == [("NOT_FOUND", ["cartId"])]
    done = await complete(engine, cartId=encode_id("Order", "x"), maximumTotal=MUCH)
    assert errors(done) == [("INVALID", ["cartId"])]


async def test_a_guest_reads_the_order_with_its_secret_and_not_without(engine: Engine) -> None:
    read = "query ($n: String, $s: String) { order(number: $n, secret: $s) { number } }"
    key = await ready_id(engine, 1, viewer=GUEST)
    done = await complete(engine, GUEST, cartId=key, maximumTotal=MUCH)
    number = done["order"]["number"]
    for secret, found in ((done["secret"], {"number": number}), ("x" * 43, None), (None, None)):
        answer = await answered(engine, read, {"n": number, "s": secret}, viewer=NOBODY)
        assert answer["data"]["order"] == found


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": "archived"}, "UNAVAILABLE"),
        ({"variants.0.available": False}, "UNAVAILABLE"),
        ({"variants.0.prices": [{"currency": "USD", "amount": 5}]}, "NO_PRICE"),
    ],
    ids=["archived", "of a suspended seller", "without a price"],
)
async def test_what_stops_being_for_sale_is_not_ordered(
    engine: Engine, values: dict[str, Any], code: str
) -> None:
    cart = await ready(engine, 1)
    await change_product(engine, cart["lines"][0]["variant"], **values)
    key = encode_id("Cart", cart["_id"])
    done = await complete(engine, cartId=key, maximumTotal=MUCH)
    assert errors(done) == [(code, None)]


async def test_a_quote_is_the_same_in_every_language(engine: Engine) -> None:
    key = await ready_id(engine, 1)
    hashes = set()
    for languages in ("en", "de", "ja"):
        answer = await answered(engine, QUOTE, {"id": key}, viewer=CARL, languages=languages)
        hashes.add(answer["data"]["cart"]["quoteHash"])
    assert len(hashes) == 1


async def test_an_order_keeps_what_was_agreed_to(engine: Engine) -> None:
    cart = await ready(engine, 2)
    key = encode_id("Cart", cart["_id"])
    done = await complete(engine, cartId=key, maximumTotal=MUCH)
    variant = cart["lines"][0]["variant"]
    prices = [{"currency": "EUR", "amount": 1}]
    await change_product(engine, variant, name="Other", **{"variants.0.prices": prices})
    read = """query ($id: ID!) { node(id: $id) { ... on Order {
      lines { name unitPrice { amount } } totals { total { amount } } } } }"""
    answer = await answered(engine, read, {"id": done["order"]["id"]}, viewer=CARL)
    assert answer["data"]["node"] == {
        "lines": [{"name": "Thing", "unitPrice": {"amount": "10.00"}}],
        "totals": {"total": {"amount": "24.90"}},
    }
