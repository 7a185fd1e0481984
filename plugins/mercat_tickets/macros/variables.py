"""What macros fill in: `{{ticket.number}}` and the like, and nothing that runs."""

import re
from collections.abc import Mapping, Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat.support import TicketFact
from mercat_auth.roles.users import visible_users
from mercat_tickets.tickets.subjects import facts_of

NAMES = (
    "ticket.number",
    "ticket.subject",
    "requester.name",
    "requester.email",
    "agent.name",
    "shop.name",
    "about.label",
)
"""The variables that there are, besides `fact.<name>` of what a ticket is about."""

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z]+\.[A-Za-z]+)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


def check_variables(text: str, field: tuple[str, ...]) -> None:
    """Raise InvalidError for a variable that there isn't, and for braces that are none."""
    for name in _VARIABLE.findall(text):
        if name not in NAMES and not name.startswith("fact."):
            raise InvalidError(
                f"there is no variable {name}; there are {', '.join(NAMES)} and fact.<name>",
                field=field,
            )
    if _BRACES.search(_VARIABLE.sub("", text)):
        raise InvalidError("a variable is written {{ticket.number}}", field=field)


async def filled(context: Context, ticket: Record, text: str) -> str:
    """A macro's text for a ticket; what isn't known is left out."""
    wanted = set(_VARIABLE.findall(text))
    values = await _values(context, ticket, wanted)
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)


async def _values(context: Context, ticket: Record, wanted: set[str]) -> Mapping[str, str]:
    found = {
        "ticket.number": str(ticket["number"]),
        "ticket.subject": ticket["subject"],
        "shop.name": context.shop.name,
        "about.label": ", ".join(one["label"] for one in ticket["subjects"]),
    }
    if any(name.startswith("requester.") for name in wanted):
        found |= await _requester(context, ticket)
    if "agent.name" in wanted and context.viewer.user is not None:
        agent = await _user(context, context.viewer.user)
        found["agent.name"] = str((agent or {}).get("name") or "")
    if any(name.startswith("fact.") for name in wanted):
        facts = await facts_of(context, [one["id"] for one in ticket["subjects"]])
        found |= {f"fact.{one.name}": one.value for one in reversed(_of_letters(facts))}
    return found


async def _requester(context: Context, ticket: Record) -> dict[str, str]:
    if ticket["user"] is not None:
        user = await _user(context, ticket["user"]) or {}
        known = {name: user.get(name) for name in ("name", "email")}
    else:
        seal = encryption_of(context)
        known = {
            name: None if ticket[name] is None else await seal.unseal(ticket[name])
            for name in ("name", "email")
        }
    return {f"requester.{name}": str(value or "") for name, value in known.items()}


async def _user(context: Context, key: str) -> Record | None:
    """An account, as far as the viewer may see it."""
    if not ObjectId.is_valid(key):
        return None
    return (await visible_users(context, [ObjectId(key)])).get(ObjectId(key))


def _of_letters(facts: Sequence[TicketFact]) -> list[TicketFact]:
    return [one for one in facts if one.name.isalpha()]
