"""What people don't want to be sent; links with which they say so, signed and good for ever."""

import base64
import binascii
import contextlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError, UnauthenticatedError
from mercat.notifications import MessageKind
from mercat.storage import Record, is_written, stored_now
from mercat.storage.encryption import encryption_of
from mercat_notifications.documents import NotificationChoiceDocument
from mercat_notifications.kinds import kinds_of
from mercat_notifications.settings import NotificationSettings

PATH = "/notifications/unsubscribe"
_LONGEST_TOKEN = 500
_PURPOSE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether somebody wants messages of a kind."""

    kind: MessageKind
    is_wanted: bool


async def is_wanted(context: Context, record: Record) -> bool:
    """Whether a recipient wants a mail: neither the account nor the address says no."""
    who = _ids(record["user"], record["digest"])
    found = _choices(context).find({"_id": {"$in": who}}, {"refused": 1})
    return all([record["kind"] not in one["refused"] async for one in found])


async def choices(context: Context) -> list[Choice]:
    """What the viewer wants. Raises UnauthenticatedError."""
    found = await _choices(context).find_one({"_id": _own_id(context)})
    refused: Sequence[str] = () if found is None else found["refused"]
    return [Choice(kind, kind.name not in refused) for kind in kinds_of(context).optional]


async def choose(context: Context, kind: str, *, wanted: bool) -> None:
    """Say what the viewer wants. Raises UnauthenticatedError, InvalidError."""
    await _write(context, _own_id(context), _optional(context, kind).name, wanted=wanted)


async def unsubscribe(context: Context, token: str) -> MessageKind:
    """Send no messages of a kind any more to whom a link was sent. Raises InvalidError."""
    who, kind = read_token(context, token)
    await _write(context, who, kind.name, wanted=False)
    return kind


def read_token(context: Context, token: str) -> tuple[str, MessageKind]:
    """Who a link was sent to, and the kind. Raises InvalidError for what the shop didn't sign."""
    body, _, code = token[:_LONGEST_TOKEN].partition(".")
    if not hmac.compare_digest(_signature(context, body).encode(), code.encode(errors="replace")):
        raise InvalidError("this link isn't one of ours")
    try:
        who, kind = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        raise InvalidError("this link isn't one of ours") from None
    return str(who), _optional(context, str(kind))


def unsubscribe_url(context: Context, record: Record) -> str:
    """Where a recipient says that a mail of this kind isn't wanted."""
    who = _ids(record["user"], record["digest"])[0]
    text = json.dumps([who, record["kind"]], separators=(",", ":"))
    body = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    return f"{public_url(context)}{PATH}/{body}.{_signature(context, body)}"


def public_url(context: Context) -> str:
    """The engine's address; in development the one that it listens at."""
    given = context.settings(NotificationSettings).public_url
    server = context.engine.settings.server
    return given or f"http://{server.host}:{server.port}"


def _signature(context: Context, body: str) -> str:
    # The digest folds case, which base64 must not lose.
    return encryption_of(context).digest(f"{_PURPOSE} {body.encode(errors='replace').hex()}")


def _ids(user: str | None, digest: str) -> list[str]:
    """Of the account, where there is one, and of the address."""
    return [*([] if user is None else [f"user:{user}"]), f"address:{digest}"]


def _own_id(context: Context) -> str:
    if context.viewer.user is None:
        raise UnauthenticatedError
    return f"user:{context.viewer.user}"


def _optional(context: Context, name: str) -> MessageKind:
    """A kind that people may not want. Raises InvalidError."""
    found = next((kind for kind in kinds_of(context).optional if kind.name == name), None)
    if found is None:
        raise InvalidError("there is no such choice", field=("kind",))
    return found


async def _write(context: Context, who: str, kind: str, *, wanted: bool) -> None:
    said = {"$set": {"updated_at": stored_now()}}
    if wanted:
        await _choices(context).update_one({"_id": who}, {**said, "$pull": {"refused": kind}})
        return
    change = {**said, "$addToSet": {"refused": kind}}
    while True:
        with contextlib.suppress(DuplicateKeyError):
            if is_written(await _choices(context).update_one({"_id": who}, change, upsert=True)):
                return


def _choices(context: Context) -> Any:
    return context.storage.collection(NotificationChoiceDocument)
