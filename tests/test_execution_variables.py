"""Arguments and variables: what a resolver is given, and what is refused."""

from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    value_from_ast_untyped,
)

from .torture.executing import Executor, both, brief

pytestmark = both


class Palette:
    """What an enum's value may be: anything."""


PALETTE = Palette()
COLOUR = GraphQLEnumType(
    "Colour",
    {
        "RED": GraphQLEnumValue(("r", 1)),
        "GREEN": GraphQLEnumValue(0),
        "NAN": GraphQLEnumValue(float("inf")),
        "CUSTOM": GraphQLEnumValue(PALETTE),
        "NAMED": GraphQLEnumValue("NAMED"),
    },
)


def _even(value: Any) -> int:
    if not isinstance(value, int) or value % 2:
        raise GraphQLError(f"{value} is not even", extensions={"code": "ODD"})
    return value


EVEN = GraphQLScalarType(
    "Even",
    coerce_output_value=_even,
    coerce_input_value=_even,
    coerce_input_literal=lambda node: _even(value_from_ast_untyped(node)),
)
JSON = GraphQLScalarType("JSON")
INNER = GraphQLInputObjectType(
    "Inner",
    {
        "word": GraphQLInputField(GraphQLString, default=GraphQLDefaultInput("inner")),
        "need": GraphQLInputField(GraphQLNonNull(GraphQLInt), out_name="needed"),
    },
)
OUTER = GraphQLInputObjectType(
    "Outer",
    {
        "word": GraphQLInputField(GraphQLString),
        "inner": GraphQLInputField(INNER, default=GraphQLDefaultInput({"need": 4})),
        "inners": GraphQLInputField(GraphQLList(GraphQLNonNull(INNER))),
        "colour": GraphQLInputField(COLOUR),
        "even": GraphQLInputField(EVEN),
        "json": GraphQLInputField(JSON),
    },
)
POINT = GraphQLInputObjectType(
    "Point",
    {"x": GraphQLInputField(GraphQLInt), "y": GraphQLInputField(GraphQLInt)},
    out_type=lambda values: (values.get("x"), values.get("y")),
)
ONE = GraphQLInputObjectType(
    "One", {"a": GraphQLInputField(GraphQLInt), "b": GraphQLInputField(GraphQLInt)}, is_one_of=True
)


def _echo(_source: Any, _info: Any, **arguments: Any) -> str:
    return repr(arguments)


def asking(type_: GraphQLInputType, default: Any = ...) -> GraphQLSchema:
    """A schema whose only field answers with its argument `input`, as Python writes it."""
    argument = GraphQLArgument(
        type_, default=None if default is ... else GraphQLDefaultInput(default)
    )
    field = GraphQLField(GraphQLString, {"input": argument}, resolve=_echo)
    return GraphQLSchema(GraphQLObjectType("Query", {"ask": field}), types=[GraphQLInt])


def got(value: Any) -> dict[str, Any]:
    return {"ask": repr({"input": value})}


NOTHING = {"ask": "{}"}

