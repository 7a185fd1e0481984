"""`mercat keys`: the keys that access tokens are signed with."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from mercat.cli.settings import with_engine
from mercat_auth.tokens.keys import KNOWN_SECONDS, Keys, keys_of


def _with_keys(config: Path | None, work: Callable[[Keys], Awaitable[None]]) -> None:
    with_engine(config, lambda engine: work(keys_of(engine.context())))


@click.group()
def keys() -> None:
    """The keys that access tokens are signed with."""


@keys.command("list")
@click.pass_obj
def list_keys(config: Path | None) -> None:
    """List the keys, the newest first, and what each does."""

    async def show(found: Keys) -> None:
        rows = await found.listed()
        for record, state in rows:
            made = f"{record['created_at']:%Y-%m-%d %H:%M:%S}Z"
            click.echo(f"{record['_id']:<14} {record['algorithm']:<6} {made}  {state}")
        if not rows:
            click.echo("There are no keys; the first one is made when somebody signs in.")

    _with_keys(config, show)


@keys.command()
@click.option("--at-once", is_flag=True, help="Have it sign now, before everybody knows it.")
@click.pass_obj
def rotate(config: Path | None, *, at_once: bool) -> None:
    """Make another key; what older ones have signed stays good until it expires."""

    async def run(found: Keys) -> None:
        made = await found.rotate(at_once=at_once)
        when = "now" if at_once else f"in {KNOWN_SECONDS} s"
        click.echo(f"{made} signs {when}")

    _with_keys(config, run)


@keys.command()
@click.argument("key")
@click.pass_obj
def remove(config: Path | None, *, key: str) -> None:
    """Take away a KEY that others may have: all that it has signed ends now.

    Nobody is signed out: clients refresh their access tokens.
    """

    async def run(found: Keys) -> None:
        await found.remove(key)
        click.echo(f"{key} is removed")

    _with_keys(config, run)
