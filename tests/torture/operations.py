"""Hypothesis strategies of valid operations: walks through a schema, and what is said otherwise.

`walks` asks for fields of a schema, deep and wide. `hypothesis_graphql` does so too, in its own
way. `operations` says what such a document asks for in other words: with aliases, fragments,
directives, variables, and the same field twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    NameNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    build_schema,
    do_types_overlap,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
    parse,
    parse_type,
    parse_value,
    print_ast,
    print_schema,
    validate,
    value_from_ast_untyped,
)
from hypothesis import strategies as st
from hypothesis_graphql import nodes
from hypothesis_graphql import queries as base_queries

CompositeType: TypeAlias = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
Literals: TypeAlias = Mapping[str, st.SearchStrategy[ValueNode]]

_MOST_FIELDS = 4
_MOST_DEPTH = 6
_INTROSPECTION = (
    "__schema { queryType { name } directives { name args { name defaultValue } } }",
    '__type(name: "Query") { name kind fields { name type { name ofType { name kind } } } }',
    '__type(name: "Nobody") { name }',
    "again: __schema { types { name possibleTypes { name } enumValues { name } } }",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client sends, and whether it is hidden which names there are."""

    text: str
    variables: dict[str, Any] | None = None
    name: str | None = None
    hides: bool = False


