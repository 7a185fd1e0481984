"""A thousand promotions and a cart of fifty lines: the rules alone, and with the database."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bson import ObjectId
from rich.console import Console

from mercat.checkout import Cart, CartLine, Destination
from mercat.context import Context
from mercat.engine import Engine
from mercat.memory import settle
from mercat.settings import load_settings
from mercat_coupons.carts.discounting import look_at
from mercat_coupons.documents import PromotionDocument
from mercat_coupons.promotions.evaluating import Choice, evaluate
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.promotions.values import Candidate, Facts, Outcome

from .server import stores

_ENABLED = ["media", "products", "orders", "coupons"]
_CHOICES: tuple[Choice, ...] = ("best", "priority")
_TARGET = 20.0
_MILLISECONDS = 1_000
_EVERYTHING: dict[str, Any] = {"include": [], "exclude": [], "excludes_reduced": False}
_KINDS = ("products", "variants", "categories", "brands", "sellers", "attributes")


def measure(*, promotions: int, lines: int, rounds: int) -> None:
    """Print what is measured, and whether the target is met."""
    with stores() as environment:
        asyncio.run(_measured(environment, promotions, lines, rounds))


async def _measured(
    environment: Mapping[str, str], promotions: int, lines: int, rounds: int
) -> None:
    console = Console()
    async with _engine(environment) as engine:
        context, drawn = engine.context(), random.Random(8)  # the same each time
        await _promote(context, drawn, promotions)
        cart = _cart(drawn, lines)
        begun = time.perf_counter()
        known = await promotions_of(context).current(context)
        took = time.perf_counter() - begun
        console.print(f"{len(known.automatic):,} promotions read in {took:.2f} s")
        settle()
        worst = 0.0
        for choice in _CHOICES:
            worst = max(worst, _evaluated(console, known.automatic, cart, choice, rounds))
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            looked = await look_at(context, cart)
            times.append(_MILLISECONDS * (time.perf_counter() - begun))
        _tell(console, "with what the database knows", times, looked.outcome)
        verdict = "met" if worst < _TARGET else "NOT MET"
        console.print(f"target evaluated under {_TARGET:g} ms: {verdict}")


def _evaluated(
    console: Console, promotions: Sequence[Any], cart: Cart, choice: Choice, rounds: int
) -> float:
    found, facts, times = [Candidate(one) for one in promotions], Facts(datetime.now(UTC)), []
    for _ in range(rounds):
        begun = time.perf_counter()
        outcome = evaluate(found, cart, facts, choice)
        times.append(_MILLISECONDS * (time.perf_counter() - begun))
    _tell(console, f"evaluated, choice {choice!r}", times, outcome)
    return median(times)


def _tell(console: Console, what: str, times: Sequence[float], outcome: Outcome) -> None:
    console.print(
        f"{what}: {median(times):.1f} ms ({min(times):.1f} to {max(times):.1f}),"
        f" {len(outcome.taken)} hold"
    )


def _engine(environment: Mapping[str, str]) -> Engine:
    stores_ = {
        "database": {"url": environment["MERCAT_DATABASE__URL"]},
        "redis": {"url": environment["MERCAT_REDIS__URL"]},
        "plugins": {"enabled": _ENABLED},
    }
    return Engine(load_settings(Path(environment["MERCAT_CONFIG"]), stores_))


def _cart(drawn: random.Random, count: int) -> Cart:
    """Lines of five sellers, each in four categories."""
    lines = [
        CartLine(
            id=f"{at:024x}",
            variant_id=f"{at:024x}",
            product_id=f"{at:024x}",
            sku=f"SKU-{at}",
            name="Thing",
            seller=f"seller-{at % 5}",
            quantity=drawn.randint(1, 5),
            unit_price=drawn.randint(100, 9_999),
            brand=f"brand-{at % 20}",
            groups=tuple(f"{drawn.randint(0, 200):024x}" for _ in range(4)),
        )
        for at in range(count)
    ]
    shipping: dict[str | None, int] = {f"seller-{at}": 490 for at in range(5)}
    return Cart("cart", "EUR", tuple(lines), Destination("AT"), user="ada", shipping=shipping)


async def _promote(context: Context, drawn: random.Random, count: int) -> None:
    """Promotions of every kind, for everything, products, categories or brands; some limited."""
    now = datetime.now(UTC)
    rows = [
        {
            "_id": ObjectId(),
            "number": number,
            "name": f"Promotion {number}",
            "status": "active",
            **_rule(drawn),
            "scope": _scope(drawn),
            "starts_at": None,
            "ends_at": None,
            "time_zone": "UTC",
            "minimum_subtotal": {"EUR": 2_000} if number % 4 == 0 else None,
            "minimum_quantity": None,
            "first_order": False,
            "countries": [],
            "currencies": [],
            "customers": [],
            "groups": [],
            "usage_limit": 1_000 if number % 3 == 0 else None,
            "usage_limit_per_customer": 5 if number % 6 == 0 else None,
            "budget": None,
            "is_automatic": True,
            "is_combinable": drawn.randint(1, 10) > 3,
            "priority": drawn.randint(0, 5),
            "seller": None,
            "borne_by": "shop",
            "created_at": now,
            "updated_at": now,
            "version": 1,
        }
        for number in range(count)
    ]
    await context.storage.collection(PromotionDocument).insert_many(rows)


def _rule(drawn: random.Random) -> dict[str, Any]:
    rate = f"0.00{drawn.randint(1, 9)}"
    rules: list[tuple[str, dict[str, Any]]] = [
        ("percentage", {"target": "lines", "rate": rate}),
        ("percentage", {"target": "cheapest", "rate": rate}),
        ("fixed_amount", {"target": "order", "amounts": {"EUR": drawn.randint(1, 50)}}),
        ("free_shipping", {}),
        ("tiered", {"tiers": [{"from_subtotal": {"EUR": 5_000}, "rate": rate}]}),
        ("buy_get", {"buy_quantity": 2, "get_quantity": 1, "rate": rate}),
        ("fixed_price", {"amounts": {"EUR": 9_000}, "quantity": 2}),
        ("gift", {"variants": [f"{drawn.randint(0, 400):024x}"], "quantity": 1}),
    ]
    kind, benefit = drawn.choice(rules)
    return {"kind": kind, "benefit": benefit}


def _scope(drawn: random.Random) -> dict[str, Any]:
    name = drawn.choice(["everything", "products", "categories", "brands"])
    if name == "everything":
        return _EVERYTHING
    values = {
        "products": [f"{drawn.randint(0, 5_000):024x}" for _ in range(100)],
        "categories": [f"{drawn.randint(0, 400):024x}"],
        "brands": [f"brand-{drawn.randint(0, 100)}"],
    }[name]
    return {**_EVERYTHING, "include": [{**{kind: [] for kind in _KINDS}, name: values}]}
