"""Carts: what is in them, what they cost now, and whose they are."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat import auth
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat_orders.carts import shelves
from mercat_orders.carts.access import carts
from mercat_orders.carts.leaving import remove_expired, tell_abandoned
from mercat_orders.carts.merging import merge_guest
from mercat_products import offers as catalogue
from mercat_products.offers import Offer

from .asking import answered
from .conftest import EngineFor
from .market import (
    BERLIN,
    CARL,
    CORA,
    GUEST,
    NOBODY,
    OTHER_GUEST,
    TOML,
    cart_of,
    change,
    change_product,
    changed,
    codes,
    line,
    offer,
    seen,
    sums,
)
from .plugins_for_tests.stocktaking.shop import adjust

HEARD = TOML.replace('"orders"]', '"orders", "tests.plugins_for_tests.hearing"]')


@pytest.fixture(scope="module")
async def engine(shared_engine_for: EngineFor) -> Engine:
    """One shop for the whole file: everybody has things and carts of their own."""
    return await shared_engine_for(HEARD)


async def test_a_change_and_its_answer_ask_the_catalogue_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[ObjectId]] = []

    async def offers(context: Context, variants: set[ObjectId]) -> dict[ObjectId, Offer]:
        asked.append(variants)
        return await catalogue.offers(context, variants)

    monkeypatch.setattr(shelves, "offers", offers)
    cup, plate = await offer(engine), await offer(engine)
    cart = await cart_of(engine, line(cup))
    assert asked == [{cup}]
    await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(plate)])
    assert asked[1:] == [{cup, plate}]
    selections = [{"optionId": "standard"}]
    await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=selections)
    assert asked[2:] == [{cup, plate}]


async def test_a_cart_is_priced_taxed_and_delivered(engine: Engine) -> None:
    cup = await offer(engine, prices={"EUR": 1_190}, tax_class="standard", weight=400)
    cart = await cart_of(engine, line(cup, 2))
    (parcel,) = cart["parcels"]
    assert [way["id"] for way in parcel["options"]] == ["standard", "express"]
    assert parcel["selected"] is None
    assert sums(cart) == ["23.80", "0.00", "0.00", "3.80", "23.80"]
    selections = [{"optionId": "standard"}]
    cart = await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=selections)
    assert sums(cart) == ["23.80", "0.00", "4.90", "4.58", "28.70"]
    assert cart["taxIncluded"]
    whys = [(why["kind"], why["source"]) for why in cart["totals"]["adjustments"]]
    assert whys == [
        ("TAX", "orders:tax_zone:germany"),
        ("SHIPPING", "orders:shipping_method:standard"),
        ("TAX", "orders:tax_zone:germany"),
    ]


async def test_delivery_is_free_from_a_value_on_and_dearer_by_weight(engine: Engine) -> None:
    heavy = await offer(engine, prices={"EUR": 5_000}, weight=900)
    cart = await cart_of(engine, line(heavy))
    (parcel,) = cart["parcels"]
    prices = {way["id"]: way["price"]["amount"] for way in parcel["options"]}
    assert prices == {"standard": "0.00", "express": "9.90"}
    cart = await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(heavy)])
    prices = {way["id"]: way["price"]["amount"] for way in cart["parcels"][0]["options"]}
    assert prices["express"] == "14.90"
    cart = await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(heavy, 4)])
    assert [way["id"] for way in cart["parcels"][0]["options"]] == ["standard"]
    assert cart["parcels"][0]["selected"] == {"id": "standard"}, "the only one is chosen"


async def test_tax_is_put_on_top_where_the_market_says_so(engine: Engine) -> None:
    cup = await offer(engine, prices={"USD": 1_000})
    cart = await cart_of(engine, line(cup), currency="USD", country="US")
    assert sums(cart)[3:] == ["0.00", "35.00"]
    there = {**BERLIN, "country": "US", "region": "California", "city": "Mountain View"}
    there |= {"postalCode": "94043"}
    cart = await changed(engine, "cartAddressSet", cartId=cart["id"], shippingAddress=there)
    assert cart["shippingAddress"]["region"] == "CA"
    assert not cart["taxIncluded"]
    assert sums(cart) == ["10.00", "0.00", "25.00", "0.73", "35.73"]


async def test_a_cart_of_two_sellers_has_two_parcels(engine: Engine) -> None:
    mine, hers = await offer(engine), await offer(engine, seller="anna", prices={"EUR": 500})
    cart = await cart_of(engine, line(mine), line(hers, 2))
    anna = encode_id("Seller", "anna")
    assert [parcel["sellerId"] for parcel in cart["parcels"]] == [None, anna]
    choice = [
        {"optionId": "express"},
        {"sellerId": anna, "optionId": "standard"},
    ]
    cart = await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=choice)
    assert sums(cart)[2] == "14.80"
    assert [parcel["selected"]["id"] for parcel in cart["parcels"]] == ["express", "standard"]


async def test_the_same_thing_is_one_line_and_another_note_another_one(engine: Engine) -> None:
    cup = await offer(engine)
    engraving = [{"name": "Engraving", "value": "Ada"}]
    cart = await cart_of(engine, line(cup), line(cup, 2), line(cup, options=engraving))
    assert [one["quantity"] for one in cart["lines"]] == [3, 1]
    assert cart["lines"][1]["options"] == engraving
    cart = await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(cup, note="red")])
    assert [one["note"] for one in cart["lines"]] == ["", "", "red"]
    assert cart["itemCount"] == 5


async def test_lines_change_and_go(engine: Engine) -> None:
    cup, jug = await offer(engine), await offer(engine)
    cart = await cart_of(engine, line(cup, 2), line(jug))
    first, second = (one["id"] for one in cart["lines"])
    changes = [{"id": first, "quantity": 5, "note": "gift"}, {"id": second, "quantity": 0}]
    cart = await changed(engine, "cartLinesUpdate", cartId=cart["id"], lines=changes)
    assert [(one["quantity"], one["note"]) for one in cart["lines"]] == [(5, "gift")]
    cart = await changed(engine, "cartLinesRemove", cartId=cart["id"], lineIds=[first])
    assert cart["lines"] == []
    assert codes(cart)[0] == "EMPTY"
    cart = await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(jug)])
    assert (await changed(engine, "cartClear", cartId=cart["id"]))["lines"] == []


async def test_a_change_of_several_lines_is_all_or_nothing(engine: Engine) -> None:
    cup = await offer(engine)
    cart = await cart_of(engine, line(cup, 2))
    key = cart["lines"][0]["id"]
    gone = encode_id("CartLine", ObjectId())
    changes = [{"id": key, "quantity": 9}, {"id": gone, "quantity": 1}]
    _, errors = await change(engine, "cartLinesUpdate", cartId=cart["id"], lines=changes)
    assert errors == [("NOT_FOUND", ["lines", "1", "id"])]
    nothing = await offer(engine, prices={"USD": 5})
    _, errors = await change(
        engine, "cartLinesAdd", cartId=cart["id"], lines=[line(cup), line(nothing)]
    )
    assert errors == [("UNAVAILABLE", ["lines", "1", "variantId"])]
    assert await seen(engine, cart["id"]) == cart


async def test_a_changed_price_is_told_until_it_was_seen(engine: Engine) -> None:
    cup = await offer(engine, prices={"EUR": 1_000})
    cart = await cart_of(engine, line(cup))
    assert cart["lines"][0]["priceChangedFrom"] is None
    await change_product(
        engine, cup, **{"variants.0.prices": [{"currency": "EUR", "amount": 1_200}]}
    )
    for _ in range(2):
        (found,) = (await seen(engine, cart["id"]))["lines"]
        assert found["priceChangedFrom"] == {"amount": "10.00"}
        assert found["unitPrice"]["amount"] == "12.00"
    changes = [{"id": found["id"]}]
    cart = await changed(engine, "cartLinesUpdate", cartId=cart["id"], lines=changes)
    assert cart["lines"][0]["priceChangedFrom"] is None


async def test_taking_note_of_one_price_leaves_the_others_untold(engine: Engine) -> None:
    things = [await offer(engine, prices={"EUR": 1_000}) for _ in range(2)]
    cart = await cart_of(engine, *map(line, things))
    for thing in things:
        price = {"currency": "EUR", "amount": 900}
        await change_product(engine, thing, **{"variants.0.prices": [price]})
    changes = [{"id": cart["lines"][0]["id"]}]
    cart = await changed(engine, "cartLinesUpdate", cartId=cart["id"], lines=changes)
    found = [one["priceChangedFrom"] for one in cart["lines"]]
    assert found == [None, {"amount": "10.00"}]


async def test_prices_of_quantities_count_the_whole_cart(engine: Engine) -> None:
    price = {"currency": "EUR", "amount": 100, "breaks": [{"quantity": 10, "amount": 80}]}
    cup = await offer(engine, prices={})
    await change_product(engine, cup, **{"variants.0.prices": [price]})
    cart = await cart_of(engine, line(cup, 4))
    assert sums(cart)[0] == "4.00"
    cart = await changed(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(cup, 6, note="x")])
    assert [one["unitPrice"]["amount"] for one in cart["lines"]] == ["0.80", "0.80"]
    assert sums(cart)[0] == "8.00"


async def test_what_is_left_is_told_and_shared_by_the_lines(engine: Engine) -> None:
    cup = await offer(engine, stock=3)
    cart = await cart_of(engine, line(cup, 2), line(cup, 2, note="x"))
    assert [one["onlyAvailable"] for one in cart["lines"]] == [None, 1]
    assert [one["isAvailable"] for one in cart["lines"]] == [True, False]
    (problem,) = (one for one in cart["problems"] if one["code"] == "NOT_ENOUGH")
    assert problem["lineId"] == cart["lines"][1]["id"]
    gone = await offer(engine, stock=1)
    cart = await cart_of(engine, line(gone))
    await adjust(engine, gone, delta=-1, reason="DAMAGED")
    cart = await seen(engine, cart["id"])
    assert cart["lines"][0]["onlyAvailable"] == 0


@pytest.mark.parametrize(
    "values",
    [{"status": "archived"}, {"status": "withheld"}, {"variants.0.available": False}],
    ids=["archived", "of a suspended seller", "not offered"],
)
async def test_what_is_gone_stays_visible_and_costs_nothing(
    engine: Engine, values: dict[str, Any]
) -> None:
    cup, jug = await offer(engine), await offer(engine, prices={"EUR": 300})
    cart = await cart_of(engine, line(cup), line(jug))
    await change_product(engine, cup, **values)
    cart = await seen(engine, cart["id"])
    assert cart["lines"][0]["name"] == "Thing"
    assert cart["lines"][0]["unitPrice"] is None
    assert not cart["lines"][0]["isAvailable"]
    assert sums(cart)[0] == "3.00"
    assert "UNAVAILABLE" in codes(cart)
    keys = [cart["lines"][0]["id"]]
    cart = await changed(engine, "cartLinesRemove", cartId=cart["id"], lineIds=keys)
    assert "UNAVAILABLE" not in codes(cart)


async def test_another_currency_prices_anew_and_says_what_it_lacks(engine: Engine) -> None:
    cup, jug = await offer(engine, prices={"EUR": 1_000, "JPY": 1_500}), await offer(engine)
    cart = await cart_of(engine, line(cup), line(jug))
    cart = await changed(engine, "cartMarketSet", cartId=cart["id"], currency="JPY")
    assert cart["lines"][0]["unitPrice"] == {"amount": "1500", "currency": "JPY"}
    assert cart["lines"][0]["priceChangedFrom"] is None
    assert [one["code"] for one in cart["problems"] if one["lineId"]] == ["NO_PRICE"]
    assert sums(cart)[0] == "1500"


async def test_who_buys_and_where_it_goes(engine: Engine) -> None:
    cart = await cart_of(engine, line(await offer(engine)), country="US")
    assert codes(cart) == ["EMAIL_MISSING", "ADDRESS_MISSING"]
    cart = await changed(
        engine, "cartBuyerSet", cartId=cart["id"], email=" Ada@Example.com ", phone="+49 30 1"
    )
    assert cart["buyer"] == {"email": "Ada@example.com", "phone": "+49 30 1"}
    both = {"shippingAddress": BERLIN, "billingAddress": {**BERLIN, "name": "Firm"}}
    cart = await changed(engine, "cartAddressSet", cartId=cart["id"], **both)
    assert (cart["shippingAddress"]["city"], cart["country"]) == ("Berlin", "DE")
    assert cart["billingAddress"]["name"] == "Firm"
    assert codes(cart) == ["SHIPPING_MISSING"]
    selections = [{"optionId": "express"}]
    cart = await changed(engine, "cartShippingSelect", cartId=cart["id"], selections=selections)
    assert cart["problems"] == []
    cart = await changed(engine, "cartBuyerSet", cartId=cart["id"], phone=None)
    assert cart["buyer"] == {"email": "Ada@example.com", "phone": None}
    cart = await changed(engine, "cartAddressSet", cartId=cart["id"], billingAddress=None)
    assert (cart["billingAddress"], cart["shippingAddress"]["name"]) == (None, "Ada Lovelace")


async def test_nothing_personal_can_be_read_in_the_database(engine: Engine) -> None:
    cart = await cart_of(engine)
    await changed(engine, "cartBuyerSet", cartId=cart["id"], email="ada@example.com", phone="4711")
    await changed(engine, "cartAddressSet", cartId=cart["id"], shippingAddress=BERLIN)
    stored = repr(await carts(engine.context()).find().to_list())
    for secret in ("ada@example.com", "4711", "Lovelace", "Linden", "10117"):
        assert secret not in stored


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"postalCode": "1011"}, [["postalCode"]]),
        ({"postalCode": ""}, [["postalCode"]]),
        ({"city": "", "lines": []}, [["city"], ["lines"]]),
        ({"name": " "}, [["name"]]),
        ({"country": "US", "region": "Bavaria"}, [["region"]]),
        ({"lines": ["a"] * 5}, [["lines"]]),
        ({"lines": ["x" * 101]}, [["lines", "0"]]),
        ({"name": "A\u202eda"}, [["name"]]),
    ],
)
async def test_an_address_that_the_post_would_not_take_is_refused_with_all_that_is_wrong(
    engine: Engine, wrong: dict[str, Any], fields: list[list[str]]
) -> None:
    cart = await cart_of(engine)
    address = {**BERLIN, **wrong}
    found, errors = await change(
        engine, "cartAddressSet", cartId=cart["id"], shippingAddress=address
    )
    assert found is None
    assert [field for _, field in errors] == [["shippingAddress", *field] for field in fields]


async def test_a_country_or_currency_that_is_not_served_is_refused(engine: Engine) -> None:
    cart = await cart_of(engine)
    key = cart["id"]
    paris = {**BERLIN, "country": "FR", "city": "Paris", "postalCode": "75001"}
    wrong: list[tuple[str, dict[str, Any], list[str]]] = [
        ("cartAddressSet", {"shippingAddress": paris}, ["shippingAddress", "country"]),
        ("cartMarketSet", {"country": "FR"}, ["country"]),
        ("cartMarketSet", {"currency": "CHF"}, ["currency"]),
    ]
    for name, given, field in wrong:
        _, errors = await change(engine, name, cartId=key, **given)
        assert errors == [("NOT_SERVED", field)]
    bill = await changed(engine, "cartAddressSet", cartId=key, billingAddress=paris)
    assert bill["billingAddress"]["country"] == "FR", "an invoice may go anywhere"
    _, errors = await change(engine, "cartCreate", currency="CHF")
    assert errors == [("NOT_SERVED", ["currency"])]


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2_147_483_647])
async def test_a_quantity_that_can_not_be_is_refused(engine: Engine, quantity: int) -> None:
    cup = await offer(engine)
    _, errors = await change(engine, "cartCreate", lines=[line(cup, quantity)])
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    cart = await cart_of(engine, line(cup, 999_999))
    _, errors = await change(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(cup, 2)])
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]


async def test_what_is_not_for_sale_is_not_put_in(engine: Engine) -> None:
    draft = await offer(engine, product={"status": "draft"})
    off = await offer(engine, available=False)
    for key in (draft, off, ObjectId()):
        _, errors = await change(engine, "cartCreate", lines=[line(key)])
        assert errors == [("UNAVAILABLE", ["lines", "0", "variantId"])]
    _, errors = await change(engine, "cartCreate", lines=[{"variantId": "nonsense"}])
    assert errors == [("INVALID", ["lines", "0", "variantId"])]


async def test_a_way_that_a_parcel_can_not_go_is_refused(engine: Engine) -> None:
    cart = await cart_of(engine, line(await offer(engine)))
    for choice, field in [
        ({"optionId": "world"}, "optionId"),
        ({"optionId": "standard", "sellerId": encode_id("Seller", "x")}, "optionId"),
        ({"optionId": "standard", "sellerId": "x"}, "sellerId"),
    ]:
        _, errors = await change(
            engine, "cartShippingSelect", cartId=cart["id"], selections=[choice]
        )
        ((_, at),) = errors
        assert at == ["selections", "0", field]


async def test_a_cart_is_its_owners_alone(engine: Engine) -> None:
    cup = await offer(engine)
    for owner, others in [
        (CARL, (CORA, GUEST, NOBODY)),
        (GUEST, (OTHER_GUEST, CARL, NOBODY)),
    ]:
        cart = await cart_of(engine, line(cup), viewer=owner)
        for other in others:
            assert await seen(engine, cart["id"], other) is None
            _, errors = await change(engine, "cartClear", other, cartId=cart["id"])
            assert errors == [("NOT_FOUND", ["cartId"])]
            _, errors = await change(
                engine, "cartAddressSet", other, cartId=cart["id"], shippingAddress=BERLIN
            )
            assert errors == [("NOT_FOUND", ["cartId"])]
        assert (await seen(engine, cart["id"], owner))["version"] == cart["version"]


async def test_a_cart_of_nobody_is_of_who_knows_its_id(engine: Engine) -> None:
    cart = await cart_of(engine, line(await offer(engine)), viewer=NOBODY)
    assert (await seen(engine, cart["id"], NOBODY))["itemCount"] == 1
    assert await seen(engine, None, NOBODY) is None


async def test_the_latest_cart_is_found_without_an_id(engine: Engine) -> None:
    viewer = Viewer(role="CUSTOMER", user="late")
    assert await seen(engine, None, viewer) is None
    first = await cart_of(engine, viewer=viewer)
    second = await cart_of(engine, viewer=viewer)
    assert (await seen(engine, None, viewer))["id"] == second["id"]
    await changed(engine, "cartBuyerSet", viewer, cartId=first["id"], phone="1")
    assert (await seen(engine, None, viewer))["id"] == first["id"]


async def test_twenty_changes_at_once_all_count(engine: Engine) -> None:
    things = [await offer(engine) for _ in range(8)]
    cart = await cart_of(engine, line(things[0]))

    async def add(thing: ObjectId) -> bool:
        for _ in range(20):
            _, errors = await change(engine, "cartLinesAdd", cartId=cart["id"], lines=[line(thing)])
            if not errors:
                return True
            assert errors[0][0] == "CONFLICT"
        return False

    assert all(await asyncio.gather(*(add(thing) for thing in things for _ in range(2))))
    found = await seen(engine, cart["id"])
    assert sorted(one["quantity"] for one in found["lines"]) == [2] * 7 + [3]


async def test_a_guests_cart_becomes_the_users(engine: Engine) -> None:
    cup = await offer(engine)
    guest, user = Viewer(guest="m1"), Viewer(role="CUSTOMER", user="m1-user")
    cart = await cart_of(engine, line(cup, 2), viewer=guest)
    for _ in range(2):
        await merge_guest(engine.context(), "m1-user", "m1")
    assert (await seen(engine, cart["id"], user))["itemCount"] == 2
    assert await seen(engine, cart["id"], guest) is None


async def test_a_guests_cart_is_put_into_the_users_own(engine: Engine) -> None:
    cup, jug = await offer(engine), await offer(engine)
    guest, user = Viewer(guest="m2"), Viewer(role="CUSTOMER", user="m2-user")
    mine = await cart_of(engine, line(cup, 2), viewer=user)
    theirs = await cart_of(engine, line(cup), line(jug), viewer=guest)
    await changed(engine, "cartAddressSet", guest, cartId=theirs["id"], shippingAddress=BERLIN)
    await asyncio.gather(*(merge_guest(engine.context(), "m2-user", "m2") for _ in range(4)))
    await merge_guest(engine.context(), "m2-user", "m2")
    found = await seen(engine, mine["id"], user)
    assert sorted(one["quantity"] for one in found["lines"]) == [1, 3]
    assert found["shippingAddress"]["city"] == "Berlin"
    again = await seen(engine, theirs["id"], user)
    assert again["id"] == mine["id"], "its old id leads to where it went"
    assert await seen(engine, None, guest) is None


async def test_an_old_cart_is_told_once_and_then_goes(engine: Engine) -> None:
    cup = await offer(engine)
    full, empty = await cart_of(engine, line(cup)), await cart_of(engine)
    keys = [one["id"] for one in (full, empty)]
    context = engine.context()
    past = datetime.now(UTC) - timedelta(hours=25)
    stored = [decode_id(key)[1] for key in keys]
    await carts(context).update_many({"_id": {"$in": stored}}, {"$set": {"updated_at": past}})
    for _ in range(2):
        await tell_abandoned(context)
    outbox = engine.storage.database["outbox"]
    told = [one async for one in outbox.find() if "cart_abandoned" in repr(one)]
    assert [stored[0] in repr(one) for one in told] == [True]
    await changed(engine, "cartLinesAdd", cartId=full["id"], lines=[line(cup)])
    await carts(context).update_many({"_id": {"$in": stored}}, {"$set": {"expires_at": past}})
    assert await seen(engine, keys[0]) is None, "what is over is over before it is removed"
    idle = datetime.now(UTC) - timedelta(days=31)
    await carts(context).update_many({"_id": {"$in": stored}}, {"$set": {"updated_at": idle}})
    await remove_expired(context)
    assert await carts(context).count_documents({"_id": {"$in": stored}}) == 0


async def test_a_cart_is_a_node_for_its_owner(engine: Engine) -> None:
    cart = await cart_of(engine, line(await offer(engine)))
    query = f'{{ node(id: "{cart["id"]}") {{ id ... on Cart {{ itemCount }} }} }}'
    for viewer, there in ((CARL, True), (CORA, False)):
        found = await answered(engine, query, viewer=viewer)
        assert (found["data"]["node"] is not None) is there


async def test_lines_are_bounded(engine: Engine) -> None:
    cup = await offer(engine)
    many = [line(cup, note=str(at)) for at in range(101)]
    _, errors = await change(engine, "cartCreate", lines=many)
    assert errors == [("TOO_MANY", ["lines"])]
    _, errors = await change(engine, "cartCreate", lines=[line(cup, note="x" * 501)])
    assert errors == [("INVALID", ["lines", "0", "note"])]


async def test_what_is_stored_of_somebody_is_theirs_to_have_and_goes_with_them(
    engine: Engine,
) -> None:
    viewer = Viewer(role="CUSTOMER", user="leaver")
    cart = await cart_of(engine, line(await offer(engine)), viewer=viewer)
    await changed(engine, "cartBuyerSet", viewer, cartId=cart["id"], email="leaver@example.com")
    context: Context = engine.context()
    (said,) = await engine.hooks.collect(auth.personal_data, context, "leaver")
    assert said["carts"][0]["email"] == "leaver@example.com"
    await engine.hooks.notify(auth.user_erased, context, "leaver")
    assert await seen(engine, cart["id"], viewer) is None


async def test_indexes_from_before_are_dropped(engine: Engine) -> None:
    stored = carts(engine.context())
    needed = await stored.index_information()
    await stored.create_index([("expires_at", 1)])
    own = [one for one in engine.migrations if one.id.startswith("orders/")]
    for _ in range(2):
        await own[0].up(engine.context())
        assert await stored.index_information() == needed
