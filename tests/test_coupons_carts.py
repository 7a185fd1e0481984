"""Codes in carts: what they take off, why not, and what nobody finds out by guessing."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat_coupons.documents import (
    CouponDocument,
    CustomerGroupDocument,
    GroupMemberDocument,
    PromotionDocument,
)
from mercat_coupons.promotions.memory import promotions_of
from mercat_orders.carts.merging import merge_guest
from mercat_products.documents import ProductDocument
from mercat_products.product_types.service import create_type

from .asking import answered
from .conftest import EngineFor, until
from .market import BERLIN, CARL, CORA, GUEST, cart_of, changed, line, offer
from .promoting import (
    NOTHING,
    SHOP_SCOPE,
    TOML,
    applied,
    coin,
    less,
    off,
    opened,
    promote,
    put,
    refusal,
    shown,
    validated,
)

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
UNKNOWN = ("NOT_USABLE", "this code can't be used here")


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def cart(engine: Engine, *quantities: int, viewer: Viewer = CARL, **more: Any) -> str:
    """A cart of new things of 10 euros; its id."""
    lines = [line(await offer(engine, **more), quantity) for quantity in quantities or (1,)]
    found: str = (await cart_of(engine, *lines, viewer=viewer))["id"]
    return found


async def test_an_automatic_promotion_needs_no_code_and_says_what_it_gave(engine: Engine) -> None:
    key = await promote(engine, name="Ten off", borne_by="seller")
    found = await shown(engine, await cart(engine, 2, 1))
    assert found["totals"]["discounts"]["amount"] == "3.00"
    (discount,) = found["discounts"]
    assert discount["label"] == "Ten off"
    assert (discount["code"], discount["borneBy"]) == (None, "SELLER")
    assert decode_id(discount["promotionId"]) == ("Promotion", str(key))
    assert [one["amount"]["amount"] for one in discount["lines"]] == ["2.00", "1.00"]


async def test_a_code_opens_its_promotion_however_it_is_typed(engine: Engine) -> None:
    await opened(engine, "SUMMER-24", name="Summer")
    mine = await cart(engine)
    assert (await shown(engine, mine))["coupons"] == []
    found = await applied(engine, mine, " \uff53\uff55\uff4d\uff4d\uff45\uff5224 ")
    assert found["coupons"] == [
        {
            "code": "SUMMER-24",
            "names": ["Summer"],
            "isApplied": True,
            "saving": {"amount": "1.00"},
            "reason": None,
            "message": None,
        }
    ]
    assert found["discounts"][0]["code"] == "SUMMER-24"
    assert found["totals"]["total"]["amount"] == "9.00"
    again = await applied(engine, mine, "summer24")
    assert len(again["coupons"]) == 1


async def test_a_code_is_taken_out_again(engine: Engine) -> None:
    await opened(engine, "GO")
    mine = await cart(engine)
    await applied(engine, mine, "GO")
    query = """mutation ($input: CartCouponRemoveInput!) { cartCouponRemove(input: $input) {
      cart { coupons { code } } userErrors { code field } } }"""
    given = {"input": {"cartId": mine, "code": "go"}}
    found = (await answered(engine, query, given, viewer=CARL))["data"]["cartCouponRemove"]
    assert found == {"cart": {"coupons": []}, "userErrors": []}
    found = (await answered(engine, query, given, viewer=CARL))["data"]["cartCouponRemove"]
    assert found["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "code"]}]


CONDITIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"ends_at": NOW - DAY}, "ENDED", "this offer has ended"),
    ({"starts_at": NOW + DAY}, "NOT_STARTED", "this offer hasn't begun yet"),
    ({"currencies": ["USD"]}, "CURRENCY", "this offer isn't for carts in EUR"),
    ({"minimum_subtotal": {"USD": 1}}, "CURRENCY", "this offer isn't for carts in EUR"),
    ({"countries": ["US"]}, "COUNTRY", "this offer isn't for where the cart goes"),
    (
        {"minimum_subtotal": {"EUR": 1_250}},
        "SUBTOTAL",
        "put things for another 2.50 EUR into the cart",
    ),
    (
        {"minimum_quantity": 3},
        "QUANTITY",
        "put 2 more of what this offer is for into the cart",
    ),
    (
        {"scope": {**SHOP_SCOPE, "include": [{**NOTHING, "brands": ["Nimbus"]}]}},
        "NOTHING",
        "nothing in the cart is what this offer is for",
    ),
    ({"usage_limit": 0}, "USED_UP", "this offer has been used up"),
    ({"budget": {"EUR": 99}}, "USED_UP", "this offer has been used up"),
    ({"customers": ["cora"]}, "UNKNOWN", "this code can't be used here"),
    ({"status": "archived"}, "ENDED", "this offer has ended"),
]


async def test_a_code_that_does_nothing_says_why_in_words_for_the_buyer(engine: Engine) -> None:
    for number, (values, reason, words) in enumerate(CONDITIONS):
        await opened(engine, f"CODE{number}", **values)
        mine = await cart(engine)
        found = await validated(engine, mine, f"CODE{number}")
        assert (found["isValid"], found["reason"], found["message"]) == (False, reason, words)
        assert await refusal(engine, mine, f"CODE{number}") == ("NOT_USABLE", words)


async def test_validating_says_the_saving_and_changes_nothing(engine: Engine) -> None:
    await opened(engine, "GO", less(300), name="Three off")
    mine = await cart(engine)
    assert await validated(engine, mine, "go") == {
        "isValid": True,
        "names": ["Three off"],
        "saving": {"amount": "3.00"},
        "reason": None,
        "message": None,
    }
    assert (await shown(engine, mine))["coupons"] == []


async def test_a_code_stays_when_it_does_nothing_any_more_and_says_why(engine: Engine) -> None:
    await opened(engine, "TWO", minimum_quantity=2)
    thing = await offer(engine)
    mine = await cart_of(engine, line(thing, 2))
    await applied(engine, mine["id"], "TWO")
    await changed(
        engine,
        "cartLinesUpdate",
        cartId=mine["id"],
        lines=[{"id": mine["lines"][0]["id"], "quantity": 1}],
    )
    found = await shown(engine, mine["id"])
    assert found["totals"]["discounts"]["amount"] == "0.00"
    (coupon,) = found["coupons"]
    assert (coupon["isApplied"], coupon["reason"]) == (False, "QUANTITY")


async def test_an_edited_or_archived_coupon_holds_within_a_second_for_carts_that_have_it(
    engine: Engine,
) -> None:
    key = await opened(engine, "GO")
    mine = await cart(engine)
    await applied(engine, mine, "GO")
    promotions = engine.storage.collection(PromotionDocument)

    async def costs(amount: str) -> bool:
        return bool((await shown(engine, mine))["totals"]["total"]["amount"] == amount)

    changes = {"$set": {"benefit.rate": "0.5"}, "$inc": {"version": 1}}
    await promotions.update_one({"_id": key}, changes)
    await until(lambda: costs("5.00"), 2)
    await promotions.update_one(
        {"_id": key}, {"$set": {"status": "archived"}, "$inc": {"version": 1}}
    )
    await until(lambda: costs("10.00"), 2)
    assert (await shown(engine, mine))["coupons"][0]["reason"] == "ENDED"


async def test_who_asks_while_promotions_are_being_read_waits_for_them(
    engine: Engine,
) -> None:
    kept, context = promotions_of(engine.context()), engine.context()
    await kept.current(context)
    key = str(await promote(engine))
    found = await asyncio.gather(*(kept.current(context) for _ in range(3)))
    assert [[one.id for one in known.automatic] for known in found] == [[key]] * 3


async def test_one_code_may_open_several_promotions(engine: Engine) -> None:
    tenth = await promote(engine, is_automatic=False, name="Tenth")
    free = await promote(
        engine, {"kind": "free_shipping", "benefit": {}}, is_automatic=False, name="Free delivery"
    )
    await coin(engine, "BOTH", tenth, free)
    mine = await cart(engine)
    await changed(engine, "cartAddressSet", cartId=mine, shippingAddress=BERLIN)
    selections = [{"optionId": "standard"}]
    await changed(engine, "cartShippingSelect", cartId=mine, selections=selections)
    found = await applied(engine, mine, "BOTH")
    assert found["coupons"][0]["names"] == ["Tenth", "Free delivery"]
    assert found["totals"]["total"]["amount"] == "9.00"
    assert found["coupons"][0]["saving"]["amount"] == "5.90"
    assert {one["label"]: one["shipping"]["amount"] for one in found["discounts"]} == {
        "Tenth": "0.00",
        "Free delivery": "4.90",
    }


async def test_nobody_learns_whether_a_private_code_exists(engine: Engine) -> None:
    key = await opened(engine, "SECRET", customers=["cora"], ends_at=NOW - DAY)
    await coin(engine, "HERS", await promote(engine, is_automatic=False), customer="cora")
    await coin(engine, "GONE", key, status="archived")
    mine = await cart(engine)
    said = [await validated(engine, mine, code) for code in ("SECRET", "HERS", "NOSUCH", "GONE")]
    assert said == [said[0]] * 4
    assert said[0]["reason"] == "UNKNOWN"
    assert await refusal(engine, mine, "SECRET") == UNKNOWN
    theirs = await cart(engine, viewer=CORA)
    assert (await validated(engine, theirs, "HERS", CORA))["isValid"]
    assert (await validated(engine, theirs, "SECRET", CORA))["reason"] == "ENDED"


async def test_guessing_ends_after_some_wrong_codes_and_right_ones_dont_count(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(TOML + "\n[plugins.coupons]\nwrong_codes = 3\n")
    await opened(engine, "GO")
    mine = await cart(engine)
    for _ in range(5):
        await applied(engine, mine, "GO")
    for code in ("A", "B", "C"):
        assert await refusal(engine, mine, code) == UNKNOWN
    found = await put(engine, mine, "GO")
    assert found["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    query = 'query ($id: ID!) { couponValidate(code: "X", cartId: $id) { isValid } }'
    found = await answered(engine, query, {"id": mine}, viewer=CARL)
    assert found["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    theirs = await cart(engine, viewer=CORA)
    assert await refusal(engine, theirs, "A", CORA) == UNKNOWN


async def test_what_is_no_code_costs_nothing_and_is_refused_like_an_unknown_one(
    engine: Engine,
) -> None:
    await opened(engine, "SAVE10")
    mine = await cart(engine)
    for code in ("", " ", "x" * 10_000, "S\u0410VE10", "SAVE1\u041e", "SAVE10\x00", '{"$ne": 1}'):
        assert await refusal(engine, mine, code) == UNKNOWN


async def test_somebody_elses_cart_takes_no_codes(engine: Engine) -> None:
    await opened(engine, "GO")
    mine = await cart(engine)
    assert (await refusal(engine, mine, "GO", CORA))[0] == "NOT_FOUND"


async def test_a_cart_has_a_few_codes_at_most(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML + "\n[plugins.coupons]\nmax_codes = 2\n")
    mine = await cart(engine)
    for code in ("ONE", "TWO", "THREE"):
        await opened(engine, code)
    await applied(engine, mine, "ONE")
    await applied(engine, mine, "TWO")
    assert await refusal(engine, mine, "THREE") == ("TOO_MANY", "a cart has 2 codes at most")


async def test_of_what_excludes_each_other_the_better_one_holds(engine: Engine) -> None:
    await promote(engine, off("0.2"), is_combinable=False, name="Fifth")
    await opened(engine, "TENTH", off("0.1"), name="Tenth")
    mine = await cart(engine)
    found = await validated(engine, mine, "TENTH")
    assert (found["reason"], found["message"]) == ("BEATEN", "a better offer holds instead")
    await opened(engine, "THIRD", off("0.3"), name="Third")
    found = await applied(engine, mine, "THIRD")
    assert found["totals"]["total"]["amount"] == "7.00"


async def test_members_of_a_group_have_its_promotions(engine: Engine) -> None:
    now = {"created_at": NOW, "updated_at": NOW, "version": 1}
    group = await engine.storage.collection(CustomerGroupDocument).insert_one(
        {"number": 1, "key": "vip", "name": "VIP", **now}
    )
    await promote(engine, groups=[str(group.inserted_id)])
    mine, theirs = await cart(engine), await cart(engine, viewer=CORA)
    member = {"_id": "1", "group": group.inserted_id, "user": "cora", "at": NOW}
    await engine.storage.collection(GroupMemberDocument).insert_one(member)
    assert (await shown(engine, mine))["totals"]["total"]["amount"] == "10.00"
    assert (await shown(engine, theirs, CORA))["totals"]["total"]["amount"] == "9.00"


async def test_a_gift_is_offered_and_costs_nothing_once_it_is_in_the_cart(engine: Engine) -> None:
    mug = await offer(engine, prices={"EUR": 800})
    gift = {"kind": "gift", "benefit": {"variants": [str(mug)], "quantity": 1}}
    await promote(engine, gift, name="A mug", minimum_subtotal={"EUR": 2_000})
    mine = await cart(engine)
    assert (await shown(engine, mine))["gifts"] == []
    await changed(engine, "cartLinesAdd", cartId=mine, lines=[line(await offer(engine))])
    found = await shown(engine, mine)
    mug_id = encode_id("ProductVariant", mug)
    assert found["gifts"] == [{"name": "A mug", "quantity": 1, "variants": [{"id": mug_id}]}]
    await changed(engine, "cartLinesAdd", cartId=mine, lines=[line(mug, 2)])
    found = await shown(engine, mine)
    assert found["gifts"] == []
    assert found["totals"]["discounts"]["amount"] == "8.00"


async def test_a_sellers_promotion_is_for_that_sellers_things(engine: Engine) -> None:
    await promote(engine, seller="s1", borne_by="seller")
    mine, theirs = await offer(engine, seller="s1"), await offer(engine)
    found = await shown(engine, (await cart_of(engine, line(mine), line(theirs)))["id"])
    assert found["totals"]["discounts"]["amount"] == "1.00"
    assert len(found["discounts"][0]["lines"]) == 1


async def test_a_guests_codes_come_along_when_the_guest_signs_in(engine: Engine) -> None:
    await opened(engine, "GO")
    mine = await cart(engine, viewer=GUEST)
    await applied(engine, mine, "GO", GUEST)
    kept = await cart(engine)
    assert GUEST.guest is not None
    await merge_guest(engine.context(), "carl", GUEST.guest)
    found = await shown(engine, kept)
    assert [one["code"] for one in found["coupons"]] == ["GO"]
    assert found["totals"]["total"]["amount"] == "18.00"


async def test_a_scope_whose_category_is_gone_is_of_nothing_and_breaks_nothing(
    engine: Engine,
) -> None:
    scope = {**SHOP_SCOPE, "include": [{**NOTHING, "categories": ["0" * 24]}]}
    await promote(engine, scope=scope)
    assert (await shown(engine, await cart(engine)))["totals"]["total"]["amount"] == "10.00"


async def test_a_coupon_whose_promotion_is_gone_does_nothing(engine: Engine) -> None:
    await opened(engine, "GO")
    mine = await cart(engine)
    await applied(engine, mine, "GO")
    await engine.storage.collection(CouponDocument).update_one(
        {"code": "GO"}, {"$set": {"promotions": []}}
    )
    assert (await shown(engine, mine))["coupons"][0]["reason"] == "ENDED"


async def test_switched_off_it_leaves_no_trace(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML.replace(', "coupons"', ""))
    printed = engine.schema.as_str()
    assert "coupon" not in printed.lower()
    assert "promotion" not in printed.lower()
    mine = await cart_of(engine, line(await offer(engine)))
    assert mine["totals"]["total"]["amount"] == "10.00"


async def test_nothing_is_taken_off_gift_cards(engine: Engine) -> None:
    context = engine.context()
    of_type = await create_type(context, {"name": "Gift card", "attributes": []})
    card, other = await offer(engine), await offer(engine)
    products = context.storage.collection(ProductDocument)
    await products.update_one({"variants.id": card}, {"$set": {"type_id": of_type["_id"]}})
    await promote(engine, name="Ten off")
    mine = (await cart_of(engine, line(card, 3), line(other, 2)))["id"]
    found = await shown(engine, mine)
    assert found["totals"]["discounts"]["amount"] == "2.00"
    (discount,) = found["discounts"]
    assert [one["amount"]["amount"] for one in discount["lines"]] == ["2.00"]
