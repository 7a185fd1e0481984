"""The audit log: who did what to what, for those who may read it, and without secrets."""

from typing import Any

import pytest

from mercat.auth import Credentials, Subject
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id
from mercat.storage import Session
from mercat_auth.audit.service import record

from .asking import answered, told
from .conftest import EngineFor
from .identity import PASSWORD, TOML, registered, viewer_for

LOG = """query ($filter: AuditFilter, $first: Int, $after: String, $last: Int, $before: String) {
  auditLog(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { endCursor startCursor hasNextPage }
    nodes { at role userId address action kind subjectId facts { name value } } } }"""


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def log_of(engine: Engine, viewer: Viewer, **variables: Any) -> dict[str, Any]:
    found = await told(engine, LOG, {"first": 50, **variables}, viewer=viewer)
    log: dict[str, Any] = found["auditLog"]
    return log


async def admin_of(engine: Engine) -> Viewer:
    return await viewer_for(engine, await registered(engine, roles=["ADMIN"]))


async def test_what_is_done_is_written_with_who_did_it_and_from_where(shop: Engine) -> None:
    admin, user = await admin_of(shop), await registered(shop)
    context = Context(shop, admin, credentials=Credentials({}, "192.0.2.7"))
    own = encode_id("User", user["_id"])
    document = f"""mutation {{ userRolesSet(input: {{userId: "{own}", roles: ["SUPPORT"]}}) {{
      userErrors {{ code }} }} }}"""
    await run(shop.schema._schema, shop.documents.get(document), context)
    log = await log_of(shop, admin, filter={"action": "user.roles_set"})
    (entry,) = log["nodes"]
    assert entry.pop("at").endswith(("Z", "+00:00"))
    assert entry == {
        "role": "ADMIN",
        "userId": encode_id("User", admin.user),
        "address": "192.0.2.7",
        "action": "user.roles_set",
        "kind": "User",
        "subjectId": own,
        "facts": [{"name": "roles", "value": "SUPPORT"}],
    }


async def test_only_who_may_reads_it(shop: Engine) -> None:
    support = await viewer_for(shop, await registered(shop, roles=["SUPPORT"]))
    for viewer, code in ((Viewer(), "UNAUTHENTICATED"), (support, "FORBIDDEN")):
        refused = await answered(shop, LOG, {"first": 1}, viewer=viewer)
        assert refused["errors"][0]["extensions"]["code"] == code


async def test_a_deed_that_fails_leaves_no_trace(shop: Engine) -> None:
    admin = await admin_of(shop)
    before = (await log_of(shop, admin))["totalCount"]

    async def work(session: Session) -> None:
        await record(Context(shop, admin), session, "user.tried", Subject("User", "x"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.storage.transaction(work)
    assert (await log_of(shop, admin))["totalCount"] == before


async def filled(engine: Engine, count: int) -> None:
    context = engine.context()
    for i in range(count):
        about = Subject("Thing", str(i % 3))
        await record(context, None, "thing.done" if i % 2 else "thing.undone", about, number=str(i))


def numbers(log: dict[str, Any]) -> list[int]:
    return [int(entry["facts"][0]["value"]) for entry in log["nodes"]]


async def test_pages_go_through_all_of_it_both_ways_while_it_grows(shop: Engine) -> None:
    admin = await admin_of(shop)
    await filled(shop, 25)
    things = {"action": "thing.done"}
    first = await log_of(shop, admin, filter=things, first=5)
    await filled(shop, 4)
    second = await log_of(
        shop, admin, filter=things, first=20, after=first["pageInfo"]["endCursor"]
    )
    assert numbers(first) + numbers(second) == list(range(23, 0, -2))
    back = await told(
        shop,
        LOG,
        {"filter": things, "last": 2, "before": second["pageInfo"]["startCursor"]},
        viewer=admin,
    )
    assert numbers(back["auditLog"]) == [17, 15]


async def test_filters_all_have_to_hold(shop: Engine) -> None:
    admin = await admin_of(shop)
    await filled(shop, 12)
    wanted = {"subjectId": encode_id("Thing", "0"), "action": "thing.done"}
    found = await log_of(shop, admin, filter=wanted)
    assert (numbers(found), found["totalCount"]) == ([9, 3], 2)
    assert (await log_of(shop, admin, filter={**wanted, "until": "2020-01-01T00:00:00Z"}))[
        "nodes"
    ] == []
    since = await log_of(shop, admin, filter={**wanted, "since": "2020-01-01T00:00:00Z"})
    assert numbers(since) == [9, 3]
    nobody = await log_of(shop, admin, filter={"userId": encode_id("User", "x")})
    assert nobody["nodes"] == []


async def test_there_is_no_way_to_change_it(shop: Engine) -> None:
    names = {
        name
        for root in ("Mutation", "Query")
        for name in shop.schema._schema.get_type(root).fields  # type: ignore[union-attr]
        if "audit" in name.lower()
    }
    assert names == {"auditLog"}


async def test_signing_in_leaves_no_secret_in_it(shop: Engine) -> None:
    user = await registered(shop)
    viewer = await viewer_for(shop, user)
    entries = await shop.storage.database["audit_log"].find({}).to_list()
    assert [entry["action"] for entry in entries] == ["user.signed_in"]
    written = repr(entries)
    assert str(user["_id"]) in written
    for secret in (PASSWORD, user["password"], user["email"], viewer.session):
        assert str(secret) not in written
