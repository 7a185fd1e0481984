"""What an operation may ask, checked on its syntax before it is validated or run.

Every walk is linear in the document and keeps its own stack, so that no document can make the
checks themselves slow or deep.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
)

from mercat.graphql.errors import ErrorCode, refusal
from mercat.settings import GraphQLSettings

_Entry: TypeAlias = tuple[SelectionNode, int, bool, frozenset[str]]
Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]

INTROSPECTION_DEPTH = 20
_MOST_SELECTIONS = 10_000


def check_limits(document: DocumentNode, limits: GraphQLSettings, *, introspection: bool) -> None:
    """Raise a GraphQLError naming the limit that the document exceeds."""
    fragments: dict[str, FragmentDefinitionNode] = {}
    operations: list[OperationDefinitionNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
    for operation in operations:
        _check_operation(operation, fragments, limits, introspection=introspection)


def _check_operation(
    operation: OperationDefinitionNode,
    fragments: Fragments,
    limits: GraphQLSettings,
    *,
    introspection: bool,
) -> None:
    aliases = roots = 0
    for node, depth, introspective in _walk(operation, fragments):
        roots += depth == 1
        aliases += isinstance(node, FieldNode) and node.alias is not None
        deepest = INTROSPECTION_DEPTH if introspective else limits.max_depth
        if introspective and not introspection:
            raise refusal("introspection is turned off here")
        if depth > deepest:
            raise refusal(f"the operation is more than {deepest} levels deep", ErrorCode.QUERY_TOO_COSTLY)
        if aliases > limits.max_aliases:
            raise refusal(
                f"the operation has more than {limits.max_aliases} aliases",
                ErrorCode.QUERY_TOO_COSTLY,
            )
        if len(node.directives or ()) > limits.max_directives:
            raise refusal(
                f"a selection has more than {limits.max_directives} directives",
                ErrorCode.QUERY_TOO_COSTLY,
            )
    most = (
        limits.max_root_mutations
        if operation.operation is OperationType.MUTATION
        else limits.max_root_fields
    )
    if roots > most:
        raise refusal(f"the operation has more than {most} root fields", ErrorCode.QUERY_TOO_COSTLY)


def _walk(
    operation: OperationDefinitionNode, fragments: Fragments
) -> Iterator[tuple[FieldNode, int, bool]]:
    """Every field of the operation with its depth, fragments expanded; cycles are left out."""
    stack: list[_Entry] = [
        (node, 1, False, frozenset()) for node in operation.selection_set.selections
    ]
    visited = 0
    while stack:
        visited += 1
        if visited > _MOST_SELECTIONS:
            raise refusal("the operation's fragments expand too far", ErrorCode.QUERY_TOO_COSTLY)
        node, depth, introspective, inside = stack.pop()
        if isinstance(node, FieldNode):
            introspective = introspective or node.name.value in {"__schema", "__type"}
            yield node, depth, introspective
            selections, below = node.selection_set, depth + 1
        elif isinstance(node, InlineFragmentNode):
            selections, below = node.selection_set, depth
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            fragment = fragments.get(name)
            if fragment is None or name in inside:
                continue  # validation names it
            selections, below, inside = fragment.selection_set, depth, inside | {name}
        else:
            continue
        if selections is not None:
            stack.extend((child, below, introspective, inside) for child in selections.selections)
