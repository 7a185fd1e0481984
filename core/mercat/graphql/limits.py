"""What an operation may ask, checked on its syntax before it is validated or run.

Every walk is linear in the document and keeps its own stack, so that no document can make the
checks themselves slow or deep.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

from mercat.graphql.errors import ErrorCode, refusal
from mercat.settings import GraphQLSettings

INTROSPECTION_DEPTH = 20
_INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})
_MOST_INTROSPECTIONS = 2
_MOST_SELECTIONS = 5_000
# Fragments add no depth to the answer, but nesting them costs validation its time.
_NESTING_FACTOR = 3
# Validation compares each field with each other one of its place in the answer.
_MOST_REPEATS = 30


def check_limits(
    document: DocumentNode,
    limits: GraphQLSettings,
    *,
    introspection: bool,
    once: frozenset[str] = frozenset(),
) -> None:
    """Raise a GraphQLError naming the limit that the document exceeds.

    Of the mutations in `once` it has each at most once, whatever its operations are called.
    """
    fragments: dict[str, FragmentDefinitionNode] = {}
    operations: list[OperationDefinitionNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
            _check_directives(definition.directives, limits)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
            _check_directives(definition.directives, limits)
            for variable in definition.variable_definitions or ():
                _check_directives(variable.directives, limits)
    walk = _Walk(fragments, set())
    mutations: Counter[str] = Counter()
    for operation in operations:
        roots = _check_operation(operation, walk, limits, introspection=introspection)
        if operation.operation is OperationType.MUTATION:
            mutations += roots
    for name in sorted(mutations.keys() & once):
        if mutations[name] > 1:
            raise _too_costly(f"has `{name}` more than once")
    for name in fragments.keys() - walk.used:
        raise refusal(f"fragment '{name}' is never used")


class _Place(NamedTuple):
    """A selection and where it stands: below how many fields, and inside how many selections.

    `parent` tells the place in the answer, where fields of one name come together.
    """

    node: SelectionNode
    parent: int
    depth: int
    nesting: int
    introspective: bool
    inside: frozenset[str]


def _check_operation(
    operation: OperationDefinitionNode,
    walk: "_Walk",
    limits: GraphQLSettings,
    *,
    introspection: bool,
) -> Counter[str]:
    """Raise where the operation exceeds a limit; how often it has each field at its root."""
    aliases = introspections = 0
    roots: Counter[str] = Counter()
    for place in walk.selections(operation.selection_set):
        node = place.node
        _check_directives(node.directives, limits)
        _check_depth(place, limits)
        if isinstance(node, FieldNode):
            if place.depth == 1:
                roots[node.name.value] += 1
            aliases += node.alias is not None
            introspections += node.name.value in _INTROSPECTION_FIELDS
        if introspections and not introspection:
            raise refusal("introspection is turned off here")
        if introspections > _MOST_INTROSPECTIONS:
            raise _too_costly(f"introspects more than {_MOST_INTROSPECTIONS} times")
        if aliases > limits.max_aliases:
            raise _too_costly(f"has more than {limits.max_aliases} aliases")
    most = (
        limits.max_root_mutations
        if operation.operation is OperationType.MUTATION
        else limits.max_root_fields
    )
    if roots.total() > most:
        raise _too_costly(f"has more than {most} root fields")
    return roots


def _check_depth(place: _Place, limits: GraphQLSettings) -> None:
    deepest = INTROSPECTION_DEPTH if place.introspective else limits.max_depth
    if place.depth > deepest:
        raise _too_costly(f"is more than {deepest} levels deep")
    if place.nesting > deepest * _NESTING_FACTOR:
        raise _too_costly(f"nests more than {deepest * _NESTING_FACTOR} selections")


def _check_directives(
    directives: tuple[DirectiveNode, ...] | None, limits: GraphQLSettings
) -> None:
    if directives and len(directives) > limits.max_directives:
        raise _too_costly(f"has more than {limits.max_directives} directives in one place")


def _too_costly(what: str) -> GraphQLError:
    return refusal(f"the operation {what}", ErrorCode.QUERY_TOO_COSTLY)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A document's fragments; `used` gathers the names of those that its operations reach."""

    fragments: Mapping[str, FragmentDefinitionNode]
    used: set[str]

    def selections(self, selection_set: SelectionSetNode) -> Iterator[_Place]:
        """Every selection with its place, fragments expanded; cycles are left out."""
        places = _Places()
        stack = [
            _Place(node, 0, 1, 1, introspective=False, inside=frozenset())
            for node in selection_set.selections
        ]
        visited = 0
        while stack:
            visited += 1
            if visited > _MOST_SELECTIONS:
                raise _too_costly("has fragments that expand too far")
            place = stack.pop()
            yield place
            stack.extend(self._below(place, places))

    def _below(self, place: _Place, places: "_Places") -> Iterator[_Place]:
        node, parent, depth, nesting, introspective, inside = place
        selections: SelectionSetNode | None = None
        if isinstance(node, FieldNode):
            introspective = introspective or node.name.value in _INTROSPECTION_FIELDS
            parent = places.of(parent, node)
            selections, depth = node.selection_set, depth + 1
        elif isinstance(node, InlineFragmentNode):
            selections = node.selection_set
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            fragment = self.fragments.get(name)
            if fragment is not None and name not in inside:  # else validation names it
                self.used.add(name)
                selections, inside = fragment.selection_set, inside | {name}
        for child in selections.selections if selections is not None else ():
            yield _Place(child, parent, depth, nesting + 1, introspective, inside)


class _Places:
    """The places of an operation's answer, numbered, and how often the operation names each."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}
        self._repeats = [0]

    def of(self, parent: int, field: FieldNode) -> int:
        name = (field.alias or field.name).value
        number = self._numbers.setdefault((parent, name), len(self._repeats))
        if number == len(self._repeats):
            self._repeats.append(0)
        self._repeats[number] += 1
        if self._repeats[number] > _MOST_REPEATS:
            raise _too_costly(f"selects '{name[:99]}' more than {_MOST_REPEATS} times in one place")
        return number
