"""`mercat payouts`: what sellers are owed, paying them, and the payout file."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import click

from mercat.cli.settings import with_engine
from mercat.context import SYSTEM, Context
from mercat.engine import Engine
from mercat.money import format_minor
from mercat.storage import Record
from mercat_payouts.entries import balances
from mercat_payouts.exporting import exported
from mercat_payouts.file import names_of
from mercat_payouts.runs import run as pay

_WIDE = 30
_SUMS = ("pending", "available", "in_transit", "paid")


@click.group()
def payouts() -> None:
    """What sellers are owed, and how they get it."""


@payouts.command("balances")
@click.pass_obj
def payouts_balances(config: Path | None, /) -> None:
    """Show what each seller is owed."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        found = await balances(context).find({}).sort("_id", 1).to_list()
        names = await names_of(context, [one["seller"] for one in found])
        _line("seller", *(name.replace("_", " ") for name in _SUMS), "")
        for one in found:
            currency = one["currency"]
            sums = [format_minor(one[name], currency) for name in _SUMS]
            _line(names.get(one["seller"], one["seller"]), *sums, currency)

    with_engine(config, run)


@payouts.command("run")
@click.option("--key", help="The same key again goes on with a run, and pays nobody twice.")
@click.pass_obj
def payouts_run(config: Path | None, /, *, key: str | None) -> None:
    """Make a payout for each seller who has something available."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        made = await pay(context, key or secrets.token_hex(8))
        await _show(context, made.payouts)
        click.echo(f"run {made.record['_id']}: {len(made.payouts)} payouts")

    with_engine(config, run)


@payouts.command("export")
@click.option("--run", "name", help="The run; all payouts that are open if left out.")
@click.option(
    "--csv", "file", type=click.File("wb", atomic=True), default="-", help="The file to write."
)
@click.pass_obj
def payouts_export(config: Path | None, /, *, name: str | None, file: BinaryIO) -> None:
    """Write the payout file."""

    async def run(engine: Engine) -> None:
        text = await exported(Context(engine, SYSTEM), name)
        file.write(text.encode())

    with_engine(config, run)


async def _show(context: Context, found: Sequence[Record]) -> None:
    names = await names_of(context, [one["seller"] for one in found])
    _line("seller", "reference", "sales", "commission", "amount", "", "bank details")
    for one in found:
        currency, share = one["currency"], one["share"]
        _line(
            names.get(one["seller"], one["seller"]),
            one["reference"],
            format_minor(share["gross"] + share["discount"], currency),
            format_minor(-share["commission"], currency),
            format_minor(one["amount"], currency),
            currency,
            "known" if one["details"] else "missing",
        )


def _line(label: object, *cells: object) -> None:
    shown = " ".join(f"{cell!s:>12}" for cell in cells)
    click.echo(f"{str(label)[:_WIDE]:<{_WIDE}} {shown}".rstrip())
