"""The benchmarks' command line."""

from pathlib import Path

import click

from .catalog import measure


@click.group()
def benchmarks() -> None:
    """Measure this machine, now; compare only what one run printed."""


@benchmarks.command()
@click.option("--seconds", default=5, show_default=True, help="How long each case is loaded.")
@click.option("--rounds", default=3, show_default=True, help="How often; the median counts.")
@click.option("--connections", default=16, show_default=True)
@click.option(
    "--products", type=click.Path(exists=True, path_type=Path), help="Instead of the demo."
)
@click.option("--slug", default="fjallvik-backpack", show_default=True, help="Of the detail case.")
def catalog(
    *, seconds: int, rounds: int, connections: int, products: Path | None, slug: str
) -> None:
    """Reading the catalogue, against a raw bytes route of the same server."""
    measure(seconds=seconds, rounds=rounds, connections=connections, products=products, slug=slug)


benchmarks()
