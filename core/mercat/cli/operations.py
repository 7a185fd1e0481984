"""`mercat migrate` and `mercat outbox`: for the people who run a shop."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercat.cli.settings import with_engine
from mercat.errors import MercatError

if TYPE_CHECKING:
    from mercat.engine import Engine


@click.group()
def migrate() -> None:
    """Change what is stored to what this version expects."""


@migrate.command()
@click.pass_obj
def status(config: Path | None) -> None:
    """List the migrations and when each was applied."""
    from mercat.storage.migrations import status as read_status

    async def show(engine: "Engine") -> None:
        steps = await read_status(engine.context(), engine.migrations)
        for step in steps:
            when = f"{step.applied_at:%Y-%m-%d %H:%M:%S}Z" if step.applied_at else "pending"
            click.echo(f"{when:<21} {step.migration.id:<40} {step.migration.title}")
        if not steps:
            click.echo("There are no migrations.")

    with_engine(config, show)


@migrate.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.pass_obj
def up(config: Path | None, *, dry_run: bool) -> None:
    """Apply the pending migrations, in order; one process at a time."""
    from mercat.storage.migrations import migrate as apply
    from mercat.storage.migrations import status as read_status

    async def preview(engine: "Engine") -> None:
        context = engine.context()
        for step in await read_status(context, engine.migrations):
            if step.applied_at is None:
                count = step.migration.pending and await step.migration.pending(context)
                documents = f" ({count} documents)" if count is not None else ""
                click.echo(f"would apply {step.migration.id}: {step.migration.title}{documents}")

    async def run(engine: "Engine") -> None:
        held = await apply(
            engine.context(),
            engine.migrations,
            lambda migration, seconds: click.echo(f"applied {migration.id} in {seconds:.2f} s"),
        )
        if not held:
            raise MercatError("another process is migrating; wait until it has finished")
        click.echo("Nothing is pending.")

    with_engine(config, preview if dry_run else run)


@click.group()
def outbox() -> None:
    """Events that wait to be delivered, and those given up."""


@outbox.command("list")
@click.pass_obj
def list_dead(config: Path | None) -> None:
    """Count the pending events and list the dead ones."""

    async def show(engine: "Engine") -> None:
        click.echo(f"{await engine.outbox.pending_count()} pending")
        for event in await engine.outbox.dead():
            click.echo(
                f"{event['_id']} {event['created_at']:%Y-%m-%d %H:%M:%S}Z {event['hook']} "
                f"after {event['attempts']} attempts: {event['error']}"
            )

    with_engine(config, show)


@outbox.command()
@click.argument("event", required=False)
@click.option("--all", "everything", is_flag=True, help="Replay every dead event.")
@click.pass_obj
def replay(config: Path | None, *, event: str | None, everything: bool) -> None:
    """Make a dead EVENT, or all of them, due again."""
    if everything == bool(event):
        raise click.UsageError("name one event, or give --all")

    async def run(engine: "Engine") -> None:
        click.echo(f"{await engine.outbox.replay(event)} due again")

    with_engine(config, run)
