"""Whether an operation's answer may be kept, and what it is about, by its fields."""

from collections.abc import Iterator
from functools import reduce
from operator import or_

from beanie import Document
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_abstract_type,
)

from mercat.caching.declaring import Subjects
from mercat.graphql.resolvers import AttributeRead, BatchCall, FunctionCall, StoredRead
from mercat.graphql.selections import selected

_NOTHING = Subjects()


def subjects_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Subjects | None:
    """What a query's answer is about, skipped fields included; None where it may not be kept."""
    if operation.operation is not OperationType.QUERY or schema.query_type is None:
        return None
    found = _NOTHING
    for field in _fields(schema, document, operation, schema.query_type):
        declared = _declared(field)
        if declared is None:
            return None
        found |= declared
    return found


def documents_of(schema: GraphQLSchema) -> frozenset[type[Document]]:
    """All documents that fields of a schema say they are about."""
    objects = [type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLObjectType)]
    declared = [
        _declared(field) or _NOTHING for type_ in objects for field in type_.fields.values()
    ]
    found = reduce(or_, declared, _NOTHING)
    stored = {each for each in found.whole if isinstance(each, type)}
    return frozenset(stored | found.named)


def _declared(field: GraphQLField | None) -> Subjects | None:
    resolve = field.resolve if field is not None else None
    if isinstance(resolve, AttributeRead | StoredRead):
        return _NOTHING
    if isinstance(resolve, BatchCall):
        return getattr(resolve.load, "subjects", None)
    if isinstance(resolve, FunctionCall):
        return getattr(resolve.function, "subjects", None)
    return None


def _fields(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    root: GraphQLObjectType,
) -> Iterator[GraphQLField | None]:
    """Every field that is selected; None for one that nobody knows, such as `__schema`."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    for parent, name in selected(schema, fragments, [(operation.selection_set, root)]):
        yield from _definitions(schema, parent, name)


def _definitions(
    schema: GraphQLSchema, parent: GraphQLNamedType, name: str
) -> list[GraphQLField | None]:
    """A field as each type that `parent` may be has it."""
    types = schema.get_possible_types(parent) if is_abstract_type(parent) else [parent]
    return [getattr(type_, "fields", {}).get(name) for type_ in types]
