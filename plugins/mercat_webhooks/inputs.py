"""What mutations of outgoing webhooks take."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

_ID = "The id of the endpoint."
_URL = "Where events are posted to: https, at a public address."
_DESCRIPTION = "A word for staff, 200 characters at most."
_EVENTS = "Types of events as `webhookEventTypes` has them; `*` for all."


@strawberry.input(description="An endpoint to be added.")
class WebhookEndpointCreateInput:
    url: str = strawberry.field(description=_URL)
    events: list[str] = strawberry.field(description=_EVENTS)
    description: str = strawberry.field(default="", description=_DESCRIPTION)

    @property
    def given(self) -> dict[str, Any]:
        return {"url": self.url, "events": self.events, "description": self.description}


@strawberry.input(description="What is to be changed of an endpoint; what is left out stays.")
class WebhookEndpointUpdateInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    url: str | None = strawberry.field(default=UNSET, description=_URL)
    events: list[str] | None = strawberry.field(default=UNSET, description=_EVENTS)
    description: str | None = strawberry.field(default=UNSET, description=_DESCRIPTION)
    is_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether it is told of anything."
    )
    version: int | None = strawberry.field(
        default=None, description="Refused where it is another by now."
    )

    @property
    def given(self) -> dict[str, Any]:
        found = {
            "url": self.url,
            "events": self.events,
            "description": self.description,
            "is_enabled": self.is_enabled,
        }
        return {name: one for name, one in found.items() if one is not None and one is not UNSET}


@strawberry.input(description="An endpoint to be removed.")
class WebhookEndpointDeleteInput:
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="An endpoint that is to have another secret.")
class WebhookEndpointSecretRotateInput:
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="An endpoint to be tried.")
class WebhookEndpointTestInput:
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="An endpoint that is to be told again of what it didn't take.")
class WebhookEndpointReplayInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    since: datetime | None = strawberry.field(
        default=None, description="What happened then or later; all where left out."
    )


@strawberry.input(description="Something to be sent again.")
class WebhookDeliveryReplayInput:
    id: strawberry.ID = strawberry.field(description="The id of the delivery.")
