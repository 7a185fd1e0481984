"""Where the simulated company is on: in the demo shop, and never in production."""

from collections.abc import Callable

import httpx
import pytest
from bson import ObjectId

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.ids import decode_id
from mercat.settings import DEFAULT, Settings

from .conftest import Serve
from .simulating import TOML, Buyer, press

PRODUCTION = {"shop": {"production": True}, "database": {"encryption_key": "QUJD" * 32}}


def test_it_is_off_unless_it_is_named() -> None:
    assert Settings().enabled == DEFAULT
    assert "payments_sandbox" not in DEFAULT


def test_production_refuses_it(settings_for: Callable[..., Settings]) -> None:
    with pytest.raises(BootError, match=r"only simulates payments.*take it out of \[plugins\]"):
        create_app(Engine(settings_for(TOML, **PRODUCTION)))
    create_app(Engine(settings_for(TOML.replace(', "payments_sandbox"', ""), **PRODUCTION)))


@pytest.mark.parametrize(
    ("toml", "production", "is_on"),
    [
        ('enabled = ["media", "products", "orders", "payments", "payments_manual"]', False, True),
        ('enabled = ["media", "products", "orders", "payments", "payments_sandbox"]', False, True),
        ('enabled = ["media", "products", "orders", "payments"]', True, False),
        ('enabled = ["media"]', False, False),
    ],
)
def test_it_is_on_in_the_demo_shop_where_it_can_be(
    settings_for: Callable[..., Settings], toml: str, production: bool, is_on: bool
) -> None:
    settings = settings_for(f"[plugins]\n{toml}\n", **(PRODUCTION if production else {}))
    names = [plugin.name for plugin in Engine(settings, demo=True).plugins]
    assert names.count("payments_sandbox") == is_on
    without = [plugin.name for plugin in Engine(settings).plugins]
    assert ("payments_sandbox" in without) is ("payments_sandbox" in toml)


@pytest.mark.gate
async def test_the_demo_shop_pays_by_it_in_all_its_processes(serve: Serve) -> None:
    toml = TOML.replace(', "payments_sandbox"', "")
    query = """{ products(first: 1) { nodes { variants(first: 1) { nodes { id } } } } }"""
    with serve("--demo", "--workers", "2", toml=toml) as server:
        for _ in range(4):  # a connection each, so that both processes are asked
            async with httpx.AsyncClient(base_url=server.url) as http:
                found = (await http.post("/graphql", json={"query": query})).json()
                (product,) = found["data"]["products"]["nodes"]
                (variant,) = product["variants"]["nodes"]
                buyer = Buyer(http, ObjectId(decode_id(variant["id"])[1]))
                await press(http, await buyer.begins(), "pay")
                assert await buyer.state() == "CONFIRMED"
