"""Roles, permissions, and other people's accounts in the hands of those who run the shop."""

import asyncio
import time
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record

from .asking import answered, told
from .conftest import Client, ClientFor, EngineFor, until
from .identity import SHOP, TOML, registered, signed_in, viewer_for


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def done(
    engine: Engine, name: str, viewer: Viewer, /, shown: str, **given: Any
) -> dict[str, Any]:
    """The payload of a mutation, or the code of its first top-level error."""
    kind = name[0].upper() + name[1:]
    document = (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
        f"{{ {shown} userErrors {{ field code message }} }} }}"
    )
    found = await answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in found:
        return {"error": found["errors"][0]["extensions"]["code"]}
    payload: dict[str, Any] = found["data"][name]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def roled(engine: Engine, *roles: str) -> tuple[Record, Viewer]:
    """Somebody with these roles."""
    user = await registered(engine, roles=roles)
    return user, await viewer_for(engine, user)


async def set_roles(engine: Engine, viewer: Viewer, user: Record, *roles: str) -> dict[str, Any]:
    given = {"userId": encode_id("User", user["_id"]), "roles": list(roles)}
    return await done(engine, "userRolesSet", viewer, "user { roles }", **given)


async def stored(engine: Engine, user: Record) -> Record:
    found = await engine.storage.database["users"].find_one({"_id": user["_id"]})
    assert found is not None
    return found


async def test_permissions_and_roles_are_shown_to_who_manages_them(engine_for: EngineFor) -> None:
    shop = await engine_for(SHOP)
    _, admin = await roled(shop, "ADMIN")
    query = "{ permissions { name description roles } roles { name isBuiltIn permissions } }"
    found = await told(shop, query, viewer=admin)
    assert {"auth.read_users", "products.manage", "media.upload", "categories.manage"} <= {
        each["name"] for each in found["permissions"]
    }
    assert all(each["description"].endswith(".") for each in found["permissions"])
    of = {each["name"]: each["permissions"] for each in found["roles"]}
    assert of["CUSTOMER"] == []
    own = {"coupons.own", "orders.deliver", "orders.sell", "payouts.own", "products.sell"}
    own |= {"tickets.sell"}
    assert of["SELLER"] == sorted({"media.upload", *own})
    staff = ["auth.read_users", "notifications.manage", "notifications.view", "orders.manage"]
    more = ["orders.read", "orders.report", "payments.manage", "tickets.manage"]
    assert of["SUPPORT"] == [*staff, *more]
    assert set(of["ADMIN"]) == {each["name"] for each in found["permissions"]} - own
    _, support = await roled(shop, "SUPPORT")
    refused = await answered(shop, query, viewer=support)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_custom_role_gives_its_permissions_and_loses_them(shop: Engine) -> None:
    _, admin = await roled(shop, "ADMIN")
    user, before = await roled(shop)
    made = await done(
        shop, "roleCreate", admin, "role { name permissions }",
        name="AUDITOR", permissions=["auth.read_audit"], description="Reads along.",
    )  # fmt: skip
    assert made["role"] == {"name": "AUDITOR", "permissions": ["auth.read_audit"]}
    log = "{ auditLog(first: 1) { nodes { action } } }"
    assert "errors" in await answered(shop, log, viewer=before)
    assert (await set_roles(shop, admin, user, "AUDITOR"))["user"] == {
        "roles": ["AUDITOR", "CUSTOMER"]
    }
    now = await viewer_for(shop, await stored(shop, user))
    assert (now.role, now.permissions) == ("CUSTOMER", frozenset({"auth.read_audit"}))
    assert "errors" not in await answered(shop, log, viewer=now)
    used = await done(shop, "roleDelete", admin, "", name="AUDITOR")
    assert codes(used) == ["IN_USE"]
    await done(shop, "roleUpdate", admin, "role { name }", name="AUDITOR", permissions=[])
    later = await viewer_for(shop, await stored(shop, user))
    assert later.permissions == frozenset()
    await set_roles(shop, admin, user)
    assert codes(await done(shop, "roleDelete", admin, "", name="AUDITOR")) == []
    assert codes(await set_roles(shop, admin, user, "AUDITOR")) == ["INVALID"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "ADMIN", "permissions": []}, "NAME_TAKEN"),
        ({"name": "SYSTEM", "permissions": []}, "NAME_TAKEN"),
        ({"name": "x", "permissions": []}, "INVALID"),
        ({"name": "ÄRZTE", "permissions": []}, "INVALID"),
        ({"name": "CLERK", "permissions": ["products.everything"]}, "INVALID"),
        ({"name": "CLERK", "permissions": [], "description": "a\nb"}, "INVALID"),
    ],
)
async def test_a_role_that_cannot_be_is_refused(
    shop: Engine, given: dict[str, Any], code: str
) -> None:
    _, admin = await roled(shop, "ADMIN")
    assert codes(await done(shop, "roleCreate", admin, "role { name }", **given)) == [code]


