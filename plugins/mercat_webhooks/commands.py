"""`mercat webhooks`: what was sent where, sending it again, and trying an endpoint."""

from pathlib import Path

import click
from bson import ObjectId

from mercat.cli.settings import with_engine
from mercat.context import SYSTEM, Context
from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat_webhooks import endpoints as service
from mercat_webhooks import replaying, taking

_STATES = ("WAITING", "DELIVERED", "DEAD")


@click.group()
def webhooks() -> None:
    """What programs elsewhere are told."""


@webhooks.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Those that stand so.")
@click.option("--last", default=50, show_default=True, help="How many, the newest first.")
@click.pass_obj
def list_webhooks(config: Path | None, /, *, state: str | None, last: int) -> None:
    """Show the endpoints, and what was sent to them."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        urls: dict[ObjectId, str] = {}
        async for one in service.endpoints(context).find().sort("number", 1):
            urls[one["_id"]] = one["url"]
            off = "" if one["is_enabled"] else f"  off: {one['disabled_reason'] or 'by hand'}"
            click.echo(f"{one['_id']}  {one['url']}  {' '.join(one['events'])}{off}")
        wanted = {} if state is None else {"state": state}
        found = service.deliveries(context).find(wanted).sort("number", -1).limit(last)
        async for one in found:
            when = f"{one['created_at']:%Y-%m-%d %H:%M}"
            last_try = one["tries"][-1] if one["tries"] else None
            said = "" if last_try is None else str(last_try["status"] or last_try["error"])
            to = urls.get(one["endpoint"], "?")
            line = f"{one['_id']}  {when}  {one['state']:<10}{one['type']:<18}{to}  {said}"
            click.echo(line.rstrip())

    with_engine(config, run)


@webhooks.command("retry")
@click.argument("endpoint")
@click.pass_obj
def retry(config: Path | None, /, *, endpoint: str) -> None:
    """Have an endpoint sent all again that was given up; a running engine sends it."""

    async def run(engine: Engine) -> None:
        count = await replaying.replay_all(Context(engine, SYSTEM), _key(endpoint), None)
        click.echo(f"{count} events are due")

    with_engine(config, run)


@webhooks.command("test")
@click.argument("endpoint")
@click.pass_obj
def test(config: Path | None, /, *, endpoint: str) -> None:
    """Have an endpoint sent `webhook.test`; a running engine sends it."""

    async def run(engine: Engine) -> None:
        context = Context(engine, SYSTEM)
        found = await service.endpoint(context, _key(endpoint))
        click.echo(f"{await taking.test(context, found['_id'])} is due")

    with_engine(config, run)


def _key(given: str) -> ObjectId:
    if not ObjectId.is_valid(given):
        raise InvalidError(f"'{given}' is no endpoint's id; see mercat webhooks list")
    return ObjectId(given)
