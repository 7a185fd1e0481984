"""Asking an engine as a viewer, without HTTP in between."""

from typing import Any

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run

STAFF = Viewer(role="ADMIN", permissions=frozenset({"products.manage"}), user="staff")
SELLER = Viewer(
    role="SELLER", permissions=frozenset({"products.sell"}), user="sue", seller="seller-1"
)
RIVAL = Viewer(
    role="SELLER", permissions=frozenset({"products.sell"}), user="roy", seller="seller-2"
)


async def answered(
    engine: Engine,
    document: str,
    variables: dict[str, Any] | None = None,
    *,
    viewer: Viewer = STAFF,
    languages: str = "",
) -> dict[str, Any]:
    """The whole answer, as a client has it."""
    found = await run(
        engine.schema._schema,
        engine.documents.get(document),
        Context(engine, viewer, languages=languages),
        variables=variables,
    )
    return dict(found.formatted)


async def told(
    engine: Engine,
    document: str,
    variables: dict[str, Any] | None = None,
    *,
    viewer: Viewer = STAFF,
    languages: str = "",
) -> dict[str, Any]:
    """The data of an answer that must have no errors."""
    found = await answered(engine, document, variables, viewer=viewer, languages=languages)
    assert "errors" not in found, found["errors"]
    data: dict[str, Any] = found["data"]
    return data
