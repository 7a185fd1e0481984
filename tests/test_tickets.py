"""Tickets: who sees what, who may do what, and that nothing is done twice."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import SYSTEM, Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat.storage import stored_now
from mercat_auth.documents import UserDocument
from mercat_tickets.tickets import forgetting
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.closing import close_old

from .asking import answered
from .conftest import EngineFor
from .identity import registered
from .market import CARL, CORA, GUEST, NOBODY, OTHER_GUEST
from .ticketing import TICKET, TOML, asked, did, listed, opened, refusal, shown, staff

SAM, SUE = staff("64b0000000000000000000a1"), staff("64b0000000000000000000a2")


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    engine = await shared_engine_for(TOML)
    users = engine.storage.collection(UserDocument)
    for number, one in enumerate((SAM, SUE), 1):
        user = await registered(engine, email=f"agent{number}@shop.example")
        await users.update_one({"_id": user["_id"]}, {"$set": {"roles": ["SUPPORT"]}})
        copied = await users.find_one({"_id": user["_id"]})
        assert copied is not None
        await users.delete_one({"_id": user["_id"]})
        await users.insert_one({**copied, "_id": ObjectId(one.user)})
    return engine


def user_id(viewer: Viewer) -> str:
    return encode_id("User", viewer.user)


async def test_a_conversation_of_a_customer_and_the_shop(engine: Engine) -> None:
    ticket = await opened(engine, CARL)
    assert ticket["state"] == "OPEN"
    assert [one["kind"] for one in ticket["timeline"]["nodes"]] == ["OPENED"]
    answer = await did(engine, "ticketReply", SAM, id=ticket["id"], text="We look for it.")
    assert answer["state"] == "PENDING"
    assert answer["firstRepliedAt"] is not None
    await did(engine, "ticketNoteAdd", SAM, id=ticket["id"], text="The carrier lost it, I think.")
    again = await did(engine, "ticketReply", CARL, id=ticket["id"], text="And?")
    assert again["state"] == "OPEN"
    solved = await did(
        engine, "ticketReply", SAM, id=ticket["id"], text="It is there.", state="SOLVED"
    )
    assert solved["state"] == "SOLVED"
    texts = [one["text"] for one in solved["messages"]["nodes"]]
    assert texts == [
        "It should have come on Monday.",
        "We look for it.",
        "The carrier lost it, I think.",
        "And?",
        "It is there.",
    ]
    seen = await shown(engine, CARL, ticket["id"])
    assert "The carrier" not in str(seen)
    assert seen["messages"]["totalCount"] == 4
    assert [one["author"] for one in seen["messages"]["nodes"]] == [
        "CUSTOMER",
        "STAFF",
        "CUSTOMER",
        "STAFF",
    ]
    rated = await did(engine, "ticketRate", CARL, id=ticket["id"], rating=5, comment="Quick!")
    assert (rated["rating"], rated["ratingComment"]) == (5, "Quick!")


async def test_tickets_are_seen_by_whom_they_concern_alone(engine: Engine) -> None:
    ticket = await opened(engine, CARL)
    for stranger in (CORA, GUEST, NOBODY, Viewer(role="SELLER", user="x", seller="y")):
        assert await shown(engine, stranger, ticket["id"]) is None
        for name, given in (
            ("ticketReply", {"text": "Hello"}),
            ("ticketTransition", {"state": "SOLVED"}),
            ("ticketRate", {"rating": 1}),
        ):
            refused = await refusal(engine, name, stranger, id=ticket["id"], **given)
            assert refused == ("NOT_FOUND", "there is no such ticket")
    missing = encode_id("Ticket", ObjectId())
    refused = await refusal(engine, "ticketReply", CORA, id=missing, text="Hello")
    assert refused == ("NOT_FOUND", "there is no such ticket")
    assert ticket["number"] in await listed(engine, CARL)
    assert ticket["number"] not in await listed(engine, CORA)


async def test_staff_alone_notes_assigns_updates_and_merges(engine: Engine) -> None:
    ticket, other = await opened(engine, CARL), await opened(engine, CARL)
    for name, given in (
        ("ticketNoteAdd", {"id": ticket["id"], "text": "x"}),
        ("ticketAssign", {"id": ticket["id"], "assigneeId": user_id(SAM)}),
        ("ticketUpdate", {"id": ticket["id"], "priority": "HIGH"}),
        ("ticketMerge", {"sourceId": ticket["id"], "targetId": other["id"]}),
    ):
        kind = f"{name[0].upper()}{name[1:]}Input"
        text = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ ticket {{ id }} }} }}"
        found = await answered(engine, text, {"input": given}, viewer=CARL)
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_guest_has_a_ticket_by_its_secret(engine: Engine) -> None:
    given = {"subject": "Help", "text": "Please", "email": "Gus@Guest.example", "name": "Gus"}
    done = await asked(engine, "ticketOpen", NOBODY, f"secret ticket {{ {TICKET} }}", **given)
    key, secret = done["ticket"]["id"], done["secret"]
    assert len(secret) == 43
    assert (done["ticket"]["email"], done["ticket"]["name"]) == ("Gus@guest.example", "Gus")
    assert await shown(engine, NOBODY, key) is None
    assert await shown(engine, NOBODY, key, secret[:-1] + "~") is None
    assert (await shown(engine, NOBODY, key, secret))["number"] == done["ticket"]["number"]
    replied = await did(engine, "ticketReply", NOBODY, id=key, text="Hello?", secret=secret)
    assert len(replied["messages"]["nodes"]) == 2
    stored = await tickets(engine.context()).find_one({"_id": ObjectId(decode_id(key)[1])})
    assert "guest.example" not in str(stored)
    assert done["ticket"]["number"] in await listed(engine, SAM, email="gus@guest.example")
    refused = await refusal(engine, "ticketOpen", NOBODY, subject="a", text="b")
    assert refused == ("INVALID", "say to which address the answer goes")


async def test_a_guests_tickets_become_those_of_the_account_they_sign_in_to(
    engine: Engine,
) -> None:
    ticket = await opened(engine, GUEST, email="gina@guest.example")
    assert ticket["number"] in await listed(engine, GUEST)
    assert ticket["number"] not in await listed(engine, OTHER_GUEST)
    await forgetting.take_over(engine.context(), "gina", GUEST.guest)
    assert ticket["number"] in await listed(engine, Viewer(role="CUSTOMER", user="gina"))
    assert ticket["number"] not in await listed(engine, GUEST)


async def test_of_two_who_take_a_ticket_at_once_one_has_it(engine: Engine) -> None:
    for _ in range(5):
        ticket = await opened(engine, CARL)
        taken = await asyncio.gather(
            *(
                asked(
                    engine,
                    "ticketAssign",
                    one,
                    "ticket { assignee { id } }",
                    id=ticket["id"],
                    assigneeId=user_id(one),
                )
                for one in (SAM, SUE)
            )
        )
        (winner,) = [one["ticket"]["assignee"]["id"] for one in taken if one["ticket"]]
        (loser,) = [one["userErrors"][0]["code"] for one in taken if one["userErrors"]]
        assert loser == "TAKEN"
        found = await shown(engine, SAM, ticket["id"])
        assert found["assignee"]["id"] == winner
        assert (await shown(engine, CARL, ticket["id"]))["assignee"] is None
    other = SAM if winner == user_id(SUE) else SUE
    given = await did(
        engine, "ticketAssign", SAM, id=ticket["id"], assigneeId=user_id(other), fromId=winner
    )
    assert given["assignee"]["id"] == user_id(other)
    assert ticket["number"] in await listed(engine, SAM, assigneeId=user_id(other))
    refused = await refusal(engine, "ticketAssign", SAM, id=ticket["id"], assigneeId=user_id(CARL))
    assert refused == ("INVALID", "this account doesn't answer tickets")


async def test_states_change_as_they_may_and_nowhere_else(engine: Engine) -> None:
    ticket = await opened(engine, CARL)
    key = ticket["id"]
    refused = await refusal(engine, "ticketTransition", CARL, id=key, state="ON_HOLD")
    assert refused == ("TRANSITION", "a ticket that is OPEN can become SOLVED")
    refused = await refusal(engine, "ticketRate", CARL, id=key, rating=3)
    assert refused == ("INVALID", "rate the ticket once it is solved")
    for state in ("PENDING", "ON_HOLD", "SOLVED", "OPEN", "SOLVED", "CLOSED"):
        found = await did(engine, "ticketTransition", SAM, id=key, state=state)
        assert found["state"] == state
    for viewer in (CARL, SAM):
        refused = await refusal(engine, "ticketReply", viewer, id=key, text="Hello?")
        assert refused == ("CLOSED", "this ticket is closed; open another one")
        refused = await refusal(engine, "ticketTransition", viewer, id=key, state="OPEN")
        assert refused == ("CLOSED", "this ticket is closed; open another one")
    refused = await refusal(
        engine, "ticketUpdate", SAM, id=key, priority="HIGH", version=found["version"] - 1
    )
    assert refused[0] == "STALE"


async def test_a_reply_opens_a_solved_ticket_again_for_a_while(engine: Engine) -> None:
    ticket = await opened(engine, CARL)
    key = ObjectId(decode_id(ticket["id"])[1])
    await did(engine, "ticketTransition", SAM, id=ticket["id"], state="SOLVED")
    again = await did(engine, "ticketReply", CARL, id=ticket["id"], text="Not quite.")
    assert (again["state"], again["solvedAt"]) == ("OPEN", None)
    await did(engine, "ticketTransition", SAM, id=ticket["id"], state="SOLVED")
    long_ago = stored_now() - timedelta(days=15)
    await tickets(engine.context()).update_one({"_id": key}, {"$set": {"solved_at": long_ago}})
    refused = await refusal(engine, "ticketReply", CARL, id=ticket["id"], text="Hello?")
    assert refused[0] == "CLOSED"
    await close_old(engine.context(SYSTEM))
    found = await shown(engine, SAM, ticket["id"])
    assert found["state"] == "CLOSED"
    assert found["timeline"]["nodes"][-1]["author"] == "SYSTEM"


async def test_what_is_repeated_with_its_key_is_done_once(engine: Engine) -> None:
    first = await opened(engine, CARL, idempotencyKey="open-1")
    second = await opened(engine, CARL, idempotencyKey="open-1")
    assert first["id"] == second["id"]
    many = await asyncio.gather(
        *(
            did(engine, "ticketReply", CARL, id=first["id"], text="Hello?", idempotencyKey="r1")
            for _ in range(5)
        )
    )
    assert {len(one["messages"]["nodes"]) for one in many} == {2}
    refused = await refusal(
        engine, "ticketReply", CARL, id=first["id"], text="Other", idempotencyKey="r1"
    )
    assert refused[0] == "CONFLICT"


async def test_all_who_write_at_once_are_kept_in_one_order(engine: Engine) -> None:
    ticket = await opened(engine, CARL)
    texts = [f"Message {number}" for number in range(12)]
    await asyncio.gather(
        *(
            did(engine, "ticketReply", (CARL, SAM)[number % 2], id=ticket["id"], text=text)
            for number, text in enumerate(texts)
        )
    )
    found = await shown(engine, SAM, ticket["id"])
    assert sorted(one["text"] for one in found["messages"]["nodes"][1:]) == sorted(texts)
    numbers = [one["number"] for one in found["timeline"]["nodes"]]
    assert numbers == list(range(1, found["version"] + 1))


async def test_two_tickets_of_a_person_become_one(engine: Engine) -> None:
    one = await opened(engine, CARL, text="The first")
    two = await opened(engine, CARL, text="The second")
    await did(engine, "ticketNoteAdd", SAM, id=one["id"], text="A note")
    merged = await did(engine, "ticketMerge", SAM, sourceId=one["id"], targetId=two["id"])
    texts = [entry["text"] for entry in merged["messages"]["nodes"]]
    assert texts == ["The second", "The first", "A note"]
    assert [entry["author"] for entry in merged["messages"]["nodes"]][1:] == ["CUSTOMER", "STAFF"]
    gone = await shown(engine, CARL, one["id"])
    assert (gone["state"], gone["mergedIntoId"]) == ("CLOSED", two["id"])
    assert "A note" not in str(await shown(engine, CARL, two["id"]))
    other = await opened(engine, CORA)
    refused = await refusal(engine, "ticketMerge", SAM, sourceId=other["id"], targetId=two["id"])
    assert refused == ("INVALID", "tickets of two people can't be one")
    refused = await refusal(engine, "ticketMerge", SAM, sourceId=two["id"], targetId=two["id"])
    assert refused == ("INVALID", "a ticket isn't merged with itself")


async def test_tickets_are_found_by_what_they_are(engine: Engine) -> None:
    ada = Viewer(role="CUSTOMER", user="64b0000000000000000000b1")
    given = {"requesterId": user_id(SUE), "channel": "PHONE", "priority": "URGENT"}
    one = await opened(engine, SAM, subject="Zaubertrank verschüttet", tags=["Magic"], **given)
    two = await opened(engine, ada, subject="Another", text="About a ZAUBERTRANK as well")
    assert (one["requester"]["id"], one["channel"]) == (user_id(SUE), "PHONE")
    number = one["number"]
    for wanted in (
        {"search": "verschuttet zaubertrank"},
        {"search": f"#{number} Zaubertrank"},
        {"tag": "magic"},
        {"requesterId": user_id(SUE), "priorities": ["URGENT"]},
        {"channel": "PHONE", "states": ["OPEN", "PENDING"]},
        {"search": "zaubertrank", "unassigned": True, "priorities": ["URGENT"]},
    ):
        assert await listed(engine, SAM, **wanted) == [number]
    assert await listed(engine, SAM, search="zaubertrank") == [two["number"], number]
    assert await listed(engine, SAM, search="zaubertrank", states=["CLOSED"]) == []
    assert await listed(engine, ada, search="zaubertrank") == [two["number"]]
    await did(engine, "ticketNoteAdd", SAM, id=two["id"], text="Surely a swindler")
    assert await listed(engine, SAM, search="swindler") == [two["number"]]
    assert await listed(engine, ada, search="swindler") == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"subject": ""}, "this can't be empty"),
        ({"subject": "a\nb"}, "this has characters that can't be stored"),
        ({"subject": "x" * 201}, "this has at most 200 characters"),
        ({"text": "\u202e\0 "}, "this can't be empty"),
        ({"text": "x" * 5_000_000}, "this has at most 20000 characters"),
        ({"about": ["VGlja2V0OjE"]}, "there is nothing with one of these ids"),
        ({"about": ["?"]}, "there is nothing with one of these ids"),
        ({"about": [str(number) for number in range(11)]}, "a ticket is about 10 things at most"),
        ({"priority": "URGENT"}, "only the shop's staff says this"),
        ({"tags": ["vip"]}, "only the shop's staff says this"),
        ({"email": "x@y.example"}, "answers go to your account's address"),
    ],
)
async def test_what_is_no_ticket_is_refused_in_words(
    engine: Engine, given: dict[str, Any], problem: str
) -> None:
    wanted = {"subject": "Help", "text": "Please", **given}
    assert (await refusal(engine, "ticketOpen", CARL, **wanted))[1] == problem


async def test_script_in_a_message_stays_the_text_that_it_is(engine: Engine) -> None:
    text = "<script>alert(1)</script>\r\n<img src=x onerror=alert(2)>"
    ticket = await opened(engine, CARL, text=text)
    assert ticket["messages"]["nodes"][0]["text"] == text.replace("\r\n", "\n")


async def test_a_guest_who_opens_many_tickets_has_to_wait(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML + "[plugins.tickets]\nguest_tickets = 2\n")
    someone = Viewer(guest="flooder")
    found: dict[str, Any] = {}
    for _ in range(3):
        text = """mutation { ticketOpen(input: {subject: "a", text: "b", email: "v@v.example"}) {
          ticket { id } } }"""
        found = await answered(engine, text, viewer=someone)
        if "errors" in found:
            break
    assert found["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert "many tickets" in found["errors"][0]["message"]


async def test_what_somebody_wrote_is_gone_with_their_account(engine: Engine) -> None:
    erna = Viewer(role="CUSTOMER", user="64b0000000000000000000c1")
    ticket = await opened(engine, erna, subject="Secretly", text="My secret")
    await did(engine, "ticketReply", SAM, id=ticket["id"], text="Dear Erna")
    copied = await forgetting.told_of(engine.context(), str(erna.user))
    assert [one["text"] for one in copied[0]["messages"]] == ["My secret", "Dear Erna"]
    await forgetting.erase(engine.context(), str(erna.user))
    key = ObjectId(decode_id(ticket["id"])[1])
    left = [await tickets(engine.context()).find_one({"_id": key})]
    left += await entries(engine.context()).find({"ticket": key}).to_list()
    for word in ("secret", "Secretly", "Erna"):
        assert word not in str(left)
    assert (await shown(engine, SAM, ticket["id"]))["state"] == "CLOSED"
