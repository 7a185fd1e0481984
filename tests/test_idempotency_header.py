"""The `Idempotency-Key` header says for a mutation what its argument would."""

from typing import Any

import pytest

from mercat.engine import Engine

from .conftest import Client, ClientFor, EngineFor
from .plugins_for_tests.stocktaking.shop import TOML, add_product, variant_id

ADJUST = """mutation Adjust($id: ID!, $delta: Int!) {
  one: stockAdjust(input: {variantId: $id, delta: $delta, reason: CORRECTION}) { ...F }
  two: stockAdjust(input: {variantId: $id, delta: 1, reason: CORRECTION}) { ...F }
}
fragment F on StockAdjustPayload { stock { onHand } userErrors { code message } }"""


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture
async def variant(engine: Engine) -> str:
    return variant_id((await add_product(engine, "mug", "MUG"))[0])


@pytest.fixture
def staff(engine: Engine, client_for: ClientFor) -> Client:
    return client_for(engine)


async def adjust(client: Client, variant: str, delta: int, key: str) -> list[Any]:
    headers = {"authorization": "staff", "idempotency-key": key}
    answer = await client.ask(ADJUST, {"id": variant, "delta": delta}, **headers)
    assert "errors" not in answer, answer["errors"]
    one, two = answer["data"]["one"], answer["data"]["two"]
    return [each["stock"]["onHand"] if each["stock"] else each["userErrors"] for each in (one, two)]


async def test_the_same_header_has_each_effect_once(staff: Client, variant: str) -> None:
    assert await adjust(staff, variant, 5, "k") == [5, 6]
    assert await adjust(staff, variant, 5, '"k"') == [5, 6]
    assert await adjust(staff, variant, 5, "other") == [11, 12]


async def test_the_same_header_with_another_request_is_a_conflict(
    staff: Client, variant: str
) -> None:
    await adjust(staff, variant, 5, "k")
    refused, _ = await adjust(staff, variant, 6, "k")
    assert refused[0]["code"] == "CONFLICT"
