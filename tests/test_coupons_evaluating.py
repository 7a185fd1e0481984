"""What promotions come to: pure functions, and the laws that hold for every cart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.checkout import Cart, CartLine, Destination
from mercat_coupons.promotions.counters import of_customer, of_promotion
from mercat_coupons.promotions.evaluating import evaluate
from mercat_coupons.promotions.values import (
    Benefit,
    BuyGet,
    Candidate,
    Conditions,
    Facts,
    FixedAmount,
    FixedPrice,
    Gift,
    Limits,
    Outcome,
    Percentage,
    Promotion,
    Refusal,
    Scope,
    Selection,
    Taken,
    Tier,
    Tiered,
    Why,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FACTS = Facts(NOW)
TENTH = Fraction(1, 10)
SHOES = Scope((Selection(categories=frozenset({"shoes"})),))


def line(id: str, price: int, quantity: int = 1, **more: Any) -> CartLine:  # noqa: A002
    values = {"seller": None, "groups": ("all",), **more}
    return CartLine(id, f"v-{id}", f"p-{id}", id, id, quantity=quantity, unit_price=price, **values)


def cart(*lines: CartLine, **more: Any) -> Cart:
    return Cart("c", lines=lines, **{"currency": "EUR", "destination": Destination("AT"), **more})


def promotion(benefit: Benefit, id: str = "a", **more: Any) -> Promotion:  # noqa: A002
    return Promotion(id, id, benefit, **more)


def outcome(basket: Cart, *promotions: Promotion, facts: Facts = FACTS, **more: Any) -> Outcome:
    return evaluate([Candidate(one) for one in promotions], basket, facts, **more)


def taken(basket: Cart, *promotions: Promotion, **more: Any) -> dict[str, dict[str, int]]:
    """By promotion what is taken off which line."""
    found = outcome(basket, *promotions, **more)
    return {one.candidate.promotion.id: dict(one.lines) for one in found.taken}


def why(basket: Cart, one: Promotion, **more: Any) -> Why:
    return outcome(basket, one, **more).refused[one.id]


TWO = cart(line("x", 1000, 2), line("y", 500, groups=("shoes", "all"), brand="Nimbus"))


@pytest.mark.parametrize(
    ("benefit", "more", "expected"),
    [
        (Percentage("lines", TENTH), {}, {"x": 200, "y": 50}),
        (Percentage("lines", TENTH), {"scope": SHOES}, {"y": 50}),
        (Percentage("lines", TENTH, at_most={"EUR": 100}), {}, {"x": 80, "y": 20}),
        (Percentage("order", TENTH), {}, {"x": 200, "y": 50}),
        (Percentage("cheapest", Fraction(1)), {}, {"y": 500}),
        (Percentage("cheapest", Fraction(1, 2), units=2), {}, {"y": 250, "x": 500}),
        (FixedAmount("order", {"EUR": 300}), {}, {"x": 240, "y": 60}),
        (FixedAmount("order", {"EUR": 9999}), {}, {"x": 2000, "y": 500}),
        (FixedAmount("lines", {"EUR": 300}), {}, {"x": 600, "y": 300}),
        (FixedAmount("lines", {"EUR": 700}), {}, {"x": 1400, "y": 500}),
        (FixedAmount("cheapest", {"EUR": 300}), {}, {"y": 300}),
        (FixedPrice({"EUR": 400}), {}, {"x": 1200, "y": 100}),
        (FixedPrice({"EUR": 1500}, quantity=2), {}, {"x": 500}),
        (FixedPrice({"EUR": 1900}, quantity=3), {}, {"x": 480, "y": 120}),
        (BuyGet(2, 1), {}, {"y": 500}),
        (BuyGet(1, 1, most=1), {}, {"y": 500}),
        (BuyGet(1, 1, rate=Fraction(1, 2), get=SHOES), {}, {"y": 250}),
        (Gift(frozenset({"v-y"})), {}, {"y": 500}),
        (
            Tiered((Tier({"EUR": 2500}, rate=TENTH), Tier({"EUR": 9000}, rate=Fraction(1, 2)))),
            {},
            {"x": 200, "y": 50},
        ),
        (
            Tiered(
                (
                    Tier(from_quantity=3, amounts={"EUR": 500}),
                    Tier(from_quantity=4, amounts={"EUR": 900}),
                )
            ),
            {},
            {"x": 400, "y": 100},
        ),
    ],
)
def test_each_kind_takes_off_what_it_says(
    benefit: Benefit, more: dict[str, Any], expected: dict[str, int]
) -> None:
    assert taken(TWO, promotion(benefit, **more)) == {"a": expected}


def test_buy_x_get_y_counts_no_unit_twice() -> None:
    shirts = Scope((Selection(brands=frozenset({"shirt"})),))
    socks = Scope((Selection(brands=frozenset({"socks"})),))
    rule = promotion(BuyGet(2, 1, buy=shirts, get=socks))
    both = cart(line("s", 1000, 5, brand="shirt"), line("t", 200, 3, brand="socks"))
    assert taken(both, rule) == {"a": {"t": 400}}
    assert why(cart(line("s", 1000, 5, brand="shirt")), rule) == Why(Refusal.WORTHLESS)
    six = cart(line("s", 1000, 6))
    assert taken(six, promotion(BuyGet(2, 1))) == {"a": {"s": 2000}}
    assert taken(six, promotion(BuyGet(3, 2))) == {"a": {"s": 2000}}
    assert taken(six, promotion(BuyGet(2, 2))) == {"a": {"s": 2000}}
    assert taken(six, promotion(BuyGet(1, 1))) == {"a": {"s": 3000}}


def test_what_could_be_bought_or_got_is_used_as_either() -> None:
    """A cheap unit isn't given away where it is needed as one that is bought."""
    cheap = line("a", 100, brand="shirt", groups=("sale",))
    dear = line("b", 900, groups=("sale",))
    rule = promotion(
        BuyGet(
            1,
            1,
            buy=Scope((Selection(brands=frozenset({"shirt"})),)),
            get=Scope((Selection(categories=frozenset({"sale"})),)),
        )
    )
    assert taken(cart(cheap, dear), rule) == {"a": {"b": 900}}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(products=frozenset({"p-x", "p-q"})), {"x"}),
        (Selection(variants=frozenset({"v-y"})), {"y"}),
        (Selection(categories=frozenset({"shoes"})), {"y"}),
        (Selection(brands=frozenset({"Nimbus", "Other"})), {"y"}),
        (Selection(sellers=frozenset({""})), {"x", "y"}),
        (Selection(sellers=frozenset({"s1"})), {"z"}),
        (Selection(attributes=frozenset({("colour", "red")})), {"z"}),
        (Selection(brands=frozenset({"Nimbus"}), sellers=frozenset({"s1"})), set()),
    ],
)
def test_a_scope_is_of_what_has_all_that_is_named(selection: Selection, expected: set[str]) -> None:
    third = line("z", 300, seller="s1", attributes=(("colour", "red"), ("size", "M")))
    three = cart(*TWO.lines, third)
    found = taken(three, promotion(Percentage("lines", TENTH), scope=Scope((selection,))))
    assert set(found.get("a", {})) == expected
    rest = taken(three, promotion(Percentage("lines", TENTH), scope=Scope(exclude=(selection,))))
    assert set(rest.get("a", {})) == {"x", "y", "z"} - expected


