"""A shop with tickets, and how its people ask and answer."""

from typing import Any

from mercat.context import Viewer
from mercat.engine import Engine

from .asking import told

TOML = """
[plugins]
enabled = ["auth", "tickets"]
"""
TICKET = """id number subject state priority channel tags rating ratingComment version
  email name assignee { id } requester { id } sellerId mergedIntoId
  about { id kind label } firstRepliedAt solvedAt closedAt
  messages(first: 100) { totalCount nodes { number text author isInternal user { id } } }
  timeline(first: 100) { nodes { number kind author isInternal facts { name value } } }"""


def staff(user: str) -> Viewer:
    """One of the shop's staff who answers tickets."""
    allowed = frozenset({"tickets.manage", "auth.read_users"})
    return Viewer(role="SUPPORT", user=user, permissions=allowed)


async def asked(
    engine: Engine,
    mutation: str,
    viewer: Viewer,
    shown: str = f"ticket {{ {TICKET} }}",
    /,
    **given: Any,
) -> Any:
    """The answer of a mutation of tickets."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    text = f"""mutation ($input: {kind}!) {{
      {mutation}(input: $input) {{ {shown} userErrors {{ code field message }} }} }}"""
    return (await told(engine, text, {"input": given}, viewer=viewer))[mutation]


async def did(engine: Engine, mutation: str, viewer: Viewer, /, **given: Any) -> Any:
    """The ticket that a mutation gives, which refused nothing."""
    done = await asked(engine, mutation, viewer, **given)
    assert done["userErrors"] == []
    return done["ticket"]


async def refusal(
    engine: Engine, mutation: str, viewer: Viewer, /, **given: Any
) -> tuple[str, str]:
    """With which code, and in which words, a mutation refuses."""
    done = await asked(engine, mutation, viewer, "ticket { id }", **given)
    (error,) = done["userErrors"]
    assert done["ticket"] is None
    return error["code"], error["message"]


async def opened(engine: Engine, viewer: Viewer, **more: Any) -> Any:
    """A new ticket."""
    given = {"subject": "Where is my parcel?", "text": "It should have come on Monday.", **more}
    return await did(engine, "ticketOpen", viewer, **given)


async def shown(engine: Engine, viewer: Viewer, key: str, secret: str | None = None) -> Any:
    """A ticket as somebody sees it; None where they don't."""
    text = (
        f"query ($id: ID!, $secret: String) {{ ticket(id: $id, secret: $secret) {{ {TICKET} }} }}"
    )
    found = await told(engine, text, {"id": key, "secret": secret}, viewer=viewer)
    return found["ticket"]


async def listed(engine: Engine, viewer: Viewer, **wanted: Any) -> list[str]:
    """The numbers of the tickets that a filter finds."""
    text = """query ($filter: TicketFilter, $first: Int!) {
      tickets(filter: $filter, first: $first) { nodes { number } totalCount } }"""
    found = await told(engine, text, {"filter": wanted, "first": 100}, viewer=viewer)
    page = found["tickets"]
    assert page["totalCount"] == len(page["nodes"])
    return [one["number"] for one in page["nodes"]]
