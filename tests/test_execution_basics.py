"""What an execution consists of: fields, sources, what resolvers are told, merging, operations."""

import asyncio
from collections import namedtuple
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLSchema

from .torture.executing import Executor, both, brief, giving, made, written

pytestmark = both

SDL = """
type Query { a: String b: Int thing: Thing things: [Thing!]! echo(x: Int, y: Int = 2): String }
type Thing { a: String b: Int thing: Thing list: [Int] echo(x: Int): String }
"""


def keys(result: Any) -> list[str]:
    return list(result.data)


async def test_fields_answer_in_the_order_of_the_document(execute: Executor) -> None:
    schema = made(SDL, {"Query.a": giving("a"), "Query.b": giving(1)})
    result = await execute(schema, "{ b z: a a __typename b }")
    assert written(result.data) == b'{"b":1,"z":"a","a":"a","__typename":"Query"}'


async def test_the_root_has_no_source(execute: Executor) -> None:
    schema = made(SDL, {"Query.a": lambda source, info: f"{source} {info.root_value}"})
    assert (await execute(schema, "{ a }")).data == {"a": "None None"}
    assert (await execute(made(SDL), "{ a thing { a } }")).data == {"a": None, "thing": None}


class Record(Mapping[str, Any]):
    """A mapping that is no dictionary."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Slots:
    __slots__ = ("a", "b", "list", "thing")

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)


Row = namedtuple("Row", ["a", "b", "thing", "list"])  # noqa: PYI024  a plain one, as drivers give


@pytest.mark.parametrize("kind", [dict, SimpleNamespace, Record, Slots, Row])
async def test_a_source_is_read_without_a_resolver(execute: Executor, kind: Any) -> None:
    inner = kind(a="inner", b=2, thing=None, list=())
    outer = kind(a="outer", b=1, thing=inner, list=[1, 2])
    schema = made(SDL, {"Query.things": giving([outer, inner])})
    result = await execute(schema, "{ things { a b list thing { a list thing { a } } } }")
    assert result.errors is None
    assert result.data == {
        "things": [
            {
                "a": "outer",
                "b": 1,
                "list": [1, 2],
                "thing": {"a": "inner", "list": [], "thing": None},
            },
            {"a": "inner", "b": 2, "list": [], "thing": None},
        ]
    }


async def test_sources_of_different_classes_stand_side_by_side(execute: Executor) -> None:
    things = [{"a": "dictionary"}, SimpleNamespace(a="object"), Record(a="record"), {}, object()]
    schema = made(SDL, {"Query.things": giving(things)})
    result = await execute(schema, "{ things { a b } }")
    assert result.errors is None
    assert result.data == {
        "things": [
            {"a": name, "b": None} for name in ("dictionary", "object", "record", None, None)
        ]
    }


async def test_a_source_may_hold_functions(execute: Executor) -> None:
    class Thing:
        a = "an attribute"

        def __init__(self, factor: int) -> None:
            self.factor = factor

        def echo(self, info: Any, x: int = 0) -> str:
            return f"{info.field_name} {x * self.factor}"

        async def b(self, _info: Any) -> int:
            return self.factor

    things = [Thing(1), Thing(2), {"a": lambda _info: "called", "echo": lambda _info, x: str(x)}]
    schema = made(SDL, {"Query.things": giving(things)})
    result = await execute(schema, "{ things { a echo(x: 5) b } }")
    assert result.errors is None
    assert result.data == {
        "things": [
            {"a": "an attribute", "echo": "echo 5", "b": 1},
            {"a": "an attribute", "echo": "echo 10", "b": 2},
            {"a": "called", "echo": "5", "b": None},
        ]
    }


async def test_a_property_that_raises_fails_its_field(execute: Executor) -> None:
    class Thing:
        b = 1

        @property
        def a(self) -> str:
            raise ValueError("the property failed")

    schema = made(SDL, {"Query.thing": giving(Thing())})
    result = await execute(schema, "{ thing { a b } }")
    assert result.data == {"thing": {"a": None, "b": 1}}
    assert brief(result) == [("the property failed", ["thing", "a"])]


async def test_a_resolver_is_told_where_it_is(execute: Executor) -> None:
    told: list[Any] = []

    def note(_source: Any, info: Any, **_arguments: Any) -> str:
        told.append(info)
        return "x"

    schema = made(SDL, {"Query.things": giving([{}, {}]), "Thing.echo": note})
    context = object()
    text = """query Named($x: Int = 4) { all: things { one: echo(x: $x) ...F } }
              fragment F on Thing { one: echo(x: $x) }"""
    await execute(schema, text, context=context)
    assert [info.path.as_list() for info in told] == [["all", 0, "one"], ["all", 1, "one"]]
    for info in told:
        assert info.field_name == "echo"
        assert [node.alias.value for node in info.field_nodes] == ["one", "one"]
        assert [node.loc.start for node in info.field_nodes] == [
            text.index("one: echo"),
            text.rindex("one: echo"),
        ]
        thing = schema.type_map["Thing"]
        assert info.parent_type is thing
        assert info.return_type is thing.fields["echo"].type
        assert info.schema is schema
        assert list(info.fragments) == ["F"]
        assert info.root_value is None
        assert info.operation.name.value == "Named"
        # Strawberry, and so the engine, hands over the coerced values themselves.
        assert info.variable_values == {"x": 4}
        assert info.context is context
        assert info.path.typename == "Thing"
        assert info.path.prev.typename is None
        assert info.path.prev.prev.typename == "Query"
        assert info.is_awaitable(giving) is False


async def test_arguments_are_told_by_name(execute: Executor) -> None:
    schema = made(SDL, {"Query.echo": lambda *_, **arguments: repr(arguments)})
    result = await execute(schema, "{ echo one: echo(x: 1) both: echo(y: 3, x: null) }")
    assert result.data == {
        "echo": "{'y': 2}",
        "one": "{'x': 1, 'y': 2}",
        "both": "{'x': None, 'y': 3}",
    }


async def test_selections_of_one_name_are_merged(execute: Executor) -> None:
    calls = []

    def thing(*_: Any) -> dict[str, Any]:
        calls.append(1)
        return {"a": "a", "b": 1, "thing": {"a": "inner", "b": 2}}

    text = """{ thing { a thing { a } } ...F ... { thing { thing { b } } } thing { again: a } }
              fragment F on Query { thing { b ...G } } fragment G on Thing { thing { c: b } a }"""
    result = await execute(made(SDL, {"Query.thing": thing}), text)
    assert written(result.data) == (
        b'{"thing":{"a":"a","thing":{"a":"inner","c":2,"b":2},"b":1,"again":"a"}}'
    )
    assert calls == [1]


async def test_aliases_do_not_mix_up_values(execute: Executor) -> None:
    schema = made(SDL, {"Query.things": giving([{"a": "A", "b": 1}, {"a": "B", "b": 2}])})
    result = await execute(schema, "{ things { b: a a: b c: b } }")
    assert written(result.data) == (b'{"things":[{"b":"A","a":1,"c":1},{"b":"B","a":2,"c":2}]}')


async def test_one_field_is_asked_for_with_different_arguments(execute: Executor) -> None:
    schema = made(
        SDL,
        {
            "Query.things": giving([1, 2]),
            "Thing.echo": lambda source, _info, x=0: f"{source * x}",
        },
    )
    result = await execute(schema, "{ things { echo x: echo(x: 1) y: echo(x: 10) } }")
    assert result.data == {
        "things": [
            {"echo": "0", "x": "1", "y": "10"},
            {"echo": "0", "x": "2", "y": "20"},
        ]
    }


async def test_a_fragment_is_spread_in_several_places(execute: Executor) -> None:
    schema = made(SDL, {"Query.thing": giving({"a": "x", "thing": {"a": "y", "thing": None}})})
    text = """{ thing { ...F thing { ...F thing { ...F } } } } fragment F on Thing { a b }"""
    result = await execute(schema, text)
    assert result.data == {
        "thing": {"a": "x", "b": None, "thing": {"a": "y", "b": None, "thing": None}}
    }


async def test_deep_objects_are_answered(execute: Executor) -> None:
    schema = made(SDL, {"Query.thing": lambda *_: {"a": "0"}, "Thing.thing": lambda *_: {"a": "x"}})
    depth = 28
    text = "{ thing " + "{ a thing " * depth + "{ a }" + " }" * depth + " }"
    result = await execute(schema, text)
    assert result.errors is None
    found: Any = result.data
    for _ in range(depth + 1):
        found = found["thing"]
    assert found == {"a": "x"}


async def test_many_fields_are_answered(execute: Executor) -> None:
    schema = made(SDL, {"Query.thing": giving({"a": "x", "b": 3})})
    text = "{ thing { " + " ".join(f"a{n}: a b{n}: b" for n in range(300)) + " } }"
    result = await execute(schema, text)
    assert result.data is not None
    assert list(result.data["thing"].items()) == [
        pair for n in range(300) for pair in ((f"a{n}", "x"), (f"b{n}", 3))
    ]


NAMED = "query One { a } query Two { b } mutation Three { set }"


def several() -> GraphQLSchema:
    return made(
        SDL + " type Mutation { set: Int }",
        {"Query.a": giving("one"), "Query.b": giving(2), "Mutation.set": giving(3)},
    )


@pytest.mark.parametrize(
    ("name", "data"), [("One", {"a": "one"}), ("Two", {"b": 2}), ("Three", {"set": 3})]
)
async def test_the_operation_of_that_name_runs(
    execute: Executor, name: str, data: dict[str, Any]
) -> None:
    assert (await execute(several(), NAMED, name=name)).data == data


async def test_one_of_several_operations_must_be_named(execute: Executor) -> None:
    result = await execute(several(), NAMED, plans=0)
    assert result.data is None
    assert brief(result) == [
        ("Must provide operation name if query contains multiple operations.", None)
    ]


async def test_a_name_that_no_operation_has_is_refused(execute: Executor) -> None:
    for text in (NAMED, "{ a }"):
        result = await execute(several(), text, name="Four", plans=0)
        assert result.data is None
        assert brief(result) == [("Unknown operation named 'Four'.", None)]


async def test_the_only_operation_needs_no_name(execute: Executor) -> None:
    assert (await execute(several(), "query One { a }")).data == {"a": "one"}


async def test_operations_of_one_document_have_their_own_variables(execute: Executor) -> None:
    schema = made(SDL, {"Query.echo": lambda *_, **arguments: repr(arguments)})
    text = """query One($v: Int = 1) { ...F } query Two($v: Int = 5) { ...F }
              fragment F on Query { echo(x: $v) }"""
    assert (await execute(schema, text, name="One")).data == {"echo": "{'x': 1, 'y': 2}"}
    result = await execute(schema, text, name="Two", plans=2)
    assert result.data == {"echo": "{'x': 5, 'y': 2}"}


async def test_the_schema_is_told(execute: Executor) -> None:
    text = """{ __schema { queryType { name } } a __type(name: "Thing") { kind fields { name } }
                __typename }"""
    result = await execute(made(SDL, {"Query.a": giving("a")}), text, plans=None)
    assert result.errors is None
    fields = [{"name": name} for name in ("a", "b", "thing", "list", "echo")]
    assert result.data == {
        "__schema": {"queryType": {"name": "Query"}},
        "__type": {"kind": "OBJECT", "fields": fields},
        "a": "a",
        "__typename": "Query",
    }
    result = await execute(made(SDL), '{ none: __type(name: "Nothing") { name } }', plans=None)
    assert result.data == {"none": None}


async def test_an_answer_is_the_callers_own(execute: Executor) -> None:
    schema = made(SDL, {"Query.thing": lambda *_: {"a": "x", "list": [1]}})
    text = "{ thing { a list __typename } __typename }"
    first = await execute(schema, text)
    assert first.data is not None
    first.data["thing"]["list"].append(2)
    first.data["thing"]["a"] = "changed"
    first.data["__typename"] = "changed"
    second = await execute(schema, text)
    assert second.data == {
        "thing": {"a": "x", "list": [1], "__typename": "Thing"},
        "__typename": "Query",
    }


async def test_the_lists_of_a_source_stay_the_sources(execute: Executor) -> None:
    kept = {"list": [1, 2], "a": "x"}
    result = await execute(made(SDL, {"Query.thing": giving(kept)}), "{ thing { list a } }")
    assert result.data is not None
    result.data["thing"]["list"].append(3)
    assert kept == {"list": [1, 2], "a": "x"}


async def test_one_document_runs_many_times_at_once(execute: Executor) -> None:
    async def a(_source: Any, info: Any) -> str:
        for _ in range(info.context % 4):
            await asyncio.sleep(0)
        return f"a{info.context}"

    schema = made(
        SDL,
        {
            "Query.things": lambda _source, info: range(info.context % 5),
            "Thing.a": a,
            "Thing.b": lambda source, info: source * info.context,
        },
    )
    text = "{ things { a b } }"
    results = await asyncio.gather(*(execute(schema, text, context=n) for n in range(40)))
    for n, result in enumerate(results):
        assert result.errors is None
        assert result.data == {"things": [{"a": f"a{n}", "b": k * n} for k in range(n % 5)]}
