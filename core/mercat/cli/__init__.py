"""The `mercat` command."""

import sys
from pathlib import Path

import click

import mercat
from mercat.cli import catalog, encryption, export, inspect, new, operations, payments, run
from mercat.errors import BootError, MercatError, StoreError

_COMMANDS = "mercat.plugin_commands"
BOOT_EXIT, STORE_EXIT, OTHER_EXIT = 2, 3, 1


class PluginGroup(click.Group):
    """The built-in commands, and below them those of the enabled plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_plugin_commands(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _plugin_commands(ctx).get(cmd_name)


def _plugin_commands(ctx: click.Context) -> dict[str, click.Command]:
    """The plugins' commands, for which an engine is made once."""
    if _COMMANDS not in ctx.meta:
        ctx.meta[_COMMANDS] = _commands_of(ctx.params.get("config"))
    found: dict[str, click.Command] = ctx.meta[_COMMANDS]
    return found


def _commands_of(config: Path | None) -> dict[str, click.Command]:
    """The plugins' commands; none where the engine can't boot, as built-in ones then say."""
    from mercat import lifecycle
    from mercat.cli.settings import engine_from

    try:
        engine = engine_from(config)
    except MercatError:
        return {}
    return {
        command.name: command
        for _, commands in engine.hooks.gather(lifecycle.commands)
        for command in commands
        if command.name
    }


@click.group(
    cls=PluginGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(mercat.__version__, prog_name="mercat")
@click.option(
    "--config",
    is_eager=True,  # --help lists the commands of this shop's plugins
    type=click.Path(path_type=Path, dir_okay=False),
    help="The shop's engine.toml; the one in this folder if left out.",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Mercat, a plugin-based headless commerce engine."""
    ctx.obj = config


for command in (
    run.run,
    inspect.check,
    inspect.plugins,
    inspect.schema,
    catalog.import_group,
    export.export_group,
    operations.migrate,
    operations.outbox,
    encryption.encryption,
    payments.payments,
    new.new,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; what Mercat raises on purpose becomes one sentence and an exit code."""
    from pymongo.errors import PyMongoError
    from redis.exceptions import RedisError

    try:
        cli()
    except BootError as error:
        _fail(error, BOOT_EXIT)
    except StoreError as error:
        _fail(error, STORE_EXIT)
    except (PyMongoError, RedisError) as error:
        _fail(StoreError(f"a store failed meanwhile: {str(error)[:200]}; run it again"), STORE_EXIT)
    except MercatError as error:
        _fail(error, OTHER_EXIT)


def _fail(error: Exception, code: int) -> None:
    click.echo(f"mercat: {error}", err=True)
    sys.exit(code)
