"""graphql-core's executor with one shortcut: a leaf that is a plain attribute is just read.

Most fields of a list are such leaves. Whatever is unusual about one, such as a value of another
type than the schema says, is left to graphql-core, which then words the error.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)
from graphql.execution import Executor as BaseExecutor
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

LEAVES = "mercat-leaves"
_MOST_INT = 2**31
_UNREAD = object()
_NONE: dict[str, "Leaf"] = {}


class Leaf(NamedTuple):
    """How a plain leaf is read: from `attribute`; as it is where it is a `plain`, else coerced."""

    attribute: str
    plain: type | None
    coerce: Callable[[Any], Any]
    nullable: bool


Leaves = dict[str, dict[str, Leaf]]


def plain_leaves(schema: GraphQLSchema) -> Leaves:
    """The plain leaves of each object type, by field name."""
    return {
        name: leaves
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and (leaves := _leaves_of(type_))
    }


def _leaves_of(type_: GraphQLObjectType) -> dict[str, Leaf]:
    leaves = {}
    for name, field in type_.fields.items():
        attribute = getattr(field.resolve, "attribute", None)
        leaf = _leaf(attribute, field.type) if attribute and not field.args else None
        if leaf is not None:
            leaves[name] = leaf
    return leaves


def _leaf(attribute: str, type_: GraphQLOutputType) -> Leaf | None:
    nullable = not isinstance(type_, GraphQLNonNull)
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if not isinstance(inner, (GraphQLScalarType, GraphQLEnumType)):
        return None
    if inner in {GraphQLString, GraphQLID}:
        plain: type | None = str
    elif inner is GraphQLBoolean:
        plain = bool
    else:
        plain = int if inner is GraphQLInt else None
    return Leaf(attribute, plain, inner.coerce_output_value, nullable)


class Executor(BaseExecutor[Any]):
    """Executes one operation; the schema's extensions hold its plain leaves.

    Strawberry's own adds incremental delivery, which costs each request and which nobody can ask
    for here; its way of making `info` is kept.
    """

    operation_extensions: None = None
    build_resolve_info = StrawberryGraphQLCoreExecutionContext.build_resolve_info

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        leaves = self.schema.extensions[LEAVES].get(parent_type.name, _NONE)
        read: dict[str, Any] = {}
        rest: GroupedFieldSet = {}
        for response_name, details in grouped_field_set.items():
            name = details[0].node.name.value
            leaf = leaves.get(name)
            if leaf is not None:
                value = _read(leaf, source_value)
            else:
                value = parent_type.name if name == "__typename" else _UNREAD
            if value is _UNREAD:
                rest[response_name] = details
            read[response_name] = value
        if not rest:
            return read
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if isinstance(others, dict):
            return _merge(read, others)
        return _merge_later(read, others)


def _read(leaf: Leaf, source: Any) -> Any:
    value: Any = getattr(source, leaf.attribute, _UNREAD)
    kind = type(value)
    if kind is leaf.plain:
        return _UNREAD if kind is int and abs(value) >= _MOST_INT else value
    if value is None:
        return None if leaf.nullable else _UNREAD
    if leaf.plain is not None or isinstance(value, Exception):
        return _UNREAD
    try:
        coerced = leaf.coerce(value)
    except Exception:  # noqa: BLE001  graphql-core meets it again, and words it
        return _UNREAD
    return _UNREAD if coerced is None else coerced


def _merge(read: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Put the others in their places; fields that turned out not to exist are left out."""
    for name, value in list(read.items()):
        if value is _UNREAD:
            if name in others:
                read[name] = others[name]
            else:
                del read[name]
    return read


async def _merge_later(read: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _merge(read, await others)