class _Dice:
    """Draws that shrink to what is plain: nothing happens, the first is chosen."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def hits(self, percent: int) -> bool:
        return self.draw(_PERCENT) >= 100 - percent

    def upto(self, most: int) -> int:
        return self.draw(st.integers(0, most))

    def pick(self, values: Sequence[Any]) -> Any:
        return values[self.draw(st.integers(0, len(values) - 1))]


_PERCENT = st.integers(0, 99)


def _name(value: str) -> NameNode:
    return NameNode(value=value)


def _set(selections: Sequence[SelectionNode]) -> SelectionSetNode:
    return SelectionSetNode(selections=tuple(selections))


def _condition(name: str) -> NamedTypeNode:
    return NamedTypeNode(name=_name(name))


# Literals of each input type.

_ENOUGH = 3
_TEXTS = st.sampled_from(["", "a", "two words", 'quo"te', "\u00e4\u2028", "\\n"])
_SCALARS: dict[str, st.SearchStrategy[ValueNode]] = {
    "Int": st.integers(-9, 999).map(nodes.Int),
    "Float": st.sampled_from([0.5, -2.25, 1e10]).map(nodes.Float) | st.just(nodes.Int(3)),
    "String": _TEXTS.map(nodes.String),
    "Boolean": st.booleans().map(nodes.Boolean),
    "ID": _TEXTS.map(nodes.String) | st.integers(0, 99).map(nodes.Int),
}
TORTURE_SCALARS: dict[str, st.SearchStrategy[ValueNode]] = {
    "Odd": st.integers(0, 20).map(lambda half: nodes.Int(half * 2 + 1)),
    "Anything": st.sampled_from(["1", '"a"', "{a: [1, {b: null}]}", "[true]", "ENUM", "1.5"]).map(
        parse_value
    ),
}


def _literal(dice: _Dice, type_: GraphQLInputType, literals: Literals, depth: int = 0) -> ValueNode:
    if isinstance(type_, GraphQLNonNull):
        return _value(dice, type_.of_type, literals, depth)
    if dice.hits(10):
        return NullValueNode()
    return _value(dice, type_, literals, depth)


def _value(dice: _Dice, type_: GraphQLInputType, literals: Literals, depth: int) -> ValueNode:
    if isinstance(type_, GraphQLList):
        if dice.hits(15):  # one value stands for a list of it
            item = _literal(dice, type_.of_type, literals, depth + 1)
            if not isinstance(item, NullValueNode):
                return item
        return ListValueNode(
            values=tuple(
                _literal(dice, type_.of_type, literals, depth + 1)
                for _ in range(dice.upto(_ENOUGH - 1))
            )
        )
    if isinstance(type_, GraphQLInputObjectType):
        return _object(dice, type_, literals, depth)
    if isinstance(type_, GraphQLEnumType):
        return EnumValueNode(value=dice.pick(list(type_.values)))
    name = cast("GraphQLNamedType", type_).name
    return dice.draw(literals[name] if name in literals else _SCALARS[name])


def _object(
    dice: _Dice, type_: GraphQLInputObjectType, literals: Literals, depth: int
) -> ValueNode:
    if type_.is_one_of:
        name = dice.pick(list(type_.fields))
        value = _value(dice, type_.fields[name].type, literals, depth + 1)
        return ObjectValueNode(fields=(ObjectFieldNode(name=_name(name), value=value),))
    return ObjectValueNode(
        fields=tuple(
            ObjectFieldNode(
                name=_name(name), value=_literal(dice, declared.type, literals, depth + 1)
            )
            for name, declared in type_.fields.items()
            if is_required_input_field(declared) or (depth < _ENOUGH and dice.hits(40))
        )
    )


# Walks.


@dataclass(frozen=True, slots=True)
class _Walker:
    """Walks through a schema from its root; `left` is how many fields it may still ask for.

    Each place of the answer has its own response names: a name that is taken by something else
    gets an alias, so that what the walk asks for can always be merged.
    """

    schema: GraphQLSchema
    dice: _Dice
    literals: Literals
    left: list[int]

    def selections(
        self, type_: CompositeType, depth: int, taken: dict[str, str]
    ) -> list[SelectionNode]:
        found: list[SelectionNode] = []
        if isinstance(type_, GraphQLUnionType):
            found.append(FieldNode(name=_name("__typename")))
        else:
            found += self._fields(type_, depth, taken)
        if not isinstance(type_, GraphQLObjectType):
            found += self._narrowed(type_, depth, taken)
        return found

    def _fields(
        self, type_: GraphQLObjectType | GraphQLInterfaceType, depth: int, taken: dict[str, str]
    ) -> list[SelectionNode]:
        deep = depth < _MOST_DEPTH and self.left[0] > 0
        fits = [
            (name, declared)
            for name, declared in type_.fields.items()
            if deep or not is_composite_type(get_named_type(declared.type))
        ]
        if not fits:
            return [FieldNode(name=_name("__typename"))]
        found: list[SelectionNode] = []
        for _ in range(1 + self.dice.upto(_MOST_FIELDS - 1)):
            name, declared = self.dice.pick(fits)
            found.append(self._field(type_, name, declared, depth, taken))
        return found

    def _field(
        self,
        parent: GraphQLNamedType,
        name: str,
        declared: GraphQLField,
        depth: int,
        taken: dict[str, str],
    ) -> FieldNode:
        self.left[0] -= 1
        arguments = tuple(
            ArgumentNode(name=_name(argument), value=self._value(argument, defined.type))
            for argument, defined in declared.args.items()
            if is_required_argument(defined) or self.dice.hits(25)
        )
        target = get_named_type(declared.type)
        composite = is_composite_type(target)
        printed = ", ".join(map(print_ast, arguments))
        meaning = f"{parent.name}.{name}({printed}): {declared.type}"
        alias = None
        if taken.setdefault(name, meaning) != meaning or composite:
            free = [name, *(f"{name}_{number}" for number in range(len(taken) + 1))]
            key = next(key for key in free if key not in taken or taken[key] == meaning)
            if composite and taken.get(f"{key}!"):
                key = next(key for key in free if key not in taken)
            taken[key] = meaning
            taken[f"{key}!"] = meaning
            alias = None if key == name else _name(key)
        return FieldNode(
            name=_name(name),
            alias=alias,
            arguments=arguments,
            directives=(),
            selection_set=_set(self.selections(cast("CompositeType", target), depth + 1, {}))
            if composite
            else None,
        )

    def _value(self, argument: str, type_: GraphQLInputType) -> ValueNode:
        named = self.literals.get(f"{argument}:")
        if named is None:
            return _literal(self.dice, type_, self.literals)
        return self.dice.draw(named)

    def _narrowed(
        self, type_: GraphQLInterfaceType | GraphQLUnionType, depth: int, taken: dict[str, str]
    ) -> list[SelectionNode]:
        kinds: list[GraphQLObjectType | GraphQLInterfaceType] = [
            *self.schema.get_possible_types(type_)
        ]
        if isinstance(type_, GraphQLInterfaceType):
            kinds += self.schema.get_implementations(type_).interfaces
        found: list[SelectionNode] = []
        for kind in kinds:
            if self.dice.hits(45):
                chosen = self._fields(kind, depth, taken)
                found.append(
                    InlineFragmentNode(
                        type_condition=_condition(kind.name),
                        directives=(),
                        selection_set=_set(chosen),
                    )
                )
        return found


@st.composite
def walks(
    draw: st.DrawFn,
    schema: GraphQLSchema,
    *,
    literals: Literals = TORTURE_SCALARS,
    operation: OperationType = OperationType.QUERY,
) -> DocumentNode:
    """Documents of one operation that walk through the schema.

    `literals` are those of custom scalars, and of arguments: `slug:` is any argument of that name.
    """
    dice = _Dice(draw)
    root = schema.get_root_type(operation)
    assert root is not None
    walker = _Walker(schema, dice, literals, [10 + dice.upto(30)])
    selections = walker.selections(root, 0, {})
    return DocumentNode(
        definitions=(
            OperationDefinitionNode(
                operation=operation,
                name=None,
                variable_definitions=(),
                directives=(),
                selection_set=_set(selections),
            ),
        )
    )


def drawn_by_others(
    schema: GraphQLSchema, literals: Literals = TORTURE_SCALARS
) -> st.SearchStrategy[DocumentNode]:
    """Documents as `hypothesis_graphql` makes them from the schema's SDL."""
    again = build_schema(print_schema(schema))
    return base_queries(
        again, custom_scalars=dict(literals), allow_x00=False, print_ast=lambda node: node
    ).filter(lambda node: not validate(schema, node))


