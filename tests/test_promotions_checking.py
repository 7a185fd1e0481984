"""What is given of promotions: the moments that are meant, and that all that is stored can hold."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from hypothesis import given as given_any
from hypothesis import strategies as st

from mercat.checkout import Cart, CartLine, Destination
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_coupons.promotions.benefit_inputs import PromotionTarget
from mercat_coupons.promotions.checking import checked_new
from mercat_coupons.promotions.coherence import check_coherence
from mercat_coupons.promotions.evaluating import Choice, evaluate
from mercat_coupons.promotions.periods import end, start
from mercat_coupons.promotions.records import to_promotion
from mercat_coupons.promotions.values import Candidate, Facts

SELLER = encode_id("Seller", "s1")

# When


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "first", "after"),
    [
        ("2026-11-27", "Europe/Vienna", "2026-11-26T23:00", "2026-11-27T23:00"),
        ("2026-11-27T09:00", "America/New_York", "2026-11-27T14:00", "2026-11-27T14:00"),
        ("2026-11-27T09:00+09:00", "Europe/Vienna", "2026-11-27T00:00", "2026-11-27T00:00"),
        # The clocks go from 2 to 3: half past two is half an hour after two.
        ("2026-03-29T02:30", "Europe/Vienna", "2026-03-29T01:30", "2026-03-29T01:30"),
        ("2026-03-29", "Europe/Vienna", "2026-03-28T23:00", "2026-03-29T22:00"),
        # The clocks go from 3 to 2: the first half past two.
        ("2026-10-25T02:30", "Europe/Vienna", "2026-10-25T00:30", "2026-10-25T00:30"),
        ("2026-10-25", "Europe/Vienna", "2026-10-24T22:00", "2026-10-25T23:00"),
        # A day that begins at one o'clock.
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00", "2018-11-05T02:00"),
    ],
)
def test_moments_are_those_of_the_clock_there(text: str, zone: str, first: str, after: str) -> None:
    assert start(text, zone, ("startsAt",)) == _utc(first)
    assert end(text, zone, ("endsAt",)) == _utc(after)


ZONES = st.sampled_from(
    ["UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo"]
)


@given_any(st.dates(date(1972, 1, 1), date(2900, 1, 1)), ZONES)
def test_a_day_is_over_when_the_next_one_begins(day: date, zone: str) -> None:
    first, after = start(str(day), zone, ()), end(str(day), zone, ())
    assert first <= after == start(str(day + timedelta(days=1)), zone, ())
    assert after - first <= timedelta(hours=26)
    assert first.astimezone(ZoneInfo(zone)).date() >= day


@given_any(st.text(max_size=60) | st.datetimes().map(str) | st.dates().map(str), ZONES)
def test_any_text_is_a_moment_or_refused(text: str, zone: str) -> None:
    for read in (start, end):
        try:
            found = read(text, zone, ())
        except InvalidError:
            continue
        assert found.tzinfo is UTC
        assert found.microsecond % 1000 == 0


# Whatever can be made can be evaluated

SHOP = ShopSettings(currency="EUR", currencies=["USD", "JPY"])
KEYS = [str(ObjectId()) for _ in range(4)]
MONEY = st.lists(
    st.builds(
        lambda currency, minor: {"currency": currency, "amount": str(minor)},
        st.sampled_from(["EUR", "USD", "JPY"]),
        st.integers(1, 10**6) | st.just(10**12),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one["currency"],
)
RATES = st.decimals(0, 100, places=2).map(str)
COUNTS = st.integers(1, 5) | st.just(1_000_000)
TARGETS = st.sampled_from(list(PromotionTarget))
SELECTIONS = st.fixed_dictionaries(
    {
        "product_ids": st.lists(st.sampled_from([encode_id("Product", key) for key in KEYS])),
        "variant_ids": st.lists(
            st.sampled_from([encode_id("ProductVariant", key) for key in KEYS])
        ),
        "category_ids": st.lists(st.sampled_from([encode_id("Category", key) for key in KEYS])),
        "brands": st.lists(st.sampled_from(["Nike", "Apple"])),
        "seller_ids": st.lists(st.just(SELLER)),
        "shops_own": st.booleans(),
        "attributes": st.lists(st.just({"key": "colour", "value": "red"})),
    }
)
SCOPES = st.fixed_dictionaries(
    {
        "include": st.lists(SELECTIONS, max_size=2),
        "exclude": st.lists(SELECTIONS, max_size=1),
        "excludes_reduced": st.booleans(),
    }
)
TIER = st.fixed_dictionaries(
    {
        "from_subtotal": st.none() | MONEY,
        "from_quantity": st.none() | COUNTS,
        "percentage": st.none() | RATES,
        "amounts": st.none() | MONEY,
    }
)
BENEFITS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {
            "percentage": st.fixed_dictionaries(
                {"percentage": RATES, "target": TARGETS, "at_most": st.none() | MONEY}
                | {"units": COUNTS}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "fixed_amount": st.fixed_dictionaries(
                {"amounts": MONEY, "target": TARGETS, "units": COUNTS}
            )
        }
    ),
    st.fixed_dictionaries({"free_shipping": st.fixed_dictionaries({"at_most": st.none() | MONEY})}),
    st.fixed_dictionaries(
        {
            "buy_get": st.fixed_dictionaries(
                {"buy_quantity": COUNTS, "get_quantity": COUNTS, "percentage": RATES}
                | {"buy": st.none() | SCOPES, "get": st.none() | SCOPES}
                | {"most_times": st.none() | COUNTS}
            )
        }
    ),
    st.fixed_dictionaries(
        {"tiered": st.fixed_dictionaries({"tiers": st.lists(TIER, min_size=1, max_size=2)})}
    ),
    st.fixed_dictionaries(
        {"fixed_price": st.fixed_dictionaries({"amounts": MONEY, "quantity": COUNTS})}
    ),
    st.fixed_dictionaries(
        {
            "gift": st.fixed_dictionaries(
                {
                    "variant_ids": st.lists(
                        st.sampled_from([encode_id("ProductVariant", key) for key in KEYS])
                    ),
                    "quantity": COUNTS,
                }
            )
        }
    ),
)
GIVEN = st.fixed_dictionaries(
    {"name": st.just("x"), "benefit": BENEFITS, "scope": st.none() | SCOPES},
    optional={
        "starts_at": st.sampled_from(["2020-01-01", "2030-01-01T10:00"]),
        "ends_at": st.sampled_from(["2025-01-01", "2040-01-01"]),
        "minimum_subtotal": MONEY,
        "minimum_quantity": COUNTS,
        "budget": MONEY,
        "currencies": st.lists(st.sampled_from(["EUR", "USD"])),
        "countries": st.lists(st.sampled_from(["DE", "AT"])),
        "is_combinable": st.booleans(),
    },
)
LINES = st.lists(
    st.builds(
        CartLine,
        id=st.uuids().map(str),
        variant_id=st.sampled_from(KEYS),
        product_id=st.sampled_from(KEYS),
        sku=st.just("x"),
        name=st.just("x"),
        seller=st.sampled_from([None, "s1"]),
        quantity=st.integers(1, 10_000),
        unit_price=st.integers(0, 10**7),
        compare_at=st.none() | st.integers(0, 10**7),
        brand=st.sampled_from([None, "Nike"]),
    ),
    max_size=4,
    unique_by=lambda line: line.id,
)


def stored(given: dict[str, Any], seller: str | None) -> Record | None:
    """What is stored of what is given; None where it is refused."""
    try:
        values = checked_new(given, SHOP, "UTC")
        owner = {"seller": seller, "borne_by": "shop" if seller is None else "seller"}
        record: Record = {"_id": ObjectId(), "status": "active", **values, **owner}
        check_coherence(record)
    except InvalidError:
        return None
    return record


@given_any(GIVEN, LINES, st.sampled_from(["EUR", "USD", "JPY"]), st.sampled_from([None, "s1"]))
def test_whatever_can_be_made_can_be_evaluated(
    given: dict[str, Any], lines: list[CartLine], currency: str, seller: str | None
) -> None:
    record = stored(given, seller)
    if record is None:
        return
    cart = Cart("c", currency, tuple(lines), Destination("DE"), shipping={None: 490, "s1": 0})
    facts = Facts(now=datetime.now(UTC))
    choices: tuple[Choice, ...] = ("best", "priority")
    for choice in choices:
        promotion = to_promotion(record)
        outcome = evaluate([Candidate(promotion)], cart, facts, choice)
        assert 0 <= outcome.amount <= sum(line.price for line in lines) + 490
        assert (promotion.id in outcome.refused) is not bool(outcome.taken)
