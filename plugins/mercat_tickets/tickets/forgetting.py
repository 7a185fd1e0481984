"""What becomes of people's tickets when they sign in, want a copy, or erase their account."""

from typing import Any

from mercat.context import Context
from mercat.storage import Record, stored_now
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.changing import MESSAGES


async def take_over(context: Context, user: str, guest: str | None) -> None:
    """Make a guest's tickets those of the account that the guest has signed in to."""
    if guest is not None:
        nobodys = {"email": None, "name": None, "email_digest": "", "guest": None}
        await tickets(context).update_many({"guest": guest}, {"$set": {"user": user, **nobodys}})


async def erase(context: Context, user: str) -> None:
    """Remove what somebody wrote: that there was a ticket, and how it went, stays."""
    now = stored_now()
    async for found in tickets(context).find({"user": user}, {"_id": 1}):
        await entries(context).update_many(
            {"ticket": found["_id"], "kind": {"$in": list(MESSAGES)}},
            {"$set": {"text": "", "html": None}},
        )
        await entries(context).update_many(
            {"ticket": found["_id"], "user": user}, {"$set": {"user": None}}
        )
        await entries(context).update_many(
            {"ticket": found["_id"], "kind": {"$in": ["UPDATED", "RATED"]}}, {"$set": {"facts": {}}}
        )
        await tickets(context).update_one(
            {"_id": found["_id"]},
            {
                "$set": {
                    "subject": "",
                    "rating_comment": "",
                    "words": [],
                    "public_words": [],
                    "state": "CLOSED",
                    "closed_at": now,
                    "next_due": None,
                }
            },
        )


async def told_of(context: Context, user: str) -> list[dict[str, Any]]:
    """The tickets of somebody, for their own copy of what is stored."""
    found = tickets(context).find({"user": user}).sort("number", -1)
    return [await _told(context, ticket) async for ticket in found]


async def _told(context: Context, ticket: Record) -> dict[str, Any]:
    seen = {"ticket": ticket["_id"], "kind": {"$in": list(MESSAGES)}, "is_internal": False}
    written = entries(context).find(seen).sort("number", 1)
    return {
        "number": str(ticket["number"]),
        "opened_at": ticket["opened_at"].isoformat(),
        "state": ticket["state"],
        "subject": ticket["subject"],
        "rating": ticket["rating"],
        "messages": [
            {"at": one["at"].isoformat(), "author": one["author"], "text": one["text"]}
            async for one in written
        ],
    }