def test_a_scope_is_of_any_of_its_selections_without_what_is_reduced() -> None:
    scope = Scope(
        (Selection(products=frozenset({"p-x"})), Selection(brands=frozenset({"Nimbus"}))),
        excludes_reduced=True,
    )
    reduced = cart(replace(TWO.lines[0], compare_at=1200), TWO.lines[1])
    rule = promotion(Percentage("lines", TENTH), scope=scope)
    assert taken(TWO, rule) == {"a": {"x": 200, "y": 50}}
    assert taken(reduced, rule) == {"a": {"y": 50}}


def test_some_types_of_products_are_never_reduced() -> None:
    card = cart(line("g", 5000, product_type="gift-card"), line("x", 100))
    half = promotion(Percentage("order", Fraction(1, 2)))
    assert taken(card, half, undiscounted=["gift-card"]) == {"a": {"x": 50}}
    needs = replace(half, conditions=Conditions(minimum_subtotal={"EUR": 200}))
    assert outcome(card, needs, undiscounted=["gift-card"]).refused["a"].missing == 100


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"is_active": False}, Why(Refusal.INACTIVE)),
        ({"conditions": Conditions(starts_at=NOW + DAY)}, Why(Refusal.NOT_STARTED)),
        ({"conditions": Conditions(ends_at=NOW)}, Why(Refusal.ENDED)),
        ({"conditions": Conditions(customers=frozenset({"u"}))}, Why(Refusal.NOT_FOR_YOU)),
        ({"conditions": Conditions(groups=frozenset({"g"}))}, Why(Refusal.NOT_FOR_YOU)),
        ({"conditions": Conditions(currencies=frozenset({"USD"}))}, Why(Refusal.CURRENCY)),
        ({"conditions": Conditions(minimum_subtotal={"USD": 1})}, Why(Refusal.CURRENCY)),
        ({"conditions": Conditions(countries=frozenset({"DE"}))}, Why(Refusal.COUNTRY)),
        ({"conditions": Conditions(minimum_subtotal={"EUR": 2501})}, Why(Refusal.SUBTOTAL, 1)),
        ({"conditions": Conditions(minimum_quantity=5)}, Why(Refusal.QUANTITY, 2)),
        ({"scope": Scope((Selection(products=frozenset({"?"})),))}, Why(Refusal.NOTHING)),
        ({"limits": Limits(budget={"EUR": 249})}, Why(Refusal.BUDGET)),
        ({"limits": Limits(budget={"USD": 10**9})}, Why(Refusal.CURRENCY)),
    ],
)
def test_what_doesnt_hold_says_why(more: dict[str, Any], expected: Why) -> None:
    assert why(TWO, promotion(Percentage("lines", TENTH), **more)) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"conditions": Conditions(starts_at=NOW, ends_at=NOW + DAY, countries=frozenset({"AT"}))},
        {"conditions": Conditions(customers=frozenset({"u"}), groups=frozenset({"other"}))},
        {"conditions": Conditions(groups=frozenset({"g", "h"}))},
        {"conditions": Conditions(minimum_subtotal={"EUR": 2500}, minimum_quantity=3)},
        {"limits": Limits(uses=10, uses_per_customer=2, budget={"EUR": 250})},
        {"conditions": Conditions(first_order=True)},
    ],
)
def test_what_is_met_holds(more: dict[str, Any]) -> None:
    facts = Facts(
        NOW,
        uses={of_promotion("a"): 9, of_customer("a", "u:u"): 1},
        customer=frozenset({"u:u", "e:d"}),
        user="u",
        groups=frozenset({"g"}),
    )
    assert taken(TWO, promotion(Percentage("lines", TENTH), **more), facts=facts)


