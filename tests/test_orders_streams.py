"""`orderUpdated` and `sellerOrderPlaced`: all of it in order and once, whatever is lost between."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId
from redis.asyncio.client import PubSub
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from mercat import telling
from mercat.auth import Subject
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat.ids import encode_id
from mercat.storage import Record, guardian
from mercat.storage.guardian import Program, Server
from mercat_orders.orders import sight
from mercat_orders.orders.access import orders, secret_of
from mercat_orders.orders.streams import feed, placings
from mercat_orders.orders.streams.cursors import read_place, write_place
from mercat_orders.orders.streams.placings import LATE, Place

from .conftest import EngineFor, Serve, until
from .market import CARL, CORA, GUEST, NOBODY, OTHER_GUEST
from .ordering import TOML, completed, placed, ready
from .test_orders_reading import (
    ADMIN,
    ANNA,
    BEN,
    READER,
    SELLER_ROLE_ALONE,
    SELLS_FOR_NOBODY,
    ZOE,
    id_of,
    note,
    part_ids,
    seller,
    three,
)
from .test_streams import connected, receive, subscribe

pytestmark = pytest.mark.gate

MIA = seller("mia")
ROOT = Path(__file__).resolve().parents[1]
UPDATES = """subscription ($id: ID!, $secret: String, $since: String) {
  orderUpdated(id: $id, secret: $secret, since: $since) {
    cursor kind reason userId facts { name }
    order { id version } sellerOrder { id order { id } } } }"""
PLACINGS = """subscription ($since: String) { sellerOrderPlaced(since: $since) {
  cursor number sellerId totals { total { amount } } order { id } } }"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


@pytest.fixture(scope="module")
async def other(engine: Engine) -> AsyncIterator[Engine]:
    """Another replica of the same shop."""
    async with Engine(engine.settings) as found:
        assert found.storage.database.name == engine.storage.database.name
        yield found


