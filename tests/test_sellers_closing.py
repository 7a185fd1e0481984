"""A seller that closes for good: who may, what goes and what stays."""

import asyncio

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat.storage import Record
from mercat_auth.audit.documents import AuditDocument

from .asking import told
from .conftest import EngineFor, until
from .identity import PASSWORD, SHOP, TOML, registered, viewer_for
from .test_sellers import PRODUCT, _in_places, admin_of, applied, approved, done, refreshed

ERASE = f"""mutation {{ accountErase(input: {{password: "{PASSWORD}"}}) {{
  isErased userErrors {{ code message }} }} }}"""


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def joined(engine: Engine, seller: str, rank: str) -> Record:
    """Somebody of a seller's staff."""
    key = decode_id(seller)[1]
    user = await registered(engine, roles=["SELLER"], seller=key)
    member = {"user": user["_id"], "rank": rank, "since": user["created_at"]}
    await engine.storage.database["sellers"].update_one(
        {"slug": "ada-s-shoes"}, {"$push": {"members": member}}
    )
    return user


async def test_what_it_sells_vanishes_everywhere_and_its_products_are_kept(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(SHOP, work=True)
    admin = await admin_of(shop)
    user, seller = await approved(shop, admin)
    owner = await refreshed(shop, user)
    variants = [{"sku": "B1", "prices": [{"currency": "EUR", "amount": "1.00"}]}]
    given = {"name": "Boot", "status": "ACTIVE", "variants": variants}
    made = await told(shop, PRODUCT, {"input": given}, viewer=owner)
    product = made["productCreate"]["product"]["id"]

    async def is_shown() -> bool:
        return (await told(shop, '{ product(slug: "boot") { id } }', viewer=Viewer())) != {
            "product": None
        }

    await until(is_shown)
    closed = await done(shop, "sellerClose", owner, sellerId=seller, reason="retired")
    assert closed["seller"]["status"] == "CLOSED"
    await until(_in_places(shop, product, Viewer(), shown=False))
    query = "query ($id: ID!) { node(id: $id) { ... on Product { status sellerId } } }"
    kept = await told(shop, query, {"id": product}, viewer=admin)
    assert kept["node"] == {"status": "WITHHELD", "sellerId": seller}


async def test_its_staff_may_no_more_and_is_free_to_begin_anew_or_to_go(shop: Engine) -> None:
    admin = await admin_of(shop)
    user, seller = await approved(shop, admin)
    worker = await joined(shop, seller, "staff")
    early = await told(shop, ERASE, viewer=await refreshed(shop, user))
    assert [one["code"] for one in early["accountErase"]["userErrors"]] == ["LAST_OWNER"]
    owner = await refreshed(shop, user)
    assert (await done(shop, "sellerClose", owner, sellerId=seller))["userErrors"] == []
    for one in (user, worker):
        viewer = await refreshed(shop, one)
        assert (viewer.role, viewer.seller) == ("CUSTOMER", None)
    again = await done(shop, "sellerApply", await refreshed(shop, worker), name="Another")
    assert again["userErrors"] == []
    late = await done(shop, "sellerUpdate", await refreshed(shop, user), id=seller, name="X")
    assert late == {"error": "FORBIDDEN"}
    gone = await told(shop, ERASE, viewer=await refreshed(shop, user))
    assert gone["accountErase"] == {"isErased": True, "userErrors": []}
    log = shop.storage.collection(AuditDocument)
    (entry,) = await log.find({"action": "seller.closed"}).to_list()
    assert (entry["user"], entry["key"]) == (str(user["_id"]), decode_id(seller)[1])


async def test_only_owners_and_who_manages_sellers_close_it(shop: Engine) -> None:
    admin = await admin_of(shop)
    _, seller = await approved(shop, admin)
    rival, _ = await approved(shop, admin, "Rival")
    for one in (
        await joined(shop, seller, "manager"),
        await joined(shop, seller, "staff"),
        rival,
        await registered(shop, roles=["SUPPORT"]),
    ):
        refused = await done(shop, "sellerClose", await refreshed(shop, one), sellerId=seller)
        assert refused == {"error": "FORBIDDEN"}
    nobody = await done(shop, "sellerClose", Viewer(), sellerId=seller)
    assert nobody == {"error": "UNAUTHENTICATED"}
    closed = await done(shop, "sellerClose", admin, sellerId=seller, reason="fraud")
    assert closed["seller"]["status"] == "CLOSED"
    log = shop.storage.collection(AuditDocument)
    (entry,) = await log.find({"action": "seller.closed"}).to_list()
    assert entry["facts"] == {"reason": "fraud"}


async def test_closing_is_final_and_possible_before_approval_and_in_suspension(
    shop: Engine,
) -> None:
    admin = await admin_of(shop)
    user, waiting = await applied(shop, "Waiting")
    assert (await done(shop, "sellerClose", await refreshed(shop, user), sellerId=waiting))[
        "userErrors"
    ] == []
    user, seller = await approved(shop, admin)
    await done(shop, "sellerSuspend", admin, id=seller)
    assert (await done(shop, "sellerClose", await refreshed(shop, user), sellerId=seller))[
        "userErrors"
    ] == []
    for name in ("sellerApprove", "sellerReinstate", "sellerSuspend", "sellerReject"):
        late = await done(shop, name, admin, id=seller)
        assert [one["code"] for one in late["userErrors"]] == ["WRONG_STATE"], name
    again = await done(shop, "sellerClose", admin, sellerId=seller)
    assert [(one["code"], one["field"]) for one in again["userErrors"]] == [
        ("WRONG_STATE", ["input", "sellerId"])
    ]


@pytest.mark.parametrize("given", [encode_id("Seller", "0" * 24), encode_id("User", "0" * 24), "x"])
async def test_what_is_no_seller_is_not_closed(shop: Engine, given: str) -> None:
    refused = await done(shop, "sellerClose", await admin_of(shop), sellerId=given)
    assert [one["field"] for one in refused["userErrors"]] == [["input", "sellerId"]]


async def test_of_closing_and_reinstating_at_once_closing_stays(shop: Engine) -> None:
    admin = await admin_of(shop)
    user, seller = await approved(shop, admin)
    await done(shop, "sellerSuspend", admin, id=seller)
    owner = await refreshed(shop, user)
    await asyncio.gather(
        done(shop, "sellerClose", owner, sellerId=seller),
        done(shop, "sellerReinstate", admin, id=seller),
    )
    shown = await told(
        shop, "query ($id: ID!) { seller(id: $id) { status } }", {"id": seller}, viewer=admin
    )
    assert shown["seller"]["status"] == "CLOSED"
    assert (await refreshed(shop, user)).seller is None
    stale = await viewer_for(shop, await registered(shop, roles=["ADMIN"]))
    late = await done(shop, "sellerReinstate", stale, id=seller)
    assert [one["code"] for one in late["userErrors"]] == ["WRONG_STATE"]
