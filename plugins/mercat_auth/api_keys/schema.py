"""API keys as those who manage them see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry

from mercat.errors import AccessError
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
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_auth.api_keys import service
from mercat_auth.api_keys.texts import PREFIX
from mercat_auth.errors import AuthError, attempted

CURSOR = "apiKeys"


@strawberry.type(description="A key with which a program acts as a service account.")
class ApiKey(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: encode_id("ApiKey", key),
    )
    account: str = stored("account_name", "The name of its service account.")
    prefix: str = stored("_id", "How the key begins.", convert=lambda key: f"{PREFIX}{key}_")
    permissions: list[str] = stored("permissions", "What it allows.")
    created_at: datetime = stored("created_at", "When it was made.")
    expires_at: datetime = stored("expires_at", "Until when it is good.")
    used_at: datetime | None = stored("used_at", "When it was last used, to the minute.")
    ended_at: datetime | None = stored("ended_at", "When it was revoked.")
    made_by: strawberry.ID | None = stored(
        "made_by", "The id of the user who made it.", convert=lambda key: encode_id("User", key)
    )
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        try:
            found = await service.keys_by_id(info.context, keys)
        except AccessError:
            return [None for _ in keys]
        return [cls(record=found[key]) if key in found else None for key in keys]


@extend(Query)
class ApiKeyQuery:
    @strawberry.field(description="The API keys, the newest first; needs `auth.manage_keys`.")
    @staticmethod
    async def api_keys(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ApiKey]:
        context = info.context
        page = await service.key_page(context, page_request(CURSOR, first, after, last, before))

        async def count() -> int:
            return await service.count_keys(context)

        return connection(CURSOR, page, [ApiKey(record=one) for one in page.records], count)


@strawberry.input(description="An API key to be made.")
class ApiKeyCreateInput:
    account: str = strawberry.field(
        description="The name of its service account, which is made where there is none."
    )
    permissions: list[str] = strawberry.field(description="What it allows.")
    days: int = strawberry.field(default=90, description="How long it is good for: 1 to 365.")


@strawberry.input(description="An API key to be revoked.")
class ApiKeyRevokeInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="The outcome of `apiKeyCreate`.")
class ApiKeyCreatePayload:
    api_key: ApiKey | None = strawberry.field(description="The key; null where it failed.")
    secret: str | None = strawberry.field(
        description="The key itself, which is shown this once: send it as `Authorization: Bearer`."
    )
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `apiKeyRevoke`.")
class ApiKeyRevokePayload:
    api_key: ApiKey | None = strawberry.field(description="The key; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class ApiKeyMutation:
    @strawberry.field(
        description="Make an API key; needs `auth.manage_keys`, and each permission that it gets."
    )
    @staticmethod
    async def api_key_create(
        info: Info,
        input: Annotated[  # noqa: A002
            ApiKeyCreateInput, strawberry.argument(description="What to make.")
        ],
    ) -> ApiKeyCreatePayload:
        found, errors = await attempted(
            lambda: service.create_key(info.context, input.account, input.permissions, input.days)
        )
        made, text = found or (None, None)
        return ApiKeyCreatePayload(api_key=_shown(made), secret=text, user_errors=errors)

    @strawberry.field(
        description="End an API key, within a second everywhere; needs `auth.manage_keys`."
    )
    @staticmethod
    async def api_key_revoke(
        info: Info,
        input: Annotated[  # noqa: A002
            ApiKeyRevokeInput, strawberry.argument(description="Which key.")
        ],
    ) -> ApiKeyRevokePayload:
        ended, errors = await attempted(
            lambda: service.revoke_key(info.context, key_of(input.id, "ApiKey", ("id",)))
        )
        return ApiKeyRevokePayload(api_key=_shown(ended), user_errors=errors)


def _shown(record: Record | None) -> ApiKey | None:
    return None if record is None else ApiKey(record=record)
