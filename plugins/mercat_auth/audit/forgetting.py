"""What the log forgets: where deeds came from after a while, and who somebody was that is erased.

What was done, when, to what and by which opaque id stays for good.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.settings import AuthSettings

ERASED = "(erased)"
_AT_ONCE = 1_000
_HAS_ADDRESS = {"address": {"$gt": ""}}
_FORGET = {"$set": {"address": None}}


async def forget_person(context: Context, within: Session, user: Record) -> None:
    """Take addresses and names out of the entries by and about a user, in their erasure."""
    key = str(user["_id"])
    for mine in ({"user": key}, {"kind": "User", "key": key}):
        await _log(context).update_many({**mine, **_HAS_ADDRESS}, _FORGET, session=within)
        async for entry in _log(context).find({**mine, "facts": {"$ne": {}}}, session=within):
            facts = _without(entry["facts"], [user["email"], user["name"]])
            if facts != entry["facts"]:
                change = {"$set": {"facts": facts}}
                await _log(context).update_one({"_id": entry["_id"]}, change, session=within)


async def forget_addresses(context: Context) -> None:
    """Take the addresses out of entries that are older than the shop keeps them."""
    days = context.settings(AuthSettings).audit_addresses_days
    old = {"at": {"$lt": datetime.now(UTC) - timedelta(days=days)}, **_HAS_ADDRESS}
    while found := await _log(context).find(old, {"_id": 1}).limit(_AT_ONCE).to_list():
        keys = [each["_id"] for each in found]
        await _log(context).update_many({"_id": {"$in": keys}}, _FORGET)


def _without(facts: Mapping[str, str], words: list[str | None]) -> dict[str, str]:
    said = "|".join(re.escape(word) for word in words if word)
    if not said:
        return dict(facts)
    pattern = re.compile(rf"(?<!\w)(?:{said})(?!\w)", re.IGNORECASE)
    return {name: pattern.sub(ERASED, value) for name, value in facts.items()}


def _log(context: Context) -> Any:
    return context.storage.collection(AuditDocument)
