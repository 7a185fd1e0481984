"""`mercat payments check`: the conformance kit over the providers that come with Mercat."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mercat.cli import cli
from mercat.errors import BootError

from .conftest import Mercat, Stores
from .plugins_for_tests.brokenpay.faults import FAULTS
from .test_docs import blocks

pytestmark = pytest.mark.gate

CLAUSES = range(1, 15)
ROOT = Path(__file__).resolve().parents[1]
EXAMPLEPAY = ROOT / "tests" / "thirdparty" / "mercat_examplepay"
STRIPE_REASONS = {
    "`manual_capture` is declared",
    "`partial_capture` is declared, or no capture is",
    "`saved_methods` is declared",
    "`multiple_captures` is not declared",
    "`by_hand` is not declared",
    "Mercat's own tests prove it",
}
"""Nothing that the company could not be made to do."""


def stores_of(stores: Stores) -> dict[str, str]:
    """The tests' own stores, for the kit to use."""
    return {
        "MERCAT_TEST_DATABASE__URL": stores.mongo_url,
        "MERCAT_TEST_REDIS__URL": stores.redis_url,
    }


def results(printed: str) -> dict[int, str]:
    """What the table says of each clause."""
    found = {}
    for line in printed.splitlines():
        number, _, rest = line.strip().partition("  ")
        if line.startswith("  ") and number.isdigit():
            found[int(number)] = next(
                result for result in ("passed", "FAILED", "n/a") if f"  {result}" in rest
            )
    return found


def reasons(printed: str) -> set[str]:
    """Why something was not asked."""
    found = re.findall(r"^ +n/a: (.*(?:\n {13}\S.*)*)", printed, re.MULTILINE)
    return {reason for each in found for reason in " ".join(each.split()).split("; ")}


def of(result: str, printed: str) -> set[int]:
    return {number for number, found in results(printed).items() if found == result}


def test_the_simulated_company_keeps_the_protocol(mercat: Mercat, stores: Stores) -> None:
    done = mercat("payments", "check", "payments_sandbox", **stores_of(stores))
    assert done.code == 0, done.out
    assert of("passed", done.out) == {*CLAUSES} - {14}


def test_what_is_paid_by_hand_keeps_what_is_asked_of_it(mercat: Mercat, stores: Stores) -> None:
    done = mercat("payments", "check", "payments_manual", **stores_of(stores))
    assert done.code == 0, done.out
    assert of("passed", done.out) == {1, 2, 13}
    assert of("n/a", done.out) == {*CLAUSES} - {1, 2, 13}


@pytest.mark.gate
def test_stripe_keeps_the_protocol(mercat_environment: dict[str, str], stores: Stores) -> None:
    code, out = checked("payments_stripe", mercat_environment, stores, ROOT)
    assert code == 0, out
    assert of("passed", out) == {*CLAUSES} - {14}
    assert reasons(out) == STRIPE_REASONS


def test_a_plugin_without_a_suite_hears_what_to_write(mercat: Mercat) -> None:
    done = mercat("payments", "check", "media")
    assert done.code == 2
    assert "class TestMedia(PaymentConformance)" in done.err
    assert "tests/test_conformance.py" in done.err


def test_a_suite_without_a_class_is_no_suite(
    mercat: Mercat, stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_conformance.py").write_text("")
    done = mercat("payments", "check", "media", **stores_of(stores))
    assert done.code == 2
    assert "no class that subclasses PaymentConformance" in done.err


GATED = {"hundredths"}
"""Faults that are tried each time; each takes half a minute, so the others are in the long run."""


def faults() -> Iterator[Any]:
    for name in FAULTS:
        yield pytest.param(name, marks=[] if name in GATED else [pytest.mark.long])


def printed(what: str) -> str:
    """The output of the kit that the documentation shows, with something in it."""
    page = (ROOT / "docs" / "payment-conformance.md").read_text()
    (found,) = [block for block in blocks(page, "text") if what in block]
    return found


def checked(
    plugin: str,
    environment: dict[str, str],
    stores: Stores,
    folder: Path = EXAMPLEPAY,
    **more: str,
) -> tuple[int, str]:
    """The exit code and the output of the kit in a folder, with the wallet's on the path."""
    folders = [EXAMPLEPAY, EXAMPLEPAY / "tests", environment["PYTHONPATH"]]
    done = subprocess.run(
        [sys.executable, "-m", "mercat.cli", "payments", "check", plugin],
        env={
            **environment,
            **stores_of(stores),
            **more,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_a_wallet_of_a_third_party_keeps_the_protocol(
    mercat_environment: dict[str, str], stores: Stores
) -> None:
    code, out = checked("mercat_examplepay", mercat_environment, stores)
    assert code == 0, out
    assert of("passed", out) == {*CLAUSES} - {14}
    assert printed("TestExamplepay") in out, "docs/payment-conformance.md shows it as it was"


@pytest.mark.parametrize("fault", list(faults()))
def test_a_broken_provider_fails_its_own_clause_and_no_other(
    mercat_environment: dict[str, str], stores: Stores, fault: str
) -> None:
    plugin = "tests.plugins_for_tests.brokenpay"
    code, out = checked(plugin, mercat_environment, stores, FAULT=fault)
    assert code == 1, out
    clause, _ = FAULTS[fault]
    assert of("FAILED", out) == {clause}, out
    assert of("passed", out) == {*CLAUSES} - {14, clause}, out
    assert "        ! " in out, "it says what to change"
    if fault == "hundredths":
        assert printed("FAILED") in out, "docs/payment-conformance.md shows it as it was"


def test_without_pytest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mercat.cli.payments.find_spec", lambda _: None)
    refused = CliRunner().invoke(cli, ["payments", "check", "payments_manual"])
    assert isinstance(refused.exception, BootError)
    assert "pip install 'mercat[testing]'" in str(refused.exception)