@pytest.fixture
def _deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is published arrives; whoever follows looks by themselves, and soon."""

    async def lost(*_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(feed, "tell", lost)
    monkeypatch.setattr(telling, "_POLL_SECONDS", 0.1)


class Follower:
    """Somebody who follows; `end` is what ended it."""

    def __init__(self, engine: Engine, query: str, viewer: Viewer, given: dict[str, Any]) -> None:
        self.seen: list[dict[str, Any]] = []
        self.end: list[Any] | None = None
        self._news = asyncio.Event()
        self._work = asyncio.create_task(self._run(engine, query, viewer, given))

    async def _run(self, engine: Engine, query: str, viewer: Viewer, given: dict[str, Any]) -> None:
        results = await engine.schema.stream(
            query,
            variable_values=given,
            context_value=Context(engine, viewer),
            operation_name=None,
            allowed_operation_types=OperationType.from_http("POST"),
        )
        async with contextlib.aclosing(results):
            async for result in results:
                assert isinstance(result, ExecutionResult)
                if result.errors:
                    self.end = [(error.extensions or {})["code"] for error in result.errors]
                    self._news.set()
                    return
                (found,) = (result.data or {}).values()
                self.seen.append(found)
                self._news.set()

    async def got(self, count: int, seconds: float = 15) -> list[dict[str, Any]]:
        """All that was seen, once it is that much."""
        async with asyncio.timeout(seconds):
            while len(self.seen) < count and self.end is None:
                self._news.clear()
                await self._news.wait()
        return self.seen

    async def over(self) -> list[Any] | None:
        async with asyncio.timeout(15):
            while self.end is None:
                self._news.clear()
                await self._news.wait()
        return self.end

    async def stop(self) -> None:
        self._work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._work


Follow = Callable[..., Any]


@pytest.fixture
async def follow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Follow]:
    """Begins to follow; what happens from then on is told."""
    followers: list[Follower] = []
    listening: list[PubSub] = []
    hears = telling._heard

    async def heard(at: PubSub) -> None:
        if at not in listening:
            listening.append(at)
        await hears(at)

    async def begin(engine: Engine, query: str, viewer: Viewer, /, **given: Any) -> Follower:
        before = len(listening)
        followers.append(Follower(engine, query, viewer, given))

        async def is_ready() -> bool:
            await asyncio.sleep(0)
            return len(listening) > before or followers[-1].end is not None

        await until(is_ready)
        return followers[-1]

    monkeypatch.setattr(telling, "_heard", heard)
    yield begin
    for one in followers:
        await one.stop()


def kinds(seen: list[dict[str, Any]]) -> list[str]:
    return [event["kind"] for event in seen]


def numbers(seen: list[dict[str, Any]]) -> list[str]:
    return [event["number"] for event in seen]


async def test_events_reach_followers_of_other_replicas_at_once(
    engine: Engine, other: Engine, follow: Follow
) -> None:
    record = await placed(engine, 1)
    follower = await follow(other, UPDATES, CARL, id=id_of(record))
    begun = asyncio.get_running_loop().time()
    await note(engine, record, "ONE", reason="because", facts={"sum": 1})
    await follower.got(1)
    assert asyncio.get_running_loop().time() - begun < 1
    await note(other, record, "TWO")
    seen = await follower.got(2)
    assert kinds(seen) == ["ONE", "TWO"]
    assert (seen[0]["reason"], seen[0]["facts"]) == ("because", [{"name": "sum"}])
    assert seen[0]["order"] == {"id": id_of(record), "version": record["version"] + 1}


@pytest.mark.usefixtures("_deaf")
async def test_what_is_published_in_vain_is_seen_all_the_same(
    engine: Engine, other: Engine, follow: Follow
) -> None:
    record = await placed(engine, 1)
    follower = await follow(other, UPDATES, CARL, id=id_of(record))
    placing = await follow(other, PLACINGS, ADMIN)
    for at in range(3):
        await note(engine, record, f"N{at}")
        assert kinds(await follower.got(at + 1)) == [f"N{n}" for n in range(at + 1)]
    another = await placed(engine, 1)
    assert numbers(await placing.got(1)) == [another["code"]]


async def test_whoever_was_away_goes_on_where_they_were_while_it_goes_on(
    engine: Engine, other: Engine, follow: Follow
) -> None:
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, CARL, id=id_of(record))

    async def happen() -> None:
        for at in range(50):
            await note(engine if at % 2 else other, record, f"N{at}")

    work = asyncio.create_task(happen())
    found: list[dict[str, Any]] = []
    for replica in (other, engine, other, engine):
        found += list(await follower.got(7))
        await follower.stop()
        await asyncio.sleep(0.05)
        follower = Follower(
            replica, UPDATES, CARL, {"id": id_of(record), "since": found[-1]["cursor"]}
        )
    await work
    found += list(await follower.got(50 - len(found)))
    await asyncio.sleep(0.3)
    await follower.stop()
    assert kinds(found) == [f"N{at}" for at in range(50)]


async def test_from_the_first_event_on_all_of_the_history_is_told(
    engine: Engine, follow: Follow
) -> None:
    record = await three(engine)
    await note(engine, record, "ONE")
    first = await follow(engine, UPDATES, ADMIN, id=id_of(record))
    await note(engine, record, "TWO")
    (two,) = await first.got(1)
    again = await follow(engine, UPDATES, ADMIN, id=id_of(record), since=two["cursor"])
    await note(engine, record, "THREE")
    assert kinds(await again.got(1)) == ["THREE"]
    assert kinds(await first.got(2)) == ["TWO", "THREE"]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A Redis that nobody starts again, and its URL."""
    (tmp_path / "redis").mkdir()
    port = guardian.free_port()
    url = f"redis://:p@127.0.0.1:{port}"
    found = Server(
        Program(
            "Valkey",
            guardian.redis_command(),
            tmp_path / "redis",
            tmp_path / "redis.log",
            port,
            lambda: guardian._ping_redis(url),
            guardian.redis_configuration(port, "p"),
        )
    )
    found.spawn()
    found.wait()
    yield found, url
    found.stop()


