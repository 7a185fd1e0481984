"""Codes in bulk: as many as were wanted, all different, whoever is killed in between."""

import asyncio
import contextlib
import csv
import io
import itertools
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.app import create_app
from mercat.codes import key_of, random_code
from mercat.engine import Engine
from mercat.ids import encode_id, object_id
from mercat.storage import Record, Storage
from mercat_coupons.coupons import exporting, generating
from mercat_coupons.coupons.batches import batches, begin, coupon_key
from mercat_coupons.documents import CouponDocument

from . import commands
from .asking import told
from .conftest import EngineFor, Mercat, until
from .couponing import (
    ANNA,
    BATCH,
    BERT,
    MANAGER,
    TOML,
    changed,
    keys_in,
    promotion,
    refused,
    seller_id,
)
from .identity import registered, signed_in, toml_of
from .killing import Killed, killed_at

ONE = f"query ($id: ID!) {{ couponBatch(id: $id) {BATCH} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on CouponBatch {BATCH} }} }}"
LIST = """query ($after: String) { couponBatches(first: 1, after: $after) {
  nodes { id } totalCount pageInfo { hasNextPage endCursor } } }"""
CODES = """query ($batch: ID, $after: String, $status: CouponStatus) {
  coupons(filter: { batchId: $batch, status: $status }, first: 3, after: $after) {
    nodes { code batchId usageLimit } totalCount pageInfo { hasNextPage endCursor } } }"""
WITH_PEOPLE = toml_of("auth", "media", "products", "orders", "coupons")


