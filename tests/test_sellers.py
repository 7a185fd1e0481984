"""Sellers: from an application to a shop of one's own, suspension, staff."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.notifications import Message
from mercat.storage import Record
from mercat_auth import links

from .asking import answered, told
from .conftest import EngineFor, until
from .identity import SHOP, messages, registered, viewer_for

APPLY = """mutation ($input: SellerApplyInput!) { sellerApply(input: $input) {
  seller { id slug name status staff { userId rank name } }
  userErrors { field code message } } }"""
PRODUCT = """mutation ($input: ProductCreateInput!) { productCreate(input: $input) {
  product { id slug sellerId } userErrors { field code message } } }"""


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(SHOP)


async def done(
    engine: Engine, name: str, viewer: Viewer, /, shown: str = "", **given: Any
) -> dict[str, Any]:
    """The payload of a mutation of a seller, or its first top-level error's extensions."""
    kind = name[0].upper() + name[1:]
    shown = shown or "seller { id slug name about status version }"
    document = (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
        f"{{ {shown} userErrors {{ field code message }} }} }}"
    )
    found = await answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in found:
        return {"error": found["errors"][0]["extensions"]["code"]}
    payload: dict[str, Any] = found["data"][name]
    return payload


async def applied(engine: Engine, name: str = "Ada's Shoes") -> tuple[Record, str]:
    """Somebody who has applied to sell, and the seller's id."""
    user = await registered(engine)
    payload = await done(engine, "sellerApply", await viewer_for(engine, user), name=name)
    assert payload["userErrors"] == []
    seller: str = payload["seller"]["id"]
    return user, seller


async def approved(engine: Engine, admin: Viewer, name: str = "Ada's Shoes") -> tuple[Record, str]:
    user, seller = await applied(engine, name)
    payload = await done(engine, "sellerApprove", admin, id=seller)
    assert payload["seller"]["status"] == "APPROVED"
    stored = await engine.storage.database["users"].find_one({"_id": user["_id"]})
    assert stored is not None
    return stored, seller


async def admin_of(engine: Engine) -> Viewer:
    return await viewer_for(engine, await registered(engine, roles=["ADMIN"]))


async def refreshed(engine: Engine, user: Record) -> Viewer:
    """A user's viewer as a token of this moment makes it."""
    stored = await engine.storage.database["users"].find_one({"_id": user["_id"]})
    assert stored is not None
    return await viewer_for(engine, stored)


async def test_an_application_becomes_a_seller_with_products_of_its_own(shop: Engine) -> None:
    admin = await admin_of(shop)
    user, seller = await applied(shop)
    before = await refreshed(shop, user)
    assert "products.sell" not in before.permissions
    assert (await done(shop, "sellerApprove", before, id=seller)) == {"error": "FORBIDDEN"}
    hidden = await told(
        shop, "query ($id: ID!) { seller(id: $id) { id } }", {"id": seller}, viewer=Viewer()
    )
    assert hidden["seller"] is None
    await done(shop, "sellerApprove", admin, id=seller)
    now = await refreshed(shop, user)
    assert (now.role, "products.sell" in now.permissions) == ("SELLER", True)
    made = await told(
        shop, PRODUCT, {"input": {"name": "Boot", "variants": [{"sku": "B1"}]}}, viewer=now
    )
    assert made["productCreate"]["product"]["sellerId"] == seller
    seen = await told(
        shop,
        '{ seller(slug: "ada-s-shoes") { name staff { rank } } '
        "sellers(first: 5) { totalCount nodes { slug } } }",
        viewer=Viewer(),
    )
    assert seen == {
        "seller": {"name": "Ada's Shoes", "staff": None},
        "sellers": {"totalCount": 1, "nodes": [{"slug": "ada-s-shoes"}]},
    }


