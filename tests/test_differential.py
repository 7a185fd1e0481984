"""Whatever is asked, the compiled executor answers as graphql-core does, to the byte.

The measure is graphql-core over the synchronous twin of the torture schema, whose order of errors
is the order in which the answer is written. The merged schema of the plugins has no such twin:
there the data is compared, and the errors where nothing but their own fields became null.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import orjson
import pytest
from graphql import (
    ExecutionResult,
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    ValueNode,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
)
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from mercat.engine import Engine
from mercat.graphql.documents import Document
from mercat.graphql.execution import execute_document, run
from mercat.lifecycle import demo_requested
from mercat.settings import load_settings

from .torture.agreement import SYNC, agree, collected, found_in, tolerant
from .torture.executing import documents_of, errors_of, written
from .torture.operations import Literals, Operation, drawn_by_others, operations, walks
from .torture.profiles import share
from .torture.schema import MODES, Mode

__all__ = ["collected"]  # a fixture that `tolerant` names

pytestmark = tolerant


def note(found: Sequence[tuple[ExecutionResult, bool]]) -> None:
    """What --hypothesis-show-statistics tells about how good the examples are."""
    for result, by_plan in found:
        errors = result.errors or []
        if result.data is None and not any(error.path for error in errors):
            event("did not start")
        else:
            event("compiled" if by_plan else "left to graphql-core")
        event("no data" if result.data is None else "data")
        event(f"errors: {min(len(errors), 5)}")


modes = st.sampled_from(MODES)


@pytest.mark.long
@given(operations(SYNC, walks(SYNC)), modes)
@share(2)
async def test_walks_through_the_torture_schema(operation: Operation, mode: Mode) -> None:
    note(await agree(operation, mode))


@pytest.mark.long
@given(operations(SYNC, drawn_by_others(SYNC)), modes)
@share(1)
async def test_other_documents_of_the_torture_schema(operation: Operation, mode: Mode) -> None:
    note(await agree(operation, mode))


@pytest.mark.gate
@given(operations(SYNC, walks(SYNC, operation=OperationType.MUTATION)), modes)
@share(1)
async def test_mutations_of_the_torture_schema(operation: Operation, mode: Mode) -> None:
    note(await agree(operation, mode))


def every_leaf(type_: GraphQLObjectType, *, nullable: bool, times: int) -> str:
    """Everything that can be asked of a type without going deeper, under some names each."""
    leaves = [
        name
        for name, field in type_.fields.items()
        if is_leaf_type(get_named_type(field.type))
        and not (nullable and is_non_null_type(field.type))
    ]
    many = [f"{type_.name}_{name}_{n}: {name}" for name in leaves for n in range(times)]
    return f"... on {type_.name} {{ {' '.join(many)} }}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("faults", ["NONE", "FEW", "SOME", "MANY"])
@pytest.mark.parametrize("nullable", [True, False], ids=["nullable", "all"])
@pytest.mark.parametrize("times", [1, 3], ids=["few", "many"])  # generated functions have a bound
async def test_every_leaf_at_once(mode: Mode, faults: str, *, nullable: bool, times: int) -> None:
    kinds = SYNC.get_possible_types(cast("GraphQLAbstractType", SYNC.type_map["Node"]))
    asked = {
        kind.name: every_leaf(kind, nullable=nullable, times=times)
        for kind in kinds
        if times == 1 or kind.name == "Kept"
    }
    text = f"""query ($seed: Int!) {{
      nodeL0V0(seed: $seed, faults: {faults}) {{ {" ".join(asked.values())} }}
      keptL0V0(seed: $seed, faults: {faults}) {{ {asked["Kept"]} }} }}"""
    for seed in range(6):
        await agree(Operation(text, {"seed": seed}), mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "type_name", ["Scalars", "Lists", pytest.param("Kept", marks=pytest.mark.gate)]
)
async def test_every_leaf_by_itself(type_name: str, mode: Mode) -> None:
    type_ = cast("GraphQLObjectType", SYNC.type_map[type_name])
    root = {"Scalars": "scalarsL0V1", "Lists": "listsL1V0", "Kept": "keptL0V0"}[type_name]
    for name, field in type_.fields.items():
        if is_leaf_type(get_named_type(field.type)):
            text = f"query ($seed: Int!) {{ {root}(seed: $seed, faults: MANY) {{ {name} }} }}"
            for seed in range(5):
                await agree(Operation(text, {"seed": seed}), mode)


@cache
def merged_schema() -> GraphQLSchema:
    """The schema of every first-party plugin, of an engine that has no stores."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "engine.toml"
        file.write_text('[plugins]\nenabled = ["media", "products", "categories"]\n')
        return Engine(load_settings(file)).schema._schema


