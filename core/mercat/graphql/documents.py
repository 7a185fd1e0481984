"""Documents, parsed, validated and compiled, and kept within a bound of bytes."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from mercat.caching.declaring import Subjects
from mercat.graphql.compile import NotCompiledError, compile_operation, switches
from mercat.graphql.errors import ErrorCode, presented, presented_together, refusal
from mercat.graphql.limits import check_limits
from mercat.graphql.once import once_fields
from mercat.graphql.plans import Plan
from mercat.settings import GraphQLSettings

# Who executed an operation, and why it was not a plan.
COMPILED = "compiled"
FIRST_SIGHT = "first sight"
SWITCHED_OFF = "switched off"
STREAMED = "streamed"

MOST_VARIANTS = 8

# What a document takes in memory, measured: tests/test_hostile.py compares it with tracemalloc.
_BYTES_A_DOCUMENT = 2_000
_BYTES_A_TOKEN = 400
_BYTES_A_CHARACTER = 2
_BYTES_A_REFUSAL = 8_000
# tests/test_plans.py does for plans.
_BYTES_A_FIELD = 2_500

_logger = logging.getLogger("mercat.graphql")


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

    @property
    def are_due(self) -> bool:
        """Whether there may be a plan this time: whether it is worth coercing the variables."""
        return self._waits_for == 1

    def find(self, variables: VariableValues) -> Plan | None:
        """The plan for these variables; None where graphql-core has to execute this time."""
        if self._waits_for != 1:
            self._counted[self._wait()] += 1
            return None
        if self._switches is None:
            self._switches = switches(self._document)
        coerced = variables.coerced
        key = tuple([coerced.get(name) for name in self._switches]) if self._switches else ()
        found = self._found.get(key) or self._make(key, variables)
        if isinstance(found, Plan):
            self._counted[COMPILED] += 1
            return found
        self._counted[found] += 1
        return None

    def _wait(self) -> str:
        if self._waits_for is None:
            return SWITCHED_OFF
        self._waits_for -= 1
        return FIRST_SIGHT

    def _make(self, key: tuple[Any, ...], variables: VariableValues) -> Plan | str:
        if len(self._found) >= MOST_VARIANTS:
            return "too many variants"
        self._found[key] = self._compile(variables)
        return self._found[key]

    def _compile(self, variables: VariableValues) -> Plan | str:
        try:
            plan = compile_operation(self._schema, self._document, self.operation, variables)
        except NotCompiledError as reason:
            return str(reason)
        except Exception:  # graphql-core answers instead
            _logger.exception("an operation could not be compiled")
            return "compiler failed"
        self.kept(plan.size * _BYTES_A_FIELD)
        return plan


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, with its operations by name, and their plans.

    `subjects` is what their answers are about, of those that were asked for.
    """

    text: str
    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    plans: dict[str | None, Plans]
    subjects: dict[str | None, Subjects | None] = field(default_factory=dict)

    @property
    def plan_count(self) -> int:
        """How many plans were compiled."""
        return sum(map(len, self.plans.values()))

    def plans_of(self, name: str | None) -> Plans | None:
        """The plans of an operation; nobody names the only one. None for what is not compiled."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.plans.values()), None)
        return self.plans.get(name) if name is not None else None

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

    The bound counts bytes of memory, estimated from each text's tokens and each plan's fields.
    Invalid documents are kept too, so that repeating one costs no more than a valid one does.
    Without introspection the errors suggest no names either. An operation is compiled when it is
    asked for the `compile_at`th time, or never; `executions` counts by whom each was executed.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: GraphQLSettings,
        *,
        introspection: bool,
        compile_at: int | None = 2,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._once = once_fields(schema)
        self._compile_at = compile_at
        self.introspection = introspection
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.bytes = 0
        self.executions: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> Document:
        """The document of a text, parsed, within the limits, and valid. Raises InvalidDocument."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            found = kept.document
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
        check_limits(node, self._limits, introspection=self.introspection, once=self._once)
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
        return Document(text, node, operations, self._plans(node, operations))

    def _plans(
        self, node: DocumentNode, operations: dict[str | None, OperationDefinitionNode]
    ) -> dict[str | None, Plans]:
        return {
            name: Plans(self._schema, node, operation, self._compile_at, self.executions)
            for name, operation in operations.items()
        }

    def _keep(self, text: str, document: Document | _Refused) -> None:
        kept = _Kept(document, _cost(text, document))
        if kept.bytes > self._limits.document_cache_bytes:
            return
        self._kept[text] = kept
        self.bytes += kept.bytes
        self._let_go()
        if isinstance(document, Document):
            for plans in document.plans.values():
                plans.kept = partial(self._grow, text, kept)

    def _grow(self, text: str, kept: "_Kept", count: int) -> None:
        if self._kept.get(text) is kept:
            kept.bytes += count
            self.bytes += count
            self._let_go()

    def _let_go(self) -> None:
        while self.bytes > self._limits.document_cache_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= oldest.bytes


@dataclass(slots=True)
class _Kept:
    document: Document | _Refused
    bytes: int


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
