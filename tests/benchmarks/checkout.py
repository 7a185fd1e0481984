"""Whole checkouts over HTTP: orders a second, how long each step takes, and what they cost."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import psutil
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .buyers import STEPS, Done, buy, variants
from .plugin.commands import VARIABLE
from .server import Server, mercat, stores

_TOML = """
[shop]
currency = "EUR"
countries = ["DE"]
[plugins.orders.shipping_methods.standard]
name = "Standard"
prices = { EUR = "4.90" }
[plugins.orders.tax_zones.germany]
countries = ["DE"]
rates = { standard = "19" }
[plugins.payments_manual.on_delivery]
"""
_ENABLED = [
    *("media", "products", "categories", "orders", "payments", "payments_manual"),
    "tests.benchmarks.plugin",
]
_WARM = 20
_TARGET_RATE, _TARGET_P99 = 40, 1.0
_CLIENTS = (8, 32)


@dataclass(frozen=True)
class Cost:
    """What an order costs: processor milliseconds of both sides, and commands to the database."""

    server: float
    database: float
    commands: Mapping[str, float]


def measure(*, rounds: int, orders: int) -> None:
    """Print what is measured, and whether the targets are met."""
    console = Console()
    with stores(_TOML) as environment:
        environment["MERCAT_PLUGINS__ENABLED"] = json.dumps(_ENABLED)
        with mercat({**environment, VARIABLE: "1"}) as server:
            things = asyncio.run(variants(server.url))
            asyncio.run(buy(server.url, things, at_once=4, orders=_WARM))
            for at_once in _CLIENTS:
                found = [_round(server, things, at_once, orders) for _ in range(rounds)]
                _show(console, at_once, [done for done, _ in found], [cost for _, cost in found])


def _round(server: Server, things: list[str], at_once: int, orders: int) -> tuple[Done, Cost]:
    before, database = _counts(server), _database_seconds()
    used = server.cpu_seconds()
    done = asyncio.run(buy(server.url, things, at_once=at_once, orders=orders))
    used, database = server.cpu_seconds() - used, _database_seconds() - database
    after = _counts(server)
    commands = {name: (after[name] - before.get(name, 0)) / orders for name in after}
    return done, Cost(used / orders * 1000, database / orders * 1000, commands)


def _counts(server: Server) -> dict[str, int]:
    counts: dict[str, int] = json.loads(server.get("/commands"))
    return counts


def _database_seconds() -> float:
    """What the embedded MongoDB-wire server of this run has used of its core so far."""
    seconds = 0.0
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "secantus" in line and "/stores/mongo" in line:
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


def _show(console: Console, at_once: int, rounds: list[Done], costs: list[Cost]) -> None:
    table = Table("step", "p50 ms", "p99 ms", box=SIMPLE_HEAD)
    for name in STEPS:
        table.add_row(name, *_row([done.steps[name] for done in rounds]))
    table.add_row("whole", *_row([done.whole for done in rounds]))
    rate = median(done.per_second for done in rounds)
    worst = median(_p99(done.whole) for done in rounds)
    console.print(f"\n{at_once} clients: {rate:.1f} orders/s", table)
    cost = costs[len(costs) // 2]
    total = sum(cost.commands.values())
    console.print(
        f"an order: {median(c.server for c in costs):.1f} ms of the server's core, "
        f"{median(c.database for c in costs):.1f} ms of the database's, {total:.1f} commands"
    )
    for name, count in sorted(cost.commands.items(), key=lambda each: -each[1]):
        if count >= 0.05:
            console.print(f"  {count:5.2f} {name}")
    if at_once == _CLIENTS[0]:
        _judge(console, f"{_TARGET_RATE} orders/s", met=rate >= _TARGET_RATE)
        _judge(console, f"p99 of a whole checkout under {_TARGET_P99:g} s", met=worst < _TARGET_P99)


def _row(rounds: list[list[float]]) -> tuple[str, str]:
    return (
        f"{median(median(times) for times in rounds) * 1000:.1f}",
        f"{median(_p99(times) for times in rounds) * 1000:.1f}",
    )


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[-1]


def _judge(console: Console, target: str, *, met: bool) -> None:
    console.print(f"target {target}: {'met' if met else 'NOT MET'}")
