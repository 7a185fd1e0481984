"""One checkout, one order, one charge: whoever races, and whatever dies on the way."""

import asyncio
from collections import Counter

import pytest
from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat_orders.carts import editing
from mercat_orders.carts.lines import NewLine
from mercat_orders.checkout.completing import Progress
from mercat_orders.checkout.reconciling import follow_payment
from mercat_orders.checkout.wanting import Request
from mercat_orders.orders.access import orders

from .buying import check_till
from .conftest import EngineFor
from .killing import Killed, killed_at
from .market import CARL, line, offer
from .ordering import TOML, check_books, completed, left, placed, ready
from .plugins_for_tests.stocktaking.shop import adjust, figures
from .plugins_for_tests.till.books import BOOKS, settle
from .test_checkout import MUCH, complete, errors, whole

METHODS = ("till:paid", "till:on_delivery")


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def test_twins_get_one_order_and_pay_once(engine: Engine) -> None:
    cart = await ready(engine, 2, 3)
    found = await asyncio.gather(*(completed(engine, cart) for _ in range(30)))
    assert len({done.order["_id"] for done in found}) == 1
    (order,) = await check_books(engine, cart)
    assert BOOKS[str(order["_id"])].started == 1


async def test_twins_of_two_processes_get_one_order(engine: Engine, engine_for: EngineFor) -> None:
    same = {"name": engine.settings.database.name, "data_dir": str(engine.settings.data_dir)}
    second = await engine_for(TOML, database=same)
    cart = await ready(engine, 2)
    found = await asyncio.gather(
        *(completed(each, cart) for each in (engine, second) for _ in range(5))
    )
    assert len({done.order["_id"] for done in found}) == 1
    await check_books(engine, cart)


async def test_twins_with_keys_of_their_own_get_one_order(engine: Engine) -> None:
    cart = await ready(engine, 2)
    keys = [Request(f"{cart['_id']} {index}", "same") for index in range(10)]
    found = await asyncio.gather(*(completed(engine, cart, request=key) for key in keys))
    assert len({done.order["_id"] for done in found}) == 1
    await check_books(engine, cart)


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.gate)])
async def test_identical_requests_get_one_order_and_another_one_is_refused(
    engine: Engine, count: int
) -> None:
    given = {
        "cart": whole(line(await offer(engine, stock=100), 2)),
        "maximumTotal": MUCH,
        "idempotencyKey": f"same {ObjectId()}",
    }
    found = await asyncio.gather(*(complete(engine, **given) for _ in range(count)))
    assert found == [found[0]] * count
    (order,) = await orders(engine.context()).find({"code": found[0]["order"]["number"]}).to_list()
    assert await orders(engine.context()).count_documents({"request": order["request"]}) == 1
    payment = BOOKS[str(order["_id"])]
    assert (payment.started, payment.charged) == (1, order["sums"]["total"])
    other = await complete(engine, **{**given, "maximumTotal": {**MUCH, "amount": "999"}})
    assert errors(other) == [("CONFLICT", ["idempotencyKey"])]


@pytest.mark.parametrize(
    ("count", "rounds"), [(20, 1), pytest.param(200, 50, marks=pytest.mark.long)]
)
async def test_one_unit_is_sold_once(engine: Engine, count: int, rounds: int) -> None:
    thing = await offer(engine, stock=0)
    buyers = [Viewer(role="CUSTOMER", user=f"buyer {ObjectId()}") for _ in range(count)]
    carts = {viewer: await ready(engine, 1, viewer=viewer, thing=thing) for viewer in buyers}

    async def buy(viewer: Viewer) -> str:
        try:
            done = await completed(engine, carts[viewer], viewer=viewer)
        except DomainError as error:
            return error.code
        carts[viewer] = await ready(engine, 1, viewer=viewer, thing=thing)
        return str(done.order["state"])

    for _ in range(rounds):
        await adjust(engine, thing, delta=1)
        found = Counter(await asyncio.gather(*map(buy, buyers)))
        assert found.pop("CONFIRMED") == 1
        assert set(found) <= {"OUT_OF_STOCK", "PROBLEMS"}
        assert await figures(engine, thing) == (0, 0)
    sold = await orders(engine.context()).find({"lines.variant": thing}).to_list()
    assert sum(order["state"] == "CONFIRMED" for order in sold) == rounds
    check_till(sold)


