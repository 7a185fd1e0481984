"""Finding tickets. One that the viewer may not see answers like one that isn't there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.emails import key_of
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_auth.documents import UserDocument
from mercat_tickets.permissions import MANAGE, SELL
from mercat_tickets.tickets.access import entries, opens, tickets
from mercat_tickets.tickets.changing import MESSAGES
from mercat_tickets.tickets.documents import COUNTER
from mercat_tickets.tickets.opening import digest_of
from mercat_tickets.tickets.sight import Sight, is_staff, sight_of
from mercat_tickets.tickets.words import words_of

_NOBODYS: Record = {"_id": "nobody's"}
_MOST = 2**53
_LONGEST_SEARCH = 200
_SHOWN = {"words": 0, "public_words": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets are looked for; None asks for nothing. Most of it is for the shop's staff."""

    states: Sequence[str] | None = None
    priorities: Sequence[str] | None = None
    assignee: str | None = None
    unassigned: bool = False
    team: str | None = None
    tag: str | None = None
    requester: str | None = None
    email: str | None = None
    about: str | None = None
    seller: str | None = None
    channel: str | None = None
    search: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """`indexed` are equalities, of which no ticket meets two; `rest` is what no index is for."""

    indexed: Sequence[Record]
    rest: Record

    @property
    def whole(self) -> Record:
        return {"$and": [{"$or": list(self.indexed)}, self.rest]}


async def find_ticket(
    context: Context,
    *,
    key: ObjectId | None = None,
    number: str | None = None,
    secret: str | None = None,
) -> tuple[Record, Sight] | None:
    """A ticket that the viewer may see, or whose secret this is, and as what.

    Where there is none the secret is looked at all the same, so that it takes the time that a wrong
    one does.
    """
    condition = {"_id": key} if number is None else {"number": _number(number)}
    ticket: Record | None = await tickets(context).find_one(condition)
    if ticket is None:
        opens(context, _NOBODYS, secret)
        return None
    sight = await sight_of(context, ticket, secret)
    return None if sight is None else (ticket, sight)


async def tickets_by_key(context: Context, keys: Sequence[str]) -> dict[str, tuple[Record, Sight]]:
    """Those of the tickets that the viewer may see."""
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found: dict[str, tuple[Record, Sight]] = {}
    async for ticket in tickets(context).find({"_id": {"$in": wanted}}):
        sight = await sight_of(context, ticket)
        if sight is not None:
            found[str(ticket["_id"])] = ticket, sight
    return found


async def ticket_page(
    context: Context, wanted: Wanted, request: PageRequest, *, newest_first: bool
) -> Page:
    """A page of the viewer's own tickets, of a seller's for its staff, of all for the shop's.

    Raises UnauthenticatedError for nobody, and ForbiddenError for what only others look for.
    """
    condition = await condition_of(context, wanted)
    return await find_page(
        tickets(context),
        condition.indexed,
        request,
        newest_first=newest_first,
        highest=await known_highest(context.storage, COUNTER),
        projection=_SHOWN,
        rest=condition.rest,
    )


async def count_tickets(context: Context, wanted: Wanted) -> int:
    """How many they are. Raises as `ticket_page` does."""
    condition = await condition_of(context, wanted)
    found: int = await tickets(context).count_documents(condition.whole)
    return found


async def entry_page(
    context: Context, ticket: Record, sight: Sight, request: PageRequest, *, messages: bool
) -> Page:
    """A page of a ticket's history, or of what is written in it, from the start."""
    return await find_page(
        entries(context),
        {"ticket": ticket["_id"]},
        request,
        newest_first=False,
        highest=ticket["version"],
        rest=_seen(sight, messages=messages),
    )


async def count_entries(context: Context, ticket: Record, sight: Sight, *, messages: bool) -> int:
    condition = {"ticket": ticket["_id"], **_seen(sight, messages=messages)}
    found: int = await entries(context).count_documents(condition)
    return found


async def condition_of(context: Context, wanted: Wanted) -> Condition:
    """What is asked first is what an index finds the fewest by."""
    if await is_staff(context):
        return await _for_staff(context, wanted)
    viewer = context.viewer
    _check_asks_as_everybody(wanted)
    if wanted.seller is not None:
        await check_allowed(context, SELL, Subject("Ticket", seller=viewer.seller))
        if wanted.seller != viewer.seller:
            await check_allowed(context, MANAGE, Subject("Ticket"))
        owned: Record = {"seller": wanted.seller}
    elif viewer.user is not None:
        owned = {"user": viewer.user}
    elif viewer.guest is not None:
        owned = {"guest": viewer.guest}
    else:
        await check_allowed(context, MANAGE, Subject("Ticket"))
        owned = {"user": viewer.user}
    words = _words(wanted)
    found = {"public_words": {"$all": words}} if words else {}
    return Condition([owned], {**_narrowed(wanted), **_stated(wanted), **found})


