"""Pages of numbered documents, whatever the numbers."""

import asyncio
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat.storage import pages
from mercat.storage.pages import (
    PageRequest,
    find_page,
    highest_number,
    next_number,
    reserve_numbers,
)

from .conftest import EngineFor


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for("[plugins]\nenabled = []\n")


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    """For tests that don't mind each other's data."""
    return await shared_engine_for("[plugins]\nenabled = []\n")


async def walk(
    engine: Engine, collection: str, count: int, *, newest: bool, backward: bool, group: int | None
) -> list[int]:
    """Every number, page after page; checks what each page says of its neighbours."""
    walked: list[int] = []
    cursor: int | None = None
    highest = await highest_number(engine.storage, collection)
    while True:
        page = await find_page(
            engine.storage.database[collection],
            {} if group is None else {"group": group},
            PageRequest(count, cursor, backward),
            newest_first=newest,
            highest=highest,
        )
        numbers = [record["number"] for record in page.records]
        assert len(numbers) <= count
        walked = numbers + walked if backward else walked + numbers
        more, behind = page.has_previous, page.has_next
        if not backward:
            more, behind = behind, more
        assert behind is (cursor is not None)
        if not more:
            return walked
        assert len(numbers) == count
        cursor = numbers[0] if backward else numbers[-1]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    numbers=st.sets(st.integers(1, 3000) | st.integers(1, 40), max_size=60),
    count=st.integers(1, 100) | st.integers(1, 4),
    newest=st.booleans(),
    backward=st.booleans(),
    group=st.none() | st.integers(0, 2),
)
async def test_walking_the_pages_gives_exactly_the_sorted_list(
    engine: Engine,
    numbers: set[int],
    count: int,
    newest: bool,
    backward: bool,
    group: int | None,
) -> None:
    name = f"c{secrets.token_hex(4)}"
    rows = [{"number": number, "group": number % 3} for number in numbers]
    if rows:
        await engine.storage.database[name].insert_many(rows)
        await reserve_numbers(engine.storage, name, max(numbers))
    expected = sorted((n for n in numbers if group in (None, n % 3)), reverse=newest)
    found = await walk(engine, name, count, newest=newest, backward=backward, group=group)
    assert found == expected


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("cursor", [-(10**30), -1, 0, 10**30])
async def test_a_cursor_that_nobody_gave_out_does_no_harm(
    shared: Engine, newest: bool, backward: bool, cursor: int
) -> None:
    products = shared.storage.database[f"p{secrets.token_hex(4)}"]
    await products.insert_many([{"number": number} for number in (1, 2, 3)])
    page = await find_page(
        products, {}, PageRequest(5, cursor, backward), newest_first=newest, highest=3
    )
    downward = newest is not backward
    is_before_all = cursor > 3 if downward else cursor < 1
    assert sorted(r["number"] for r in page.records) == ([1, 2, 3] if is_before_all else [])


async def test_numbers_are_never_given_twice(engine_for: EngineFor) -> None:
    engines = [await engine_for("[plugins]\nenabled = []\n") for _ in range(2)]
    reserved = await asyncio.gather(
        *(reserve_numbers(engines[n % 2].storage, "new", 1 + n % 3) for n in range(60))
    )
    given_out = [number for numbers in reserved for number in numbers]
    assert sorted(given_out) == list(range(1, len(given_out) + 1))
    assert await highest_number(engines[0].storage, "new") == len(given_out)
    assert await highest_number(engines[0].storage, "other") == 0


async def test_numbers_of_a_transaction_that_fails_are_given_again(engine: Engine) -> None:
    async def work(session: object) -> None:
        await reserve_numbers(engine.storage, "n", 5, session)  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await engine.storage.transaction(work)
    assert await highest_number(engine.storage, "n") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, None, None, None), "give either `first` or `last`"),
        ((1, None, 1, None), "give either `first` or `last`"),
        ((0, None, None, None), "`first` must be from 1 to 100"),
        ((101, None, None, None), "`first` must be from 1 to 100"),
        ((None, None, -1, None), "`last` must be from 1 to 100"),
        ((1, None, None, 4), "`before` goes with `last`"),
        ((None, 4, 1, None), "`after` goes with `first`"),
    ],
)
def test_paging_arguments_are_checked(
    arguments: tuple[int | None, int | None, int | None, int | None], message: str
) -> None:
    with pytest.raises(InvalidError, match=message):
        PageRequest.of(*arguments)


async def test_what_was_added_since_the_last_look_is_listed(engine: Engine) -> None:
    notes = engine.storage.database["notes"]
    for number in range(1, 41):
        await notes.insert_one({"_id": number, "number": number})
        for newest in (True, False):
            page = await find_page(notes, {}, PageRequest(50), newest_first=newest, highest=3)
            assert len(page.records) == number
            assert not page.has_next


async def test_numbers_given_out_one_by_one_are_nobody_elses(engine_for: EngineFor) -> None:
    engines = [await engine_for(), await engine_for()]
    given = await asyncio.gather(
        *(next_number(engines[n % 2].storage, "single") for n in range(100))
    )
    assert len(set(given)) == 100
    for engine in engines:
        mine = [given[n] for n in range(100) if engines[n % 2] is engine]
        assert mine == sorted(mine)
    assert max(given) <= await highest_number(engines[0].storage, "single") <= 200


async def test_numbers_that_nobody_wanted_in_time_are_not_given_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [await next_number(engine.storage, "late") for _ in range(5)]
    assert given == [1, 2, 3, 4, 5]
    monkeypatch.setattr(pages, "_KEPT_SECONDS", 0.0)
    engine.storage.numbers["late"]._until = 0.0
    assert await next_number(engine.storage, "late") == 8, "of four numbers two were given out"
    assert await next_number(engine.storage, "late") == 10
    assert await next_number(engine.storage, "late") == 11
