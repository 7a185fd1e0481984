"""Mails become tickets and replies: signed, once, no robot's, and nobody's but who wrote them."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat.storage import Record
from mercat_tickets.inbound.receiving import reply_address
from mercat_tickets.inbound.signatures import secret_of, signed
from mercat_tickets.tickets.access import tickets

from .asking import told
from .conftest import Client, ClientFor, EngineFor
from .identity import registered
from .mailing import mail_server, smtp_toml
from .market import CARL
from .test_notifications_shop import delivered
from .ticketing import TOML, did, listed, opened, refusal, shown, staff

SECRET = "whsec_" + b64encode(b"k" * 32).decode()
SHOP = TOML + '[plugins.tickets.inbound]\nmailbox = "help@shop.example"\n'
SAM = staff("64b0000000000000000000a1")


@pytest.fixture(scope="module")
def _secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MERCAT_PLUGINS__TICKETS__INBOUND__SECRETS", f'["{SECRET}"]')
        yield


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor, _secret: None) -> Engine:
    return await shared_engine_for(SHOP)


@pytest.fixture
def client(engine: Engine, client_for: ClientFor) -> Client:
    return client_for(engine)


def mail(text: str = "Where is it?", html: str | None = None, **headers: str) -> EmailMessage:
    found = EmailMessage()
    given = {"From": "Gus <gus@guest.example>", "To": "help@shop.example", "Subject": "My parcel"}
    for name, value in {**given, **headers}.items():
        found[name.replace("_", "-")] = value
    found.set_content(text)
    if html is not None:
        found.add_alternative(html, subtype="html")
    return found


async def sent(
    client: Client, message: EmailMessage | bytes, *, key: str = "m1", secret: str = SECRET
) -> tuple[int, str]:
    """What is said to a provider that hands over a mail."""
    raw = message if isinstance(message, bytes) else message.as_bytes()
    headers = signed(secret_of(secret), key, raw)
    answer = await client.http.post("/tickets/inbound", content=raw, headers=headers)
    return answer.status_code, answer.text


async def numbered(engine: Engine, number: str) -> Any:
    """A ticket as staff sees it."""
    stored = await tickets(engine.context()).find_one({"number": int(number)})
    assert stored is not None
    return await shown(engine, SAM, encode_id("Ticket", stored["_id"]))


async def stored_of(engine: Engine, ticket: Any) -> Record:
    key = ObjectId(decode_id(ticket["id"])[1])
    found = await tickets(engine.context()).find_one({"_id": key})
    assert found is not None
    return found


async def test_a_mail_becomes_a_ticket_once_however_often_it_comes(
    engine: Engine, client: Client
) -> None:
    html = "<p onclick='x()'>Where is <b>it</b>?</p><script>steal()</script><img src=http://t/x>"
    message = mail(html=html, Message_ID="<one@guest.example>")
    many = await asyncio.gather(*(sent(client, message, key=f"k{n}") for n in range(4)))
    (answer,) = set(many)
    assert answer[0] == 200
    number = answer[1].removeprefix("opened ")
    found = await numbered(engine, number)
    assert (found["subject"], found["channel"], found["email"]) == (
        "My parcel",
        "EMAIL",
        "gus@guest.example",
    )
    (first,) = found["messages"]["nodes"]
    assert (first["text"], first["author"]) == ("Where is it?", "CUSTOMER")
    text = "query ($id: ID!) { ticket(id: $id) { messages(first: 1) { nodes { html } } } }"
    shown_html = (await told(engine, text, {"id": found["id"]}, viewer=SAM))["ticket"]
    (node,) = shown_html["messages"]["nodes"]
    assert "<b>it</b>" in node["html"]
    for word in ("script", "steal", "onclick", "http://t"):
        assert word not in node["html"]


async def test_a_reply_finds_its_ticket_by_its_address_and_nothing_else(
    engine: Engine, client: Client
) -> None:
    ticket = await opened(engine, CARL)
    stored = await stored_of(engine, ticket)
    await did(engine, "ticketReply", SAM, id=ticket["id"], text="We look")
    to = reply_address(engine.context(), stored)
    assert to is not None
    quoted = "Thank you.\n\nOn Mon, 2 Nov 2026 at 10:00, Shop <help@shop.example> wrote:\n> We look"
    assert await sent(client, mail(quoted, To=to.upper())) == (200, f"replied {ticket['number']}")
    found = await shown(engine, SAM, ticket["id"])
    assert (found["state"], found["messages"]["nodes"][-1]["text"]) == ("OPEN", "Thank you.")
    facts = {one["name"]: one["value"] for one in found["timeline"]["nodes"][-2]["facts"]}
    assert facts["fromRequester"] == "false"
    guessed = to.replace(f"+{ticket['number']}-", f"+{int(ticket['number']) + 1}-")
    answer = await sent(client, mail("Mine!", To=guessed), key="forged")
    assert answer[1].startswith("opened ")
    assert "Mine!" not in str(await shown(engine, SAM, ticket["id"]))


async def test_a_mail_to_a_closed_ticket_opens_another_and_to_a_merged_one_goes_on(
    engine: Engine, client: Client
) -> None:
    one, two = await opened(engine, CARL), await opened(engine, CARL)
    to = reply_address(engine.context(), await stored_of(engine, one))
    assert to is not None
    await did(engine, "ticketMerge", SAM, sourceId=one["id"], targetId=two["id"])
    assert await sent(client, mail("Hello", To=to), key="a") == (200, f"replied {two['number']}")
    await did(engine, "ticketTransition", SAM, id=two["id"], state="CLOSED")
    answer = await sent(client, mail("Again", To=to, From="c@closed.example"), key="b")
    assert answer[1].startswith("opened ")
    again = await sent(client, mail("Again", To=to, From="c@closed.example"), key="b")
    assert again[0] == 200
    assert len(await listed(engine, SAM, email="c@closed.example")) == 1


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Auto-Submitted": "auto-replied"}, "auto_submitted"),
        ({"Precedence": "bulk"}, "precedence"),
        ({"List-Id": "<news.example>"}, "mailing_list"),
        ({"Return-Path": "<>"}, "empty_return_path"),
        ({"From": "MAILER-DAEMON@x.example"}, "system_sender"),
        ({"From": "help@shop.example"}, "own_mail"),
        ({"From": "nobody"}, "no_sender"),
    ],
)
async def test_what_robots_send_is_ignored(
    engine: Engine, client: Client, headers: dict[str, str], reason: str
) -> None:
    before = await tickets(engine.context()).count_documents({})
    message = mail(**headers)
    assert await sent(client, message, key="robot") == (200, f"ignored: {reason}")
    assert await tickets(engine.context()).count_documents({}) == before


async def test_forged_and_broken_mails_are_refused(engine: Engine, client: Client) -> None:
    before = await tickets(engine.context()).count_documents({})
    other = "whsec_" + b64encode(b"x" * 32).decode()
    assert (await sent(client, mail(), secret=other))[0] == 401
    raw = mail().as_bytes()
    headers = signed(secret_of(SECRET), "m", raw)
    changed = await client.http.post("/tickets/inbound", content=raw + b"!", headers=headers)
    assert changed.status_code == 401
    old = signed(secret_of(SECRET), "m", raw, at=1_700_000_000)
    assert (await client.http.post("/tickets/inbound", content=raw, headers=old)).status_code == 401
    assert (await client.http.post("/tickets/inbound", content=raw)).status_code == 401
    assert (await sent(client, b"", key="empty"))[0] == 400
    assert (await sent(client, b"x" * 11_000_000, key="large"))[0] == 413
    assert await tickets(engine.context()).count_documents({}) == before


async def test_one_address_cannot_flood_the_queue(engine: Engine, client: Client) -> None:
    sender = {"From": "flood@guest.example"}
    for number in range(10):
        answer = await sent(client, mail(str(number), **sender), key=f"flood{number}")
        assert answer[1].startswith("opened ")
    answer = await sent(client, mail("more", **sender), key="flood10")
    assert answer == (200, "ignored: too_many")


@pytest.mark.usefixtures("_secret")
async def test_a_conversation_by_mail_alone(engine_for: EngineFor, client_for: ClientFor) -> None:
    toml = SHOP.replace('"tickets"]', '"notifications", "tickets"]')
    async with mail_server() as server:
        engine = await engine_for(toml + smtp_toml(server.port))
        client, box = client_for(engine), server.box
        user = await registered(engine, roles=["SUPPORT"])
        sam = staff(str(user["_id"]))
        number = (await sent(client, mail()))[1].removeprefix("opened ")
        await delivered(engine)
        (confirmed,) = box.to("gus@guest.example")
        key = (await numbered(engine, number))["id"]
        await did(engine, "ticketReply", sam, id=key, text="It is at your neighbour's.")
        await delivered(engine)
        answer = box.to("gus@guest.example")[-1]
        assert "neighbour" in str(answer)
        assert answer["Reply-To"] == confirmed["Reply-To"]
        back = mail("Found it!", To=str(answer["Reply-To"]), In_Reply_To=str(answer["Message-ID"]))
        assert await sent(client, back, key="m2") == (200, f"replied {number}")
        found = await numbered(engine, number)
        assert [one["text"] for one in found["messages"]["nodes"]][-1] == "Found it!"
        facts = {one["name"]: one["value"] for one in found["timeline"]["nodes"][-2]["facts"]}
        assert facts["fromRequester"] == "true"
        assert await sent(client, confirmed.as_bytes(), key="loop") == (
            200,
            "ignored: auto_submitted",
        )


async def test_without_its_settings_no_mail_comes_in(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MERCAT_PLUGINS__TICKETS__INBOUND__SECRETS", raising=False)
    engine = await engine_for(TOML)
    assert (await sent(client_for(engine), mail()))[0] == 404
    assert (await refusal(engine, "ticketOpen", CARL, subject="", text="x"))[0] == "INVALID"
