"""The pricing pipeline: pure functions, and the laws that hold for every cart."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercat.checkout import (
    Cart,
    CartLine,
    Destination,
    Discount,
    PriceAdjustment,
    ShippingOption,
    Tax,
    TaxAnswer,
)
from mercat.money import allocate, share_of
from mercat_orders.pricing import steps
from mercat_orders.pricing.values import Adjustment, LineCost, Quote, ShippingCost

AT = Destination("AT")
SELLERS = (None, "s1", "s2")

amounts = st.integers(0, 10**9)
rates = st.decimals(0, 1, places=4)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_parts_add_up_and_none_is_further_than_one_from_its_share(
    amount: int, weights: list[int]
) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        share = Fraction(amount * weight, total) if total else Fraction(amount, len(weights))
        assert abs(part - share) < 1


def test_the_largest_remainders_get_the_rest_and_the_first_of_equal_ones() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [3, 3, 1]) == [4, 4, 2]
    assert allocate(-5, [1, 1]) == [-3, -2]
    assert allocate(3, [0, 0]) == [2, 1]
    assert allocate(0, []) == []


def test_shares_are_rounded_half_away_from_zero() -> None:
    assert [share_of(one, Decimal("0.5")) for one in (1, 2, 3, -1, -3)] == [1, 1, 2, -1, -2]
    assert share_of(999, Decimal("0.07")) == 70


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    """Carts of 0, 2 and 3 digits after the point, of one seller or several."""
    lines = tuple(
        CartLine(
            id=f"l{index}",
            variant_id=f"v{index}",
            product_id=f"p{index}",
            sku=f"S{index}",
            name="thing",
            seller=draw(st.sampled_from(SELLERS)),
            quantity=draw(st.integers(1, 1_000)),
            unit_price=draw(st.integers(0, 10**6)),
            weight=draw(st.none() | st.integers(0, 10_000)),
        )
        for index in range(draw(st.integers(1, 8)))
    )
    return Cart("c", draw(st.sampled_from(["JPY", "EUR", "KWD"])), lines, AT)


@st.composite
def discounts(draw: st.DrawFn) -> Discount:
    is_rate = draw(st.booleans())
    return Discount(
        target=draw(st.sampled_from(["lines", "order", "shipping"])),
        label="off",
        source="test:off",
        amount=None if is_rate else draw(amounts),
        rate=draw(rates) if is_rate else None,
        at_most=draw(st.none() | amounts),
        lines=tuple(draw(st.lists(st.sampled_from([f"l{i}" for i in range(8)]), max_size=3))),
        sellers=tuple(draw(st.lists(st.sampled_from(SELLERS), max_size=2))),
        borne_by=draw(st.sampled_from(["shop", "seller"])),
    )


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    """Whole quotes: every step with anything that plugins may say."""
    cart = draw(carts())
    adjustments = [
        PriceAdjustment(f"l{draw(st.integers(0, 7))}", draw(amounts), "yours", "test:group")
        for _ in range(draw(st.integers(0, 2)))
    ]
    off = draw(st.lists(discounts(), max_size=5))
    quote = steps.discounted(steps.priced(cart, adjustments), off)
    ways = [
        (parcel, [ShippingOption("a", "A", draw(amounts), "test:a")])
        for parcel in steps.parcels(quote, AT)
    ]
    quote = steps.shipping_discounted(steps.shipped(quote, ways, {}), off)
    ids = [item.id for item in steps.taxables(quote)]
    taxes = tuple(
        Tax("VAT", draw(rates), tuple(draw(st.sets(st.sampled_from(ids)))), "test:vat")
        for _ in range(draw(st.integers(0, 3)))
    )
    return steps.taxed(quote, TaxAnswer(taxes, included=draw(st.booleans())))


def check_sums(quote: Quote) -> None:
    """Every amount is explained, and the parts sum to the whole."""
    totals = quote.totals
    on_top = 0 if quote.tax_included else totals.tax
    assert totals.total == totals.subtotal - totals.discounts + totals.shipping + on_top
    explained = sum(one.amount for one in totals.adjustments if not one.is_included)
    assert totals.total == totals.subtotal + explained
    for part in ("subtotal", "discounts", "shipping", "tax", "total"):
        by_seller = [getattr(quote.of_seller(seller), part) for seller in quote.sellers]
        assert sum(by_seller) == getattr(totals, part)


def check_bounds(quote: Quote) -> None:
    """Nothing is taken off that is not there."""
    costs: list[LineCost | ShippingCost] = [*quote.lines, *quote.shipping]
    for cost in costs:
        assert 0 <= cost.discount <= cost.subtotal
        assert cost.tax >= 0
        assert cost.total >= 0
        assert not quote.tax_included or cost.total == cost.left


def check_rounding(quote: Quote) -> None:
    """A tax is rounded once, and not once a line."""
    bare = replace(
        quote,
        lines=tuple(replace(cost, adjustments=_without_tax(cost)) for cost in quote.lines),
        shipping=tuple(replace(cost, adjustments=_without_tax(cost)) for cost in quote.shipping),
    )
    ids = tuple(item.id for item in steps.taxables(quote))
    left = sum(item.amount for item in steps.taxables(quote))
    vat = (Tax("VAT", Decimal("0.19"), ids, "t"),)
    assert steps.taxed(bare, TaxAnswer(vat, included=False)).totals.tax == share_of(
        left, vat[0].rate
    )
    within = steps.taxed(bare, TaxAnswer(vat, included=True)).totals
    assert (within.tax, within.total) == (share_of(left, Fraction(19, 119)), left)


def check(quote: Quote) -> None:
    check_sums(quote)
    check_bounds(quote)
    check_rounding(quote)


@settings(max_examples=300, deadline=None)
@given(quotes())
def test_the_laws_hold_for_any_cart(quote: Quote) -> None:
    check(quote)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(quotes())
def test_the_laws_hold_for_ten_thousand_carts(quote: Quote) -> None:
    check(quote)


def _without_tax(cost: LineCost | ShippingCost) -> tuple[Adjustment, ...]:
    return tuple(one for one in cost.adjustments if one.kind != "tax")


def line(key: str, price: int, quantity: int = 1, seller: str | None = None) -> CartLine:
    return CartLine(key, f"v{key}", f"p{key}", key, key, seller, quantity, price)


def quote_of(*lines: CartLine) -> Quote:
    return steps.priced(Cart("c", "EUR", lines, AT), [])


def test_line_discounts_come_before_those_of_the_order() -> None:
    ten = Decimal("0.1")
    off = [
        Discount("order", "10 %", "t", rate=ten),
        Discount("lines", "5 off", "t", amount=500, lines=("a",)),
    ]
    quote = steps.discounted(quote_of(line("a", 1_500), line("b", 500)), off)
    assert [cost.discount for cost in quote.lines] == [500 + 100, 50]
    kinds = [one.kind for one in quote.lines[0].adjustments]
    assert kinds == ["line_discount", "order_discount"]


def test_a_cap_holds_and_a_discount_says_who_bears_it() -> None:
    off = Discount("order", "half", "t", rate=Decimal("0.5"), at_most=300, borne_by="seller")
    quote = steps.discounted(quote_of(line("a", 1_000, seller="s")), [off])
    (why,) = quote.lines[0].adjustments
    assert (why.amount, why.borne_by, why.seller, why.line) == (-300, "seller", "s", "a")


def test_a_price_of_ones_own_is_the_subtotal_and_is_explained() -> None:
    mine = PriceAdjustment("a", 80, "wholesale", "groups:wholesale")
    quote = steps.priced(Cart("c", "EUR", (line("a", 100, 3),), AT), [mine])
    assert quote.totals.subtotal == quote.totals.total == 240
    (why,) = quote.lines[0].adjustments
    assert (why.kind, why.amount, why.is_included) == ("price", -60, True)


def test_the_only_way_is_chosen_and_of_several_none() -> None:
    quote = quote_of(line("a", 100), line("b", 100, seller="s"))
    one, other = steps.parcels(quote, AT)
    a, b = ShippingOption("a", "A", 500, "t"), ShippingOption("b", "B", 900, "t")
    shipped = steps.shipped(quote, [(one, [a]), (other, [a, b])], {})
    assert [cost.option for cost in shipped.shipping] == [a, None]
    shipped = steps.shipped(quote, [(one, [a]), (other, [a, b])], {"s": "b"})
    assert [cost.option for cost in shipped.shipping] == [a, b]
    assert shipped.of_seller("s").total == 1_000
    gone = steps.shipped(quote, [(one, [a]), (other, [a, b])], {"s": "gone"})
    assert gone.shipping[1].option is None


def test_a_parcel_weighs_what_is_in_it() -> None:
    heavy = replace(line("a", 100, 3), weight=250)
    (parcel,) = steps.parcels(quote_of(heavy, line("b", 50)), AT)
    assert (parcel.weight, parcel.value) == (750, 350)


def test_two_included_taxes_are_shares_of_the_sum_without_them() -> None:
    taxes = (Tax("A", Decimal("0.05"), ("a",), "t"), Tax("B", Decimal("0.15"), ("a",), "t"))
    quote = steps.taxed(quote_of(line("a", 12_000)), TaxAnswer(taxes, included=True))
    assert [one.amount for one in quote.lines[0].adjustments] == [500, 1_500]


def test_a_service_may_reckon_the_amounts_itself() -> None:
    answer = TaxAnswer((Tax("A", Decimal("0.05"), ("a",), "t", amounts=(7,)),), included=False)
    quote = steps.taxed(quote_of(line("a", 100)), answer)
    assert quote.totals.tax == 7
    assert quote.totals.total == 107
