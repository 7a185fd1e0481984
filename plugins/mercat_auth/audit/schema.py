"""The audit log as admins read it."""

from datetime import datetime
from typing import Annotated, TypeVar

import strawberry

from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import stored
from mercat.ids import decode_id, encode_id, key_of
from mercat.storage import Record
from mercat_auth.audit import service

CURSOR = "auditLog"

T = TypeVar("T")


@strawberry.type(description="One more thing that is known of a deed.")
class AuditFact:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="Its value; never a secret.")


def _to_facts(found: dict[str, str]) -> list[AuditFact]:
    return [AuditFact(name=name, value=value) for name, value in found.items()]


@strawberry.type(description="Something that somebody did.")
class AuditEntry:
    id: strawberry.ID = stored("_id", "Its key in the log.", convert=str)
    at: datetime = stored("at", "When it was done.")
    role: str = stored("role", "The role of who did it; `SYSTEM` for the shop itself.")
    user_id: strawberry.ID | None = stored(
        "user", "The id of the user who did it.", convert=lambda key: encode_id("User", key)
    )
    address: str | None = stored(
        "address",
        "The network address that it came from; forgotten after a while, and with whoever did it.",
    )
    action: str = stored("action", "What was done, such as `user.roles_set`.")
    kind: str = stored("kind", "What it was done to, such as `User`.")
    facts: list[AuditFact] = stored("facts", "What else is known.", convert=_to_facts)
    record: strawberry.Private[Record]

    @strawberry.field(description="The id of what it was done to, where it is one thing.")
    def subject_id(self) -> strawberry.ID | None:
        key = self.record.get("key")
        return None if key is None else strawberry.ID(encode_id(self.record["kind"], key))


@strawberry.input(description="Which deeds are looked for; all of it has to hold.")
class AuditFilter:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the user with this id."
    )
    action: str | None = strawberry.field(default=None, description="Those of this kind.")
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those done to the thing with this id."
    )
    since: datetime | None = strawberry.field(default=None, description="From this moment on.")
    until: datetime | None = strawberry.field(default=None, description="Before this moment.")


@extend(Query)
class AuditQuery:
    @strawberry.field(
        description="What was done in the shop, newest first; needs `auth.read_audit`."
    )
    @staticmethod
    async def audit_log(
        info: Info,
        filter: Annotated[  # noqa: A002
            AuditFilter | None, strawberry.argument(description="Which entries.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AuditEntry]:
        context, wanted = info.context, _wanted(filter)
        request = page_request(CURSOR, first, after, last, before)
        page = await service.page(context, wanted, request)

        async def count() -> int:
            return await service.count(context, wanted)

        return connection(CURSOR, page, [AuditEntry(record=one) for one in page.records], count)


def _wanted(given: AuditFilter | None) -> service.Wanted:
    if given is None:
        return service.Wanted()
    kind, key = (None, None) if given.subject_id is None else decode_id(given.subject_id)
    user = None if given.user_id is None else key_of(given.user_id, "User")
    return service.Wanted(
        user=user,
        action=given.action,
        kind=kind,
        key=key,
        since=given.since,
        until=given.until,
    )
