"""How outgoing webhooks look to who looks after them."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

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
from mercat.graphql.records import stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_webhooks import endpoints, replaying

ENDPOINT = "WebhookEndpoint"
DELIVERY = "WebhookDelivery"


@strawberry.enum(description="What became of an event for an endpoint.")
class WebhookDeliveryState(Enum):
    WAITING = strawberry.enum_value("WAITING", description="It is sent, or sent again, later.")
    DELIVERED = strawberry.enum_value("DELIVERED", description="The endpoint took it.")
    DEAD = strawberry.enum_value("DEAD", description="It was given up after three days.")


@strawberry.type(description="A kind of event that endpoints are told of.")
class WebhookEventType:
    name: str = strawberry.field(description="What it is called, such as `order.placed`.")
    description: str = strawberry.field(description="When it is told.")


@strawberry.type(description="One time that an event was sent.")
class WebhookAttempt:
    at: datetime = strawberry.field(description="When.")
    status: int | None = strawberry.field(description="HTTP's, where an answer came.")
    error: str | None = strawberry.field(description="Why none came.")
    body: str = strawberry.field(description="The beginning of the answer, 1,000 bytes at most.")
    milliseconds: int = strawberry.field(description="How long it took.")


@strawberry.type(description="An event for an endpoint, and what became of it.")
class WebhookDelivery(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(DELIVERY, key)),
    )
    message_id: str = stored("message", "The header `webhook-id`: the same each time it is sent.")
    event_type: str = stored("type", "What happened, such as `order.placed`.")
    payload: str = stored("body", "What is sent, as JSON.")
    state: WebhookDeliveryState = stored("state", "Where it stands.", convert=WebhookDeliveryState)
    due_at: datetime = stored("due_at", "When it is sent next, while it waits.")
    created_at: datetime = stored("created_at", "When it was told of.")
    settled_at: datetime | None = stored("settled_at", "When it was taken, or given up.")
    record: strawberry.Private[Record]

    @strawberry.field(description="The last times that it was sent, the oldest first; up to 20.")
    def attempts(self) -> list[WebhookAttempt]:
        return [
            WebhookAttempt(
                at=one["at"],
                status=one["status"],
                error=one["error"],
                body=one["body"],
                milliseconds=one["ms"],
            )
            for one in self.record["tries"]
        ]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await replaying.by_key(info.context, keys)
        seen = await endpoints.by_key(
            info.context, [str(one["endpoint"]) for one in found.values()]
        )
        shown = {key: one for key, one in found.items() if str(one["endpoint"]) in seen}
        return [cls(record=shown[key]) if key in shown else None for key in keys]


@strawberry.type(description="A URL that is told what happens.")
class WebhookEndpoint(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(ENDPOINT, key)),
    )
    url: str = stored("url", "Where events are posted to.")
    description: str = stored("description", "A word for staff.")
    events: list[str] = stored("events", "The types of events that it is told of; `*` for all.")
    is_enabled: bool = stored("is_enabled", "Whether it is told of anything.")
    disabled_reason: str | None = stored(
        "disabled_reason", "Why the shop switched it off by itself; null where it didn't."
    )
    failing_since: datetime | None = stored(
        "failing_since", "Since when nothing was taken; null where something was lately."
    )
    created_at: datetime = stored("created_at", "When it was added.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @strawberry.field(description="What was sent to it, the newest first.")
    async def deliveries(
        self,
        info: Info,
        state: Annotated[
            WebhookDeliveryState | None, strawberry.argument(description="Those that stand so.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookDelivery]:
        key, name = self.record["_id"], None if state is None else state.name
        kind = f"webhookDeliveries:{key}"
        request = page_request(kind, first, after, last, before)
        page = await replaying.delivery_page(info.context, key, name, request)

        async def count() -> int:
            return await replaying.count_deliveries(info.context, key, name)

        nodes = [WebhookDelivery(record=one) for one in page.records]
        return connection(kind, page, nodes, count)

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await endpoints.by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]
