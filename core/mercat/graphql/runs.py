"""One execution of a plan, and what it tells resolvers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.field import StrawberryField

from mercat.graphql.context import Info
from mercat.graphql.executor import Executor
from mercat.graphql.failures import Failure
from mercat.graphql.localising import context_in
from mercat.graphql.nodes import FieldNodes
from mercat.graphql.places import Place, Places

if TYPE_CHECKING:
    from mercat.graphql.plans import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """One field at one place of an operation."""

    key: str
    name: str
    number: int
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList
    nodes: FieldNodes


class Run:
    """One execution of a plan."""

    __slots__ = (
        "_core",
        "context",
        "failures",
        "hide_suggestions",
        "plan",
        "variables",
    )

    def __init__(
        self, plan: "Plan", context: Any, variables: VariableValues, *, hide_suggestions: bool
    ) -> None:
        self.plan = plan
        self.context = context
        self.variables = variables
        self.hide_suggestions = hide_suggestions
        self.failures: list[Failure] = []
        self._core: Executor | None = None

    @property
    def core(self) -> Executor:
        """graphql-core's executor of the same operation, which makes what resolvers are told."""
        if self._core is None:
            plan = self.plan
            self._core = Executor(
                plan.schema,
                {name: details.definition for name, details in plan.fragments.items()},
                plan.fragments,
                None,
                self.context,
                plan.operation,
                self.variables,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                hide_suggestions=self.hide_suggestions,
            )
        return self._core

    def localised(self, position: Position) -> "Run":
        """The run for a field that is given a locale, and for all below it."""
        try:
            context = context_in(self.context, self.coerced(position))
        except GraphQLError:  # it becomes the field's error
            return self
        found = Run(self.plan, context, self.variables, hide_suggestions=self.hide_suggestions)
        found.failures = self.failures
        return found

    def fail(self, error: Exception, position: Position, place: Place) -> Failure:
        failure = Failure(error, position.nodes, place)
        self.failures.append(failure)
        return failure

    def raw_info(self, position: Position, place: Place) -> GraphQLResolveInfo[Any]:
        found: GraphQLResolveInfo[Any] = self.core.build_resolve_info(
            position.definition, position.nodes, position.parent_type, place.path
        )
        return found

    def coerced(self, position: Position) -> dict[str, Any]:
        """The values of a field's arguments. Raises a GraphQLError for a wrong one."""
        first = position.details[0]
        return get_argument_values(
            position.definition,
            first.node,
            self.variables,
            first.fragment_variable_values,
            self.hide_suggestions,
        )


class FieldInfo(Info):
    """Strawberry's `info` of one call; what is seldom asked for is made when it is."""

    def __init__(
        self, run: Run, position: Position, places: Places, index: int, field: StrawberryField
    ) -> None:
        self._run = run
        self._position = position
        self._places = places
        self._index = index
        self._field = field
        self._made: GraphQLResolveInfo[Any] | None = None

    @property
    def context(self) -> Any:
        return self._run.context

    @property
    def nodes(self) -> FieldNodes:
        """The field's nodes, which know what was found out about them."""
        return self._position.nodes

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        if self._made is None:
            self._made = self._run.raw_info(self._position, self._places[self._index])
        return self._made
