"""Adding to the audit log, and reading it."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.storage import Record, Session, storable
from mercat.storage.pages import Page, PageRequest, find_page
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.permissions import READ_AUDIT

_LOG = Subject("AuditLog")
_LONGEST_FACT = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; None asks for nothing."""

    user: str | None = None
    action: str | None = None
    kind: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def record(
    context: Context, within: Session | None, action: str, subject: Subject, **facts: str
) -> None:
    """Note what the context's viewer does, in the transaction of the deed where there is one.

    `action` is such as `user.password_changed`. No fact may be a secret, or say who somebody is.
    """
    viewer, credentials = context.viewer, context.credentials
    await _log(context).insert_one(
        {
            "number": _next_number(),
            "at": datetime.now(UTC),
            "role": viewer.role,
            "user": viewer.user,
            "address": credentials.address if credentials else None,
            "action": action,
            "kind": subject.kind,
            "key": subject.key,
            "facts": {name: storable(fact[:_LONGEST_FACT]) for name, fact in facts.items()},
        },
        session=within,
    )


async def page(context: Context, wanted: Wanted, request: PageRequest) -> Page:
    """A page of the log, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, READ_AUDIT, _LOG)
    return await find_page(
        _log(context), _condition(wanted), request, newest_first=True, highest=_next_number()
    )


async def count(context: Context, wanted: Wanted) -> int:
    """How many entries there are. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, READ_AUDIT, _LOG)
    found: int = await _log(context).count_documents(_condition(wanted))
    return found


def _condition(wanted: Wanted) -> Record:
    names = ("user", "action", "kind", "key")
    found: Record = {name: value for name in names if (value := getattr(wanted, name)) is not None}
    moments: Mapping[str, datetime | None] = {"$gte": wanted.since, "$lt": wanted.until}
    span = {operator: moment for operator, moment in moments.items() if moment is not None}
    return {**found, "at": span} if span else found


def _next_number() -> int:
    """The microseconds of now with two digits by chance behind them, so that no two are alike.

    A counter would have every transaction that is logged wait for every other.
    """
    return time.time_ns() // 1_000 * 100 + secrets.randbelow(100)


def _log(context: Context) -> Any:
    return context.storage.collection(AuditDocument)
