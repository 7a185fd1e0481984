"""What shipping methods offer for a parcel. Nothing here asks anybody."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mercat.checkout import Destination, Parcel
from mercat_orders.areas import Area
from mercat_orders.delivery.methods import Band, ShippingMethod, options

DE = Destination("DE", "BE", "10115")


def parcel(
    value: int = 1000,
    weight: int = 100,
    *,
    currency: str = "EUR",
    seller: str | None = None,
    to: Destination = DE,
) -> Parcel:
    return Parcel(seller, (), currency, value, weight, to)


def method(**more: Any) -> ShippingMethod:
    values: dict[str, Any] = {"id": "m", "name": "M", "area": Area(), "free_from": {}}
    return ShippingMethod(**{**values, "bands": (Band({"EUR": 490}),), **more})


def prices_of(found: ShippingMethod, *parcels: Parcel) -> list[int | None]:
    said = [found.option(each) for each in parcels]
    return [None if option is None else option.price for option in said]


def test_bands_include_their_limits() -> None:
    light = method(bands=(Band({"EUR": 1}, 500), Band({"EUR": 2}, 1000)))
    weights = (0, 499, 500, 501, 1000, 1001)
    expected = [1, 1, 1, 2, 2, None]
    assert prices_of(light, *(parcel(weight=each) for each in weights)) == expected
    cheap = method(bands=(Band({"EUR": 1}, None, {"EUR": 500}), Band({"EUR": 2}, 200)))
    assert prices_of(cheap, parcel(500), parcel(501), parcel(501, 201)) == [1, 2, None]


def test_delivery_is_free_from_the_amount_on() -> None:
    found = method(free_from={"EUR": 5000})
    assert prices_of(found, parcel(4999), parcel(5000), parcel(5001)) == [490, 0, 0]
    dollars = method(free_from={"USD": 1})
    assert prices_of(dollars, parcel(5000)) == [490]
    heavy = method(bands=(Band({"EUR": 490}, 500),), free_from={"EUR": 0})
    assert prices_of(heavy, parcel(weight=500), parcel(weight=501)) == [0, None]


def test_postal_codes_are_compared_without_spaces_hyphens_and_case() -> None:
    city = Area(("GB", "PL"), postal_codes=("sw1a 1", "00-9"), except_postal_codes=("SW1A1AA",))
    for code, is_covered in {
        "SW1A 1AB": True,
        "sw1a1ab": True,
        "SW1A-1AB": True,
        "SW1A 1AA": False,
        "SW1A 2AB": False,
        "": False,
        "00-950": True,
        "00950": True,
        "0-0 9": True,
    }.items():
        assert city.covers(Destination("GB", "", code)) is is_covered, code
    assert not city.covers(Destination("DE", "", "SW1A 1AB"))


def test_regions_are_compared_without_case() -> None:
    west = Area(("US",), regions=("ca", "OR"), except_regions=("or",))
    for region, is_covered in {"CA": True, "cA": True, "OR": False, "NV": False, "": False}.items():
        assert west.covers(Destination("US", region)) is is_covered, region
    assert Area(("US",), except_regions=("HI",)).covers(Destination("US"))
    assert not Area(("US",), except_regions=("HI",)).covers(Destination("US", "hi"))


def test_a_seller_with_methods_has_no_others() -> None:
    general, own = method(id="general"), method(id="own", seller="s1", area=Area(("FR",)))
    ways = {
        seller: [way.id for way in options([general, own], parcel(seller=seller))]
        for seller in (None, "s1", "s2")
    }
    assert ways == {None: ["general"], "s1": [], "s2": ["general"]}


currencies = st.sampled_from(["EUR", "JPY", "KWD"])
sums = st.dictionaries(currencies, st.integers(0, 3000), max_size=3)
some_bands = st.builds(Band, sums, st.none() | st.integers(0, 2000), st.none() | sums)
some_methods = st.builds(
    ShippingMethod,
    id=st.sampled_from("abc"),
    name=st.just("M"),
    area=st.sampled_from([Area(), Area(("DE",)), Area(("FR",))]),
    bands=st.lists(some_bands, max_size=4).map(tuple),
    free_from=sums,
    seller=st.sampled_from([None, "s1"]),
    position=st.integers(0, 3),
)
some_parcels = st.builds(
    parcel,
    st.integers(0, 3000),
    st.integers(0, 2000),
    currency=currencies,
    seller=st.sampled_from([None, "s1", "s2"]),
)


@given(st.lists(some_methods, max_size=5), some_parcels)
def test_nothing_is_offered_at_a_price_that_nobody_set(
    methods: list[ShippingMethod], sent: Parcel
) -> None:
    mine = [each for each in methods if each.seller == sent.seller] if sent.seller else []
    allowed = mine or [each for each in methods if each.seller is None]
    for way in options(methods, sent):
        assert any(
            way.id == each.id
            and sent.currency in band_.prices
            and band_.holds(sent)
            and way.price in (band_.prices[sent.currency], 0)
            for each in allowed
            for band_ in each.bands
        )


@given(some_methods, some_parcels)
def test_free_is_only_what_costs_nothing_or_is_worth_enough(
    found: ShippingMethod, sent: Parcel
) -> None:
    option = found.option(sent)
    if option is None:
        return
    price = next(each for each in found.bands if each.holds(sent)).prices[sent.currency]
    from_ = found.free_from.get(sent.currency)
    is_free = from_ is not None and sent.value >= from_
    assert option.price == (0 if is_free else price)
