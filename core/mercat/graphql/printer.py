"""The merged schema as SDL, with the plugin that each field comes from."""

from graphql import (
    FieldDefinitionNode,
    GraphQLError,
    build_schema,
    lexicographic_sort_schema,
    parse,
    print_schema,
)
from graphql.language import Node, visit
from graphql.language.visitor import Visitor

from mercat.graphql.extend import MergedSchema


def print_merged(schema: MergedSchema, *, owners: bool) -> str:
    """The SDL in alphabetical order; with `owners` each field ends in `# plugin`."""
    # Strawberry's printer knows how its default values are written, graphql-core's how to sort.
    text = print_schema(lexicographic_sort_schema(build_schema(schema.as_str())))
    if not owners:
        return text
    lines = text.splitlines()
    notes = _Owners(schema)
    visit(parse(text), notes)
    width = max((len(lines[number - 1]) for number in notes.by_line), default=0)
    for number, owner in notes.by_line.items():
        lines[number - 1] = f"{lines[number - 1]:<{min(width, 100)}}  # {owner}"
    return "\n".join(lines)


class _Owners(Visitor):
    def __init__(self, schema: MergedSchema) -> None:
        super().__init__()
        self._schema = schema
        self.by_line: dict[int, str] = {}

    def enter_field_definition(
        self,
        node: FieldDefinitionNode,
        _key: object,
        _parent: object,
        _path: object,
        ancestors: list[Node | tuple[Node, ...]],
    ) -> None:
        parent = ancestors[-1] if not isinstance(ancestors[-1], (list, tuple)) else ancestors[-2]
        if node.loc is None:
            raise GraphQLError("the schema was parsed without locations")
        line = node.name.loc.start_token.line if node.name.loc else 0
        type_name = parent.name.value  # type: ignore[union-attr]
        self.by_line[line] = self._schema.owner(type_name, node.name.value)