def texts(*values: str) -> st.SearchStrategy[ValueNode]:
    return st.sampled_from(values).map(nodes.String)


# What stands between two @ is known only once the demo shop is loaded.
IDS = texts("@product@", "@category@", "@variant@", "@other@", "bm9ib2R5")
CURSORS = texts("@products@", "@categories@", "@variants@", "nowhere")
COUNTS = st.sampled_from([2, 1, 3, 5, 100, 0, 101]).map(nodes.Int)
MERGED_LITERALS: Literals = {
    "id:": IDS,
    "ids:": st.lists(IDS, max_size=4).map(nodes.List),
    "slug:": texts("harbour-linen-shirt", "clothing", "shirts", "nobody"),
    "sku:": texts("HLS-WHI-S", "HLS-WHI-M", "NOBODY"),
    "first:": COUNTS,
    "last:": COUNTS,
    "after:": CURSORS,
    "before:": CURSORS,
    "currency:": texts("EUR", "USD", "JPY"),
    "CurrencyCode": texts("EUR", "USD", "XXX"),
    "Decimal": texts("1", "49.90", "-1", "many"),
    "DateTime": texts("2026-01-01T00:00:00Z", "yesterday"),
    "Date": texts("2026-01-01", "today"),
    "depth:": st.integers(1, 5).map(nodes.Int),
}
PLACES = """{
  product(slug: "harbour-linen-shirt") { id variants(first: 1) { pageInfo { endCursor } } }
  products(first: 2) { nodes { id } pageInfo { endCursor } }
  category(slug: "clothing") { id }
  categories(first: 2) { pageInfo { endCursor } }
  variant(sku: "HLS-WHI-S") { id }
}"""


@dataclass(frozen=True)
class Shop:
    """An engine with the demo shop, and what is known of it only now."""

    engine: Engine
    known: dict[str, str]

    def __repr__(self) -> str:
        return "the demo shop"

    def filled(self, operation: Operation) -> Operation:
        text, variables = operation.text, orjson.dumps(operation.variables).decode()
        for name, value in self.known.items():
            text = text.replace(f"@{name}@", value)
            variables = variables.replace(f"@{name}@", value)
        return replace(operation, text=text, variables=orjson.loads(variables))


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    await engine.hooks.notify(demo_requested, engine.context())
    found = await run(engine.schema._schema, engine.documents.get(PLACES), engine.context())
    data = found.data
    assert data is not None
    assert not found.errors
    known = {
        "product": data["product"]["id"],
        "other": data["products"]["nodes"][0]["id"],
        "category": data["category"]["id"],
        "variant": data["variant"]["id"],
        "products": data["products"]["pageInfo"]["endCursor"],
        "categories": data["categories"]["pageInfo"]["endCursor"],
        "variants": data["product"]["variants"]["pageInfo"]["endCursor"],
    }
    return Shop(engine, known)


async def answered(shop: Shop, document: Document, operation: Operation) -> ExecutionResult:
    return await execute_document(
        shop.engine.schema._schema,
        document,
        shop.engine.context(),
        operation_name=operation.name,
        variables=operation.variables,
        hide_suggestions=operation.hides,
    )


def stand_alone(result: ExecutionResult) -> bool:
    """Whether each error made nothing but its own field null, so that none hides another."""
    return all(_is_null(result.data, error.path or []) for error in result.errors or ())


def _is_null(data: Any, path: Sequence[str | int]) -> bool:
    for key in path:
        if data is None:
            return False
        data = data[key]
    return data is None


@pytest.mark.gate
@given(
    st.deferred(
        lambda: operations(merged_schema(), walks(merged_schema(), literals=MERGED_LITERALS))
    )
)
@share(1)
async def test_the_demo_shop(shop: Shop, operation: Operation) -> None:
    schema = shop.engine.schema._schema
    operation = shop.filled(operation)
    document = found_in(documents_of(schema, 1), operation)
    found = await answered(shop, document, operation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mercat_products.schema.wanted_keys", lambda *_: None)  # read everything
        uncompiled = found_in(documents_of(schema, None), operation)
        expected = await answered(shop, uncompiled, operation)
    assert written(found.data) == written(expected.data)
    if stand_alone(expected):
        assert sorted(errors_of(found), key=str) == sorted(errors_of(expected), key=str)
    note([(expected, document.plan_count > 0)])
