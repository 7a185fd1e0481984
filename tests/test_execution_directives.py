"""`@skip` and `@include`, wherever they may stand, and whatever they are told."""

from itertools import product
from typing import Any

import pytest

from .torture.executing import Executor, both, brief, giving, made

pytestmark = both

SCHEMA = "type Query { a: String b: String nest: Nest list: [Nest!]! } type Nest { c: Int d: Int }"


def schema_of(sdl: str = SCHEMA) -> Any:
    return made(
        sdl,
        {
            "Query.a": giving("a"),
            "Query.b": giving("b"),
            "Query.nest": giving({"c": 1, "d": 2}),
            "Query.list": giving([{"c": 1, "d": 2}, {"c": 3, "d": 4}]),
        },
    )


PLACES = {
    "a field": "{{ a b {directive} }}",
    "a fragment's spread": "{{ a ...F {directive} }} fragment F on Query {{ b }}",
    "an inline fragment": "{{ a ... on Query {directive} {{ b }} }}",
    "an inline fragment without a type": "{{ a ... {directive} {{ b }} }}",
    "a nested one": "{{ a ... {{ ... @include(if: true) {{ b {directive} }} }} }}",
}
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


@places
@pytest.mark.parametrize(
    ("directive", "stays"),
    [
        ("@include(if: true)", True),
        ("@include(if: false)", False),
        ("@skip(if: true)", False),
        ("@skip(if: false)", True),
        ("@skip(if: false) @include(if: true)", True),
        ("@skip(if: true) @include(if: true)", False),
        ("@include(if: false) @skip(if: false)", False),
        ("@include(if: false) @skip(if: true)", False),
    ],
)
async def test_a_literal_decides(
    execute: Executor, place: str, directive: str, *, stays: bool
) -> None:
    result = await execute(schema_of(), place.format(directive=directive))
    assert result.errors is None
    assert result.data == ({"a": "a", "b": "b"} if stays else {"a": "a"})


@places
@pytest.mark.parametrize("name", ["include", "skip"])
async def test_a_variable_decides_each_time_anew(execute: Executor, place: str, name: str) -> None:
    schema = schema_of()
    text = f"query ($on: Boolean!) {place.format(directive=f'@{name}(if: $on)')}"
    for plans, on in ((1, True), (2, False), (2, True)):
        result = await execute(schema, text, {"on": on}, plans=plans)
        assert result.data == ({"a": "a", "b": "b"} if on == (name == "include") else {"a": "a"})


@pytest.mark.parametrize(
    ("sent", "stays"), [({}, True), ({"on": True}, True), ({"on": False}, False)]
)
async def test_the_default_of_a_variable_decides(
    execute: Executor, sent: dict[str, bool], *, stays: bool
) -> None:
    for type_ in ("Boolean", "Boolean!"):
        text = f"query ($on: {type_} = true) {{ a @include(if: $on) b }}"
        result = await execute(schema_of(), text, sent)
        assert result.data == ({"a": "a", "b": "b"} if stays else {"b": "b"})


async def test_every_combination_of_two_variables_is_answered(execute: Executor) -> None:
    schema = schema_of()
    text = "query ($x: Boolean!, $y: Boolean!) { a @include(if: $x) b @skip(if: $y) __typename }"
    for plans, (x, y) in enumerate(product([True, False], repeat=2), start=1):
        result = await execute(schema, text, {"x": x, "y": y}, plans=plans)
        expected = {"a": "a"} if x else {}
        expected |= {} if y else {"b": "b"}
        assert result.data == {**expected, "__typename": "Query"}


async def test_more_combinations_than_are_compiled_are_answered_too(execute: Executor) -> None:
    schema = schema_of()
    names = "pqrst"
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    asked = " ".join(f"{name}: a @include(if: ${name})" for name in names)
    text = f"query ({declared}) {{ {asked} b }}"
    for combination in product([True, False], repeat=len(names)):
        sent = dict(zip(names, combination, strict=True))
        result = await execute(schema, text, sent, plans=None)
        expected = {name: "a" for name in names if sent[name]}
        assert result.data == {**expected, "b": "b"}


async def test_nothing_may_be_left_of_the_root(execute: Executor) -> None:
    result = await execute(schema_of(), "{ a @skip(if: true) }")
    assert result.errors is None
    assert result.data == {}


async def test_nothing_may_be_left_of_an_object(execute: Executor) -> None:
    text = "{ nest { c @skip(if: true) } list { c @include(if: false) } }"
    result = await execute(schema_of(), text)
    assert result.errors is None
    assert result.data == {"nest": {}, "list": [{}, {}]}


async def test_an_empty_object_fails_where_its_type_fails(execute: Executor) -> None:
    schema = schema_of()
    schema.type_map["Nest"].is_type_of = lambda value, _info: value["c"] != 3
    result = await execute(schema, "{ nest { c @skip(if: true) } list { c @skip(if: true) } }")
    assert result.data is None
    assert brief(result) == [
        ("Expected value of type 'Nest' but got: {'c': 3, 'd': 4}.", ["list", 1])
    ]


async def test_a_resolver_of_what_is_skipped_is_not_called(execute: Executor) -> None:
    called = []
    schema = schema_of()
    schema.query_type.fields["a"].resolve = lambda *_: called.append("a")
    await execute(schema, "{ a @skip(if: true) b ... @include(if: false) { a } }")
    assert called == []


async def test_a_field_stays_where_one_of_its_selections_stays(execute: Executor) -> None:
    text = """{ nest @skip(if: true) { c } nest { d } ... @include(if: false) { nest { c } }
                a a @skip(if: true) }"""
    result = await execute(schema_of(), text)
    assert result.data == {"nest": {"d": 2}, "a": "a"}


async def test_the_first_selection_that_stays_gives_the_place(execute: Executor) -> None:
    result = await execute(schema_of(), "{ a @skip(if: true) b a }")
    assert result.data is not None
    assert list(result.data) == ["b", "a"]


async def test_null_decides_nothing(execute: Executor) -> None:
    text = "query ($on: Boolean = true) { a @include(if: $on) }"
    result = await execute(schema_of(), text, {"on": None}, plans=0)
    assert result.data is None
    ((message, path),) = brief(result)
    assert message.startswith("Argument 'if' has invalid value")
    assert path is None


async def test_null_below_a_field_fails_the_field(execute: Executor) -> None:
    text = "query ($on: Boolean = true) { a nest { c @include(if: $on) } }"
    result = await execute(schema_of(), text, {"on": None}, plans=0)
    assert result.data == {"a": "a", "nest": None}
    ((message, path),) = brief(result)
    assert message.startswith("Argument 'if' has invalid value")
    assert path == ["nest"]


async def test_a_variable_that_only_a_directive_names_changes_nothing_else(
    execute: Executor,
) -> None:
    schema = made(
        "type Query { echo(word: String): String }",
        {"Query.echo": lambda _source, _info, word=None: word},
    )
    text = """query ($on: Boolean!, $word: String) {
      echo(word: $word) @include(if: $on) other: echo(word: $word) }"""
    for plans, (on, word) in enumerate([(True, "a"), (False, "b")], start=1):
        result = await execute(schema, text, {"on": on, "word": word}, plans=plans)
        assert result.data == ({"echo": word, "other": word} if on else {"other": word})
    result = await execute(schema, text, {"on": True, "word": "c"}, plans=2)
    assert result.data == {"echo": "c", "other": "c"}
