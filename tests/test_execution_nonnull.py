"""What becomes null where something may not be null, and which errors are told."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLSchema, Undefined

from .torture.executing import Executor, both, brief, giving, giving_later, made

pytestmark = both

SDL = """
type Query { nest: Nest must: Nest! list: [Nest] musts: [Nest!]! ok: Int }
type Nest {
  value: String
  must: String!
  nest: Nest
  mustNest: Nest!
  list: [Nest!]
  mustList: [Nest!]!
  ok: Int
}
"""
NULL = "Cannot return null for non-nullable field Nest.must."

Give = Callable[[Any], Callable[..., Any]]
ways = pytest.mark.parametrize("give", [giving, giving_later], ids=["now", "later"])
failures = pytest.mark.parametrize(
    ("value", "message"),
    [(None, NULL), (ValueError("bad"), "bad")],
    ids=["null", "error"],
)


def nested(give: Give, must: Any, value: Any = "fine") -> GraphQLSchema:
    """A schema whose `must` fields give `must`, and all others what is fine."""
    return made(
        SDL,
        {
            "Query.nest": give({}),
            "Query.must": give({}),
            "Query.list": give([{}, {}]),
            "Query.musts": give([{}, {}]),
            "Query.ok": give(1),
            "Nest.value": give(value),
            "Nest.must": give(must),
            "Nest.nest": give({}),
            "Nest.mustNest": give({}),
            "Nest.list": give([{}, {}]),
            "Nest.mustList": give([{}, {}]),
            "Nest.ok": give(2),
        },
    )


@ways
async def test_null_where_it_may_be_is_no_error(execute: Executor, give: Give) -> None:
    result = await execute(nested(give, "fine", None), "{ nest { value must } }")
    assert result.errors is None
    assert result.data == {"nest": {"value": None, "must": "fine"}}


@ways
async def test_an_error_where_null_may_be_nulls_nothing_else(execute: Executor, give: Give) -> None:
    schema = nested(give, "fine", ValueError("bad"))
    result = await execute(schema, "{ nest { ok value must } ok }")
    assert result.data == {"nest": {"ok": 2, "value": None, "must": "fine"}, "ok": 1}
    assert brief(result) == [("bad", ["nest", "value"])]


@ways
@failures
async def test_the_nearest_nullable_parent_becomes_null(
    execute: Executor, give: Give, value: Any, message: str
) -> None:
    result = await execute(nested(give, value), "{ nest { ok nest { must ok } } ok }")
    assert result.data == {"nest": {"ok": 2, "nest": None}, "ok": 1}
    assert brief(result) == [(message, ["nest", "nest", "must"])]


@ways
@failures
async def test_a_chain_of_non_null_parents_falls_up_to_the_first_nullable_one(
    execute: Executor, give: Give, value: Any, message: str
) -> None:
    text = "{ ok nest { ok nest { ok mustNest { ok mustNest { ok mustNest { must } } } } } }"
    result = await execute(nested(give, value), text)
    assert result.data == {"ok": 1, "nest": {"ok": 2, "nest": None}}
    path: list[str | int] = ["nest", "nest", "mustNest", "mustNest", "mustNest", "must"]
    assert brief(result) == [(message, path)]


@ways
@failures
async def test_the_whole_answer_is_null_where_nothing_else_may_be(
    execute: Executor, give: Give, value: Any, message: str
) -> None:
    result = await execute(nested(give, value), "{ ok must { mustNest { must } } }")
    assert result.data is None
    assert brief(result) == [(message, ["must", "mustNest", "must"])]


@failures
async def test_only_the_object_with_the_failure_is_null_in_a_list(
    execute: Executor, value: Any, message: str
) -> None:
    schema = made(
        "type Query { rows: [Row] } type Row { id: Int! must: String! }",
        {"Query.rows": giving([{"id": 1, "must": "a"}, {"id": 2, "must": value}, {"id": 3}])},
    )
    schema.type_map["Row"].fields["must"].resolve = (  # type: ignore[attr-defined]
        lambda source, _info: source.get("must", "c")
    )
    result = await execute(schema, "{ rows { id must } }")
    assert result.data == {"rows": [{"id": 1, "must": "a"}, None, {"id": 3, "must": "c"}]}
    expected = message.replace("Nest", "Row")
    assert brief(result) == [(expected, ["rows", 1, "must"])]


@ways
@failures
async def test_a_list_of_non_null_objects_falls_with_its_first_failure(
    execute: Executor, give: Give, value: Any, message: str
) -> None:
    result = await execute(nested(give, value), "{ nest { ok list { must } } }")
    assert result.data == {"nest": {"ok": 2, "list": None}}
    assert brief(result) == [(message, ["nest", "list", 0, "must"])]


@ways
@failures
async def test_a_non_null_list_takes_its_parent_with_it(
    execute: Executor, give: Give, value: Any, message: str
) -> None:
    result = await execute(nested(give, value), "{ ok nest { mustList { ok must } } }")
    assert result.data == {"ok": 1, "nest": None}
    assert brief(result) == [(message, ["nest", "mustList", 0, "must"])]


async def test_errors_before_the_fatal_one_are_told_and_those_after_it_are_not(
    execute: Executor,
) -> None:
    schema = made(
        "type Query { nest: Nest } type Nest { a: Int b: Int! c: Int d: Int! }",
        {
            "Query.nest": giving({}),
            "Nest.a": giving(ValueError("a")),
            "Nest.b": giving(ValueError("b")),
            "Nest.c": giving(ValueError("c")),
            "Nest.d": giving(ValueError("d")),
        },
    )
    result = await execute(schema, "{ nest { a b c d } }")
    assert result.data == {"nest": None}
    assert brief(result) == [("a", ["nest", "a"]), ("b", ["nest", "b"])]
    result = await execute(schema, "{ nest { d c b a } }")
    assert brief(result) == [("d", ["nest", "d"])]


async def test_errors_inside_of_what_an_earlier_one_nulled_are_not_told(
    execute: Executor,
) -> None:
    schema = made(
        "type Query { nest: Nest } type Nest { must: Int! deep: Nest value: Int }",
        {
            "Query.nest": giving({}),
            "Nest.deep": giving({}),
            "Nest.must": giving(ValueError("must")),
            "Nest.value": giving(ValueError("value")),
        },
    )
    result = await execute(schema, "{ nest { must deep { value } } }")
    assert result.data == {"nest": None}
    assert brief(result) == [("must", ["nest", "must"])]
    result = await execute(schema, "{ nest { deep { value } must } }")
    assert result.data == {"nest": None}
    assert brief(result) == [("value", ["nest", "deep", "value"]), ("must", ["nest", "must"])]


async def test_nothing_that_follows_a_fatal_root_field_is_told(execute: Executor) -> None:
    schema = made(
        "type Query { before: Int fatal: Int! after: Int }",
        {
            "Query.before": giving(ValueError("before")),
            "Query.fatal": giving(ValueError("fatal")),
            "Query.after": giving(ValueError("after")),
        },
    )
    result = await execute(schema, "{ before fatal after }")
    assert result.data is None
    assert brief(result) == [("before", ["before"]), ("fatal", ["fatal"])]


async def test_each_list_item_falls_for_itself(execute: Executor) -> None:
    rows = [{"must": None, "value": ValueError("0")}, {"must": 1, "value": ValueError("1")}]
    schema = made(
        "type Query { rows: [Row] } type Row { must: Int! value: Int }",
        {"Query.rows": giving(rows)},
    )
    result = await execute(schema, "{ rows { value must } }")
    assert result.data == {"rows": [None, {"value": None, "must": 1}]}
    assert brief(result) == [
        ("0", ["rows", 0, "value"]),
        ("Cannot return null for non-nullable field Row.must.", ["rows", 0, "must"]),
        ("1", ["rows", 1, "value"]),
    ]


@ways
async def test_errors_of_one_nulled_place_in_different_depths(
    execute: Executor, give: Give
) -> None:
    result = await execute(
        nested(give, ValueError("bad")), "{ nest { mustNest { mustNest { must } } } ok }"
    )
    assert result.data == {"nest": None, "ok": 1}
    assert brief(result) == [("bad", ["nest", "mustNest", "mustNest", "must"])]


async def test_the_message_of_a_null_in_a_list_names_the_field(execute: Executor) -> None:
    schema = made(
        "type Query { nest: Nest } type Nest { words: [String!]! }",
        {"Query.nest": giving({"words": ["a", None]})},
    )
    result = await execute(schema, "{ nest { all: words } }")
    assert result.data == {"nest": None}
    assert brief(result) == [
        ("Cannot return null for non-nullable field Nest.words.", ["nest", "all", 1])
    ]


@ways
async def test_an_undefined_value_is_null(execute: Executor, give: Give) -> None:
    schema = made(
        "type Query { value: Int nest: Nest } type Nest { must: Int! }",
        {"Query.value": give(Undefined), "Query.nest": give({}), "Nest.must": give(Undefined)},
    )
    result = await execute(schema, "{ value nest { must } }")
    assert result.data == {"value": None, "nest": None}
    assert brief(result) == [
        ("Cannot return null for non-nullable field Nest.must.", ["nest", "must"])
    ]


ARGUMENT = 'type Query { echo(text: String!): String withDefault(text: String! = "d"): String }'


def _echo(_source: Any, _info: Any, **arguments: Any) -> str:
    return repr(arguments)


def arguing() -> GraphQLSchema:
    return made(ARGUMENT, {"Query.echo": _echo, "Query.withDefault": _echo})


async def test_a_non_null_argument_takes_a_literal_or_a_variable(execute: Executor) -> None:
    result = await execute(arguing(), '{ echo(text: "a") }')
    assert result.data == {"echo": "{'text': 'a'}"}
    result = await execute(arguing(), "query ($t: String!) { echo(text: $t) }", {"t": "b"})
    assert result.data == {"echo": "{'text': 'b'}"}


async def test_a_non_null_argument_takes_a_nullable_variable_with_a_default(
    execute: Executor,
) -> None:
    text = 'query ($t: String = "default") { echo(text: $t) }'
    assert (await execute(arguing(), text)).data == {"echo": "{'text': 'default'}"}
    result = await execute(arguing(), text, {"t": "given"})
    assert result.data == {"echo": "{'text': 'given'}"}


async def test_null_in_a_variable_with_a_default_fails_only_its_own_field(
    execute: Executor,
) -> None:
    text = 'query ($t: String = "default") { echo(text: $t) other: echo(text: "fine") }'
    result = await execute(arguing(), text, {"t": None})
    assert result.data == {"echo": None, "other": "{'text': 'fine'}"}
    message = (
        "Argument 'text' has invalid value: Expected variable '$t' provided to non-null type "
        "'String!' not to be None."
    )
    assert brief(result) == [(message, ["echo"])]


async def test_a_non_null_argument_with_a_default_may_be_left_out(execute: Executor) -> None:
    text = "query ($t: String) { withDefault(text: $t) }"
    assert (await execute(arguing(), text)).data == {"withDefault": "{'text': 'd'}"}
    result = await execute(arguing(), text, {"t": None})
    assert result.data == {"withDefault": None}
    assert len(brief(result)) == 1
