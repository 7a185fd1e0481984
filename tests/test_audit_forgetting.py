"""What the audit log forgets: old network addresses, and who somebody was that is erased."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.auth import Credentials, Subject
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.lifecycle import scheduled_jobs
from mercat.storage import Record
from mercat_auth.accounts.leaving.service import erase
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.audit.forgetting import ERASED, forget_addresses
from mercat_auth.audit.service import record
from mercat_auth.roles.users import restore_user, suspend_user

from .conftest import EngineFor
from .identity import PASSWORD, TOML, registered, toml_of, viewer_for

STAYS = ("_id", "number", "at", "role", "user", "action", "kind", "key")


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


def asking(engine: Engine, viewer: Viewer, address: str) -> Context:
    return Context(engine, viewer, credentials=Credentials({}, address))


async def log_of(engine: Engine, **wanted: Any) -> list[Record]:
    found = engine.storage.collection(AuditDocument).find(wanted).sort("number", 1)
    return [each async for each in found]


async def test_erasure_takes_addresses_and_names_out_and_leaves_the_deeds(shop: Engine) -> None:
    boss = await viewer_for(shop, await registered(shop, roles=["ADMIN"]))
    ada = await registered(shop, "Ada@Example.com", name="Ada Lovelace")
    other = await registered(shop, name="Ada")
    desk = asking(shop, boss, "192.0.2.1")
    await suspend_user(desk, ada["_id"], "ada@example.com is no ADA LOVELACE, says Adalbert")
    await restore_user(desk, ada["_id"])
    await suspend_user(desk, other["_id"], "asked for by Ada Lovelace")
    stored = await shop.storage.database["users"].find_one({"_id": ada["_id"]})
    assert stored is not None
    own = asking(shop, await viewer_for(shop, stored), "192.0.2.7")
    await record(own, None, "thing.done", Subject("Thing", "x"), what="a thing")
    before = await log_of(shop)
    await erase(own, PASSWORD)
    after = await log_of(shop)
    assert [entry["action"] for entry in after[len(before) :]] == ["user.erased"]
    assert [{name: entry[name] for name in STAYS} for entry in after[: len(before)]] == [
        {name: entry[name] for name in STAYS} for entry in before
    ]
    key = str(ada["_id"])
    theirs = [entry for entry in after if key in {entry["user"], entry["key"]}]
    assert len(theirs) == 5
    assert {entry["address"] for entry in theirs} == {None}
    assert [entry["facts"] for entry in theirs if entry["action"] == "user.suspended"] == [
        {"reason": f"{ERASED} is no {ERASED}, says Adalbert"}
    ]
    assert [entry["facts"] for entry in theirs if entry["action"] == "thing.done"] == [
        {"what": "a thing"}
    ]
    (others,) = [entry for entry in after if entry["key"] == str(other["_id"])]
    assert (others["address"], others["facts"]) == (
        "192.0.2.1",
        {"reason": "asked for by Ada Lovelace"},
    )


async def test_an_erasure_that_fails_forgets_nothing(shop: Engine) -> None:
    boss = await registered(shop, roles=["ADMIN"])
    own = asking(shop, await viewer_for(shop, boss), "192.0.2.7")
    await record(own, None, "thing.done", Subject("Thing", "x"))
    with pytest.raises(Exception, match="last admin"):
        await erase(own, PASSWORD)
    assert [entry["address"] for entry in await log_of(shop, action="thing.done")] == ["192.0.2.7"]


@pytest.mark.parametrize(("auth", "kept"), [("", 90), ("audit_addresses_days = 7", 7)])
async def test_addresses_are_kept_for_so_many_days(
    engine_for: EngineFor, auth: str, kept: int
) -> None:
    shop = await engine_for(toml_of(auth=auth))
    ages = (0, kept - 1, kept + 1, kept + 400)
    for age in ages:
        await record(asking(shop, Viewer(), "192.0.2.7"), None, f"{age}", Subject("Thing"))
        log = shop.storage.collection(AuditDocument)
        at = datetime.now(UTC) - timedelta(days=age)
        await log.update_one({"action": f"{age}"}, {"$set": {"at": at}})
    for _ in range(2):
        await forget_addresses(shop.context())
        found = await log_of(shop)
        assert [entry["address"] for entry in found] == ["192.0.2.7", "192.0.2.7", None, None]
        assert [entry["action"] for entry in found] == [f"{age}" for age in ages]


async def test_more_than_one_batch_is_forgotten(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mercat_auth.audit.forgetting._AT_ONCE", 3)
    for _ in range(8):
        await record(asking(shop, Viewer(), "192.0.2.7"), None, "thing.done", Subject("Thing"))
    log = shop.storage.collection(AuditDocument)
    await log.update_many({}, {"$set": {"at": datetime(2020, 1, 1, tzinfo=UTC)}})
    await forget_addresses(shop.context())
    assert {entry["address"] for entry in await log_of(shop)} == {None}


async def test_a_job_forgets_them_once_a_day(shop: Engine) -> None:
    jobs = [job for _, found in shop.hooks.gather(scheduled_jobs) for job in found]
    assert [job.every for job in jobs if job.run is forget_addresses] == [timedelta(days=1)]
