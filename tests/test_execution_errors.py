"""What is told of an error: its message, where it happened, and what it carries."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
)

from .torture.executing import Executor, both, brief, giving, giving_later, made

pytestmark = both

SDL = (
    "type Query { a: String nest: Nest list: [Nest] must: Int! } type Nest { a: String nest: Nest }"
)


def raising(error: Exception) -> Callable[..., Any]:
    return giving(error)


def raising_later(error: Exception) -> Callable[..., Any]:
    return giving_later(error)


def returning(error: Exception) -> Callable[..., Any]:
    return lambda *_: error


def returning_later(error: Exception) -> Callable[..., Any]:
    async def resolve(*_: Any) -> Exception:
        return error

    return resolve


fails = pytest.mark.parametrize("fail", [raising, raising_later, returning, returning_later])


@fails
async def test_an_exception_is_told_with_its_place(execute: Executor, fail: Any) -> None:
    error = ValueError("what happened")
    schema = made(SDL, {"Query.nest": giving({}), "Nest.a": fail(error)})
    result = await execute(schema, "{\n  nest {\n    b: a\n  }\n}")
    assert result.data == {"nest": {"b": None}}
    assert result.errors is not None
    (found,) = result.errors
    assert found.formatted == {
        "message": "what happened",
        "locations": [{"line": 3, "column": 5}],
        "path": ["nest", "b"],
    }
    assert found.original_error is error
    assert found.extensions == {}


@fails
async def test_the_extensions_of_an_error_are_told(execute: Executor, fail: Any) -> None:
    error = GraphQLError("no", extensions={"code": "NO", "more": [1]})
    result = await execute(made(SDL, {"Query.a": fail(error)}), "{ a }")
    assert result.errors is not None
    assert result.errors[0].formatted == {
        "message": "no",
        "locations": [{"line": 1, "column": 3}],
        "path": ["a"],
        "extensions": {"code": "NO", "more": [1]},
    }
    assert result.errors[0].original_error is error


async def test_the_message_and_extensions_of_another_exception_are_told(
    execute: Executor,
) -> None:
    class OddError(Exception):
        message = "told"
        extensions = {"code": "ODD"}

    result = await execute(made(SDL, {"Query.a": raising(OddError("not told"))}), "{ a }")
    assert result.errors is not None
    assert result.errors[0].message == "told"
    assert result.errors[0].extensions == {"code": "ODD"}


async def test_an_error_that_has_a_path_keeps_it(execute: Executor) -> None:
    error = GraphQLError("elsewhere", path=["some", "where"])
    schema = made(SDL, {"Query.list": giving([{}, {}]), "Nest.a": raising(error)})
    result = await execute(schema, "{ list { a } }")
    assert result.data == {"list": [{"a": None}, {"a": None}]}
    assert result.errors == [error, error]


async def test_an_error_without_a_message_is_told(execute: Executor) -> None:
    result = await execute(made(SDL, {"Query.a": raising(RuntimeError())}), "{ a }")
    assert brief(result) == [("", ["a"])]


async def test_every_place_of_a_merged_field_is_told(execute: Executor) -> None:
    text = "{ nest { a } ...F }\nfragment F on Query {\n  nest { a }\n}"
    schema = made(SDL, {"Query.nest": giving({}), "Nest.a": raising(ValueError("bad"))})
    result = await execute(schema, text)
    assert result.errors is not None
    assert [tuple(place) for place in result.errors[0].locations or ()] == [(1, 10), (3, 10)]


async def test_the_path_goes_through_lists_and_aliases(execute: Executor) -> None:
    def at_times(source: int, _info: Any) -> str:
        if source == 2:
            raise ValueError(f"bad {source}")
        return f"good {source}"

    schema = made(
        SDL,
        {
            "Query.list": giving([1, None, 2, 3]),
            "Nest.nest": lambda source, _info: source,
            "Nest.a": at_times,
        },
    )
    result = await execute(schema, "{ all: list { inner: nest { word: a } } }")
    assert result.data == {
        "all": [
            {"inner": {"word": "good 1"}},
            None,
            {"inner": {"word": None}},
            {"inner": {"word": "good 3"}},
        ]
    }
    assert brief(result) == [("bad 2", ["all", 2, "inner", "word"])]


async def test_errors_of_one_level_and_of_the_next_are_told_in_the_documents_order(
    execute: Executor,
) -> None:
    def failing(source: Any, info: Any) -> Any:
        raise ValueError(".".join(map(str, info.path.as_list())))

    schema = made(
        SDL,
        {"Query.list": giving([{}, {}]), "Nest.nest": giving({}), "Nest.a": failing,
         "Query.a": failing},
    )  # fmt: skip
    result = await execute(schema, "{ list { nest { a } b: a } a }")
    assert [message for message, _ in brief(result)] == [
        "list.0.nest.a",
        "list.0.b",
        "list.1.nest.a",
        "list.1.b",
        "a",
    ]


async def test_the_same_exception_may_fail_many_fields(execute: Executor) -> None:
    error = ValueError("shared")
    schema = made(SDL, {"Query.list": giving([{}, {}]), "Nest.a": raising(error)})
    result = await execute(schema, "{ list { a b: a } }")
    assert [path for _, path in brief(result)] == [
        ["list", 0, "a"],
        ["list", 0, "b"],
        ["list", 1, "a"],
        ["list", 1, "b"],
    ]


class Written:
    def __str__(self) -> str:
        return "written"


NAN = float("nan")
LEAVES: list[tuple[str, Any, Any, str | None]] = [
    ("Int", 5, 5, None),
    ("Int", "5", 5, None),
    ("Int", True, 1, None),
    ("Int", 5.0, 5, None),
    ("Int", 2**31 - 1, 2**31 - 1, None),
    ("Int", -(2**31), -(2**31), None),
    ("Int", 2**31, None, "Int cannot represent non 32-bit signed integer value: 2147483648"),
    ("Int", 5.5, None, "Int cannot represent non-integer value: 5.5"),
    ("Int", NAN, None, "Int cannot represent non-integer value: nan"),
    ("Int", "", None, "Int cannot represent non-integer value: ''"),
    ("Int", "x", None, "Int cannot represent non-integer value: 'x'"),
    ("Int", [1], None, "Int cannot represent non-integer value: [1]"),
    ("Float", 5, 5.0, None),
    ("Float", 0.5, 0.5, None),
    ("Float", "0.5", 0.5, None),
    ("Float", True, 1, None),
    ("Float", NAN, None, "Float cannot represent non numeric value: nan"),
    ("Float", float("inf"), None, "Float cannot represent non numeric value: inf"),
    ("Float", "x", None, "Float cannot represent non numeric value: 'x'"),
    ("String", "x", "x", None),
    ("String", 5, "5", None),
    ("String", 0.5, "0.5", None),
    ("String", True, "true", None),
    ("String", Written(), "written", None),
    ("String", {"a": 1}, None, "String cannot represent value: {'a': 1}"),
    ("String", b"x", None, "String cannot represent value: b'x'"),
    ("Boolean", False, False, None),
    ("Boolean", 1, True, None),
    ("Boolean", 0.0, False, None),
    ("Boolean", "true", None, "Boolean cannot represent a non boolean value: 'true'"),
    ("ID", "x", "x", None),
    ("ID", 5, "5", None),
    ("ID", 5.5, None, "ID cannot represent value: 5.5"),
    ("ID", False, None, "ID cannot represent value: False"),
]
Give = Callable[[Any], Callable[..., Any]]


@pytest.mark.parametrize(("type_", "value", "expected", "message"), LEAVES, ids=str)
@pytest.mark.parametrize("give", [giving, giving_later], ids=["now", "later"])
async def test_a_leaf_is_written_or_is_an_error(
    execute: Executor, type_: str, value: Any, expected: Any, message: str | None, give: Give
) -> None:
    schema = made(
        f"type Query {{ one: {type_} must: {type_}! many: [{type_}] }}",
        {"Query.one": give(value), "Query.must": give(value), "Query.many": give([value, value])},
    )
    result = await execute(schema, "{ one many }")
    assert result.data == {"one": expected, "many": [expected, expected]}
    assert result.data is not None
    assert type(result.data["one"]) is type(expected)
    paths: list[Any] = [["one"], ["many", 0], ["many", 1]]
    assert brief(result) == ([] if message is None else [(message, path) for path in paths])
    result = await execute(schema, "{ must }")
    assert result.data == (None if message else {"must": expected})
    assert brief(result) == ([] if message is None else [(message, ["must"])])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "2", 3], [1, 2, 3]),
        ([1, None, True], [1, None, 1]),
        ([1, 2.0, "x", 4], [1, 2, None, 4]),
        ([2**31, 1], [None, 1]),
    ],
    ids=str,
)
async def test_rows_of_different_kinds_are_written_each_in_its_way(
    execute: Executor, values: list[Any], expected: list[Any]
) -> None:
    schema = made(
        "type Query { rows: [Row] } type Row { n: Int }",
        {"Query.rows": giving([{"n": value} for value in values])},
    )
    result = await execute(schema, "{ rows { n } }")
    assert result.data == {"rows": [{"n": value} for value in expected]}
    assert [type(row["n"]) for row in result.data["rows"]] == [type(value) for value in expected]


COLOUR = GraphQLEnumType("Colour", {"RED": ("r", 1), "GREEN": 2, "BLUE": "RED"})


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        (("r", 1), "RED", None),
        (2, "GREEN", None),
        ("RED", "BLUE", None),
        ("GREEN", None, "Enum 'Colour' cannot represent value: 'GREEN'"),
        (["un", "hashable"], None, "Enum 'Colour' cannot represent value: ['un', 'hashable']"),
        (3, None, "Enum 'Colour' cannot represent value: 3"),
    ],
    ids=str,
)
async def test_an_enum_is_written_by_its_name(
    execute: Executor, value: Any, expected: str | None, message: str | None
) -> None:
    field = GraphQLField(COLOUR, resolve=giving(value))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"colour": field}))
    result = await execute(schema, "{ colour }")
    assert result.data == {"colour": expected}
    assert brief(result) == ([] if message is None else [(message, ["colour"])])


def _write(value: Any) -> Any:
    return {"none": None, "undefined": Undefined}.get(value, value)


ODD = GraphQLScalarType("Odd", coerce_output_value=_write)
EXPECTED = "Expected `Odd.coerce_output_value({})` to return non-nullable value, returned: {}"


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        ("x", "x", None),
        ("none", None, EXPECTED.format("'none'", "None")),
        ("undefined", None, EXPECTED.format("'undefined'", "Undefined")),
    ],
)
async def test_a_scalar_must_write_something(
    execute: Executor, value: str, expected: str | None, message: str | None
) -> None:
    field = GraphQLField(ODD, resolve=giving(value))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"odd": field}))
    result = await execute(schema, "{ odd }")
    assert result.data == {"odd": expected}
    assert brief(result) == ([] if message is None else [(message, ["odd"])])


async def test_a_scalar_that_raises_fails_its_own_row(execute: Executor) -> None:
    def write(value: int) -> int:
        if value % 2 == 0:
            raise GraphQLError(f"{value} is even", extensions={"code": "EVEN"})
        return value

    odd = GraphQLScalarType("Odd", coerce_output_value=write)
    row = GraphQLObjectType("Row", {"n": GraphQLField(odd, resolve=lambda source, _info: source)})
    rows = GraphQLField(GraphQLList(row), resolve=giving([1, 2, 3, 4]))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"rows": rows}))
    result = await execute(schema, "{ rows { n } }")
    assert result.data == {"rows": [{"n": 1}, {"n": None}, {"n": 3}, {"n": None}]}
    assert brief(result) == [("2 is even", ["rows", 1, "n"]), ("4 is even", ["rows", 3, "n"])]
    assert [error.extensions for error in result.errors or ()] == [{"code": "EVEN"}] * 2


async def test_an_object_that_is_none_is_fine_wherever_it_stands(execute: Executor) -> None:
    schema = made(SDL, {"Query.a": giving("a")})
    for value in ("text", 5, [1], object()):
        schema.query_type.fields["nest"].resolve = giving(value)  # type: ignore[union-attr]
        result = await execute(schema, "{ nest { a __typename } a }")
        assert result.errors is None
        assert result.data == {"nest": {"a": None, "__typename": "Nest"}, "a": "a"}
