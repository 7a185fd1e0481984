"""What tests of shipping methods and of tax zones need: a shop, its people, what they are told."""

import time
from typing import Any

from mercat.context import Viewer
from mercat.engine import Engine

from .asking import answered
from .identity import registered, toml_of, viewer_for

PLUGINS = ("auth", "media", "products", "orders")
CURRENCIES = '[shop]\ncurrency = "EUR"\ncurrencies = ["JPY"]\n'
TOML = toml_of(*PLUGINS, more=CURRENCIES)
LATE_SECONDS = 1.5
"""When others have seen a change: 0.8 s, and what a busy machine adds."""


async def admin_of(engine: Engine) -> Viewer:
    return await viewer_for(engine, await registered(engine, roles=["ADMIN"]))


async def seller_of(engine: Engine, seller: str) -> Viewer:
    return await viewer_for(engine, await registered(engine, roles=["SELLER"], seller=seller))


async def done(engine: Engine, document: str, viewer: Viewer, /, **given: Any) -> dict[str, Any]:
    """The payload of a mutation, or its first top-level error's code."""
    found = await answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in found:
        return {"error": found["errors"][0]["extensions"]["code"]}
    (payload,) = found["data"].values()
    return dict(payload)


def refusal(payload: dict[str, Any]) -> tuple[str, list[str] | None]:
    """The code and the field of the only error."""
    (error,) = payload["userErrors"]
    return error["code"], error["field"]


async def is_told(*engines: Engine) -> bool:
    """Whether the change feeds are running."""
    return all(engine.changes.told_until > time.monotonic() - 0.5 for engine in engines)