async def _for_staff(context: Context, wanted: Wanted) -> Condition:
    words = sorted(_words(wanted), key=len)
    given: list[tuple[str, str | None]] = [("words", words.pop() if words else None)]
    given += [("subjects.id", wanted.about), ("user", wanted.requester), ("tags", wanted.tag)]
    assigned: list[Record] = []
    if wanted.unassigned:
        assigned.append({"assignee": None})
    elif wanted.assignee is not None:
        assigned.append({"assignee": wanted.assignee})
    if wanted.team is not None:
        assigned.append({"team": wanted.team})
    found: list[Record] = [{name: value} for name, value in given if value is not None]
    found += assigned
    if wanted.seller is not None:
        found.append({"seller": wanted.seller})
    rest = [_narrowed(wanted), {"words": {"$all": words}} if words else {}]
    if wanted.email is not None:
        rest += found
        return Condition(await _of_email(context, wanted.email), _all(*rest, _stated(wanted)))
    first = found.pop(0) if found else {}
    if wanted.states and first.keys() <= {"assignee", "team"}:
        indexed = [{**first, "state": state} for state in dict.fromkeys(wanted.states)]
        return Condition(indexed, _all(*rest, *found))
    return Condition([first], _all(*rest, *found, _stated(wanted)))


async def _of_email(context: Context, email: str) -> list[Record]:
    """Whose tickets those of an address are: of an account, and of guests."""
    key = key_of(email)
    if key is None:
        raise InvalidError("this is no e-mail address", field=("filter", "email"))
    users = context.storage.collection(UserDocument)
    user = await users.find_one({"email_key": key}, {"_id": 1})
    found: list[Record] = [{"email_digest": digest_of(context, email)}]
    return found if user is None else [*found, {"user": str(user["_id"])}]


def matches(wanted: Wanted, ticket: Record, *, by_staff: bool) -> bool:
    """Whether a stored ticket is looked for, by all but an address; as `ticket_page` has it."""
    words = set(_words(wanted))
    known = ticket["words" if by_staff else "public_words"]
    return all(
        (
            not wanted.states or ticket["state"] in wanted.states,
            not wanted.priorities or ticket["priority"] in wanted.priorities,
            not wanted.unassigned or ticket["assignee"] is None,
            words <= set(known),
            wanted.about is None or wanted.about in {one["id"] for one in ticket["subjects"]},
            wanted.tag is None or wanted.tag in ticket["tags"],
            wanted.opened_from is None or ticket["opened_at"] >= wanted.opened_from,
            wanted.opened_to is None or ticket["opened_at"] < wanted.opened_to,
            *(
                value is None or ticket[name] == value
                for name, value in (
                    ("assignee", None if wanted.unassigned else wanted.assignee),
                    ("team", wanted.team),
                    ("user", wanted.requester),
                    ("seller", wanted.seller),
                    ("channel", wanted.channel),
                )
            ),
        )
    )


def _check_asks_as_everybody(wanted: Wanted) -> None:
    """Raise InvalidError for what only the shop's staff looks for."""
    for name, given in (
        ("assigneeId", wanted.assignee),
        ("unassigned", wanted.unassigned),
        ("team", wanted.team),
        ("tag", wanted.tag),
        ("requesterId", wanted.requester),
        ("email", wanted.email),
        ("priorities", wanted.priorities),
    ):
        if given:
            raise InvalidError("only the shop's staff looks for this", field=("filter", name))


def _narrowed(wanted: Wanted) -> Record:
    """What no index is for."""
    found: dict[str, Any] = {}
    if wanted.priorities:
        found["priority"] = {"$in": list(wanted.priorities)}
    if wanted.channel is not None:
        found["channel"] = wanted.channel
    opened = {"$gte": wanted.opened_from, "$lt": wanted.opened_to}
    if given := {name: moment for name, moment in opened.items() if moment is not None}:
        found["opened_at"] = given
    return found


def _stated(wanted: Wanted) -> Record:
    return {"state": {"$in": list(wanted.states)}} if wanted.states else {}


def _words(wanted: Wanted) -> list[str]:
    if wanted.search is None:
        return []
    if len(wanted.search) > _LONGEST_SEARCH:
        raise InvalidError(
            f"a search has at most {_LONGEST_SEARCH} characters", field=("filter", "search")
        )
    found = words_of(wanted.search)
    if not found:
        raise InvalidError("there is no word in this", field=("filter", "search"))
    return found


def _all(*conditions: Record) -> Record:
    given = [one for one in conditions if one]
    if len(given) > 1:
        return {"$and": given}
    return given[0] if given else {}


def _seen(sight: Sight, *, messages: bool) -> Record:
    found: Record = {"kind": {"$in": list(MESSAGES)}} if messages else {}
    return found if sight.is_staff else {**found, "is_internal": False}


def _number(given: str) -> int:
    """A number as it is stored; 0 for what is none."""
    text = given.strip().removeprefix("#")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) < 18 else 0  # noqa: PLR2004
