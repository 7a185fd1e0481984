"""Tickets about orders, products, sellers and payments; and who gets which mail of them."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat_orders.orders.money import payments
from mercat_tickets.tickets.access import secret_of, tickets

from .asking import told
from .conftest import EngineFor
from .identity import registered
from .mailing import mail_server, smtp_toml, text_of
from .market import CARL, CORA, offer
from .order_changes import order_id, part_id
from .ordering import TOML as ORDERING
from .ordering import placed
from .test_notifications_shop import delivered, seller_with_staff, subjects
from .ticketing import asked, did, listed, opened, refusal, shown, staff

TOML = (
    ORDERING.replace('["media"', '["auth", "media"').replace(
        'till"]',
        'till", "payments", "payments_manual", "notifications", "tickets"]\n\n[plugins.tickets]\n'
        'url = "https://shop.example/tickets/{number}?secret={secret}"\n',
    )
    + "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n"
)
FACTS = "query ($id: ID!) { ticket(id: $id) { facts { subjectId name value } } }"
SAM = staff("64b0000000000000000000a1")


def staff_of(seller: str) -> Viewer:
    allowed = frozenset({"tickets.sell", "orders.sell", "products.sell"})
    return Viewer(role="SELLER", permissions=allowed, user="a", seller=seller)


async def facts(engine: Engine, viewer: Viewer, ticket: Any) -> dict[str, str]:
    found = await told(engine, FACTS, {"id": ticket["id"]}, viewer=viewer)
    return {one["name"]: one["value"] for one in found["ticket"]["facts"]}


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: Any) -> Engine:
    found: Engine = await shared_engine_for(TOML)
    return found


async def test_a_seller_answers_about_what_is_theirs_and_sees_nothing_else(engine: Engine) -> None:
    anna, ben = await seller_with_staff(engine), str(ObjectId())
    both = await placed(engine, 2, 1, sellers=(anna, ben), viewer=CARL)
    one = await placed(engine, 1, sellers=(anna,), viewer=CARL)
    of_part = await opened(engine, CARL, about=[part_id(both, 0)])
    of_all = await opened(engine, CARL, about=[order_id(both)])
    of_hers = await opened(engine, CARL, about=[order_id(one)])
    mixed = await opened(engine, CARL, about=[part_id(both, 0), part_id(both, 1)])
    hers = encode_id("Seller", anna)
    assert [each["sellerId"] for each in (of_part, of_all, of_hers, mixed)] == [
        hers,
        None,
        hers,
        None,
    ]
    seller = staff_of(anna)
    wanted = [of_hers["number"], of_part["number"]]
    assert await listed(engine, seller, sellerId=hers) == wanted
    assert await shown(engine, seller, of_all["id"]) is None
    assert await shown(engine, staff_of(ben), of_part["id"]) is None
    answer = await did(engine, "ticketReply", seller, id=of_part["id"], text="Tomorrow")
    assert (answer["state"], answer["tags"]) == ("PENDING", [])
    await did(engine, "ticketNoteAdd", SAM, id=of_part["id"], text="SECRET")
    assert "SECRET" not in str(await shown(engine, seller, of_part["id"]))
    own = await opened(engine, seller, about=[part_id(one, 0)])
    assert own["sellerId"] is None, "who sells asks the shop"
    found = await facts(engine, seller, of_part)
    assert (found["number"], found["state"]) == (both["code"], "CONFIRMED")
    assert "total" not in found


async def test_what_one_doesnt_see_no_ticket_is_about(engine: Engine) -> None:
    order = await placed(engine, 1, viewer=CARL)
    payment = encode_id("Payment", payments(order)[0]["key"])
    for key in (order_id(order), part_id(order), payment, encode_id("Order", ObjectId())):
        given = {"subject": "x", "text": "y", "about": [key]}
        assert (await refusal(engine, "ticketOpen", CORA, **given))[0] == "NOT_FOUND"
    ticket = await opened(engine, CARL, about=[order_id(order)])
    assert ticket["about"] == [{"id": order_id(order), "kind": "Order", "label": order["code"]}]
    known = await facts(engine, CARL, ticket)
    assert (known["state"], known["total"]) == ("CONFIRMED", "14.90 EUR")
    assert await listed(engine, SAM, aboutId=order_id(order)) == [ticket["number"]]
    assert await facts(engine, SAM, ticket) == {}, "who may not see orders is told nothing"


async def test_products_and_sellers_are_asked_about_by_everybody(engine: Engine) -> None:
    key = ObjectId()
    known = {
        "_id": key,
        "number": 99,
        "slug": "annas",
        "name": "Anna's",
        "status": "approved",
        "members": [],
    }
    await engine.storage.database["sellers"].insert_one(known)
    anna = str(key)
    variant = await offer(engine, seller=anna)
    product = await engine.storage.database["products"].find_one({"variants.id": variant})
    assert product is not None
    about = [encode_id("Product", product["_id"]), encode_id("Seller", anna)]
    ticket = await opened(engine, CORA, about=about)
    assert [one["kind"] for one in ticket["about"]] == ["Product", "Seller"]
    assert ticket["sellerId"] == encode_id("Seller", anna)
    found = (await told(engine, FACTS, {"id": ticket["id"]}, viewer=CORA))["ticket"]["facts"]
    names = [one["value"] for one in found if one["name"] == "name"]
    assert sorted(names) == ["Anna's", "Thing"]


async def test_who_asks_and_who_answers_are_told_by_mail(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await engine_for(TOML + smtp_toml(server.port)), server.box
        anna = await seller_with_staff(engine)
        order = await placed(engine, 1, sellers=(anna,), viewer=CARL)
        customer = await registered(engine, "cora@example.com")
        cora = Viewer(role="CUSTOMER", user=str(customer["_id"]))
        await engine.storage.database["orders"].update_one(
            {"_id": order["_id"]}, {"$set": {"user": cora.user}}
        )
        await delivered(engine)
        box.mails.clear()
        ticket = await opened(engine, cora, about=[order_id(order)], text="Where <b>is</b> it?")
        number = ticket["number"]
        await delivered(engine)
        mine = f"We have your question: Where is my parcel? (#{number})"
        hers = f"Waits for an answer: Where is my parcel? (#{number})"
        assert subjects(box, "cora@example.com") == [mine]
        assert subjects(box, "anna@example.com") == [hers]
        key = ObjectId(decode_id(ticket["id"])[1])
        stored = await tickets(engine.context()).find_one({"_id": key})
        assert stored is not None
        secret = secret_of(engine.context(), stored)
        (mail,) = box.to("cora@example.com")
        assert f"https://shop.example/tickets/{number}?secret={secret}" in text_of(mail)
        assert "<b>is</b>" not in text_of(mail, "html")
        assert "&lt;b&gt;is" in text_of(mail, "html")
        assert secret not in text_of(box.to("anna@example.com")[0])
        box.mails.clear()
        await did(engine, "ticketReply", staff_of(anna), id=ticket["id"], text="Tomorrow.")
        await did(engine, "ticketNoteAdd", SAM, id=ticket["id"], text="SECRET")
        await did(
            engine, "ticketReply", staff_of(anna), id=ticket["id"], text="Bye", state="SOLVED"
        )
        await did(engine, "ticketReply", cora, id=ticket["id"], text="Not yet")
        await delivered(engine)
        assert sorted(subjects(box, "cora@example.com")) == [
            f"Re: Where is my parcel? (#{number})",
            f"Solved: Where is my parcel? (#{number})",
        ]
        assert subjects(box, "anna@example.com") == [hers]
        assert "Not yet" in text_of(box.to("anna@example.com")[0])
        assert "SECRET" not in "".join(map(str, box.mails))


async def test_a_guest_has_a_link_to_the_ticket_by_mail(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await engine_for(TOML + smtp_toml(server.port)), server.box
        given = {"subject": "Hilfe", "text": "Bitte", "email": "gus@guest.example"}
        await asked(engine, "ticketOpen", Viewer(), "secret ticket { id }", **given)
        await delivered(engine)
        (mail,) = box.to("gus@guest.example")
        assert "secret=" in text_of(mail)