@pytest.mark.gate
@pytest.mark.parametrize("method", [METHODS[0], pytest.param(METHODS[1], marks=pytest.mark.long)])
async def test_killed_anywhere_the_next_attempt_finishes(engine: Engine, method: str) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        cart = await ready(engine, 2, 1, sellers=("anna", None))
        killed = await _is_killed(engine, cart["_id"], step, method)
        done = await completed(engine, cart, method=method)
        assert done.order["state"] == "CONFIRMED", step
        (order,) = [each async for each in orders(engine.context()).find({"cart": cart["_id"]})]
        assert order["_id"] == done.order["_id"]
        if method == "till:paid":
            await check_books(engine, cart)
    assert step > 20, "nothing was killed"


@pytest.mark.gate
async def test_killed_anywhere_the_job_finishes_or_undoes_it(engine: Engine) -> None:
    step, killed, ends = 0, True, Counter[str]()
    while killed:
        step += 1
        cart = await ready(engine, 2, 1, sellers=("anna", None))
        killed = await _is_killed(engine, cart["_id"], step, "till:paid")
        await left(engine)
        await left(engine)
        found = await check_books(engine, cart)
        ends["ordered" if found else "undone"] += 1
    assert ends["ordered"] > 10
    assert ends["undone"] > 10


async def _is_killed(engine: Engine, cart: str, step: int, method: str) -> bool:
    from mercat_orders.checkout.completing import complete
    from mercat_orders.checkout.wanting import Agreement, Completion

    wanted = Completion(Agreement(most=10**9, currency="EUR"), method, accepts_terms=True)
    with killed_at(step):
        try:
            await complete(Context(engine, CARL), cart, wanted)
        except Killed:
            return True
    return False


async def test_a_declined_payment_leaves_the_cart_as_it_was(engine: Engine) -> None:
    cart = await ready(engine, 2)
    with pytest.raises(DomainError, match="the till says declined") as caught:
        await completed(engine, cart, method="till:declined")
    assert caught.value.code == "DECLINED"
    await check_books(engine, cart)
    assert (await completed(engine, cart)).order["state"] == "CONFIRMED"
    await check_books(engine, cart)


async def waiting(engine: Engine, method: str = "till:action", stock: int = 100) -> Progress:
    cart = await ready(engine, 2, stock=stock)
    done = await completed(engine, cart, method=method)
    assert done.order["state"] == "PLACING"
    assert done.action is not None
    return done


async def test_a_payment_that_needs_the_buyer_goes_on_when_it_is_done(engine: Engine) -> None:
    done = await waiting(engine)
    key = str(done.order["_id"])
    settle(key, "paid")
    cart = {**done.order, "_id": done.order["cart"]}
    again = await completed(engine, cart, method="till:action")
    assert (again.order["_id"], again.order["state"]) == (done.order["_id"], "CONFIRMED")
    await check_books(engine, cart)


async def test_what_the_provider_tells_and_the_buyers_return_make_one_order(
    engine: Engine,
) -> None:
    done = await waiting(engine)
    key = str(done.order["_id"])
    settle(key, "paid")
    cart = {**done.order, "_id": done.order["cart"]}
    context = engine.context()
    await asyncio.gather(
        *(follow_payment(context, key) for _ in range(5)),
        *(completed(engine, cart, method="till:action") for _ in range(5)),
    )
    (order,) = await check_books(engine, cart)
    assert [entry["kind"] for entry in order["timeline"]] == ["PLACED"]


async def test_a_stranger_of_a_payment_changes_nothing(engine: Engine) -> None:
    for key in ("", "x" * 24, "0" * 24):
        await follow_payment(engine.context(), key)


async def test_a_payment_nobody_knows_of_is_waited_for(engine: Engine) -> None:
    done = await waiting(engine, "till:unknown")
    await left(engine)
    found = await orders(engine.context()).find_one({"_id": done.order["_id"]})
    assert found is not None
    assert found["state"] == "PLACING"
    settle(str(done.order["_id"]), "paid")
    await left(engine)
    await check_books(engine, {**done.order, "_id": done.order["cart"]})


