"""Attributes and stored keys, read in place: whatever they hold, graphql-core agrees."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult

from mercat.graphql.documents import Documents
from mercat.graphql.execution import execute_document
from mercat.graphql.extend import Contribution, MergedSchema, Query, extend
from mercat.graphql.records import stored
from mercat.settings import GraphQLSettings


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.interface
class Texted:
    text: str


@strawberry.type
class Thing(Texted):
    maybe: str | None
    number: int
    flag: bool
    ratio: float
    colour: Colour
    shade: Colour | None
    when: datetime
    words: list[str]
    child: "Thing | None" = None

    @strawberry.field
    def method(self, times: int = 2, word: str | None = None) -> str:
        return (word or self.text) * times

    @strawberry.field
    async def later(self) -> str:
        return self.text


def _colour(value: Any) -> Any:
    return {"red": Colour.RED, "blue": Colour.BLUE}[value]


@strawberry.type
class Stored:
    text: str = stored("text", "A text.")
    maybe: str | None = stored("maybe", "A text or null.")
    number: int = stored("number", "A number.")
    count: int = stored("count", "A number with a default.", default=7)
    least: int | None = stored("least", "A number, null, or a default.", default=1)
    flag: bool = stored("flag", "A boolean.")
    ratio: float = stored("ratio", "A float.")
    colour: Colour = stored("colour", "A colour.", convert=_colour)
    shade: Colour | None = stored("shade", "A colour or null.", convert=_colour)
    when: datetime = stored("when", "A time.")
    words: list[str] = stored("words", "Words.", default=())
    size: int = stored("words", "How many words.", convert=len, default=0)
    record: strawberry.Private[dict[str, Any]]


@strawberry.type
class Family:
    first: Thing
    maybe: Thing | None
    all: list[Thing]
    some: list[Thing | None] | None
    few: list[Thing | None]
    many: list[Thing] | None
    lists: list[list[Thing]]
    family: "Family | None" = None


@strawberry.type
class StoredFamily:
    first: Stored = stored("first", "One.", convert=lambda record: Stored(record=record))
    all: list[Stored] = stored(
        "all",
        "All of them.",
        convert=lambda records: [Stored(record=record) for record in records],
        default=(),
    )
    some: list[Stored | None] | None = stored(
        "some",
        "Some of them.",
        convert=lambda records: [record and Stored(record=record) for record in records],
    )
    record: strawberry.Private[dict[str, Any]]


_PLAIN: dict[str, Any] = {
    "text": "a",
    "maybe": None,
    "number": 1,
    "flag": True,
    "ratio": 0.5,
    "when": datetime(2026, 1, 2, tzinfo=UTC),
    "words": ["x"],
}
_ODD: dict[str, dict[str, Any]] = {
    "plain": {},
    "null where none may be": {"text": None},
    "another null": {"number": None},
    "number as text": {"text": 5, "maybe": 1.5, "number": "7", "flag": 1},
    "text as number": {"number": "x", "ratio": "y"},
    "number too large": {"number": 2**31},
    "number too small": {"number": -(2**31) - 1},
    "the largest number": {"number": 2**31 - 1, "ratio": 3},
    "boolean as number": {"number": True, "text": True},
    "not finite": {"ratio": float("nan")},
    "infinite": {"ratio": float("-inf")},
    "wrong time": {"when": "yesterday"},
    "time elsewhere": {"when": datetime(2026, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=2)))},
    "time without a zone": {"when": datetime(2026, 1, 2, 3, 4, 5)},  # noqa: DTZ001
    "exception as value": {"maybe": ValueError("no"), "text": ValueError("no")},
    "text of another class": {"text": type("Text", (str,), {})("sub")},
    "object as text": {"text": object},
    "words wrong": {"words": "abc"},
    "words null": {"words": [None]},
    "no words": {"words": ()},
}
_COLOURS: dict[str, dict[str, Any]] = {
    "unknown colour": {"colour": "green", "shade": "green"},
    "colour's value": {"colour": "red", "shade": "blue"},
    "no colour": {"colour": None, "shade": None},
    "unhashable colour": {"colour": [], "shade": []},
}
THINGS: dict[str, Thing] = {
    name: Thing(**{**_PLAIN, "colour": Colour.RED, "shade": None, **odd})
    for name, odd in {**_ODD, **_COLOURS}.items()
}
_Thing = THINGS["plain"]
THINGS["nested"] = Thing(**{**vars(_Thing), "child": Thing(**{**vars(_Thing), "child": _Thing})})
THINGS["null in a nested one"] = Thing(**{**vars(_Thing), "child": THINGS["another null"]})
THINGS["an attribute is missing"] = Thing(**vars(_Thing))
del THINGS["an attribute is missing"].text

RECORDS: dict[str, dict[str, Any]] = {
    name: {**_PLAIN, "colour": "red", **odd} for name, odd in {**_ODD, **_COLOURS}.items()
}
RECORDS["a key is missing"] = {
    key: value for key, value in RECORDS["plain"].items() if key != "text"
}
RECORDS["many keys are missing"] = {"text": "a", "colour": "blue"}
RECORDS["defaults are not taken"] = {**RECORDS["plain"], "count": 3, "least": 0, "shade": "blue"}

THING_QUERY = """{ thing {
  __typename text other: text maybe number flag ratio colour shade when words later
  ...More child { text number ... on Thing { flag child { text method } } }
} }
fragment More on Thing { text method(times: 3) again: method(word: "w") }
"""
FAMILY_QUERY = """{ families { __typename family { ...Members } ...Members } }
fragment Members on Family {
  first { text child { number } } one: maybe { text words } all { text shade colour child { text } }
  some { when ratio flag } few { text } many { text } lists { text }
}"""
STORED_FAMILIES_QUERY = """{ storedFamilies {
  first { text number } all { text count words } some { text shade }
} }"""
STORED_QUERY = """{ %s {
  __typename text other: text maybe number count least flag ratio colour shade when words size
} }"""


def _schema(
    thing: Thing | None = None,
    records: tuple[dict[str, Any], ...] = (),
    families: tuple[Family, ...] = (),
) -> MergedSchema:
    @extend(Query)
    class ReadsQuery:
        @strawberry.field(name="thing")
        @staticmethod
        def one_thing() -> Thing | None:
            return thing

        @strawberry.field(name="record")
        @staticmethod
        def one_record() -> Stored | None:
            return Stored(record=records[0]) if records else None

        @strawberry.field(name="records")
        @staticmethod
        def all_records() -> list[Stored | None]:
            return [Stored(record=record) for record in records]

        @strawberry.field(name="mustRecords")
        @staticmethod
        def all_of_which_must_be() -> list[Stored] | None:
            return [Stored(record=record) for record in records]

        @strawberry.field(name="families")
        @staticmethod
        def all_families() -> list[Family | None]:
            return list(families)

        @strawberry.field(name="storedFamilies")
        @staticmethod
        def all_stored_families() -> list[StoredFamily | None]:
            return [StoredFamily(record=record) for record in records]

    return MergedSchema([Contribution("test", [ReadsQuery])], {})


async def _run(schema: MergedSchema, text: str, compile_at: int | None) -> ExecutionResult:
    documents = Documents(
        schema._schema, GraphQLSettings(), introspection=True, compile_at=compile_at
    )
    document = documents.get(text)
    first = await execute_document(schema._schema, document, None)
    again = await execute_document(schema._schema, document, None)
    third = await execute_document(schema._schema, document, None)
    assert first.formatted == again.formatted == third.formatted
    assert document.plan_count == (0 if compile_at is None else 1)
    return again


async def _agree(schema: MergedSchema, text: str) -> ExecutionResult:
    expected = await _run(schema, text, None)
    found = await _run(schema, text, 1)
    assert found.data == expected.data

    def seen(result: ExecutionResult) -> list[str]:
        return sorted(str(error.formatted) for error in result.errors or ())

    assert seen(found) == seen(expected)
    return found


@pytest.mark.parametrize("name", THINGS)
async def test_attributes(name: str) -> None:
    await _agree(_schema(THINGS[name]), THING_QUERY)


@pytest.mark.parametrize("name", RECORDS)
async def test_stored_keys(name: str) -> None:
    await _agree(_schema(records=(RECORDS[name],)), STORED_QUERY % "record")


@pytest.mark.parametrize("root", ["records", "mustRecords"])
async def test_one_odd_record_among_others(root: str) -> None:
    plain = RECORDS["plain"]
    for odd in RECORDS.values():
        await _agree(_schema(records=(plain, odd, plain)), STORED_QUERY % root)
    found = await _agree(_schema(records=(*RECORDS.values(), plain)), STORED_QUERY % "records")
    assert found.data is not None
    assert found.data["records"][-1]["count"] == 7


async def test_defaults_stand_for_missing_keys() -> None:
    record = RECORDS["many keys are missing"]
    found = await _agree(_schema(records=(record,)), "{ record { count least words size maybe } }")
    assert found.data == {"record": {"count": 7, "least": 1, "words": [], "size": 0, "maybe": None}}


async def test_a_default_stands_where_null_may_be_too() -> None:
    found = await _agree(_schema(records=({"least": None},)), "{ record { least } }")
    assert found.data == {"record": {"least": 1}}


def _family(**others: Any) -> Family:
    plain = THINGS["plain"]
    members = {
        "first": THINGS["nested"],
        "maybe": None,
        "all": [plain, plain],
        "some": [plain, None],
        "few": [plain],
        "many": [plain],
        "lists": [[plain], []],
    }
    return Family(**{**members, **others})


def _odd_families(odd: Any) -> list[Family]:
    plain = THINGS["plain"]
    return [
        _family(first=odd),
        _family(maybe=odd),
        _family(all=[plain, odd, plain]),
        _family(some=[None, odd]),
        _family(few=[odd]),
        _family(many=[odd]),
        _family(lists=[[plain], [plain, odd]]),
        _family(family=_family(all=[odd])),
    ]


class _Bag:
    """A list by its behaviour alone."""

    def __iter__(self) -> Iterator[Thing]:
        yield THINGS["plain"]


class _Names(dict[str, Any]):
    """No list, though it gives things one after the other."""

    def __iter__(self) -> Iterator[Any]:
        yield THINGS["plain"]


_ODD_MEMBERS: dict[str, Any] = {
    **THINGS,
    "nothing": None,
    "of another type": RECORDS["plain"],
    "like one": SimpleNamespace(**vars(THINGS["plain"])),
    "an exception": ValueError("no"),
}
_ODD_LISTS: dict[str, Any] = {
    "none": None,
    "empty": [],
    "a tuple": (THINGS["plain"],),
    "a bag": _Bag(),
    "a mapping": _Names(),
    "no list": 5,
    "text": "abc",
    "an exception": ValueError("no"),
}


@pytest.mark.parametrize("name", _ODD_MEMBERS)
async def test_nested_objects(name: str) -> None:
    plain = _family()
    for odd in _odd_families(_ODD_MEMBERS[name]):
        await _agree(_schema(families=(plain, odd, plain)), FAMILY_QUERY)


@pytest.mark.parametrize("name", _ODD_LISTS)
async def test_nested_lists(name: str) -> None:
    odd = _ODD_LISTS[name]
    for member in ("all", "some", "few", "many", "lists"):
        await _agree(_schema(families=(_family(), _family(**{member: odd}))), FAMILY_QUERY)
    await _agree(_schema(families=(_family(), _family(lists=[odd]))), FAMILY_QUERY)


@pytest.mark.parametrize("name", RECORDS)
async def test_nested_records(name: str) -> None:
    plain, odd = RECORDS["plain"], RECORDS[name]
    family = {"first": plain, "all": [plain, plain], "some": [None, plain]}
    for record in ({"first": odd}, {"all": [plain, odd]}, {"some": [odd]}, {"all": None}):
        await _agree(_schema(records=(family, {**family, **record})), STORED_FAMILIES_QUERY)


async def test_nested_members_that_are_plain_come_as_they_are() -> None:
    query = "{ families { all { text } some { number } maybe { text } family { all { flag } } } }"
    found = await _agree(_schema(families=(_family(family=_family()),)), query)
    assert found.data == {
        "families": [
            {
                "all": [{"text": "a"}, {"text": "a"}],
                "some": [{"number": 1}, None],
                "maybe": None,
                "family": {"all": [{"flag": True}, {"flag": True}]},
            }
        ]
    }
