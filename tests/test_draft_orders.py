"""Draft orders: prepared by staff, paid by whoever has the link, changed by nobody."""

from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine

from .asking import answered
from .conftest import EngineFor
from .market import BERLIN, CARL, NOBODY, change, in_input, line, offer, sums
from .market import CART as CART_FIELDS
from .ordering import TOML, key_in
from .test_checkout import complete

STAFF = Viewer(role="SUPPORT", permissions=frozenset({"orders.manage"}), user="sam")
CREATE = f"""mutation ($input: DraftOrderCreateInput!) {{ draftOrderCreate(input: $input) {{
  cart {CART_FIELDS[:-1]} quoteHash }} paymentUrl userErrors {{ code field message }} }} }}"""
COMPLETE = """mutation ($input: DraftOrderCompleteInput!) { draftOrderComplete(input: $input) {
  order { number state totals { total { amount } } } action { kind }
  userErrors { code field message } } }"""
DELETE = """mutation ($input: DraftOrderDeleteInput!) { draftOrderDelete(input: $input) {
  deletedId userErrors { code field message } } }"""
LIST = """query { draftOrders(first: 50) { totalCount
  nodes { note paymentUrl createdAt cart { id } } } }"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    address = 'payment_url = "https://shop.example/pay?cart={cart}"\n'
    return await shared_engine_for(TOML + "[plugins.orders]\n" + address)


async def ask(engine: Engine, document: str, viewer: Viewer = STAFF, /, **given: Any) -> Any:
    answer = await answered(engine, document, {"input": given}, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    (payload,) = answer["data"].values()
    return payload


async def draft(engine: Engine, *lines: dict[str, Any], **more: Any) -> Any:
    values = {
        "email": "ada@example.com",
        "shippingAddress": BERLIN,
        "shipping": [{"optionId": "standard"}],
        **more,
    }
    payload = await ask(engine, CREATE, lines=list(lines), **values)
    assert payload["userErrors"] == []
    return payload


def errors(payload: Any) -> list[tuple[str, list[str] | None]]:
    return [(one["code"], in_input(one)) for one in payload["userErrors"]]


async def test_whoever_has_the_link_pays_what_was_agreed(engine: Engine) -> None:
    things = [line(await offer(engine, stock=100), 2, unitPrice="7.50"), line(await offer(engine))]
    made = await draft(engine, *things, discounts=[{"label": "For the delay", "amount": "5"}])
    cart = made["cart"]
    assert made["paymentUrl"] == f"https://shop.example/pay?cart={cart['id']}"
    assert sums(cart) == ["25.00", "5.00", "4.90", "3.98", "24.90"]
    assert {why["source"] for why in cart["totals"]["adjustments"]} >= {"orders:draft"}
    done = await complete(engine, NOBODY, cartId=cart["id"], quoteHash=cart["quoteHash"])
    assert done["order"]["totals"]["total"]["amount"] == "24.90"
    _, found = await change(engine, "cartClear", NOBODY, cartId=cart["id"])
    assert found == [("CONFLICT", ["cartId"])]


async def test_a_buyer_changes_the_address_and_nothing_else(engine: Engine) -> None:
    thing = await offer(engine)
    made = await draft(
        engine, line(thing, unitPrice="1"), discounts=[{"label": "x", "percent": "10"}]
    )
    key = made["cart"]["id"]
    row = made["cart"]["lines"][0]["id"]
    for name, given in (
        ("cartLinesAdd", {"lines": [line(thing, 5)]}),
        ("cartLinesUpdate", {"lines": [{"id": row, "quantity": 100}]}),
        ("cartLinesRemove", {"lineIds": [row]}),
        ("cartClear", {}),
        ("cartMarketSet", {"currency": "USD"}),
    ):
        _, found = await change(engine, name, CARL, cartId=key, **given)
        assert found == [("CONFLICT", ["cartId"])], name
    address = {**BERLIN, "name": "Grace Hopper"}
    cart, found = await change(engine, "cartAddressSet", CARL, cartId=key, shippingAddress=address)
    assert (found, cart and cart["shippingAddress"]["name"]) == ([], "Grace Hopper")
    assert cart is not None
    assert sums(cart)[:2] == ["1.00", "0.10"]


async def test_a_customer_who_pays_has_the_order(engine: Engine) -> None:
    made = await draft(engine, line(await offer(engine)))
    given = {"cartId": made["cart"]["id"], "quoteHash": made["cart"]["quoteHash"]}
    done = await complete(engine, CARL, **given)
    mine = "query { orders(first: 1) { nodes { number } } }"
    answer = await answered(engine, mine, viewer=CARL)
    assert answer["data"]["orders"]["nodes"] == [{"number": done["order"]["number"]}]


async def test_staff_order_for_somebody_and_do_not_own_it(engine: Engine) -> None:
    made = await draft(engine, line(await offer(engine)), shipping=[])
    key = made["cart"]["id"]
    given = {"cartId": key, "paymentMethodId": "till:on_delivery", "idempotencyKey": "phone"}
    done = await ask(engine, COMPLETE, **given)
    assert done["order"]["state"] == "CONFIRMED"
    assert done["order"]["totals"]["total"]["amount"] == "10.00", "the cheapest way"
    assert await ask(engine, COMPLETE, **given) == done
    from mercat_orders.orders.access import orders

    stored = await orders(engine.context()).find_one({"cart": key_in(key)})
    assert stored is not None
    assert stored["user"] is None
    assert stored["timeline"][0]["user"] == "sam"


async def test_drafts_are_listed_and_taken_back(engine: Engine) -> None:
    first = await draft(engine, line(await offer(engine)), note="for Ada")
    answer = await answered(engine, LIST, viewer=STAFF)
    nodes = answer["data"]["draftOrders"]["nodes"]
    assert nodes[0]["note"] == "for Ada"
    assert nodes[0]["cart"] == {"id": first["cart"]["id"]}
    assert nodes[0]["paymentUrl"] == first["paymentUrl"]
    key = first["cart"]["id"]
    assert (await ask(engine, DELETE, cartId=key))["deletedId"] == key
    assert errors(await ask(engine, DELETE, cartId=key)) == [("NOT_FOUND", ["cartId"])]
    done = await complete(engine, NOBODY, cartId=key, quoteHash=first["cart"]["quoteHash"])
    assert errors(done) == [("NOT_FOUND", ["cartId"])]


async def test_an_order_is_not_taken_back(engine: Engine) -> None:
    made = await draft(engine, line(await offer(engine)))
    await ask(engine, COMPLETE, cartId=made["cart"]["id"], paymentMethodId="till:paid")
    found = await ask(engine, DELETE, cartId=made["cart"]["id"])
    assert errors(found) == [("CONFLICT", ["cartId"])]


async def test_only_staff_prepare_orders(engine: Engine) -> None:
    made = await draft(engine, line(await offer(engine)))
    key = made["cart"]["id"]
    for viewer, code in ((CARL, "FORBIDDEN"), (NOBODY, "UNAUTHENTICATED")):
        for document, given in (
            (CREATE, {"lines": []}),
            (COMPLETE, {"cartId": key}),
            (DELETE, {"cartId": key}),
        ):
            answer = await answered(engine, document, {"input": given}, viewer=viewer)
            assert answer["errors"][0]["extensions"]["code"] == code
        answer = await answered(engine, LIST, viewer=viewer)
        assert answer["errors"][0]["extensions"]["code"] == code


async def test_an_ordinary_cart_is_no_draft(engine: Engine) -> None:
    from .test_checkout import ready_id

    key = await ready_id(engine, 1)
    for document in (COMPLETE, DELETE):
        assert errors(await ask(engine, document, cartId=key)) == [("NOT_FOUND", ["cartId"])]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"discounts": [{"label": "x"}]}, ["discounts", "0"]),
        ({"discounts": [{"label": "x", "amount": "1", "percent": "1"}]}, ["discounts", "0"]),
        ({"discounts": [{"label": "x", "percent": "101"}]}, ["discounts", "0", "percent"]),
        ({"discounts": [{"label": "x", "percent": "NaN"}]}, ["discounts", "0", "percent"]),
        ({"discounts": [{"label": "x", "percent": "ten"}]}, ["discounts", "0", "percent"]),
        ({"discounts": [{"label": "x", "amount": "-1"}]}, ["discounts", "0", "amount"]),
        ({"discounts": [{"label": "", "amount": "1"}]}, ["discounts", "0", "label"]),
        ({"days": 0}, ["days"]),
        ({"note": "x" * 2_001}, ["note"]),
    ],
)
async def test_what_can_not_be_is_refused(
    engine: Engine, given: dict[str, Any], field: list[str]
) -> None:
    payload = await ask(engine, CREATE, lines=[line(await offer(engine))], **given)
    assert errors(payload) == [("INVALID", field)]


async def test_a_price_below_zero_is_refused(engine: Engine) -> None:
    payload = await ask(engine, CREATE, lines=[line(await offer(engine), unitPrice="-1")])
    assert errors(payload) == [("INVALID", ["lines", "0", "unitPrice"])]


async def test_a_discount_never_makes_a_price_negative(engine: Engine) -> None:
    made = await draft(
        engine, line(await offer(engine)), discounts=[{"label": "all", "amount": "1000"}]
    )
    assert sums(made["cart"]) == ["10.00", "10.00", "4.90", "0.78", "4.90"]
