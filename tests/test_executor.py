"""The leaf shortcut answers as graphql-core does, whatever the resolvers give."""

import inspect
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from mercat.graphql.executor import Executor
from mercat.graphql.extend import Contribution, MergedSchema, Query, extend


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.type
class Thing:
    text: str
    maybe: str | None
    number: int
    flag: bool
    ratio: float
    colour: Colour
    when: datetime
    words: list[str]
    child: "Thing | None" = None

    @strawberry.field
    def method(self, times: int = 2, word: str | None = None) -> str:
        return (word or self.text) * times

    @strawberry.field
    async def later(self) -> str:
        return self.text


def thing(**values: Any) -> Thing:
    found = Thing(
        text="a",
        maybe=None,
        number=1,
        flag=True,
        ratio=0.5,
        colour=Colour.RED,
        when=datetime(2026, 1, 2, tzinfo=UTC),
        words=["x"],
    )
    for name, value in values.items():
        setattr(found, name, value)
    return found


CASES: dict[str, Any] = {
    "plain": thing(),
    "nested": thing(child=thing(text="b", child=thing(text="c"))),
    "null where none may be": thing(text=None),
    "null in a nested one": thing(child=thing(number=None)),
    "number as text": thing(text=5, maybe=1.5, number="7", flag=1),
    "text as number": thing(number="x", ratio="y"),
    "number too large": thing(number=2**31),
    "boolean as number": thing(number=True, text=True),
    "not finite": thing(ratio=float("nan")),
    "unknown enum": thing(colour="green"),
    "enum's value": thing(colour="red"),
    "wrong time": thing(when="yesterday"),
    "exception as value": thing(maybe=ValueError("no"), text=ValueError("no")),
    "awaitable": thing(child=thing()),
    "text of another class": thing(text=type("Text", (str,), {})("sub")),
    "object as text": thing(text=object()),
    "words wrong": thing(words="abc"),
    "words null": thing(words=[None]),
}
QUERY = """{ thing {
  __typename text other: text maybe number flag ratio colour when words later
  ...More child { text number ... on Thing { flag child { text method } } }
} }
fragment More on Thing { text method(times: 3) again: method(word: "w") }
"""


def _schema(value: Any) -> MergedSchema:
    @extend(Query)
    class ThingQuery:
        @strawberry.field
        @staticmethod
        def thing() -> Thing | None:
            return value  # type: ignore[no-any-return]

    return MergedSchema([Contribution("test", [ThingQuery])], {})


async def _run(schema: MergedSchema, executor: type[Any], query: str) -> ExecutionResult:
    result = execute(schema._schema, parse(query), executor_class=executor)
    found = await result if inspect.isawaitable(result) else result
    assert isinstance(found, ExecutionResult)
    return found


@pytest.mark.parametrize("name", CASES)
async def test_shortcut_and_graphql_core_agree(name: str) -> None:
    schema = _schema(CASES[name])
    expected = await _run(schema, StrawberryGraphQLCoreExecutionContext, QUERY)
    found = await _run(schema, Executor, QUERY)
    assert found.data == expected.data

    def seen(result: ExecutionResult) -> list[tuple[Any, ...]]:
        return sorted(
            (str(error.path), error.message, str(error.locations)) for error in result.errors or ()
        )

    assert seen(found) == seen(expected)


async def test_fields_come_in_the_order_in_which_they_were_asked_for() -> None:
    found = await _run(_schema(thing()), Executor, "{ thing { later text method number } }")
    assert found.data is not None
    assert list(found.data["thing"]) == ["later", "text", "method", "number"]
