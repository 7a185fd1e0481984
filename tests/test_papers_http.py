"""Papers over HTTP: for the buyer, staff, and a seller for their own part; 404 for all others."""

import asyncio
import time
from typing import Any

import httpx
import pypdfium2
import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.access import orders, secret_of
from mercat_orders.papers import routes
from mercat_orders.papers.issuing import invoice_of, invoices
from mercat_orders.papers.printing import BusyError, PrintingError, press_of

from .asking import answered
from .conftest import Client, ClientFor, EngineFor
from .market import CARL, CORA, GUEST, OTHER_GUEST, change_product
from .order_changes import ANNA, BERT, READER, STAFF
from .ordering import TOML, completed, placed, ready
from .plugins_for_tests.stocktaking.shop import VIEWERS

pytestmark = pytest.mark.gate

_TOML = TOML.replace('till"]', 'till", "tests.plugins_for_tests.stocktaking"]')
_WHO = {
    "carl": CARL,
    "cora": CORA,
    "guest": GUEST,
    "other-guest": OTHER_GUEST,
    "anna": ANNA,
    "bert": BERT,
    "reader": READER,
    "staff": STAFF,
    "anna-without": Viewer(role="SELLER", user="a2", seller="anna"),
}
_PAPERS = ("invoice", "packing-slip")


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(_TOML)


