"""Walking what an operation selects."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)


def selected(
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    roots: Iterable[tuple[SelectionSetNode, GraphQLNamedType]],
) -> Iterator[tuple[GraphQLNamedType, str]]:
    """The type and the name of each field that is selected anywhere below, skipped ones too.

    The type is the one that the selection is made on, which may be abstract.
    """
    stack = list(roots)
    seen: set[tuple[int, str]] = set()
    while stack:
        selections, parent = stack.pop()
        if (id(selections), parent.name) in seen:
            continue
        seen.add((id(selections), parent.name))
        for node in selections.selections:
            if isinstance(node, FieldNode):
                name = node.name.value
                if name != "__typename":
                    yield parent, name
                definition = getattr(parent, "fields", {}).get(name)
                if definition is not None and node.selection_set is not None:
                    stack.append((node.selection_set, get_named_type(definition.type)))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                type_ = schema.type_map[condition.name.value] if condition else parent
                stack.append((node.selection_set, type_))
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments[node.name.value]
                type_ = schema.type_map[fragment.type_condition.name.value]
                stack.append((fragment.selection_set, type_))
