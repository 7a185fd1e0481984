"""The simulated company's pages: what they show, to whom, and who may press their buttons."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat.money import Amount
from mercat.payments import ActionRequired, Start
from mercat_payments_sandbox.addresses import back_to, origin_of, page_url
from mercat_payments_sandbox.provider import SandboxProvider

from .conftest import EngineFor
from .simulating import BACK, TABLE, TOML, Buyer, client_of, heading, payment, press
from .test_payments_sandbox import buyer, http, shop

pytestmark = pytest.mark.gate

__all__ = ["buyer", "http", "shop"]

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


async def page_of(engine: Engine, **more: Any) -> str:
    """The path of a new payment's page."""
    given = {"key": "k", "order_number": "R-1001", "method": "card", **more}
    outcome = await SandboxProvider(engine.context()).start(
        Start(money=Amount(1250, "EUR"), **given)
    )
    assert isinstance(outcome, ActionRequired)
    assert outcome.url is not None
    return outcome.url.removeprefix("http://localhost:8000")


async def test_the_page_says_what_is_paid_and_that_nothing_is(
    shop: Engine, http: httpx.AsyncClient
) -> None:
    answer = await http.get(await page_of(shop))
    assert answer.headers["content-type"].startswith("text/html")
    for words in ("Mercat", "R-1001", "12.50 EUR", "This is a simulation: no money moves."):
        assert words in answer.text
    buttons = re.findall(r'<button name="do" value="(\w+)"', answer.text)
    assert buttons == ["pay", "decline", "secure", "timeout", "cancel"]
    choices = re.findall(r'name="messages" value="(\w+)"( checked)?', answer.text)
    assert [value for value, _ in choices] == ["at_once", "late", "twice", "out_of_order", "none"]
    assert [value for value, checked in choices if checked] == ["at_once"]


async def test_nothing_is_loaded_kept_or_framed(shop: Engine, http: httpx.AsyncClient) -> None:
    answer = await http.get(await page_of(shop, return_url=BACK))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self' https://store.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not re.search(r"\b(src|href|action)=|<script|@import|url\(", answer.text)


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "..%2f..", "a" * 5000, "é"])
async def test_a_token_that_nobody_was_given_is_not_found(
    shop: Engine, http: httpx.AsyncClient, token: str
) -> None:
    await page_of(shop)
    for answer in (
        await http.get(f"/sandbox/payments/{token}"),
        await press(http, f"/sandbox/payments/{token}", "pay"),
    ):
        assert answer.status_code == 404
    assert (await payment(shop))["state"] == "OPEN"


async def test_neither_the_key_nor_the_reference_opens_the_page(
    shop: Engine, http: httpx.AsyncClient
) -> None:
    page = await page_of(shop)
    stored = await payment(shop)
    for guess in (stored["_id"], stored["ref"], stored["door"]):
        assert (await http.get(f"/sandbox/payments/{guess}")).status_code == 404
    token = page.rpartition("/")[2]
    assert len(token) == 43
    assert token not in repr(stored), "it is stored sealed, and as a digest"


async def test_a_page_that_is_over_says_so_and_leads_back(buyer: Buyer) -> None:
    page = await buyer.begins()
    await press(buyer.http, page, "pay")
    answer = await buyer.http.get(page)
    assert heading(answer) == "Paid"
    assert "<button" not in answer.text
    assert f'href="{BACK}&amp;payment=approved"' in answer.text
    for button in ("decline", "cancel", "timeout", "secure", "confirm"):
        again = await press(buyer.http, page, button)
        assert again.headers["location"] == f"{BACK}&payment=approved"
    assert await buyer.state() == "CONFIRMED"


async def test_without_an_address_to_come_back_to_it_ends_on_the_page(
    shop: Engine, http: httpx.AsyncClient
) -> None:
    page = await page_of(shop)
    answer = await press(http, page, "pay")
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    shown = await http.get(page)
    assert heading(shown) == "Paid"
    assert "You can close this page." in shown.text


