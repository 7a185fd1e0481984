"""From a validated operation to its plan.

Fields are collected by graphql-core itself, so fragments, aliases, merged fields, `@skip` and
`@include` come out as they do there. What `@skip` and `@include` say is part of a plan: each
combination of the variables that they name has its own.
"""

from collections.abc import Iterator
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

from mercat.graphql.completion import Completer, Leaf
from mercat.graphql.fields import (
    AttributeField,
    BatchField,
    FieldPlan,
    FunctionField,
    LocalisedField,
    ResolverField,
    StoredField,
    TypenameField,
    are_immutable,
)
from mercat.graphql.lists import ListOf
from mercat.graphql.localising import names_locale
from mercat.graphql.nodes import FieldNodes
from mercat.graphql.objects import Abstract, Objects
from mercat.graphql.plans import ObjectPlan, Plan
from mercat.graphql.resolvers import AttributeRead, BatchCall, FunctionCall, StoredRead
from mercat.graphql.runs import Position

MOST_FIELDS = 1_000
_NO_VARIABLES = VariableValues({}, {})


class NotCompiledError(Exception):
    """The operation is left to graphql-core; the message says why, in a word or two."""


def compile_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
) -> Plan:
    """The plan of an operation of a valid document.

    It holds for what `@skip` and `@include` say with these variables. Raises NotCompiledError for
    what is left to graphql-core.
    """
    return _Compiler(schema, document, operation, variables).plan()


def switches(document: DocumentNode) -> tuple[str, ...]:
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
                self._localised_field(type_, key, number, details)
                for number, (key, details) in enumerate(collected.grouped_field_set.items())
            ]
        )

    def _localised_field(
        self, parent: GraphQLObjectType, key: str, number: int, details: FieldDetailsList
    ) -> FieldPlan:
        field = self._field(parent, key, number, details)
        is_root = parent is self._schema.get_root_type(self._operation.operation)
        return LocalisedField(field) if is_root and names_locale(details[0].node) else field

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
