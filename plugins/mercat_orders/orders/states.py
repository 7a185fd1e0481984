"""What may become of orders: who may do what with a seller order in which state.

A seller order's next state follows from its quantities (`quantities.state_of`), the order's from
those of its seller orders (`state_of_order`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from mercat.errors import ForbiddenError
from mercat_orders.orders.errors import StateError

State = Literal[
    "PENDING",
    "CONFIRMED",
    "PARTIALLY_FULFILLED",
    "FULFILLED",
    "DELIVERED",
    "COMPLETED",
    "CANCELLED",
]
STATES: tuple[State, ...] = (
    *("PENDING", "CONFIRMED", "PARTIALLY_FULFILLED", "FULFILLED", "DELIVERED", "COMPLETED"),
    "CANCELLED",
)
"""From the least advanced to the most; cancelled ones stand aside."""


class Role(StrEnum):
    """What somebody is to a seller order."""

    BUYER = "BUYER"
    SELLER = "SELLER"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"
    OTHER = "OTHER"


class Event(StrEnum):
    """What can be done with a seller order."""

    CONFIRM = "CONFIRM"
    FULFIL = "FULFIL"
    TRACK = "TRACK"
    SHIP = "SHIP"
    DELIVER = "DELIVER"
    UNFULFIL = "UNFULFIL"
    COMPLETE = "COMPLETE"
    CANCEL = "CANCEL"
    CANCEL_LINES = "CANCEL_LINES"
    EDIT = "EDIT"
    RETURN_REQUEST = "RETURN_REQUEST"
    RETURN_APPROVE = "RETURN_APPROVE"
    RETURN_RECEIVE = "RETURN_RECEIVE"
    RETURN_REFUSE = "RETURN_REFUSE"
    RETURN_REFUND = "RETURN_REFUND"
    REFUND = "REFUND"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do it in which states, and which states may follow; none where it stays as it is."""

    allowed: Mapping[Role, Sequence[State]]
    leads_to: Sequence[State] = ()


_UNSENT: Sequence[State] = ("PENDING", "CONFIRMED")
_UNDERWAY: Sequence[State] = ("PARTIALLY_FULFILLED", "FULFILLED")
_SENT: Sequence[State] = (*_UNDERWAY, "DELIVERED", "COMPLETED")


def _sellers(*states: State) -> Mapping[Role, Sequence[State]]:
    return {Role.SELLER: states, Role.STAFF: states}


RULES: Mapping[Event, Rule] = {
    Event.CONFIRM: Rule({Role.STAFF: ("PENDING",), Role.SYSTEM: ("PENDING",)}, ("CONFIRMED",)),
    Event.FULFIL: Rule(_sellers("CONFIRMED", "PARTIALLY_FULFILLED"), _UNDERWAY),
    Event.TRACK: Rule(_sellers(*_UNDERWAY, "DELIVERED")),
    Event.SHIP: Rule(_sellers(*_UNDERWAY)),
    Event.DELIVER: Rule(_sellers(*_UNDERWAY), (*_UNDERWAY, "DELIVERED")),
    Event.UNFULFIL: Rule(_sellers(*_UNDERWAY), ("CONFIRMED", "PARTIALLY_FULFILLED")),
    Event.COMPLETE: Rule({Role.STAFF: ("DELIVERED",), Role.SYSTEM: ("DELIVERED",)}, ("COMPLETED",)),
    Event.CANCEL: Rule({Role.BUYER: _UNSENT, **_sellers(*_UNSENT)}, ("CANCELLED",)),
    Event.CANCEL_LINES: Rule(
        {Role.BUYER: _UNSENT, **_sellers(*_UNSENT, "PARTIALLY_FULFILLED")},
        (*_UNSENT, *_UNDERWAY, "DELIVERED", "CANCELLED"),
    ),
    Event.EDIT: Rule(
        {Role.STAFF: (*_UNSENT, "PARTIALLY_FULFILLED")},
        (*_UNSENT, *_UNDERWAY, "DELIVERED", "CANCELLED"),
    ),
    Event.RETURN_REQUEST: Rule({Role.BUYER: _SENT, Role.STAFF: _SENT}),
    Event.RETURN_APPROVE: Rule(_sellers(*_SENT), _SENT),
    Event.RETURN_RECEIVE: Rule(_sellers(*_SENT)),
    Event.RETURN_REFUSE: Rule(_sellers(*_SENT), _SENT),
    Event.RETURN_REFUND: Rule(_sellers(*_SENT)),
    Event.REFUND: Rule({Role.STAFF: ("CONFIRMED", *_SENT, "CANCELLED")}),
    Event.NOTE: Rule({Role.BUYER: STATES, **_sellers(*STATES)}),
}


def check(event: Event, state: State, roles: Collection[Role]) -> None:
    """Raise ForbiddenError for who may never do that, StateError where it isn't its time."""
    allowed = RULES[event].allowed
    states = [allowed[role] for role in roles if role in allowed]
    if not states:
        raise ForbiddenError
    if not any(state in of_role for of_role in states):
        what, now = event.lower().replace("_", " "), state.lower().replace("_", " ")
        raise StateError(f"it is {now}; '{what}' can't be done with it")


def state_of_order(states: Iterable[State]) -> State:
    """What an order is whose seller orders are in those states.

    Cancelled ones don't count unless all are, which makes it CANCELLED. Of the others the least
    advanced counts; where that one isn't fulfilled at all and another is, it is
    PARTIALLY_FULFILLED.
    """
    alive = [state for state in states if state != "CANCELLED"]
    if not alive:
        return "CANCELLED"
    ranked = sorted(alive, key=STATES.index)
    if ranked[0] in _UNSENT and ranked[-1] not in _UNSENT:
        return "PARTIALLY_FULFILLED"
    return ranked[0]
