"""Orders as their buyers, sellers, staff and strangers see them."""

import statistics
import time
from typing import Any, get_args

import pytest
from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.storage.encryption import Encryption
from mercat_orders.orders import reading
from mercat_orders.orders.access import orders, secret_of
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.orders.documents import WAITING, FulfilmentState, OrderState
from mercat_orders.orders.types.lines import FulfilmentState as ShownFulfilmentState
from mercat_orders.orders.types.states import OrderPaymentState
from mercat_orders.orders.types.states import OrderState as ShownState

from .asking import answered
from .conftest import EngineFor
from .market import CARL, CORA, GUEST, NOBODY, OTHER_GUEST, change_product
from .ordering import TOML, placed, ready
from .ordering import completed as completed_cart

STATUS = TOML.replace(
    "[plugins.orders.tax_zones.germany]",
    '[plugins.orders]\nstatus_url = "https://shop.example/o/{number}?s={secret}"\n'
    'commission = "10"\n\n[plugins.orders.tax_zones.germany]',
    1,
)


def seller(name: str) -> Viewer:
    return Viewer(
        role="SELLER", permissions=frozenset({"orders.sell"}), user=f"{name}-1", seller=name
    )


ANNA, BEN, ZOE = seller("anna"), seller("ben"), seller("zoe")
SUPPORT = Viewer(
    role="SUPPORT", permissions=frozenset({"orders.read", "orders.manage"}), user="sue"
)
READER = Viewer(role="ACCOUNTANT", permissions=frozenset({"orders.read"}), user="rob")
ADMIN = Viewer(role="ADMIN", permissions=frozenset({"orders.manage"}), user="ada")
SELLER_ROLE_ALONE = Viewer(role="SELLER", user="x", seller="anna")
SELLS_FOR_NOBODY = Viewer(role="X", permissions=frozenset({"orders.sell"}), user="x")
STRANGERS = (CORA, GUEST, NOBODY, ANNA, ZOE)

SUMS = "{ subtotal { amount } discounts { amount } shipping { amount } tax { amount }"
TOTALS = f"{SUMS} total {{ amount currency }} adjustments {{ kind amount {{ amount }} }} }}"
LINE = f"""{{ id name sku quantity options {{ name value }} note unitPrice {{ amount currency }}
  totals {TOTALS} variant {{ sku }} sellerId
  cancelledQuantity fulfilledQuantity deliveredQuantity returnedQuantity }}"""
EVENT = "{ cursor kind at role userId sellerId reason isInternal facts { name value } }"
PERSON = "buyer { email phone } shippingAddress { name lines city postalCode country }"
PART = f"""{{ id number sellerId state placedAt taxIncluded lines {LINE} totals {TOTALS}
  fulfilments {{ id state carrier trackingNumber trackingUrl createdAt shippedAt deliveredAt
    lines {{ quantity line {{ id sku }} }} }}
  shippingName {PERSON} commission {{ amount }} order {{ id }} cursor
  timeline {{ nodes {EVENT} }} }}"""
ORDER = f"""{{ id number state placedAt currency taxIncluded version updatedAt paymentState
  statusUrl lines {LINE} totals {TOTALS} {PERSON} billingAddress {{ name }}
  sellerOrders {PART} timeline {{ totalCount nodes {EVENT} }} }}"""
