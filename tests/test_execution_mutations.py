"""Mutations run one after the other, each with everything below it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from .torture.executing import Executor, both, brief, made

pytestmark = both

SDL = """
type Query { value: Int }
type Mutation { set(to: Int!, turns: Int = 0): Box fail(to: Int!, turns: Int = 0): Box
                must(to: Int!, turns: Int = 0): Box! boxes(to: Int!): [Box!] }
type Box { value: Int! later: Int! box: Box must: Int! }
"""


@dataclass
class State:
    value: int = 0
    log: list[str] = field(default_factory=list)


async def _wait(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def _set(_source: Any, info: Any, to: int, turns: int = 0) -> Any:
    state: State = info.context

    def finish() -> dict[str, Any]:
        if to < 0:
            raise ValueError(f"can't be {to}")
        state.value = to
        state.log.append(f"end {to}")
        return {}

    async def finish_later() -> dict[str, Any]:
        await _wait(turns)
        return finish()

    state.log.append(f"begin {to}")
    return finish_later() if turns else finish()


async def _fail(_source: Any, info: Any, to: int, turns: int = 0) -> None:
    info.context.log.append(f"begin {to}")
    await _wait(turns)
    info.context.log.append(f"fail {to}")
    raise ValueError(f"failed {to}")


async def _value_later(_source: Any, info: Any) -> int:
    await _wait(3)
    info.context.log.append(f"read {info.context.value}")
    value: int = info.context.value
    return value


SCHEMA = made(
    SDL,
    {
        "Mutation.set": _set,
        "Mutation.must": _set,
        "Mutation.fail": _fail,
        "Mutation.boxes": lambda _source, info, to: [
            _set(None, info, to),
            _set(None, info, to + 1),
        ],
        "Box.value": lambda _source, info: info.context.value,
        "Box.later": _value_later,
        "Box.box": lambda *_: {},
        "Box.must": lambda *_: None,
    },
)


async def test_each_mutation_ends_before_the_next_one_begins(execute: Executor) -> None:
    state = State()
    text = """mutation {
      a: set(to: 1, turns: 5) { value } b: set(to: 2) { value }
      c: set(to: 3, turns: 1) { value } }"""
    result = await execute(SCHEMA, text, context=state)
    assert result.errors is None
    assert result.data == {"a": {"value": 1}, "b": {"value": 2}, "c": {"value": 3}}
    assert state.log == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]


async def test_what_is_below_a_mutation_ends_before_the_next_one_begins(
    execute: Executor,
) -> None:
    state = State()
    text = """mutation {
      a: set(to: 1) { box { later } later }
      b: set(to: 2, turns: 1) { later box { box { later } } } }"""
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {
        "a": {"box": {"later": 1}, "later": 1},
        "b": {"later": 2, "box": {"box": {"later": 2}}},
    }
    assert state.log == [
        *["begin 1", "end 1", "read 1", "read 1"],
        *["begin 2", "end 2", "read 2", "read 2"],
    ]


async def test_a_failed_mutation_does_not_keep_the_next_ones_from_running(
    execute: Executor,
) -> None:
    state = State()
    text = """mutation {
      a: set(to: 1) { value } b: fail(to: 2, turns: 4) { value } c: set(to: -3) { value }
      d: set(to: 4, turns: 2) { value } }"""
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {"a": {"value": 1}, "b": None, "c": None, "d": {"value": 4}}
    assert brief(result) == [("failed 2", ["b"]), ("can't be -3", ["c"])]
    assert state.log == [*["begin 1", "end 1", "begin 2", "fail 2", "begin -3", "begin 4", "end 4"]]


@pytest.mark.parametrize("turns", [0, 3], ids=["now", "later"])
async def test_nothing_runs_after_a_failure_that_nulls_the_answer(
    execute: Executor, turns: int
) -> None:
    state = State()
    text = f"""mutation {{
      a: set(to: 1, turns: {turns}) {{ value }} b: must(to: -2, turns: {turns}) {{ value }}
      c: set(to: 3) {{ value }} }}"""
    result = await execute(SCHEMA, text, context=state)
    assert result.data is None
    assert brief(result) == [("can't be -2", ["b"])]
    assert state.log == ["begin 1", "end 1", "begin -2"]


async def test_a_failure_below_a_non_null_mutation_stops_too(execute: Executor) -> None:
    state = State()
    text = "mutation { a: must(to: 1) { must } b: set(to: 2) { value } }"
    result = await execute(SCHEMA, text, context=state)
    assert result.data is None
    assert brief(result) == [("Cannot return null for non-nullable field Box.must.", ["a", "must"])]
    assert state.log == ["begin 1", "end 1"]


async def test_a_failure_below_a_nullable_mutation_stops_nothing(execute: Executor) -> None:
    state = State()
    text = "mutation { a: set(to: 1) { value must } b: set(to: 2) { value } }"
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {"a": None, "b": {"value": 2}}
    assert [path for _, path in brief(result)] == [["a", "must"]]


async def test_mutations_in_fragments_keep_their_order(execute: Executor) -> None:
    state = State()
    text = """mutation { a: set(to: 1, turns: 2) { value } ...F ... { c: set(to: 3) { value } } }
              fragment F on Mutation { b: set(to: 2, turns: 3) { value } }"""
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {"a": {"value": 1}, "b": {"value": 2}, "c": {"value": 3}}


async def test_a_mutation_that_is_named_twice_runs_once(execute: Executor) -> None:
    state = State()
    text = "mutation { set(to: 1) { value } set(to: 1) { later } ... { set(to: 1) { value } } }"
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {"set": {"value": 1, "later": 1}}
    assert state.log == ["begin 1", "end 1", "read 1"]


async def test_a_skipped_mutation_does_not_run(execute: Executor) -> None:
    state = State()
    text = """mutation ($on: Boolean!) {
      a: set(to: 1) @include(if: $on) { value } b: set(to: 2) { value } }"""
    result = await execute(SCHEMA, text, {"on": False}, context=state)
    assert result.data == {"b": {"value": 2}}
    assert state.log == ["begin 2", "end 2"]


async def test_a_list_of_a_mutation_is_whole_before_the_next_one(execute: Executor) -> None:
    state = State()
    text = "mutation { boxes(to: 1) { later } b: set(to: 5) { value } }"
    result = await execute(SCHEMA, text, context=state)
    assert result.data == {"boxes": [{"later": 2}, {"later": 2}], "b": {"value": 5}}
    assert state.log[-2:] == ["begin 5", "end 5"]


async def test_the_typename_of_mutations_stands_between_them(execute: Executor) -> None:
    state = State()
    text = "mutation { a: set(to: 1) { value } __typename b: set(to: 2) { value } }"
    result = await execute(SCHEMA, text, context=state)
    assert result.data is not None
    assert list(result.data.items()) == [
        ("a", {"value": 1}),
        ("__typename", "Mutation"),
        ("b", {"value": 2}),
    ]


async def test_a_mutation_runs_once_even_if_it_fails(execute: Executor) -> None:
    state = State()
    result = await execute(SCHEMA, "mutation { must(to: -1) { value } }", context=state)
    assert result.data is None
    assert state.log == ["begin -1"]
