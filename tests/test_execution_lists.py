"""Lists: what counts as one, what may be null in it, and what comes late."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from graphql import GraphQLError

from .torture.executing import Executor, both, brief, giving, giving_later, made

pytestmark = both

Make = Callable[[list[Any]], Any]


class Series:
    """An iterable that is no collection."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        yield from self._items


class LateSeries:
    """An iterable whose items come one by one."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self._items:
            await asyncio.sleep(0)
            yield item


async def soon(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


CONTAINERS: dict[str, Make] = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "generator": lambda items: (item for item in items),
    "iterator": iter,
    "view": lambda items: dict(enumerate(items)).values(),
    "iterable": Series,
    "asynchronous iterable": LateSeries,
    "asynchronous iterator": lambda items: aiter(LateSeries(items)),
    "awaitable": soon,
    "awaitable of an asynchronous iterable": lambda items: soon(LateSeries(items)),
    "awaitables": lambda items: [soon(item) for item in items],
    "awaitable of awaitables": lambda items: soon([soon(item) for item in items]),
    "some awaitables": lambda items: [
        soon(item) if index % 2 else item for index, item in enumerate(items)
    ],
    "asynchronous iterable of awaitables": lambda items: LateSeries([soon(item) for item in items]),
}
containers = pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)


@containers
async def test_every_iterable_is_a_list(execute: Executor, make: Make) -> None:
    schema = made(
        "type Query { numbers: [Int] }", {"Query.numbers": lambda *_: make([1, 2, None, 4])}
    )
    result = await execute(schema, "{ numbers }")
    assert result.errors is None
    assert result.data == {"numbers": [1, 2, None, 4]}


@containers
async def test_an_empty_iterable_is_an_empty_list(execute: Executor, make: Make) -> None:
    schema = made("type Query { numbers: [Int!]! }", {"Query.numbers": lambda *_: make([])})
    assert (await execute(schema, "{ numbers }")).data == {"numbers": []}


@containers
async def test_every_iterable_may_hold_objects(execute: Executor, make: Make) -> None:
    schema = made(
        "type Query { things: [Thing] } type Thing { name: String! }",
        {"Query.things": lambda *_: make([{"name": "a"}, None, {"name": "c"}])},
    )
    result = await execute(schema, "{ things { __typename name } }")
    assert result.errors is None
    assert result.data == {
        "things": [
            {"__typename": "Thing", "name": "a"},
            None,
            {"__typename": "Thing", "name": "c"},
        ]
    }


@pytest.mark.parametrize("value", [{1}, frozenset({1}), range(1, 2), {1: 2}.keys()], ids=repr)
async def test_sets_ranges_and_views_are_lists(execute: Executor, value: Any) -> None:
    schema = made("type Query { numbers: [Int] }", {"Query.numbers": giving(value)})
    assert (await execute(schema, "{ numbers }")).data == {"numbers": [1]}


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize(
    "value", ["text", b"bytes", 5, {"a": 1}, object()], ids=lambda v: str(type(v))
)
async def test_what_is_no_iterable_is_an_error(
    execute: Executor, value: Any, *, later: bool
) -> None:
    give = giving_later if later else giving
    schema = made("type Query { numbers: [Int] other: Int }", {"Query.numbers": give(value)})
    result = await execute(schema, "{ numbers other }")
    assert result.data == {"numbers": None, "other": None}
    assert brief(result) == [
        ("Expected Iterable, but did not find one for field 'Query.numbers'.", ["numbers"])
    ]


# For each kind of list: what comes out of each value, and the path of the error that comes with
# it. None instead of data means that the whole answer is null.
PLAIN = [1, 2]
HOLED = [1, None, 2]
BROKEN = [1, ValueError("bad"), 2]
NULL = "Cannot return null for non-nullable field Query.numbers."
NULLABILITY: list[tuple[str, Any, Any, tuple[str, list[str | int]] | None]] = [
    ("[Int]", PLAIN, PLAIN, None),
    ("[Int]", HOLED, HOLED, None),
    ("[Int]", None, None, None),
    ("[Int]", BROKEN, HOLED, ("bad", ["numbers", 1])),
    ("[Int]", ValueError("bad"), None, ("bad", ["numbers"])),
    ("[Int!]", PLAIN, PLAIN, None),
    ("[Int!]", HOLED, None, (NULL, ["numbers", 1])),
    ("[Int!]", None, None, None),
    ("[Int!]", BROKEN, None, ("bad", ["numbers", 1])),
    ("[Int!]", ValueError("bad"), None, ("bad", ["numbers"])),
    ("[Int]!", PLAIN, PLAIN, None),
    ("[Int]!", HOLED, HOLED, None),
    ("[Int]!", None, ..., (NULL, ["numbers"])),
    ("[Int]!", BROKEN, HOLED, ("bad", ["numbers", 1])),
    ("[Int]!", ValueError("bad"), ..., ("bad", ["numbers"])),
    ("[Int!]!", PLAIN, PLAIN, None),
    ("[Int!]!", HOLED, ..., (NULL, ["numbers", 1])),
    ("[Int!]!", None, ..., (NULL, ["numbers"])),
    ("[Int!]!", BROKEN, ..., ("bad", ["numbers", 1])),
    ("[Int!]!", ValueError("bad"), ..., ("bad", ["numbers"])),
]
WAYS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda value: value,
    "later": soon,
    "awaitables": lambda value: [soon(item) for item in value] if _is_list(value) else value,
    "one by one": lambda value: LateSeries(value) if _is_list(value) else soon(value),
}


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("kind", "value", "expected", "error"), NULLABILITY, ids=lambda part: str(part)[:40]
)
async def test_what_may_be_null_is_null(
    execute: Executor, way: str, kind: str, value: Any, expected: Any, error: Any
) -> None:
    schema = made(
        f"type Query {{ numbers: {kind} after: Int }}",
        {"Query.numbers": lambda *_: WAYS[way](value), "Query.after": giving(3)},
    )
    result = await execute(schema, "{ numbers after }")
    assert result.data == (None if expected is ... else {"numbers": expected, "after": 3})
    assert brief(result) == ([] if error is None else [error])


@pytest.mark.parametrize(
    ("kind", "table", "expected", "path"),
    [
        ("[[Int]]", [[1, None], None, []], [[1, None], None, []], None),
        ("[[Int!]]", [[1, None], None, []], [None, None, []], ["table", 0, 1]),
        ("[[Int]!]", [[1, None], None, []], None, ["table", 1]),
        ("[[Int!]!]", [[1], [2, None], []], None, ["table", 1, 1]),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["now", "later"])
async def test_lists_of_lists_fail_where_they_must(
    execute: Executor, kind: str, table: Any, expected: Any, path: Any, *, late: bool
) -> None:
    def give(*_: Any) -> Any:
        return [LateSeries(row) if row else row for row in table] if late else table

    schema = made(f"type Query {{ table: {kind} }}", {"Query.table": give})
    result = await execute(schema, "{ table }")
    assert result.data == {"table": expected}
    message = "Cannot return null for non-nullable field Query.table."
    assert brief(result) == ([] if path is None else [(message, path)])


async def test_each_bad_item_has_an_error_of_its_own(execute: Executor) -> None:
    schema = made("type Query { numbers: [Int] }", {"Query.numbers": giving([1, "x", 3, 2**31])})
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": [1, None, 3, None]}
    assert brief(result) == [
        ("Int cannot represent non-integer value: 'x'", ["numbers", 1]),
        ("Int cannot represent non 32-bit signed integer value: 2147483648", ["numbers", 3]),
    ]


async def test_the_first_bad_item_that_may_not_be_null_is_the_only_error(
    execute: Executor,
) -> None:
    schema = made("type Query { numbers: [Int!] }", {"Query.numbers": giving([1, "x", "y"])})
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": None}
    assert brief(result) == [("Int cannot represent non-integer value: 'x'", ["numbers", 1])]


@pytest.mark.parametrize("late", [False, True], ids=["now", "later"])
async def test_an_iterable_that_breaks_off_fails_as_a_whole(
    execute: Executor, *, late: bool
) -> None:
    def breaking(*_: Any) -> Iterator[int]:
        yield 1
        raise ValueError("broken off")

    async def breaking_late(*_: Any) -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken off")

    schema = made(
        "type Query { numbers: [Int] other: Int }",
        {"Query.numbers": breaking_late if late else breaking, "Query.other": giving(1)},
    )
    result = await execute(schema, "{ numbers other }")
    assert result.data == {"numbers": None, "other": 1}
    assert brief(result) == [("broken off", ["numbers"])]


@pytest.mark.parametrize("late", [False, True], ids=["now", "later"])
async def test_what_failed_before_an_iterable_broke_off_is_reported_too(
    execute: Executor, *, late: bool
) -> None:
    def breaking(*_: Any) -> Iterator[Any]:
        yield "x"
        raise ValueError("broken off")

    async def breaking_late(*_: Any) -> AsyncIterator[Any]:
        yield "x"
        raise ValueError("broken off")

    schema = made(
        "type Query { numbers: [Int] }", {"Query.numbers": breaking_late if late else breaking}
    )
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": None}
    assert brief(result) == [
        ("Int cannot represent non-integer value: 'x'", ["numbers", 0]),
        ("broken off", ["numbers"]),
    ]


@pytest.mark.parametrize("late", [False, True], ids=["now", "later"])
async def test_an_iterable_is_not_asked_for_more_than_its_first_failure(
    execute: Executor, *, late: bool
) -> None:
    def breaking(*_: Any) -> Iterator[Any]:
        yield "x"
        raise ValueError("broken off")

    async def breaking_late(*_: Any) -> AsyncIterator[Any]:
        yield "x"
        raise ValueError("broken off")

    schema = made(
        "type Query { numbers: [Int!] }", {"Query.numbers": breaking_late if late else breaking}
    )
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": None}
    assert brief(result) == [("Int cannot represent non-integer value: 'x'", ["numbers", 0])]


async def test_lists_of_different_lengths_keep_their_own_items(execute: Executor) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "words": []},
        {"name": "b", "words": ["x", "y"]},
        {"name": "c", "words": None},
        {"name": "d", "words": ("z",)},
        {"name": "e", "words": (letter for letter in "uvw")},
    ]
    schema = made(
        "type Query { rows: [Row] } type Row { name: String words: [String!] }",
        {"Query.rows": giving(rows)},
    )
    result = await execute(schema, "{ rows { words name } }")
    assert result.errors is None
    assert result.data == {
        "rows": [
            {"words": [], "name": "a"},
            {"words": ["x", "y"], "name": "b"},
            {"words": None, "name": "c"},
            {"words": ["z"], "name": "d"},
            {"words": ["u", "v", "w"], "name": "e"},
        ]
    }


async def test_only_the_list_with_the_bad_item_is_null(execute: Executor) -> None:
    rows = [{"words": ["a"]}, {"words": ["b", None]}, {"words": ["c"]}]
    schema = made(
        "type Query { rows: [Row] } type Row { words: [String!]! }", {"Query.rows": giving(rows)}
    )
    result = await execute(schema, "{ rows { words } }")
    assert result.data == {"rows": [{"words": ["a"]}, None, {"words": ["c"]}]}
    assert brief(result) == [
        ("Cannot return null for non-nullable field Row.words.", ["rows", 1, "words", 1])
    ]


async def test_an_item_may_be_an_error_with_extensions(execute: Executor) -> None:
    item = GraphQLError("no", extensions={"code": "NO"})
    schema = made("type Query { numbers: [Int] }", {"Query.numbers": giving([1, item])})
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": [1, None]}
    assert result.errors is not None
    assert result.errors[0].extensions == {"code": "NO"}
    assert result.errors[0].path == ["numbers", 1]


async def test_a_long_list_of_objects_keeps_its_order(execute: Executor) -> None:
    async def double(source: int, _info: Any) -> int:
        for _ in range(source % 5):
            await asyncio.sleep(0)
        return source * 2

    schema = made(
        "type Query { rows: [Row!]! } type Row { number: Int! twice: Int! }",
        {
            "Query.rows": giving(range(200)),
            "Row.number": lambda source, _info: source,
            "Row.twice": double,
        },
    )
    result = await execute(schema, "{ rows { twice number } }")
    assert result.errors is None
    assert result.data == {"rows": [{"twice": 2 * n, "number": n} for n in range(200)]}


async def test_a_list_that_fails_midway_lets_an_asynchronous_iterator_end(
    execute: Executor,
) -> None:
    closed = []

    async def numbers(*_: Any) -> AsyncIterator[Any]:
        try:
            yield 1
            yield "x"
            yield 3
        finally:
            closed.append(True)

    schema = made("type Query { numbers: [Int!] }", {"Query.numbers": numbers})
    result = await execute(schema, "{ numbers }")
    assert result.data == {"numbers": None}
    assert closed == [True]
