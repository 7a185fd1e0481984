"""What makes work with many tickets quick: macros, views, bulk changes, splitting."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id

from .asking import told
from .conftest import EngineFor
from .identity import registered
from .market import CARL
from .ticketing import TOML as SHOP
from .ticketing import asked, did, opened, refusal, shown, staff

MACRO = "macro { id name text isNote state priority team tags version }"


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(SHOP + '[shop]\nname = "Tea & Co"\n')


async def agent_of(engine: Engine, name: str = "Sam") -> Viewer:
    user = await registered(engine, roles=["SUPPORT"])
    users = engine.storage.database["users"]
    await users.update_one({"_id": user["_id"]}, {"$set": {"name": name}})
    return staff(str(user["_id"]))


async def test_a_macro_writes_with_what_is_known_and_changes_the_ticket(engine: Engine) -> None:
    sam = await agent_of(engine)
    text = "Dear {{requester.name}}, #{{ ticket.number }} at {{shop.name}} is done. {{agent.name}}"
    done = await asked(
        *(engine, "ticketMacroCreate", sam, MACRO),
        name="Done",
        text=text,
        state="SOLVED",
        priority="LOW",
        tags=["done"],
    )
    macro = done["macro"]
    email = {"email": "g@guest.example", "name": "Gerda {{x}} <b>"}
    ticket = await opened(engine, sam, tags=["old"], **email)
    applied = await did(
        *(engine, "ticketMacroApply", sam),
        id=ticket["id"],
        macroId=macro["id"],
        idempotencyKey="m",
    )
    again = await did(
        *(engine, "ticketMacroApply", sam),
        id=ticket["id"],
        macroId=macro["id"],
        idempotencyKey="m",
    )
    assert again["version"] == applied["version"]
    message = applied["messages"]["nodes"][-1]
    number = ticket["number"]
    assert message["text"] == f"Dear Gerda {{{{x}}}} <b>, #{number} at Tea & Co is done. Sam"
    assert (applied["state"], applied["priority"]) == ("SOLVED", "LOW")
    assert applied["tags"] == ["old", "done"]
    assert applied["firstRepliedAt"] is not None
    note = await asked(
        *(engine, "ticketMacroCreate", sam, MACRO), name="Look", text="Look at it", isNote=True
    )
    given = {"id": ticket["id"], "macroId": note["macro"]["id"]}
    noted = await did(engine, "ticketMacroApply", sam, **given)
    assert noted["messages"]["nodes"][-1]["isInternal"]
    assert noted["state"] == "SOLVED"


@pytest.mark.parametrize(
    ("given", "code", "problem"),
    [
        ({"text": "{{ticket.secret}}"}, "INVALID", "there is no variable ticket.secret"),
        ({"text": "{% for x in y %}{{ 7*7 }}"}, "INVALID", "a variable is written"),
        ({"text": ""}, "INVALID", "a macro has a text, or changes something"),
        ({"name": ""}, "INVALID", "this can't be empty"),
        ({"name": "Taken"}, "CONFLICT", "another one has this name"),
    ],
)
async def test_a_macro_is_what_it_must_be(
    engine: Engine, given: dict[str, Any], code: str, problem: str
) -> None:
    sam = await agent_of(engine)
    await asked(engine, "ticketMacroCreate", sam, MACRO, name="Taken", text="x")
    wanted = {"name": "New", "text": "x", **given}
    done = await asked(engine, "ticketMacroCreate", sam, MACRO, **wanted)
    (error,) = done["userErrors"]
    assert error["code"] == code
    assert error["message"].startswith(problem)


async def test_macros_are_changed_and_forgotten(engine: Engine) -> None:
    sam = await agent_of(engine)
    made = await asked(engine, "ticketMacroCreate", sam, MACRO, name="Old", text="x")
    key = made["macro"]["id"]
    done = await asked(
        engine, "ticketMacroUpdate", sam, MACRO, id=key, name="Renamed", state="ON_HOLD"
    )
    assert (done["macro"]["name"], done["macro"]["text"]) == ("Renamed", "x")
    listed = (await told(engine, "{ ticketMacros { name } }", viewer=sam))["ticketMacros"]
    assert "Renamed" in [one["name"] for one in listed]
    await asked(engine, "ticketMacroDelete", sam, MACRO, id=key)
    gone = await asked(engine, "ticketMacroDelete", sam, MACRO, id=key)
    assert gone["userErrors"][0]["code"] == "NOT_FOUND"
    ticket = await opened(engine, CARL)
    refused = await refusal(engine, "ticketMacroApply", sam, id=ticket["id"], macroId=key)
    assert refused == ("NOT_FOUND", "there is no such macro")


async def test_many_tickets_are_changed_at_once_and_each_by_itself(engine: Engine) -> None:
    sam = await agent_of(engine)
    one, two = await opened(engine, CARL), await opened(engine, CARL)
    await did(engine, "ticketUpdate", sam, id=one["id"], tags=["a", "b"])
    closed = await opened(engine, CARL)
    await did(engine, "ticketTransition", sam, id=closed["id"], state="CLOSED")
    missing = encode_id("Ticket", ObjectId())
    to = encode_id("User", sam.user)
    done = await asked(
        *(engine, "ticketBulkUpdate", sam),
        "results { ticket { number state tags assignee { id } team } userErrors { code } }",
        ids=[one["id"], closed["id"], missing, two["id"]],
        state="PENDING",
        assigneeId=to,
        team="Returns",
        addTags=["Bulk"],
        removeTags=["a"],
    )
    assert done["userErrors"] == []
    assert [each["userErrors"] for each in done["results"]] == [
        [],
        [{"code": "CLOSED"}],
        [{"code": "NOT_FOUND"}],
        [],
    ]
    first = done["results"][0]["ticket"]
    assert (first["state"], first["assignee"]["id"], first["team"]) == ("PENDING", to, "returns")
    assert first["tags"] == ["b", "bulk"]
    assert done["results"][3]["ticket"]["tags"] == ["bulk"]
    done = await asked(
        engine, "ticketBulkUpdate", sam, "results { ticket { id } }", ids=[one["id"]] * 101
    )
    assert done["userErrors"][0]["message"] == "name 1 to 100 tickets"


async def test_a_ticket_about_two_things_becomes_two(engine: Engine) -> None:
    sam = await agent_of(engine)
    ticket = await opened(engine, CARL, text="My parcel")
    await did(engine, "ticketReply", CARL, id=ticket["id"], text="And my refund")
    await did(engine, "ticketNoteAdd", sam, id=ticket["id"], text="SECRET")
    new = await did(
        engine, "ticketSplit", sam, id=ticket["id"], numbers=[2, 3], subject="The refund"
    )
    assert [one["text"] for one in new["messages"]["nodes"]] == ["And my refund", "SECRET"]
    assert (new["subject"], new["state"], new["version"]) == ("The refund", "OPEN", 2)
    seen = await shown(engine, CARL, new["id"])
    assert [(one["text"], one["author"]) for one in seen["messages"]["nodes"]] == [
        ("And my refund", "CUSTOMER")
    ]
    source = await shown(engine, sam, ticket["id"])
    assert source["timeline"]["nodes"][-1]["kind"] == "SPLIT"
    for numbers in ([], [99], [3]):
        given = {"id": ticket["id"], "numbers": numbers, "subject": "x"}
        assert (await refusal(engine, "ticketSplit", sam, **given))[0] == "INVALID"


async def test_views_are_kept_for_oneself_or_for_all(engine: Engine) -> None:
    sam, sue = await agent_of(engine), await agent_of(engine)
    ticket = await opened(engine, sam, email="x@guest.example", tags=["odd"], priority="URGENT")
    kept = "view { id name isShared }"
    wanted = {"tag": "odd", "priorities": ["URGENT"], "openedFrom": "2026-01-01T00:00:00Z"}
    for name, is_shared in (("Mine", False), ("Ours", True)):
        done = await asked(
            *(engine, "ticketViewSave", sam, kept), name=name, filter=wanted, isShared=is_shared
        )
        assert done["userErrors"] == []
    again = await asked(engine, "ticketViewSave", sam, kept, name="Mine", filter=wanted)
    assert again["userErrors"][0]["code"] == "CONFLICT"
    text = "{ ticketViews { id name tickets(first: 5) { nodes { number } totalCount } } }"
    of_sam = (await told(engine, text, viewer=sam))["ticketViews"]
    of_sue = (await told(engine, text, viewer=sue))["ticketViews"]
    assert [one["name"] for one in of_sam] == ["Mine", "Ours"]
    assert [one["name"] for one in of_sue] == ["Ours"]
    assert of_sue[0]["tickets"] == {"nodes": [{"number": ticket["number"]}], "totalCount": 1}
    mine = of_sam[0]["id"]
    refused = await asked(engine, "ticketViewDelete", sue, kept, id=mine)
    assert refused["userErrors"][0]["code"] == "NOT_FOUND"
    assert (await asked(engine, "ticketViewDelete", sam, kept, id=mine))["userErrors"] == []