@pytest.mark.parametrize(
    ("more", "facts", "expected"),
    [
        ({"limits": Limits(uses=3)}, {"uses": {"p:a": 3}}, Refusal.USED_UP),
        ({"limits": Limits(uses_per_customer=1)}, {"uses": {"p:a:e:d": 1}}, Refusal.USED_BY_YOU),
        ({"conditions": Conditions(first_order=True)}, {"has_ordered": True}, Refusal.FIRST_ORDER),
        ({"limits": Limits(budget={"EUR": 500})}, {"spent": {"p:a": 251}}, Refusal.BUDGET),
    ],
)
def test_limits_are_of_all_and_of_each_customer(
    more: dict[str, Any], facts: dict[str, Any], expected: Refusal
) -> None:
    known = Facts(NOW, customer=frozenset({"u:u", "e:d"}), **facts)
    assert why(TWO, promotion(Percentage("lines", TENTH), **more), facts=known).refusal == expected


def test_delivery_is_reduced_by_seller() -> None:
    two = cart(line("x", 1000), line("y", 500, seller="s1"), shipping={None: 490, "s1": 301})
    free = promotion(Percentage("shipping", Fraction(1)))
    (found,) = outcome(two, free).taken
    assert found.shipping == {None: 490, "s1": 301}
    (found,) = outcome(two, replace(free, seller="s1")).taken
    assert found.shipping == {"s1": 301}
    (found,) = outcome(two, promotion(FixedAmount("shipping", {"EUR": 100}))).taken
    assert sum(found.shipping.values()) == 100