async def test_nobody_gives_what_he_does_not_have(shop: Engine) -> None:
    _, admin = await roled(shop, "ADMIN")
    clerk, _ = await roled(shop)
    permissions = ["auth.manage_users", "auth.manage_roles", "auth.read_users"]
    permissions += ["notifications.manage", "notifications.view"]
    await done(shop, "roleCreate", admin, "role { name }", name="CLERK", permissions=permissions)
    await done(shop, "roleCreate", admin, "role { name }", name="TOP",
               permissions=["auth.read_audit"])  # fmt: skip
    await set_roles(shop, admin, clerk, "CLERK")
    limited = await viewer_for(shop, await stored(shop, clerk))
    boss, _ = await roled(shop, "ADMIN")
    other, _ = await roled(shop)
    assert codes(await set_roles(shop, limited, clerk, "CLERK", "ADMIN")) == ["NOT_YOURS_TO_GIVE"]
    assert codes(await set_roles(shop, limited, other, "TOP")) == ["NOT_YOURS_TO_GIVE"]
    assert codes(await set_roles(shop, limited, boss)) == ["NOT_YOURS_TO_GIVE"]
    wide = await done(shop, "roleCreate", limited, "role { name }", name="WIDE",
                      permissions=["auth.read_audit"])  # fmt: skip
    assert codes(wide) == ["NOT_YOURS_TO_GIVE"]
    for name in ("roleUpdate", "roleDelete"):
        assert codes(await done(shop, name, limited, "", name="TOP")) == ["NOT_YOURS_TO_GIVE"]
    suspended = await done(
        shop, "userSuspend", limited, "user { id }", userId=encode_id("User", boss["_id"])
    )
    assert codes(suspended) == ["NOT_YOURS_TO_GIVE"]
    assert codes(await set_roles(shop, limited, other, "SUPPORT")) == []
    assert (await stored(shop, boss))["roles"] == ["ADMIN"]


async def test_of_two_admins_who_demote_each_other_at_once_one_stays(shop: Engine) -> None:
    for _ in range(5):
        (ada, first), (bob, second) = await roled(shop, "ADMIN"), await roled(shop, "ADMIN")
        await asyncio.gather(set_roles(shop, first, bob), set_roles(shop, second, ada))
        left = await shop.storage.database["users"].find({"roles": "ADMIN"}).to_list()
        assert len(left) == 1
        await shop.storage.database["users"].delete_many({})


async def test_the_last_admin_can_be_neither_demoted_nor_suspended(shop: Engine) -> None:
    ada, admin = await roled(shop, "ADMIN")
    assert codes(await set_roles(shop, admin, ada)) == ["LAST_ADMIN"]
    bob, second = await roled(shop, "ADMIN")
    own = encode_id("User", ada["_id"])
    assert codes(await done(shop, "userSuspend", admin, "user { id }", userId=own)) == ["INVALID"]
    assert codes(await done(shop, "userSuspend", second, "user { id }", userId=own)) == []
    assert codes(await set_roles(shop, second, bob)) == ["LAST_ADMIN"]
    state = await done(shop, "userRestore", second, "user { state }", userId=own)
    assert state["user"] == {"state": "ACTIVE"}
    assert codes(await set_roles(shop, second, bob)) == []


async def test_roles_that_are_not_given_by_hand_are_refused(shop: Engine) -> None:
    _, admin = await roled(shop, "ADMIN")
    user, _ = await roled(shop)
    assert codes(await set_roles(shop, admin, user, "SELLER")) == ["INVALID"]
    assert codes(await set_roles(shop, admin, user, "NOBODY")) == ["INVALID"]
    assert codes(await set_roles(shop, admin, user, *(f"R{i}" for i in range(30)))) == ["INVALID"]
    stale = await done(shop, "userRolesSet", admin, "user { roles }", roles=["SUPPORT"], version=9,
                       userId=encode_id("User", user["_id"]))  # fmt: skip
    assert codes(stale) == ["STALE"]
    wrong = await done(shop, "userRolesSet", admin, "user { roles }", roles=[],
                       userId=encode_id("Product", user["_id"]))  # fmt: skip
    assert (codes(wrong), wrong["userErrors"][0]["field"]) == (["INVALID"], ["input", "userId"])


VIEWER = "{ viewer { role permissions } }"


