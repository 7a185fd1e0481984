"""Parsed and validated documents, each made once and kept within a bound of bytes."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    validate,
)

from mercat.graphql.errors import ErrorCode, refusal
from mercat.graphql.limits import check_limits
from mercat.settings import GraphQLSettings

# A document's syntax tree takes about this many bytes for each byte of its text.
_TREE_FACTOR = 120


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, with its operations by name."""

    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]

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
    """A document that can't be executed, and why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class Documents:
    """The documents of one schema, the most recently used kept.

    The bound counts bytes of memory, estimated from each text's length. Invalid documents are kept
    too, so that repeating one costs no more than a valid one does.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: GraphQLSettings, *, introspection: bool
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._introspection = introspection
        self._kept: OrderedDict[str, Document | InvalidDocument] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> Document:
        """The document of a text, parsed, within the limits, and valid. Raises InvalidDocument."""
        found = self._kept.get(text)
        if found is None:
            if len(text.encode()) > self._limits.max_query_bytes:
                raise InvalidDocument(
                    [
                        refusal(
                            f"the query is longer than {self._limits.max_query_bytes} bytes",
                            ErrorCode.QUERY_TOO_COSTLY,
                        )
                    ]
                )
            found = self._make(text)
            self._keep(text, found)
        else:
            self._kept.move_to_end(text)
        if isinstance(found, InvalidDocument):
            raise found.with_traceback(None)
        return found

    def _make(self, text: str) -> Document | InvalidDocument:
        try:
            return self._parse_and_validate(text)
        except GraphQLSyntaxError as error:
            return InvalidDocument([_syntax(error)])
        except GraphQLError as error:
            return InvalidDocument([error])
        except RecursionError:
            return InvalidDocument(
                [refusal("the query is nested too deeply", ErrorCode.QUERY_TOO_COSTLY)]
            )

    def _parse_and_validate(self, text: str) -> Document | InvalidDocument:
        node = parse(
            text, max_tokens=self._limits.max_tokens, allow_empty_selection_sets=False
        )
        check_limits(node, self._limits, introspection=self._introspection)
        errors = validate(self._schema, node, max_errors=self._limits.max_errors)
        if errors:
            return InvalidDocument(
                [_bad_request(error) for error in errors[: self._limits.max_errors]]
            )
        operations = {
            definition.name.value if definition.name else None: definition
            for definition in node.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        if not operations:
            return InvalidDocument([refusal("the document has no operation")])
        return Document(node, operations)

    def _keep(self, text: str, document: Document | InvalidDocument) -> None:
        cost = _cost(text)
        if cost > self._limits.document_cache_bytes:
            return
        self._kept[text] = document
        self.bytes += cost
        while self.bytes > self._limits.document_cache_bytes:
            dropped, _ = self._kept.popitem(last=False)
            self.bytes -= _cost(dropped)


def _cost(text: str) -> int:
    return 1_000 + _TREE_FACTOR * len(text)


def _syntax(error: GraphQLSyntaxError) -> GraphQLError:
    if "token" in error.message and "limit" in error.message:
        return refusal(error.message, ErrorCode.QUERY_TOO_COSTLY)
    return _bad_request(error)


def _bad_request(error: GraphQLError) -> GraphQLError:
    return GraphQLError(
        error.message[:500],
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        extensions={"code": ErrorCode.BAD_REQUEST.value},
    )
