"""Buyers, sellers and staff are told what concerns them; what isn't needed can be declined."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat import auth
from mercat.context import SYSTEM, Context, Viewer
from mercat.engine import Engine
from mercat.notifications import Message, tell
from mercat_notifications.delivering import queue_of
from mercat_orders.carts import buyers
from mercat_orders.carts.access import carts
from mercat_orders.carts.leaving import tell_abandoned
from mercat_orders.checkout.reconciling import follow_payment
from mercat_orders.orders.access import secret_of
from mercat_payouts.runs import run as pay
from mercat_payouts.settling import Adjustment, adjust, mark_paid

from .asking import answered, told
from .conftest import ClientFor, EngineFor, Mercat
from .identity import registered
from .mailing import Mailbox, MailServer, mail_server, smtp_toml, text_of
from .market import CARL
from .order_changes import ANNA, STAFF, did, order_id, part_id, units
from .ordering import TOML as ORDERING
from .ordering import placed, ready
from .plugins_for_tests.till.books import BOOKS
from .test_notifications import notice

TOML = (
    ORDERING.replace('["media"', '["auth", "media"').replace(
        'till"]',
        'till", "payouts", "notifications"]\n\n[plugins.orders]\n'
        'status_url = "https://shop.example/orders/{number}?secret={secret}"\n'
        'cart_url = "https://shop.example/cart/{cart}"\n',
    )
    + "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n"
)
LIST = """query ($filter: NotificationFilter) { notifications(first: 10, filter: $filter) {
  totalCount nodes { id kind state to locale attempts error createdAt settledAt } } }"""
RETRY = """mutation ($id: ID!) { notificationRetry(input: { notificationId: $id }) {
  notification { state } userErrors { code field } } }"""
CHOICES = "{ notificationChoices { kind title isWanted } }"
CHOOSE = """mutation ($kind: String!, $wanted: Boolean!) {
  notificationChoose(input: { kind: $kind, isWanted: $wanted }) {
    choices { kind isWanted } userErrors { code field } } }"""
CLERK = Viewer(
    role="SUPPORT",
    permissions=frozenset({"notifications.view", "notifications.manage"}),
    user="clerk",
)


async def delivered(engine: Engine) -> None:
    """Have the outbox and the queue do all that they have to do."""
    while await engine.outbox.deliver_due():
        pass
    await queue_of(engine.context()).deliver_due()


def subjects(box: Mailbox, to: str) -> list[str]:
    return [str(mail["Subject"]) for mail in box.to(to)]


async def seller_with_staff(engine: Engine) -> str:
    """The key of a seller whose only owner is anna@example.com."""
    user = await registered(engine, "anna@example.com")
    key = ObjectId()
    await engine.storage.database["sellers"].insert_one(
        {
            "_id": key,
            "name": "Anna's",
            "status": "approved",
            "members": [{"user": user["_id"], "rank": "owner"}],
        }
    )
    return str(key)


async def shop_at(engine_for: EngineFor, server: MailServer, **options: Any) -> Engine:
    return await engine_for(TOML + smtp_toml(server.port), **options)


async def test_a_buyer_and_a_seller_follow_an_order_by_mail(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        anna = await seller_with_staff(engine)
        order = await placed(engine, 2, 1, sellers=(anna, None))
        code = order["code"]
        await delivered(engine)
        assert subjects(box, "ada@example.com") == [f"Your order {code}"]
        assert subjects(box, "anna@example.com") == [f"New order {code}"]
        (mail,) = box.to("ada@example.com")
        bought, sold = text_of(mail), text_of(box.to("anna@example.com")[0])
        url = f"https://shop.example/orders/{code}?secret={secret_of(engine.context(), order)}"
        assert url in bought
        assert "secret=" not in sold
        for text in (bought, text_of(mail, "html")):
            assert "€30.00" in text
            assert "€39.80" in text, "with the delivery of two parcels"
            assert "Ada Lovelace" in text
        assert "€20.00" in sold
        assert "€39.80" not in sold, "the other part isn't theirs"

        part = part_id(order, 0)
        seller = Viewer(
            role="SELLER", permissions=frozenset({"orders.sell"}), user="a", seller=anna
        )
        await did(
            engine,
            "orderFulfil",
            seller,
            sellerOrderId=part,
            carrier="DHL",
            trackingNumber="00340434161094042557",
        )
        payload = await did(engine, "orderCancel", STAFF, sellerOrderId=part_id(order, 1))
        assert payload["order"]["state"] != "CANCELLED"
        await delivered(engine)
        await delivered(engine)
        found = sorted(subjects(box, "ada@example.com"))
        assert found == sorted(
            [
                f"Your order {code}",
                f"Your order {code} is on its way",
                f"Your order {code}: something was cancelled",
                f"Money back for your order {code}",
            ]
        )
        by_subject = {str(mail["Subject"]): text_of(mail) for mail in box.to("ada@example.com")}
        assert "00340434161094042557" in by_subject[f"Your order {code} is on its way"]
        assert "2 \u00d7 " in by_subject[f"Your order {code} is on its way"]
        assert "€14.90" in by_subject[f"Your order {code}: something was cancelled"]
        assert "€14.90" in by_subject[f"Money back for your order {code}"]
        rows = str(await engine.storage.database["notifications"].find({}).to_list())
        assert "ada@example.com" not in rows
        assert secret_of(engine.context(), order) not in rows
        await queue_of(engine.context()).stop()


async def test_what_is_paid_later_and_comes_back_is_told_with_its_sums(
    engine_for: EngineFor,
) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        order = await placed(engine, 3, method="till:awaited", stock=10)
        code, key = order["code"], str(order["_id"])
        BOOKS[key].state, BOOKS[key].charged = "paid", BOOKS[key].wanted.amount
        await follow_payment(engine.context(), key)
        done = await did(engine, "orderFulfil", STAFF, sellerOrderId=part_id(order))
        parcel = done["sellerOrder"]["fulfilments"][0]["id"]
        await did(engine, "fulfilmentUpdate", STAFF, id=parcel, delivered=True)
        for answer in ("returnApprove", "returnRefuse"):
            asked = await did(
                engine,
                "orderReturnRequest",
                CARL,
                orderId=order_id(order),
                lines=units(order, 1),
                reason="Too small\r\nBcc: all@example.com" if answer == "x" else "Too small",
            )
            back = asked["returns"][0]["id"]
            said = {"reason": "It was worn"} if answer == "returnRefuse" else {"message": "To Ulm"}
            await did(engine, answer, STAFF, id=back, **said)
            if answer == "returnApprove":
                await did(engine, "returnReceive", STAFF, id=back)
        await delivered(engine)
        said_of = {str(mail["Subject"]): text_of(mail) for mail in box.to("ada@example.com")}
        assert set(said_of) == {
            f"Your order {code}",
            f"Your payment for the order {code} has arrived",
            f"Your order {code} is on its way",
            f"Your order {code} was delivered",
            f"Your return of the order {code}",
            f"Your return of the order {code} was approved",
            f"Your return of the order {code} was refused",
            f"Your return of the order {code} has arrived",
            f"Money back for your order {code}",
        }
        assert len(box.mails) == 10, "a return was asked for twice"
        assert "€34.90" in said_of[f"Your payment for the order {code} has arrived"]
        assert "3 \u00d7 Thing" in said_of[f"Your order {code} was delivered"]
        assert "1 \u00d7 Thing" in said_of[f"Your return of the order {code} was approved"]
        assert "To Ulm" in said_of[f"Your return of the order {code} was approved"]
        assert "It was worn" in said_of[f"Your return of the order {code} was refused"]
        assert "€10.00" in said_of[f"Money back for your order {code}"]
        await queue_of(engine.context()).stop()


async def test_a_seller_is_told_of_low_stock_and_of_payouts(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        anna = await seller_with_staff(engine)
        order = await placed(engine, 6, sellers=(anna,), stock=10)
        await did(engine, "orderFulfil", STAFF, sellerOrderId=part_id(order))
        await delivered(engine)
        sku = order["lines"][0]["sku"]
        mails = {str(mail["Subject"]): text_of(mail) for mail in box.to("anna@example.com")}
        assert set(mails) == {f"New order {order['code']}", "Little is left of Thing"}
        assert f"Of Thing ({sku}) there are 4 left." in mails["Little is left of Thing"]
        system = Context(engine, SYSTEM)
        past = {"$set": {"seller_orders.0.delivered_at": datetime.now(UTC)}}
        await engine.storage.database["orders"].update_one({"_id": order["_id"]}, past)
        await adjust(system, anna, Adjustment("41.50", "EUR", "x"), "k")
        (payout,) = (await pay(system, "may")).payouts
        await mark_paid(system, payout["_id"], "bank 17")
        await mark_paid(system, payout["_id"], "bank 17")
        await delivered(engine)
        paid = [mail for mail in box.to("anna@example.com") if "Payout" in mail["Subject"]]
        assert [str(mail["Subject"]) for mail in paid] == ["Payout of €41.50"]
        assert "bank 17" in text_of(paid[0])
        await queue_of(engine.context()).stop()


async def abandoned(engine: Engine, viewer: Viewer, email: str) -> str:
    """A cart that nobody touched for a day, and its key."""
    cart = await ready(engine, 2, viewer=viewer)
    await buyers.set_buyer(Context(engine, viewer), cart["_id"], {"email": email})
    past = datetime.now(UTC) - timedelta(hours=25)
    await carts(engine.context()).update_one({"_id": cart["_id"]}, {"$set": {"updated_at": past}})
    await tell_abandoned(engine.context())
    return str(cart["_id"])


async def test_whoever_does_not_want_reminders_says_so_with_one_click(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        http = client_for(engine).http
        guest = Viewer(guest="g1")
        await abandoned(engine, guest, "guest@example.com")
        await delivered(engine)
        (mail,) = box.to("guest@example.com")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = str(mail["List-Unsubscribe"]).strip("<>")
        path = re.sub(r"^http://[^/]+", "", link)
        assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in box.raw[0], "as it is, in one line"
        assert link in text_of(mail)
        assert "guest@example.com" not in link
        assert "https://shop.example/cart/" in text_of(mail)

        asked = await http.get(path)
        assert asked.status_code == 200
        assert "<form method" in asked.text
        await abandoned(engine, guest, "guest@example.com")
        await delivered(engine)
        assert len(box.to("guest@example.com")) == 2, "asking changes nothing"

        for forged in (path[:-1], path + "A", path.replace("unsubscribe/", "unsubscribe/A")):
            assert (await http.post(forged)).status_code == 404
        done = await http.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, "no such mails any more" in done.text) == (200, True)
        assert "default-src 'none'" in done.headers["content-security-policy"]
        await abandoned(engine, guest, "Guest@Example.com")
        await abandoned(engine, guest, "other@example.com")
        await delivered(engine)
        assert len(box.to("guest@example.com")) == 2
        assert len(box.mails) == 3, "others are reminded still"
        skipped = engine.storage.database["notifications"].find({"state": "SKIPPED"})
        assert len(await skipped.to_list()) == 1
        await queue_of(engine.context()).stop()


async def test_somebody_with_an_account_chooses_what_to_be_sent(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        cora = Viewer(role="CUSTOMER", user="cora")
        kind = "orders.cart_abandoned"
        (choice,) = (await told(engine, CHOICES, viewer=cora))["notificationChoices"]
        assert (choice["kind"], choice["isWanted"]) == (kind, True)
        chosen = await told(engine, CHOOSE, {"kind": kind, "wanted": False}, viewer=cora)
        assert chosen["notificationChoose"]["choices"] == [{"kind": kind, "isWanted": False}]
        await abandoned(engine, cora, "cora@example.com")
        await delivered(engine)
        assert box.mails == []
        await told(engine, CHOOSE, {"kind": kind, "wanted": True}, viewer=cora)
        await abandoned(engine, cora, "cora@example.com")
        await delivered(engine)
        assert len(box.mails) == 1
        link = str(box.mails[0]["List-Unsubscribe"]).strip("<>")
        await client_for(engine).http.post(re.sub(r"^http://[^/]+", "", link))
        (choice,) = (await told(engine, CHOICES, viewer=cora))["notificationChoices"]
        assert choice["isWanted"] is False, "the link of a mail to an account is the account's"
        needed = {"kind": "auth.verify_email", "wanted": False}
        refused = (await told(engine, CHOOSE, needed, viewer=cora))["notificationChoose"]
        assert refused["userErrors"] == [{"code": "INVALID", "field": ["input", "kind"]}]
        nobody = await answered(engine, CHOICES, viewer=Viewer())
        assert nobody["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        await queue_of(engine.context()).stop()


async def test_an_address_that_bounced_is_reminded_of_nothing(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        box.answers["gone@example.com"] = "550 5.1.1 nobody here"
        await tell(engine.context(), None, notice("gone@example.com"))
        await delivered(engine)
        box.answers.clear()
        await abandoned(engine, Viewer(guest="g2"), "gone@example.com")
        await delivered(engine)
        assert box.mails == []
        assert box.reached == ["gone@example.com"]
        await queue_of(engine.context()).stop()


async def test_staff_see_who_was_sent_what_and_send_it_again(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        box.answers["ada@example.com"] = "550 5.1.1 nobody here"
        for to in ("ada@example.com", "bob@example.com"):
            await tell(engine.context(), None, notice(to))
        await delivered(engine)
        found = (await told(engine, LIST, viewer=CLERK))["notifications"]
        assert found["totalCount"] == 2
        assert {(one["to"], one["state"]) for one in found["nodes"]} == {
            ("ada@example.com", "BOUNCED"),
            ("bob@example.com", "SENT"),
        }
        wanted = {"filter": {"state": "BOUNCED", "kind": "auth.password_changed"}}
        (bounced,) = (await told(engine, LIST, wanted, viewer=CLERK))["notifications"]["nodes"]
        assert bounced["error"].startswith("550 5.1.1")
        box.answers.clear()
        again = await told(engine, RETRY, {"id": bounced["id"]}, viewer=CLERK)
        assert again["notificationRetry"]["notification"] == {"state": "WAITING"}
        twice = await told(engine, RETRY, {"id": bounced["id"]}, viewer=CLERK)
        assert twice["notificationRetry"]["userErrors"][0]["code"] == "NOT_FOUND"
        await delivered(engine)
        assert len(box.to("ada@example.com")) == 1
        for document, values in ((LIST, {}), (RETRY, {"id": bounced["id"]})):
            for viewer in (ANNA, Viewer(role="CUSTOMER", user="c")):
                answer = await answered(engine, document, values, viewer=viewer)
                assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        await queue_of(engine.context()).stop()


async def test_erasing_an_account_erases_what_was_sent_to_it(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine, box = await shop_at(engine_for, server), server.box
        user = await registered(engine, "ada@example.com")
        key = str(user["_id"])
        await tell(
            engine.context(), None, Message("1", "auth.mfa_enabled", key, "ada@example.com", "en")
        )
        await delivered(engine)
        rows = engine.storage.database["notifications"]
        assert await rows.count_documents({"user": key}) == 1
        await engine.outbox.add(None, auth.user_erased, engine.context(), key)
        await delivered(engine)
        assert await rows.count_documents({}) == 0
        assert len(box.mails) == 1
        await queue_of(engine.context()).stop()


async def test_the_preview_shows_every_message_and_runs_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    http = client_for(engine).http
    page = await http.get("/notifications/preview")
    links = re.findall(r'href="([^"]+)"', page.text)
    assert len(links) == 64
    for link in links[:: len(links) // 8]:
        one = await http.get(link)
        assert one.status_code == 200
        assert "<iframe sandbox " in one.text
        framed = await http.get(f"{link}/html")
        policy = framed.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert policy.endswith("sandbox")
    assert (await http.get("/notifications/preview/auth.nothing/en")).status_code == 404
    assert (await http.get("/notifications/preview/auth.verify_email/xx")).status_code == 404


@pytest.mark.gate
def test_the_command_lists_shows_and_retries(mercat: Mercat) -> None:
    shown = mercat("notifications", "preview", "orders.placed", "--locale", "de")
    assert "Subject: Ihre Bestellung K7TX-3M9P" in shown.out
    assert "payouts.paid" in mercat("notifications", "preview").out
    assert mercat("notifications", "list", "--state", "DEAD").code == 0
    assert "0 messages are due" in mercat("notifications", "retry", "--all").out
    assert "no message abc was given up" in mercat("notifications", "retry", "abc").err
