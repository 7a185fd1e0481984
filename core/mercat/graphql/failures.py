"""Errors of fields, and which of them an answer reports.

A failed value stands in its column as a `Failure`. Where it may be null it becomes None there;
where it may not, its parent fails with the same `Failure`, up to the first place that may be null
(GraphQL specification, "Handling Execution Errors").
"""

from collections.abc import Sequence
from typing import TypeGuard

from graphql import GraphQLError, located_error
from graphql.language import FieldNode

from mercat.graphql.places import Place


class Failure:
    """A value that failed at `order`; `nulled` is the depth of what became null because of it."""

    __slots__ = ("error", "nulled", "order")

    def __init__(self, error: Exception, nodes: Sequence[FieldNode], place: Place) -> None:
        path = place.path.as_list() if place.path is not None else []
        self.error: GraphQLError = located_error(error, nodes, path)
        self.order = place.order
        self.nulled = 0


def is_failure(value: object) -> TypeGuard[Failure]:
    return type(value) is Failure


def reported(failures: list[Failure]) -> list[GraphQLError]:
    """The errors of an answer in the order in which it is written.

    What stands inside of something that an earlier error made null is left out, as it is by an
    executor that goes through the fields one after the other and stops at such an error.
    """
    found: list[GraphQLError] = []
    nulled: set[tuple[int, ...]] = set()
    for failure in sorted(failures, key=lambda failure: failure.order):
        order = failure.order
        if not any(order[:depth] in nulled for depth in range(len(order) + 1)):
            found.append(failure.error)
            nulled.add(order[: failure.nulled])
    return found
