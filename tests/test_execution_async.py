"""When a plan waits, for what, and that it waits for nothing else."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLSchema

from mercat.graphql.execution import execute_document

from .torture.executing import (
    COMPILED,
    INTERPRETED,
    Executor,
    both,
    brief,
    documents_of,
    giving,
    giving_later,
    made,
)

SDL = """
type Query { a: Int b: Int c: Int! nest: Nest list: [Nest!]! pet: Pet pets: [Pet!] numbers: [Int] }
type Nest { a: Int b: Int must: Int! nest: Nest list: [Nest!] numbers: [Int] }
interface Pet { a: Int }
type Dog implements Pet { a: Int }
type Cat implements Pet { a: Int }
"""


class Meeting:
    """Lets those that come in through only once they are that many: they run side by side."""

    def __init__(self, count: int) -> None:
        self._barrier = asyncio.Barrier(count)

    def resolver(self, value: Any) -> Callable[..., Any]:
        async def resolve(*_: Any) -> Any:
            async with asyncio.timeout(5):
                await self._barrier.wait()
            return value

        return resolve

    async def item(self, value: Any) -> Any:
        return await self.resolver(value)()


@both
async def test_fields_of_one_object_run_side_by_side(execute: Executor) -> None:
    meet = Meeting(3)
    schema = made(SDL, {f"Query.{name}": meet.resolver(n) for n, name in enumerate("abc")})
    result = await execute(schema, "{ c a b }")
    assert result.errors is None
    assert result.data is not None
    assert list(result.data.items()) == [("c", 2), ("a", 0), ("b", 1)]


@both
async def test_items_of_a_list_run_side_by_side(execute: Executor) -> None:
    meet = Meeting(4)
    schema = made(SDL, {"Query.numbers": lambda *_: [meet.item(n) for n in range(4)]})
    assert (await execute(schema, "{ numbers }")).data == {"numbers": [0, 1, 2, 3]}


@both
async def test_a_field_of_all_rows_runs_side_by_side(execute: Executor) -> None:
    meet = Meeting(6)
    schema = made(
        SDL,
        {
            "Query.list": giving([{}, {}, {}]),
            "Nest.a": meet.resolver(1),
            "Nest.b": meet.resolver(2),
        },
    )
    result = await execute(schema, "{ list { a b } }")
    assert result.data == {"list": [{"a": 1, "b": 2}] * 3}


@both
async def test_cousins_run_side_by_side(execute: Executor) -> None:
    meet = Meeting(2)
    schema = made(
        SDL,
        {"Query.nest": giving_later({}), "Query.list": giving([{}]), "Nest.a": meet.resolver(1)},
    )
    result = await execute(schema, "{ nest { a } list { a } }")
    assert result.data == {"nest": {"a": 1}, "list": [{"a": 1}]}


@both
async def test_types_are_told_side_by_side(execute: Executor) -> None:
    meet = Meeting(3)

    async def tell(value: str, _info: Any, _type: Any) -> str:
        await meet.item(None)
        return value

    schema = made(SDL, {"Query.pets": giving(["Dog", "Cat", "Dog"]), "Pet": tell})
    result = await execute(schema, "{ pets { __typename } }")
    names = ["Dog", "Cat", "Dog"]
    assert result.data == {"pets": [{"__typename": name} for name in names]}


@both
async def test_types_are_checked_side_by_side(execute: Executor) -> None:
    meet = Meeting(3)

    async def check(_value: Any, _info: Any) -> bool:
        await meet.item(None)
        return True

    schema = made(SDL, {"Query.list": giving([{}, {}, {}]), "Nest": check})
    result = await execute(schema, "{ list { __typename } }")
    assert result.data == {"list": [{"__typename": "Nest"}] * 3}


@both
async def test_plain_and_late_values_stand_side_by_side(execute: Executor) -> None:
    def at_times(source: int, _info: Any) -> Any:
        return giving_later(source * 10, source)(None, None) if source % 2 else source * 10

    schema = made(
        SDL,
        {
            "Query.list": giving([1, 2, 3, 4]),
            "Nest.a": at_times,
            "Nest.b": lambda source, _info: source,
        },
    )
    result = await execute(schema, "{ list { b a } }")
    assert result.data == {"list": [{"b": n, "a": n * 10} for n in range(1, 5)]}


@both
async def test_late_objects_have_late_fields(execute: Executor) -> None:
    schema = made(
        SDL,
        {
            "Query.nest": giving_later({"x": 1}, 2),
            "Nest.nest": giving_later({"x": 2}, 1),
            "Nest.list": giving_later([{}, {}], 3),
            "Nest.a": giving_later(5, 2),
            "Nest.b": giving(6),
        },
    )
    result = await execute(schema, "{ nest { b nest { a b list { a } } list { b a } } }")
    assert result.errors is None
    assert result.data == {
        "nest": {
            "b": 6,
            "nest": {"a": 5, "b": 6, "list": [{"a": 5}, {"a": 5}]},
            "list": [{"b": 6, "a": 5}, {"b": 6, "a": 5}],
        }
    }


@both
@pytest.mark.parametrize("kind", ["coroutine", "future", "task", "object"])
async def test_whatever_can_be_awaited_is_awaited(execute: Executor, kind: str) -> None:
    class Awaitable:
        def __await__(self) -> Any:
            yield
            return 7

    def value() -> Any:
        match kind:
            case "coroutine":
                return giving_later(7)(None, None)
            case "future":
                future = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(future.set_result, 7)
                return future
            case "task":
                return asyncio.ensure_future(giving_later(7)(None, None))
            case _:
                return Awaitable()

    schema = made(
        SDL,
        {
            "Query.a": lambda *_: value(),
            "Query.numbers": lambda *_: [value(), 1, value()],
            "Query.nest": giving({}),
            "Nest.must": lambda *_: value(),
        },
    )
    result = await execute(schema, "{ a numbers nest { must } }")
    assert result.errors is None
    assert result.data == {"a": 7, "numbers": [7, 1, 7], "nest": {"must": 7}}


@both
async def test_an_awaitable_of_an_awaitable_is_no_value(execute: Executor) -> None:
    async def twice(*_: Any) -> Any:
        return Written()

    class Written:
        def __str__(self) -> str:
            return "not awaited again"

        def __await__(self) -> Any:
            raise AssertionError("awaited again")

    schema = made("type Query { a: String }", {"Query.a": twice})
    assert (await execute(schema, "{ a }")).data == {"a": "not awaited again"}


async def test_a_plan_without_anything_late_ends_at_once() -> None:
    schema = made(
        SDL,
        {
            "Query.list": giving([{"a": 1, "list": [{"b": 2}]}, {"a": 2}]),
            "Query.pet": giving({"__typename": "Dog", "a": 1}),
        },
    )
    text = "{ list { a list { b } numbers } pet { a } }"
    document = documents_of(schema, 1).get(text)
    running = execute_document(schema, document, None)
    with pytest.raises(StopIteration) as stopped:
        running.send(None)
    assert stopped.value.value.data["list"][1] == {"a": 2, "list": None, "numbers": None}


def everything_late(**values: Any) -> GraphQLSchema:
    resolvers = {
        "Query.nest": giving_later({}, 1),
        "Query.list": giving_later([{}, {}], 1),
        "Nest.nest": giving_later({}, 2),
        "Nest.list": giving_later([{}, {}], 1),
        **{name.replace("_", "."): value for name, value in values.items()},
    }
    return made(SDL, resolvers)


async def test_a_plan_tells_errors_in_the_order_of_the_document() -> None:
    schema = everything_late(
        Query_b=giving(ValueError("other")),
        Nest_a=giving_later(ValueError("a"), 9),
        Nest_must=giving_later(ValueError("must"), 1),
        Nest_b=giving(ValueError("b")),
    )
    result = await COMPILED(schema, "{ nest { a must b } b }")
    assert result.data == {"nest": None, "b": None}
    assert brief(result) == [
        ("a", ["nest", "a"]),
        ("must", ["nest", "must"]),
        ("other", ["b"]),
    ]


async def test_a_plan_tells_the_same_errors_whatever_comes_first() -> None:
    async def run(*turns: int) -> list[Any]:
        schema = everything_late(
            Nest_a=giving_later(ValueError("a"), turns[0]),
            Nest_must=giving_later(ValueError("must"), turns[1]),
            Nest_b=giving_later(ValueError("b"), turns[2]),
        )
        text = "{ list { a } nest { nest { b must a } b } }"
        result = await COMPILED(schema, text)
        assert result.data == {
            "list": [{"a": None}, {"a": None}],
            "nest": {"nest": None, "b": None},
        }
        return brief(result)

    expected = [
        ("a", ["list", 0, "a"]),
        ("a", ["list", 1, "a"]),
        ("b", ["nest", "nest", "b"]),
        ("must", ["nest", "nest", "must"]),
        ("b", ["nest", "b"]),
    ]
    for turns in ((1, 1, 1), (5, 3, 1), (1, 3, 5), (3, 1, 5), (0, 9, 0)):
        assert await run(*turns) == expected


async def _finished(running: Any) -> ExecutionResult:
    before = asyncio.all_tasks()
    result: ExecutionResult = await running
    assert asyncio.all_tasks() == before
    return result


@pytest.mark.parametrize(
    "text",
    [
        "{ a nest { must } b }",
        "{ nest { a must b } list { a must } }",
        "{ list { must list { a } } nest { list { must } } }",
        "{ numbers nest { numbers } c }",
    ],
)
@pytest.mark.parametrize("turns", [0, 1, 4])
async def test_a_plan_leaves_nothing_running_and_nothing_unawaited(text: str, turns: int) -> None:
    async def breaking(*_: Any) -> AsyncIterator[Any]:
        yield giving_later(1)(None, None)
        yield giving_later(ValueError("bad"), 2)(None, None)

    schema = everything_late(
        Query_a=giving_later(1, 9),
        Query_b=giving_later(ValueError("bad"), 5),
        Query_c=giving_later(None, turns),
        Query_numbers=breaking,
        Nest_a=giving_later(1, 7),
        Nest_b=giving_later(2, 3),
        Nest_must=giving_later(ValueError("bad"), turns),
        Nest_numbers=lambda *_: [giving_later(n, n)(None, None) for n in range(3)],
    )
    result = await _finished(COMPILED(schema, text))
    assert result.errors
    gc.collect()  # what nobody awaited would warn, and so fail


@both
async def test_a_cancelled_execution_cancels_its_resolvers(execute: Executor) -> None:
    seen: list[str] = []
    started = asyncio.Event()

    async def wait(_source: Any, info: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(info.path.key)
            raise

    schema = made(SDL, {"Query.a": wait, "Query.b": wait, "Query.nest": giving({}), "Nest.a": wait})
    running = asyncio.ensure_future(execute(schema, "{ a b nest { x: a } }"))
    await started.wait()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert sorted(seen) == ["a", "b", "x"]


@both
async def test_a_cancellation_within_is_no_error_of_a_field(execute: Executor) -> None:
    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    schema = made(SDL, {"Query.a": cancelled, "Query.numbers": lambda *_: [cancelled(), 1]})
    for text in ("{ a }", "{ b a }", "{ numbers }"):
        with pytest.raises(asyncio.CancelledError):
            await execute(schema, text)


@both
async def test_a_timeout_around_an_execution_holds(execute: Executor) -> None:
    async def forever(*_: Any) -> None:
        await asyncio.Event().wait()

    schema = made(SDL, {"Query.a": forever, "Query.numbers": lambda *_: [forever(), forever()]})
    for text in ("{ a }", "{ numbers a }"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await execute(schema, text)


async def test_both_executors_finish_what_runs_beside_an_error() -> None:
    for execute in (COMPILED, INTERPRETED):
        ended: list[str] = []

        async def end(_source: Any, info: Any, ended: list[str] = ended) -> int:
            for _ in range(4):
                await asyncio.sleep(0)
            ended.append(info.field_name)
            return 1

        schema = made(SDL, {"Query.a": end, "Query.b": giving_later(ValueError("bad"))})
        result = await execute(schema, "{ b a }")
        assert result.data == {"b": None, "a": 1}
        assert ended == ["a"]


async def test_a_document_is_compiled_when_it_is_asked_for_often_enough() -> None:
    schema = made(SDL, {"Query.a": giving(1)})
    for compile_at, counts in ((1, [1, 1, 1]), (3, [0, 0, 1]), (None, [0, 0, 0])):
        document = documents_of(schema, compile_at).get("{ a }")
        for count in counts:
            assert (await execute_document(schema, document, None)).data == {"a": 1}
            assert document.plan_count == count