async def test_following_goes_on_while_redis_is_away_and_after(
    engine_for: EngineFor,
    redis: tuple[Server, str],
    follow: Follow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, url = redis
    monkeypatch.setattr(telling, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(telling, "_POLL_SECONDS", 30.0)
    engine = await engine_for(TOML, redis={"url": url, "timeout_seconds": 1})
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, CARL, id=id_of(record))
    await note(engine, record, "BEFORE")
    assert kinds(await follower.got(1)) == ["BEFORE"]
    server.stop()
    for at in range(2):
        await note(engine, record, f"MEANWHILE_{at}")
        assert len(await follower.got(2 + at)) == 2 + at
    server.spawn()
    server.wait()
    await note(engine, record, "AFTER")
    seen = await follower.got(4)
    assert kinds(seen) == ["BEFORE", "MEANWHILE_0", "MEANWHILE_1", "AFTER"]


async def test_a_dropped_connection_to_redis_loses_nothing(
    engine: Engine, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(telling, "_POLL_SECONDS", 30.0)
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, CARL, id=id_of(record))
    for at in range(20):
        if at % 5 == 2:
            for client in await engine.storage.redis.client_list(_type="pubsub"):
                await engine.storage.redis.client_kill_filter(_id=client["id"])
        await note(engine, record, f"N{at}")
    assert kinds(await follower.got(20)) == [f"N{at}" for at in range(20)]


async def test_each_is_told_what_is_theirs_to_see(engine: Engine, follow: Follow) -> None:
    record = await three(engine)
    parts = part_ids(record)
    admin = await follow(engine, UPDATES, ADMIN, id=id_of(record))
    carl = await follow(engine, UPDATES, CARL, id=id_of(record))
    anna = await follow(engine, UPDATES, ANNA, id=parts["anna"])
    carl_of_anna = await follow(engine, UPDATES, CARL, id=parts["anna"])
    await note(engine, record, "STAFFS", is_internal=True)
    await note(engine, record, "ANNAS", part=0, facts={"sum": 1})
    await note(engine, record, "ANNAS_NOTE", ANNA, part=0, is_internal=True)
    await note(engine, record, "BENS", part=1, facts={"sum": 1})
    await note(engine, record, "SHOPS", part=2, facts={"sum": 1})
    await note(engine, record, "PAYMENT_CHANGED", facts={"sum": 1})
    whole = ["STAFFS", "ANNAS", "ANNAS_NOTE", "BENS", "SHOPS", "PAYMENT_CHANGED"]
    assert kinds(await admin.got(6)) == whole
    assert kinds(await carl.got(4)) == ["ANNAS", "BENS", "SHOPS", "PAYMENT_CHANGED"]
    seen = await anna.got(3)
    assert kinds(seen) == ["ANNAS", "ANNAS_NOTE", "PAYMENT_CHANGED"]
    assert [event["facts"] for event in seen] == [[{"name": "sum"}], [], []]
    assert [event["order"] for event in seen] == [None] * 3
    assert [event["sellerOrder"] for event in seen] == [{"id": parts["anna"], "order": None}] * 3
    assert kinds(await carl_of_anna.got(2)) == ["ANNAS", "PAYMENT_CHANGED"]
    users = {event["userId"] for event in [*await carl.got(4), *seen]}
    assert users == {None}
    assert [event["userId"] for event in await admin.got(6)][1] == encode_id("User", "ada")


@pytest.mark.parametrize("viewer", [CORA, OTHER_GUEST, NOBODY, ZOE, ANNA, SELLER_ROLE_ALONE])
async def test_what_is_not_theirs_cannot_be_followed(
    engine: Engine, follow: Follow, viewer: Viewer
) -> None:
    record = await placed(engine, 1, 1, sellers=("ben", None), viewer=GUEST)
    for given in (
        {"id": id_of(record)},
        {"id": id_of(record), "secret": "x" * 43},
        {"id": part_ids(record)["ben"]},
        {"id": encode_id("Order", ObjectId())},
        {"id": encode_id("SellerOrder", ObjectId())},
    ):
        follower = await follow(engine, UPDATES, viewer, **given)
        assert await follower.over() == ["NOT_FOUND"], given


async def test_what_is_no_order_cannot_be_followed(engine: Engine, follow: Follow) -> None:
    record = (await completed(engine, await ready(engine, 1), method="till:action")).order
    secret = secret_of(engine.context(), record)
    for viewer in (CARL, ADMIN):
        follower = await follow(engine, UPDATES, viewer, id=id_of(record), secret=secret)
        assert await follower.over() == ["NOT_FOUND"]


@pytest.mark.parametrize(
    "given",
    [
        {"id": "nonsense"},
        {"id": encode_id("Product", "6b04264cdf7ae379d203d78d")},
        {"id": encode_id("Order", "x")},
        {"since": "nonsense"},
        {"since": "\ud800"},
        {"since": "b3JkZXJFdmVudHM6eDox"},
    ],
    ids=str,
)
async def test_strange_ids_and_cursors_are_refused(
    engine: Engine, follow: Follow, given: dict[str, str]
) -> None:
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, CARL, **{"id": id_of(record), **given})
    assert await follower.over() == ["BAD_REQUEST"]


