"""Payouts as sellers and the shop's staff see them: each their own, over GraphQL and as a file."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from mercat.app import create_app
from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_auth.audit.documents import AuditDocument
from mercat_payouts.accounts import accounts
from mercat_payouts.entries import payouts

from .asking import answered, told
from .conftest import EngineFor, Mercat
from .identity import registered, signed_in, viewer_for
from .market import in_input
from .order_changes import STAFF
from .paying_out import MANAGER, TOML, given_back, looked_at, sent, sold, toml_of
from .plugins_for_tests.remitter.company import COMPANY, SECRET

pytestmark = pytest.mark.gate

IBAN = "DE89 3704 0044 0532 0130 00"
MONEY = "{ amount currency }"
SELLER = f"""query ($id: ID!) {{ seller(id: $id) {{
  payoutAccount {{ provider state missing message url accountHolder iban expiresAt }}
  payoutBalance {{ pending {MONEY} available {MONEY} inTransit {MONEY} paid {MONEY} }} }} }}"""
PAYOUT = f"""{{ id state sellerId provider reference message orderNumber amount {MONEY}
  reversed {MONEY} createdAt settledAt
  entries {{ nodes {{ kind orderNumber note amount {MONEY} }} totalCount }} }}"""
PAYOUTS = f"""query ($seller: ID, $state: PayoutState) {{
  payouts(first: 10, sellerId: $seller, state: $state) {{ nodes {PAYOUT} totalCount }} }}"""
PART = f"""query ($id: ID!) {{ node(id: $id) {{ ... on SellerOrder {{
  payout {MONEY} payoutState commission {MONEY} }} }} }}"""


@pytest.fixture(autouse=True)
def _company() -> None:
    COMPANY.forget()


async def selling(engine: Engine, name: str = "Shoes") -> tuple[str, Viewer]:
    """A new seller that is approved: its key, and its owner."""
    owner = await registered(engine, roles=["SELLER"])
    key = ObjectId()
    member = {"user": owner["_id"], "rank": "owner", "since": owner["created_at"]}
    await engine.storage.database["sellers"].insert_one(
        {
            "_id": key,
            "number": int(str(key)[-6:], 16),
            "slug": str(key),
            "name": name,
            "about": "",
            "status": "approved",
            "members": [member],
            "created_at": owner["created_at"],
            "updated_at": owner["created_at"],
            "version": 1,
        }
    )
    await engine.storage.database["users"].update_one(
        {"_id": owner["_id"]}, {"$set": {"seller": str(key)}}
    )
    owner["seller"] = str(key)
    return str(key), await viewer_for(engine, owner)


async def changed(
    engine: Engine, name: str, shown: str, viewer: Viewer, **given: Any
) -> tuple[Any, list[tuple[str, list[str] | None]]]:
    """The payload of a mutation, and its errors' codes and fields in the input."""
    kind = name[0].upper() + name[1:]
    found = await told(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {shown}"
        " userErrors { code field message } } }",
        {"input": given},
        viewer=viewer,
    )
    payload = found[name]
    return payload, [(one["code"], in_input(one)) for one in payload["userErrors"]]


def global_id(seller: str) -> str:
    return encode_id("Seller", seller)


def part_of(order: Record, seller: str) -> str:
    part = next(one for one in order["seller_orders"] if one["seller"] == seller)
    return encode_id("SellerOrder", part["id"])


