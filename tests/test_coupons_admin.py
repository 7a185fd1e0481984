"""Coupons as those who make them do, one by one."""

import asyncio
import re
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id

from .asking import answered, told
from .conftest import EngineFor
from .couponing import (
    ANNA,
    BATCH,
    BERT,
    CARL,
    COUPON,
    MANAGER,
    NOBODY,
    TOML,
    changed,
    keys_in,
    promotion,
    refused,
    seller_id,
)

LIST = f"""query (
  $filter: CouponFilter, $first: Int, $after: String, $last: Int, $before: String
) {{
  coupons(filter: $filter, first: $first, after: $after, last: $last, before: $before) {{
    nodes {COUPON} pageInfo {{ hasNextPage startCursor endCursor }} totalCount }} }}"""
ONE = f"query ($id: ID, $code: String) {{ coupon(id: $id, code: $code) {COUPON} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Coupon {COUPON} }} }}"


@pytest.fixture(name="shop")
async def _shop(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def found(shop: Engine, viewer: Viewer = MANAGER, **asked: Any) -> Any:
    return (await told(shop, ONE, asked, viewer=viewer))["coupon"]


async def codes(shop: Engine, viewer: Viewer = MANAGER, /, **filtered: Any) -> list[str]:
    """The codes that a viewer lists; the count must be theirs."""
    asked = {"filter": filtered, "first": 100}
    page = (await told(shop, LIST, asked, viewer=viewer))["coupons"]
    assert page["totalCount"] == len(page["nodes"])
    return [one["code"] for one in page["nodes"]]


async def denied(shop: Engine, document: str, asked: Any, viewer: Viewer) -> str:
    answer = await answered(shop, document, asked, viewer=viewer)
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


async def test_a_coupon_is_made_found_changed_and_archived(shop: Engine) -> None:
    ten, more = await promotion(shop), await promotion(shop)
    user = encode_id("User", "carl")
    limits = {"usageLimit": 5, "usageLimitPerCustomer": 2}
    made = await changed(
        shop,
        "couponCreate",
        code=" Summer-24 ",
        promotionIds=[ten, ten],
        customerId=user,
        **limits,
    )
    assert made["code"] == "SUMMER-24"
    assert made["promotionIds"] == [ten]
    assert made["promotions"] == [{"id": ten, "name": "Ten percent"}]
    assert made | limits | {"customerId": user, "sellerId": None, "batchId": None} == made
    assert (made["status"], made["uses"], made["version"]) == ("ACTIVE", 0, 1)
    for asked in ({"id": made["id"]}, {"code": "summer24"}, {"code": " \uff33UMMER\u3000\uff0d24"}):
        assert await found(shop, **asked) == made
    assert (await told(shop, NODE, {"id": made["id"]}, viewer=MANAGER))["node"] == made

    given = {"promotionIds": [more], "usageLimit": None, "customerId": None}
    after = await changed(shop, "couponUpdate", id=made["id"], version=1, **given)
    assert after | given == after
    assert (after["usageLimitPerCustomer"], after["version"]) == (2, 2)
    stale = await refused(shop, "couponUpdate", id=made["id"], version=1, usageLimit=1)
    assert stale[:2] == ("STALE", "version")
    assert (await refused(shop, "couponArchive", id=made["id"], version=1))[0] == "STALE"

    gone = await changed(shop, "couponArchive", id=made["id"], version=2)
    assert (gone["status"], gone["version"]) == ("ARCHIVED", 3)
    assert await changed(shop, "couponArchive", id=made["id"]) == gone
    assert await changed(shop, "couponArchive", id=made["id"], version=2) == gone
    code, _, said = await refused(shop, "couponUpdate", id=made["id"], usageLimit=9)
    assert (code, "archived" in said) == ("INVALID", True)
    taken = await refused(shop, "couponCreate", code="SUMMER24", promotionIds=[ten])
    assert taken[:2] == ("CODE_TAKEN", "code")


async def test_a_code_that_is_left_out_is_made(shop: Engine) -> None:
    ten = await promotion(shop)
    made = [await changed(shop, "couponCreate", promotionIds=[ten]) for _ in range(5)]
    shown = {one["code"] for one in made}
    assert len(shown) == 5
    assert all(re.fullmatch(r"[2-9B-Z]{5}-[2-9B-Z]{5}", code) for code in shown)
    assert made[0]["usageLimit"] is None


async def test_of_many_who_make_a_code_at_once_one_does(shop: Engine) -> None:
    ten = await promotion(shop)
    ways = ["race-1", "RACE1", "ra ce 1", "\uff32ACE-1"]
    outcomes = await asyncio.gather(
        *(attempt(shop, code, ten) for code in ways * 5),
    )
    assert sorted(outcomes) == ["CODE_TAKEN"] * 19 + ["made"]
    assert await keys_in(shop, key="RACE1") == ["RACE1"]


async def attempt(shop: Engine, code: str, ten: str) -> str:
    answer = await answered(
        shop,
        "mutation ($input: CouponCreateInput!) { couponCreate(input: $input) {"
        " userErrors { code } } }",
        {"input": {"code": code, "promotionIds": [ten]}},
        viewer=MANAGER,
    )
    errors = answer["data"]["couponCreate"]["userErrors"]
    return errors[0]["code"] if errors else "made"


async def test_what_cant_be_a_coupon_is_refused_where_it_was_given(shop: Engine) -> None:
    ten, annas = await promotion(shop), await promotion(shop, seller="anna")
    archived = await promotion(shop, status="archived", name="Old")
    automatic = await promotion(shop, is_automatic=True, name="Always")
    other = encode_id("Promotion", "0" * 24)
    coupon = (await changed(shop, "couponCreate", promotionIds=[ten]))["id"]
    wrong: list[tuple[dict[str, Any], str, str, str]] = [
        ({"code": "\u0421UMMER"}, "INVALID", "code", "CYRILLIC CAPITAL LETTER ES"),
        ({"code": "A" * 10_000}, "INVALID", "code", "at most 64"),
        ({"code": ""}, "INVALID", "code", "a letter or a digit"),
        ({"usageLimit": 0}, "INVALID", "usageLimit", "1 at least"),
        ({"usageLimitPerCustomer": -1}, "INVALID", "usageLimitPerCustomer", "1 at least"),
        ({"promotionIds": []}, "INVALID", "promotionIds", "1 to 20"),
        ({"promotionIds": [ten] * 21}, "INVALID", "promotionIds", "1 to 20"),
        ({"promotionIds": [ten, other]}, "NOT_FOUND", "promotionIds.1", "no such promotion"),
        ({"promotionIds": [coupon]}, "INVALID", "promotionIds.0", "the id of a Coupon"),
        ({"promotionIds": ["x"]}, "INVALID", "promotionIds.0", "not an id"),
        ({"promotionIds": [archived]}, "INVALID", "promotionIds.0", "'Old' is archived"),
        ({"promotionIds": [ten, automatic]}, "INVALID", "promotionIds.1", "'Always' is automatic"),
        ({"customerId": ten}, "INVALID", "customerId", "the id of a Promotion"),
        ({"sellerId": ten}, "INVALID", "sellerId", "the id of a Promotion"),
        ({"sellerId": seller_id("bert")}, "INVALID", "promotionIds.0", "isn't the seller's own"),
        (
            {"sellerId": seller_id("bert"), "promotionIds": [annas]},
            "INVALID",
            "promotionIds.0",
            "isn't the seller's own",
        ),
    ]
    for given, code, field, said in wrong:
        error = await refused(shop, "couponCreate", **{"promotionIds": [ten], **given})
        assert error[:2] == (code, field), given
        assert said in error[2]
        if not given.keys() & {"code", "sellerId"}:
            assert await refused(shop, "couponUpdate", id=coupon, **given) == error
    assert (await found(shop, id=coupon))["version"] == 1
    null = await refused(shop, "couponUpdate", id=coupon, promotionIds=None)
    assert null[:2] == ("INVALID", "promotionIds")
    for name in ("couponUpdate", "couponArchive"):
        missing = await refused(shop, name, id=encode_id("Coupon", "0" * 24))
        assert missing[:2] == ("NOT_FOUND", "id")


async def test_what_is_no_code_finds_nothing_and_costs_nothing(shop: Engine) -> None:
    for code in ("", "---", "\u0421", "A" * 10_000, "$ne", "\u0000"):
        assert await found(shop, code=code) is None
        assert await codes(shop, code=code) == []
    for asked in ({}, {"id": encode_id("Coupon", "0" * 24), "code": "A"}, {"id": "x"}):
        assert await denied(shop, ONE, asked, MANAGER) == "BAD_REQUEST"


async def test_sellers_have_their_own_coupons_and_see_no_others(shop: Engine) -> None:
    annas, berts = await promotion(shop, seller="anna"), await promotion(shop, seller="bert")
    shops = await promotion(shop)
    mine = await changed(shop, "couponCreate", ANNA, code="anna-1", promotionIds=[annas])
    assert mine["sellerId"] == seller_id("anna")
    given = {"code": "anna-2", "promotionIds": [annas], "sellerId": seller_id("anna")}
    for_anna = await changed(shop, "couponCreate", MANAGER, **given)
    await changed(shop, "couponCreate", MANAGER, code="shop-1", promotionIds=[annas, shops])
    await changed(shop, "couponCreate", BERT, code="bert-1", promotionIds=[berts])

    assert await codes(shop, ANNA) == ["ANNA-2", "ANNA-1"]
    assert await codes(shop, ANNA, promotionId=annas) == ["ANNA-2", "ANNA-1"]
    assert await codes(shop, MANAGER, promotionId=annas) == ["SHOP-1", "ANNA-2", "ANNA-1"]
    own = {"promotionId": annas, "sellerId": seller_id("anna")}
    assert await codes(shop, MANAGER, **own) == ["ANNA-2", "ANNA-1"]
    assert await codes(shop, ANNA, promotionId=berts) == []
    for code in ("shop-1", "bert-1"):
        assert await codes(shop, ANNA, code=code) == []
        assert await found(shop, ANNA, code=code) is None
    assert await found(shop, ANNA, id=for_anna["id"]) == for_anna
    assert await found(shop, BERT, id=for_anna["id"]) is None
    assert (await told(shop, NODE, {"id": mine["id"]}, viewer=BERT))["node"] is None
    for name in ("couponUpdate", "couponArchive"):
        foreign = await refused(shop, name, BERT, id=mine["id"])
        missing = await refused(shop, name, BERT, id=encode_id("Coupon", "0" * 24))
        assert foreign == missing
    foreign = await refused(shop, "couponCreate", BERT, promotionIds=[annas])
    missing = await refused(
        shop, "couponCreate", BERT, promotionIds=[encode_id("Promotion", "0" * 24)]
    )
    assert foreign == missing == ("NOT_FOUND", "promotionIds.0", "there is no such promotion")
    assert (await refused(shop, "couponCreate", ANNA, promotionIds=[shops]))[0] == "NOT_FOUND"
    taken = await refused(shop, "couponCreate", BERT, code="ANNA1", promotionIds=[berts])
    again = await refused(shop, "couponCreate", BERT, code="BERT1", promotionIds=[berts])
    assert taken == again
    assert (await changed(shop, "couponArchive", ANNA, id=mine["id"]))["status"] == "ARCHIVED"


async def test_nobody_else_has_anything_to_do_with_coupons(shop: Engine) -> None:
    ten = await promotion(shop)
    coupon = (await changed(shop, "couponCreate", code="mine", promotionIds=[ten]))["id"]
    batch = encode_id("CouponBatch", "0" * 24)
    change = "mutation ($i: {0}Input!) {{ {1}(input: $i) {{ userErrors {{ code }} }} }}"
    questions: list[tuple[str, Any]] = [
        (LIST, {"first": 1}),
        (LIST, {"first": 1, "filter": {"code": "mine"}}),
        (ONE, {"id": coupon}),
        (ONE, {"code": "mine"}),
        ("{ couponBatches(first: 1) { totalCount } }", None),
        (f"query ($id: ID!) {{ couponBatch(id: $id) {BATCH} }}", {"id": batch}),
        (change.format("CouponCreate", "couponCreate"), {"i": {"promotionIds": [ten]}}),
        (change.format("CouponUpdate", "couponUpdate"), {"i": {"id": coupon}}),
        (change.format("CouponArchive", "couponArchive"), {"i": {"id": coupon}}),
        (
            change.format("CouponCodesGenerate", "couponCodesGenerate"),
            {"i": {"promotionIds": [ten], "count": 1}},
        ),
    ]
    sellers_role = Viewer(role="SELLER", permissions=frozenset({"coupons.own"}), user="nowhere")
    for document, asked in questions:
        assert await denied(shop, document, asked, NOBODY) == "UNAUTHENTICATED"
        for viewer in (CARL, sellers_role, Viewer(role="SUPPORT", user="sue")):
            assert await denied(shop, document, asked, viewer) == "FORBIDDEN"
    assert (await told(shop, NODE, {"id": coupon}, viewer=CARL))["node"] is None
    others = {"filter": {"sellerId": seller_id("bert")}, "first": 1}
    assert await denied(shop, LIST, others, ANNA) == "FORBIDDEN"
    for_others = {"i": {"promotionIds": [ten], "sellerId": seller_id("bert")}}
    making = change.format("CouponCreate", "couponCreate")
    assert await denied(shop, making, for_others, ANNA) == "FORBIDDEN"


async def test_lists_are_filtered_and_paged(shop: Engine) -> None:
    ten, other = await promotion(shop, seller="paul"), await promotion(shop, seller="paul")
    paul = {"sellerId": seller_id("paul")}
    made = [
        await changed(
            shop, "couponCreate", code=f"P-{n}", promotionIds=[ten, other][n % 2 :], **paul
        )
        for n in range(5)
    ]
    await changed(shop, "couponArchive", id=made[2]["id"])
    assert await codes(shop, **paul) == ["P-4", "P-3", "P-2", "P-1", "P-0"]
    assert await codes(shop, promotionId=ten) == ["P-4", "P-2", "P-0"]
    assert await codes(shop, promotionId=ten, status="ACTIVE") == ["P-4", "P-0"]
    assert await codes(shop, **paul, status="ARCHIVED") == ["P-2"]
    assert await codes(shop, promotionId=other, sellerId=seller_id("bert")) == []
    assert await codes(shop, promotionId=encode_id("Promotion", "0" * 24)) == []
    assert await codes(shop, batchId=encode_id("CouponBatch", "0" * 24)) == []
    exact = {"status": "ARCHIVED", "promotionId": ten, **paul}
    assert await codes(shop, code="p2", **exact) == ["P-2"]
    assert await codes(shop, code="p4", **exact) == []
    assert "P-2" in await codes(shop, status="ARCHIVED")
    assert "P-3" in await codes(shop)

    async def page(**asked: Any) -> Any:
        return (await told(shop, LIST, {"filter": paul, **asked}, viewer=MANAGER))["coupons"]

    first = await page(first=2)
    assert [one["code"] for one in first["nodes"]] == ["P-4", "P-3"]
    second = await page(first=2, after=first["pageInfo"]["endCursor"])
    assert [one["code"] for one in second["nodes"]] == ["P-2", "P-1"]
    assert (second["totalCount"], second["pageInfo"]["hasNextPage"]) == (5, True)
    back = await page(last=2, before=second["pageInfo"]["startCursor"])
    assert back["nodes"] == first["nodes"]
    both = {"batchId": encode_id("CouponBatch", "0" * 24), "promotionId": ten}
    assert await denied(shop, LIST, {"filter": both, "first": 1}, MANAGER) == "BAD_REQUEST"
    assert await denied(shop, LIST, {"first": 101}, MANAGER) == "BAD_REQUEST"
