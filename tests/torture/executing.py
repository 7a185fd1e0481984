"""Running one operation through an executor, and comparing what came out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from mercat.graphql.documents import Documents
from mercat.graphql.execution import execute_document
from mercat.settings import GraphQLSettings

LIMITS = GraphQLSettings(
    max_tokens=100_000,
    max_query_bytes=1_000_000,
    max_depth=30,
    max_aliases=1_000,
    max_directives=50,
    max_root_fields=100,
    max_root_mutations=100,
)
# What execute_document tells graphql-core too.
MOST_COERCION_ERRORS = 4


@dataclass(frozen=True, slots=True)
class Executor:
    """One of the two ways in which the engine executes an operation."""

    name: str
    compile_at: int | None

    def __str__(self) -> str:
        return self.name

    async def __call__(
        self,
        schema: GraphQLSchema,
        text: str,
        variables: dict[str, Any] | None = None,
        *,
        name: str | None = None,
        context: Any = None,
        plans: int | None = 1,
        hide_suggestions: bool = False,
    ) -> ExecutionResult:
        """Execute; what should be compiled must have been, into as many plans as are said."""
        document = documents_of(schema, self.compile_at).get(text)
        result = await execute_document(
            schema,
            document,
            context,
            operation_name=name,
            variables=variables,
            hide_suggestions=hide_suggestions,
        )
        if self.compile_at is None:
            assert document.plan_count == 0
        elif plans is not None:
            assert document.plan_count == plans
        return result


COMPILED = Executor("compiled", 1)
INTERPRETED = Executor("interpreted", None)

both = pytest.mark.parametrize("execute", [COMPILED, INTERPRETED], ids=str)


def made(sdl: str, resolvers: Mapping[str, Callable[..., Any]] | None = None) -> GraphQLSchema:
    """The schema of that SDL; `Type.field` names a resolver, `Type` what tells objects' types."""
    schema = build_schema(sdl)
    for name, resolve in (resolvers or {}).items():
        type_name, _, field_name = name.partition(".")
        type_ = schema.type_map[type_name]
        if field_name:
            assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
            type_.fields[field_name].resolve = resolve
        elif isinstance(type_, GraphQLObjectType):
            type_.is_type_of = resolve
        else:
            assert isinstance(type_, (GraphQLInterfaceType, GraphQLUnionType))
            type_.resolve_type = resolve
    return schema


def giving(value: Any) -> Callable[..., Any]:
    """A resolver that gives this, or raises it where it is an exception."""

    def resolve(_source: Any, _info: Any, **_arguments: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return resolve


def giving_later(value: Any, turns: int = 1) -> Callable[..., Any]:
    """The same, after some turns of the event loop."""

    async def resolve(_source: Any, _info: Any, **_arguments: Any) -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        if isinstance(value, Exception):
            raise value
        return value

    return resolve


def documents_of(schema: GraphQLSchema, compile_at: int | None) -> Documents:
    """The documents of a schema, the same ones each time."""
    found: Documents = schema.extensions.setdefault(
        f"documents {compile_at}",
        Documents(schema, LIMITS, introspection=True, compile_at=compile_at),
    )
    return found


def errors_of(result: ExecutionResult) -> list[tuple[Any, ...]]:
    """Everything about the errors that a client or the log may see."""
    return [_seen(error) for error in result.errors or ()]


def _seen(error: GraphQLError) -> tuple[Any, ...]:
    return (
        error.message,
        error.path,
        [(location.line, location.column) for location in error.locations or ()],
        error.extensions,
        type(error.original_error).__name__,
        error.formatted,
    )


def brief(result: ExecutionResult) -> list[tuple[str, list[str | int] | None]]:
    """The errors' messages and paths."""
    return [(error.message, error.path) for error in result.errors or ()]


def written(data: Mapping[str, Any] | None) -> bytes:
    """The data as a client gets it; what orjson can't write, as Python does."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return repr(data).encode()
