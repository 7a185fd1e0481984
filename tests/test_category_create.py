"""`categoryCreate`: the first mutation, and the pattern of those to come."""

import asyncio
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id

from .conftest import ADMIN, Client

CREATE = """mutation ($input: CategoryCreateInput!) { categoryCreate(input: $input) {
  category { id name slug depth parent { name } } userErrors { field message code } } }"""


async def create(engine: Engine, viewer: Viewer = ADMIN, **values: Any) -> dict[str, Any]:
    """Run the mutation as a viewer; the payload, or the first top-level error."""
    result = await run(
        engine.schema._schema,
        engine.documents.get(CREATE),
        Context(engine, viewer),
        variables={"input": values},
    )
    if result.errors:
        return dict(result.errors[0].formatted)
    assert result.data is not None
    payload: dict[str, Any] = result.data["categoryCreate"]
    return payload


async def test_category_is_added_and_found(engine: Engine, client: Client) -> None:
    clothing = (await create(engine, name="  Clothing "))["category"]
    shoes = (await create(engine, name="Shoes & Boots", parent=clothing["id"]))["category"]
    assert shoes["slug"] == "shoes-boots"
    assert (shoes["depth"], shoes["parent"]) == (1, {"name": "Clothing"})
    data = await client.data('{ category(slug: "clothing") { children { slug } } }')
    assert data["category"]["children"] == [{"slug": "shoes-boots"}]


async def test_only_those_with_the_permission_may(engine: Engine, client: Client) -> None:
    refused = await create(engine, Viewer(), name="x")
    assert refused["extensions"]["code"] == "UNAUTHENTICATED"
    customer = await create(engine, Viewer(role="CUSTOMER", user="c"), name="x")
    assert customer["extensions"]["code"] == "FORBIDDEN"
    answer = await client.ask(CREATE, {"input": {"name": "x"}})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await engine.storage.database["categories"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"name": " "}, ["input", "name"], "INVALID"),
        ({"name": "x" * 201}, ["input", "name"], "INVALID"),
        ({"name": "x", "slug": "Not A Slug"}, ["input", "slug"], "INVALID"),
        ({"name": "x", "slug": ""}, ["input", "slug"], "INVALID"),
        ({"name": "x", "slug": "taken"}, ["input", "slug"], "SLUG_TAKEN"),
        ({"name": "x", "description": "y" * 20_001}, ["input", "description"], "INVALID"),
        (
            {"name": "x", "parent": encode_id("Category", "0" * 24)},
            ["input", "parent"],
            "PARENT_NOT_FOUND",
        ),
        ({"name": "x", "parent": encode_id("Product", "0" * 24)}, ["input", "parent"], "INVALID"),
        ({"name": "x", "parent": "nonsense"}, ["input", "parent"], "INVALID"),
    ],
)
async def test_what_the_caller_can_mend_is_a_user_error(
    engine: Engine, values: dict[str, Any], field: list[str] | None, code: str
) -> None:
    assert (await create(engine, name="Taken", slug="taken"))["userErrors"] == []
    payload = await create(engine, **values)
    assert payload["category"] is None
    (error,) = payload["userErrors"]
    assert (error["field"], error["code"]) == (field, code)
    assert await engine.storage.database["categories"].count_documents({}) == 1


async def test_tree_is_bounded_in_depth(engine: Engine) -> None:
    parent: str | None = None
    for level in range(12):
        payload = await create(engine, name=f"Level {level}", parent=parent)
        parent = payload["category"]["id"]
    payload = await create(engine, name="One more", parent=parent)
    assert payload["userErrors"][0]["code"] == "TOO_DEEP"


async def test_twenty_of_one_name_at_once_get_slugs_of_their_own(engine: Engine) -> None:
    payloads = await asyncio.gather(*(create(engine, name="Sale") for _ in range(20)))
    assert len({payload["category"]["slug"] for payload in payloads}) == 20
