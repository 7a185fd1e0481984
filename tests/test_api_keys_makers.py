"""An API key may what its maker may at the moment, and no more."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_auth.api_keys.knowing import api_keys_of
from mercat_auth.roles.users import set_roles, suspend_user
from mercat_auth.tokens.service import bearer

from .asking import told
from .conftest import Client, ClientFor, EngineFor, until
from .factors import Person
from .identity import PASSWORD, registered, signed_in, toml_of, viewer_for

CREATE = """mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
  secret userErrors { code } } }"""
VIEWER = "{ viewer { role permissions } }"
ROLE = """mutation ($input: RoleCreateInput!) { roleCreate(input: $input) {
  role { name version } userErrors { code message } } }"""
CHANGE_ROLE = """mutation ($input: RoleUpdateInput!) { roleUpdate(input: $input) {
  role { name } userErrors { code message } } }"""
ERASE = f'mutation {{ accountErase(input: {{password: "{PASSWORD}"}}) {{ isErased }} }}'
WANTED = ["auth.read_audit", "auth.read_users"]
BOTH = ["auth.manage_keys", *WANTED]


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(), work=True)


@pytest.fixture
async def replica(engine_for: EngineFor, client_for: ClientFor) -> Client:
    """Another process of the shop."""
    return client_for(await engine_for(toml_of(), work=True))


@pytest.fixture
async def boss(shop: Engine) -> Viewer:
    return await viewer_for(shop, await registered(shop, roles=["ADMIN"]))


async def keeper(engine: Engine, boss: Viewer) -> tuple[Record, str]:
    """Somebody who may make keys by a role of their own, and a key that they made."""
    given = {"name": "KEEPER", "permissions": BOTH}
    made = await told(engine, ROLE, {"input": given}, viewer=boss)
    assert made["roleCreate"]["userErrors"] == []
    user = await registered(engine, roles=["KEEPER"])
    return user, await key_of(engine, await viewer_for(engine, user))


async def key_of(engine: Engine, viewer: Viewer) -> str:
    given = {"account": f"ERP {viewer.user}", "permissions": WANTED}
    payload = (await told(engine, CREATE, {"input": given}, viewer=viewer))["apiKeyCreate"]
    assert payload["userErrors"] == []
    secret: str = payload["secret"]
    return secret


async def may(client: Client, key: str) -> Any:
    """What a key may; the code of the error where it is refused."""
    answer = await client.ask(VIEWER, authorization=f"Bearer {key}")
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"]
    assert answer["data"]["viewer"]["role"] == "SERVICE"
    return answer["data"]["viewer"]["permissions"]


def comes_to(client: Client, key: str, wanted: Any) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return bool(await may(client, key) == wanted)

    return check


async def test_a_role_that_is_taken_is_taken_from_the_key_within_a_second_elsewhere(
    shop: Engine, replica: Client, boss: Viewer
) -> None:
    user, key = await keeper(shop, boss)
    for _ in range(3):
        assert await may(replica, key) == WANTED
    await set_roles(shop.context(boss), user["_id"], ["SUPPORT"])
    await until(comes_to(replica, key, ["auth.read_users"]), 1)
    await set_roles(shop.context(boss), user["_id"], [])
    await until(comes_to(replica, key, []), 1)
    await set_roles(shop.context(boss), user["_id"], ["ADMIN"])
    await until(comes_to(replica, key, WANTED), 1)


async def test_a_role_that_shrinks_takes_from_the_keys_of_all_who_have_it(
    shop: Engine, replica: Client, boss: Viewer
) -> None:
    _, key = await keeper(shop, boss)
    assert await may(replica, key) == WANTED
    given = {"name": "KEEPER", "permissions": ["auth.manage_keys", "auth.read_users"]}
    changed = await told(shop, CHANGE_ROLE, {"input": given}, viewer=boss)
    assert changed["roleUpdate"]["userErrors"] == []
    await until(comes_to(replica, key, ["auth.read_users"]), 1)


async def test_the_key_of_somebody_who_is_shut_out_or_gone_is_refused(
    shop: Engine, replica: Client, boss: Viewer
) -> None:
    user, key = await keeper(shop, boss)
    assert await may(replica, key) == WANTED
    await suspend_user(shop.context(boss), user["_id"], "")
    await until(comes_to(replica, key, "UNAUTHENTICATED"), 1)
    leaver = await registered(shop, roles=["ADMIN"])
    second = await key_of(shop, await viewer_for(shop, leaver))
    assert await may(replica, second) == WANTED
    token = await signed_in(shop, leaver)
    erased = await replica.ask(ERASE, authorization=f"Bearer {token}")
    assert erased["data"]["accountErase"]["isErased"]
    await until(comes_to(replica, second, "UNAUTHENTICATED"), 1)
    stray = await key_of(shop, Viewer("CUSTOMER", frozenset(BOTH), user=str(ObjectId())))
    assert await may(replica, stray) == "UNAUTHENTICATED"


async def test_a_key_of_a_sellers_staff_ends_with_the_staff(
    shop: Engine, replica: Client, boss: Viewer
) -> None:
    seller, other = str(ObjectId()), str(ObjectId())
    user = await registered(shop, roles=["ADMIN"], seller=seller)
    key = await key_of(shop, await viewer_for(shop, user))
    assert await may(replica, key) == WANTED
    users = shop.storage.database["users"]
    for elsewhere in (None, other):
        await users.update_one({"_id": user["_id"]}, {"$set": {"seller": elsewhere}})
        await until(comes_to(replica, key, "UNAUTHENTICATED"), 1)


async def test_where_a_role_needs_a_second_factor_the_key_needs_its_maker_to_have_one(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    strict = await engine_for(toml_of(auth='mfa_required_for = ["ADMIN"]'), work=True)
    client = client_for(strict)
    user = await registered(strict, roles=["ADMIN"])
    maker = Person(strict, client, user, await signed_in(strict, user))
    key = await key_of(strict, await viewer_for(strict, user, methods=("pwd", "otp")))
    assert await may(client, key) == []
    await maker.enrol()
    await until(comes_to(client, key, WANTED), 1)


async def told_all(engine: Engine) -> None:
    """Wait until this process has heard of everything so far."""
    now = time.monotonic()

    async def is_told() -> bool:
        return engine.changes.told_until > now

    await until(is_told)


async def test_what_changes_while_a_key_is_read_is_not_missed(
    shop: Engine, boss: Viewer, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, key = await keeper(shop, boss)
    client, known = client_for(shop), api_keys_of(shop.context())
    reading = known._stored

    async def overtaken(key_id: str) -> Any:
        found = await reading(key_id)
        await set_roles(shop.context(boss), user["_id"], [])
        await told_all(shop)
        return found

    assert await may(client, key) == WANTED
    await told_all(shop)  # that the key was used, too
    known._forget(list(known._known))
    with monkeypatch.context() as patch:
        patch.setattr(known, "_stored", overtaken)
        assert await may(client, key) == WANTED
    assert await may(client, key) == []


async def test_a_known_key_asks_no_store(
    shop: Engine, boss: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = await keeper(shop, boss)
    known, read = api_keys_of(shop.context()), []
    reading = known._stored

    async def counted(key_id: str) -> Any:
        read.append(key_id)
        return await reading(key_id)

    monkeypatch.setattr(known, "_stored", counted)
    assert (await bearer(Context(shop), f"Bearer {key}")).permissions == frozenset(WANTED)
    assert len(read) == 1

    async def is_quiet() -> bool:
        """Once its use is noted, and while nothing changes and the feed is on time."""
        before = len(read)
        for _ in range(20):
            await bearer(Context(shop), f"Bearer {key}")
        return len(read) == before

    await until(is_quiet)
