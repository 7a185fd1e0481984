"""How quickly tickets are answered and solved: percentiles, by agent, by tag, and as a table."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from mercat.ids import decode_id, encode_id
from mercat.storage import stored_now
from mercat_tickets.reports.figures import durations
from mercat_tickets.tickets.access import tickets

from .asking import answered, told
from .conftest import ClientFor, EngineFor
from .identity import registered, signed_in, toml_of
from .ticketing import opened, staff

FIGURES = """opened solved breached ratings rating
  firstResponse { count p50 p90 } resolution { count p50 p90 }"""
REPORT = f"""query ($input: TicketReportInput!) {{ ticketReport(input: $input) {{
  backlog {{ state count }} total {{ {FIGURES} }}
  byAgent {{ user {{ id }} figures {{ {FIGURES} }} }}
  byTag {{ tag figures {{ {FIGURES} }} }} }} }}"""


@given(st.lists(st.integers(min_value=0, max_value=10**7), min_size=1))
def test_a_percentile_is_the_smallest_that_so_many_are_no_longer_than(seconds: list[int]) -> None:
    found = durations(seconds)
    assert found.count == len(seconds)
    for share, value in ((50, found.p50), (90, found.p90)):
        assert value in seconds
        within = [one for one in seconds if one <= value]
        before = [one for one in seconds if one < value]
        assert 100 * len(within) >= share * len(seconds)
        assert 100 * len(before) < share * len(seconds)


async def test_a_report_says_how_quickly_tickets_are_answered_and_solved(
    client_for: ClientFor, engine_for: EngineFor
) -> None:
    engine = await engine_for(toml_of("auth", "tickets"))
    user = await registered(engine, roles=["SUPPORT"])
    sam = staff(str(user["_id"]))
    now = stored_now()
    for number in range(10):
        ticket = await opened(
            engine, sam, email="x@guest.example", tags=["=odd", "all"][number % 2 :]
        )
        changed: dict[str, Any] = {"opened_at": now - timedelta(minutes=number + 1)}
        if number < 6:
            changed |= {"first_replied_at": now, "assignee": sam.user}
        if number < 4:
            changed |= {"solved_at": now, "state": "SOLVED", "rating": number + 1}
        key = ObjectId(decode_id(ticket["id"])[1])
        await tickets(engine.context()).update_one({"_id": key}, {"$set": changed})
    times = {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}
    found = (await told(engine, REPORT, {"input": times}, viewer=sam))["ticketReport"]
    assert {one["state"]: one["count"] for one in found["backlog"]} == {
        "OPEN": 6,
        "PENDING": 0,
        "ON_HOLD": 0,
    }
    total = found["total"]
    assert (total["opened"], total["solved"], total["rating"]) == (10, 4, 2.5)
    assert total["firstResponse"] == {"count": 6, "p50": 180, "p90": 360}
    assert total["resolution"] == {"count": 4, "p50": 120, "p90": 240}
    agents = {one["user"] and one["user"]["id"]: one["figures"] for one in found["byAgent"]}
    assert agents[encode_id("User", sam.user)]["opened"] == 6
    assert agents[None]["opened"] == 4
    assert [(one["tag"], one["figures"]["opened"]) for one in found["byTag"]] == [
        ("=odd", 5),
        ("all", 10),
    ]
    client = client_for(engine).http
    token = await signed_in(engine, user)
    asked = await client.get(
        "/reports/tickets.csv", params=times, headers={"Authorization": f"Bearer {token}"}
    )
    assert asked.status_code == 200, asked.text
    rows = list(csv.DictReader(io.StringIO(asked.text)))
    assert [row["key"] for row in rows if row["group"] == "tag"] == ["'=odd", "all"]
    (whole,) = [row for row in rows if row["group"] == "all"]
    assert (whole["opened"], whole["first_response_p90_seconds"]) == ("10", "360")
    assert (await client.get("/reports/tickets.csv", params=times)).status_code == 401
    assert (await client.get("/reports/tickets.csv", params={"from": "x"})).status_code == 400


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-01-01T00:00:00Z", "2027-06-01T00:00:00Z"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00", "2026-01-02T00:00:00Z"),
    ],
)
async def test_a_report_is_about_a_year_at_most(
    shared_engine_for: Any, begins: str, ends: str
) -> None:
    engine = await shared_engine_for(toml_of("auth", "tickets"))
    given_times = {"input": {"from": begins, "to": ends}}
    found = await answered(engine, REPORT, given_times, viewer=staff("64b0000000000000000000a1"))
    assert found["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