LITERALS: list[tuple[GraphQLInputType, str, Any]] = [
    (GraphQLInt, "3", 3),
    (GraphQLInt, "null", None),
    (GraphQLString, '"a\\n\\u00e4"', "a\nä"),
    (GraphQLString, '"""\n  block\n    text\n"""', "block\n  text"),
    (COLOUR, "RED", ("r", 1)),
    (COLOUR, "GREEN", 0),
    (COLOUR, "NAN", float("inf")),
    (COLOUR, "NAMED", "NAMED"),
    (EVEN, "4", 4),
    (JSON, '{a: [1, 2.5, {b: null}], c: "d", e: ENUM, f: true}', {
        "a": [1, 2.5, {"b": None}], "c": "d", "e": "ENUM", "f": True,
    }),
    (GraphQLList(GraphQLInt), "[1, null, 2]", [1, None, 2]),
    (GraphQLList(GraphQLInt), "1", [1]),
    (GraphQLList(GraphQLInt), "[]", []),
    (GraphQLList(GraphQLList(GraphQLInt)), "1", [[1]]),
    (GraphQLList(GraphQLList(GraphQLInt)), "[1, [2], null]", [[1], [2], None]),
    (GraphQLList(COLOUR), "[RED, GREEN]", [("r", 1), 0]),
    (INNER, "{need: 1}", {"word": "inner", "needed": 1}),
    (INNER, "{need: 1, word: null}", {"word": None, "needed": 1}),
    (INNER, '{word: "w", need: 1}', {"word": "w", "needed": 1}),
    (OUTER, "{}", {"inner": {"word": "inner", "needed": 4}}),
    (OUTER, "{inner: null}", {"inner": None}),
    (OUTER, "{inner: {need: 2}, inners: {need: 3}}", {
        "inner": {"word": "inner", "needed": 2},
        "inners": [{"word": "inner", "needed": 3}],
    }),
    (OUTER, "{inner: null, colour: RED, even: 2}", {"inner": None, "colour": ("r", 1), "even": 2}),
    (POINT, "{x: 1, y: 2}", (1, 2)),
    (POINT, "{}", (None, None)),
    (ONE, "{a: 1}", {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "literal", "value"), LITERALS, ids=str)
async def test_a_literal_is_read(
    execute: Executor, type_: GraphQLInputType, literal: str, value: Any
) -> None:
    result = await execute(asking(type_), f"{{ ask(input: {literal}) }}")
    assert result.errors is None
    assert result.data == got(value)


@pytest.mark.parametrize(("type_", "literal", "value"), LITERALS, ids=str)
async def test_a_literal_is_read_as_a_variables_default(
    execute: Executor, type_: GraphQLInputType, literal: str, value: Any
) -> None:
    result = await execute(asking(type_), f"query ($v: {type_} = {literal}) {{ ask(input: $v) }}")
    assert result.errors is None
    assert result.data == got(value)


SENT: list[tuple[GraphQLInputType, Any, Any]] = [
    (GraphQLInt, 3, 3),
    (GraphQLInt, None, None),
    (GraphQLInt, 3.0, 3),
    (GraphQLString, "a", "a"),
    (COLOUR, "RED", ("r", 1)),
    (COLOUR, None, None),
    (EVEN, 4, 4),
    (JSON, {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
    (GraphQLList(GraphQLInt), [1, None], [1, None]),
    (GraphQLList(GraphQLInt), 1, [1]),
    (GraphQLList(GraphQLInt), None, None),
    (GraphQLList(GraphQLList(GraphQLInt)), [1, [2], None], [[1], [2], None]),
    (INNER, {"need": 1}, {"word": "inner", "needed": 1}),
    (OUTER, {"inners": {"need": 1}, "inner": None}, {
        "inner": None, "inners": [{"word": "inner", "needed": 1}],
    }),
    (POINT, {"y": 2}, (None, 2)),
    (ONE, {"b": 2}, {"b": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "sent", "value"), SENT, ids=str)
async def test_a_variable_is_read(
    execute: Executor, type_: GraphQLInputType, sent: Any, value: Any
) -> None:
    text = f"query ($v: {type_}) {{ ask(input: $v) }}"
    result = await execute(asking(type_), text, {"v": sent})
    assert result.errors is None
    assert result.data == got(value)


async def test_an_enum_gives_the_very_value_that_stands_behind_its_name(
    execute: Executor,
) -> None:
    given: list[Any] = []

    def note(_source: Any, _info: Any, **arguments: Any) -> Any:
        given.append(arguments["input"])
        return arguments["input"]

    field = GraphQLField(COLOUR, {"input": GraphQLArgument(COLOUR)}, resolve=note)
    schema = GraphQLSchema(GraphQLObjectType("Query", {"ask": field}))
    text = "query ($v: Colour) { ask(input: CUSTOM) sent: ask(input: $v) }"
    result = await execute(schema, text, {"v": "CUSTOM"})
    assert result.data == {"ask": "CUSTOM", "sent": "CUSTOM"}
    assert given == [PALETTE, PALETTE]


async def test_a_variable_that_is_not_sent_leaves_its_argument_out(execute: Executor) -> None:
    text = "query ($v: Int) { ask(input: $v) }"
    assert (await execute(asking(GraphQLInt), text)).data == NOTHING
    assert (await execute(asking(GraphQLInt), text, {})).data == NOTHING
    assert (await execute(asking(GraphQLInt), text, {"v": None})).data == got(None)
    assert (await execute(asking(GraphQLInt, 7), text)).data == got(7)
    assert (await execute(asking(GraphQLInt, 7), text, {"v": None})).data == got(None)


async def test_defaults_of_variables_win_over_those_of_arguments(execute: Executor) -> None:
    text = "query ($v: Int = 5) { ask(input: $v) }"
    assert (await execute(asking(GraphQLInt, 7), text)).data == got(5)
    assert (await execute(asking(GraphQLInt, 7), text, {"v": 6})).data == got(6)
    text = "query ($v: Int = null) { ask(input: $v) }"
    assert (await execute(asking(GraphQLInt, 7), text)).data == got(None)


async def test_an_argument_that_is_left_out_has_its_default(execute: Executor) -> None:
    assert (await execute(asking(GraphQLInt), "{ ask }")).data == NOTHING
    assert (await execute(asking(GraphQLInt, 7), "{ ask }")).data == got(7)
    assert (await execute(asking(GraphQLInt, None), "{ ask }")).data == got(None)
    assert (await execute(asking(COLOUR, "RED"), "{ ask }")).data == got(("r", 1))
    assert (await execute(asking(GraphQLList(COLOUR), ["GREEN"]), "{ ask }")).data == got([0])
    expected = got({"inner": {"word": "inner", "needed": 4}})
    assert (await execute(asking(OUTER, {}), "{ ask }")).data == expected


async def test_variables_stand_inside_of_literals(execute: Executor) -> None:
    text = """query ($n: Int!, $w: String, $c: Colour = RED, $j: JSON) {
      ask(input: {word: $w, colour: $c, inner: {need: $n}, inners: [{need: 1, word: $w}], json: $j})
    }"""
    result = await execute(asking(OUTER), text, {"n": 3, "w": "x", "j": [1]})
    assert result.data == got(
        {
            "word": "x",
            "inner": {"word": "inner", "needed": 3},
            "inners": [{"word": "x", "needed": 1}],
            "colour": ("r", 1),
            "json": [1],
        }
    )
    result = await execute(asking(OUTER), text, {"n": 3})
    assert result.data == got(
        {
            "inner": {"word": "inner", "needed": 3},
            "inners": [{"word": "inner", "needed": 1}],
            "colour": ("r", 1),
        }
    )


async def test_a_variable_that_is_not_sent_is_null_in_a_list(execute: Executor) -> None:
    text = "query ($a: Int, $b: Int) { ask(input: [1, $a, $b]) }"
    result = await execute(asking(GraphQLList(GraphQLInt)), text, {"b": 2})
    assert result.data == got([1, None, 2])


async def test_variables_stand_inside_of_a_custom_scalar(execute: Executor) -> None:
    text = "query ($a: Int, $b: String) { ask(input: {a: $a, list: [$b], c: 1}) }"
    result = await execute(asking(JSON), text, {"a": 2, "b": "x"})
    assert result.data == got({"a": 2, "list": ["x"], "c": 1})


async def test_null_in_a_list_of_non_null_values_fails_its_field(execute: Executor) -> None:
    text = "query ($a: Int = 1) { ask(input: [1, $a]) other: ask(input: [2]) }"
    schema = asking(GraphQLList(GraphQLNonNull(GraphQLInt)))
    assert (await execute(schema, text)).data == {**got([1, 1]), "other": "{'input': [2]}"}
    result = await execute(schema, text, {"a": None})
    assert result.data == {"ask": None, "other": "{'input': [2]}"}
    assert [path for _, path in brief(result)] == [["ask"]]


REFUSED: list[tuple[str, Any, str]] = [
    ("Int", "x", ": Int cannot represent non-integer value: 'x'"),
    ("Int", True, ": Int cannot represent non-integer value: True"),
    ("Int", 2**31, ": Int cannot represent non 32-bit signed integer value: 2147483648"),
    ("Int!", None, ": Expected value of non-null type 'Int!' not to be None."),
    ("String", 5, ": String cannot represent a non string value: 5"),
    ("Colour", "PINK", ": Value 'PINK' does not exist in 'Colour' enum."),
    ("Even", 3, ": 3 is not even"),
    ("[Int!]", [1, None], " at [1]: Expected value of non-null type 'Int!' not to be None."),
    (
        "Outer",
        {"inner": {}},
        " at .inner: Expected value of type 'Inner' to include required field 'need', found: {}.",
    ),
    ("Outer", 5, ": Expected value of type 'Outer' to be an object, found: 5."),
]
ASKABLE: dict[str, GraphQLInputType] = {
    "int": GraphQLInt,
    "string": GraphQLString,
    "colour": COLOUR,
    "even": EVEN,
    "ints": GraphQLList(GraphQLNonNull(GraphQLInt)),
    "outer": OUTER,
}
ALL = GraphQLSchema(
    GraphQLObjectType(
        "Query",
        {
            name: GraphQLField(GraphQLString, {"input": GraphQLArgument(type_)}, resolve=_echo)
            for name, type_ in ASKABLE.items()
        },
    )
)
ASKED = {
    "Int": "int",
    "Int!": "int",
    "String": "string",
    "Colour": "colour",
    "Even": "even",
    "[Int!]": "ints",
    "Outer": "outer",
}


@pytest.mark.parametrize(("type_", "sent", "message"), REFUSED, ids=lambda part: str(part)[:30])
async def test_a_wrong_variable_refuses_the_whole_operation(
    execute: Executor, type_: str, sent: Any, message: str
) -> None:
    text = f"query ($v: {type_}) {{ {ASKED[type_]}(input: $v) __typename }}"
    result = await execute(ALL, text, {"v": sent}, plans=0)
    assert result.data is None
    assert brief(result) == [(f"Variable '$v' has invalid value{message}", None)]
    assert result.errors is not None
    assert [tuple(place) for place in result.errors[0].locations or ()] == [(1, 8)]


async def test_a_required_variable_must_be_sent(execute: Executor) -> None:
    text = "query ($v: Int!) { ask(input: $v) }"
    result = await execute(asking(GraphQLInt), text, plans=0)
    assert result.data is None
    (message, path), *others = brief(result)
    assert "$v" in message
    assert (path, others) == (None, [])


async def test_many_wrong_variables_are_cut_short(execute: Executor) -> None:
    names = "abcdefgh"
    declared = ", ".join(f"${name}: Int!" for name in names)
    asked = " ".join(f"{name}: ask(input: ${name})" for name in names)
    text = f"query ({declared}) {{ {asked} }}"
    result = await execute(asking(GraphQLInt), text, dict.fromkeys(names, "x"), plans=0)
    messages = [message for message, _ in brief(result)]
    assert len(messages) == 5
    assert messages[-1] == (
        "Too many errors processing variables, error limit reached. Execution aborted."
    )


@pytest.mark.parametrize("hide_suggestions", [False, True])
async def test_suggestions_are_told_only_where_they_may_be(
    execute: Executor, *, hide_suggestions: bool
) -> None:
    result = await execute(
        ALL,
        "query ($v: Colour) { colour(input: $v) }",
        {"v": "GREENE"},
        plans=0,
        hide_suggestions=hide_suggestions,
    )
    ((message, _),) = brief(result)
    assert ("Did you mean" in message) is not hide_suggestions


async def test_variables_that_the_operation_does_not_declare_are_ignored(
    execute: Executor,
) -> None:
    text = "query ($v: Int) { ask(input: $v) }"
    result = await execute(asking(GraphQLInt), text, {"v": 1, "more": object()})
    assert result.data == got(1)


async def test_the_same_document_takes_other_variables_each_time(execute: Executor) -> None:
    schema = asking(GraphQLInt, 7)
    document = "query ($v: Int) { ask(input: $v) again: ask(input: $v) }"
    for sent, value in (({"v": 1}, 1), ({"v": 2}, 2), ({}, 7), ({"v": None}, None)):
        result = await execute(schema, document, sent)
        assert result.data == {**got(value), "again": repr({"input": value})}


async def test_a_variable_in_a_fragment_is_the_operations(execute: Executor) -> None:
    text = "query ($v: Int = 4) { ...F } fragment F on Query { ask(input: $v) }"
    assert (await execute(asking(GraphQLInt), text)).data == got(4)
    assert (await execute(asking(GraphQLInt), text, {"v": 5})).data == got(5)


@pytest.mark.parametrize(
    "sent", [{"a": 1, "b": 2}, {}, {"a": None}, {"a": 1, "b": None}, {"c": 1}], ids=str
)
async def test_exactly_one_field_of_a_one_of_input_is_sent(
    execute: Executor, sent: dict[str, Any]
) -> None:
    result = await execute(asking(ONE), "query ($v: One) { ask(input: $v) }", {"v": sent}, plans=0)
    assert result.data is None
    assert result.errors


async def test_what_a_resolver_does_to_its_arguments_stays_with_it(execute: Executor) -> None:
    def change(_source: Any, _info: Any, words: list[str], data: dict[str, Any]) -> str:
        words.append("changed")
        data["changed"] = True
        return f"{len(words)} {len(data)}"

    changing = GraphQLField(
        GraphQLString,
        {"words": GraphQLArgument(GraphQLList(GraphQLString)), "data": GraphQLArgument(JSON)},
        resolve=change,
    )
    row = GraphQLObjectType("Row", {"change": changing})
    rows = GraphQLField(GraphQLList(row), resolve=lambda *_: [1, 2, 3])
    schema = GraphQLSchema(GraphQLObjectType("Query", {"rows": rows}))
    for _ in range(2):
        result = await execute(schema, '{ rows { change(words: ["a"], data: {b: 1}) } }')
        assert result.errors is None
        assert result.data == {"rows": [{"change": "2 2"}] * 3}


async def test_each_row_gets_the_arguments(execute: Executor) -> None:
    add = GraphQLField(
        GraphQLInt,
        {
            "to": GraphQLArgument(GraphQLNonNull(GraphQLInt)),
            "times": GraphQLArgument(GraphQLInt, default=GraphQLDefaultInput(1)),
        },
        resolve=lambda source, _info, to, times: source * times + to,
    )
    row = GraphQLObjectType("Row", {"add": add})
    rows = GraphQLField(GraphQLList(row), resolve=lambda *_: [1, 2])
    schema = GraphQLSchema(GraphQLObjectType("Query", {"rows": rows}))
    text = "query ($to: Int!) { rows { add(to: $to) ten: add(to: 0, times: 10) } }"
    result = await execute(schema, text, {"to": 5})
    assert result.data == {"rows": [{"add": 6, "ten": 10}, {"add": 7, "ten": 20}]}


async def test_a_wrong_argument_fails_its_field_in_each_row(execute: Executor) -> None:
    add = GraphQLField(
        GraphQLInt,
        {"to": GraphQLArgument(GraphQLNonNull(GraphQLInt))},
        resolve=lambda source, _info, to: source + to,
    )
    row = GraphQLObjectType("Row", {"add": add})
    rows = GraphQLField(GraphQLList(row), resolve=lambda *_: [1, 2])
    schema = GraphQLSchema(GraphQLObjectType("Query", {"rows": rows}))
    result = await execute(schema, "query ($to: Int = 1) { rows { add(to: $to) } }", {"to": None})
    assert result.data == {"rows": [{"add": None}, {"add": None}]}
    assert [path for _, path in brief(result)] == [["rows", 0, "add"], ["rows", 1, "add"]]


async def test_arguments_have_their_own_names_in_python(execute: Executor) -> None:
    field = GraphQLField(
        GraphQLString,
        {"from": GraphQLArgument(GraphQLString, out_name="from_")},
        resolve=lambda _source, _info, from_: f"from {from_}",
    )
    schema = GraphQLSchema(GraphQLObjectType("Query", {"ask": field}))
    text = 'query ($v: String) { ask(from: "a") sent: ask(from: $v) }'
    assert (await execute(schema, text, {"v": "b"})).data == {"ask": "from a", "sent": "from b"}
