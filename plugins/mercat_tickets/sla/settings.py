from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mercat_tickets.hours.settings import BusinessHours

Priorities = Literal["LOW", "NORMAL", "HIGH", "URGENT"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Targets(_Table):
    """Within how many minutes of business hours something has to happen."""

    first_response: int | None = Field(default=None, ge=1, le=100_000)
    """Until somebody answers."""

    resolution: int | None = Field(default=None, ge=1, le=100_000)
    """Until it is solved, without the time that its requester lets pass."""


class PriorityTargets(_Table):
    """What is promised by priority; nothing where a priority is left out."""

    urgent: Targets = Targets()
    high: Targets = Targets()
    normal: Targets = Targets()
    low: Targets = Targets()


class Escalation(_Table):
    """What becomes of a ticket that is late."""

    priority: Priorities | None = None
    """How much it matters then."""

    team: str | None = Field(default=None, min_length=1, max_length=40)
    """Whose team it is then."""


class SlaSettings(_Table):
    """`[plugins.tickets.sla]`."""

    hours: BusinessHours = BusinessHours(around_the_clock=True)
    """`[plugins.tickets.sla.hours]`: when the shop is at work."""

    targets: PriorityTargets = PriorityTargets()
    """`[plugins.tickets.sla.targets.urgent]` and the like: what is promised by priority."""

    escalation: Escalation = Escalation()
    """`[plugins.tickets.sla.escalation]`: what becomes of a ticket that is late."""
