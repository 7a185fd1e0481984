"""Parcels: what is in them, where they are, and who says so."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.context import Context
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.confirming import complete_old

from .conftest import EngineFor
from .market import CARL
from .order_changes import (
    ANNA,
    BERT,
    STAFF,
    did,
    kinds,
    order_id,
    part_id,
    refused,
    stored,
    tried,
    units,
)
from .ordering import TOML, placed


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def test_a_seller_sends_all_that_is_left(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"))
    done = await did(engine, "orderFulfil", ANNA, sellerOrderId=part_id(order))
    assert done["order"] is None
    part = done["sellerOrder"]
    assert (part["state"], part["lines"][0]["fulfilledQuantity"]) == ("FULFILLED", 2)
    assert [one["state"] for one in part["fulfilments"]] == ["SHIPPED"]
    now = await stored(engine, order)
    assert now["state"] == "PARTIALLY_FULFILLED"
    assert kinds(now) == ["PLACED", "FULFILLED"]


async def test_an_order_goes_in_several_parcels_until_all_of_it_has_arrived(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    part = part_id(order)
    done = await did(engine, "orderFulfil", sellerOrderId=part, lines=units(order, 1))
    assert done["sellerOrder"]["state"] == "PARTIALLY_FULFILLED"
    first = done["sellerOrder"]["fulfilments"][0]["id"]
    done = await did(engine, "orderFulfil", sellerOrderId=part, shipped=False)
    assert done["order"]["state"] == "FULFILLED"
    second = done["sellerOrder"]["fulfilments"][1]
    assert (second["state"], second["shippedAt"]) == ("PENDING", None)
    assert second["lines"][0]["quantity"] == 2
    done = await did(engine, "fulfilmentUpdate", id=first, delivered=True)
    assert done["order"]["state"] == "FULFILLED"
    done = await did(engine, "fulfilmentUpdate", ANNA, id=second["id"], shipped=True)
    assert done["sellerOrder"]["fulfilments"][1]["shippedAt"] is not None
    done = await did(engine, "fulfilmentUpdate", ANNA, id=second["id"], delivered=True)
    assert done["sellerOrder"]["state"] == "DELIVERED"
    now = await stored(engine, order)
    assert kinds(now)[1:] == ["FULFILLED", "FULFILLED", "DELIVERED", "SHIPPED", "DELIVERED"]
    assert now["timeline"][-1]["user"] == "a1"


async def test_a_parcel_that_was_not_sent_can_be_unpacked_and_one_that_was_can_not(
    engine: Engine,
) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    part = part_id(order)
    done = await did(engine, "orderFulfil", sellerOrderId=part, shipped=False)
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]
    done = await did(engine, "fulfilmentUpdate", id=parcel, cancelled=True)
    assert done["sellerOrder"]["state"] == "CONFIRMED"
    assert done["sellerOrder"]["lines"][0]["fulfilledQuantity"] == 0
    await did(engine, "orderFulfil", sellerOrderId=part, lines=units(order, 2))
    assert await refused(engine, "fulfilmentUpdate", id=parcel, trackingNumber="1") == "STATE"
    done = await did(engine, "orderFulfil", sellerOrderId=part)
    sent = done["sellerOrder"]["fulfilments"][-1]["id"]
    assert await refused(engine, "fulfilmentUpdate", id=sent, cancelled=True) == "STATE"
    assert await refused(engine, "fulfilmentUpdate", id=sent, shipped=True) == "STATE"


@pytest.mark.parametrize("quantity", [0, -1, 4, 2**31 - 1])
async def test_no_parcel_has_none_of_a_line_or_more_than_is_left(
    engine: Engine, quantity: int
) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    lines = [{"lineId": encode_id("OrderLine", order["lines"][0]["id"]), "quantity": quantity}]
    _, errors = await tried(engine, "orderFulfil", sellerOrderId=part_id(order), lines=lines)
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    assert await stored(engine, order) == order


async def test_the_same_line_twice_counts_together(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    part = part_id(order)
    twice = [*units(order, 2), *units(order, 2)]
    _, errors = await tried(engine, "orderFulfil", sellerOrderId=part, lines=twice)
    assert errors == [("QUANTITY", ["lines", "1", "quantity"])]
    done = await did(
        engine, "orderFulfil", sellerOrderId=part, lines=[*units(order, 2), *units(order, 1)]
    )
    (parcel,) = done["sellerOrder"]["fulfilments"]
    assert [one["quantity"] for one in parcel["lines"]] == [3]


async def test_lines_of_other_orders_and_of_other_sellers_are_not_in_it(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"))
    other = await placed(engine, 2, sellers=("anna",))
    for lines in (units(other, 1), units(order, 0, 1)):
        _, errors = await tried(
            engine, "orderFulfil", ANNA, sellerOrderId=part_id(order), lines=lines
        )
        assert errors == [("NOT_FOUND", ["lines", "0", "lineId"])]
    assert await refused(engine, "orderFulfil", sellerOrderId=part_id(order), lines=[]) == "INVALID"


async def test_another_sellers_part_and_parcels_are_not_there(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"))
    _, errors = await tried(engine, "orderFulfil", BERT, sellerOrderId=part_id(order))
    assert errors == [("NOT_FOUND", ["sellerOrderId"])]
    done = await did(engine, "orderFulfil", ANNA, sellerOrderId=part_id(order))
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]
    _, errors = await tried(engine, "fulfilmentUpdate", BERT, id=parcel, delivered=True)
    assert errors == [("NOT_FOUND", ["id"])]
    assert await refused(engine, "fulfilmentUpdate", CARL, id=parcel, delivered=True) == "FORBIDDEN"


@pytest.mark.parametrize(
    ("carrier", "url"),
    [
        ("DHL", "https://www.dhl.com/en/express/tracking.html?AWB=AB%2F1%262"),
        ("La Poste", "https://www.laposte.fr/outils/suivre-vos-envois?code=AB%2F1%262"),
        (" fedex ", "https://www.fedex.com/fedextrack/?trknbr=AB%2F1%262"),
        ("By hand", None),
    ],
)
async def test_a_known_carriers_page_follows_from_the_number(
    engine: Engine, carrier: str, url: str | None
) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    given = {"carrier": carrier, "trackingNumber": "AB/1&2"}
    done = await did(engine, "orderFulfil", sellerOrderId=part_id(order), **given)
    assert done["sellerOrder"]["fulfilments"][0]["trackingUrl"] == url


async def test_new_tracking_replaces_what_it_names_alone(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    done = await did(
        engine, "orderFulfil", sellerOrderId=part_id(order), carrier="UPS", trackingNumber="1"
    )
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]

    async def after(**given: Any) -> tuple[str, str, str]:
        done = await did(engine, "fulfilmentUpdate", id=parcel, **given)
        (found,) = done["sellerOrder"]["fulfilments"]
        return found["carrier"], found["trackingNumber"], found["trackingUrl"]

    assert await after(trackingNumber="2") == ("UPS", "2", "https://www.ups.com/track?tracknum=2")
    own = "https://parcels.example/2"
    assert await after(trackingUrl=own) == ("UPS", "2", own)
    assert await after(carrier="UPS") == ("UPS", "2", own)
    assert (await after(carrier="GLS"))[2] == "https://gls-group.com/track/2"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://parcels.example/1",
        "//parcels.example/1",
        "https://",
        "https://user:pass@parcels.example/1",
        "https://parcels.example/a b",
        'https://parcels.example/"><script>',
        "https://parcels.example:x/",
        "https://[::1/",
        "x" * 3_000,
    ],
)
async def test_only_http_urls_without_users_are_followed(engine: Engine, url: str) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    _, errors = await tried(engine, "orderFulfil", sellerOrderId=part_id(order), trackingUrl=url)
    assert errors == [("INVALID", ["trackingUrl"])]
    done = await did(engine, "orderFulfil", sellerOrderId=part_id(order))
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]
    _, errors = await tried(engine, "fulfilmentUpdate", id=parcel, trackingUrl=url)
    assert errors == [("INVALID", ["trackingUrl"])]


async def test_of_ten_at_once_with_one_key_one_has_an_effect(engine: Engine) -> None:
    order = await placed(engine, 5, sellers=("anna",))
    given = {"sellerOrderId": part_id(order), "lines": units(order, 1), "idempotencyKey": "k"}
    answers = await asyncio.gather(*(did(engine, "orderFulfil", ANNA, **given) for _ in range(10)))
    assert {len(one["sellerOrder"]["fulfilments"]) for one in answers} == {1}
    _, errors = await tried(engine, "orderFulfil", ANNA, **{**given, "lines": units(order, 2)})
    assert [code for code, _ in errors] == ["CONFLICT"]
    assert len((await stored(engine, order))["seller_orders"][0]["fulfilments"]) == 1


async def test_of_six_at_once_without_a_key_as_many_have_an_effect_as_there_are_units(
    engine: Engine,
) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    codes = await asyncio.gather(
        *(
            refused(engine, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 1))
            for _ in range(6)
        )
    )
    assert sorted(code or "" for code in codes) == ["", "", "", "STATE", "STATE", "STATE"]
    now = await stored(engine, order)
    assert now["lines"][0]["fulfilled"] == 3
    assert len(now["seller_orders"][0]["fulfilments"]) == 3
    assert [entry["number"] for entry in now["timeline"]] == [1, 2, 3, 4]


async def test_a_stale_version_changes_nothing(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    _, errors = await tried(engine, "orderFulfil", sellerOrderId=part_id(order), version=1)
    assert errors == [("STALE", ["version"])]
    given = {"sellerOrderId": part_id(order), "version": order["version"]}
    await did(engine, "orderFulfil", **given)


async def test_orders_wait_to_be_confirmed_before_they_are_sent(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",), method="till:awaited")
    assert await refused(engine, "orderFulfil", ANNA, sellerOrderId=part_id(order)) == "STATE"
    done = await did(engine, "orderConfirm", orderId=order_id(order), reason="The money is here")
    assert done["order"]["state"] == "CONFIRMED"
    assert (await stored(engine, order))["timeline"][-1]["reason"] == "The money is here"
    await did(engine, "orderFulfil", ANNA, sellerOrderId=part_id(order))


async def delivered(engine: Engine, order: Record, index: int) -> None:
    done = await did(engine, "orderFulfil", sellerOrderId=part_id(order, index))
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]
    await did(engine, "fulfilmentUpdate", id=parcel, delivered=True)


async def test_what_was_delivered_long_ago_is_completed_part_by_part(engine: Engine) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    for index in (0, 1):
        await delivered(engine, order, index)
    long_ago = datetime.now(UTC) - timedelta(days=15)
    await orders(Context(engine)).update_one(
        {"_id": order["_id"]},
        {"$set": {"delivered_at": long_ago, "seller_orders.0.delivered_at": long_ago}},
    )
    await complete_old(engine.context())
    now = await stored(engine, order)
    assert [part["state"] for part in now["seller_orders"]] == ["COMPLETED", "DELIVERED"]
    assert now["state"] == "DELIVERED"
    assert (now["timeline"][-1]["role"], now["timeline"][-1]["seller"]) == ("SYSTEM", "anna")
    await complete_old(engine.context())
    assert (await stored(engine, order))["version"] == now["version"]


async def test_notes_are_seen_by_those_they_are_for(engine: Engine) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    whole, mine = {"orderId": order_id(order)}, {"sellerOrderId": part_id(order)}
    await did(engine, "orderNoteAdd", CARL, **whole, text=" Ring twice ")
    await did(engine, "orderNoteAdd", ANNA, **mine, text="Packed by Eve", internal=True)
    await did(engine, "orderNoteAdd", STAFF, **whole, text="Twice", internal=True)
    assert await refused(engine, "orderNoteAdd", CARL, **whole, text="x", internal=True) == (
        "FORBIDDEN"
    )
    assert await refused(engine, "orderNoteAdd", BERT, **mine, text="x") == "NOT_FOUND"
    for text in ("", "  ", "x" * 2_001, "a\0b", "\ud800"):
        _, errors = await tried(engine, "orderNoteAdd", **whole, text=text)
        assert errors == [("INVALID", ["text"])]
    notes = (await stored(engine, order))["timeline"][1:]
    assert [(one["reason"], one["seller"], one["is_internal"]) for one in notes] == [
        ("Ring twice", None, False),
        ("Packed by Eve", "anna", True),
        ("Twice", None, True),
    ]
