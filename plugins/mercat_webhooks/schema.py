"""How outgoing webhooks are looked after."""

# mypy: allow-untyped-decorators

from typing import Annotated

import strawberry
from bson import ObjectId

from mercat.errors import DomainError
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
from mercat.ids import key_of, object_id
from mercat_webhooks import endpoints, replaying, taking
from mercat_webhooks.events import TYPES
from mercat_webhooks.inputs import (
    WebhookDeliveryReplayInput,
    WebhookEndpointCreateInput,
    WebhookEndpointDeleteInput,
    WebhookEndpointReplayInput,
    WebhookEndpointSecretRotateInput,
    WebhookEndpointTestInput,
    WebhookEndpointUpdateInput,
)
from mercat_webhooks.outcomes import (
    WebhookDeliveryPayload,
    WebhookEndpointPayload,
    WebhookReplayPayload,
    WebhookSecretPayload,
    to_error,
)
from mercat_webhooks.types import (
    DELIVERY,
    ENDPOINT,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEventType,
)

_ENDPOINTS = "webhookEndpoints"


@extend(Query)
class WebhookQuery:
    @strawberry.field(description="The types of events that there are; needs `webhooks.manage`.")
    @staticmethod
    async def webhook_event_types(info: Info) -> list[WebhookEventType]:
        await endpoints.check_manages(info.context)
        return [WebhookEventType(name=name, description=what) for name, what in TYPES.items()]

    @strawberry.field(description="All endpoints, the newest first; needs `webhooks.manage`.")
    @staticmethod
    async def webhook_endpoints(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookEndpoint]:
        request = page_request(_ENDPOINTS, first, after, last, before)
        page = await endpoints.page(info.context, request)

        async def count() -> int:
            return await endpoints.endpoints(info.context).count_documents({})

        nodes = [WebhookEndpoint(record=one) for one in page.records]
        return connection(_ENDPOINTS, page, nodes, count)


@extend(Mutation)
class WebhookMutation:
    @strawberry.field(
        description="Add a URL that is told of events; gives its secret. Needs `webhooks.manage`."
    )
    @staticmethod
    async def webhook_endpoint_create(
        info: Info,
        input: Annotated[WebhookEndpointCreateInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> WebhookSecretPayload:
        try:
            found, secret = await endpoints.create(info.context, input.given)
        except DomainError as error:
            return WebhookSecretPayload(endpoint=None, secret=None, user_errors=[to_error(error)])
        shown = WebhookEndpoint(record=found)
        return WebhookSecretPayload(endpoint=shown, secret=secret, user_errors=[])

    @strawberry.field(description="Change an endpoint; needs `webhooks.manage`.")
    @staticmethod
    async def webhook_endpoint_update(
        info: Info,
        input: Annotated[WebhookEndpointUpdateInput, strawberry.argument(description="What.")],  # noqa: A002
    ) -> WebhookEndpointPayload:
        try:
            key = _endpoint(input.id)
            found = await endpoints.update(info.context, key, input.version, input.given)
        except DomainError as error:
            return WebhookEndpointPayload(endpoint=None, user_errors=[to_error(error)])
        return WebhookEndpointPayload(endpoint=WebhookEndpoint(record=found), user_errors=[])

    @strawberry.field(
        description="Remove an endpoint, with all that was sent to it; needs `webhooks.manage`."
    )
    @staticmethod
    async def webhook_endpoint_delete(
        info: Info,
        input: Annotated[WebhookEndpointDeleteInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> WebhookEndpointPayload:
        try:
            await endpoints.delete(info.context, _endpoint(input.id))
        except DomainError as error:
            return WebhookEndpointPayload(endpoint=None, user_errors=[to_error(error)])
        return WebhookEndpointPayload(endpoint=None, user_errors=[])

    @strawberry.field(
        description="Give an endpoint another secret; the one before signs too for 24 hours."
        " Needs `webhooks.manage`."
    )
    @staticmethod
    async def webhook_endpoint_secret_rotate(
        info: Info,
        input: Annotated[  # noqa: A002
            WebhookEndpointSecretRotateInput, strawberry.argument(description="Which.")
        ],
    ) -> WebhookSecretPayload:
        try:
            found, secret = await endpoints.rotate(info.context, _endpoint(input.id))
        except DomainError as error:
            return WebhookSecretPayload(endpoint=None, secret=None, user_errors=[to_error(error)])
        shown = WebhookEndpoint(record=found)
        return WebhookSecretPayload(endpoint=shown, secret=secret, user_errors=[])

    @strawberry.field(description="Send `webhook.test` to an endpoint; needs `webhooks.manage`.")
    @staticmethod
    async def webhook_endpoint_test(
        info: Info,
        input: Annotated[WebhookEndpointTestInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> WebhookDeliveryPayload:
        context = info.context
        try:
            await endpoints.check_manages(context)
            found = await endpoints.endpoint(context, _endpoint(input.id))
        except DomainError as error:
            return WebhookDeliveryPayload(delivery=None, user_errors=[to_error(error)])
        key = await taking.test(context, found["_id"])
        sent = (await replaying.by_key(context, [key]))[key]
        return WebhookDeliveryPayload(delivery=WebhookDelivery(record=sent), user_errors=[])

    @strawberry.field(
        description="Send an endpoint all again that was given up; needs `webhooks.manage`."
    )
    @staticmethod
    async def webhook_endpoint_replay(
        info: Info,
        input: Annotated[WebhookEndpointReplayInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> WebhookReplayPayload:
        try:
            key = _endpoint(input.id)
            count = await replaying.replay_all(info.context, key, input.since)
        except DomainError as error:
            return WebhookReplayPayload(count=0, user_errors=[to_error(error)])
        return WebhookReplayPayload(count=count, user_errors=[])

    @strawberry.field(
        description="Send something again, whether it was taken or given up; needs"
        " `webhooks.manage`."
    )
    @staticmethod
    async def webhook_delivery_replay(
        info: Info,
        input: Annotated[WebhookDeliveryReplayInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> WebhookDeliveryPayload:
        try:
            found = await replaying.replay(info.context, key_of(input.id, DELIVERY, ("id",)))
        except DomainError as error:
            return WebhookDeliveryPayload(delivery=None, user_errors=[to_error(error)])
        return WebhookDeliveryPayload(delivery=WebhookDelivery(record=found), user_errors=[])


def _endpoint(given: strawberry.ID) -> ObjectId:
    return object_id(given, ENDPOINT, ("id",))
