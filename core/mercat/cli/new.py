"""`mercat new`: folders to begin with."""

from pathlib import Path

import click


@click.group()
def new() -> None:
    """Begin something of your own."""


@new.command("payment-plugin")
@click.argument("name")
def payment_plugin(name: str) -> None:
    """Write a payment plugin NAME, with its tests, into the folder mercat_NAME here.

    It is whole, and speaks to a company that doesn't exist: what is to be changed is listed.
    """
    from mercat.scaffolds import payment_plugin as scaffold

    folder = Path(f"mercat_{name}")
    for file in scaffold.write(name, folder):
        click.echo(f"wrote {file}")
    click.echo(f"\nIt is a plugin that works, for a company that doesn't exist. In {folder}:")
    for number, step in enumerate(scaffold.steps(name), 1):
        click.echo(click.wrap_text(step, 100, f"{number}. ", "   "))
