"""Promotions over the API: what is kept of what is given, what is refused, who may, how fresh."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id, key_of
from mercat_coupons.documents import CounterDocument, PromotionDocument
from mercat_coupons.promotions.checking_scopes import MOST_THINGS
from mercat_coupons.promotions.counters import of_promotion
from mercat_coupons.promotions.memory import promotions_of
from mercat_products.documents import ProductDocument

from .asking import told
from .configuring import LATE_SECONDS, admin_of, done, is_told, seller_of
from .conftest import EngineFor, until
from .market import offer
from .setting_up import (
    ARCHIVE,
    CREATE,
    TEN_PERCENT,
    TOML,
    UPDATE,
    mistake,
    promoted,
)

EUR_5 = [{"amount": "5"}]
SELLER = encode_id("Seller", "s1")


@pytest.fixture
async def shop(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def refused(engine: Engine, viewer: Viewer, /, **given: Any) -> tuple[str, str, str]:
    """What is wrong with a promotion that can't be made."""
    base = {"name": "Ten", "benefit": TEN_PERCENT}
    return mistake(await done(engine, CREATE, viewer, **{**base, **given}))


async def product_of(engine: Engine, variant: ObjectId) -> str:
    products = engine.storage.collection(ProductDocument)
    found = await products.find_one({"variants.id": variant})
    assert found is not None
    return encode_id("Product", found["_id"])


async def listed(
    engine: Engine, viewer: Viewer, wanted: str = "", window: str = "first: 100"
) -> list[str]:
    found = await told(
        engine,
        f"{{ promotions({window}, filter: {{ {wanted} }}) {{ totalCount nodes {{ name }} }} }}",
        viewer=viewer,
    )
    return [one["name"] for one in found["promotions"]["nodes"]]


# What is given is kept


