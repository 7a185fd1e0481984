"""Parsed and validated documents, each made once and kept within a bound of bytes."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from mercat.graphql.errors import ErrorCode, presented, presented_together, refusal
from mercat.graphql.limits import check_limits
from mercat.settings import GraphQLSettings

# What a document takes in memory, measured: tests/test_hostile.py compares it with tracemalloc.
_BYTES_A_DOCUMENT = 2_000
_BYTES_A_TOKEN = 400
_BYTES_A_CHARACTER = 2
_BYTES_A_REFUSAL = 8_000


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, with its operations by name.

    `known` holds the data of operations that ask for nothing but `__typename`, as the probes of
    gateways and load balancers do: there is nothing to execute.
    """

    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    known: dict[str | None, dict[str, str]]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises a GraphQLError where the name says none, or none is said."""
        if name is None:
            if len(self.operations) == 1:
                return next(iter(self.operations.values()))
            raise refusal("the document has several operations; name one in operationName")
        try:
            return self.operations[name]
        except KeyError:
            raise refusal(f"the document has no operation named '{name[:100]}'") from None


class InvalidDocument(Exception):  # noqa: N818  it is no error of ours
    """A document that can't be executed, and why, as the client may see it."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


_Refused: TypeAlias = tuple[GraphQLError, ...]


class Documents:
    """The documents of one schema, the most recently used kept.

    The bound counts bytes of memory, estimated from each text's tokens. Invalid documents are kept
    too, so that repeating one costs no more than a valid one does. Without introspection the
    errors suggest no names either.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: GraphQLSettings, *, introspection: bool
    ) -> None:
        self._schema = schema
        self._limits = limits
        self.introspection = introspection
        self._kept: OrderedDict[str, tuple[Document | _Refused, int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> Document:
        """The document of a text, parsed, within the limits, and valid. Raises InvalidDocument."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            found = kept[0]
        elif len(text.encode(errors="replace")) > self._limits.max_query_bytes:
            most = self._limits.max_query_bytes
            found = _too_costly(f"the query is longer than {most} bytes")
        else:
            found = self._make(text)
            self._keep(text, found)
        if isinstance(found, Document):
            return found
        raise InvalidDocument(found)

    def _make(self, text: str) -> Document | _Refused:
        try:
            return self._parse_and_validate(text)
        except GraphQLSyntaxError as error:
            return _syntax(error)
        except GraphQLError as error:
            return (presented(error),)
        except RecursionError:
            return _too_costly("the query is nested too deeply")

    def _parse_and_validate(self, text: str) -> Document | _Refused:
        node = parse(text, max_tokens=self._limits.max_tokens, allow_empty_selection_sets=False)
        check_limits(node, self._limits, introspection=self.introspection)
        errors = validate(
            self._schema,
            node,
            max_errors=self._limits.max_errors,
            hide_suggestions=not self.introspection,
            allow_empty_selection_sets=False,
        )
        if errors:
            return tuple(presented_together(errors[: self._limits.max_errors]))
        operations = {
            definition.name.value if definition.name else None: definition
            for definition in node.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        if not operations:
            return (refusal("the document has no operation"),)
        known = {
            name: data
            for name, operation in operations.items()
            if (data := self._known_data(operation)) is not None
        }
        return Document(node, operations, known)

    def _known_data(self, operation: OperationDefinitionNode) -> dict[str, str] | None:
        root = self._schema.get_root_type(operation.operation)
        selections = operation.selection_set.selections
        if (
            root is None
            or operation.operation is OperationType.SUBSCRIPTION
            or operation.variable_definitions
            or not all(
                isinstance(node, FieldNode)
                and node.name.value == "__typename"
                and not node.directives
                for node in selections
            )
        ):
            return None
        fields = cast("Sequence[FieldNode]", selections)
        return {(node.alias or node.name).value: root.name for node in fields}

    def _keep(self, text: str, document: Document | _Refused) -> None:
        cost = _cost(text, document)
        if cost > self._limits.document_cache_bytes:
            return
        self._kept[text] = document, cost
        self.bytes += cost
        while self.bytes > self._limits.document_cache_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed


def _cost(text: str, document: Document | _Refused) -> int:
    if not isinstance(document, Document):
        return _BYTES_A_REFUSAL + _BYTES_A_CHARACTER * len(text)
    tokens = _BYTES_A_TOKEN * _count_tokens(document.node)
    return _BYTES_A_DOCUMENT + _BYTES_A_CHARACTER * len(text) + tokens


def _count_tokens(node: DocumentNode) -> int:
    token = node.loc.start_token if node.loc else None
    count = 0
    while token is not None:
        count += 1
        token = token.next
    return count


def _syntax(error: GraphQLSyntaxError) -> _Refused:
    if error.message.endswith("tokens. Parsing aborted."):
        return _too_costly(error.message)
    return (presented(error),)


def _too_costly(message: str) -> _Refused:
    return (refusal(message, ErrorCode.QUERY_TOO_COSTLY),)
