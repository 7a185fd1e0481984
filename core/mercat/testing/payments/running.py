"""Finding the suite of a plugin and running it, as `mercat payments check` does."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mercat.errors import BootError
from mercat.plugins import find_plugin
from mercat.settings import FILE_NAME
from mercat.testing.payments.table import Table

TESTS = Path("tests")
BESIDE = TESTS / "test_conformance.py"

_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # the kit is imported already


def run_suite(plugin: str, *, tracebacks: bool = False) -> int:
    """Print the table of a plugin's suite; 0 where nothing failed, else 1.

    Raises BootError where the plugin or its suite can't be found, or the suite asks nothing.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    suite, table = _suite(plugin), Table()
    shown = ["--tb=short"] if tracebacks else ["--tb=no", "-r", "N"]
    # Not by the author's own configuration: the kit is the same for everybody.
    alone = ["-c", os.devnull, "--rootdir", here, "-p", "no:cacheprovider", "-q", *_QUIET]
    code = pytest.main([*alone, *shown, "-p", "mercat.testing.plugin", *suite], plugins=[table])
    if code in {pytest.ExitCode.NO_TESTS_COLLECTED, pytest.ExitCode.USAGE_ERROR}:
        raise BootError(f"{suite[-1]} has no class that subclasses PaymentConformance; write one")
    found = [result for clauses in table.results().values() for result in clauses.values()]
    if code == pytest.ExitCode.OK and "passed" not in found:
        raise BootError(f"the company in {suite[-1]} scripts nothing, so that nothing was tried")
    return 0 if code == pytest.ExitCode.OK else 1


def _suite(plugin: str) -> list[str]:
    """What pytest is given."""
    found = find_plugin(plugin, Path(FILE_NAME))
    module = f"{found.package.__name__}.conformance"
    if find_spec(module) is not None:
        return ["--pyargs", module]
    own = TESTS / f"conformance_{found.name}.py"
    for file in (own, BESIDE):
        if file.is_file():
            return [str(file)]
    raise BootError(
        f"'{plugin}' has no suite here: run this in the folder that has it as {BESIDE}, or as "
        f"{own} where there are several; or write `class Test{plugin.title().replace('_', '')}"
        f"(PaymentConformance)` there, or into {module.replace('.', '/')}.py; "
        "see docs/payment-plugin.md"
    )
