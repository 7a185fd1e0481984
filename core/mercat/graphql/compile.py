"""From a validated operation to its plan.

Fields are collected by graphql-core itself, so fragments, aliases, merged fields, `@skip` and
`@include` come out as they do there. What `@skip` and `@include` say is part of a plan: each
combination of the variables that they name has its own.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import default_field_resolver
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    VariableNode,
    Visitor,
    visit,
)

from mercat.graphql.completion import Abstract, Completer, Leaf, ListOf, Objects
from mercat.graphql.nodes import FieldNodes
from mercat.graphql.plans import (
    AttributeField,
    BatchField,
    FieldPlan,
    FunctionField,
    ObjectPlan,
    Plan,
    Position,
    ResolverField,
    StoredField,
    TypenameField,
    are_immutable,
)
from mercat.graphql.resolvers import AttributeRead, BatchCall, FunctionCall, StoredRead

# Who executed an operation, and why it was not a plan.
COMPILED = "compiled"
FIRST_SIGHT = "first sight"
SWITCHED_OFF = "switched off"
STREAMED = "streamed"

MOST_FIELDS = 1_000
MOST_VARIANTS = 8
# Measured: tests/test_plans.py compares it with tracemalloc.
_BYTES_A_FIELD = 2_500
_NO_VARIABLES = VariableValues({}, {})

_logger = logging.getLogger("mercat.graphql")


class NotCompiledError(Exception):
    """The operation is left to graphql-core; the message says why, in a word or two."""


class Plans:
    """The plans of one operation.

    An operation is compiled when it is asked for the `compile_at`th time, so that what is asked
    once costs no compiling. `kept` is told how many bytes a new plan takes; `counted` counts who
    executed, and why.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        compile_at: int | None,
        counted: Counter[str],
    ) -> None:
        self.operation = operation
        self.kept: Callable[[int], None] = lambda _bytes: None
        self._schema = schema
        self._document = document
        self._waits_for = compile_at
        self._counted = counted
        self._switches: tuple[str, ...] | None = None
        self._found: dict[tuple[Any, ...], Plan | str] = {}

    def __len__(self) -> int:
        return sum(isinstance(found, Plan) for found in self._found.values())

    def are_due(self) -> bool:
        """Whether there may be a plan this time, and it is worth coercing the variables."""
        if self._waits_for is None:
            self._counted[SWITCHED_OFF] += 1
            return False
        if self._waits_for > 1:
            self._waits_for -= 1
            self._counted[FIRST_SIGHT] += 1
            return False
        return True

    def find(self, variables: VariableValues) -> Plan | None:
        """The plan for these variables; None where graphql-core has to execute this time."""
        found = self._find(variables)
        if isinstance(found, Plan):
            self._counted[COMPILED] += 1
            return found
        self._counted[found] += 1
        return None

    def _find(self, variables: VariableValues) -> Plan | str:
        if self._switches is None:
            self._switches = _switches(self._document)
        coerced = variables.coerced
        key = tuple([coerced.get(name) for name in self._switches]) if self._switches else ()
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= MOST_VARIANTS:
                return "too many variants"
            found = self._found[key] = self._compile(variables)
        return found

    def _compile(self, variables: VariableValues) -> Plan | str:
        try:
            plan = _Compiler(self._schema, self._document, self.operation, variables).plan()
        except NotCompiledError as reason:
            return str(reason)
        except Exception:  # graphql-core answers instead
            _logger.exception("an operation could not be compiled")
            return "compiler failed"
        self.kept(plan.size * _BYTES_A_FIELD)
        return plan


def _switches(document: DocumentNode) -> tuple[str, ...]:
    """The variables that `@skip` and `@include` of a document name, sorted."""
    found = _Switches()
    visit(document, found)
    return tuple(sorted(found.names))


