"""`mercat run`."""

from pathlib import Path

import click


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo shop, into a database of its own.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 for any free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that serve.")
@click.pass_obj
def run(
    config: Path | None, *, demo: bool, host: str | None, port: int | None, workers: int | None
) -> None:
    """Serve the shop at /graphql until Ctrl-C."""
    from mercat.cli.settings import engine_from
    from mercat.server import serve

    given = {"host": host, "port": port, "workers": workers}
    overrides = {"server": {key: value for key, value in given.items() if value is not None}}
    engine = engine_from(config, overrides, demo=demo)
    storage = engine.storage
    if storage.is_embedded:
        click.echo(
            f"Embedded stores in {storage.data_dir} (for development and one small shop; set "
            "MERCAT_DATABASE__URL and MERCAT_REDIS__URL for more)"
        )

    def ready(url: str) -> None:
        click.echo(f"{engine.settings.shop.name} serves {url}/graphql", nl=False)
        click.echo(" (GraphiQL in a browser)" if engine.settings.graphiql else "")
        click.echo("Stop with Ctrl-C.")

    serve(engine, ready)
    click.echo("Stopped.")