async def test_whoever_is_on_a_staff_applies_no_more_and_who_was_rejected_may(shop: Engine) -> None:
    admin = await admin_of(shop)
    user, seller = await applied(shop)
    again = await done(shop, "sellerApply", await refreshed(shop, user), name="Another")
    assert [error["code"] for error in again["userErrors"]] == ["CONFLICT"]
    assert await shop.storage.database["sellers"].count_documents({}) == 1
    unverified = await viewer_for(shop, await registered(shop, verified=False))
    early = await done(shop, "sellerApply", unverified, name="Early")
    assert [error["code"] for error in early["userErrors"]] == ["EMAIL_NOT_VERIFIED"]
    rejected = await done(shop, "sellerReject", admin, id=seller, reason="no shop")
    assert rejected["seller"]["status"] == "CLOSED"
    late = await done(shop, "sellerApprove", admin, id=seller)
    assert [error["code"] for error in late["userErrors"]] == ["WRONG_STATE"]
    other = await done(shop, "sellerApply", await refreshed(shop, user), name="Another")
    assert other["userErrors"] == []


async def test_sellers_of_one_name_have_slugs_of_their_own_and_a_wanted_one_is_refused(
    shop: Engine,
) -> None:
    await applied(shop, "Shoes")
    _, second = await applied(shop, "Shoes")
    admin = await admin_of(shop)
    slug = (
        await told(
            shop, "query ($id: ID!) { seller(id: $id) { slug } }", {"id": second}, viewer=admin
        )
    )["seller"]["slug"]
    assert slug == "shoes-2"
    viewer = await viewer_for(shop, await registered(shop))
    taken = await done(shop, "sellerApply", viewer, name="X", slug="shoes")
    assert [(one["code"], one["field"]) for one in taken["userErrors"]] == [
        ("SLUG_TAKEN", ["input", "slug"])
    ]


async def test_another_sellers_owner_can_neither_change_nor_staff_it(shop: Engine) -> None:
    admin = await admin_of(shop)
    ada, first = await approved(shop, admin, "First")
    eve, second = await approved(shop, admin, "Second")
    rival = await refreshed(shop, eve)
    for name, given in (
        ("sellerUpdate", {"id": first, "name": "Mine now"}),
        ("sellerMemberRemove", {"id": first, "userId": encode_id("User", ada["_id"])}),
        ("sellerSuspend", {"id": first}),
        ("sellerReinstate", {"id": second}),
    ):
        assert await done(shop, name, rival, **given) == {"error": "FORBIDDEN"}, name
    shown = "isSent"
    invited = await done(shop, "sellerMemberInvite", rival, shown, id=first, email="e@example.com")
    assert invited == {"error": "FORBIDDEN"}
    owner = await refreshed(shop, ada)
    changed = await done(shop, "sellerUpdate", owner, id=first, about="Boots.", version=2)
    assert (changed["seller"]["about"], changed["seller"]["version"]) == ("Boots.", 3)
    stale = await done(shop, "sellerUpdate", owner, id=first, about="Socks.", version=2)
    assert [one["code"] for one in stale["userErrors"]] == ["STALE"]


def _secret(engine: Engine, message: Message) -> str:
    return links.secret_of(Context(engine), message.subject)


async def test_an_invitation_is_good_once_and_only_for_its_address(shop: Engine) -> None:
    admin = await admin_of(shop)
    ada, seller = await approved(shop, admin)
    owner = await refreshed(shop, ada)
    shown = "isSent"
    sent = await done(
        shop, "sellerMemberInvite", owner, shown, id=seller, email="Bob@Example.com", rank="MANAGER"
    )
    assert sent == {"isSent": True, "userErrors": []}
    (message,) = await messages(shop, "seller_invitation")
    token = _secret(shop, message)
    eve = await viewer_for(shop, await registered(shop, "eve@example.com"))
    stolen = await done(shop, "sellerInvitationAccept", eve, token=token)
    assert [one["code"] for one in stolen["userErrors"]] == ["LINK_ENDED"]
    unverified = await viewer_for(shop, await registered(shop, "bob2@example.com", verified=False))
    assert (await done(shop, "sellerInvitationAccept", unverified, token=token))["seller"] is None
    bob = await registered(shop, "bob@example.com")
    joined = await done(shop, "sellerInvitationAccept", await refreshed(shop, bob), token=token)
    assert joined["userErrors"] == []
    member = await refreshed(shop, bob)
    assert (member.role, encode_id("Seller", member.seller)) == ("SELLER", seller)
    again = await done(shop, "sellerInvitationAccept", member, token=token)
    assert [one["code"] for one in again["userErrors"]] == ["LINK_ENDED"]
    assert (await done(shop, "sellerUpdate", member, id=seller, about="By Bob"))["userErrors"] == []
    invited = await done(
        shop, "sellerMemberInvite", member, shown, id=seller, email="c@example.com"
    )
    assert invited == {"error": "FORBIDDEN"}