class _Switches(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def _enter(self, node: FieldNode | FragmentSpreadNode | InlineFragmentNode, *_: Any) -> None:
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                self.names.update(_variables(argument.value))

    enter_field = enter_fragment_spread = enter_inline_fragment = _enter


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._size = 0
        self._fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def plan(self) -> Plan:
        kind = self._operation.operation
        root_type = self._schema.get_root_type(kind)
        if kind is OperationType.SUBSCRIPTION or root_type is None:
            raise NotCompiledError("subscription")
        if self._operation.directives:
            raise NotCompiledError("directive")
        try:
            collected = collect_fields(
                self._schema, self._fragments, self._variables, root_type, self._operation
            )
            root = self._object(root_type, collected)
        except GraphQLError as error:
            raise NotCompiledError("invalid") from error
        except RecursionError:
            raise NotCompiledError("too deep") from None
        return Plan(
            self._schema,
            self._operation,
            self._fragments,
            root,
            self._size,
            kind is OperationType.MUTATION,
        )

    def _object(self, type_: GraphQLObjectType, collected: CollectedFields) -> ObjectPlan:
        if collected.new_defer_usages:
            raise NotCompiledError("defer")
        self._size += len(collected.grouped_field_set)
        if self._size > MOST_FIELDS:
            raise NotCompiledError("too large")
        return ObjectPlan(
            [
                self._field(type_, key, number, details)
                for number, (key, details) in enumerate(collected.grouped_field_set.items())
            ]
        )

    def _field(
        self, parent: GraphQLObjectType, key: str, number: int, details: FieldDetailsList
    ) -> FieldPlan:
        nodes = FieldNodes([detail.node for detail in details])
        name = nodes[0].name.value
        definition = self._schema.get_field(parent, name)
        if definition is None:
            raise NotCompiledError("unknown field")
        position = Position(key, name, number, parent, definition, details, nodes)
        completer = self._completer(position, definition.type)
        if name == "__typename":
            return TypenameField(position, completer)
        resolve = definition.resolve or default_field_resolver
        if isinstance(resolve, AttributeRead):
            return AttributeField(position, completer, resolve)
        if isinstance(resolve, StoredRead):
            return StoredField(position, completer, resolve)
        constant = _constant_arguments(position)
        if isinstance(resolve, BatchCall):
            return BatchField(position, completer, constant, resolve)
        if isinstance(resolve, FunctionCall):
            return FunctionField(position, completer, constant, resolve)
        return ResolverField(position, completer, constant, resolve)

    def _completer(
        self, position: Position, type_: GraphQLOutputType, *, nullable: bool = True
    ) -> Completer:
        if isinstance(type_, GraphQLNonNull):
            return self._completer(position, type_.of_type, nullable=False)
        if isinstance(type_, GraphQLList):
            inner = self._completer(position, type_.of_type)
            return ListOf(position, inner, nullable=nullable)
        if is_leaf_type(type_):
            return Leaf(position, type_, nullable=nullable)
        if is_abstract_type(type_):
            completers = {
                possible.name: self._objects(position, possible, nullable=nullable)
                for possible in self._schema.get_possible_types(type_)
            }
            return Abstract(position, type_, completers, nullable=nullable)
        return self._objects(position, cast("GraphQLObjectType", type_), nullable=nullable)

    def _objects(self, position: Position, type_: GraphQLObjectType, *, nullable: bool) -> Objects:
        collected = collect_subfields(
            self._schema,
            self._fragments,
            self._variables,
            self._operation,
            type_,
            position.details,
        )
        return Objects(position, type_, self._object(type_, collected), nullable=nullable)


def _constant_arguments(position: Position) -> dict[str, Any] | None:
    """The arguments of a field, where no variable and no call can change them."""
    node = position.nodes[0]
    if not position.definition.args:
        return {}
    if any(True for argument in node.arguments or () for _ in _variables(argument.value)):
        return None
    values = get_argument_values(position.definition, node, _NO_VARIABLES)
    return values if are_immutable(values) else None


def _variables(node: Node) -> Iterator[str]:
    stack = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, VariableNode):
            yield found.name.value
        for key in found.keys:
            child = getattr(found, key, None)
            if isinstance(child, Node):
                stack.append(child)
            elif isinstance(child, (list, tuple)):
                stack.extend(child)