def test_promotions_add_up_in_the_order_of_their_targets_and_priorities() -> None:
    one = cart(line("x", 1000))
    order = promotion(FixedAmount("order", {"EUR": 100}), "order", priority=9)
    half = promotion(Percentage("lines", Fraction(1, 2)), "half")
    less = promotion(FixedAmount("lines", {"EUR": 100}), "less", priority=1)
    found = taken(one, order, half, less)
    assert found == {"less": {"x": 100}, "half": {"x": 450}, "order": {"x": 100}}
    assert list(found) == ["less", "half", "order"]


def test_an_exclusive_one_is_alone_and_the_best_for_the_buyer_holds() -> None:
    small = promotion(Percentage("lines", TENTH), "small")
    more = promotion(FixedAmount("order", {"EUR": 100}), "more")
    alone = promotion(Percentage("lines", Fraction(1, 5)), "alone", is_combinable=False)
    other = promotion(FixedAmount("order", {"EUR": 400}), "other", is_combinable=False, priority=5)
    found = outcome(TWO, small, more, alone, other)
    assert [one.candidate.promotion.id for one in found.taken] == ["alone"]
    assert found.refused == dict.fromkeys(("small", "more", "other"), Why(Refusal.BEATEN))
    assert list(taken(TWO, small, more, alone, other, choice="priority")) == ["other"]
    assert list(taken(TWO, replace(small, priority=6), more, other, choice="priority")) == [
        "small",
        "more",
    ]
    assert list(taken(TWO, small, more, replace(alone, benefit=Percentage("lines", TENTH)))) == [
        "small",
        "more",
    ]


def test_free_delivery_is_compared_with_what_delivery_costs() -> None:
    free = promotion(Percentage("shipping", Fraction(1)), "free", is_combinable=False)
    tenth = promotion(Percentage("lines", TENTH), "tenth", is_combinable=False)
    cheap, dear = replace(TWO, shipping={None: 240}), replace(TWO, shipping={None: 260})
    assert list(taken(cheap, free, tenth)) == ["tenth"]
    assert list(taken(dear, free, tenth)) == ["free"]


def test_of_two_codes_for_one_promotion_the_one_that_opens_it_counts() -> None:
    rule = promotion(Percentage("lines", TENTH))
    barred = Candidate(rule, "one", Why(Refusal.USED_UP))
    (found,) = evaluate([barred, Candidate(rule, "two")], TWO, FACTS).taken
    assert found.candidate.coupon == "two"
    assert evaluate([barred], TWO, FACTS).refused == {"a": Why(Refusal.USED_UP)}


# Laws

