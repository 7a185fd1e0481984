"""The shop that the clauses are tried in: one for each class that subclasses the suite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mercat.engine import Engine
from mercat.payments import PaymentProvider, payment_providers
from mercat.plugins import find_plugin
from mercat.settings import FILE_NAME
from mercat.testing.clients import Client
from mercat.testing.payments.desk import Desk
from mercat.testing.payments.shop import Till
from mercat.testing.payments.suite import PaymentConformance
from mercat.testing.shops import opened
from mercat.testing.stores import Stores


@asynccontextmanager
async def opened_desk(suite: type[PaymentConformance], stores: Stores) -> AsyncIterator[Desk]:
    """A shop with the plugin of a suite, its provider and its company."""
    async with (
        suite.company() as company,
        opened(stores, suite.plugin, tables={table_of(suite): company.settings}) as engine,
    ):
        provider = provider_of(engine, suite)
        company.shop = engine
        yield Desk(engine, provider, company)


@asynccontextmanager
async def opened_till(desk: Desk) -> AsyncIterator[Till]:
    """The same shop's checkout and webhook."""
    async with Client(desk.engine) as client:
        yield Till(desk, client.http)


def table_of(suite: type[PaymentConformance]) -> str:
    """The name of the plugin's table, which of a dotted path is the manifest's."""
    return find_plugin(suite.plugin, Path(FILE_NAME)).name


def provider_of(engine: Engine, suite: type[PaymentConformance]) -> PaymentProvider:
    """The provider that the plugin's hook gives."""
    found = [
        provider
        for plugin, answer in engine.hooks.gather(payment_providers, engine.context())
        if plugin == table_of(suite)
        for provider in answer
        if suite.provider in {None, provider.code}
    ]
    if len(found) != 1:
        codes = ", ".join(provider.code for provider in found) or "none"
        pytest.fail(
            f"the hook `payment_providers` of '{suite.plugin}' gives {codes}: name the one that is "
            f"meant as `provider` of {suite.__name__}",
            pytrace=False,
        )
    return found[0]