async def test_a_seller_sees_its_own_and_nothing_of_the_others(
    shared_engine_for: EngineFor,
) -> None:
    shop = await shared_engine_for(TOML)
    (anna, owner), (bert, rival) = await selling(shop), await selling(shop, "Hats")
    order = await sold(shop, 2, 1, sellers=(anna, bert))
    await sent(shop, order)
    own = await told(shop, SELLER, {"id": global_id(anna)}, viewer=owner)
    (balance,) = own["seller"]["payoutBalance"]
    assert balance == {
        "pending": {"amount": "0.00", "currency": "EUR"},
        "available": {"amount": "22.90", "currency": "EUR"},
        "inTransit": {"amount": "0.00", "currency": "EUR"},
        "paid": {"amount": "0.00", "currency": "EUR"},
    }
    hidden = {"payoutAccount": None, "payoutBalance": None}
    for viewer in (rival, STAFF, Viewer(role="CUSTOMER", user="c")):
        found = await told(shop, SELLER, {"id": global_id(anna)}, viewer=viewer)
        assert found["seller"] == hidden
    part = (await told(shop, PART, {"id": part_of(order, anna)}, viewer=owner))["node"]
    assert part["payout"] == {"amount": "22.90", "currency": "EUR"}
    assert (part["payoutState"], part["commission"]["amount"]) == ("DUE", "2.00")
    other = (await told(shop, PART, {"id": part_of(order, bert)}, viewer=rival))["node"]
    assert (other["payout"]["amount"], other["payoutState"]) == ("13.90", "WAITING")
    assert (await told(shop, PART, {"id": part_of(order, bert)}, viewer=owner))["node"] is None
    staff = (await told(shop, PART, {"id": part_of(order, anna)}, viewer=STAFF))["node"]
    assert (staff["payout"], staff["payoutState"]) == (None, None)

    ran, errors = await changed(
        shop,
        "payoutRun",
        "run { id count totals { amount } file }",
        MANAGER,
        idempotencyKey="1",
    )
    assert not errors
    assert ran["run"]["count"] == 1
    listed = (await told(shop, PAYOUTS, viewer=owner))["payouts"]
    (payout,) = listed["nodes"]
    assert (payout["state"], payout["amount"]["amount"]) == ("PENDING", "22.90")
    assert [(one["kind"], one["amount"]["amount"]) for one in payout["entries"]["nodes"]] == [
        ("EARNED", "24.90"),
        ("COMMISSION", "-2.00"),
        ("DUE", "22.90"),
    ]
    assert (await told(shop, PAYOUTS, viewer=rival))["payouts"]["totalCount"] == 0
    stranger = await answered(shop, PAYOUTS, {"seller": global_id(anna)}, viewer=rival)
    assert stranger["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert (await told(shop, node, {"id": payout["id"]}, viewer=rival))["node"] is None
    assert (await told(shop, node, {"id": payout["id"]}, viewer=owner))["node"] is not None
    _, errors = await changed(
        shop, "payoutMarkPaid", "payout { state }", MANAGER, payoutId=payout["id"], reference="b 1"
    )
    assert not errors
    part = (await told(shop, PART, {"id": part_of(order, anna)}, viewer=owner))["node"]
    assert part["payoutState"] == "PAID"
    _, errors = await changed(
        shop, "payoutMarkFailed", "payout { state }", MANAGER, payoutId=payout["id"]
    )
    assert errors == [("STATE", ["payoutId"])]
    for state, count in (("PAID", 1), ("PENDING", 0), ("FAILED", 0)):
        found = await told(shop, PAYOUTS, {"state": state}, viewer=owner)
        assert found["payouts"]["totalCount"] == count


async def test_bank_details_are_sealed_and_shown_masked(shared_engine_for: EngineFor) -> None:
    shop = await shared_engine_for(TOML)
    (anna, owner), (_, rival) = await selling(shop), await selling(shop)
    shown = "account { state missing accountHolder iban }"
    before = (await told(shop, SELLER, {"id": global_id(anna)}, viewer=owner))["seller"]
    assert before["payoutAccount"]["missing"] == ["accountHolder", "iban"]
    given: dict[str, Any] = {"sellerId": global_id(anna), "accountHolder": "Anna", "iban": IBAN}
    wrong = {**given, "iban": IBAN.replace("89", "88")}
    _, errors = await changed(shop, "payoutAccountUpdate", shown, owner, **wrong)
    assert errors == [("INVALID", ["iban"])]
    found, errors = await changed(shop, "payoutAccountUpdate", shown, owner, **given)
    assert not errors
    assert found["account"] == {
        "state": "READY",
        "missing": [],
        "accountHolder": "Anna",
        "iban": "DE •••• 3000",
    }
    for viewer in (rival, STAFF):
        refused = await answered(
            shop,
            f"mutation ($input: PayoutAccountUpdateInput!) {{ payoutAccountUpdate(input: $input)"
            f" {{ {shown} }} }}",
            {"input": given},
            viewer=viewer,
        )
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    _, errors = await changed(shop, "payoutOnboard", shown, owner, sellerId=global_id(anna))
    assert [code for code, _ in errors] == ["STATE"]
    record = await accounts(shop.context()).find_one({"_id": anna})
    assert b"DE89370400440532013000" not in repr(record).encode()
    assert "Anna" not in repr(record)
    order = await sold(shop, sellers=(anna,))
    await sent(shop, order)
    run, _ = await changed(shop, "payoutRun", "run { id file }", MANAGER, idempotencyKey="2")
    await changed(shop, "payoutAccountUpdate", shown, owner, **{**given, "accountHolder": "Eve"})
    app: Any = create_app(shop)
    rows = await _file(shop, app, run["run"]["file"], roles=["ADMIN"])
    mine = next(row for row in rows if row["seller"] == anna)
    assert (mine["account_holder"], mine["iban"]) == ("Anna", "DE89370400440532013000")
    assert (mine["sales"], mine["commission"], mine["amount"]) == ("14.90", "-1.00", "13.90")
    for roles, status in (([], 403), (["SUPPORT"], 403), (None, 401)):
        assert await _file(shop, app, run["run"]["file"], roles=roles) == status
    assert await _file(shop, app, "/payouts/payouts.csv?runId=nothing", roles=["ADMIN"]) == 400
    log = shop.storage.collection(AuditDocument)
    assert await log.count_documents({"action": "payouts.exported"}) == 1
    updated = {"action": "payouts.account_updated", "key": anna}
    assert await log.count_documents(updated) == 2
    async for entry in log.find(updated):
        assert "3000" not in repr(entry["facts"])


async def _file(engine: Engine, app: Any, path: str, roles: list[str] | None) -> Any:
    """The rows of a payout file, or the status that isn't 200."""
    headers = {}
    if roles is not None:
        token = await signed_in(engine, await registered(engine, roles=roles))
        headers = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        answer = await http.get(path, headers=headers)
    if answer.status_code != 200:
        return answer.status_code
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_an_adjustment_is_written_by_staff_once(shared_engine_for: EngineFor) -> None:
    shop = await shared_engine_for(TOML)
    anna, owner = await selling(shop)
    given = {"sellerId": global_id(anna), "amount": "-3.50", "currency": "EUR", "reason": "fee"}
    for _ in range(2):
        found, errors = await changed(
            shop, "payoutAdjust", "isWritten", MANAGER, **given, idempotencyKey="a"
        )
        assert (found["isWritten"], errors) == (True, [])
    (balance,) = (await told(shop, SELLER, {"id": global_id(anna)}, viewer=owner))["seller"][
        "payoutBalance"
    ]
    assert balance["available"]["amount"] == "-3.50"
    _, errors = await changed(
        shop, "payoutAdjust", "isWritten", MANAGER, **{**given, "amount": "1"}, idempotencyKey="a"
    )
    assert [code for code, _ in errors] == ["CONFLICT"]
    _, errors = await changed(
        shop, "payoutAdjust", "isWritten", MANAGER, **{**given, "amount": "1.234"}
    )
    assert errors == [("INVALID", ["idempotencyKey"])]


async def test_a_run_leaves_out_sellers_that_are_suspended(shared_engine_for: EngineFor) -> None:
    shop = await shared_engine_for(TOML)
    anna, _ = await selling(shop)
    await sent(shop, await sold(shop, sellers=(anna,)))
    await _stand(shop, anna, "suspended")
    await changed(shop, "payoutRun", "run { id }", MANAGER, idempotencyKey="s1")
    assert await payouts(shop.context()).count_documents({"seller": anna}) == 0
    await _stand(shop, anna, "closed")
    await changed(shop, "payoutRun", "run { id }", MANAGER, idempotencyKey="s2")
    assert await payouts(shop.context()).count_documents({"seller": anna}) == 1


async def _stand(engine: Engine, seller: str, status: str) -> None:
    await engine.storage.database["sellers"].update_one(
        {"_id": ObjectId(seller)}, {"$set": {"status": status}}
    )


async def test_a_seller_opens_an_account_at_the_provider(
    shared_engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    toml = toml_of("tests.plugins_for_tests.remitter", due="fulfilment", provider="remitter")
    shop = await shared_engine_for(toml)
    (anna, owner), (crook, other) = await selling(shop), await selling(shop, "Crook")
    shown = "account { state url missing message }"
    found, errors = await changed(shop, "payoutOnboard", shown, owner, sellerId=global_id(anna))
    assert (found["account"]["state"], errors) == ("INFORMATION_NEEDED", [])
    assert found["account"]["url"] == f"https://remit.example/{SECRET}"
    assert found["account"]["missing"] == ["identity", "iban"]
    record = await accounts(shop.context()).find_one({"_id": anna})
    assert SECRET not in repr(record)
    found, _ = await changed(shop, "payoutOnboard", shown, other, sellerId=global_id(crook))
    assert (found["account"]["state"], found["account"]["message"]) == (
        "REFUSED",
        "We can't pay this company.",
    )
    COMPANY.trouble("onboard", TimeoutError(SECRET))
    _, errors = await changed(shop, "payoutOnboard", shown, owner, sellerId=global_id(anna))
    assert [code for code, _ in errors] == ["CONFLICT"]
    assert SECRET not in caplog.text
    given = {"sellerId": global_id(anna), "accountHolder": "Anna", "iban": IBAN}
    _, errors = await changed(shop, "payoutAccountUpdate", shown, owner, **given)
    assert [code for code, _ in errors] == ["STATE"]


async def test_a_transfer_is_a_payout_of_its_order(shared_engine_for: EngineFor) -> None:
    toml = toml_of("tests.plugins_for_tests.remitter", due="fulfilment", provider="remitter")
    shop = await shared_engine_for(toml)
    anna, owner = await selling(shop)
    shown = "account { state }"
    await changed(shop, "payoutOnboard", shown, owner, sellerId=global_id(anna))
    await accounts(shop.context()).update_one({"_id": anna}, {"$set": {"state": "READY"}})
    order = await sold(shop, 2, sellers=(anna,))
    await looked_at(shop, order)
    node = (await told(shop, PART, {"id": part_of(order, anna)}, viewer=owner))["node"]
    assert node["payoutState"] == "WAITING"
    await sent(shop, order)
    node = (await told(shop, PART, {"id": part_of(order, anna)}, viewer=owner))["node"]
    assert (node["payout"]["amount"], node["payoutState"]) == ("22.90", "PAID")
    await given_back(shop, order, "12.45", 0)
    (payout,) = (await told(shop, PAYOUTS, viewer=owner))["payouts"]["nodes"]
    assert (payout["orderNumber"], payout["amount"]["amount"]) == (order["code"], "22.90")
    assert payout["reversed"]["amount"] == "11.45"
    kinds = [one["kind"] for one in payout["entries"]["nodes"]]
    assert kinds[-1] == "REVERSED"
    _, errors = await changed(
        shop, "payoutMarkFailed", "payout { state }", MANAGER, payoutId=payout["id"]
    )
    assert errors == [("STATE", ["payoutId"])]


async def test_the_command_shows_pays_and_exports(
    engine_for: EngineFor, mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    shop = await engine_for(TOML)
    mercat_environment["MERCAT_DATABASE__NAME"] = shop.storage.database.name
    (anna, owner), (bert, _) = await selling(shop, "Anna's Shoes"), await selling(shop, "=Hats")
    shown = "account { state }"
    given = {"sellerId": global_id(anna), "accountHolder": "Anna", "iban": IBAN}
    await changed(shop, "payoutAccountUpdate", shown, owner, **given)
    order = await sold(shop, 2, 1, sellers=(anna, bert))
    await sent(shop, order, 0)
    await sent(shop, order, 1)

    def ran(*arguments: str) -> str:
        done = mercat("payouts", *arguments)
        assert done.code == 0, done.err
        return done.out

    words = [line.split() for line in (await asyncio.to_thread(ran, "balances")).splitlines()]
    assert words[0] == ["seller", "pending", "available", "in", "transit", "paid"]
    assert ["Anna's", "Shoes", "0.00", "22.90", "0.00", "0.00", "EUR"] in words
    words = [line.split() for line in (await asyncio.to_thread(ran, "run")).splitlines()]
    assert words[1][:2] == ["Anna's", "Shoes"]
    assert words[1][3:] == ["24.90", "-2.00", "22.90", "EUR", "known"]
    assert words[2][2:] == ["14.90", "-1.00", "13.90", "EUR", "missing"]
    assert words[3][2:] == ["2", "payouts"]
    file = tmp_path / "payouts.csv"
    await asyncio.to_thread(ran, "export", "--run", words[3][1].strip(":"), "--csv", str(file))
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [(row["name"], row["amount"], row["state"]) for row in rows] == [
        ("Anna's Shoes", "22.90", "open"),
        ("'=Hats", "13.90", "open"),
    ]
