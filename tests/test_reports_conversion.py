"""The conversion report: how far carts came, also once they are gone."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.carts import editing
from mercat_orders.carts.access import carts
from mercat_orders.carts.leaving import remove_expired
from mercat_orders.carts.lines import NewLine
from mercat_orders.checkout.errors import FailedError
from mercat_orders.reports.counting import keep_ripe, kept_counts, quarter_of
from mercat_orders.reports.documents import ReportDayDocument

from .asking import answered, told
from .conftest import EngineFor
from .market import CARL, NOBODY, offer
from .order_changes import READER, STAFF
from .ordering import TOML, completed, placed, ready
from .reporting import ANALYST, ANNA

SHORT = TOML.replace(
    "[plugins.orders.tax_zones.germany]",
    "[plugins.orders]\ncart_days = 1\n\n[plugins.orders.tax_zones.germany]",
    1,
)
COUNTS = "carts addressed checkouts orders abandoned"
FIGURES = f"{{ {COUNTS} addressRate checkoutRate orderRate abandonmentRate }}"
REPORT = f"""query ($input: ConversionReportInput!) {{ conversionReport(input: $input) {{
  from to timeZone figures {FIGURES} days {{ day figures {FIGURES} }} }} }}"""
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=25)  # of the 30 that carts are kept
WHOLE = {
    "from": (NOW - timedelta(days=60)).date().isoformat(),
    "to": (NOW + timedelta(days=2)).date().isoformat(),
}


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def conversion(engine: Engine, **given: Any) -> dict[str, Any]:
    asked = {"input": {**WHOLE, **given}}
    found = await told(engine, REPORT, asked, viewer=ANALYST)
    report: dict[str, Any] = found["conversionReport"]
    return report


async def counts(engine: Engine, **given: Any) -> list[int]:
    """How many carts came how far, in the order of `COUNTS`."""
    figures = (await conversion(engine, **given))["figures"]
    return [figures[name] for name in COUNTS.split()]


async def begun(engine: Engine, quantity: int = 1) -> Record:
    """A cart without an address; of the quantity 0 with nothing in it."""
    lines = [NewLine(await offer(engine, stock=100), quantity)] if quantity else []
    return await editing.create(Context(engine, CARL), "EUR", "DE", lines)


async def set_carts(engine: Engine, wanted: dict[str, Any] | None = None, **values: Any) -> None:
    await carts(Context(engine)).update_many(wanted or {}, {"$set": values})


async def traded(engine: Engine) -> None:
    """A cart of each fate: empty, filled, addressed, declined at the checkout, ordered."""
    await begun(engine, 0)
    await begun(engine)
    await ready(engine)
    declined = await ready(engine)
    with pytest.raises(FailedError):
        await completed(engine, declined, method="till:declined")
    await placed(engine, 2)


async def test_carts_are_counted_by_how_far_they_came(engine: Engine) -> None:
    await traded(engine)
    figures = (await conversion(engine))["figures"]
    assert [figures[name] for name in COUNTS.split()] == [4, 3, 2, 1, 0]
    rates = [figures[f"{name}Rate"] for name in ("address", "checkout", "order", "abandonment")]
    assert rates == [0.75, 0.5, 0.25, 0.0]


async def test_without_carts_there_are_no_rates(engine: Engine) -> None:
    figures = (await conversion(engine))["figures"]
    assert figures["carts"] == 0
    assert figures["orderRate"] is None


async def test_carts_that_nobody_comes_back_to_are_abandoned(engine: Engine) -> None:
    await traded(engine)
    await set_carts(engine, updated_at=NOW - timedelta(hours=25))
    assert await counts(engine) == [4, 3, 2, 1, 3]


async def test_a_cart_that_went_into_another_is_not_counted_twice(engine: Engine) -> None:
    await ready(engine)
    gone = await ready(engine)
    await set_carts(engine, {"_id": gone["_id"]}, state="MERGED")
    assert await counts(engine) == [1, 1, 0, 0, 0]


async def test_what_became_of_carts_is_known_when_they_are_gone(engine: Engine) -> None:
    await traded(engine)
    await set_carts(engine, created_at=LONG_AGO, updated_at=LONG_AGO)
    await keep_ripe(Context(engine))
    before = await conversion(engine)
    assert [before["figures"][name] for name in COUNTS.split()] == [4, 3, 2, 1, 3]
    await set_carts(engine, expires_at=LONG_AGO, updated_at=NOW - timedelta(days=31))
    await remove_expired(Context(engine))
    assert await carts(Context(engine)).count_documents({}) == 0
    await keep_ripe(Context(engine))
    assert await conversion(engine) == before


async def test_what_is_kept_is_counted_once_whoever_counts(engine: Engine) -> None:
    await traded(engine)
    await set_carts(engine, created_at=LONG_AGO, updated_at=LONG_AGO)
    await asyncio.gather(*(keep_ripe(Context(engine)) for _ in range(5)))
    begin = quarter_of(LONG_AGO)
    kept = await kept_counts(Context(engine), begin, begin + timedelta(minutes=15))
    assert list(kept) == [begin]
    assert await counts(engine) == [4, 3, 2, 1, 3]


async def test_what_is_kept_stays_as_it_is(engine: Engine) -> None:
    cart = await ready(engine)
    await set_carts(engine, created_at=LONG_AGO)
    await keep_ripe(Context(engine))
    await completed(engine, cart)
    await keep_ripe(Context(engine))
    assert await counts(engine) == [1, 1, 0, 0, 0]


async def test_young_carts_are_not_kept_yet(engine: Engine) -> None:
    await ready(engine)
    await set_carts(engine, created_at=NOW - timedelta(days=22))
    await keep_ripe(Context(engine))
    days = engine.storage.collection(ReportDayDocument)
    assert await days.count_documents({}) == 0
    assert await counts(engine) == [1, 1, 0, 0, 0]


async def test_carts_that_live_for_a_day_are_kept_before_they_go(engine_for: EngineFor) -> None:
    engine = await engine_for(SHORT)
    await ready(engine)
    at = NOW - timedelta(hours=20)
    await set_carts(engine, created_at=at, updated_at=at)
    await keep_ripe(Context(engine))
    await carts(Context(engine)).delete_many({})
    assert await counts(engine) == [1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", 0),
        ("Europe/Berlin", 1),
        ("Asia/Kathmandu", 1),
        ("Pacific/Kiritimati", 1),
        ("America/New_York", 0),
    ],
)
@pytest.mark.parametrize("is_kept", [False, True])
async def test_carts_are_of_the_day_that_it_was_there(
    engine: Engine, zone: str, day: int, *, is_kept: bool
) -> None:
    await ready(engine)
    begun_at = LONG_AGO.replace(hour=23, minute=14, second=59)
    await set_carts(engine, created_at=begun_at, updated_at=begun_at)
    if is_kept:
        await keep_ripe(Context(engine))
        await carts(Context(engine)).delete_many({})
    days = (await conversion(engine, timeZone=zone))["days"]
    found = [one["day"] for one in days if one["figures"]["carts"]]
    assert found == [(begun_at.date() + timedelta(days=day)).isoformat()]


@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (NOBODY, "UNAUTHENTICATED"),
        (CARL, "FORBIDDEN"),
        (READER, "FORBIDDEN"),
        (STAFF, "FORBIDDEN"),
        (ANNA, "FORBIDDEN"),
    ],
)
async def test_others_are_told_nothing(engine: Engine, viewer: Viewer, code: str) -> None:
    answer = await answered(engine, REPORT, {"input": WHOLE}, viewer=viewer)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-10-02", "to": "2026-10-01"},
        {"from": "2016-10-01", "to": "2026-10-01"},
        {"timeZone": "Mars"},
        {"from": "soon"},
    ],
)
async def test_a_wrong_question_is_refused(
    shared_engine_for: EngineFor, given: dict[str, str]
) -> None:
    engine = await shared_engine_for(TOML)
    answer = await answered(engine, REPORT, {"input": {**WHOLE, **given}}, viewer=ANALYST)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
