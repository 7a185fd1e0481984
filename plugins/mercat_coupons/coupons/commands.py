"""`mercat coupons`: many codes at once, and the file that they are in."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from mercat.cli.settings import with_engine
from mercat.context import SYSTEM, Context
from mercat.engine import Engine
from mercat.errors import NotFoundError
from mercat.ids import encode_id, object_id
from mercat.storage import Record
from mercat_coupons.coupons.batches import batch_by_key, begin
from mercat_coupons.coupons.exporting import batch_csv
from mercat_coupons.coupons.generating import finished
from mercat_coupons.coupons.types import BATCH, PROMOTION

_OUTPUT = click.option(
    "--output", "file", type=click.File("wb", atomic=True), default="-", help="The file to write."
)


@click.group()
def coupons() -> None:
    """Codes that open promotions."""


@coupons.command("generate")
@click.argument("promotion_ids", metavar="PROMOTION_ID...", nargs=-1, required=True)
@click.option("--count", required=True, type=int, help="How many codes, 1 to 100,000.")
@click.option("--prefix", default="", help="What all begin with.")
@click.option("--length", default=10, show_default=True, help="How many random characters.")
@click.option("--usage-limit", default=1, show_default=True, help="In how many orders each is.")
@click.option("--unlimited", is_flag=True, help="Each in any number of orders.")
@click.option("--note", default="", help="What they are for.")
@_OUTPUT
@click.pass_obj
def coupons_generate(
    config: Path | None,
    /,
    *,
    promotion_ids: Sequence[str],
    file: BinaryIO,
    unlimited: bool,
    **given: Any,
) -> None:
    """Make codes that nobody guesses, and write them as CSV.

    What is stopped in between is finished by `mercat run`, or by `mercat coupons export`.
    """

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        keys = [object_id(one, PROMOTION) for one in promotion_ids]
        limit = {"usage_limit": None} if unlimited else {}
        batch = await begin(context, {"promotions": keys, **given, **limit})
        click.echo(f"batch {encode_id(BATCH, batch['_id'])}", err=True)
        await _write(context, batch, file)

    with_engine(config, run)


@coupons.command("export")
@click.argument("batch_id")
@_OUTPUT
@click.pass_obj
def coupons_export(config: Path | None, /, *, batch_id: str, file: BinaryIO) -> None:
    """Write the codes of a batch as CSV, once all of them are there."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        batch = await batch_by_key(context, object_id(batch_id, BATCH))
        if batch is None:
            raise NotFoundError(f"there is no batch '{batch_id}'")
        await _write(context, batch, file)

    with_engine(config, run)


async def _write(context: Context, batch: Record, file: BinaryIO) -> None:
    with _progress(batch) as advance:
        batch = await finished(context, batch, advance)
    async for lines in batch_csv(context, batch):
        file.write(lines.encode())


@contextmanager
def _progress(batch: Record) -> Iterator[Callable[[Record], None]]:
    """A bar on a terminal, by how many codes are there."""
    is_hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=batch["total"], label="codes", file=sys.stderr, hidden=is_hidden
    ) as bar:

        def advance(now: Record) -> None:
            bar.update(max(0, now["generated"] - bar.pos))

        yield advance
