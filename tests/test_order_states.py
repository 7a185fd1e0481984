"""What may become of orders: every event in every state by everybody, by the mutations."""

import copy
import itertools
import secrets
from collections.abc import Sequence
from typing import Any

import bson
import pytest
from bson import ObjectId

from mercat.context import SYSTEM, Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.states import (
    RULES,
    STATES,
    Event,
    Role,
    State,
    state_of_order,
)

from .conftest import EngineFor
from .market import CARL, CORA
from .order_changes import ANNA, READER, STAFF, did, order_id, part_id, refused, stored, units
from .ordering import TOML, placed
from .plugins_for_tests.till.books import BOOKS

pytestmark = pytest.mark.gate

WHO: Sequence[tuple[Role, Viewer]] = (
    (Role.BUYER, CARL),
    (Role.SELLER, ANNA),
    (Role.STAFF, STAFF),
    (Role.SYSTEM, SYSTEM),
    (Role.OTHER, CORA),
    (Role.OTHER, READER),
)
MUTATIONS = {
    Event.CONFIRM: "orderConfirm",
    Event.FULFIL: "orderFulfil",
    Event.TRACK: "fulfilmentUpdate",
    Event.SHIP: "fulfilmentUpdate",
    Event.DELIVER: "fulfilmentUpdate",
    Event.UNFULFIL: "fulfilmentUpdate",
    Event.COMPLETE: "orderComplete",
    Event.CANCEL: "orderCancel",
    Event.CANCEL_LINES: "orderCancel",
    Event.EDIT: "orderEdit",
    Event.RETURN_REQUEST: "orderReturnRequest",
    Event.RETURN_APPROVE: "returnApprove",
    Event.RETURN_RECEIVE: "returnReceive",
    Event.RETURN_REFUSE: "returnRefuse",
    Event.RETURN_REFUND: "returnRefund",
    Event.REFUND: "refundCreate",
    Event.NOTE: "orderNoteAdd",
}
ABOUT_PARCELS = {Event.TRACK, Event.SHIP, Event.DELIVER, Event.UNFULFIL}
RETURN_BEFORE = {
    Event.RETURN_APPROVE: "REQUESTED",
    Event.RETURN_REFUSE: "REQUESTED",
    Event.RETURN_RECEIVE: "APPROVED",
    Event.RETURN_REFUND: "RECEIVED",
}
BEFORE_PARCELS: Sequence[State] = ("PENDING", "CONFIRMED", "CANCELLED")


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def parcel(engine: Engine, order: Record, quantity: int, *, delivered: bool) -> None:
    done = await did(
        engine,
        "orderFulfil",
        sellerOrderId=part_id(order),
        lines=units(order, quantity),
        shipped=delivered,
    )
    if delivered:
        last = done["sellerOrder"]["fulfilments"][-1]
        await did(engine, "fulfilmentUpdate", id=last["id"], delivered=True)


async def driven(engine: Engine, state: State) -> Record:
    """A stored order of four of a thing that came into a state as orders do."""
    method = "till:awaited" if state == "PENDING" else "till:paid"
    order = await placed(engine, 4, sellers=("anna",), method=method)
    if state == "CANCELLED":
        await did(engine, "orderCancel", orderId=order_id(order))
    elif state == "PARTIALLY_FULFILLED":
        await parcel(engine, order, 1, delivered=True)
        await parcel(engine, order, 1, delivered=False)
    elif state == "FULFILLED":
        await parcel(engine, order, 2, delivered=True)
        await parcel(engine, order, 2, delivered=False)
    elif state in ("DELIVERED", "COMPLETED"):
        await parcel(engine, order, 4, delivered=True)
    if state == "COMPLETED":
        await did(engine, "orderComplete", orderId=order_id(order))
    found = await stored(engine, order)
    assert found["state"] == found["seller_orders"][0]["state"] == state
    return found


async def with_return(engine: Engine, order: Record, state: str) -> Record:
    done = await did(
        engine, "orderReturnRequest", CARL, orderId=order_id(order), lines=units(order, 1)
    )
    (back,) = done["returns"]
    if state != "REQUESTED":
        await did(engine, "returnApprove", id=back["id"])
    if state == "RECEIVED":
        await did(engine, "returnReceive", id=back["id"], refund=False)
    return await stored(engine, order)


async def cloned(engine: Engine, order: Record, state: State) -> Record:
    """The same order under new keys, stored, in that state whatever became of its units."""
    clone: Record = copy.deepcopy(order)
    clone |= {"_id": ObjectId(), "number": secrets.randbelow(2**50), "code": secrets.token_hex(6)}
    (part,) = clone["seller_orders"]
    for one in (part, *part["fulfilments"], *part.get("returns", ())):
        one["id"] = ObjectId()
    clone["state"] = part["state"] = state
    for refund in clone.get("refunds", ()):
        refund["payment"] = str(clone["_id"])
    clone["payment"]["key"] = str(clone["_id"])
    BOOKS[str(clone["_id"])] = copy.deepcopy(BOOKS[str(order["_id"])])
    await orders(Context(engine)).insert_one(clone)
    return await stored(engine, clone)


