"""Checkouts: one cart, one order, one charge."""

import pytest

from mercat.engine import Engine

from .conftest import EngineFor
from .ordering import TOML, placed
from .plugins_for_tests.till.books import BOOKS


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def test_a_cart_becomes_an_order(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", None))
    assert order["state"] == "CONFIRMED"
    assert BOOKS[str(order["_id"])].charged == order["sums"]["total"] == 5_000
