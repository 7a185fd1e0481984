"""Mutations that a document has once, so that one request is one guess, one message, one order."""

from collections.abc import Callable
from typing import Any, TypeVar

from graphql import GraphQLSchema
from strawberry.types.field import StrawberryField

F = TypeVar("F", bound=Callable[..., Any])


def once(function: F) -> F:
    """Say of a mutation's resolver that a document has the mutation once, by whatever aliases.

    A document with more is refused before anything runs. Below `@staticmethod`, as `@reads`.
    """
    function.is_once = True  # type: ignore[attr-defined]
    return function


def once_fields(schema: GraphQLSchema) -> frozenset[str]:
    """The names of a schema's mutations that say so."""
    root = schema.mutation_type
    if root is None:
        return frozenset()
    return frozenset(name for name, field in root.fields.items() if _is_once(field.extensions))


def _is_once(extensions: dict[str, Any]) -> bool:
    declared = extensions.get("strawberry-definition")
    if not isinstance(declared, StrawberryField) or declared.base_resolver is None:
        return False
    return getattr(declared.base_resolver.wrapped_func, "is_once", False)