def asked(event: Event, order: Record) -> dict[str, Any]:
    """The input of the event's mutation."""
    (part,) = order["seller_orders"]
    whole, mine = {"orderId": order_id(order)}, {"sellerOrderId": part_id(order)}
    if event in ABOUT_PARCELS:
        return {"id": encode_id("Fulfilment", part["fulfilments"][-1]["id"]), **SAYS[event]}
    if event in RETURN_BEFORE:
        return {"id": encode_id("Return", part["returns"][-1]["id"]), **SAYS.get(event, {})}
    if event == Event.EDIT:
        (line,) = units(order, 3)
        return {**whole, "lines": [line]}
    where = whole if event in (Event.CONFIRM, Event.RETURN_REQUEST) else mine
    if event in (Event.CANCEL_LINES, Event.RETURN_REQUEST):
        return {**where, "lines": units(order, 1)}
    return {**where, **SAYS.get(event, {})}


SAYS: dict[Event, dict[str, Any]] = {
    Event.TRACK: {"trackingNumber": "1"},
    Event.SHIP: {"shipped": True},
    Event.DELIVER: {"delivered": True},
    Event.UNFULFIL: {"cancelled": True},
    Event.RETURN_REFUSE: {"reason": "It was worn"},
    Event.REFUND: {"amount": {"amount": "0.01"}},
    Event.NOTE: {"text": "Hello"},
}


def expected(event: Event, state: State, role: Role, viewer: Viewer) -> str | None:
    """The code of the error that the table says; None for none."""
    if viewer is CORA:
        return "NOT_FOUND"
    allowed = RULES[event].allowed
    if role not in allowed:
        return "FORBIDDEN"
    return None if state in allowed[role] else "STATE"


async def shapes(engine: Engine) -> dict[tuple[State, str | None], Record]:
    """Orders in each state, without a return and with one in each state."""
    found: dict[tuple[State, str | None], Record] = {}
    for state in STATES:
        found[state, None] = order = await driven(engine, state)
        if state in BEFORE_PARCELS:
            continue
        for back in ("REQUESTED", "APPROVED", "RECEIVED"):
            again = await cloned(engine, order, state)
            found[state, back] = await with_return(engine, again, back)
    for early in BEFORE_PARCELS:
        for back in ("REQUESTED", "APPROVED", "RECEIVED"):  # no such order; its state is set
            found[early, back] = found["PARTIALLY_FULFILLED", back]
    return found


def shape(known: dict[tuple[State, str | None], Record], event: Event, state: State) -> Record:
    if event in ABOUT_PARCELS and state in BEFORE_PARCELS:
        return known["PARTIALLY_FULFILLED", None]
    found = known[state, RETURN_BEFORE.get(event)]
    if event == Event.REFUND and state == "CANCELLED":  # the first refund did not come through
        refunds = [{**refund, "state": "FAILED"} for refund in found["refunds"]]
        return {**found, "refunds": refunds}
    return found


async def test_every_event_in_every_state_by_every_role_is_as_the_table_says(
    engine: Engine,
) -> None:
    known = await shapes(engine)
    legal = 0
    for event, state, (role, viewer) in itertools.product(Event, STATES, WHO):
        order = await cloned(engine, shape(known, event, state), state)
        code = await refused(engine, MUTATIONS[event], viewer, **asked(event, order))
        case = (event, state, role)
        assert code == expected(event, state, role, viewer), case
        after = await stored(engine, order)
        if code is not None:
            assert bson.encode(after) == bson.encode(order), case
            continue
        legal += 1
        assert after["seller_orders"][0]["state"] in (RULES[event].leads_to or (state,)), case
        assert after["state"] == after["seller_orders"][0]["state"], case
        assert after["version"] > order["version"], case
        entry = after["timeline"][len(order["timeline"])]
        assert (entry["user"], entry["role"]) == (viewer.user, viewer.role), case
    assert legal == sum(len(states) for rule in RULES.values() for states in rule.allowed.values())


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        (("CANCELLED",), "CANCELLED"),
        (("CANCELLED", "CANCELLED"), "CANCELLED"),
        (("CANCELLED", "DELIVERED"), "DELIVERED"),
        (("PENDING", "PENDING"), "PENDING"),
        (("PENDING", "CONFIRMED"), "PENDING"),
        (("CONFIRMED", "CANCELLED"), "CONFIRMED"),
        (("CONFIRMED", "FULFILLED"), "PARTIALLY_FULFILLED"),
        (("CONFIRMED", "COMPLETED"), "PARTIALLY_FULFILLED"),
        (("CONFIRMED", "PARTIALLY_FULFILLED"), "PARTIALLY_FULFILLED"),
        (("FULFILLED", "DELIVERED"), "FULFILLED"),
        (("FULFILLED", "PARTIALLY_FULFILLED"), "PARTIALLY_FULFILLED"),
        (("DELIVERED", "COMPLETED"), "DELIVERED"),
        (("COMPLETED", "COMPLETED", "CANCELLED"), "COMPLETED"),
    ],
)
def test_an_orders_state_follows_from_its_parts(parts: tuple[State, ...], state: State) -> None:
    assert state_of_order(parts) == state
    assert state_of_order(reversed(parts)) == state


def test_nobody_may_what_the_table_does_not_say() -> None:
    assert set(RULES) == set(Event)
    assert not any(Role.OTHER in rule.allowed for rule in RULES.values())
