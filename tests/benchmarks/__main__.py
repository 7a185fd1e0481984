"""The benchmarks' command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import caching as caching_benchmark
from . import catalog as catalog_benchmark
from . import catalogue as catalogue_benchmark
from . import checkout as checkout_benchmark
from . import coupons as coupons_benchmark
from . import executor as executor_benchmark
from . import identity as identity_benchmark
from . import payments as payments_benchmark
from . import search as search_benchmark
from . import tickets as tickets_benchmark
from .cases import MERCAT
from .queries import SLUG


@click.group()
def benchmarks() -> None:
    """Measure this machine, now; compare only what one run printed."""


def _load_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--connections", type=click.IntRange(1), default=16, show_default=True),
        click.option(
            "--rounds",
            type=click.IntRange(1),
            default=3,
            show_default=True,
            help="How often; the median counts.",
        ),
        click.option(
            "--seconds",
            type=click.IntRange(1),
            default=5,
            show_default=True,
            help="How long each case is loaded.",
        ),
    ):
        command = option(command)
    return command


@benchmarks.command()
@_load_options
@click.option(
    "--products", type=click.Path(exists=True, path_type=Path), help="Instead of the demo."
)
@click.option("--slug", default=SLUG, show_default=True, help="Of the detail case.")
@click.option(
    "--executor", type=click.Choice(MERCAT), help="Instead of the one Mercat has by default."
)
def catalog(
    *,
    seconds: int,
    rounds: int,
    connections: int,
    products: Path | None,
    slug: str,
    executor: str | None,
) -> None:
    """Reading the catalogue, against a raw bytes route of the same server."""
    catalog_benchmark.measure(
        seconds=seconds,
        rounds=rounds,
        connections=connections,
        products=products,
        slug=slug,
        executor=executor,
    )


@benchmarks.command()
@_load_options
def executor(*, seconds: int, rounds: int, connections: int) -> None:
    """The compiled executor against the interpreted one, a raw bytes route, and Node."""
    executor_benchmark.measure(seconds=seconds, rounds=rounds, connections=connections)


@benchmarks.command()
@_load_options
@click.option(
    "--sizes", default="1000,10000,92331", show_default=True, help="Of the catalogue, by commas."
)
@click.option("--quick", is_flag=True, help="1,000 and 3,000 products, a second each, once.")
def catalogue(*, seconds: int, rounds: int, connections: int, sizes: str, quick: bool) -> None:
    """Reading a real catalogue at several sizes, uncached and cached, and importing it."""
    chosen = [int(size) for size in sizes.split(",")]
    effort = catalogue_benchmark.Effort(seconds, rounds, connections)
    if quick:
        chosen, effort = [1_000, 3_000], catalogue_benchmark.Effort(1, 1, connections)
    catalogue_benchmark.measure(sorted(chosen), effort)


@benchmarks.command()
@_load_options
def caching(*, seconds: int, rounds: int, connections: int) -> None:
    """Kept answers against answers that are made each time, and a raw bytes route."""
    caching_benchmark.measure(seconds=seconds, rounds=rounds, connections=connections)


@benchmarks.command()
@_load_options
def identity(*, seconds: int, rounds: int, connections: int) -> None:
    """Verifying tokens, signing in, and the catalogue while 50 sign in."""
    identity_benchmark.measure(seconds=seconds, rounds=rounds, connections=connections)


@benchmarks.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--orders", type=click.IntRange(10), default=200, show_default=True, help="In each round."
)
def checkout(*, rounds: int, orders: int) -> None:
    """Whole checkouts: orders a second, each step, and the database's commands for an order."""
    checkout_benchmark.measure(rounds=rounds, orders=orders)


@benchmarks.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--rate", type=click.IntRange(1), default=100, show_default=True)
@click.option("--pending", type=click.IntRange(1), default=10_000, show_default=True)
def payments(*, rounds: int, seconds: int, rate: int, pending: int) -> None:
    """Messages of a payment company, and payments that are asked about until they are known."""
    payments_benchmark.measure(rounds=rounds, seconds=seconds, rate=rate, pending=pending)


@benchmarks.command()
@click.option("--promotions", type=click.IntRange(1), default=1_000, show_default=True)
@click.option("--lines", type=click.IntRange(1), default=50, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=31, show_default=True)
def coupons(*, promotions: int, lines: int, rounds: int) -> None:
    """What promotions of every kind come to for one cart."""
    coupons_benchmark.measure(promotions=promotions, lines=lines, rounds=rounds)


@benchmarks.command()
@click.option("--count", type=click.IntRange(1_000), default=100_000, show_default=True)
@click.option("--rounds", type=click.IntRange(20), default=60, show_default=True)
def tickets(*, count: int, rounds: int) -> None:
    """An agent's queue, a search and a long ticket among very many."""
    tickets_benchmark.measure(count=count, rounds=rounds)


@benchmarks.command()
def search() -> None:
    """Searching catalogues of three sizes."""
    search_benchmark.measure()


benchmarks()
