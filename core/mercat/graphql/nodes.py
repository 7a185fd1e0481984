"""The nodes of a field of a plan."""

from graphql import FieldNode


class FieldNodes(list[FieldNode]):
    """Nodes that are merged into one field, with what was found out about them.

    `wanted` holds the keys that `mercat.graphql.records.wanted_keys` found, by type.
    """

    def __init__(self, nodes: list[FieldNode]) -> None:
        super().__init__(nodes)
        self.wanted: dict[str, frozenset[str] | None] = {}
