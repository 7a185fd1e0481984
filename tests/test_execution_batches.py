"""Fields of plugins: batch functions, attributes, stored keys, and functions with arguments."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLError

from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import Contribution, MergedSchema, Query, extend
from mercat.graphql.records import stored

from .torture.executing import COMPILED, Executor, both, brief

NULL = "Cannot return null for non-nullable field Shelf.{}."


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.input
class Wanted:
    size: Size = Size.SMALL
    words: list[str] | None = None


@strawberry.interface
class Place:
    name: str


@strawberry.type
class Shelf(Place):
    number: int = 0
    size: Size = Size.SMALL

    @strawberry.field
    def said(self, info: Info, wanted: Wanted | None = None, size: Size | None = None) -> str:
        words = wanted.words if wanted else None
        return f"{self.name} {wanted and wanted.size} {words} {size} {info.path.key}"


@strawberry.type
class Drawer(Place):
    depth: int = 0


@strawberry.type
class Note:
    record: strawberry.Private[dict[str, Any]]
    text: str = stored("text", "Its text.")
    size: int = stored("words", "How many words.", convert=len, default=0)
    when: int | None = stored("when", "Its time.")


@dataclass
class Loads:
    """What the batch functions of a test give for each parent, and how often they were called."""

    give: Callable[[Any], Any]
    late: bool
    calls: list[tuple[str, list[str]]]


LOADS = Loads(lambda _parent: None, late=False, calls=[])


def _load(kind: str, parents: list[Any]) -> list[Any]:
    LOADS.calls.append((kind, [parent.name for parent in parents]))
    return [LOADS.give(parent) for parent in parents]


def _maybe(parents: list[Any], _info: Info) -> list[int | None]:
    return _load("maybe", parents)


async def _maybe_late(parents: list[Any], _info: Info) -> list[int | None]:
    await asyncio.sleep(0)
    return _load("maybeLate", parents)


def _must(parents: list[Any], _info: Info) -> list[int]:
    return _load("must", parents)


async def _must_late(parents: list[Any], _info: Info) -> list[int]:
    await asyncio.sleep(0)
    return _load("mustLate", parents)


async def _shelves(parents: list[Any], _info: Info, count: int = 2) -> list[list[Shelf]]:
    LOADS.calls.append((f"shelves {count}", [parent.name for parent in parents]))
    return [[Shelf(name=f"{parent.name}{n}", number=n) for n in range(count)] for parent in parents]


def _places(parents: list[Any], _info: Info) -> list[list[Place]]:
    return _load("places", parents)


@extend(Shelf)
class ShelfRelations:
    maybe = batched("Perhaps a number.", _maybe)
    maybe_late = batched("The same, late.", _maybe_late)
    must = batched("A number.", _must)
    must_late = batched("The same, late.", _must_late)
    shelves = batched("Others.", _shelves)
    places = batched("Places of any kind.", _places)


@extend(Drawer)
class DrawerRelations:
    shelves = batched("Others.", _shelves)


ROWS: list[Any] = []


@extend(Query)
class BatchQuery:
    @strawberry.field
    @staticmethod
    def shelves() -> list[Shelf | None]:
        return list(ROWS)

    @strawberry.field
    @staticmethod
    def places() -> list[Place]:
        return list(ROWS)

    @strawberry.field
    @staticmethod
    def notes() -> list[Note | None]:
        return list(ROWS)


@pytest.fixture(scope="module")
def schema() -> MergedSchema:
    relations = [BatchQuery, ShelfRelations, DrawerRelations, Drawer]
    return MergedSchema([Contribution("test", relations)], {})


@pytest.fixture(autouse=True)
def shelves() -> None:
    LOADS.calls.clear()
    ROWS[:] = [Shelf(name="a", number=1), Shelf(name="b", number=2), Shelf(name="c", number=3)]


async def ask(
    execute: Executor, schema: MergedSchema, text: str, variables: Any = None
) -> ExecutionResult:
    context = SimpleNamespace(loaders={})
    return await execute(schema._schema, text, variables, context=context)


late = pytest.mark.parametrize("suffix", ["", "Late"], ids=["now", "late"])


@both
@late
async def test_each_parent_gets_its_own_answer(
    execute: Executor, schema: MergedSchema, suffix: str
) -> None:
    LOADS.give = lambda parent: parent.number * 10
    result = await ask(execute, schema, f"{{ shelves {{ name x: must{suffix} maybe{suffix} }} }}")
    assert result.errors is None
    assert result.data == {
        "shelves": [
            {"name": name, "x": number, f"maybe{suffix}": number}
            for name, number in (("a", 10), ("b", 20), ("c", 30))
        ]
    }


@both
@late
async def test_one_answer_may_be_null_or_an_error(
    execute: Executor, schema: MergedSchema, suffix: str
) -> None:
    answers = {"a": None, "b": GraphQLError("no b", extensions={"code": "B"}), "c": 3}
    LOADS.give = lambda parent: answers[parent.name]
    result = await ask(execute, schema, f"{{ shelves {{ maybe{suffix} }} }}")
    assert result.data == {
        "shelves": [{f"maybe{suffix}": None}, {f"maybe{suffix}": None}, {f"maybe{suffix}": 3}]
    }
    assert brief(result) == [("no b", ["shelves", 1, f"maybe{suffix}"])]
    assert result.errors is not None
    assert result.errors[0].extensions == {"code": "B"}


@both
@late
async def test_a_null_that_may_not_be_takes_its_own_parent_only(
    execute: Executor, schema: MergedSchema, suffix: str
) -> None:
    LOADS.give = lambda parent: None if parent.name == "b" else parent.number
    result = await ask(execute, schema, f"{{ shelves {{ number must{suffix} }} }}")
    assert result.data == {
        "shelves": [
            {"number": 1, f"must{suffix}": 1},
            None,
            {"number": 3, f"must{suffix}": 3},
        ]
    }
    assert brief(result) == [(NULL.format(f"must{suffix}"), ["shelves", 1, f"must{suffix}"])]


async def test_a_level_is_loaded_once_whatever_its_parents(schema: MergedSchema) -> None:
    LOADS.give = lambda parent: len(parent.name)
    ROWS.insert(1, None)
    text = "{ shelves { shelves { must shelves(count: 1) { mustLate } } } }"
    result = await ask(COMPILED, schema, text)
    assert result.errors is None
    pairs = [f"{name}{n}" for name in "abc" for n in range(2)]
    assert LOADS.calls == [
        ("shelves 2", ["a", "b", "c"]),
        ("must", pairs),
        ("shelves 1", pairs),
        ("mustLate", [f"{pair}0" for pair in pairs]),
    ]


async def test_each_alias_and_each_type_is_loaded_for_itself(schema: MergedSchema) -> None:
    ROWS[:] = [Shelf(name="s"), Drawer(name="d"), Shelf(name="t")]
    text = """query ($n: Int!) { places {
      ... on Shelf { one: shelves(count: 1) { name } many: shelves(count: $n) { name } }
      ... on Drawer { shelves(count: $n) { name } } } }"""
    result = await ask(COMPILED, schema, text, {"n": 3})
    assert result.errors is None
    assert sorted(LOADS.calls) == [
        ("shelves 1", ["s", "t"]),
        ("shelves 3", ["d"]),
        ("shelves 3", ["s", "t"]),
    ]


@both
async def test_batches_below_batches_and_interfaces_answer(
    execute: Executor, schema: MergedSchema
) -> None:
    LOADS.give = lambda parent: [Shelf(name=f"{parent.name}s"), Drawer(name=f"{parent.name}d")]
    text = """{ shelves { places { __typename name
      ... on Drawer { shelves(count: 1) { name } } ... on Shelf { number } } } }"""
    result = await ask(execute, schema, text)
    assert result.errors is None
    assert result.data == {
        "shelves": [
            {
                "places": [
                    {"__typename": "Shelf", "name": f"{name}s", "number": 0},
                    {
                        "__typename": "Drawer",
                        "name": f"{name}d",
                        "shelves": [{"name": f"{name}d0"}],
                    },
                ]
            }
            for name in "abc"
        ]
    }


@both
async def test_no_parents_are_no_call(execute: Executor, schema: MergedSchema) -> None:
    ROWS.clear()
    assert (await ask(execute, schema, "{ shelves { must mustLate } }")).data == {"shelves": []}
    ROWS[:] = [None, None]
    result = await ask(execute, schema, "{ shelves { must } }")
    assert result.data == {"shelves": [None, None]}
    assert LOADS.calls == []


@both
async def test_wrong_arguments_of_a_batch_fail_each_parent(
    execute: Executor, schema: MergedSchema
) -> None:
    text = "query ($n: Int = 1) { shelves { name shelves(count: $n) { name } } }"
    assert (await ask(execute, schema, text)).errors is None
    result = await ask(execute, schema, text, {"n": None})
    assert result.data == {"shelves": [None, None, None]}
    assert [path for _, path in brief(result)] == [["shelves", n, "shelves"] for n in range(3)]


@both
async def test_enums_and_inputs_reach_a_function_as_python_knows_them(
    execute: Executor, schema: MergedSchema
) -> None:
    ROWS[1:] = []
    text = """query ($size: Size = LARGE, $wanted: Wanted) { shelves {
      said literal: said(wanted: {size: LARGE, words: ["x"]}, size: SMALL)
      variable: said(wanted: $wanted, size: $size) } }"""
    result = await ask(execute, schema, text, {"wanted": {"words": ["y"]}})
    assert result.errors is None
    assert result.data == {
        "shelves": [
            {
                "said": "a None None None said",
                "literal": "a Size.LARGE ['x'] Size.SMALL literal",
                "variable": "a Size.SMALL ['y'] Size.LARGE variable",
            }
        ]
    }


@both
async def test_an_attribute_that_is_not_as_it_should_be_is_an_error(
    execute: Executor, schema: MergedSchema
) -> None:
    odd: Any = Shelf(name="b")
    odd.number, odd.size = "x", "huge"
    plain: Any = Shelf(name="c")
    plain.number, plain.name = "7", 5
    ROWS[1:] = [odd, plain]
    result = await ask(execute, schema, "{ shelves { name number } }")
    assert result.data == {
        "shelves": [{"name": "a", "number": 1}, None, {"name": "5", "number": 7}]
    }
    assert brief(result) == [
        ("Int cannot represent non-integer value: 'x'", ["shelves", 1, "number"])
    ]
    result = await ask(execute, schema, "{ shelves { size } }")
    assert result.data == {"shelves": [{"size": "SMALL"}, None, {"size": "SMALL"}]}


@both
async def test_aliases_hold_whether_or_not_a_value_is_as_it_should_be(
    execute: Executor, schema: MergedSchema
) -> None:
    text = "{ shelves { name_: number number: name size_: size kind: __typename a: number } }"
    plain: Any = Shelf(name="b")
    plain.number = "7"
    for rows, numbers in (([Shelf(name="a"), Shelf(name="b")], (0, 0)), ([ROWS[0], plain], (1, 7))):
        ROWS[:] = rows
        result = await ask(execute, schema, text)
        assert result.errors is None
        assert result.data is not None
        assert [list(row.items()) for row in result.data["shelves"]] == [
            [("name_", n), ("number", name), ("size_", "SMALL"), ("kind", "Shelf"), ("a", n)]
            for name, n in zip("ab", numbers, strict=True)
        ]


@both
async def test_stored_keys_are_read_with_their_defaults(
    execute: Executor, schema: MergedSchema
) -> None:
    records: list[dict[str, Any]] = [
        {"text": "a", "words": ["x", "y"], "when": 1},
        {"text": "b"},
        {"words": None, "when": 5},
        {"text": "d", "words": 7},
        {"text": 5, "words": [], "when": None},
    ]
    ROWS[:] = [*(Note(record=record) for record in records), None]
    result = await ask(execute, schema, "{ notes { when text size again: text } }")
    assert result.data == {
        "notes": [
            {"when": 1, "text": "a", "size": 2, "again": "a"},
            {"when": None, "text": "b", "size": 0, "again": "b"},
            None,
            None,
            {"when": None, "text": "5", "size": 0, "again": "5"},
            None,
        ]
    }
    assert brief(result) == [
        ("Cannot return null for non-nullable field Note.text.", ["notes", 2, "text"]),
        ("object of type 'int' has no len()", ["notes", 3, "size"]),
    ]
