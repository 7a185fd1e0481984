"""pytest's side of `mercat.testing`: `pytest_plugins = ["mercat.testing.plugin"]` in a conftest.py.

Fixtures `stores`, and `desk` and `till` for suites of payment providers; the marker `clause`; and
the table at the end of a run.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mercat.testing.payments.desk import Desk
from mercat.testing.payments.fixtures import opened_desk, opened_till
from mercat.testing.payments.shop import Till
from mercat.testing.payments.table import CLAUSE, FAILED, Table
from mercat.testing.stores import Stores, running_stores


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """Real stores, one pair for a whole run."""
    with running_stores() as found:
        yield found


@pytest.fixture(scope="class")
async def desk(
    request: pytest.FixtureRequest,
    stores: Stores,
    anyio_backend: str,  # noqa: ARG001  its loop has to live as long as what is made here
) -> AsyncIterator[Desk]:
    """A shop with the suite's plugin, its provider and its company."""
    async with opened_desk(request.cls, stores) as found:
        yield found


@pytest.fixture(scope="class")
async def till(desk: Desk) -> AsyncIterator[Till]:
    """The same shop's checkout and webhook."""
    async with opened_till(desk) as found:
        yield found


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(number): the clause of the kit that a test proves")
    if not any(isinstance(plugin, Table) for plugin in config.pluginmanager.get_plugins()):
        config.pluginmanager.register(Table(), "mercat-clauses")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[Any]") -> Any:
    """Have the report carry its clause and why it failed, also out of another process."""
    report = yield
    marker = item.get_closest_marker("clause")
    if marker is not None:
        report.user_properties.append((CLAUSE, marker.args[0]))
        if report.failed and call.excinfo is not None:
            report.user_properties.append((FAILED, _said(call.excinfo.value)))
    return report


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, AssertionError) and text:
        return text
    return f"{type(error).__name__} was raised{f': {text}' if text else ''}"