sums = st.integers(0, 10_000)
rates = st.fractions(0, 1, max_denominator=1000).filter(bool)
whole = st.fixed_dictionaries({"EUR": st.integers(1, 20_000)})
counts = st.integers(1, 5)
SELECTIONS = [
    Selection(),
    Selection(categories=frozenset({"c0"})),
    Selection(categories=frozenset({"c1", "c2"})),
    Selection(sellers=frozenset({"s1"})),
    Selection(products=frozenset({"p-l0", "p-l1"})),
]
scopes = st.builds(
    Scope,
    st.lists(st.sampled_from(SELECTIONS), max_size=2).map(tuple),
    st.lists(st.sampled_from(SELECTIONS[1:]), max_size=1).map(tuple),
    st.booleans(),
)
targets = st.sampled_from(["lines", "cheapest", "order", "shipping"])
benefits: st.SearchStrategy[Benefit] = st.one_of(
    st.builds(Percentage, targets, rates, st.none() | whole, counts),
    st.builds(FixedAmount, targets, whole, counts),
    st.builds(
        Tiered,
        st.lists(
            st.builds(Tier, whole, st.none(), rates)
            | st.builds(Tier, whole, st.none(), st.none(), whole),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    st.builds(
        BuyGet, counts, counts, rates, st.none() | scopes, st.none() | scopes, st.none() | counts
    ),
    st.builds(FixedPrice, whole, counts),
    st.builds(Gift, st.just(frozenset({"v-l0", "v-l2"})), counts),
)
conditions = st.builds(
    Conditions, minimum_subtotal=st.none() | whole, minimum_quantity=st.none() | counts
)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    lines = [
        line(
            f"l{at}",
            draw(sums),
            draw(st.integers(1, 9)),
            seller=draw(st.sampled_from([None, "s1", "s2"])),
            groups=draw(st.sampled_from([(), ("c0",), ("c0", "c1"), ("c2",)])),
            compare_at=draw(st.none() | sums),
        )
        for at in range(draw(st.integers(1, 7)))
    ]
    sellers = {one.seller for one in lines}
    return cart(*lines, shipping={seller: draw(sums) for seller in sellers})


@st.composite
def promotions(draw: st.DrawFn) -> list[Promotion]:
    return [
        promotion(
            draw(benefits),
            f"r{at}",
            scope=draw(scopes),
            conditions=draw(conditions),
            limits=Limits(budget=draw(st.none() | whole)),
            is_combinable=draw(st.booleans()),
            priority=draw(st.integers(-2, 2)),
            seller=draw(st.sampled_from([None, None, "s1"])),
        )
        for at in range(draw(st.integers(1, 6)))
    ]


choices = st.sampled_from(["best", "priority"])


@given(carts(), promotions(), choices)
def test_no_line_and_no_delivery_ever_costs_less_than_nothing(
    basket: Cart, rules: list[Promotion], choice: str
) -> None:
    found = outcome(basket, *rules, choice=choice)
    for one in basket.lines:
        assert 0 <= sum(part.lines.get(one.id, 0) for part in found.taken) <= one.price
    for seller, cost in basket.shipping.items():
        assert 0 <= sum(part.shipping.get(seller, 0) for part in found.taken) <= cost
    assert all(amount > 0 for part in found.taken for amount in part.lines.values())


@given(carts(), promotions(), choices, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_of_promotions_doesnt_matter(
    basket: Cart, rules: list[Promotion], choice: str, shuffled: Any
) -> None:
    lines, others = list(basket.lines), list(rules)
    shuffled.shuffle(lines)
    shuffled.shuffle(others)
    first = outcome(basket, *rules, choice=choice)
    assert outcome(replace(basket, lines=tuple(lines)), *others, choice=choice) == first


@given(carts(), promotions(), choices)
def test_every_promotion_holds_or_says_why_and_exclusive_ones_are_alone(
    basket: Cart, rules: list[Promotion], choice: str
) -> None:
    found = outcome(basket, *rules, choice=choice)
    held = [part.candidate.promotion for part in found.taken]
    assert {one.id for one in held} | found.refused.keys() == {one.id for one in rules}
    assert not {one.id for one in held} & found.refused.keys()
    assert len(held) <= 1 or all(one.is_combinable for one in held)


@given(carts(), promotions())
def test_nothing_that_could_be_chosen_is_better_for_the_buyer_than_the_best(
    basket: Cart, rules: list[Promotion]
) -> None:
    best = outcome(basket, *rules).amount
    assert best >= outcome(basket, *rules, choice="priority").amount
    for rule in rules:
        if not rule.is_combinable:
            assert best >= outcome(basket, rule).amount
    assert best >= outcome(basket, *(one for one in rules if one.is_combinable)).amount


def _most(part: Taken, basket: Cart) -> Fraction:  # noqa: PLR0911  a return a kind
    """The most that a rule allows to be taken off, by its words alone."""
    benefit, goods = part.candidate.promotion.benefit, sum(one.price for one in basket.lines)
    shipping = sum(basket.shipping.values())
    match benefit:
        case Percentage(target="shipping", rate=rate, at_most=most):
            allowed = shipping * rate
            return min(allowed, Fraction(most["EUR"])) if most else allowed
        case Percentage(target="cheapest", rate=rate, units=units):
            return Fraction(max(one.unit_price for one in basket.lines)) * units * rate
        case Percentage(rate=rate, at_most=most):
            return min(goods * rate, Fraction(most["EUR"])) if most else goods * rate
        case FixedAmount(target="lines", amounts=amounts):
            return Fraction(amounts["EUR"] * sum(one.quantity for one in basket.lines))
        case FixedAmount(target="cheapest", amounts=amounts, units=units):
            return Fraction(amounts["EUR"] * units)
        case FixedAmount(amounts=amounts):
            return Fraction(amounts["EUR"])
        case Tiered(tiers=tiers):
            reached = [one for one in tiers if goods >= (one.from_subtotal or {})["EUR"]]
            return max(
                Fraction(one.amounts["EUR"]) if one.amounts else goods * (one.rate or Fraction(0))
                for one in reached
            )
        case BuyGet(buy_quantity=buy, get_quantity=get, rate=rate):
            units = sum(one.quantity for one in basket.lines)
            dearest = max(one.unit_price for one in basket.lines)
            return Fraction(units, buy + get) * get * dearest * rate
    return Fraction(goods)


@given(carts(), promotions())
def test_no_promotion_takes_off_more_than_its_own_rule_allows(
    basket: Cart, rules: list[Promotion]
) -> None:
    for part in outcome(basket, *rules).taken:
        lines = len(basket.lines)  # each may be rounded up once
        assert part.amount <= _most(part, basket) + lines
        budget = part.candidate.promotion.limits.budget
        assert budget is None or part.amount <= budget["EUR"]


@given(carts(), st.builds(line, st.just("new"), sums, st.integers(1, 3)), rates, scopes)
def test_one_more_thing_in_the_cart_makes_it_no_cheaper_for_a_share_off(
    basket: Cart, added: CartLine, rate: Fraction, scope: Scope
) -> None:
    rule = promotion(Percentage("lines", rate), scope=scope)
    fuller = replace(basket, lines=(*basket.lines, added))

    def total(of: Cart) -> int:
        return sum(one.price for one in of.lines) - outcome(of, rule).amount

    assert total(fuller) >= total(basket)


kinds = st.sampled_from([("b",), ("g",), ("b", "g")])
small = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), kinds), min_size=1, max_size=3)


def _cheapest(units: list[tuple[int, tuple[str, ...]]], buy: int, get: int) -> int:
    """By trying everything: as often as possible, with the cheapest units for nothing."""
    for times in range(len(units), 0, -1):
        found = [
            sum(units[at][0] for at in given)
            for given in combinations(range(len(units)), times * get)
            if all("g" in units[at][1] for at in given)
            and sum("b" in units[at][1] for at in range(len(units)) if at not in given)
            >= times * buy
        ]
        if found:
            return min(found)
    return 0


@given(small, st.integers(1, 3), st.integers(1, 2))
def test_buy_x_get_y_gives_what_trying_everything_gives(
    rows: list[tuple[int, int, tuple[str, ...]]], buy: int, get: int
) -> None:
    lines = [
        line(str(at), price, count, groups=groups) for at, (price, count, groups) in enumerate(rows)
    ]
    units = [(price, groups) for price, count, groups in rows for _ in range(count)]
    rule = BuyGet(
        buy,
        get,
        buy=Scope((Selection(categories=frozenset({"b"})),)),
        get=Scope((Selection(categories=frozenset({"g"})),)),
    )
    assert outcome(cart(*lines), promotion(rule)).amount == _cheapest(units, buy, get)