async def test_of_buttons_that_are_pressed_at_once_one_counts(
    shop: Engine, http: httpx.AsyncClient
) -> None:
    page = await page_of(shop, return_url=BACK)
    buttons = ("pay", "decline", "cancel", "timeout") * 3
    answers = await asyncio.gather(*(press(http, page, button) for button in buttons))
    assert len({answer.headers["location"] for answer in answers}) == 1
    kinds = [event["kind"] for event in (await payment(shop))["events"]]
    assert kinds in (["authorized", "captured"], ["failed"], [])


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://shop.test.evil.example"},
        {"origin": "http://shop.test", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_a_form_of_another_site_presses_nothing(
    shop: Engine, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    page = await page_of(shop)
    answer = await http.post(page, data={"do": "pay"}, headers=headers)
    assert answer.status_code == 403
    assert (await payment(shop))["state"] == "OPEN"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://shop.test"}, {"origin": "null", "sec-fetch-site": "same-origin"}, {}],
)
async def test_its_own_form_and_programs_press(
    shop: Engine, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    page = await page_of(shop)
    answer = await http.post(page, data={"do": "pay"}, headers=headers)
    assert answer.status_code == 303
    assert (await payment(shop))["state"] == "APPROVED"


@pytest.mark.parametrize(
    "body", ["", "do=", "do=steal", "do=confirm", "do=pay&messages=never", "%ff=%fe", "do[]=pay"]
)
async def test_a_button_that_is_not_there_does_nothing(
    shop: Engine, http: httpx.AsyncClient, body: str
) -> None:
    page = await page_of(shop)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await http.post(page, content=body, headers=headers)
    assert answer.status_code == 400
    assert (await payment(shop))["state"] == "OPEN"


async def test_a_form_that_is_too_long_is_not_read(shop: Engine, http: httpx.AsyncClient) -> None:
    page = await page_of(shop)
    answer = await press(http, page, "pay", code="x" * 5_000)
    assert answer.status_code == 413
    assert (await payment(shop))["state"] == "OPEN"


async def test_texts_of_the_shop_and_the_order_are_no_html(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(TOML, plugins=TABLE, shop={"name": NASTY})
    page = await page_of(shop, order_number=NASTY, return_url=f"https://store.example/?a={NASTY}")
    async with client_of(shop) as client:
        for _ in range(2):
            text = (await client.get(page)).text
            assert text.count("&lt;script&gt;") >= 2
            assert "<script" not in text
            assert "<img" not in text
            assert '"><' not in re.sub(r'<[a-z]+( [a-z-]+="[^"<>]*")+( [a-z]+)*>', "", text)
            await press(client, page, "pay")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://store.example/back?x=1#top", "https://store.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("myapp://paid/7", "myapp:"),
        ("https://store.example;script-src *", None),
        ("https://a@store.example/", None),
        ("https://[::1/", None),
        ("javascript://%0aalert(1)", None),
        ("JavaScript:alert(1)", None),
        ("data://text/html,x", None),
        ("/somewhere", None),
        ("", None),
        (None, None),
    ],
)
def test_only_pages_and_apps_are_led_back_to(url: str | None, origin: str | None) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "back"),
    [
        ("https://s.example/", "https://s.example/?payment=approved"),
        ("https://s.example/?a=1&payment=old#x", "https://s.example/?a=1&payment=approved#x"),
        ("https://s.example/?a=&b=%26", "https://s.example/?a=&b=%26&payment=approved"),
        ("myapp://paid", "myapp://paid?payment=approved"),
    ],
)
def test_how_it_went_is_told_beside_what_the_address_had(url: str, back: str) -> None:
    assert back_to(url, "approved") == back


@pytest.mark.parametrize(
    ("server", "table", "start"),
    [
        ({}, {}, "http://localhost:8000/"),
        ({"port": 9000, "host": "0.0.0.0"}, {}, "http://localhost:9000/"),
        ({"host": "10.0.0.7"}, {}, "http://10.0.0.7:8000/"),
        ({"host": "fe80::1"}, {}, "http://[fe80::1]:8000/"),
        ({"port": 0}, {}, "/sandbox"),
        ({}, {"public_url": "https://shop.example"}, "https://shop.example/sandbox"),
    ],
)
async def test_the_page_has_the_address_that_buyers_reach(
    settings_for: Any, server: dict[str, Any], table: dict[str, Any], start: str
) -> None:
    settings = settings_for(TOML, server=server, plugins={"payments_sandbox": table})
    assert page_url(Engine(settings).context(), "t").startswith(start)
