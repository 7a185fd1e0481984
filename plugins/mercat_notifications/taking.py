"""Messages come out of the outbox: a recipient is written down once, however often it is told."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.emails import key_of
from mercat.notifications import Message, Recipient
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat.storage.pages import next_number
from mercat_notifications.documents import COUNTER, NotificationDocument
from mercat_notifications.kinds import kinds_of
from mercat_notifications.settings import NotificationSettings

_ID_CHARACTERS = 32


async def take(context: Context, message: Message) -> int:
    """Write down a mail for each recipient who has none yet; how many. Raises InvalidError."""
    kind = kinds_of(context).find(message.kind)
    count = 0
    for recipient in await kind.recipients(context, message):
        count += await _write_down(context, message, recipient)
    return count


async def forget_user(context: Context, user: str) -> None:
    """Forget where somebody was written to; what waits for them is sent to nobody any more."""
    await notifications(context).delete_many({"user": user})


async def forget_old(context: Context) -> None:
    """Forget what was settled long ago."""
    days = context.settings(NotificationSettings).keep_days
    old = stored_now() - timedelta(days=days)
    for state in ("SENT", "BOUNCED", "SKIPPED", "DEAD"):
        await notifications(context).delete_many({"state": state, "due_at": {"$lt": old}})


async def told_of(context: Context, user: str) -> Sequence[Record]:
    """What somebody was sent, for their own copy of what is stored."""
    found = notifications(context).find({"user": user}).sort("number", 1)
    return [
        {"kind": one["kind"], "state": one["state"], "created_at": one["created_at"].isoformat()}
        async for one in found
    ]


def digest_of(context: Context, address: str) -> str:
    """A keyed hash of an address: the same for the same mailbox."""
    return encryption_of(context).digest(f"mailbox {key_of(address) or address}")


def notifications(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(NotificationDocument)


async def _write_down(context: Context, message: Message, recipient: Recipient) -> bool:
    digest = digest_of(context, recipient.to)
    key = _id_of(message, digest)
    if await notifications(context).find_one({"_id": key}, {"_id": 1}) is not None:
        return False
    now = stored_now()
    record = {
        "_id": key,
        "number": await next_number(context.storage, COUNTER),
        "key": message.key,
        "kind": message.kind,
        "subject": message.subject,
        "locale": recipient.locale,
        "to": await encryption_of(context).seal(recipient.to),
        "digest": digest,
        "user": recipient.user,
        "state": "WAITING",
        "due_at": now,
        "attempts": 0,
        "owner": None,
        "error": None,
        "created_at": now,
        "settled_at": None,
    }
    try:
        await notifications(context).insert_one(record)
    except DuplicateKeyError:
        return False  # a twin was faster
    return True


def _id_of(message: Message, digest: str) -> str:
    """What the message and its recipient come to; it says nothing of either."""
    text = f"{message.kind}\n{message.key}\n{digest}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_ID_CHARACTERS]