async def test_a_guest_follows_with_the_secret(engine: Engine, follow: Follow) -> None:
    record = await placed(engine, 1, viewer=GUEST)
    secret = secret_of(engine.context(), record)
    followers = [
        await follow(engine, UPDATES, GUEST, id=id_of(record)),
        await follow(engine, UPDATES, NOBODY, id=id_of(record), secret=secret),
        await follow(engine, UPDATES, OTHER_GUEST, id=part_ids(record)[None], secret=secret),
    ]
    await note(engine, record, "ONE")
    for follower in followers:
        (event,) = await follower.got(1)
        assert (event["kind"], event["order"]["id"]) == ("ONE", id_of(record))


async def test_who_may_see_it_no_longer_is_told_nothing_more(
    engine: Engine, follow: Follow
) -> None:
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, CARL, id=id_of(record))
    await note(engine, record, "SEEN")
    assert kinds(await follower.got(1)) == ["SEEN"]
    await orders(engine.context()).update_one({"_id": record["_id"]}, {"$set": {"user": "cora"}})
    await note(engine, record, "NOT_SEEN")
    assert await follower.over() == ["NOT_FOUND"]
    assert kinds(follower.seen) == ["SEEN"]


async def test_permission_is_asked_anew_at_each_event_of_one_look(
    engine: Engine, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await placed(engine, 1)
    follower = await follow(engine, UPDATES, READER, id=id_of(record))
    asked: list[Subject] = []

    async def twice(context: Context, action: str, subject: Subject) -> bool:
        if context.viewer is READER and action == "orders.read":
            asked.append(subject)
            return len(asked) <= 2
        return False

    monkeypatch.setattr(sight, "allowed", twice)
    with monkeypatch.context() as within:

        async def lost(*_: object) -> None:
            await asyncio.sleep(0)

        within.setattr(feed, "tell", lost)
        for at in range(4):
            await note(engine, record, f"N{at}")
    await feed.publish(engine.context(), record["_id"])
    assert await follower.over() == ["NOT_FOUND"]
    assert kinds(follower.seen) == ["N0", "N1"]
    assert {subject.key for subject in asked} == {str(record["_id"])}


async def test_sellers_are_told_of_their_orders_and_staff_of_all(
    engine: Engine, other: Engine, follow: Follow
) -> None:
    anna = await follow(other, PLACINGS, ANNA)
    zoe = await follow(other, PLACINGS, ZOE)
    admin = await follow(other, PLACINGS, ADMIN)
    first = await three(engine)
    begun = asyncio.get_running_loop().time()
    await anna.got(1)
    assert asyncio.get_running_loop().time() - begun < 1
    second = await placed(engine, 1, sellers=("zoe",))
    await admin.got(4)
    third = await placed(engine, 1, sellers=("anna",))
    assert [(event["number"], event["sellerId"]) for event in await admin.got(5)] == [
        (first["code"], encode_id("Seller", "anna")),
        (first["code"], encode_id("Seller", "ben")),
        (first["code"], None),
        (second["code"], encode_id("Seller", "zoe")),
        (third["code"], encode_id("Seller", "anna")),
    ]
    assert numbers(await anna.got(2)) == [first["code"], third["code"]]
    assert [event["order"] for event in anna.seen] == [None, None]
    assert numbers(await zoe.got(1)) == [second["code"]]


@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (NOBODY, "UNAUTHENTICATED"),
        (GUEST, "UNAUTHENTICATED"),
        (CARL, "FORBIDDEN"),
        (SELLER_ROLE_ALONE, "FORBIDDEN"),
        (SELLS_FOR_NOBODY, "FORBIDDEN"),
    ],
    ids=repr,
)
async def test_others_follow_no_placings(
    engine: Engine, follow: Follow, viewer: Viewer, code: str
) -> None:
    follower = await follow(engine, PLACINGS, viewer)
    assert await follower.over() == [code]


async def test_an_order_with_a_lower_number_that_is_placed_later_is_told(
    engine: Engine, follow: Follow
) -> None:
    cart = await ready(engine, 1, sellers=("anna",))
    slow = (await completed(engine, cart, method="till:action")).order
    anna = await follow(engine, PLACINGS, ANNA)
    quick = await placed(engine, 1, sellers=("anna",))
    assert slow["number"] < quick["number"]
    await anna.got(1)
    await commit_late(engine, slow, datetime.now(UTC))
    await feed.publish_placed(engine.context(), slow)
    assert numbers(await anna.got(2)) == [quick["code"], slow["code"]]