@pytest.fixture
async def client(engine: Engine, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> Client:
    for name, viewer in _WHO.items():
        monkeypatch.setitem(VIEWERS, name, viewer)
    return client_for(engine)


async def get(
    client: Client, order: Record, who: str = "", paper: str = "invoice", **asked: str
) -> httpx.Response:
    return await client.http.get(
        f"/orders/{order['code']}/{paper}.pdf", params=asked, headers={"authorization": who}
    )


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    with pypdfium2.PdfDocument(answer.content) as document:
        page = document[0]
        found: str = page.get_textpage().get_text_range()
        page.close()
    return found


async def names(engine: Engine, order: Record) -> dict[str | None, str]:
    """What the thing of each seller is called, so that papers can be told apart."""
    return {line["seller"]: line["sku"] for line in order["lines"]}


async def test_an_invoice_is_a_file_that_nobody_else_keeps(engine: Engine, client: Client) -> None:
    order = await placed(engine, 2)
    answer = await get(client, order, "carl")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    stored = await invoices(Context(engine)).find_one({"order": order["_id"]})
    assert stored is not None
    name = f'attachment; filename="invoice-{stored["code"]}.pdf"'
    assert answer.headers["content-disposition"] == name
    text = text_of(answer)
    assert stored["code"] in text
    assert "Ada Lovelace" in text
    assert order["lines"][0]["sku"] in text


@pytest.mark.parametrize("paper", _PAPERS)
@pytest.mark.parametrize("who", ["carl", "staff", "reader"])
async def test_who_sees_the_order_sees_each_part(
    engine: Engine, client: Client, who: str, paper: str
) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    skus = await names(engine, order)
    for seller, other in (("anna", "bert"), ("bert", "anna")):
        for key in (seller, encode_id("Seller", seller)):
            text = text_of(await get(client, order, who, paper, seller=key))
            assert skus[seller] in text
            assert skus[other] not in text


@pytest.mark.parametrize("paper", _PAPERS)
async def test_a_seller_sees_their_own_part_alone(
    engine: Engine, client: Client, paper: str
) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", None))
    skus = await names(engine, order)
    for asked in ({}, {"seller": "anna"}):
        text = text_of(await get(client, order, "anna", paper, **asked))
        assert skus["anna"] in text
        assert skus[None] not in text
    shops = await placed(engine, 1, 1, sellers=("bert", None))
    assert (await get(client, shops, "anna", paper)).status_code == 404
    assert (await get(client, shops, "anna", paper, seller="bert")).status_code == 404


@pytest.mark.parametrize("paper", _PAPERS)
@pytest.mark.parametrize(
    "who", ["", "nobody", "cora", "guest", "other-guest", "bert", "anna-without"]
)
async def test_everybody_else_gets_what_is_not_there(
    engine: Engine, client: Client, who: str, paper: str
) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    missing = await get(client, {"code": "XXXX-XXXX"}, who, paper)
    for asked in (
        {},
        {"seller": "anna"},
        {"secret": "x"},
        {"secret": "é\ud7ff"},
        {"seller": "ann"},
    ):
        answer = await get(client, order, who, paper, **asked)
        assert answer.status_code == 404
        assert answer.json() == missing.json()
    assert await invoices(Context(engine)).find_one({"order": order["_id"]}) is None


@pytest.mark.parametrize("paper", _PAPERS)
async def test_a_guest_has_the_secret_or_is_the_same_guest(
    engine: Engine, client: Client, paper: str
) -> None:
    order = await placed(engine, 1, viewer=GUEST)
    secret = secret_of(Context(engine), order)
    text_of(await get(client, order, "", paper, secret=secret))
    text_of(await get(client, order, "guest", paper))
    other = await placed(engine, 1, viewer=GUEST)
    assert (await get(client, other, "", paper, secret=secret)).status_code == 404
    assert (await get(client, other, "other-guest", paper)).status_code == 404


@pytest.mark.parametrize("state", ["PLACING", "FAILED"])
@pytest.mark.parametrize("paper", _PAPERS)
async def test_what_is_no_order_has_no_papers(
    engine: Engine, client: Client, paper: str, state: str
) -> None:
    order = await placed(engine, 1)
    await orders(Context(engine)).update_one({"_id": order["_id"]}, {"$set": {"state": state}})
    for who in ("carl", "staff"):
        assert (await get(client, order, who, paper)).status_code == 404


async def test_an_order_that_waits_for_its_payment_has_no_invoice(
    engine: Engine, client: Client
) -> None:
    order = await placed(engine, 1, method="till:awaited")
    assert order["state"] == "PENDING"
    assert (await get(client, order, "carl")).status_code == 404
    assert (await get(client, order, "carl", "packing-slip")).status_code == 200


async def test_a_shop_of_several_sellers_has_to_be_told_which(
    engine: Engine, client: Client
) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    assert (await get(client, order, "carl")).status_code == 404
    assert (await get(client, order, "carl", seller="nobody")).status_code == 404
    assert (await get(client, order, "carl", seller=encode_id("Product", "x"))).status_code == 404


@pytest.mark.parametrize(
    "number", ["..%2f..%2fetc", "%00", "K7TX", "$ne", "{}", "A" * 500, "%F0%9F%8E%89"]
)
async def test_odd_numbers_are_no_orders(client: Client, number: str) -> None:
    answer = await client.http.get(
        f"/orders/{number}/invoice.pdf", headers={"authorization": "staff"}
    )
    assert answer.status_code == 404


async def test_a_number_is_found_in_small_letters(engine: Engine, client: Client) -> None:
    order = await placed(engine, 1)
    small = {"code": order["code"].lower()}
    assert order["code"] in text_of(await get(client, small, "carl"))


async def test_a_slip_of_a_parcel_has_what_is_in_it(engine: Engine, client: Client) -> None:
    order = await placed(engine, 5, 1)
    parcel = {
        "id": order["_id"],
        "state": "SHIPPED",
        "lines": [{"line": order["lines"][0]["id"], "quantity": 3}],
        "carrier": "DHL",
        "tracking_number": "JD014600006281234567",
        "tracking_url": None,
        "created_at": order["placed_at"],
        "shipped_at": order["placed_at"],
        "delivered_at": None,
    }
    where = {"_id": order["_id"]}
    await orders(Context(engine)).update_one(
        where, {"$push": {"seller_orders.0.fulfilments": parcel}}
    )
    key = encode_id("Fulfilment", order["_id"])
    text = text_of(await get(client, order, "carl", "packing-slip", fulfilment=key))
    assert "JD014600006281234567" in text
    assert order["lines"][0]["sku"] in text
    assert order["lines"][1]["sku"] not in text
    for wrong in (encode_id("Fulfilment", "0" * 24), encode_id("Order", order["_id"]), "x"):
        answer = await get(client, order, "carl", "packing-slip", fulfilment=wrong)
        assert answer.status_code == 404


async def test_a_hostile_name_is_printed_as_it_is(engine: Engine, client: Client) -> None:
    cart = await ready(engine, 1)
    name = '#image("/etc/passwd") {{7*7}}'
    await change_product(engine, cart["lines"][0]["variant"], name=name)
    order = (await completed(engine, cart)).order
    for paper in _PAPERS:
        text = text_of(await get(client, order, "carl", paper))
        assert name in text
        assert "root:" not in text


async def test_a_file_name_is_safe_whatever_the_number_is(engine: Engine, client: Client) -> None:
    order = await placed(engine, 1)
    stored = await invoice_of(Context(engine), order, None)
    assert stored is not None
    wild = {"$set": {"code": f'../"évil"\r\nX: {order["code"]};'}}
    await invoices(Context(engine)).update_one({"_id": stored["_id"]}, wild)
    answer = await get(client, order, "carl")
    name = f'attachment; filename="invoice-..-vil-X-{order["code"]}.pdf"'
    assert answer.headers["content-disposition"] == name


@pytest.mark.parametrize("error", [BusyError("later"), PrintingError("it can't")])
async def test_who_comes_while_nothing_prints_is_told_to_come_back(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    order = await placed(engine, 1)

    async def refuse(*_given: Any) -> None:
        raise error

    monkeypatch.setattr(routes, "invoice", refuse)
    answer = await get(client, order, "carl")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"


async def test_printing_keeps_nobody_waiting(engine: Engine, client: Client) -> None:
    """The event loop goes on: it is never away for as long as a paper takes."""
    order = await placed(engine, 1)
    gaps: list[float] = []

    async def watch() -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            now = time.monotonic()
            gaps.append(now - before)
            before = now

    watching = asyncio.create_task(watch())
    began = time.monotonic()
    await asyncio.gather(*(get(client, order, "carl") for _ in range(5)))
    took = time.monotonic() - began
    watching.cancel()
    assert max(gaps) < took / 2
    assert press_of(Context(engine))._waiting == 0


_URLS = """query ($id: ID!) { order(id: $id) { invoiceUrl
  sellerOrders { sellerId invoiceUrl packingSlipUrl } } }"""


async def urls(engine: Engine, order: Record, viewer: Viewer) -> Any:
    answer = await answered(engine, _URLS, {"id": encode_id("Order", order["_id"])}, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["order"]


async def test_the_schema_says_where_papers_are(engine: Engine, client: Client) -> None:
    order = await placed(engine, 1)
    found = await urls(engine, order, CARL)
    (part,) = found["sellerOrders"]
    assert found["invoiceUrl"] == part["invoiceUrl"] == f"/orders/{order['code']}/invoice.pdf"
    for url in (part["invoiceUrl"], part["packingSlipUrl"]):
        answer = await client.http.get(url, headers={"authorization": "carl"})
        assert order["lines"][0]["sku"] in text_of(answer)


async def test_the_urls_of_a_guest_open_without_anything_else(
    engine: Engine, client: Client
) -> None:
    order = await placed(engine, 1, viewer=GUEST)
    (part,) = (await urls(engine, order, GUEST))["sellerOrders"]
    for url in (part["invoiceUrl"], part["packingSlipUrl"]):
        text_of(await client.http.get(url))
    (seen,) = (await urls(engine, order, READER))["sellerOrders"]
    assert "secret" not in seen["invoiceUrl"]


async def test_each_seller_has_an_invoice_of_their_own(engine: Engine, client: Client) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    found = await urls(engine, order, CARL)
    assert found["invoiceUrl"] is None
    for part, line in zip(found["sellerOrders"], order["lines"], strict=True):
        answer = await client.http.get(part["invoiceUrl"], headers={"authorization": "carl"})
        assert line["sku"] in text_of(answer)


async def test_there_is_no_url_where_there_is_no_paper(engine: Engine) -> None:
    order = await placed(engine, 1)
    where = {"_id": order["_id"]}
    gone = {"$set": {"seller_orders.0.state": "CANCELLED"}}
    await orders(Context(engine)).update_one(where, gone)
    found = await urls(engine, order, CARL)
    assert found["invoiceUrl"] is None
    assert found["sellerOrders"][0]["invoiceUrl"] is None
    assert found["sellerOrders"][0]["packingSlipUrl"] is None


async def test_an_invoice_that_was_issued_stays(engine: Engine, client: Client) -> None:
    order = await placed(engine, 1)
    before = await get(client, order, "carl")
    where = {"_id": order["_id"]}
    gone = {"$set": {"seller_orders.0.state": "CANCELLED", "lines.0.cancelled": 1}}
    await orders(Context(engine)).update_one(where, gone)
    found = await urls(engine, order, CARL)
    assert found["invoiceUrl"] is not None
    after = await get(client, order, "carl")
    assert after.content == before.content
