"""`mercat report`: what was sold, as a table or as a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from mercat.cli.settings import with_engine
from mercat.context import SYSTEM, Context
from mercat.engine import Engine
from mercat.money import format_minor
from mercat_orders.reports.asking import Question, wanted_of
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.grouping import GROUPS
from mercat_orders.reports.labels import labels_of
from mercat_orders.reports.periods import Period
from mercat_orders.reports.sales import Sales, sales
from mercat_orders.reports.table import sales_csv

_WIDE = 40


@click.group()
def report() -> None:
    """What was sold."""


@report.command("sales")
@click.option("--from", "begins", required=True, help="The first day, such as 2026-10-01.")
@click.option("--to", "ends", required=True, help="The last day, which is in it.")
@click.option(
    "--by",
    "group_by",
    type=click.Choice([group.lower() for group in GROUPS]),
    default="day",
    show_default=True,
    help="What the rows are.",
)
@click.option("--time-zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option("--seller", help="The key or the id of a seller, for only what is theirs.")
@click.option("--currency", help="Only orders in it; the shop's if left out.")
@click.option("--all-currencies", is_flag=True, help="Each currency, with rows of its own.")
@click.option("--csv", "file", type=click.File("wb", atomic=True), help="The file to write; or -.")
@click.option("--bom", is_flag=True, help="Begin the file with a byte order mark.")
@click.pass_obj
def report_sales(config: Path | None, /, *, file: BinaryIO | None, bom: bool, **given: Any) -> None:
    """Show what was sold from one day to another, or write it as CSV."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        wanted = wanted_of(context, Question(**given))
        with _progress(wanted.period) as advance:
            found = await sales(context, wanted, advance)
        if file is None:
            await _show(context, found)
            return
        async for lines in sales_csv(context, found, bom=bom):
            file.write(lines.encode())

    with_engine(config, run)


@contextmanager
def _progress(period: Period) -> Iterator[Callable[[datetime], None]]:
    """A bar on a terminal, by how much of the period was read."""
    length = int((period.end - period.begin).total_seconds())
    is_hidden = not sys.stderr.isatty()
    with click.progressbar(length=length, label="orders", file=sys.stderr, hidden=is_hidden) as bar:

        def advance(moment: datetime) -> None:
            seconds = int((moment - period.begin).total_seconds())
            bar.update(max(0, seconds - bar.pos))

        yield advance


async def _show(context: Context, found: Sales) -> None:
    labels = await labels_of(context, found, found.rows)
    titles = ("orders", "units", "gross", "discounts", "refunded", "net", "")
    _line(found.wanted.by.lower(), *titles)
    for row in found.rows:
        _show_figures(labels[row.key], row.currency, row.figures)
    for currency, figures in found.wholes.items():
        _show_figures("total", currency, figures)


def _show_figures(label: str, currency: str, figures: Figures) -> None:
    sums = (figures.gross, figures.discounts, figures.refunded, figures.net)
    amounts = [format_minor(amount, currency) for amount in sums]
    _line(label, figures.orders, figures.units, *amounts, currency)


def _line(label: str, *cells: object) -> None:
    shown = " ".join(f"{cell!s:>12}" for cell in cells)
    click.echo(f"{label[:_WIDE]:<{_WIDE}} {shown}".rstrip())