# Rewriting.


@dataclass(slots=True)
class _Variables:
    """The variables of an operation so far, and the values that a client sends."""

    definitions: list[VariableDefinitionNode] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    booleans: list[str] = field(default_factory=list)

    def add(
        self, type_: object, default: ValueNode | None = None, *, value: Any = Undefined
    ) -> VariableNode:
        name = f"v{len(self.definitions)}"
        self.definitions.append(
            VariableDefinitionNode(
                variable=VariableNode(name=_name(name)),
                type=parse_type(str(type_)),
                default_value=cast("Any", default),
                directives=(),
            )
        )
        if value is not Undefined:
            self.values[name] = value
        return VariableNode(name=_name(name))


_WRONG: tuple[Any, ...] = ("wrong", 1.5, None, ["wrong"], {"wrong": 1}, 2**31, [None], True)


class _Rewriter:
    """Says what a document asks for in other words."""

    def __init__(self, schema: GraphQLSchema, dice: _Dice, *, wrong: bool) -> None:
        self._schema = schema
        self._dice = dice
        self._wrong = wrong
        self._variables = _Variables()
        self._fragments: list[FragmentDefinitionNode] = []
        self._aliases = 0

    def operation(self, node: OperationDefinitionNode) -> tuple[DocumentNode, dict[str, Any]]:
        root = self._schema.get_root_type(node.operation)
        assert root is not None
        selections = self._selections(root, node.selection_set.selections)
        if node.operation is OperationType.QUERY and self._dice.hits(6):
            more = parse(f"{{ {self._dice.pick(_INTROSPECTION)} }}").definitions[0]
            assert isinstance(more, OperationDefinitionNode)
            selections.insert(self._dice.upto(len(selections)), more.selection_set.selections[0])
        document = DocumentNode(
            definitions=(
                OperationDefinitionNode(
                    operation=node.operation,
                    name=_name("Main"),
                    variable_definitions=tuple(self._variables.definitions),
                    directives=(),
                    selection_set=_set(selections),
                ),
                *self._fragments,
            )
        )
        return document, self._variables.values

    def _selections(
        self, parent: CompositeType, selections: Sequence[SelectionNode]
    ) -> list[SelectionNode]:
        said: list[SelectionNode] = []
        for node in selections:
            said.append(self._selection(parent, node))
            if self._dice.hits(8):
                said.append(FieldNode(name=_name("__typename"), alias=self._alias(30)))
            if self._dice.hits(10):
                said.append(self._again(self._dice.pick(said)))
        if self._dice.hits(4):
            self._swap(said)
        said = self._gathered(parent, said)
        spread = self._spread_again(parent)
        return [*said, spread] if spread else said

    def _selection(self, parent: CompositeType, node: SelectionNode) -> SelectionNode:
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            kind = self._schema.get_type(condition.name.value) if condition else parent
            inner = self._selections(cast("CompositeType", kind), node.selection_set.selections)
            return self._fragment(cast("CompositeType", kind), inner, bare=False)
        assert isinstance(node, FieldNode)
        declared = self._schema.get_field(parent, node.name.value)
        if declared is None or node.name.value.startswith("__"):
            return node
        target = get_named_type(declared.type)
        inner_set = node.selection_set
        return FieldNode(
            name=node.name,
            alias=self._alias(12) or node.alias,
            arguments=tuple(
                ArgumentNode(
                    name=argument.name,
                    value=self._argument(argument.value, declared.args[argument.name.value]),
                )
                for argument in node.arguments or ()
            ),
            directives=self._directives(),
            selection_set=_set(
                self._selections(cast("CompositeType", target), inner_set.selections)
            )
            if inner_set
            else None,
        )

    def _alias(self, percent: int) -> NameNode | None:
        if not self._dice.hits(percent):
            return None
        self._aliases += 1
        return _name(f"x{self._aliases}")

    def _again(self, node: SelectionNode) -> SelectionNode:
        """The same once more, perhaps with less inside of it."""
        inner = getattr(node, "selection_set", None)
        if not isinstance(node, FieldNode) or inner is None or len(inner.selections) == 1:
            return node
        kept = [part for part in inner.selections if self._dice.hits(60)]
        return FieldNode(
            name=node.name,
            alias=node.alias,
            arguments=node.arguments,
            directives=self._directives(),
            selection_set=_set(kept or inner.selections[:1]),
        )

    def _swap(self, said: list[SelectionNode]) -> None:
        """Let two fields of one place answer under each other's name."""
        places = [
            index
            for index, node in enumerate(said)
            if isinstance(node, FieldNode) and node.alias is None
        ]
        if len(places) < 2:
            return
        first, second = places[0], places[-1]
        one, other = cast("FieldNode", said[first]), cast("FieldNode", said[second])
        said[first], said[second] = _called(one, other.name), _called(other, one.name)

    def _gathered(
        self, parent: CompositeType, selections: list[SelectionNode]
    ) -> list[SelectionNode]:
        """The same selections, some of them moved into fragments."""
        said: list[SelectionNode] = []
        rest = list(selections)
        while rest:
            if not self._dice.hits(12):
                said.append(rest.pop(0))
                continue
            count = 1 + self._dice.upto(min(len(rest), _ENOUGH) - 1)
            moved, rest = rest[:count], rest[count:]
            kind = self._other_kind(parent, moved)
            said.append(self._fragment(kind, moved, bare=kind is parent))
        return said

    def _other_kind(self, parent: CompositeType, moved: Sequence[SelectionNode]) -> CompositeType:
        """A type that the moved fields can be asked of as well."""
        if isinstance(parent, GraphQLUnionType) or not self._dice.hits(50):
            return parent
        kinds: list[GraphQLObjectType | GraphQLInterfaceType] = list(parent.interfaces)
        if isinstance(parent, GraphQLInterfaceType):
            kinds += self._schema.get_possible_types(parent)
        fits = [
            kind
            for kind in kinds
            if all(
                isinstance(node, FieldNode)
                and (
                    node.name.value == "__typename"
                    or (
                        node.name.value in kind.fields
                        and kind.fields[node.name.value].type == parent.fields[node.name.value].type
                    )
                )
                for node in moved
            )
        ]
        return cast("CompositeType", self._dice.pick(fits)) if fits else parent

    def _fragment(
        self, kind: CompositeType, selections: Sequence[SelectionNode], *, bare: bool
    ) -> SelectionNode:
        directives = self._directives()
        if self._dice.hits(45):
            name = f"F{len(self._fragments)}"
            self._fragments.append(
                FragmentDefinitionNode(
                    name=_name(name),
                    variable_definitions=(),
                    type_condition=_condition(kind.name),
                    directives=(),
                    selection_set=_set(selections),
                )
            )
            return FragmentSpreadNode(name=_name(name), directives=directives)
        without = bare and self._dice.hits(50)
        return InlineFragmentNode(
            type_condition=cast("Any", None if without else _condition(kind.name)),
            directives=directives,
            selection_set=_set(selections),
        )

    def _spread_again(self, parent: CompositeType) -> SelectionNode | None:
        if not self._fragments or not self._dice.hits(6):
            return None
        fits = [
            fragment.name
            for fragment in self._fragments
            if do_types_overlap(
                self._schema,
                cast("Any", self._schema.get_type(fragment.type_condition.name.value)),
                parent,
            )
        ]
        if not fits:
            return None
        return FragmentSpreadNode(name=self._dice.pick(fits), directives=self._directives())

    def _directives(self) -> tuple[DirectiveNode, ...]:
        if not self._dice.hits(12):
            return ()
        names = [self._dice.pick(["include", "skip"])]
        if self._dice.hits(15):
            names = ["skip", "include"]
        return tuple(
            DirectiveNode(
                name=_name(name),
                arguments=(
                    ArgumentNode(name=_name("if"), value=self._boolean(fine=name == "include")),
                ),
            )
            for name in names
        )

    def _boolean(self, *, fine: bool) -> ValueNode:
        """Mostly the value with which the selection stays."""
        value = not fine if self._dice.hits(35) else fine
        known = self._variables
        match self._dice.upto(6):
            case 0 | 1:
                return BooleanValueNode(value=value)
            case 2 if known.booleans:
                return VariableNode(name=_name(self._dice.pick(known.booleans)))
            case 2 | 3:
                found = known.add("Boolean!", value=value)
            case 4:
                found = known.add("Boolean", BooleanValueNode(value=value))
            case 5:
                found = known.add("Boolean!", BooleanValueNode(value=not value), value=value)
            case _:
                given = None if self._wrong and self._dice.hits(8) else value
                found = known.add("Boolean", BooleanValueNode(value=not value), value=given)
        known.booleans.append(found.name.value)
        return found

    def _argument(
        self, node: ValueNode, declared: GraphQLArgument | GraphQLInputField
    ) -> ValueNode:
        if self._dice.hits(30):
            return self._variable(node, declared.type, default=declared.default is not None)
        return self._inside(node, declared.type)

    def _inside(self, node: ValueNode, type_: GraphQLInputType) -> ValueNode:
        """The same literal with variables in it."""
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if isinstance(type_, GraphQLList) and isinstance(node, ListValueNode):
            return ListValueNode(
                values=tuple(
                    self._variable(value, type_.of_type, default=False)
                    if self._dice.hits(20)
                    else self._inside(value, type_.of_type)
                    for value in node.values
                )
            )
        if isinstance(type_, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
            return ObjectValueNode(
                fields=tuple(
                    ObjectFieldNode(
                        name=part.name,
                        value=part.value
                        if type_.is_one_of
                        else self._argument(part.value, type_.fields[part.name.value]),
                    )
                    for part in node.fields
                )
            )
        return node

    def _variable(self, node: ValueNode, type_: GraphQLInputType, *, default: bool) -> ValueNode:
        """A variable in the place of a literal: sent, by default, or left out."""
        known = self._variables
        value = value_from_ast_untyped(node)
        nullable = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if self._wrong and self._dice.hits(2):
            return known.add(type_, value=self._dice.pick(_WRONG))
        chosen = self._dice.upto(5)
        if chosen == 1 and not isinstance(node, NullValueNode):
            return known.add(nullable, node)
        if chosen == 2 and not isinstance(node, NullValueNode):
            given = None if self._wrong and self._dice.hits(30) else value
            return known.add(nullable, node, value=given)
        if chosen == 3 and (nullable is type_ or default):
            return known.add(nullable)
        if chosen == 4 and not isinstance(node, NullValueNode):
            return known.add(GraphQLNonNull(nullable), value=value)
        return known.add(type_, value=value)


def _called(node: FieldNode, name: NameNode) -> FieldNode:
    return FieldNode(
        name=node.name,
        alias=name,
        arguments=node.arguments,
        directives=node.directives,
        selection_set=node.selection_set,
    )


@st.composite
def operations(
    draw: st.DrawFn,
    schema: GraphQLSchema,
    documents: st.SearchStrategy[DocumentNode],
    *,
    wrong: bool = True,
) -> Operation:
    """What the documents ask for, said in other words; `wrong` lets variables be wrong.

    Where the other words turn out not to be valid, it is said as it was.
    """
    plain = draw(documents)
    dice = _Dice(draw)
    definition = plain.definitions[0]
    assert isinstance(definition, OperationDefinitionNode)
    document, variables = _Rewriter(schema, dice, wrong=wrong).operation(definition)
    name: str | None = None
    if dice.hits(5):
        text = f"{print_ast(document)}\nquery Other {{ __typename }}"
        name = dice.pick(["Main", "Main", "Other"])
    else:
        text = print_ast(document)
        name = "Main" if dice.hits(20) else None
    if validate(schema, parse(text)):
        return Operation(print_ast(plain))
    return Operation(text, variables or None, name, hides=dice.hits(25))