@pytest.mark.parametrize("is_away", [False, True])
async def test_an_order_that_is_committed_after_one_placed_later_is_told_once(
    engine: Engine, follow: Follow, *, is_away: bool
) -> None:
    """Its `placed_at` is before that of what was told already, as its transaction took long."""
    cart = await ready(engine, 1, sellers=("anna",))
    slow = (await completed(engine, cart, method="till:action")).order
    before = datetime.now(UTC)
    anna = await follow(engine, PLACINGS, ANNA)
    quick = [await placed(engine, 1, sellers=("anna",)) for _ in range(3)]
    seen = await anna.got(3)
    if is_away:
        await anna.stop()
        cursor = seen[-1]["cursor"]
        await commit_late(engine, slow, before - timedelta(seconds=20))
        anna = await follow(engine, PLACINGS, ANNA, since=cursor)
    else:
        await commit_late(engine, slow, before - timedelta(seconds=20))
        await feed.publish_placed(engine.context(), slow)
    last = await placed(engine, 1, sellers=("anna",))
    wanted = [slow["code"], last["code"]]
    told = numbers(await anna.got(2 if is_away else 5))
    assert told == (wanted if is_away else [*(one["code"] for one in quick), *wanted])
    await asyncio.sleep(0.3)
    assert len(anna.seen) == len(told)


async def commit_late(engine: Engine, record: Record, placed_at: datetime) -> None:
    """What a transaction writes that began then, and comes through now."""
    await orders(engine.context()).update_one(
        {"_id": record["_id"], "state": "PLACING"},
        {
            "$set": {
                "state": "CONFIRMED",
                "seller_orders.$[].state": "CONFIRMED",
                "placed_at": placed_at,
            }
        },
    )


@pytest.mark.parametrize("viewer", [ANNA, ADMIN], ids=["seller", "staff"])
async def test_whoever_was_away_is_told_of_every_placing_once(
    engine: Engine, other: Engine, follow: Follow, viewer: Viewer
) -> None:
    """Two at a time place orders of two sellers each, while somebody comes and goes."""
    follower = await follow(engine, PLACINGS, viewer)
    made: list[Record] = []

    async def place(replica: Engine) -> None:
        for _ in range(12):
            made.append(await placed(replica, 1, 1, sellers=("anna", "ben"), prices={"EUR": 100}))

    work = asyncio.gather(place(engine), place(other))
    found: list[dict[str, Any]] = []
    for replica in (other, engine, other, engine):
        found += list(await follower.got(3))
        await follower.stop()
        await asyncio.sleep(0.05)
        follower = Follower(replica, PLACINGS, viewer, {"since": found[-1]["cursor"]})
    await work
    parts = 2 if viewer is ADMIN else 1
    found += list(await follower.got(parts * 24 - len(found)))
    await asyncio.sleep(0.3)
    await follower.stop()
    told = [(event["number"], event["sellerId"]) for event in found]
    assert len(told) == len(set(told)) == parts * 24
    assert {number for number, _ in told} == {record["code"] for record in made}


async def test_a_cursor_goes_on_in_the_midst_of_an_order(engine: Engine, follow: Follow) -> None:
    admin = await follow(engine, PLACINGS, ADMIN)
    first, second = await three(engine), await three(engine)
    seen = await admin.got(6)
    for at in range(6):
        again = await follow(engine, PLACINGS, ADMIN, since=seen[at]["cursor"])
        rest = await again.got(5 - at)
        assert [(one["number"], one["sellerId"]) for one in rest] == [
            (one["number"], one["sellerId"]) for one in seen[at + 1 :]
        ]
        await again.stop()
    assert numbers(seen) == [first["code"]] * 3 + [second["code"]] * 3