async def test_the_last_owner_stays_and_who_is_removed_may_nothing(shop: Engine) -> None:
    admin = await admin_of(shop)
    ada, seller = await approved(shop, admin)
    owner = await refreshed(shop, ada)
    await done(shop, "sellerMemberInvite", owner, "isSent", id=seller, email="bob@example.com")
    (message,) = await messages(shop, "seller_invitation")
    bob = await registered(shop, "bob@example.com")
    await done(
        shop, "sellerInvitationAccept", await refreshed(shop, bob), token=_secret(shop, message)
    )
    ada_id, bob_id = encode_id("User", ada["_id"]), encode_id("User", bob["_id"])
    alone = await done(shop, "sellerMemberRemove", owner, id=seller, userId=ada_id)
    assert [one["code"] for one in alone["userErrors"]] == ["LAST_OWNER"]
    gone = await done(shop, "sellerMemberRemove", owner, id=seller, userId=bob_id)
    assert gone["userErrors"] == []
    left = await refreshed(shop, bob)
    assert (left.role, left.seller, "products.sell" in left.permissions) == (
        "CUSTOMER",
        None,
        False,
    )


LISTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "product": ('{ product(slug: "boot") { slug } }', lambda data: data["product"] is not None),
    "products": (
        "{ products(first: 9) { totalCount nodes { slug } } }",
        lambda data: (data["products"]["totalCount"], len(data["products"]["nodes"])) == (1, 1),
    ),
    "by the index": (
        "{ products(first: 9, sort: NAME) { totalCount nodes { slug } } }",
        lambda data: (data["products"]["totalCount"], len(data["products"]["nodes"])) == (1, 1),
    ),
    "productSearch": (
        '{ productSearch(query: "boot", first: 9) { totalCount nodes { slug } } }',
        lambda data: (
            (data["productSearch"]["totalCount"], len(data["productSearch"]["nodes"])) == (1, 1)
        ),
    ),
    "variant": ('{ variant(sku: "B1") { sku } }', lambda data: data["variant"] is not None),
    "category": (
        """{ category(slug: "shoes") {
          productCount products(first: 9) { totalCount nodes { slug } } } }""",
        lambda data: (
            (
                data["category"]["productCount"],
                data["category"]["products"]["totalCount"],
                len(data["category"]["products"]["nodes"]),
            )
            == (1, 1, 1)
        ),
    ),
    "node": (
        "query ($id: ID!) { node(id: $id) { id } }",
        lambda data: data["node"] is not None,
    ),
}


def _is_empty(found: Any) -> bool:
    """Whether an answer shows nothing: nulls, zeros and empty lists."""
    return not found or (isinstance(found, dict) and all(map(_is_empty, found.values())))


def _in_places(
    engine: Engine, product: str, viewer: Viewer, *, shown: bool
) -> Callable[[], Awaitable[bool]]:
    """Whether the product is shown everywhere; or nowhere, and counted nowhere."""

    async def check() -> bool:
        for document, is_there in LISTS.values():
            variables = {"id": product} if "$id" in document else None
            answer = await answered(engine, document, variables, viewer=viewer)
            if "errors" in answer:
                return False
            if not (is_there(answer["data"]) if shown else _is_empty(answer["data"])):
                return False
        return True

    return check