@pytest.fixture(name="shop")
async def _shop(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def started(engine: Engine, ten: str, count: int, **given: Any) -> Record:
    """A batch that nobody has made any code of."""
    key = object_id(ten, "Promotion")
    return await begin(
        engine.context(), {"promotions": [key], "count": count, "length": 10, **given}
    )


async def stored(engine: Engine, batch: Record) -> Record:
    found = await batches(engine.context()).find_one({"_id": batch["_id"]})
    assert found is not None
    return found


async def check_whole(engine: Engine, batch: Record) -> None:
    """A batch is done, with as many different codes as were wanted."""
    now = await stored(engine, batch)
    assert (now["state"], now["generated"]) == ("done", batch["total"])
    keys = await keys_in(engine, batch=batch["_id"])
    assert len(keys) == len(set(keys)) == batch["total"]


async def test_the_same_key_makes_one_batch(shop: Engine) -> None:
    given = {"promotionIds": [await promotion(shop, name="Ten")], "count": 3}
    key = {"idempotencyKey": "newsletter"}
    made = [changed(shop, "couponCodesGenerate", **given, **key) for _ in range(3)]
    found = await asyncio.gather(*made)
    assert len({one["id"] for one in found}) == 1
    assert (await changed(shop, "couponCodesGenerate", **given))["id"] != found[0]["id"]
    other = await refused(shop, "couponCodesGenerate", **{**given, "count": 4}, **key)
    assert other[0] == "CONFLICT"


async def test_a_small_batch_is_there_at_once(shop: Engine) -> None:
    ten = await promotion(shop, name="Ten")
    batch = await changed(
        shop,
        "couponCodesGenerate",
        promotionIds=[ten],
        count=7,
        prefix="xmas-",
        length=12,
        note=" For the newsletter ",
    )
    assert (batch["state"], batch["generated"], batch["total"]) == ("DONE", 7, 7)
    assert (batch["prefix"], batch["note"], batch["usageLimit"]) == (
        "XMAS",
        "For the newsletter",
        1,
    )
    assert (batch["promotionIds"], batch["sellerId"]) == ([ten], None)
    assert batch["downloadUrl"] == f"/coupons/batches/{batch['id']}.csv"
    for document in (ONE, NODE):
        (seen,) = (await told(shop, document, {"id": batch["id"]}, viewer=MANAGER)).values()
        assert seen == batch

    listed, after = [], None
    while True:
        asked = {"batch": batch["id"], "after": after}
        page = (await told(shop, CODES, asked, viewer=MANAGER))["coupons"]
        assert page["totalCount"] == 7
        listed += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    made = [one["code"] for one in listed]
    assert len(set(made)) == 7
    assert all(re.fullmatch("XMAS(-[2-9B-Z]{4}){3}", code) for code in made)
    assert {(one["batchId"], one["usageLimit"]) for one in listed} == {(batch["id"], 1)}
    (one,) = await keys_in(shop, code=made[0])
    assert one == key_of(made[0])


async def test_how_many_of_a_batch_are_archived_is_counted(shop: Engine) -> None:
    ten = await promotion(shop)
    given = {"promotionIds": [ten], "count": 5, "usageLimit": None}
    batch = await changed(shop, "couponCodesGenerate", **given)

    async def count(status: str | None) -> int:
        asked = {"batch": batch["id"], "status": status}
        found: int = (await told(shop, CODES, asked, viewer=MANAGER))["coupons"]["totalCount"]
        return found

    page = (await told(shop, CODES, {"batch": batch["id"]}, viewer=MANAGER))["coupons"]
    code = page["nodes"][0]["code"]
    one = await told(
        shop,
        "query ($code: String!) { coupon(code: $code) { id } }",
        {"code": code},
        viewer=MANAGER,
    )
    assert page["nodes"][0]["usageLimit"] is None
    await changed(shop, "couponArchive", id=one["coupon"]["id"])
    assert [await count(status) for status in (None, "ACTIVE", "ARCHIVED")] == [5, 4, 1]


async def test_what_cant_be_a_batch_is_refused_where_it_was_given(shop: Engine) -> None:
    ten, automatic = await promotion(shop), await promotion(shop, is_automatic=True)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"count": 0}, "count"),
        ({"count": 100_001}, "count"),
        ({"length": 9}, "length"),
        ({"length": 31}, "length"),
        ({"prefix": "A" * 21}, "prefix"),
        ({"prefix": "A" * 10_000}, "prefix"),
        ({"prefix": "\u0421"}, "prefix"),
        ({"usageLimit": 0}, "usageLimit"),
        ({"usageLimitPerCustomer": 0}, "usageLimitPerCustomer"),
        ({"note": "x" * 201}, "note"),
        ({"promotionIds": [automatic]}, "promotionIds.0"),
        ({"promotionIds": []}, "promotionIds"),
        ({"sellerId": seller_id("anna")}, "promotionIds.0"),
    ]
    before = await batches(shop.context()).count_documents({})
    for given, field in wrong:
        asked = {"promotionIds": [ten], "count": 1, **given}
        assert (await refused(shop, "couponCodesGenerate", **asked))[:2] == ("INVALID", field)
    assert await batches(shop.context()).count_documents({}) == before


async def test_sellers_have_batches_of_their_own(shop: Engine) -> None:
    annas, berts = await promotion(shop, seller="anna"), await promotion(shop, seller="bert")
    made = [
        await changed(shop, "couponCodesGenerate", ANNA, promotionIds=[annas], count=1)
        for _ in range(2)
    ]
    given = {"promotionIds": [annas], "count": 1, "sellerId": seller_id("anna")}
    made.append(await changed(shop, "couponCodesGenerate", MANAGER, **given))
    await changed(shop, "couponCodesGenerate", BERT, promotionIds=[berts], count=1)
    assert {one["sellerId"] for one in made} == {seller_id("anna")}
    listed, after = [], None
    for _ in range(3):
        asked = {"after": after}
        page = (await told(shop, LIST, asked, viewer=ANNA))["couponBatches"]
        after = page["pageInfo"]["endCursor"]
        listed += [one["id"] for one in page["nodes"]]
    assert listed == [one["id"] for one in reversed(made)]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, False)
    for document in (ONE, NODE):
        (seen,) = (await told(shop, document, {"id": made[0]["id"]}, viewer=BERT)).values()
        assert seen is None
    theirs = {"batch": made[0]["id"]}
    assert (await told(shop, CODES, theirs, viewer=BERT))["coupons"]["nodes"] == []
    assert len((await told(shop, CODES, theirs, viewer=ANNA))["coupons"]["nodes"]) == 1
    foreign = await refused(shop, "couponCodesGenerate", BERT, promotionIds=[annas], count=1)
    assert foreign[:2] == ("NOT_FOUND", "promotionIds.0")


