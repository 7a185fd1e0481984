"""API keys: what programs prove who they are with."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id
from mercat_auth.api_keys import texts
from mercat_auth.api_keys.texts import id_of, make_key

from .asking import answered, told
from .conftest import Client, ClientFor, EngineFor, until
from .identity import SHOP, TOML, registered, viewer_for

CREATE = """mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
  secret apiKey { id prefix account permissions expiresAt usedAt }
  userErrors { field code message } } }"""
REVOKE = """mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) {
  apiKey { id endedAt } userErrors { field code } } }"""
LIST = "{ apiKeys(first: 9) { totalCount nodes { id usedAt endedAt account } } }"
VIEWER = "{ viewer { role permissions } users(first: 1) { nodes { id } } }"


async def admin_of(engine: Engine) -> Viewer:
    return await viewer_for(engine, await registered(engine, roles=["ADMIN"]))


async def made(engine: Engine, viewer: Viewer, *permissions: str, **given: Any) -> dict[str, Any]:
    values = {"account": "ERP", "permissions": list(permissions), **given}
    found = await told(engine, CREATE, {"input": values}, viewer=viewer)
    payload: dict[str, Any] = found["apiKeyCreate"]
    return payload


async def asked(client: Client, key: str) -> tuple[str | None, dict[str, Any] | None]:
    """The code of the first error, and the data."""
    answer = await client.ask(VIEWER, authorization=f"Bearer {key}")
    errors = answer.get("errors")
    return (errors[0]["extensions"]["code"] if errors else None), answer.get("data")


async def test_a_key_may_what_it_was_given_and_no_more(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    shop = await engine_for(SHOP)
    client = client_for(shop)
    admin = await admin_of(shop)
    key = (await made(shop, admin, "auth.read_users"))["secret"]
    code, data = await asked(client, key)
    assert (code, data and data["viewer"]) == (
        None,
        {"role": "SERVICE", "permissions": ["auth.read_users"]},
    )
    create = 'mutation { categoryCreate(input: {name: "X"}) { category { id } } }'
    refused = await client.ask(create, authorization=f"Bearer {key}")
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    tree = (await made(shop, admin, "categories.manage"))["secret"]
    assert (await client.ask(create, authorization=f"Bearer {tree}"))["data"]
    assert (await asked(client, tree))[0] == "FORBIDDEN"


async def test_scanners_know_a_key_by_its_prefix_and_checksum(engine_for: EngineFor) -> None:
    shop = await engine_for(TOML)
    payload = await made(shop, await admin_of(shop), "auth.read_users")
    key = payload["secret"]
    assert re.fullmatch(r"mercat_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", key)
    assert key.startswith(payload["apiKey"]["prefix"])
    assert decode_id(payload["apiKey"]["id"]) == ("ApiKey", id_of(key))
    wrong = 0
    for _ in range(50):
        _, other = make_key()
        flipped = other[:30] + ("a" if other[30] != "a" else "b") + other[31:]
        wrong += id_of(flipped) is not None
    assert wrong == 0
    for hostile in ("mercat_sk_", key + "\n", key[:-1], key + "0", "é" * 60, key.upper(), ""):
        assert id_of(hostile) is None


async def test_a_key_is_stored_nowhere_as_it_is(engine_for: EngineFor) -> None:
    shop = await engine_for(TOML)
    key = (await made(shop, await admin_of(shop), "auth.read_users"))["secret"]
    random = key.rpartition("_")[2]
    for name in await shop.storage.database.list_collection_names():
        records = await shop.storage.database[name].find({}).to_list()
        assert random not in repr(records), name


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"permissions": ["products.everything"]}, "permissions"),
        ({"permissions": [], "days": 0}, "days"),
        ({"permissions": [], "days": 366}, "days"),
        ({"permissions": [], "account": " "}, "account"),
        ({"permissions": [], "account": "x" * 101}, "account"),
        ({"permissions": [], "account": "a\x00b"}, "account"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    engine_for: EngineFor, given: dict[str, Any], field: str
) -> None:
    shop = await engine_for(TOML)
    variables = {"input": {"account": "ERP", **given}}
    payload = (await told(shop, CREATE, variables, viewer=await admin_of(shop)))["apiKeyCreate"]
    assert (payload["secret"], payload["apiKey"]) == (None, None)
    assert [(one["code"], one["field"]) for one in payload["userErrors"]] == [
        ("INVALID", ["input", field])
    ]


async def test_nobody_makes_a_key_that_may_more_than_he(engine_for: EngineFor) -> None:
    shop = await engine_for(TOML)
    clerk = Viewer("CUSTOMER", frozenset({"auth.manage_keys", "auth.read_users"}), user="0" * 24)
    assert (await made(shop, clerk, "auth.read_users"))["secret"]
    refused = await made(shop, clerk, "auth.read_audit")
    assert [one["code"] for one in refused["userErrors"]] == ["NOT_YOURS_TO_GIVE"]
    customer = await viewer_for(shop, await registered(shop))
    for query, variables in (
        (CREATE, {"input": {"account": "ERP", "permissions": []}}),
        (REVOKE, {"input": {"id": "QXBpS2V5Ong"}}),
        (LIST, None),
    ):
        answer = await answered(shop, query, variables, viewer=customer)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_revoked_key_ends_within_a_second_in_another_process(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    here, there = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    replica, admin = client_for(there), await admin_of(here)
    payload = await made(here, admin, "auth.read_users")
    key, key_id = payload["secret"], payload["apiKey"]["id"]
    for _ in range(3):
        assert (await asked(replica, key))[0] is None
    began = time.monotonic()
    ended = await told(here, REVOKE, {"input": {"id": key_id}}, viewer=admin)
    assert ended["apiKeyRevoke"]["apiKey"]["endedAt"] is not None

    async def is_over() -> bool:
        return (await asked(replica, key))[0] == "UNAUTHENTICATED"

    await until(is_over, 1)
    assert time.monotonic() - began < 1
    again = await told(here, REVOKE, {"input": {"id": key_id}}, viewer=admin)
    assert [one["code"] for one in again["apiKeyRevoke"]["userErrors"]] == ["NOT_FOUND"]


async def test_an_expired_key_is_no_good_though_it_is_known(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    shop = await engine_for(TOML, work=True)
    client = client_for(shop)
    payload = await made(shop, await admin_of(shop), "auth.read_users", days=1)
    assert (await asked(client, payload["secret"]))[0] is None
    keys = shop.storage.database["api_keys"]
    await keys.update_one({}, {"$set": {"expires_at": datetime.now(UTC) + timedelta(seconds=1)}})

    async def is_over() -> bool:
        return (await asked(client, payload["secret"]))[0] == "UNAUTHENTICATED"

    await until(is_over, 3)


async def test_the_last_use_is_shown_and_written_once_a_minute(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    shop = await engine_for(TOML)
    client, admin = client_for(shop), await admin_of(shop)
    key = (await made(shop, admin, "auth.read_users"))["secret"]
    assert (await told(shop, LIST, viewer=admin))["apiKeys"]["nodes"][0]["usedAt"] is None
    await asked(client, key)
    first = (await told(shop, LIST, viewer=admin))["apiKeys"]["nodes"][0]["usedAt"]
    assert first is not None
    for _ in range(3):
        await asked(client, key)
    assert (await told(shop, LIST, viewer=admin))["apiKeys"]["nodes"][0]["usedAt"] == first
    keys = shop.storage.database["api_keys"]
    await keys.update_one({}, {"$set": {"used_at": datetime.now(UTC) - timedelta(seconds=61)}})
    await asked(client, key)
    later = (await told(shop, LIST, viewer=admin))["apiKeys"]["nodes"][0]["usedAt"]
    assert later > first


async def test_wrong_keys_are_unauthenticated(engine_for: EngineFor, client_for: ClientFor) -> None:
    shop = await engine_for(TOML)
    client = client_for(shop)
    real = (await made(shop, await admin_of(shop), "auth.read_users"))["secret"]
    _, stranger = make_key()
    key_id = id_of(real)
    other = next(text for text in _forged(str(key_id)))
    for key in (stranger, other, real[:-1], "mercat_sk_x", "mercat_sk_" + "a" * 5_000):
        assert (await asked(client, key))[0] == "UNAUTHENTICATED", key[:40]
    assert (await asked(client, real))[0] is None


async def test_a_key_makes_no_other_keys(engine_for: EngineFor, client_for: ClientFor) -> None:
    shop = await engine_for(TOML)
    client = client_for(shop)
    key = (await made(shop, await admin_of(shop), "auth.manage_keys"))["secret"]
    variables = {"input": {"account": "ERP", "permissions": []}}
    refused = await client.ask(CREATE, variables, authorization=f"Bearer {key}")
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def _forged(key_id: str) -> Any:
    """Keys with somebody's id, a random part of one's own, and a right checksum."""
    text = f"{texts.PREFIX}{key_id}_{'0' * 32}"
    yield text + texts._checksum(text)


async def test_keys_of_one_service_account_are_one_actor(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    shop = await engine_for(TOML)
    admin = await admin_of(shop)
    for _ in range(2):
        await made(shop, admin, "auth.read_users")
    await made(shop, admin, "auth.read_users", account="Other")
    found = await shop.storage.database["api_keys"].distinct("account")
    assert len(found) == 2
    assert await shop.storage.database["service_accounts"].count_documents({}) == 2