FIND = f"""query ($id: ID, $number: String, $secret: String) {{
  order(id: $id, number: $number, secret: $secret) {ORDER} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Order {ORDER} ... on SellerOrder {PART} }} }}"


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(STATUS)


async def asked(
    engine: Engine, query: str, viewer: Viewer, /, **variables: Any
) -> dict[str, Any] | None:
    """The only field of an answer that must have no errors."""
    answer = await answered(engine, query, variables, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    (found,) = answer["data"].values()
    return found  # type: ignore[no-any-return]


async def listed(engine: Engine, query: str, viewer: Viewer, /, **variables: Any) -> dict[str, Any]:
    found = await asked(engine, query, viewer, **variables)
    assert found is not None
    return found


async def refused(engine: Engine, query: str, viewer: Viewer, /, **variables: Any) -> str:
    """The code of the only error."""
    answer = await answered(engine, query, variables, viewer=viewer)
    (error,) = answer["errors"]
    code: str = error["extensions"]["code"]
    return code


def id_of(record: Record) -> str:
    return encode_id("Order", record["_id"])


def part_ids(record: Record) -> dict[str | None, str]:
    return {
        part["seller"]: encode_id("SellerOrder", part["id"]) for part in record["seller_orders"]
    }


async def three(engine: Engine, viewer: Viewer = CARL) -> Record:
    """An order of two sellers and the shop."""
    return await placed(engine, 2, 3, 1, sellers=("anna", "ben", None), viewer=viewer)


async def note(
    engine: Engine, record: Record, kind: str, viewer: Viewer = ADMIN, **given: Any
) -> None:
    """Something happens to an order, or to `part` of it, of which only the kind matters."""
    index = given.pop("part", None)
    part = None if index is None else record["seller_orders"][index]

    def decide(_: Record) -> Change:
        return Change(Happening(kind, part=part, **given))

    await change(Context(engine, viewer), record["_id"], decide)


def test_every_stored_state_is_shown_and_no_other() -> None:
    assert set(ShownState.__members__) == set(get_args(OrderState)) - set(WAITING)
    assert set(ShownFulfilmentState.__members__) == set(get_args(FulfilmentState))


async def test_a_buyer_sees_all_of_an_order_as_it_was_bought(engine: Engine) -> None:
    record = await three(engine)
    for given in ({"id": id_of(record)}, {"number": record["code"]}):
        found = await listed(engine, FIND, CARL, **given)
        assert found["id"] == id_of(record)
        assert found["number"] == record["code"]
        assert (found["state"], found["paymentState"]) == ("CONFIRMED", "PAID")
        assert found["buyer"] == {"email": "ada@example.com", "phone": "+49 30 123"}
        assert found["shippingAddress"]["lines"] == ["Unter den Linden 1"]
        assert found["billingAddress"] is None
        assert [line["quantity"] for line in found["lines"]] == [2, 3, 1]
        assert [line["sku"] for line in found["lines"]] == [
            line["variant"]["sku"] for line in found["lines"]
        ]
        assert [part["sellerId"] for part in found["sellerOrders"]] == [
            encode_id("Seller", "anna"),
            encode_id("Seller", "ben"),
            None,
        ]
        assert found["totals"]["total"]["amount"] == f"{record['sums']['total'] / 100:.2f}"
        assert [one["kind"] for one in found["timeline"]["nodes"]] == ["PLACED"]
        assert found["timeline"]["nodes"][0]["facts"] == [{"name": "payment", "value": "paid"}]


async def test_parts_sum_to_the_whole_and_reasons_to_the_sums(engine: Engine) -> None:
    found = await listed(engine, FIND, CARL, id=id_of(await three(engine)))

    def cents(totals: Any, name: str) -> int:
        return round(float(totals[name]["amount"]) * 100)

    for name in ("subtotal", "discounts", "shipping", "tax", "total"):
        parts = sum(cents(part["totals"], name) for part in found["sellerOrders"])
        assert parts == cents(found["totals"], name), name
    for name in ("subtotal", "tax"):
        lines = [line for part in found["sellerOrders"] for line in part["lines"]]
        taxed = sum(cents(line["totals"], name) for line in lines)
        on_delivery = cents(found["totals"], "shipping") * (name == "tax")
        assert taxed <= cents(found["totals"], name) <= taxed + on_delivery
    reasons = [one for one in found["totals"]["adjustments"] if one["kind"] == "TAX"]
    assert sum(round(float(one["amount"]["amount"]) * 100) for one in reasons) == cents(
        found["totals"], "tax"
    )


async def test_what_the_catalogue_becomes_changes_no_order(engine: Engine) -> None:
    record = await placed(engine, 2)
    before = await listed(engine, FIND, CARL, id=id_of(record))
    variant = record["lines"][0]["variant"]
    await change_product(
        engine, variant, name="Other", status="archived", **{"variants.$.prices": []}
    )
    after = await listed(engine, FIND, CARL, id=id_of(record))
    assert after["lines"][0]["variant"] is None
    assert before["lines"][0]["variant"] is not None
    before["lines"][0]["variant"] = None
    before["sellerOrders"][0]["lines"][0]["variant"] = None
    assert after == before


@pytest.mark.parametrize("viewer", [*STRANGERS, OTHER_GUEST, BEN, SELLER_ROLE_ALONE], ids=repr)
async def test_others_see_no_order_by_its_number_or_id_or_the_buyers_address(
    engine: Engine, viewer: Viewer
) -> None:
    record = await three(engine)
    assert await asked(engine, FIND, viewer, id=id_of(record)) is None
    assert await asked(engine, FIND, viewer, number=record["code"]) is None
    assert await asked(engine, NODE, viewer, id=id_of(record)) is None
    assert (
        await asked(engine, FIND, viewer, number=record["code"], secret="ada@example.com") is None
    )


@pytest.mark.parametrize("viewer", [SUPPORT, READER, ADMIN], ids=lambda one: str(one.role))
async def test_staff_sees_every_order(engine: Engine, viewer: Viewer) -> None:
    record = await three(engine)
    found = await listed(engine, FIND, viewer, number=record["code"].lower())
    assert found["buyer"]["email"] == "ada@example.com"
    assert [part["commission"] for part in found["sellerOrders"]] == [
        {"amount": "2.00"},
        {"amount": "3.00"},
        {"amount": "0.00"},
    ]


async def test_a_guest_sees_their_order_and_others_only_with_its_secret(engine: Engine) -> None:
    record = await three(engine, GUEST)
    secret = secret_of(engine.context(), record)
    assert await asked(engine, FIND, GUEST, id=id_of(record)) is not None
    for viewer in (NOBODY, OTHER_GUEST, CORA):
        for given in ({"id": id_of(record)}, {"number": record["code"]}):
            assert await asked(engine, FIND, viewer, **given) is None
            assert await asked(engine, FIND, viewer, secret=secret[:-1] + "x", **given) is None
            found = await listed(engine, FIND, viewer, secret=secret, **given)
            assert found["buyer"]["email"] == "ada@example.com"
            assert [part["order"]["id"] for part in found["sellerOrders"]] == [id_of(record)] * 3
            assert [part["commission"] for part in found["sellerOrders"]] == [None] * 3
            kinds = [one["timeline"]["nodes"][0]["kind"] for one in found["sellerOrders"]]
            assert kinds == ["PLACED"] * 3


async def test_the_secret_of_one_order_opens_no_other(engine: Engine) -> None:
    one, other = await placed(engine, 1, viewer=GUEST), await placed(engine, 1, viewer=GUEST)
    secret = secret_of(engine.context(), one)
    assert await asked(engine, FIND, NOBODY, number=other["code"], secret=secret) is None


async def test_an_order_of_nobody_known_is_seen_with_its_secret_alone(engine: Engine) -> None:
    record = await placed(engine, 1, viewer=NOBODY)
    assert (record["user"], record["guest"]) == (None, None)
    assert await asked(engine, FIND, NOBODY, number=record["code"]) is None
    assert await asked(engine, FIND, Viewer(user=None, guest=None), id=id_of(record)) is None
    secret = secret_of(engine.context(), record)
    assert await asked(engine, FIND, NOBODY, number=record["code"], secret=secret) is not None


async def test_a_wrong_secret_answers_as_a_wrong_number_does_and_takes_as_long(
    engine: Engine,
) -> None:
    record = await placed(engine, 1, viewer=GUEST)
    context, wrong = Context(engine, NOBODY), "x" * 43

    async def seconds(code: str) -> float:
        begun = time.perf_counter()
        assert await reading.find_order(context, code=code, secret=wrong) is None
        return time.perf_counter() - begun

    await seconds(record["code"])
    there = [await seconds(record["code"]) for _ in range(40)]
    missing = [await seconds("ZZZZ-ZZZZ") for _ in range(40)]
    assert statistics.median(there) < 3 * statistics.median(missing)
    known = await answered(engine, FIND, {"number": record["code"], "secret": wrong}, viewer=NOBODY)
    unknown = await answered(engine, FIND, {"number": "ZZZZ-ZZZZ", "secret": wrong}, viewer=NOBODY)
    assert known["data"] == unknown["data"] == {"order": None}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "BAD_REQUEST"),
        ({"id": "x", "number": "y"}, "BAD_REQUEST"),
        ({"id": "nonsense"}, "BAD_REQUEST"),
        ({"id": encode_id("Product", ObjectId("6b04264cdf7ae379d203d78d"))}, "BAD_REQUEST"),
        ({"id": encode_id("Order", "{$gt: ''}")}, "BAD_REQUEST"),
    ],
)
async def test_what_names_no_order_is_refused(
    engine: Engine, given: dict[str, str], code: str
) -> None:
    assert await refused(engine, FIND, CARL, **given) == code


@pytest.mark.parametrize(
    "given",
    [
        {"number": ""},
        {"number": "\ud800"},
        {"number": "\x00"},
        {"number": "K" * 10_000},
        {"number": "\uff21\uff22-\uff23"},
        {"number": "ZZZZ-ZZZZ", "secret": "\ud800\u00e9"},
        {"id": encode_id("Order", ObjectId("6b04264cdf7ae379d203d78d")), "secret": ""},
        {"id": encode_id("Order", ObjectId("6b04264cdf7ae379d203d78d"))},
    ],
    ids=str,
)
async def test_strange_numbers_and_secrets_find_nothing(
    engine: Engine, given: dict[str, str]
) -> None:
    assert await asked(engine, FIND, CARL, **given) is None


@pytest.mark.parametrize(
    "key", ["", "x", "1" * 24, str(ObjectId("6b04264cdf7ae379d203d78d")), "\u00e9"]
)
@pytest.mark.parametrize("kind", ["Order", "SellerOrder"])
async def test_strange_ids_load_no_node(engine: Engine, kind: str, key: str) -> None:
    answer = await answered(engine, NODE, {"id": encode_id(kind, key)}, viewer=ADMIN)
    assert answer["data"] is None or answer["data"] == {"node": None}
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] == "BAD_REQUEST"


async def test_a_checkout_that_is_no_order_does_not_exist_for_anybody(engine: Engine) -> None:
    cart = await ready(engine, 1, sellers=("anna",))
    done = await completed_cart(engine, cart, method="till:action")
    record = done.order
    assert record["state"] == "PLACING"
    secret = secret_of(engine.context(), record)
    for viewer in (CARL, ADMIN, ANNA):
        assert await asked(engine, FIND, viewer, id=id_of(record)) is None
        assert await asked(engine, FIND, viewer, number=record["code"], secret=secret) is None
        assert await asked(engine, NODE, viewer, id=id_of(record)) is None
        assert await asked(engine, NODE, viewer, id=part_ids(record)["anna"]) is None


async def test_a_seller_sees_their_part_and_nothing_of_the_others(engine: Engine) -> None:
    record = await three(engine)
    found = await listed(engine, NODE, ANNA, id=part_ids(record)["anna"])
    assert found["sellerId"] == encode_id("Seller", "anna")
    assert [line["quantity"] for line in found["lines"]] == [2]
    assert found["totals"]["subtotal"]["amount"] == "20.00"
    assert found["commission"] == {"amount": "2.00"}
    assert found["order"] is None
    assert found["shippingName"] == "Standard"
    assert found["shippingAddress"]["city"] == "Berlin"
    assert found["buyer"]["email"] == "ada@example.com"
    assert found["timeline"]["nodes"][0]["facts"] == []
    assert str(record["sums"]["total"])[:2] not in str(found["totals"])
    for part in ("ben", None):
        assert await asked(engine, NODE, ANNA, id=part_ids(record)[part]) is None
    for viewer in (ZOE, SELLER_ROLE_ALONE, SELLS_FOR_NOBODY, CORA, NOBODY):
        for part in part_ids(record).values():
            assert await asked(engine, NODE, viewer, id=part) is None


async def test_buyers_and_staff_find_parts_by_their_ids_with_the_whole(engine: Engine) -> None:
    record = await three(engine)
    for viewer, commission in ((CARL, None), (READER, {"amount": "2.00"})):
        found = await listed(engine, NODE, viewer, id=part_ids(record)["anna"])
        assert found["order"] == {"id": id_of(record)}
        assert found["commission"] == commission


async def test_a_seller_who_buys_sees_the_whole_of_that_order_alone(engine: Engine) -> None:
    bought, other = await three(engine, ANNA), await three(engine)
    found = await listed(engine, FIND, ANNA, id=id_of(bought))
    assert [part["commission"] for part in found["sellerOrders"]] == [
        {"amount": "2.00"},
        None,
        None,
    ]
    assert await asked(engine, FIND, ANNA, id=id_of(other)) is None
    bought = await three(engine, SELLS_FOR_NOBODY)
    found = await listed(engine, FIND, SELLS_FOR_NOBODY, id=id_of(bought))
    assert [part["commission"] for part in found["sellerOrders"]] == [None] * 3


async def test_a_timeline_shows_each_what_is_theirs_to_see(engine: Engine) -> None:
    record = await three(engine)
    await note(engine, record, "STAFF_NOTE", is_internal=True, reason="a hard one")
    await note(engine, record, "ANNAS", part=0, facts={"sum": 2_000})
    await note(engine, record, "ANNAS_NOTE", ANNA, part=0, is_internal=True)
    await note(engine, record, "BENS", part=1, facts={"sum": 3_000})
    await note(engine, record, "PAYMENT_CHANGED", facts={"sum": 6_000})
    await note(engine, record, "SHOPS", part=2)
    await note(engine, record, "ALLS")
    whole = ["PLACED", "STAFF_NOTE", "ANNAS", "ANNAS_NOTE", "BENS", "PAYMENT_CHANGED", "SHOPS"]
    whole += ["ALLS"]

    async def kinds(viewer: Viewer, given: str) -> list[str]:
        found = await listed(engine, NODE, viewer, id=given)
        return [one["kind"] for one in found["timeline"]["nodes"]]

    parts = part_ids(record)
    assert await kinds(ADMIN, id_of(record)) == whole
    assert await kinds(CARL, id_of(record)) == ["PLACED", "ANNAS", "BENS", *whole[-3:]]
    assert await kinds(ADMIN, parts["anna"]) == [*whole[:4], "PAYMENT_CHANGED", "ALLS"]
    assert await kinds(CARL, parts["anna"]) == ["PLACED", "ANNAS", "PAYMENT_CHANGED", "ALLS"]
    assert await kinds(ANNA, parts["anna"]) == ["PLACED", *whole[2:4], "PAYMENT_CHANGED", "ALLS"]
    assert await kinds(BEN, parts["ben"]) == ["PLACED", "BENS", "PAYMENT_CHANGED", "ALLS"]
    assert await kinds(CARL, parts[None]) == ["PLACED", "PAYMENT_CHANGED", "SHOPS", "ALLS"]


async def test_where_the_shop_sells_nothing_itself_sellers_see_all_that_is_about_the_whole(
    engine: Engine,
) -> None:
    record = await placed(engine, 1, 1, sellers=("anna", "ben"))
    await note(engine, record, "NOTE", reason="to both")
    await note(engine, record, "NOTE", is_internal=True)
    found = await listed(engine, NODE, BEN, id=part_ids(record)["ben"])
    assert [one["reason"] for one in found["timeline"]["nodes"]] == ["", "to both"]


async def test_who_did_something_is_told_to_staff_and_their_role_to_all(engine: Engine) -> None:
    record = await three(engine)
    await note(engine, record, "SEEN", SUPPORT)
    for viewer, user in ((ADMIN, encode_id("User", "sue")), (CARL, None)):
        found = await listed(engine, FIND, viewer, id=id_of(record))
        event = found["timeline"]["nodes"][-1]
        assert (event["role"], event["userId"]) == ("SUPPORT", user)


async def test_a_timeline_is_read_in_pages(engine: Engine) -> None:
    record = await placed(engine, 1)
    for at in range(5):
        await note(engine, record, f"N{at}")
    query = """query ($id: ID!, $after: String) { order(id: $id) {
      timeline(first: 2, after: $after) { nodes { kind } pageInfo { hasNextPage endCursor } } } }"""
    kinds: list[str] = []
    after: str | None = None
    while True:
        found = await listed(engine, query, CARL, id=id_of(record), after=after)
        kinds += [one["kind"] for one in found["timeline"]["nodes"]]
        after = found["timeline"]["pageInfo"]["endCursor"]
        if not found["timeline"]["pageInfo"]["hasNextPage"]:
            break
    assert kinds == ["PLACED", *(f"N{at}" for at in range(5))]


async def test_the_link_of_an_order_opens_it_and_is_not_for_who_may_only_read(
    engine: Engine,
) -> None:
    record = await three(engine, GUEST)
    secret = secret_of(engine.context(), record)
    link = f"https://shop.example/o/{record['code']}?s={secret}"
    for viewer, given, expected in (
        (GUEST, {}, link),
        (NOBODY, {"secret": secret}, link),
        (ADMIN, {}, link),
        (READER, {}, None),
    ):
        found = await listed(engine, FIND, viewer, id=id_of(record), **given)
        assert found["statusUrl"] == expected


async def test_without_a_page_for_it_an_order_has_no_link(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    record = await placed(engine, 1)
    assert (await listed(engine, FIND, CARL, id=id_of(record)))["statusUrl"] is None


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("paid", "PAID"),
        ("on_delivery", "ON_DELIVERY"),
        ("ENDING", "ENDED"),
        ("ENDED", "ENDED"),
        ("a new one", "UNKNOWN"),
        *((state.lower(), state) for state in OrderPaymentState.__members__),
    ],
)
async def test_every_payments_state_is_shown(engine: Engine, stored: str, shown: str) -> None:
    record = await placed(engine, 1)
    await orders(engine.context()).update_one(
        {"_id": record["_id"]}, {"$set": {"payment.state": stored}}
    )
    assert (await listed(engine, FIND, CARL, id=id_of(record)))["paymentState"] == shown


async def test_erased_people_leave_their_order_without_names(engine: Engine) -> None:
    record = await placed(engine, 1)
    gone = {"email": None, "phone": None, "shipping_address": None, "user": None}
    await orders(engine.context()).update_one({"_id": record["_id"]}, {"$set": gone})
    found = await listed(engine, FIND, ADMIN, id=id_of(record))
    assert found["buyer"] == {"email": None, "phone": None}
    assert found["shippingAddress"] is None
    for viewer in (CARL, NOBODY, GUEST):
        assert await asked(engine, FIND, viewer, id=id_of(record)) is None


async def test_parcels_are_seen_with_their_lines(engine: Engine) -> None:
    record = await three(engine)
    line = record["lines"][0]
    now = record["placed_at"]
    parcel = {
        "id": ObjectId("6b04264cdf7ae379d203d78d"),
        "state": "SHIPPED",
        "lines": [{"line": line["id"], "quantity": 1}],
        "carrier": "DHL",
        "tracking_number": "1",
        "tracking_url": "https://dhl.example/1",
        "created_at": now,
        "shipped_at": now,
        "delivered_at": None,
    }
    await orders(engine.context()).update_one(
        {"_id": record["_id"]}, {"$push": {"seller_orders.0.fulfilments": parcel}}
    )
    for viewer in (CARL, ANNA, ADMIN):
        found = await listed(engine, NODE, viewer, id=part_ids(record)["anna"])
        (shown,) = found["fulfilments"]
        assert shown["lines"] == [
            {"quantity": 1, "line": {"id": encode_id("OrderLine", line["id"]), "sku": line["sku"]}}
        ]
        assert (shown["state"], shown["carrier"], shown["deliveredAt"]) == ("SHIPPED", "DHL", None)


async def test_a_list_unseals_only_what_is_asked_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await placed(engine, 1)
    unsealed: list[int] = []
    original = Encryption.unseal

    async def counted(self: Encryption, stored: Any) -> Any:
        unsealed.append(1)
        return await original(self, stored)

    monkeypatch.setattr(Encryption, "unseal", counted)
    for fields, count in (
        ("totals { total { amount } }", 0),
        ("buyer { email }", 1),
        ("buyer { email phone }", 2),
        ("shippingAddress { city }", 1),
        ("shippingAddress { city } billingAddress { city }", 1),
    ):
        unsealed.clear()
        await listed(engine, f"{{ orders(first: 1) {{ nodes {{ number {fields} }} }} }}", CARL)
        assert len(unsealed) == count, fields