async def test_a_buyer_who_never_comes_back_gives_everything_back(engine: Engine) -> None:
    done = await waiting(engine)
    past = done.order["begun_at"].replace(year=2020)
    await orders(engine.context()).update_one(
        {"_id": done.order["_id"]}, {"$set": {"begun_at": past, "updated_at": past}}
    )
    from mercat_orders.checkout.reconciling import reconcile

    await reconcile(engine.context())
    assert await check_books(engine, {**done.order, "_id": done.order["cart"]}) == []
    assert BOOKS[str(done.order["_id"])].ended == 1


async def test_changing_the_cart_ends_the_checkout_it_is_in(engine: Engine) -> None:
    done = await waiting(engine)
    cart = {**done.order, "_id": done.order["cart"]}
    context = Context(engine, CARL)
    thing = await offer(engine, stock=100)
    changed = await editing.add_lines(context, cart["_id"], [NewLine(thing, 1)])
    assert changed["state"] == "OPEN"
    assert await check_books(engine, cart) == []
    settle(str(done.order["_id"]), "ended")
    assert (await completed(engine, changed)).order["sums"]["subtotal"] == 3_000


async def test_ordering_in_another_way_ends_the_first(engine: Engine) -> None:
    done = await waiting(engine)
    cart = {**done.order, "_id": done.order["cart"]}
    again = await completed(engine, cart, method="till:paid")
    assert again.order["_id"] != done.order["_id"]
    (order,) = await check_books(engine, cart)
    assert order["_id"] == again.order["_id"]


async def test_paid_after_the_hold_ran_out_is_honoured_while_there_is_stock(
    engine: Engine,
) -> None:
    done = await waiting(engine)
    from mercat_products.stock.documents import StockDocument

    stocks = engine.storage.collection(StockDocument)
    past = done.order["begun_at"].replace(year=2020)
    await stocks.update_many({}, {"$set": {"held.$[].expires_at": past}})
    settle(str(done.order["_id"]), "paid")
    await follow_payment(engine.context(), str(done.order["_id"]))
    assert len(await check_books(engine, {**done.order, "_id": done.order["cart"]})) == 1


async def test_paid_after_somebody_else_bought_the_last_is_given_back(engine: Engine) -> None:
    done = await waiting(engine, stock=2)
    key = str(done.order["_id"])
    from mercat_products.stock.reservations import release

    await release(engine.context(), key)
    other = Viewer(role="CUSTOMER", user="other")
    cart = await ready(engine, 1, viewer=other)
    thing = done.order["lines"][0]["variant"]
    await editing.add_lines(Context(engine, other), cart["_id"], [NewLine(thing, 2)])
    await completed(engine, cart, viewer=other)
    settle(key, "paid")
    await follow_payment(engine.context(), key)
    payment = BOOKS[key]
    assert payment.charged == sum(payment.refunded.values())
    found = await orders(engine.context()).find_one({"_id": done.order["_id"]})
    assert found is not None
    assert found["failure"]["code"] == "OUT_OF_STOCK"
    assert await figures(engine, thing) == (0, 0)


async def test_money_that_comes_by_bank_confirms_the_order(engine: Engine) -> None:
    order = await placed(engine, 1, method="till:awaited")
    assert order["state"] == "PENDING"
    key = str(order["_id"])
    settle(key, "paid")
    for _ in range(2):
        await follow_payment(engine.context(), key)
    found = await orders(engine.context()).find_one({"_id": order["_id"]})
    assert found is not None
    assert found["state"] == found["seller_orders"][0]["state"] == "CONFIRMED"
    assert [entry["kind"] for entry in found["timeline"]] == ["PLACED", "PAYMENT_CHANGED"]


async def test_what_costs_nothing_needs_no_payment(engine: Engine) -> None:
    cart = await ready(engine, 1, prices={"EUR": 0})
    ways = [{"seller": None, "option": "free"}]
    from mercat_orders.carts.access import carts

    await carts(engine.context()).update_one({"_id": cart["_id"]}, {"$set": {"ways": ways}})
    order = (await completed(engine, cart)).order
    assert (order["state"], order["sums"]["total"]) == ("CONFIRMED", 0)
    assert str(order["_id"]) not in BOOKS
