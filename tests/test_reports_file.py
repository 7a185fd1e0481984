"""Sales reports as files: over HTTP with the credentials of `/graphql`, and by the command."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import httpx
import pytest
from bson import ObjectId

from mercat.context import Context
from mercat.engine import Engine
from mercat.ids import encode_id, key_of
from mercat.settings import load_settings
from mercat_auth.accounts.service import users

from .asking import told
from .conftest import Client, ClientFor, EngineFor, Mercat
from .identity import registered, signed_in, toml_of, viewer_for
from .reporting import made_order, report, store

pytestmark = pytest.mark.gate

TOML = toml_of("auth", "media", "products", "orders")
HEADER = (
    "key,label,sku,currency,orders,units,returned_units,pending_orders,gross,discounts,shipping,"
    "tax,total,refunded,net,net_sales,commission,cancelled,average_order_value,pending"
)
APPLY = """mutation { sellerApply(input: { name: "Anna's" }) {
  seller { id } userErrors { message } } }"""
APPROVE = """mutation ($id: ID!) { sellerApprove(input: { id: $id }) {
  userErrors { message } } }"""


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture
async def client(engine: Engine, client_for: ClientFor) -> Client:
    return client_for(engine)


async def token_of(engine: Engine, *roles: str) -> str:
    return await signed_in(engine, await registered(engine, roles=roles))


async def fetched(client: Client, token: str = "", **given: str) -> httpx.Response:
    """The answer to a question, of 2026 where nothing else is said."""
    return await client.http.get(
        "/reports/sales.csv",
        params={"from": "2026-01-01", "to": "2026-12-31", **given},
        headers={"authorization": f"Bearer {token}"} if token else {},
    )


def rows_in(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_the_file_has_what_the_report_has(engine: Engine, client: Client) -> None:
    currencies = ("EUR", "JPY", "KWD")
    found = [made_order(Random(n), n, currency=currencies[n % 3]) for n in range(30)]
    await store(engine, found)
    token = await token_of(engine, "SUPPORT")
    answer = await fetched(client, token, groupBy="seller", allCurrencies="true")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    name = "sales-by-seller-2026-01-01-2026-12-31.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "content-length" not in answer.headers
    lines = answer.text.split("\r\n")
    assert lines[0] == HEADER
    assert lines[-1] == ""
    expected = (await report(engine, groupBy="SELLER", allCurrencies=True))["rows"]
    rows = rows_in(answer.text)
    assert [(row["key"], row["currency"]) for row in rows] == [
        (row["key"], row["currency"]) for row in expected
    ]
    for row, shown in zip(rows, expected, strict=True):
        figures = shown["figures"]
        assert row["net"] == figures["net"]["amount"]
        average = figures["averageOrderValue"] or {"amount": ""}
        assert row["average_order_value"] == average["amount"]
        assert row["units"] == str(figures["units"])
        assert Decimal(row["net"]) == Decimal(row["total"]) - Decimal(row["refunded"])
    assert {row["currency"]: len(row["net"].partition(".")[2]) for row in rows} == {
        "EUR": 2,
        "JPY": 0,
        "KWD": 3,
    }


async def test_a_byte_order_mark_only_where_it_is_asked_for(engine: Engine, client: Client) -> None:
    token = await token_of(engine, "ADMIN")
    plain = await fetched(client, token)
    marked = await fetched(client, token, bom="1")
    assert plain.content.startswith(b"key,")
    assert marked.content == b"\xef\xbb\xbf" + plain.content
    assert len(rows_in(plain.text)) == 365


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=cmd|"/c calc"!A0']
)
async def test_no_cell_is_a_formula_and_every_text_stays_what_it_is(
    engine: Engine, client: Client, name: str
) -> None:
    order = made_order(Random(1), 1, datetime(2026, 10, 1, tzinfo=UTC), currency="EUR")
    line = order["lines"][0] | {"product": ObjectId(), "name": name, "sku": name}
    await store(engine, [order | {"lines": [line]}])
    answer = await fetched(client, await token_of(engine, "SUPPORT"), groupBy="VARIANT")
    (row,) = rows_in(answer.text)
    assert (row["label"], row["sku"]) == (f"'{name}", f"'{name}")
    assert not row["total"].startswith("'")


async def test_quotes_commas_and_other_scripts_come_through(engine: Engine, client: Client) -> None:
    name = 'Tisch, "groß"\n日本語'
    order = made_order(Random(1), 1, datetime(2026, 10, 1, tzinfo=UTC), currency="EUR")
    line = order["lines"][0] | {"product": ObjectId(), "name": name}
    await store(engine, [order | {"lines": [line]}])
    answer = await fetched(client, await token_of(engine, "SUPPORT"), groupBy="PRODUCT")
    (row,) = rows_in(answer.text)
    assert row["label"] == name


async def test_the_file_is_for_those_who_see_the_report(engine: Engine, client: Client) -> None:
    assert (await fetched(client)).status_code == 401
    assert (await fetched(client, "nonsense")).status_code == 401
    assert (await fetched(client, await token_of(engine))).status_code == 403
    assert (await fetched(client, await token_of(engine, "SUPPORT"))).status_code == 200


async def test_a_seller_gets_a_file_of_its_own_sales(engine: Engine, client: Client) -> None:
    user = await registered(engine)
    viewer = await viewer_for(engine, user)
    boss = await viewer_for(engine, await registered(engine, roles=["ADMIN"]))
    seller = (await told(engine, APPLY, viewer=viewer))["sellerApply"]["seller"]["id"]
    await told(engine, APPROVE, {"id": seller}, viewer=boss)
    key = key_of(seller, "Seller")
    found = [made_order(Random(n), n, currency="EUR") for n in range(20)]
    for order in found:
        for one in (*order["lines"], *order["seller_orders"]):
            one["seller"] = key if one["seller"] == "anna" else one["seller"]
    await store(engine, found)
    owner = await users(Context(engine)).find_one({"_id": user["_id"]})
    assert owner is not None
    token = await signed_in(engine, owner)
    for other in ("bert", encode_id("Seller", "bert"), seller, key):
        answer = await fetched(client, token, groupBy="SELLER", sellerId=other)
        assert [row["key"] for row in rows_in(answer.text)] == [key]


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-13-01"},
        {"from": "2027-01-01"},
        {"to": "2030-01-01"},
        {"timeZone": "Mars/Olympus"},
        {"timeZone": "../UTC"},
        {"groupBy": "buyer"},
        {"groupBy": "DAY\r\nX-Evil: 1"},
        {"currency": "€"},
        {"currency": "EUR", "allCurrencies": "true"},
        {"first": "0"},
        {"first": "many"},
        {"sellerId": encode_id("Product", "x")},
        {"bom": "perhaps"},
    ],
)
async def test_a_wrong_question_gets_no_file(
    engine: Engine, client: Client, given: dict[str, str]
) -> None:
    answer = await fetched(client, await token_of(engine, "SUPPORT"), **given)
    assert answer.status_code == 400
    assert "x-evil" not in answer.headers


# The command


async def _stocked(environment: dict[str, str], folder: Path) -> None:
    """Orders in the database of the commands."""
    (folder / "engine.toml").write_text(TOML)
    url, name = environment["MERCAT_DATABASE__URL"], environment["MERCAT_DATABASE__NAME"]
    given = {
        "database": {"url": url, "name": name},
        "redis": {"url": environment["MERCAT_REDIS__URL"]},
    }
    engine = Engine(load_settings(folder / "engine.toml", given))
    await engine.start(work=False)
    try:
        await store(engine, [made_order(Random(n), n, currency="EUR") for n in range(20)])
    finally:
        await engine.stop()


PERIOD = ("--from", "2026-09-01", "--to", "2026-12-31")


async def test_the_command_shows_a_table_and_writes_a_file(
    mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    await _stocked(mercat_environment, tmp_path)
    shown = mercat("report", "sales", *PERIOD, "--by", "seller")
    assert (shown.code, shown.err) == (0, "")
    header, *rows = shown.out.splitlines()
    assert header.split() == ["seller", "orders", "units", "gross", "discounts", "refunded", "net"]
    assert {row.split()[0] for row in rows} == {"Mercat", "anna", "bert", "total"}
    file = tmp_path / "sales.csv"
    done = mercat("report", "sales", *PERIOD, "--by", "seller", "--csv", str(file))
    assert (done.code, done.out, done.err) == (0, "", "")
    found = {row["label"]: row["net"] for row in rows_in(file.read_bytes().decode())}
    assert found == {row.split()[0]: row.split()[6] for row in rows[:-1]}
    piped = mercat("report", "sales", *PERIOD, "--by", "seller", "--csv", "-", "--seller", "anna")
    assert [row["key"] for row in rows_in(piped.out)] == ["anna"]


def test_the_command_says_what_is_wrong_and_leaves_no_file(mercat: Mercat, tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text(TOML)
    file = tmp_path / "sales.csv"
    done = mercat("report", "sales", *PERIOD, "--time-zone", "Mars", "--csv", str(file))
    assert (done.code, done.out) == (1, "")
    assert "time zone" in done.err
    assert not file.exists()
