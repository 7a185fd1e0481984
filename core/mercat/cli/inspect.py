"""`mercat check`, `mercat plugins`, `mercat schema`: what this shop is made of."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mercat.engine import Engine


@click.command()
@click.pass_obj
def check(config: Path | None) -> None:
    """Check configuration, plugins, schema, stores and migrations, without serving."""
    from mercat.app import create_app
    from mercat.cli.settings import engine_from

    engine = engine_from(config)
    create_app(engine)  # plugins check there what isn't about values alone, such as their providers
    file = engine.settings.file
    click.echo(f"configuration  {file if file.is_file() else 'defaults, no engine.toml here'}")
    click.echo(f"plugins        {', '.join(plugin.name for plugin in engine.plugins) or 'none'}")
    click.echo(f"schema         {len(engine.schema.schema_converter.type_map)} types")
    asyncio.run(_check_stores(engine))
    click.echo("All is well.")


async def _check_stores(engine: "Engine") -> None:
    from mercat.storage.migrations import status

    async with engine:
        await engine.storage.ping()
        kind = "embedded" if engine.storage.is_embedded else "by URL"
        click.echo(f"stores         MongoDB and Redis answer ({kind})")
        steps = await status(engine.context(), engine.migrations)
    pending = [step.migration.id for step in steps if step.applied_at is None]
    said = f"pending: {', '.join(pending)}; run mercat migrate up" if pending else "none pending"
    click.echo(f"migrations     {said}")


@click.command()
@click.pass_obj
def plugins(config: Path | None) -> None:
    """List the enabled plugins in order: version, needs, fields, hooks, where they came from."""
    from mercat.cli.settings import engine_from

    engine = engine_from(config)
    for index, plugin in enumerate(engine.plugins, 1):
        click.secho(f"{index}. {plugin.name} {plugin.manifest.version}", bold=True)
        hooks = [
            name
            for name in engine.hooks.names
            if any(found.plugin == plugin.name for found in engine.hooks.implementations(name))
        ]
        requires = [f"{name} {wanted}" for name, wanted in plugin.manifest.requires.items()]
        for title, words in (
            ("from", [f"{plugin.package.__name__} ({plugin.origin})"]),
            ("requires", requires),
            ("fields", engine.schema.extended_fields(plugin.name)),
            ("hooks", hooks),
        ):
            text = ", ".join(words) or "none"
            click.echo(click.wrap_text(text, 100, f"   {title:<9} ", " " * 13))


@click.command()
@click.option("--plain", is_flag=True, help="Leave out which plugin each field comes from.")
@click.pass_obj
def schema(config: Path | None, *, plain: bool) -> None:
    """Print the merged GraphQL schema, each field with the plugin that it comes from."""
    from mercat.cli.settings import engine_from
    from mercat.graphql.printer import print_merged

    click.echo(print_merged(engine_from(config).schema, owners=not plain))
