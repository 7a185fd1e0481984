"""`mercat notifications`: who was sent what, sending again, and how messages look."""

from pathlib import Path

import click

from mercat.cli.settings import with_engine
from mercat.context import SYSTEM, Context
from mercat.engine import Engine
from mercat.errors import NotFoundError
from mercat_notifications.kinds import kinds_of
from mercat_notifications.listing import address_of, make_due
from mercat_notifications.routes import sampled
from mercat_notifications.taking import notifications as stored

_STATES = ("WAITING", "SENT", "BOUNCED", "SKIPPED", "DEAD")


@click.group()
def notifications() -> None:
    """Who was sent which messages."""


@notifications.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Those in this state.")
@click.option("--last", default=50, show_default=True, help="How many, the newest first.")
@click.pass_obj
def list_notifications(config: Path | None, /, *, state: str | None, last: int) -> None:
    """Show who was sent what, and what became of it."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        wanted = {} if state is None else {"state": state}
        found = stored(context).find(wanted).sort("number", -1).limit(last)
        async for one in found:
            to = await address_of(context, one)
            when = f"{one['created_at']:%Y-%m-%d %H:%M}"
            line = f"{one['_id']}  {when}  {one['state']:<8}{one['kind']:<28}{to}"
            click.echo(f"{line}  {one['error']}" if one["error"] else line)

    with_engine(config, run)


@notifications.command("retry")
@click.argument("message", required=False)
@click.option("--all", "is_all", is_flag=True, help="All that were given up.")
@click.pass_obj
def retry(config: Path | None, /, *, message: str | None, is_all: bool) -> None:
    """Have a message sent again that was given up; a running engine sends it."""
    if (message is None) is not is_all:
        raise click.UsageError("name a message, or give --all")

    async def run(engine: Engine) -> None:
        which = {} if message is None else {"_id": message}
        count = await make_due(Context(engine, SYSTEM), which)
        if message is not None and not count:
            raise NotFoundError(f"no message {message} was given up")
        click.echo(f"{count} messages are due")

    with_engine(config, run)


@notifications.command("preview")
@click.argument("kind", required=False)
@click.option("--locale", help="In which locale; the shop's own if left out.")
@click.option("--html", "is_html", is_flag=True, help="Its HTML instead of its text.")
@click.pass_obj
def preview(config: Path | None, /, *, kind: str | None, locale: str | None, is_html: bool) -> None:
    """Show how a message looks with made-up facts, or which there are."""

    async def run(engine: Engine) -> None:
        kinds = kinds_of(engine.context())
        if kind is None:
            for one in kinds.all:
                click.echo(f"{one.name:<28}{one.title}")
            return
        made = sampled(engine, kinds.find(kind), locale or engine.settings.shop.locale)
        click.echo(made.html if is_html else f"Subject: {made.subject}\n\n{made.text}")

    with_engine(config, run)
