"""Lists of orders, and of sellers' parts of them, as each may see them."""

import operator
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from graphql import GraphQLObjectType, GraphQLType, get_named_type

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat.storage.pages import PageRequest, reserve_numbers
from mercat_orders.orders import pages
from mercat_orders.orders.access import orders
from mercat_orders.orders.pages import _windows

from .conftest import EngineFor
from .market import CARL, CORA, GUEST, NOBODY, OTHER_GUEST
from .ordering import TOML, completed, placed, ready
from .test_orders_reading import (
    ADMIN,
    ANNA,
    BEN,
    READER,
    SELLER_ROLE_ALONE,
    STATUS,
    SUPPORT,
    ZOE,
    listed,
    refused,
)

LIST = """query ($filter: OrderFilter, $first: Int, $after: String, $last: Int, $before: String) {
  orders(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { id number } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
PARTS = """query ($filter: SellerOrderFilter, $first: Int, $after: String, $last: Int,
    $before: String) {
  sellerOrders(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { id number sellerId } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.fixture(scope="module", name="shop")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(STATUS)


@pytest.fixture(scope="module", name="records")
async def placed_orders(shop: Engine) -> list[Record]:
    """Carl's, Cora's, a guest's and nobody's; what lies between them is none."""
    found = [
        await placed(shop, 1, 1, 1, sellers=("anna", "ben", None)),
        await placed(shop, 1, viewer=CORA, sellers=("anna",), method="till:awaited"),
    ]
    cart = await ready(shop, 1, sellers=("anna",))
    await completed(shop, cart, method="till:action")
    found += [
        await placed(shop, 1, viewer=GUEST, sellers=("ben",)),
        await placed(shop, 1, viewer=NOBODY),
        await placed(shop, 1, 1, sellers=("ben", "anna"), method="till:awaited"),
    ]
    return found[::-1]


async def ids(shop: Engine, viewer: Viewer, **wanted: Any) -> list[str]:
    found = await listed(shop, LIST, viewer, first=100, filter=wanted)
    assert found["totalCount"] == len(found["nodes"])
    return [one["number"] for one in found["nodes"]]


async def test_each_lists_their_own_and_staff_all_the_newest_first(
    shop: Engine, records: list[Record]
) -> None:
    codes = [record["code"] for record in records]
    for viewer in (ADMIN, SUPPORT, READER):
        assert await ids(shop, viewer) == codes
    for viewer, key, value in ((CARL, "user", "carl"), (CORA, "user", "cora")):
        own = [record["code"] for record in records if record[key] == value]
        assert await ids(shop, viewer) == own
    own = [record["code"] for record in records if record["guest"] == "g1"]
    assert await ids(shop, GUEST) == own
    assert len(own) == 1
    assert await ids(shop, OTHER_GUEST) == []
    assert await ids(shop, ANNA) == []


@pytest.mark.parametrize("query", [LIST, PARTS], ids=["orders", "sellerOrders"])
async def test_nobody_lists_nothing(shop: Engine, query: str) -> None:
    assert await refused(shop, query, NOBODY, first=1) == "UNAUTHENTICATED"


async def test_orders_are_filtered(shop: Engine, records: list[Record]) -> None:
    def codes(keep: Any) -> list[str]:
        return [record["code"] for record in records if keep(record)]

    for viewer in (ADMIN, CARL):
        mine = (lambda one: one["user"] == "carl") if viewer is CARL else (lambda _: True)
        for given, keep in (
            ({"states": ["PENDING"]}, lambda one: one["state"] == "PENDING"),
            ({"states": ["PENDING", "CONFIRMED"]}, lambda _: True),
            ({"states": ["DELIVERED"]}, lambda _: False),
            ({"states": []}, lambda _: True),
            ({"number": records[0]["code"]}, lambda one: one is records[0]),
            ({"number": "ZZZZ-ZZZZ"}, lambda _: False),
            (
                {"sellerId": encode_id("Seller", "ben")},
                lambda one: any(part["seller"] == "ben" for part in one["seller_orders"]),
            ),
            (
                {"states": ["CONFIRMED"], "sellerId": encode_id("Seller", "ben")},
                lambda one: (
                    one["state"] == "CONFIRMED"
                    and any(part["seller"] == "ben" for part in one["seller_orders"])
                ),
            ),
        ):
            assert await ids(shop, viewer, **given) == codes(
                lambda one, mine=mine, keep=keep: mine(one) and keep(one)
            ), given


async def test_orders_are_filtered_by_when_they_were_placed(
    shop: Engine, records: list[Record]
) -> None:
    moment = records[2]["placed_at"]
    since, until = (
        (await between(shop, moment, None)),
        (await between(shop, None, moment)),
    )
    assert since == [record["code"] for record in records[:3]]
    assert until == [record["code"] for record in records[3:]]
    assert await between(shop, moment, moment + timedelta(milliseconds=1)) == [records[2]["code"]]
    assert await between(shop, moment, moment) == []


async def between(shop: Engine, since: Any, until: Any) -> list[str]:
    given = {"placedFrom": since, "placedTo": until}
    return await ids(shop, ADMIN, **{name: one.isoformat() for name, one in given.items() if one})


async def test_staff_finds_by_exact_address_and_customer_and_others_may_not(
    shop: Engine, records: list[Record]
) -> None:
    codes = [record["code"] for record in records]
    carl = encode_id("User", "carl")
    assert await ids(shop, SUPPORT, email=" ADA@example.com ") == codes
    assert await ids(shop, SUPPORT, email="ada@example") == []
    assert await ids(shop, SUPPORT, email="\ud800") == []
    assert await ids(shop, SUPPORT, customerId=carl) == [
        record["code"] for record in records if record["user"] == "carl"
    ]
    for viewer in (CARL, ANNA):
        for given in ({"email": "ada@example.com"}, {"customerId": carl}):
            assert await refused(shop, LIST, viewer, first=1, filter=given) == "FORBIDDEN"
    for given in ({"email": "ada@example.com"}, {"customerId": carl}):
        assert await refused(shop, LIST, GUEST, first=1, filter=given) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "given", [{"customerId": "x"}, {"sellerId": encode_id("User", "x")}], ids=str
)
async def test_ids_of_something_else_are_refused(shop: Engine, given: dict[str, str]) -> None:
    assert await refused(shop, LIST, ADMIN, first=1, filter=given) == "BAD_REQUEST"


async def parts(shop: Engine, viewer: Viewer, **wanted: Any) -> list[tuple[str, Any]]:
    found = await listed(shop, PARTS, viewer, first=100, filter=wanted)
    assert found["totalCount"] == len(found["nodes"])
    return [(one["number"], one["sellerId"]) for one in found["nodes"]]


def of(records: list[Record], *sellers: str | None) -> list[tuple[str, Any]]:
    return [
        (record["code"], part["seller"] and encode_id("Seller", part["seller"]))
        for record in records
        for part in record["seller_orders"]
        if part["seller"] in sellers
    ]


async def test_sellers_list_their_parts_and_staff_all(shop: Engine, records: list[Record]) -> None:
    anna, ben = encode_id("Seller", "anna"), encode_id("Seller", "ben")
    assert await parts(shop, ADMIN) == of(records, "anna", "ben", None)
    assert await parts(shop, READER, sellerId=ben) == of(records, "ben")
    assert await parts(shop, ANNA) == of(records, "anna")
    assert await parts(shop, ANNA, sellerId=anna) == of(records, "anna")
    assert await parts(shop, ZOE) == []
    assert await parts(shop, ANNA, states=["PENDING"]) == of(
        [one for one in records if one["state"] == "PENDING"], "anna"
    )
    assert await parts(shop, ADMIN, states=["PENDING"]) == of(
        [one for one in records if one["state"] == "PENDING"], "anna", "ben", None
    )
    assert await refused(shop, PARTS, ANNA, first=1, filter={"sellerId": ben}) == "FORBIDDEN"
    for viewer in (CARL, SELLER_ROLE_ALONE):
        assert await refused(shop, PARTS, viewer, first=1) == "FORBIDDEN"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(("query", "viewer"), [(LIST, ADMIN), (PARTS, ADMIN), (PARTS, BEN)])
async def test_pages_are_parts_of_one_list_in_both_directions(
    shop: Engine, records: list[Record], query: str, viewer: Viewer, size: int
) -> None:
    assert records
    every = (await listed(shop, query, viewer, first=100))["nodes"]
    assert len(every) > 2
    forward: list[Any] = []
    page: Any = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        after = page["pageInfo"]["endCursor"]
        page = await listed(shop, query, viewer, first=size, after=after)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        forward += page["nodes"]
    backward: list[Any] = []
    page = {"pageInfo": {"hasPreviousPage": True, "startCursor": None}}
    while page["pageInfo"]["hasPreviousPage"]:
        before = page["pageInfo"]["startCursor"]
        page = await listed(shop, query, viewer, last=size, before=before)
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        backward = page["nodes"] + backward
    assert forward == backward == every


@pytest.mark.parametrize("given", [{}, {"first": 0}, {"first": 101}, {"first": 1, "last": 1}])
async def test_a_list_wants_to_know_how_many(shop: Engine, given: dict[str, int]) -> None:
    for query in (LIST, PARTS):
        assert await refused(shop, query, ADMIN, **given) == "BAD_REQUEST"


async def test_cursors_of_other_lists_are_refused(shop: Engine, records: list[Record]) -> None:
    assert records
    cursor = (await listed(shop, LIST, ADMIN, first=1))["pageInfo"]["endCursor"]
    assert await refused(shop, PARTS, ADMIN, first=1, after=cursor) == "BAD_REQUEST"
    assert await refused(shop, LIST, ADMIN, first=1, after="x") == "BAD_REQUEST"


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("highest", [0, 1, 5, 99, 1_000])
@pytest.mark.parametrize("cursor", [None, 0, 1, 4, 700, 1_003, 10**18])
def test_windows_have_each_number_once_from_the_cursors_own_on(
    cursor: int | None, highest: int, *, backward: bool
) -> None:
    known = range(1, highest + 4)  # some were given out since it was asked
    found = [
        [number for number in known if _is_within(number, bounds)]
        for bounds in _windows(PageRequest(3, cursor, backward), 1, highest)
    ]
    edge = cursor if cursor is not None else (0 if backward else highest + 3)
    wanted = [number for number in known if (number >= edge if backward else number <= edge)]
    ordered = found if backward else found[::-1]
    assert [number for window in ordered for number in window] == wanted
    assert len(found) < 6


def _is_within(number: int, bounds: Mapping[str, int]) -> bool:
    tests = {"$gte": operator.ge, "$gt": operator.gt, "$lt": operator.lt, "$lte": operator.le}
    return all(tests[name](number, bound) for name, bound in bounds.items())


async def test_what_is_rare_is_found_behind_many_others(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window grows until it is full; what is no order in between is not counted."""
    engine = await engine_for(TOML)
    monkeypatch.setattr(pages, "_FIRST_WINDOW", 1)
    first = await placed(engine, 1, sellers=("anna",), method="till:awaited")
    stored = orders(engine.context())
    for at in range(1, 40):
        copy = {**first, "_id": ObjectId(), "number": first["number"] + at, "code": f"C{at}"}
        parts = [{**first["seller_orders"][0], "id": ObjectId(), "seller": "ben"}]
        state = "FAILED" if at % 3 == 0 else "CONFIRMED"
        placed_at = None if state == "FAILED" else first["placed_at"]
        more = {"state": state, "placed_at": placed_at, "seller_orders": parts}
        await stored.insert_one({**copy, **more})
    await reserve_numbers(engine.storage, "orders", 39)
    found = await listed(engine, LIST, ADMIN, first=2, filter={"states": ["PENDING"]})
    assert [one["number"] for one in found["nodes"]] == [first["code"]]
    assert found["pageInfo"]["hasNextPage"] is False
    found = await listed(engine, PARTS, ANNA, last=2)
    assert [one["number"] for one in found["nodes"]] == [first["code"]]
    found = await listed(engine, LIST, ADMIN, first=20)
    assert [one["number"] for one in found["nodes"]] == [
        f"C{at}" for at in range(39, 0, -1) if at % 3
    ][:20]


async def test_each_field_is_in_a_list_what_it_is_alone(
    shop: Engine, records: list[Record]
) -> None:
    """A list reads only what its fields say that they read."""
    order = shop.schema._schema.type_map["Order"]
    assert isinstance(order, GraphQLObjectType)
    (record, *_) = [one for one in records if one["user"] == "carl"]
    for name, field in order.fields.items():
        asked_for = f"{name} {_selection(field.type, 3)}"
        alone = f"query ($id: ID!) {{ order(id: $id) {{ {asked_for} }} }}"
        among = f"{{ orders(first: 1) {{ nodes {{ {asked_for} }} }} }}"
        expected = await listed(shop, alone, CARL, id=encode_id("Order", record["_id"]))
        assert (await listed(shop, among, CARL))["nodes"] == [expected], name


def _selection(of: GraphQLType, depth: int) -> str:
    """All that can be asked of a type without arguments, so deep."""
    kind = get_named_type(of)
    if not isinstance(kind, GraphQLObjectType):
        return ""
    deeper = {name: get_named_type(field.type) for name, field in kind.fields.items()}
    names = [
        f"{name} {_selection(found, depth - 1)}"
        for name, found in deeper.items()
        if depth > 1 or not isinstance(found, GraphQLObjectType)
        if name not in {"order", "sellerOrder", "variant"}
    ]
    return f"{{ {' '.join(names)} }}" if names else "{ __typename }"