async def test_what_is_given_is_shown_as_it_was_given(shop: Engine) -> None:
    admin = await admin_of(shop)
    variant = await offer(shop, seller="s1")
    product, user = await product_of(shop, variant), encode_id("User", ObjectId())
    category = encode_id("Category", ObjectId())
    variant_id = encode_id("ProductVariant", variant)
    selection = {
        "productIds": [product, product],
        "variantIds": [variant_id],
        "categoryIds": [category],
        "brands": [" Nike "],
        "sellerIds": [SELLER],
        "attributes": [{"key": "colour", "value": "red"}],
    }
    given = {
        "name": "  Black Friday ",
        "benefit": {
            "percentage": {
                "percentage": "12.50",
                "target": "ORDER",
                "atMost": [{"amount": "20"}, {"amount": "3000", "currency": "JPY"}],
            }
        },
        "scope": {
            "include": [selection],
            "exclude": [{"brands": ["Apple"]}],
            "excludesReduced": True,
        },
        "startsAt": "2026-11-27",
        "endsAt": "2026-11-30T12:00:00+01:00",
        "minimumSubtotal": [{"amount": "50"}, {"amount": "6000", "currency": "JPY"}],
        "minimumQuantity": 2,
        "firstOrder": True,
        "countries": ["DE", "AT", "DE"],
        "currencies": ["EUR"],
        "customerIds": [user],
        "usageLimit": 100,
        "usageLimitPerCustomer": 1,
        "budget": [{"amount": "1000"}],
        "isAutomatic": True,
        "isCombinable": False,
        "priority": -3,
        "sellerId": SELLER,
        "borneBy": "SHOP",
    }
    made = await promoted(shop, admin, **given)
    nothing = {"totalProducts": 0, "productIds": [], "totalVariants": 0, "variantIds": []}
    assert made == {
        **given,
        "id": made["id"],
        "name": "Black Friday",
        "status": "ACTIVE",
        "startsAt": "2026-11-26T23:00:00Z",
        "endsAt": "2026-11-30T11:00:00Z",
        "timeZone": "Europe/Vienna",
        "countries": ["DE", "AT"],
        "minimumSubtotal": [
            {"amount": "50.00", "currency": "EUR"},
            {"amount": "6000", "currency": "JPY"},
        ],
        "budget": [{"amount": "1000.00", "currency": "EUR"}],
        "customerGroupIds": [],
        "benefit": {
            "__typename": "PercentageBenefit",
            "percentage": "12.5",
            "target": "ORDER",
            "atMost": [
                {"amount": "20.00", "currency": "EUR"},
                {"amount": "3000", "currency": "JPY"},
            ],
            "units": 1,
        },
        "scope": {
            "excludesReduced": True,
            "include": [
                {
                    **selection,
                    "productIds": [product],
                    "totalProducts": 1,
                    "totalVariants": 1,
                    "brands": ["Nike"],
                    "shopsOwn": False,
                }
            ],
            "exclude": [
                {
                    **nothing,
                    "categoryIds": [],
                    "brands": ["Apple"],
                    "sellerIds": [],
                    "shopsOwn": False,
                    "attributes": [],
                }
            ],
        },
        "uses": 0,
        "spent": [],
        "remainingUses": 100,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "version": 1,
    }


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            {"fixedAmount": {"amounts": EUR_5, "target": "CHEAPEST", "units": 2}},
            {"amounts": [{"amount": "5.00", "currency": "EUR"}], "target": "CHEAPEST", "units": 2},
        ),
        ({"freeShipping": {}}, {"atMost": None}),
        (
            {"buyGet": {"buyQuantity": 2, "getQuantity": 1, "get": {"excludesReduced": True}}},
            {
                "buyQuantity": 2,
                "getQuantity": 1,
                "percentage": "100",
                "mostTimes": None,
                "buy": None,
                "get": {"excludesReduced": True, "include": [], "exclude": []},
            },
        ),
        (
            {
                "tiered": {
                    "tiers": [
                        {"fromSubtotal": [{"amount": "50"}], "percentage": "10"},
                        {"fromSubtotal": [{"amount": "100"}], "percentage": "15"},
                    ]
                }
            },
            {
                "tiers": [
                    {
                        "fromSubtotal": [{"amount": f"{subtotal}.00", "currency": "EUR"}],
                        "fromQuantity": None,
                        "percentage": percentage,
                        "amounts": None,
                    }
                    for subtotal, percentage in ((50, "10"), (100, "15"))
                ]
            },
        ),
        (
            {"fixedPrice": {"amounts": EUR_5, "quantity": 3}},
            {"amounts": [{"amount": "5.00", "currency": "EUR"}], "quantity": 3},
        ),
    ],
    ids=["fixedAmount", "freeShipping", "buyGet", "tiered", "fixedPrice"],
)
async def test_each_kind_of_benefit_is_shown_as_it_was_given(
    shop: Engine, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    made = await promoted(shop, None, benefit=given)
    (kind,) = given
    name = f"{kind[0].upper()}{kind[1:]}Benefit"
    assert made["benefit"] == {"__typename": name, **shown}


async def test_a_gift_is_one_of_the_shop(shop: Engine) -> None:
    admin, variant = await admin_of(shop), await offer(shop)
    ids = [encode_id("ProductVariant", variant)]
    made = await promoted(shop, admin, benefit={"gift": {"variantIds": ids}})
    assert made["benefit"] == {"__typename": "GiftBenefit", "variantIds": ids, "quantity": 1}
    nobodys = {"gift": {"variantIds": [encode_id("ProductVariant", ObjectId())]}}
    code, field, _ = await refused(shop, admin, benefit=nobodys)
    assert (code, field) == ("INVALID", "benefit.gift.variantIds")


async def test_an_update_changes_what_is_given_and_null_takes_away(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await promoted(
        shop,
        admin,
        startsAt="2026-11-01",
        endsAt="2026-11-30",
        usageLimit=5,
        scope={"include": [{"brands": ["Nike"]}]},
    )
    kept = {"id": made["id"], "version": 1}
    payload = await done(shop, UPDATE, admin, **kept, endsAt=None, usageLimit=None, name="Eleven")
    changed = payload["promotion"]
    assert changed == {
        **made,
        "name": "Eleven",
        "endsAt": None,
        "usageLimit": None,
        "remainingUses": None,
        "version": 2,
        "updatedAt": changed["updatedAt"],
    }
    assert mistake(await done(shop, UPDATE, admin, **kept, name="x"))[:2] == ("STALE", "version")
    assert mistake(await done(shop, UPDATE, admin, id=made["id"], name=None))[1] == "name"
    payload = await done(shop, UPDATE, admin, id=made["id"], endsAt="2026-12-24", scope=None)
    assert payload["promotion"]["endsAt"] == "2026-12-24T23:00:00Z"
    assert payload["promotion"]["scope"]["include"] == []
    payload = await done(shop, UPDATE, admin, id=made["id"], endsAt="2026-10-30")
    assert mistake(payload)[:2] == ("INVALID", "endsAt")


async def test_an_archived_promotion_stays_as_it_is(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await promoted(shop, admin)
    archived = await done(shop, ARCHIVE, admin, id=made["id"])
    assert archived["promotion"]["status"] == "ARCHIVED"
    assert await done(shop, ARCHIVE, admin, id=made["id"]) == archived
    assert mistake(await done(shop, UPDATE, admin, id=made["id"], name="x"))[1] == "id"
    known = await promotions_of(shop.context()).current(shop.context())
    assert key_of(made["id"], "Promotion") not in known.by_id
    nobodys = encode_id("Promotion", ObjectId())
    assert mistake(await done(shop, ARCHIVE, admin, id=nobodys))[0] == "NOT_FOUND"


async def test_of_two_changes_at_once_none_is_lost(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await promoted(shop, admin)
    changes: Sequence[dict[str, Any]] = ({"name": "x"}, {"priority": 7}, {"usageLimit": 3})
    await asyncio.gather(
        *(done(shop, UPDATE, admin, id=made["id"], **change) for change in changes)
    )
    stored = await shop.storage.collection(PromotionDocument).find_one(
        {"_id": ObjectId(key_of(made["id"], "Promotion"))}
    )
    assert stored is not None
    names = ("name", "priority", "usage_limit", "version")
    assert [stored[name] for name in names] == ["x", 7, 3, 4]
    stale = await asyncio.gather(
        *(done(shop, UPDATE, admin, id=made["id"], version=4, name=name) for name in "ab")
    )
    assert sorted(len(payload["userErrors"]) for payload in stale) == [0, 1]


async def test_uses_are_those_that_were_counted(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await promoted(shop, admin, usageLimit=3)
    await shop.storage.collection(CounterDocument).insert_one(
        {
            "_id": of_promotion(key_of(made["id"], "Promotion")),
            "uses": 4,
            "spent": {"EUR": 1_234, "JPY": 50},
        }
    )
    document = (
        f'{{ promotion(id: "{made["id"]}") {{ uses remainingUses spent {{ amount currency }} }} }}'
    )
    found = await told(shop, document, viewer=admin)
    assert found["promotion"] == {
        "uses": 4,
        "remainingUses": 0,
        "spent": [
            {"amount": "12.34", "currency": "EUR"},
            {"amount": "50", "currency": "JPY"},
        ],
    }


async def test_lists_have_what_is_looked_for_the_newest_first(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    admin = await admin_of(engine)
    await promoted(engine, admin, name="Summer (10 %)")
    await promoted(engine, admin, name="Winter", isAutomatic=True)
    old = await promoted(engine, admin, name="Late SUMMER", sellerId=SELLER)
    await done(engine, ARCHIVE, admin, id=old["id"])
    assert await listed(engine, admin) == ["Late SUMMER", "Winter", "Summer (10 %)"]
    assert await listed(engine, admin, 'text: "summer"') == ["Late SUMMER", "Summer (10 %)"]
    assert await listed(engine, admin, 'text: "(10 %)"') == ["Summer (10 %)"]
    assert await listed(engine, admin, 'text: ".*"') == []
    assert await listed(engine, admin, "status: ACTIVE") == ["Winter", "Summer (10 %)"]
    assert await listed(engine, admin, "isAutomatic: true") == ["Winter"]
    assert await listed(engine, admin, f'sellerId: "{SELLER}"') == ["Late SUMMER"]
    assert await listed(engine, admin, window="last: 1") == ["Summer (10 %)"]


# Who may what


async def test_sellers_make_their_own_sellers_promotions_only(shop: Engine) -> None:
    admin = await admin_of(shop)
    staff, rival = await seller_of(shop, "s1"), await seller_of(shop, "s2")
    mine, theirs = await offer(shop, seller="s1"), await offer(shop, seller="s2")
    own = {"include": [{"productIds": [await product_of(shop, mine)], "sellerIds": [SELLER]}]}
    made = await promoted(shop, staff, name="Mine", scope=own)
    assert (made["sellerId"], made["borneBy"]) == (SELLER, "SELLER")
    foreign = {"include": [{"productIds": [await product_of(shop, theirs)]}]}
    code, field, message = await refused(shop, staff, scope=foreign)
    assert (code, field) == ("INVALID", "scope.include.0.productIds")
    assert "of this seller" in message
    for scope in ({"sellerIds": [encode_id("Seller", "s2")]}, {"shopsOwn": True}):
        found = await refused(shop, staff, scope={"exclude": [scope]})
        assert found[1].startswith("scope.exclude.0.s")
    assert (await refused(shop, staff, borneBy="SHOP"))[1] == "borneBy"
    groups = [encode_id("CustomerGroup", ObjectId())]
    assert (await refused(shop, staff, customerGroupIds=groups))[1] == "customerGroupIds"
    given = {"name": "x", "benefit": TEN_PERCENT, "sellerId": encode_id("Seller", "s2")}
    assert await done(shop, CREATE, staff, **given) == {"error": "FORBIDDEN"}
    assert mistake(await done(shop, UPDATE, rival, id=made["id"], name="x"))[0] == "NOT_FOUND"
    assert mistake(await done(shop, ARCHIVE, rival, id=made["id"]))[0] == "NOT_FOUND"
    assert "Mine" in await listed(shop, staff)
    assert await listed(shop, rival) == []
    assert await listed(shop, rival, f'sellerId: "{SELLER}"') == []
    assert "Mine" in await listed(shop, admin)


async def test_what_the_shop_pays_for_no_seller_changes(shop: Engine) -> None:
    admin, staff = await admin_of(shop), await seller_of(shop, "s3")
    made = await promoted(shop, admin, name="Gift", sellerId=encode_id("Seller", "s3"))
    assert made["borneBy"] == "SHOP"
    assert await listed(shop, staff) == ["Gift"]
    dearer = {"id": made["id"], "benefit": {"percentage": {"percentage": "100"}}}
    assert await done(shop, UPDATE, staff, **dearer) == {"error": "FORBIDDEN"}
    assert await done(shop, ARCHIVE, staff, id=made["id"]) == {"error": "FORBIDDEN"}
    await done(shop, UPDATE, admin, id=made["id"], borneBy="SELLER")
    payload = await done(shop, UPDATE, staff, id=made["id"], name="Mine now")
    assert payload["userErrors"] == []
    taken = await done(shop, UPDATE, staff, id=made["id"], borneBy="SHOP")
    assert mistake(taken)[1] == "borneBy"


# What is refused


def tiers(*given: dict[str, Any]) -> dict[str, Any]:
    return {"benefit": {"tiered": {"tiers": list(given)}}}


def percentage(text: str, **more: Any) -> dict[str, Any]:
    return {"benefit": {"percentage": {"percentage": text, **more}}}


def fixed(*amounts: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"benefit": {"fixedAmount": {"amounts": list(amounts), **more}}}


def buying(**more: Any) -> dict[str, Any]:
    return {"benefit": {"buyGet": {"buyQuantity": 1, "getQuantity": 1, **more}}}


FROM_50 = {"fromSubtotal": [{"amount": "50"}], "percentage": "10"}
P = "benefit.percentage"
F = "benefit.fixedAmount"
T = "benefit.tiered.tiers"
MISTAKES: Sequence[tuple[dict[str, Any], str, str]] = [
    (percentage("150"), f"{P}.percentage", "more than 100 %"),
    (percentage("0"), f"{P}.percentage", "more than 0"),
    (percentage("-5"), f"{P}.percentage", "more than 0"),
    (percentage("ten"), f"{P}.percentage", "such as 12.5"),
    (percentage("\u0661\u0660"), f"{P}.percentage", "such as 12.5"),
    (percentage("1e1"), f"{P}.percentage", "such as 12.5"),
    (percentage("0.00001"), f"{P}.percentage", "4 digits"),
    (percentage("9" * 10_000), f"{P}.percentage", "such as 12.5"),
    (percentage("5", units=2), f"{P}.units", "CHEAPEST"),
    (percentage("5", target="CHEAPEST", units=0), f"{P}.units", "from 1"),
    (percentage("5", target="CHEAPEST", atMost=EUR_5), f"{P}.atMost", "CHEAPEST"),
    (percentage("5", atMost=[]), f"{P}.atMost", "one currency at least"),
    (fixed({"amount": "-5"}), f"{F}.amounts.0.amount", "negative"),
    (fixed({"amount": "0"}), f"{F}.amounts.0.amount", "can't be nothing"),
    (fixed({"amount": "1.234"}), f"{F}.amounts.0.amount", "2 digits"),
    (fixed({"amount": "5", "currency": "KWD"}), f"{F}.amounts.0.currency", "EUR, USD, JPY only"),
    (fixed({"amount": "5"}, {"amount": "6"}), f"{F}.amounts.1.currency", "two amounts in EUR"),
    (fixed(), f"{F}.amounts", "one currency at least"),
    ({**fixed({"amount": "5"}), "currencies": ["EUR", "USD"]}, f"{F}.amounts", "USD"),
    (
        {**fixed({"amount": "5"}), "budget": [{"amount": "5", "currency": "JPY"}]},
        f"{F}.amounts",
        "JPY",
    ),
    (
        {**fixed({"amount": "5"}), "minimumSubtotal": [{"amount": "5", "currency": "JPY"}]},
        "minimumSubtotal",
        "no currency has all",
    ),
    (tiers(), T, "1 to 50"),
    (tiers(FROM_50, FROM_50), f"{T}.1.fromSubtotal", "later"),
    (tiers(FROM_50, {**FROM_50, "fromSubtotal": [{"amount": "40"}]}), f"{T}.1.fromSubtotal", "lat"),
    (
        tiers(FROM_50, {**FROM_50, "fromSubtotal": [{"amount": "60"}]}),
        f"{T}.1.percentage",
        "takes off more",
    ),
    (tiers(FROM_50, {"fromQuantity": 3, "percentage": "20"}), f"{T}.1.fromSubtotal", "all tiers"),
    (tiers({"percentage": "10"}), f"{T}.0", "from what subtotal"),
    (tiers({"fromQuantity": 0, "percentage": "10"}), f"{T}.0.fromQuantity", "from 1"),
    (tiers({"fromQuantity": 2}), f"{T}.0", "either a percentage or amounts"),
    (tiers({**FROM_50, "amounts": EUR_5}), f"{T}.0", "either a percentage or amounts"),
    (
        tiers({"fromQuantity": 2, "amounts": EUR_5}, {"fromQuantity": 3, "amounts": EUR_5}),
        f"{T}.1.amounts",
        "takes off more",
    ),
    (
        tiers(
            {"fromSubtotal": EUR_5, "amounts": [{"amount": "5", "currency": "JPY"}]},
        ),
        f"{T}.0.amounts",
        "no currency has all",
    ),
    (
        tiers(
            FROM_50,
            {"fromSubtotal": [{"amount": "90", "currency": "USD"}], "percentage": "20"},
        ),
        f"{T}.1.fromSubtotal",
        "same currencies: EUR",
    ),
    (buying(buyQuantity=0), "benefit.buyGet.buyQuantity", "from 1"),
    (buying(getQuantity=-1), "benefit.buyGet.getQuantity", "from 1"),
    (buying(mostTimes=0), "benefit.buyGet.mostTimes", "from 1"),
    (buying(percentage="101"), "benefit.buyGet.percentage", "more than 100 %"),
    (buying(get={"include": [{}]}), "benefit.buyGet.get.include.0", "names nothing"),
    (
        {"benefit": {"fixedPrice": {"amounts": EUR_5, "quantity": 0}}},
        "benefit.fixedPrice.quantity",
        "1",
    ),
    ({"benefit": {"gift": {"variantIds": []}}}, "benefit.gift.variantIds", "name a variant"),
    ({"startsAt": "2026-11-02", "endsAt": "2026-11-01"}, "endsAt", "before it has started"),
    ({"startsAt": "2026-11-02T10:00", "endsAt": "2026-11-02T10:00"}, "endsAt", "before it has"),
    ({"startsAt": "tomorrow"}, "startsAt", "no time such as"),
    ({"endsAt": "2026-02-30"}, "endsAt", "no time such as"),
    ({"endsAt": "9999-12-31"}, "endsAt", "the year is from"),
    ({"startsAt": "0001-01-01T00:00+14:00"}, "startsAt", "the year is from"),
    ({"timeZone": "Europe/Atlantis"}, "timeZone", "no time zone"),
    ({"timeZone": "../../etc/passwd"}, "timeZone", "no time zone"),
    ({"name": "x" * 10_000}, "name", "at most 200"),
    ({"name": "  "}, "name", "can't be empty"),
    ({"name": "a\u202eb"}, "name", "characters that can't be stored"),
    ({"currencies": ["EUR", "KWD"]}, "currencies.1", "EUR, USD, JPY only"),
    ({"countries": ["DE", "XX"]}, "countries.1", "no country 'XX'"),
    ({"minimumQuantity": 0}, "minimumQuantity", "from 1"),
    ({"minimumSubtotal": [{"amount": "0"}]}, "minimumSubtotal.0.amount", "can't be nothing"),
    ({"usageLimit": 0}, "usageLimit", "from 1"),
    ({"usageLimitPerCustomer": -1}, "usageLimitPerCustomer", "from 1"),
    ({"budget": [{"amount": "-1"}]}, "budget.0.amount", "negative"),
    ({"customerIds": [encode_id("Seller", "x")]}, "customerIds.0", "not of a User"),
    ({"customerIds": ["carl"]}, "customerIds.0", "not an id"),
    (
        {"customerGroupIds": [encode_id("CustomerGroup", ObjectId())]},
        "customerGroupIds.0",
        "no cus",
    ),
    ({"sellerId": encode_id("User", "x")}, "sellerId", "not of a Seller"),
    ({"borneBy": "SELLER"}, "borneBy", "give `sellerId`"),
    ({"scope": {"include": [{}]}}, "scope.include.0", "names nothing"),
    ({"scope": {"exclude": [{"brands": [""]}]}}, "scope.exclude.0.brands.0", "can't be empty"),
    (
        {"scope": {"include": [{"productIds": [encode_id("Product", ObjectId())]}]}},
        "scope.include.0.productIds",
        "there is no product",
    ),
    (
        {"scope": {"include": [{"productIds": [encode_id("Category", ObjectId())]}]}},
        "scope.include.0.productIds.0",
        "not of a Product",
    ),
]


async def test_what_is_wrong_is_said_where_it_was_given(shop: Engine) -> None:
    admin = await admin_of(shop)
    for given, field, words in MISTAKES:
        code, at, message = await refused(shop, admin, **given)
        assert (code, at) == ("INVALID", field), (given, message)
        assert words in message, message


async def test_more_products_than_a_promotion_names_are_refused(shop: Engine) -> None:
    admin = await admin_of(shop)
    many = [encode_id("Product", ObjectId()) for _ in range(MOST_THINGS // 2 + 1)]
    for scope, at in (
        ({"include": [{"productIds": many + many}]}, "scope.include.0.productIds"),
        (
            {"include": [{"productIds": many}], "exclude": [{"productIds": many}]},
            "scope.exclude.0.productIds",
        ),
    ):
        code, field, message = await refused(shop, admin, scope=scope)
        assert (code, field) == ("INVALID", at)
        assert "20,000" in message


async def test_a_benefit_is_of_one_kind(shop: Engine) -> None:
    admin = await admin_of(shop)
    for benefit in ({}, {**TEN_PERCENT, "freeShipping": {}}, {"freeShipping": None}):
        given = {"name": "x", "benefit": benefit}
        assert await done(shop, CREATE, admin, **given) == {"error": "BAD_REQUEST"}


# Those that exclude each other

EXCLUSIVE = {"isAutomatic": True, "isCombinable": False}


async def test_two_that_exclude_each_other_need_different_priorities(shop: Engine) -> None:
    admin, staff = await admin_of(shop), await seller_of(shop, "s9")
    exclusive = {**EXCLUSIVE, "priority": 41}
    first = await promoted(
        shop, admin, name="Summer", **exclusive, startsAt="2027-06-01", endsAt="2027-08-31"
    )
    code, field, message = await refused(shop, admin, **exclusive, startsAt="2027-08-31")
    assert (code, field) == ("OVERLAP", "priority")
    assert "'Summer'" in message
    assert "different priorities" in message
    code, _, message = await refused(shop, staff, **exclusive)
    assert code == "OVERLAP"
    assert "Summer" not in message
    other = await promoted(shop, admin, name="Autumn", **exclusive, startsAt="2027-09-01")
    for harmless in ({"priority": 42}, {"isCombinable": True}, {"isAutomatic": False}):
        await promoted(shop, admin, **{**exclusive, **harmless})
    earlier = await done(shop, UPDATE, admin, id=other["id"], startsAt="2027-08-01")
    assert mistake(earlier)[0] == "OVERLAP"
    await done(shop, ARCHIVE, admin, id=first["id"])
    earlier = await done(shop, UPDATE, admin, id=other["id"], startsAt="2027-08-01")
    assert earlier["userErrors"] == []


async def test_those_that_no_cart_meets_together_may_exclude_each_other(shop: Engine) -> None:
    admin = await admin_of(shop)
    pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (
        ({"sellerId": SELLER}, {"sellerId": encode_id("Seller", "s2")}),
        ({"countries": ["DE"]}, {"countries": ["AT", "CH"]}),
        ({"currencies": ["EUR"]}, {"currencies": ["USD"]}),
        ({"endsAt": "2020-01-02"}, {"endsAt": "2020-01-02"}),
    )
    for index, (one, other) in enumerate(pairs):
        exclusive = {**EXCLUSIVE, "priority": 50 + index}
        await promoted(shop, admin, **exclusive, **one)
        await promoted(shop, admin, **exclusive, **other)


async def test_of_two_exclusive_ones_made_at_once_one_is_made(shop: Engine) -> None:
    admin = await admin_of(shop)
    given = {"name": "x", "benefit": TEN_PERCENT, **EXCLUSIVE, "priority": 77}
    made = await asyncio.gather(*(done(shop, CREATE, admin, **given) for _ in range(5)))
    codes = [[error["code"] for error in payload["userErrors"]] for payload in made]
    assert sorted(codes) == [[], *[["OVERLAP"]] * 4]


# How fresh


async def _known(engine: Engine, key: str) -> Any:
    known = await promotions_of(engine.context()).current(engine.context())
    return known.by_id.get(key)


async def has_told(engine: Engine, moment: float) -> bool:
    """Whether the change feed has told of all that was written before that."""
    return engine.changes.told_until > moment


@pytest.mark.parametrize("work", [True, False], ids=["told", "asking"])
async def test_another_process_knows_of_a_change_within_a_second(
    engine_for: EngineFor, *, work: bool
) -> None:
    one, two = await engine_for(TOML, work=work), await engine_for(TOML, work=work)
    if work:
        await until(lambda: is_told(one, two))
    admin = await admin_of(one)
    made, kept = await promoted(one, admin, name="Old"), await promoted(one, admin, name="Kept")
    key, other = key_of(made["id"], "Promotion"), key_of(kept["id"], "Promotion")

    async def within_a_second(check: Callable[[], Awaitable[bool]]) -> None:
        began = time.monotonic()
        await until(check)
        assert time.monotonic() - began < LATE_SECONDS

    async def is_named(name: str) -> bool:
        found = await _known(two, key)
        return found is not None and found.name == name

    async def is_gone() -> bool:
        return await _known(two, key) is None

    await within_a_second(lambda: is_named("Old"))
    if work:  # what two has read already is told of once more
        written = time.monotonic()
        await until(lambda: has_told(two, written))
    untouched = await _known(two, other)
    await done(one, UPDATE, admin, id=made["id"], name="New", isAutomatic=True)
    await within_a_second(lambda: is_named("New"))
    known = await promotions_of(two.context()).current(two.context())
    assert [promotion.id for promotion in known.automatic] == [key]
    await done(one, ARCHIVE, admin, id=made["id"])
    await within_a_second(is_gone)
    assert await _known(two, other) is untouched  # it wasn't read again


async def test_what_a_process_changes_it_knows_at_once(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await promoted(shop, admin, name="Old")
    key = key_of(made["id"], "Promotion")
    assert (await _known(shop, key)).name == "Old"
    await done(shop, UPDATE, admin, id=made["id"], name="New")
    assert (await _known(shop, key)).name == "New"