@contextlib.contextmanager
def steps_of(count: int) -> Iterator[None]:
    """So many codes at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generating, "AT_ONCE", count)
        yield


async def test_a_large_batch_goes_on_in_a_job_and_keeps_no_small_one_waiting(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ten = await promotion(shop)
    monkeypatch.setattr(generating, "TURN", 0.0)
    with steps_of(10):
        given = {"promotionIds": [ten], "count": 30}
        large = await changed(shop, "couponCodesGenerate", **given)
        small = await started(shop, ten, 10)
        assert (large["state"], large["generated"], large["total"]) == ("RUNNING", 10, 30)
        assert large["downloadUrl"] is None
        await generating.generate_waiting(shop.context())
    key = object_id(large["id"], "CouponBatch")
    ended = [await stored(shop, {"_id": one}) for one in (small["_id"], key)]
    for batch in ended:
        await check_whole(shop, batch)
    assert ended[0]["updated_at"] < ended[1]["updated_at"]


async def test_codes_that_are_taken_are_made_anew(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ten = await promotion(shop)
    few = (f"FEW-{number % 21}" for number in range(60))
    codes = itertools.chain(few, (f"WIDE-{number}" for number in itertools.count()))
    batch = await started(shop, ten, 40)
    monkeypatch.setattr(generating, "random_code", lambda _prefix, _length: next(codes))
    with steps_of(15):
        await generating.generate(shop.context(), batch)
    await check_whole(shop, batch)
    keys = await keys_in(shop, batch=batch["_id"])
    assert sum(key.startswith("FEW") for key in keys) == 21


async def test_a_batch_that_is_killed_at_any_step_has_no_code_too_many(shop: Engine) -> None:
    ten = await promotion(shop)
    step, is_through = 0, False
    with steps_of(2):
        while not is_through:
            step += 1
            batch = await started(shop, ten, 5)
            with killed_at(step) as clock, contextlib.suppress(Killed):
                await generating.generate(shop.context(), batch)
            is_through = clock.steps < step
            assert len(await keys_in(shop, batch=batch["_id"])) <= 5
            await forget_leases(shop)
            await generating.generate(shop.context(), batch)
            await check_whole(shop, batch)
    assert step > 15


async def forget_leases(engine: Engine) -> None:
    """A process that is dead holds its leases no longer."""
    await engine.storage.database["leases"].delete_many({})


async def test_a_batch_with_some_codes_of_a_step_gets_the_others(shop: Engine) -> None:
    ten = await promotion(shop)
    batch = await started(shop, ten, 20)
    kept = [generating._coupon(batch, place) for place in (2, 3, 5, 11, 20)]
    await shop.storage.collection(CouponDocument).insert_many(kept)
    await generating.generate(shop.context(), batch)
    await check_whole(shop, batch)
    keys = set(await keys_in(shop, batch=batch["_id"]))
    assert {one["key"] for one in kept} <= keys


async def test_processes_that_all_believe_to_have_the_lease_make_no_code_too_many(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.asynccontextmanager
    async def held(_storage: Storage, _name: str, _duration: timedelta) -> AsyncIterator[bool]:
        yield True

    ten = await promotion(shop)
    batch = await started(shop, ten, 60)
    monkeypatch.setattr(generating, "lease", held)
    with steps_of(7):
        await asyncio.gather(
            *(generating.generate(shop.context(), batch) for _ in range(4)),
        )
    await check_whole(shop, batch)
    numbers = shop.storage.collection(CouponDocument).find({"batch": batch["_id"]})
    assert len({one["number"] async for one in numbers}) == 60
    assert coupon_key(batch["_id"], 1) > batch["_id"]


async def test_the_codes_are_a_file_for_those_who_see_them(
    shared_engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_AT_ONCE", 10)
    shop = await shared_engine_for(WITH_PEOPLE)
    tens = [await promotion(shop, name=name) for name in ("=SUM(A1)", 'Ten "off", all')]
    given = {"promotionIds": tens, "prefix": "NEW"}
    batch = await changed(shop, "couponCodesGenerate", count=25, **given)
    app: Any = create_app(shop)
    collection = shop.storage.collection(CouponDocument)
    key = object_id(batch["id"], "CouponBatch")
    archived, used = coupon_key(key, 2), coupon_key(key, 24)
    await collection.update_one({"_id": archived}, {"$set": {"status": "archived"}})
    await collection.update_one({"_id": used}, {"$set": {"uses": 1}})
    answer = await asked(shop, app, batch["downloadUrl"], ["ADMIN"])
    assert answer.headers["content-type"].startswith("text/csv")
    assert re.fullmatch(
        r'attachment; filename="codes-\d+\.csv"', answer.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["code", "promotion", "usage_limit", "uses", "status"]
    assert len({row["code"] for row in rows}) == len(rows) == 25
    assert rows[0] | {"promotion": '\'=SUM(A1), Ten "off", all', "usage_limit": "1"} == rows[0]
    assert [n for n, row in enumerate(rows, 1) if row["status"] == "archived"] == [2]
    assert [n for n, row in enumerate(rows, 1) if row["uses"] == "1"] == [24]

    ways: list[tuple[str, list[str] | None, int]] = [
        (batch["downloadUrl"], roles, status)
        for roles, status in ((None, 401), ([], 403), (["SUPPORT"], 403))
    ]
    for name in (encode_id("CouponBatch", "0" * 24), encode_id("Coupon", "0" * 24), "x", "..%2f"):
        ways.append((f"/coupons/batches/{name}.csv", ["ADMIN"], 404))
    for path, roles, status in ways:
        assert (await asked(shop, app, path, roles)).status_code == status
    running = await started(shop, tens[0], 10)
    path = f"/coupons/batches/{encode_id('CouponBatch', running['_id'])}.csv"
    early = await asked(shop, app, path, ["ADMIN"])
    assert (early.status_code, "0 of 10 codes" in early.text) == (409, True)


async def asked(engine: Engine, app: Any, path: str, roles: list[str] | None) -> httpx.Response:
    """What somebody of these roles gets; None is nobody."""
    headers = {}
    if roles is not None:
        token = await signed_in(engine, await registered(engine, roles=roles))
        headers = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        return await http.get(path, headers=headers)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.gate
async def test_the_command_makes_and_exports_codes(
    engine_for: EngineFor, mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    shop = await engine_for(TOML)
    mercat_environment["MERCAT_DATABASE__NAME"] = shop.storage.database.name
    ten = await promotion(shop, name="Ten")
    file = tmp_path / "codes.csv"
    options = ("--count", "300", "--prefix", "vip", "--length", "15", "--output", str(file))
    done = await asyncio.to_thread(mercat, "coupons", "generate", ten, *options)
    assert done.code == 0, done.err
    rows = rows_of(file.read_text())
    assert len({row["code"] for row in rows}) == 300
    assert re.fullmatch("VIP(-[2-9B-Z]{5}){3}", rows[0]["code"])
    batch = done.err.split()[-1]
    again = await asyncio.to_thread(mercat, "coupons", "export", batch)
    assert rows_of(again.out) == rows

    wrong = [
        ("generate", encode_id("Promotion", "0" * 24), "--count", "1"),
        ("generate", ten, "--count", "0"),
        ("generate", ten, "--count", "1", "--prefix", "\u0421"),
        ("export", encode_id("CouponBatch", "0" * 24)),
        ("export", ten),
    ]
    for arguments in wrong:
        failed = await asyncio.to_thread(mercat, "coupons", *arguments)
        assert failed.code != 0
        assert "Traceback" not in failed.err
        assert len(failed.err.splitlines()) == 1
    assert len(await keys_in(shop)) == 300


async def killed_midway(
    engine: Engine, ten: str, count: int, kills: int, environment: Mapping[str, str], folder: Path
) -> Record:
    """A batch that is made by commands of which so many were killed with SIGKILL; not done."""
    arguments = ["coupons", "generate", ten, "--count", str(count), "--output", "codes.csv"]
    batch: Record | None = None
    for kill in range(1, kills + 1):
        out, err = folder / f"{kill}.out", folder / f"{kill}.err"
        target = (arguments, dict(environment), folder, out, err)
        process = commands.FORKS.Process(target=commands.command, args=target)
        process.start()
        least = count * kill // (kills + 1)

        async def is_far(least: int = least) -> bool:
            found = await batches(engine.context()).find_one({})
            return found is not None and found["generated"] >= least

        try:
            await until(is_far, 300)
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
        batch = await batches(engine.context()).find_one({})
        assert batch is not None
        assert batch["state"] == "running"
        arguments = ["coupons", "export", encode_id("CouponBatch", batch["_id"])]
    assert batch is not None
    return batch


@pytest.mark.gate
async def test_a_command_that_is_killed_is_finished_by_the_next_one(
    engine_for: EngineFor, mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    shop = await engine_for(TOML)
    mercat_environment["MERCAT_DATABASE__NAME"] = shop.storage.database.name
    ten = await promotion(shop)
    batch = await killed_midway(shop, ten, 2_000, 1, mercat_environment, tmp_path)
    assert not (tmp_path / "codes.csv").exists()
    name = encode_id("CouponBatch", batch["_id"])
    done = await asyncio.to_thread(mercat, "coupons", "export", name)
    assert done.code == 0, done.err
    await check_whole(shop, batch)
    assert len({row["code"] for row in rows_of(done.out)}) == 2_000


@pytest.mark.gate
async def test_a_server_finishes_what_nobody_does(engine_for: EngineFor) -> None:
    shop = await engine_for(TOML, work=True)
    batch = await started(shop, await promotion(shop), 600)

    async def is_done() -> bool:
        return "done" in (await stored(shop, batch))["state"]

    await until(is_done, 15)
    await check_whole(shop, batch)


@pytest.mark.long
async def test_a_hundred_thousand_codes_survive_kills_and_are_found_fast(
    engine_for: EngineFor, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    shop = await engine_for(TOML)
    mercat_environment["MERCAT_DATABASE__NAME"] = shop.storage.database.name
    ten = await promotion(shop)
    batch = await killed_midway(shop, ten, 100_000, 3, mercat_environment, tmp_path)
    began = time.perf_counter()
    before = (await stored(shop, batch))["generated"]
    await generating.finished(shop.context(), batch)
    rate = (100_000 - before) / (time.perf_counter() - began)
    print(f"{rate:.0f} codes a second")
    await check_whole(shop, batch)
    code = random_code("")
    name = encode_id("CouponBatch", batch["_id"])
    one = "query ($code: String!) { coupon(code: $code) { id } }"
    asked_of: list[tuple[str, Any]] = [
        (one, {"code": code}),
        (CODES.replace("totalCount", ""), {"batch": name}),
        ("{ coupons(first: 50) { nodes { code } } }", None),
        (
            f'{{ coupons(filter: {{ promotionId: "{ten}" }}, last: 50) {{ nodes {{ code }} }} }}',
            None,
        ),
    ]
    for document, variables in asked_of:
        began = time.perf_counter()
        await told(shop, document, variables, viewer=MANAGER)
        assert time.perf_counter() - began < 0.5
