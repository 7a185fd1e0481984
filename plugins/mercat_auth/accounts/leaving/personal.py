"""What this plugin stores about somebody, without what proves who they are."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.accounts.service import user_by_id
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.documents import SessionDocument

_MOST_SESSIONS = 1_000
_MOST_DEEDS = 10_000
_PLAIN = ("email", "external_id", "name", "locale", "roles", "seller", "state")
_TIMES = ("created_at", "updated_at", "email_verified_at", "password_changed_at", "signed_in_at")
_SESSION = ("device", "address", "methods", "created_at", "used_at", "expires_at", "ended_at")
_DEED = ("at", "action", "kind", "key", "address", "facts")
_PASSKEY = ("name", "created_at", "used_at")


async def data_of(context: Context, user_id: str) -> Mapping[str, Any] | None:
    """All of it, as values that JSON has or that pydantic writes as such."""
    user = await user_by_id(context, user_id)
    if user is None:
        return None
    return {
        "account": {name: user.get(name) for name in (*_PLAIN, *_TIMES)},
        "addresses": [{**each, "id": str(each["id"])} for each in user["addresses"]],
        "identities": [
            {name: each[name] for name in ("provider", "email", "linked_at")}
            for each in user["identities"]
        ],
        "passkeys": [{name: each.get(name) for name in _PASSKEY} for each in user["passkeys"]],
        "has_password": user["password"] is not None,
        "has_codes_by_time": bool((user["mfa"] or {}).get("totp")),
        "sessions": await _sessions(context, user["_id"]),
        "deeds": await _deeds(context, user_id),
    }


async def _sessions(context: Context, user: ObjectId) -> list[Record]:
    stored = context.storage.collection(SessionDocument)
    cursor = stored.find({"user": user}).sort("created_at", -1).limit(_MOST_SESSIONS)
    return [{name: each.get(name) for name in _SESSION} async for each in cursor]


async def _deeds(context: Context, user_id: str) -> list[Record]:
    """What the audit log has of them, the newest first."""
    stored = context.storage.collection(AuditDocument)
    cursor = stored.find({"user": user_id}).sort("number", -1).limit(_MOST_DEEDS)
    return [{name: each.get(name) for name in _DEED} async for each in cursor]
