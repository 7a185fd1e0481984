"""Who was sent what, and what became of it, for the shop's staff."""

from dataclasses import dataclass
from typing import Any

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_notifications.delivering import queue_of
from mercat_notifications.documents import COUNTER
from mercat_notifications.permissions import MANAGE, VIEW
from mercat_notifications.taking import notifications

_KIND = "Notification"
RETRIED = ("DEAD", "BOUNCED")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages are looked for; all of it has to hold."""

    state: str | None = None
    kind: str | None = None

    @property
    def condition(self) -> dict[str, Any]:
        given = {"state": self.state, "kind": self.kind}
        return {name: value for name, value in given.items() if value is not None}


async def page(context: Context, wanted: Wanted, request: PageRequest) -> Page:
    """Messages, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, VIEW, Subject(_KIND))
    return await find_page(
        notifications(context),
        wanted.condition,
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count(context: Context, wanted: Wanted) -> int:
    """How many of them there are."""
    return await notifications(context).count_documents(wanted.condition)


async def address_of(context: Context, record: Record) -> str:
    """Where a message went."""
    return str(await encryption_of(context).unseal(record["to"]))


async def retry(context: Context, key: str) -> Record:
    """Have a message sent again that was given up; the same Message-ID goes with it.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError where no such message was given up.
    """
    await check_allowed(context, MANAGE, Subject(_KIND, key))
    if not await make_due(context, {"_id": key}):
        raise NotFoundError("no such message was given up", field=("notificationId",))
    found = await notifications(context).find_one({"_id": key})
    if found is None:
        raise NotFoundError("there is no such message", field=("notificationId",))
    return found


async def make_due(context: Context, which: dict[str, Any]) -> int:
    """Make messages due that were given up; how many."""
    changed = await notifications(context).update_many(
        {"state": {"$in": list(RETRIED)}, **which},
        {
            "$set": {
                "state": "WAITING",
                "due_at": stored_now(),
                "attempts": 0,
                "error": None,
                "settled_at": None,
            }
        },
    )
    if changed.modified_count:
        queue_of(context).wake()
    return changed.modified_count