async def test_a_suspended_sellers_products_vanish_everywhere_and_come_back(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(SHOP, work=True)
    admin = await admin_of(shop)
    user, seller = await approved(shop, admin)
    owner = await refreshed(shop, user)
    made = await told(
        shop,
        PRODUCT,
        {
            "input": {
                "name": "Boot",
                "status": "ACTIVE",
                "variants": [{"sku": "B1", "prices": [{"currency": "EUR", "amount": "1.00"}]}],
            }
        },
        viewer=owner,
    )
    product = made["productCreate"]["product"]["id"]
    add = """mutation { categoryCreate(input: {name: "Shoes"}) { category { id } } }"""
    category = (await told(shop, add, viewer=admin))["categoryCreate"]["category"]["id"]
    put = """mutation ($input: CategoryProductsAddInput!) { categoryProductsAdd(input: $input) {
      userErrors { code message } } }"""
    given = {"category": category, "products": [product]}
    assert (await told(shop, put, {"input": given}, viewer=admin))["categoryProductsAdd"] == {
        "userErrors": []
    }
    nobody = Viewer()
    await until(_in_places(shop, product, nobody, shown=True))
    await done(shop, "sellerSuspend", admin, id=seller, reason="complaints")
    await until(_in_places(shop, product, nobody, shown=False))
    staff = await refreshed(shop, user)
    change = """mutation ($id: ID!) { productUpdate(input: {id: $id, name: "X"}) {
      product { id } userErrors { code } } }"""
    refused = await answered(shop, change, {"id": product}, viewer=staff)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for_admin = await told(
        shop, "query ($id: ID!) { node(id: $id) { id } }", {"id": product}, viewer=admin
    )
    assert for_admin["node"] is not None
    added = await told(
        shop,
        PRODUCT,
        {
            "input": {
                "name": "Sock",
                "status": "ACTIVE",
                "seller": seller,
                "variants": [{"sku": "S1", "prices": [{"currency": "EUR", "amount": "1.00"}]}],
            }
        },
        viewer=admin,
    )
    assert added["productCreate"]["userErrors"] == []

    async def hidden() -> bool:
        return (await told(shop, '{ product(slug: "sock") { id } }', viewer=nobody)) == {
            "product": None
        }

    await until(hidden)
    await done(shop, "sellerReinstate", admin, id=seller)

    async def back() -> bool:
        found = await told(
            shop,
            '{ a: product(slug: "sock") { id } b: product(slug: "boot") { id } }',
            viewer=nobody,
        )
        return None not in found.values()

    await until(back)
    archive = "mutation ($id: ID!) { productArchive(input: {id: $id}) { userErrors { code } } }"
    await told(shop, archive, {"id": added["productCreate"]["product"]["id"]}, viewer=admin)
    await until(_in_places(shop, product, nobody, shown=True))


async def test_nobody_withholds_a_product_by_hand(shop: Engine) -> None:
    admin = await admin_of(shop)
    variants = [{"sku": "B1"}]
    given = {"name": "Boot", "status": "WITHHELD", "variants": variants}
    made = (await told(shop, PRODUCT, {"input": given}, viewer=admin))["productCreate"]
    assert [(one["code"], one["field"]) for one in made["userErrors"]] == [
        ("INVALID", ["input", "status"])
    ]
    product = (
        await told(shop, PRODUCT, {"input": {"name": "Boot", "variants": variants}}, viewer=admin)
    )["productCreate"]["product"]["id"]
    for name, key in (
        ("productUpdate", {"id": product}),
        ("productBulkUpdate", {"ids": [product]}),
    ):
        kind = name[0].upper() + name[1:]
        document = (
            f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
            "{ userErrors { code } } }"
        )
        found = await told(shop, document, {"input": {**key, "status": "WITHHELD"}}, viewer=admin)
        assert found[name]["userErrors"] == [{"code": "INVALID"}], name


async def test_reinstating_leaves_what_was_archived_meanwhile_and_drafts_alone(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(SHOP, work=True)
    admin = await admin_of(shop)
    user, seller = await approved(shop, admin)
    owner = await refreshed(shop, user)
    made = {}
    for name, status in (("a", "ACTIVE"), ("b", "ACTIVE"), ("c", "DRAFT")):
        given = {"name": name, "status": status, "variants": [{"sku": name}]}
        found = await told(shop, PRODUCT, {"input": given}, viewer=owner)
        made[name] = found["productCreate"]["product"]["id"]
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { status } } }"""

    def stand(*wanted: str) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            found = await told(shop, query, {"ids": list(made.values())}, viewer=admin)
            return [one["status"] for one in found["nodes"]] == list(wanted)

        return check

    await done(shop, "sellerSuspend", admin, id=seller)
    await until(stand("WITHHELD", "WITHHELD", "DRAFT"))
    archive = "mutation ($id: ID!) { productArchive(input: {id: $id}) { userErrors { code } } }"
    await told(shop, archive, {"id": made["b"]}, viewer=admin)
    await done(shop, "sellerReinstate", admin, id=seller)
    await until(stand("ACTIVE", "ARCHIVED", "DRAFT"))