async def role_of(client: Client, token: str) -> str:
    answer = await client.ask(VIEWER, authorization=f"Bearer {token}")
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    return str(answer["data"]["viewer"]["role"])


async def test_demotion_and_suspension_reach_another_process_within_a_second(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    here, there = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    replica = client_for(there)
    _, admin = await roled(here, "ADMIN")
    support = await registered(here, roles=["SUPPORT"])
    token = await signed_in(here, support)
    assert await role_of(replica, token) == "SUPPORT"
    began = time.monotonic()
    await set_roles(here, admin, support)

    async def ended() -> bool:
        return await role_of(replica, token) == "UNAUTHENTICATED"

    await until(ended, 1)
    assert time.monotonic() - began < 1
    again = await signed_in(here, await stored(here, support))
    assert await role_of(replica, again) == "CUSTOMER"
    own = encode_id("User", support["_id"])
    await done(here, "userSuspend", admin, "user { id }", userId=own, reason="misuse")
    token = again
    await until(ended, 1)
    assert await here.storage.database["sessions"].count_documents({"ended_at": None,
        "user": support["_id"]}) == 0  # fmt: skip


async def test_a_changed_role_reaches_another_process_within_a_second(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    here, there = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    replica = client_for(there)
    _, admin = await roled(here, "ADMIN")
    user, _ = await roled(here)
    await done(here, "roleCreate", admin, "role { name }", name="CLERK", permissions=[])
    await set_roles(here, admin, user, "CLERK")
    token = await signed_in(here, await stored(here, user))
    other = ["auth.read_audit"]
    await done(here, "roleUpdate", admin, "role { name }", name="CLERK", permissions=other)
    wanted = other

    async def told_there() -> bool:
        answer = await replica.ask(VIEWER, authorization=f"Bearer {token}")
        return bool(answer["data"]["viewer"]["permissions"] == wanted)

    await until(told_there, 5)
    wanted = ["auth.read_users"]
    await done(here, "roleUpdate", admin, "role { name }", name="CLERK", permissions=wanted)
    await until(told_there, 1)


async def test_support_sees_accounts_and_customers_see_their_own(shop: Engine) -> None:
    ada, customer = await roled(shop)
    bob, _ = await roled(shop)
    _, support = await roled(shop, "SUPPORT")
    query = "query ($id: ID!) { user(id: $id) { id email } node(id: $id) { id } }"
    own, other = encode_id("User", ada["_id"]), encode_id("User", bob["_id"])
    assert (await told(shop, query, {"id": own}, viewer=customer))["user"]["email"] == ada["email"]
    hidden = {"user": None, "node": None}
    assert await told(shop, query, {"id": other}, viewer=customer) == hidden
    assert await told(shop, query, {"id": own}, viewer=Viewer()) == hidden
    assert (await told(shop, query, {"id": other}, viewer=support))["user"]["email"] == bob["email"]
    everybody = "{ users(first: 2) { totalCount pageInfo { endCursor } nodes { email } } }"
    page = (await told(shop, everybody, viewer=support))["users"]
    assert page["totalCount"] == 3
    assert page["nodes"][1]["email"] == bob["email"]
    rest = "query ($after: String) { users(first: 2, after: $after) { nodes { email } } }"
    more = await told(shop, rest, {"after": page["pageInfo"]["endCursor"]}, viewer=support)
    assert more["users"]["nodes"] == [{"email": ada["email"]}]
    refused = await answered(shop, everybody, viewer=customer)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_accounts_are_found_by_role_state_and_address(shop: Engine) -> None:
    ada = await registered(shop, "Ada@Example.com", roles=["SUPPORT"])
    _, admin = await roled(shop, "ADMIN")
    own = encode_id("User", ada["_id"])
    query = """query ($filter: UserFilter) {
      users(first: 9, filter: $filter) { totalCount nodes { email state } } }"""
    await done(shop, "userSuspend", admin, "user { id }", userId=own)
    found = [{"email": "Ada@example.com", "state": "SUSPENDED"}]
    for wanted in (
        {"role": "SUPPORT"},
        {"state": "SUSPENDED"},
        {"email": "aDA@eXample.com"},
        {"role": "SUPPORT", "state": "SUSPENDED", "email": "ada@example.com"},
    ):
        answer = (await told(shop, query, {"filter": wanted}, viewer=admin))["users"]
        assert answer == {"totalCount": 1, "nodes": found}, wanted
    answer = await told(
        shop, query, {"filter": {"role": "SUPPORT", "state": "ACTIVE"}}, viewer=admin
    )
    assert answer["users"]["nodes"] == []
