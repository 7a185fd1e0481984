"""`mercat encryption`: the keys that personal data is sealed with."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from mercat.cli.settings import with_engine
from mercat.errors import BootError, MercatError

if TYPE_CHECKING:
    from mercat.engine import Engine


@click.group()
def encryption() -> None:
    """The keys that personal data is sealed with."""


@encryption.command("list")
@click.pass_obj
def list_keys(config: Path | None) -> None:
    """List the data keys, the oldest first; the last one seals."""
    from mercat.storage.encryption import encryption_of

    async def show(engine: "Engine") -> None:
        found = await encryption_of(engine.context()).keys()
        for key in found:
            made = f"{key.made_at:%Y-%m-%d %H:%M:%S}Z"
            click.echo(f"{key.name:<14} {made}  wrapped with {key.master}")
        if not found:
            click.echo("There are no keys; the first one is made when something is sealed.")

    with_engine(config, show)


@encryption.command()
@click.pass_obj
def rotate(config: Path | None) -> None:
    """Make a new data key and seal everything anew with it; servers go on meanwhile.

    One that broke off goes on where it is run again. The older key is removed by itself, an hour
    after nothing uses it.
    """
    with_engine(config, _rotate)


async def _rotate(engine: "Engine") -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from mercat.storage.rotation import rotate as rotate_keys

    if not engine.sealed_fields:
        raise MercatError("no enabled plugin seals anything")
    progress = Progress(
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with progress:
        bar = progress.add_task("rotate", total=None)
        done = await rotate_keys(
            engine.context(),
            lambda looked_at, total: progress.update(bar, completed=looked_at, total=total),
        )
    click.echo(f"{done.key.name} seals; {done.changed:,} documents are sealed anew with it")
    if done.left:
        click.echo(f"{done.left:,} were being changed all the time; they follow within an hour")
    if done.unreadable:
        raise MercatError(
            f"{done.unreadable:,} documents have values that can't be read; the log names them"
        )


@encryption.command()
@click.option(
    "--old-key",
    type=click.File(),
    help="A file with the master key before, in base64; - reads it from standard input.",
)
@click.option(
    "--own", is_flag=True, help="With encryption_key, although [database.kms] is set: to leave it."
)
@click.pass_obj
def rewrap(config: Path | None, *, old_key: TextIO | None, own: bool) -> None:
    """Have the master key that is set now wrap the data keys; what is sealed stays as it is.

    Servers that still have the old one can read for up to a minute more: start them anew.
    """
    from mercat.cli.settings import engine_from
    from mercat.kms import master_key_in

    try:
        old = None if old_key is None else master_key_in(old_key.read())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--old-key") from None
    asyncio.run(_rewrap(engine_from(config), old, own=own))


async def _rewrap(engine: "Engine", old: bytes | None, *, own: bool) -> None:
    from mercat.storage.rotation import rewrap as rewrap_keys

    if own and engine.settings.database.encryption_key is None:
        raise BootError("--own needs [database] encryption_key to be set")
    await engine.storage.connect()  # not the engine: it would not start with this master key
    try:
        count = await rewrap_keys(engine.storage, engine.settings, old, own=own)
    finally:
        await engine.storage.close()
    click.echo(f"{count:,} data keys are wrapped with the master key that is set")
