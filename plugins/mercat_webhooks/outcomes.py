"""What becomes of mutations of outgoing webhooks, and what can be wrong with them."""

from enum import Enum

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat_webhooks.types import WebhookDelivery, WebhookEndpoint


@strawberry.enum(description="What can be wrong with an outgoing webhook.")
class WebhookErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )


@strawberry.type(description="What is wrong with an outgoing webhook.")
class WebhookError(UserError):
    code: WebhookErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of changing an endpoint.")
class WebhookEndpointPayload:
    endpoint: WebhookEndpoint | None = strawberry.field(
        description="The endpoint; null where it failed, and once it is removed."
    )
    user_errors: list[WebhookError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of adding an endpoint, or of giving it another secret.")
class WebhookSecretPayload:
    endpoint: WebhookEndpoint | None = strawberry.field(
        description="The endpoint; null where it failed."
    )
    secret: str | None = strawberry.field(
        description="What its messages are signed with, which nothing else tells."
    )
    user_errors: list[WebhookError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of sending something, or sending it again.")
class WebhookDeliveryPayload:
    delivery: WebhookDelivery | None = strawberry.field(
        description="What is sent; null where it failed."
    )
    user_errors: list[WebhookError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of sending again what wasn't taken.")
class WebhookReplayPayload:
    count: int = strawberry.field(description="How much is sent again.")
    user_errors: list[WebhookError] = strawberry.field(description="What the caller can mend.")


def to_error(error: DomainError) -> WebhookError:
    code = WebhookErrorCode(error.code)
    return WebhookError(field=input_path(error.field), message=str(error), code=code)