async def test_what_was_placed_long_ago_is_caught_up_with_in_bits(
    engine: Engine, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placings, "_ROWS", 4)
    mia = await follow(engine, PLACINGS, MIA)
    made = [await placed(engine, 1, sellers=("mia",)) for _ in range(10)]
    seen = await mia.got(10)
    await mia.stop()
    moment = made[0]["placed_at"] - timedelta(days=2)
    for at, record in enumerate(made):  # three at the same moment each
        placed_at = moment + timedelta(hours=at // 3)
        await orders(engine.context()).update_one(
            {"_id": record["_id"]}, {"$set": {"placed_at": placed_at}}
        )
    since = write_place("mia", Place(moment - timedelta(hours=1)))
    again = await follow(engine, PLACINGS, MIA, since=since)
    caught = await again.got(10)
    assert numbers(caught) == numbers(seen)
    assert max(len(read_place("mia", one["cursor"]).told) for one in caught) <= 4
    await again.stop()
    for at in (0, 4, 8):
        further = await follow(engine, PLACINGS, MIA, since=caught[at]["cursor"])
        assert numbers(await further.got(9 - at)) == numbers(caught[at + 1 :])
        await further.stop()


async def test_a_place_forgets_what_cannot_come_up_any_more() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    place = Place(now - LATE)
    for at in range(100):
        place.tell(at, now + timedelta(seconds=at))
        place.pass_by(now + timedelta(seconds=at) - LATE)
    assert set(place.told) == set(range(40, 100))
    assert read_place("anna", write_place("anna", place)).told.keys() == place.told.keys()
    assert len(write_place("anna", place)) < 250
    place.half = 7, 2
    again = read_place(None, write_place(None, place))
    assert (again.since, again.half) == (place.since, place.half)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\ud800",
        "é",
        "W10",
        write_place("ben", Place(datetime(2026, 1, 1, tzinfo=UTC))),
        write_place(None, Place(datetime(2026, 1, 1, tzinfo=UTC))),
        "WyJhbm5hIiwtMSxbXSxudWxsXQ",  # a moment below zero
        "WyJhbm5hIiwwLFstMV0sbnVsbF0",  # a number below zero
        "WyJhbm5hIiwwLFtdLFsxXV0",  # half of a half
        "A" * 200_000,
    ],
    ids=lambda cursor: ascii(cursor[:20]),
)
async def test_strange_places_are_refused(engine: Engine, follow: Follow, cursor: str) -> None:
    with pytest.raises(InvalidError):
        read_place("anna", cursor)
    follower = await follow(engine, PLACINGS, ANNA, since=cursor)
    assert await follower.over() == ["BAD_REQUEST"]


@pytest.mark.long
async def test_followers_on_real_servers_go_on_after_theirs_was_killed(
    engine_for: EngineFor, serve: Serve, mercat_environment: dict[str, str]
) -> None:
    """A guest over WebSocket at one replica, then over events at the other."""
    engine = await engine_for(TOML, database={"name": mercat_environment["MERCAT_DATABASE__NAME"]})
    record = await placed(engine, 1, viewer=GUEST)
    given = {"id": id_of(record), "secret": secret_of(engine.context(), record)}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with serve(toml=TOML, PYTHONPATH=path) as one, serve(toml=TOML, PYTHONPATH=path) as two:
        async with connected(one) as link:
            await subscribe(link, UPDATES, variables=given)
            await asyncio.sleep(0.5)  # it has no acknowledgement
            await note(engine, record, "ONE")
            event = (await receive(link))["payload"]["data"]["orderUpdated"]
            assert (event["kind"], event["order"]["id"]) == ("ONE", id_of(record))
            one.process.kill()
        await note(engine, record, "TWO")
        async with httpx.AsyncClient(base_url=two.url) as http:
            news = told_over_events(http, {**given, "since": event["cursor"]})
            assert (await anext(news))["kind"] == "TWO"
            await note(engine, record, "THREE")
            assert (await anext(news))["kind"] == "THREE"
            await news.aclose()


async def told_over_events(
    http: httpx.AsyncClient, given: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    body = {"query": UPDATES, "variables": given}
    headers = {"accept": "text/event-stream"}
    async with http.stream("POST", "/graphql", json=body, headers=headers, timeout=10) as answer:
        async for text in answer.aiter_lines():
            if text.startswith("data:") and "orderUpdated" in text:
                found = json.loads(text.removeprefix("data:"))
                yield found.get("payload", found)["data"]["orderUpdated"]


async def test_who_may_not_sell_any_more_is_told_nothing_more(
    engine: Engine, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = await follow(engine, PLACINGS, BEN)
    first = await placed(engine, 1, sellers=("ben",))
    assert numbers(await ben.got(1)) == [first["code"]]

    async def denied(*_: object) -> bool:
        return False

    monkeypatch.setattr("mercat.auth.allowed", denied)
    await placed(engine, 1, sellers=("ben",))
    assert await ben.over() == ["FORBIDDEN"]
    assert len(ben.seen) == 1
