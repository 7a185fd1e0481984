"""Types that show stored documents as they are, and what a list needs to read of them.

Such a type has a `record`, the plain dictionary that the driver gave. Its fields say which keys
they read: `stored` ones by nature, functions and batch functions with `@reads`. `wanted_keys` then
tells a list what the operation asks for, so that it fetches that and no more.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import strawberry
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_named_type,
    is_abstract_type,
)
from strawberry.types.base import get_object_definition

from mercat.graphql.context import Info
from mercat.graphql.resolvers import BatchCall, FunctionCall, StoredRead
from mercat.graphql.selections import selected

F = TypeVar("F", bound=Callable[..., Any])


def stored(
    key: str,
    description: str,
    *,
    convert: Callable[[Any], Any] | None = None,
    default: Any = None,
) -> Any:
    """A field that is a key of its object's `record`.

    `convert` makes the stored value into the shown one, and must have no effect of its own;
    `default` stands for a key that is missing or null.
    """
    read = StoredRead(key, convert, default)

    def resolve(root: Any) -> Any:
        return read(root, None)

    resolve.stored_read = read  # type: ignore[attr-defined]
    return strawberry.field(resolver=resolve, description=description)


def reads(*keys: str) -> Callable[[F], F]:
    """Say which keys of its object's `record` a resolver, or a batch function, reads at most."""

    def decorate(function: F) -> F:
        function.reads = frozenset(keys)  # type: ignore[attr-defined]
        return function

    return decorate


def wanted_keys(info: Info, cls: type) -> frozenset[str] | None:
    """The keys of `cls`'s records that the operation reads below the field of `info`.

    None where one of the fields doesn't say what it reads: then the whole record is needed.
    """
    name = get_object_definition(cls, strict=True).name
    nodes = getattr(info, "nodes", None)  # of a plan
    if nodes is not None and name in nodes.wanted:
        found: frozenset[str] | None = nodes.wanted[name]
        return found
    found = _find(info._raw_info, name)  # noqa: SLF001  Strawberry has no other way to it
    if nodes is not None:
        nodes.wanted[name] = found
    return found


def _find(raw: GraphQLResolveInfo[Any], name: str) -> frozenset[str] | None:
    target = raw.schema.type_map[name]
    if not isinstance(target, GraphQLObjectType):
        raise TypeError(f"{name} is no object type of this schema")
    found: set[str] = set()
    for field in _fields(raw, target):
        keys = _keys(field)
        if keys is None:
            return None
        found |= keys
    return frozenset(found)


def _keys(field: GraphQLField) -> frozenset[str] | None:
    resolve = field.resolve
    if isinstance(resolve, StoredRead):
        return frozenset((resolve.key,))
    if isinstance(resolve, BatchCall):
        return getattr(resolve.load, "reads", None)
    if isinstance(resolve, FunctionCall):
        return getattr(resolve.function, "reads", None)
    return None


def _fields(raw: GraphQLResolveInfo[Any], target: GraphQLObjectType) -> Iterator[GraphQLField]:
    """The fields of `target` that are selected anywhere below."""
    below = get_named_type(raw.return_type)
    roots = [(node.selection_set, below) for node in raw.field_nodes if node.selection_set]
    for parent, name in selected(raw.schema, raw.fragments, roots):
        if _may_be(raw, parent, target):
            yield target.fields[name]


def _may_be(
    raw: GraphQLResolveInfo[Any], parent: GraphQLNamedType, target: GraphQLObjectType
) -> bool:
    return parent is target or (is_abstract_type(parent) and raw.schema.is_sub_type(parent, target))
