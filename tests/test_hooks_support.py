"""The hooks of support: each is called, and its answer has effect."""

from collections.abc import Sequence

import pytest

from mercat.context import Context, Viewer
from mercat.ids import encode_id
from mercat.support import TicketFact, TicketSubject, keys_of

from .asking import answered
from .conftest import EngineFor, until
from .market import CARL
from .test_hooks import Plugins
from .ticketing import did, opened, refusal, staff

SAM = staff("64b0000000000000000000a1")


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


async def test_hook_ticket_subjects(plugins: Plugins, engine_for: EngineFor) -> None:
    async def ticket_subjects(context: Context, ids: Sequence[str]) -> list[TicketSubject]:
        if context.viewer != CARL:
            return []
        return [
            TicketSubject(encode_id("Boat", key), "Boat", f"Boat {key}", "seller-1")
            for key in keys_of(ids, "Boat")
        ]

    plugins.add("boats", ticket_subjects=ticket_subjects)
    engine = await engine_for(plugins.toml("auth", "tickets"))
    ticket = await opened(engine, CARL, about=[encode_id("Boat", "7")])
    assert [(one["kind"], one["label"]) for one in ticket["about"]] == [("Boat", "Boat 7")]
    assert ticket["sellerId"] == encode_id("Seller", "seller-1")
    other = Viewer(role="CUSTOMER", user="cora")
    wanted = {"subject": "x", "text": "y", "about": [encode_id("Boat", "7")]}
    assert (await refusal(engine, "ticketOpen", other, **wanted))[0] == "NOT_FOUND"


async def test_hook_ticket_facts(plugins: Plugins, engine_for: EngineFor) -> None:
    async def ticket_subjects(ids: Sequence[str]) -> list[TicketSubject]:
        return [TicketSubject(one, "Boat", "Boat 7") for one in ids]

    async def ticket_facts(context: Context, ids: Sequence[str]) -> list[TicketFact]:
        return [TicketFact(one, "berth", context.viewer.role) for one in ids]

    plugins.add("boats", ticket_subjects=ticket_subjects, ticket_facts=ticket_facts)
    engine = await engine_for(plugins.toml("auth", "tickets"))
    ticket = await opened(engine, CARL, about=[encode_id("Boat", "7")])
    text = f'{{ ticket(id: "{ticket["id"]}") {{ facts {{ subjectId name value }} }} }}'
    for viewer in (CARL, SAM):
        found = (await answered(engine, text, viewer=viewer))["data"]["ticket"]["facts"]
        assert found == [
            {"subjectId": encode_id("Boat", "7"), "name": "berth", "value": viewer.role}
        ]


async def test_hook_ticket_opened(plugins: Plugins, engine_for: EngineFor) -> None:
    await _is_told(plugins, engine_for, "ticket_opened")


async def test_hook_ticket_replied(plugins: Plugins, engine_for: EngineFor) -> None:
    await _is_told(plugins, engine_for, "ticket_replied")


async def test_hook_ticket_closed(plugins: Plugins, engine_for: EngineFor) -> None:
    await _is_told(plugins, engine_for, "ticket_closed")


async def _is_told(plugins: Plugins, engine_for: EngineFor, hook: str) -> None:
    heard: list[str] = []

    async def hears_of(ticket_id: str) -> None:
        heard.append(ticket_id)

    plugins.add("watch", manifest=None, **{hook: hears_of})
    engine = await engine_for(plugins.toml("auth", "tickets"), work=True)
    ticket = await opened(engine, CARL)
    if hook != "ticket_opened":
        await did(engine, "ticketNoteAdd", SAM, id=ticket["id"], text="Nobody hears of it")
        assert heard == []
        await did(engine, "ticketReply", SAM, id=ticket["id"], text="Hello", state="SOLVED")
        await did(engine, "ticketTransition", SAM, id=ticket["id"], state="CLOSED")

    async def is_heard() -> bool:
        return bool(heard)

    await until(is_heard)
    assert [encode_id("Ticket", key) for key in heard] == [ticket["id"]]
