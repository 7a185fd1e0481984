"""Customer groups: who is in which, who may say so, and what is left of somebody who has gone."""

import asyncio
import json
import secrets
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id, key_of, object_id
from mercat_coupons.documents import GroupMemberDocument
from mercat_coupons.groups.service import MOST_AT_ONCE, groups_of

from .asking import answered, told
from .configuring import admin_of, done, refusal, seller_of
from .conftest import EngineFor, until
from .identity import PASSWORD, registered, viewer_for
from .setting_up import ARCHIVE, CREATE, TEN_PERCENT, TOML, UPDATE, mistake, promoted

GROUP = "{ id key name version memberCount customerIds createdAt updatedAt }"
ERRORS = "userErrors { field code message }"


def mutation(verb: str, shown: str = f"customerGroup {GROUP}") -> str:
    name = f"CustomerGroup{verb}"
    return f"""mutation ($input: {name}Input!) {{
      {name[0].lower()}{name[1:]}(input: $input) {{ {shown} {ERRORS} }} }}"""


MAKE, RENAME = mutation("Create"), mutation("Update")
DELETE = mutation("Delete", "deletedId")
ADD, REMOVE = mutation("MembersAdd"), mutation("MembersRemove")


@pytest.fixture
async def shop(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def group(engine: Engine, viewer: Viewer, *users: str, key: str = "") -> dict[str, Any]:
    """A new group with these users, by their ids."""
    given = {"key": key or secrets.token_hex(8), "name": "Friends"}
    payload = await done(engine, MAKE, viewer, **given)
    assert payload["userErrors"] == []
    if users:
        given_users = {"id": payload["customerGroup"]["id"], "customerIds": list(users)}
        payload = await done(engine, ADD, viewer, **given_users)
    found: dict[str, Any] = payload["customerGroup"]
    return found


def user_id() -> str:
    return encode_id("User", ObjectId())


async def test_a_group_has_those_who_were_put_into_it(shop: Engine) -> None:
    admin, ada, bob = await admin_of(shop), *sorted([user_id(), user_id()])
    made = await group(shop, admin, ada, bob, ada, key="friends")
    assert made == {
        "id": made["id"],
        "key": "friends",
        "name": "Friends",
        "version": 1,
        "memberCount": 2,
        "customerIds": [ada, bob],
        "createdAt": made["createdAt"],
        "updatedAt": made["updatedAt"],
    }
    again = await done(shop, ADD, admin, id=made["id"], customerIds=[bob])
    assert again["customerGroup"]["memberCount"] == 2
    assert await groups_of(shop.context(), key_of(ada, "User")) == {
        key_of(made["id"], "CustomerGroup")
    }
    fewer = await done(shop, REMOVE, admin, id=made["id"], customerIds=[ada, user_id()])
    assert fewer["customerGroup"]["customerIds"] == [bob]
    assert await groups_of(shop.context(), key_of(ada, "User")) == frozenset()


async def test_members_are_read_in_parts(shop: Engine) -> None:
    admin, users = await admin_of(shop), sorted((user_id() for _ in range(5)), key=decode_id)
    made = await group(shop, admin, *users)

    async def part(arguments: str) -> Any:
        document = f'{{ node(id: "{made["id"]}") {{ ... on CustomerGroup {{ {arguments} }} }} }}'
        return await answered(shop, document, viewer=admin)

    first = (await part("customerIds(first: 3)"))["data"]["node"]["customerIds"]
    assert first == users[:3]
    rest = (await part(f'customerIds(after: "{first[-1]}")'))["data"]["node"]["customerIds"]
    assert rest == users[3:]
    assert "from 1 to 250" in str(await part("customerIds(first: 0)"))
    assert "from 1 to 250" in str(await part("customerIds(first: 251)"))


async def test_what_is_wrong_with_a_group_is_said_where_it_was_given(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await group(shop, admin, key="known")
    asked: list[tuple[str, dict[str, Any], tuple[str, list[str]]]] = [
        (MAKE, {"key": "known", "name": "x"}, ("KEY_TAKEN", ["key"])),
        (MAKE, {"key": "Not a key", "name": "x"}, ("INVALID", ["key"])),
        (MAKE, {"key": "x", "name": " "}, ("INVALID", ["name"])),
        (MAKE, {"key": "x", "name": "x" * 10_000}, ("INVALID", ["name"])),
        (RENAME, {"id": made["id"], "name": "x", "version": 7}, ("STALE", ["version"])),
        (RENAME, {"id": user_id(), "name": "x"}, ("INVALID", ["id"])),
        (ADD, {"id": made["id"], "customerIds": []}, ("INVALID", ["customerIds"])),
        (
            ADD,
            {"id": made["id"], "customerIds": [user_id()] * (MOST_AT_ONCE + 1)},
            ("INVALID", ["customerIds"]),
        ),
        (
            ADD,
            {"id": made["id"], "customerIds": [user_id(), made["id"]]},
            ("INVALID", ["customerIds", "1"]),
        ),
    ]
    for document, given, (code, field) in asked:
        payload = await done(shop, document, admin, **given)
        assert refusal(payload) == (code, ["input", *field]), payload
    nobodys = {"id": encode_id("CustomerGroup", ObjectId())}
    one = {"customerIds": [user_id()]}
    for document, more in ((RENAME, {"name": "x"}), (DELETE, {}), (ADD, one), (REMOVE, one)):
        payload = await done(shop, document, admin, **nobodys, **more)
        assert refusal(payload) == ("NOT_FOUND", ["input", "id"])


async def test_groups_are_listed_the_newest_first(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    admin = await admin_of(engine)
    for key in ("a", "b", "c"):
        await group(engine, admin, key=key)
    shown = "totalCount nodes { key memberCount } pageInfo { endCursor }"
    found = await told(engine, f"{{ customerGroups(first: 2) {{ {shown} }} }}", viewer=admin)
    page = found["customerGroups"]
    assert [one["key"] for one in page["nodes"]] == ["c", "b"]
    assert page["totalCount"] == 3
    cursor = page["pageInfo"]["endCursor"]
    document = f'{{ customerGroups(first: 2, after: "{cursor}") {{ {shown} }} }}'
    page = (await told(engine, document, viewer=admin))["customerGroups"]
    assert [one["key"] for one in page["nodes"]] == ["a"]


async def test_who_is_in_which_group_is_nobody_elses_business(shop: Engine) -> None:
    admin, staff = await admin_of(shop), await seller_of(shop, "s1")
    member = await registered(shop)
    made = await group(shop, admin, encode_id("User", member["_id"]))
    node = f'{{ node(id: "{made["id"]}") {{ ... on CustomerGroup {{ memberCount }} }} }}'
    for viewer in (staff, await viewer_for(shop, member)):
        listed = await answered(shop, "{ customerGroups(first: 1) { totalCount } }", viewer=viewer)
        assert listed["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await told(shop, node, viewer=viewer))["node"] is None
        given = {"id": made["id"], "customerIds": [user_id()]}
        assert await done(shop, ADD, viewer, **given) == {"error": "FORBIDDEN"}


async def test_a_group_that_a_promotion_is_for_stays(shop: Engine) -> None:
    admin, user = await admin_of(shop), user_id()
    made = await group(shop, admin, user)
    promotion = await promoted(shop, admin, name="For friends", customerGroupIds=[made["id"]])
    assert promotion["customerGroupIds"] == [made["id"]]
    payload = await done(shop, DELETE, admin, id=made["id"])
    assert refusal(payload) == ("IN_USE", ["input", "id"])
    assert "'For friends'" in payload["userErrors"][0]["message"]
    assert await groups_of(shop.context(), key_of(user, "User"))
    await done(shop, ARCHIVE, admin, id=promotion["id"])
    payload = await done(shop, DELETE, admin, id=made["id"])
    assert payload == {"deletedId": made["id"], "userErrors": []}
    assert not await groups_of(shop.context(), key_of(user, "User"))
    found = {"name": "x", "benefit": TEN_PERCENT, "customerGroupIds": [made["id"]]}
    assert mistake(await done(shop, CREATE, admin, **found))[1] == "customerGroupIds.0"
    other = await promoted(shop, admin)
    again = await done(shop, UPDATE, admin, id=other["id"], customerGroupIds=[made["id"]])
    assert mistake(again)[1] == "customerGroupIds.0"


async def test_what_a_crash_left_of_a_group_goes_when_it_is_asked_for_again(shop: Engine) -> None:
    admin, key, user = await admin_of(shop), ObjectId(), user_id()
    stored = shop.storage.collection(GroupMemberDocument)
    name = key_of(user, "User")
    await stored.insert_one({"_id": f"{key}:{name}", "group": key, "user": name})
    payload = await done(shop, DELETE, admin, id=encode_id("CustomerGroup", key))
    assert refusal(payload)[0] == "NOT_FOUND"
    assert not await groups_of(shop.context(), name)


async def test_no_promotion_is_for_a_group_that_goes_at_the_same_time(shop: Engine) -> None:
    admin = await admin_of(shop)
    for _ in range(5):
        made = await group(shop, admin)
        given = {"name": "x", "benefit": TEN_PERCENT, "customerGroupIds": [made["id"]]}
        asked = (
            (CREATE, given),
            (DELETE, {"id": made["id"]}),
            (ADD, {"id": made["id"], "customerIds": [user_id()]}),
        )
        promotion, deletion, _ = await asyncio.gather(
            *(done(shop, document, admin, **values) for document, values in asked)
        )
        assert (promotion["promotion"] is None) is (deletion["deletedId"] is not None)
        if deletion["deletedId"] is not None:
            members = shop.storage.collection(GroupMemberDocument)
            key = object_id(made["id"], "CustomerGroup")
            assert await members.count_documents({"group": key}) == 0


async def test_who_has_gone_is_in_no_group(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML, work=True)
    admin, user = await admin_of(engine), await registered(engine)
    await group(engine, admin, encode_id("User", user["_id"]), user_id())
    viewer, name = await viewer_for(engine, user), str(user["_id"])
    export = f'mutation {{ accountExport(input: {{password: "{PASSWORD}"}}) {{ json }} }}'
    data = await told(engine, export, viewer=viewer)
    assert json.loads(data["accountExport"]["json"])["customer_groups"] == ["Friends"]
    erase = f'mutation {{ accountErase(input: {{password: "{PASSWORD}"}}) {{ isErased }} }}'
    assert (await told(engine, erase, viewer=viewer))["accountErase"]["isErased"]

    async def is_in_none() -> bool:
        return not await groups_of(engine.context(), name)

    await until(is_in_none)
    left = await engine.storage.collection(GroupMemberDocument).count_documents({})
    assert left == 1
