"""A payment plugin of a third party: built, installed beside the engine, tried, and paid with."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner
from wallet import API_KEY, MERCHANT, WEBHOOK_SECRET, Wallet

from mercat.cli import cli
from mercat.errors import BootError
from mercat.testing import payments as kit
from mercat.testing import served

from .conftest import Stores, write_jsonl
from .market import BERLIN
from .test_checkout import COMPLETE
from .test_docs import blocks
from .test_payment_conformance import CLAUSES, EXAMPLEPAY, of, stores_of

ROOT = Path(__file__).resolve().parents[1]
TOML = """
[plugins]
enabled = ["media", "products", "orders", "payments", "examplepay"]

[plugins.orders.tax_zones.germany]
countries = ["DE"]
rates = {{ standard = "19" }}

[plugins.orders.shipping_methods.standard]
name = "Standard"
countries = ["DE"]
prices = {{ EUR = "4.90" }}

[plugins.examplepay]
merchant = "{merchant}"
url = "{url}"
"""
TEA = {"slug": "tea", "name": "Tea", "variants": [{"sku": "TEA", "prices": [{"amount": "4.50"}]}]}
SECRETS = {
    "MERCAT_PLUGINS__EXAMPLEPAY__API_KEY": API_KEY,
    "MERCAT_PLUGINS__EXAMPLEPAY__WEBHOOK_SECRET": WEBHOOK_SECRET,
}


def run(*command: object, seconds: float = 600, **more: Any) -> str:
    """What a command prints; it has to succeed."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        **more,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Without what would let the tests' own Mercat be imported."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MERCAT_") and name != "PYTHONPATH"
    }


def built(folder: Path, *sources: Path) -> Sequence[Path]:
    """The wheels of distributions."""
    environment = clean_environment()
    for source in sources:
        run(
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source),
            env=environment,
        )
    return sorted(folder.glob("*.whl"))


def constraints(folder: Path) -> Path:
    """The versions that Mercat is tested with; without hashes, as wheels made here have none."""
    found = re.findall(
        r"^([\w.-]+==[^\s\\]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    file = folder / "constraints.txt"
    file.write_text("\n".join(found))
    return file


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment's, with the engine and the plugin from their wheels."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = built(folder / "wheels", ROOT, EXAMPLEPAY)
    assert len(wheels) == 2
    run(sys.executable, "-m", "venv", folder / "venv")
    found = folder / "venv" / "bin" / "python"
    wanted = [
        f"{wheel}[testing]" if wheel.name.startswith("mercat-") else wheel for wheel in wheels
    ]
    run(
        *(found, "-m", "pip", "install", "--quiet", "--no-compile"),
        *("-c", constraints(folder), *wanted),
        env=clean_environment(),
    )
    return found


def mercat_of(python: Path) -> Path:
    return python.parent / "mercat"


@pytest.mark.long
def test_the_installed_plugin_keeps_the_protocol(
    python: Path, stores: Stores, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLEPAY / "tests", tmp_path / "tests")
    out = run(
        *(mercat_of(python), "payments", "check", "examplepay"),
        cwd=tmp_path,
        env={**clean_environment(), **stores_of(stores)},
    )
    assert of("passed", out) == {*CLAUSES} - {14}


@contextmanager
def running(mercat: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a shop that `mercat run` serves."""
    process = subprocess.Popen(
        [mercat, "run", "--port", "0"],
        cwd=folder,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"serves (http\S+)/graphql", line):
                yield found[1]
                return
        raise AssertionError("".join(lines))
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.mark.gate
def test_an_order_is_paid_with_the_installed_plugin(
    python: Path, stores: Stores, tmp_path: Path
) -> None:
    wallet, mercat = Wallet(), mercat_of(python)
    environment = {**clean_environment(), **stores.environment, **SECRETS}
    environment["MERCAT_DATABASE__NAME"] = f"test_{secrets.token_hex(6)}"
    with served(wallet.app) as url:
        (tmp_path / "engine.toml").write_text(TOML.format(merchant=MERCHANT, url=f"{url}/"))
        write_jsonl(tmp_path / "tea.jsonl", [TEA])
        run(mercat, "import", "products", "tea.jsonl", cwd=tmp_path, env=environment)
        assert "examplepay" in run(mercat, "plugins", cwd=tmp_path, env=environment)
        with running(mercat, tmp_path, environment) as shop, httpx.Client(timeout=30) as http:
            wallet.webhook = f"{shop}/payments/examplepay/webhook"
            order = paid_order(http, shop)
    assert order["totals"]["total"]["amount"] == "9.40"
    (payment,) = wallet.payments.values()
    assert (payment.captured, payment.currency) == (940, "EUR")


def paid_order(http: httpx.Client, shop: str) -> Any:
    """The order of a buyer who goes to the wallet's page, pays there and comes back."""
    variant = asked(http, shop, '{ product(slug: "tea") { variants { nodes { id } } } }')["product"]
    given = {
        "cart": {
            "lines": [{"variantId": variant["variants"]["nodes"][0]["id"], "quantity": 1}],
            "email": "ada@example.com",
            "shippingAddress": BERLIN,
        },
        "maximumTotal": {"amount": "100", "currency": "EUR"},
        "paymentMethodId": "examplepay",
        "acceptsTerms": True,
        "idempotencyKey": "order-1",
        "returnUrl": f"{shop}/health",
    }
    first = asked(http, shop, COMPLETE, input=given)["checkoutComplete"]
    assert first["action"]["kind"] == "REDIRECT", first
    pressed = http.post(first["action"]["url"], data={"do": "approve"})
    assert urlsplit(pressed.headers["location"]).path == "/health"
    order = asked(http, shop, COMPLETE, input=given)["checkoutComplete"]["order"]
    assert order is not None
    return order


def asked(http: httpx.Client, shop: str, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    answer = http.post(f"{shop}/graphql", json=body).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


@pytest.mark.long
def test_a_new_plugin_installs_and_keeps_the_protocol(
    python: Path, stores: Stores, tmp_path: Path
) -> None:
    mercat = mercat_of(python)
    said = run(mercat, "new", "payment-plugin", "acme_pay", cwd=tmp_path, env=clean_environment())
    assert "mercat payments check acme_pay" in said
    folder = tmp_path / "mercat_acme_pay"
    (wheel,) = built(tmp_path / "wheels", folder)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, env=clean_environment())
    shutil.rmtree(folder / "mercat_acme_pay")  # what is tried is what was installed
    environment = {**clean_environment(), **stores_of(stores)}
    out = run(mercat, "payments", "check", "acme_pay", cwd=folder, env=environment)
    assert of("passed", out) == {*CLAUSES} - {14}


def test_a_new_plugin_has_its_own_name_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["new", "payment-plugin", "acme_pay"]).exit_code == 0
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"provider.py", "py.typed", "wallet.py", "README.md"}
    for file in files:
        assert "examplepay" not in f"{file} {file.read_text()}".lower(), file
    project = tomllib.loads((tmp_path / "mercat_acme_pay" / "pyproject.toml").read_text())
    assert project["project"]["name"] == "mercat-acme-pay"
    assert project["project"]["entry-points"]["mercat.plugins"] == {"acme_pay": "mercat_acme_pay"}


@pytest.mark.parametrize("name", ["Acme", "acme-pay", "1pay", "payments", "a" * 31])
def test_a_name_that_no_provider_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(cli, ["new", "payment-plugin", name])
    assert isinstance(refused.exception, BootError)
    assert not [*tmp_path.iterdir()]


def test_what_is_there_is_not_written_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mercat_acme").mkdir()
    refused = CliRunner().invoke(cli, ["new", "payment-plugin", "acme"])
    assert isinstance(refused.exception, BootError)
    assert not [*(tmp_path / "mercat_acme").iterdir()]


def test_the_documentation_shows_the_example_s_files() -> None:
    page = (ROOT / "docs" / "payment-plugin.md").read_text()
    shown = [block for name in ("python", "toml") for block in blocks(page, name)]
    named = dict(re.findall(r"\A# (\S+)\n(.*)\Z", block, re.DOTALL)[0] for block in shown)
    del named["engine.toml"]
    for name, text in named.items():
        assert (EXAMPLEPAY / name).read_text() == text, name
    written = {name for name in named if name.endswith(".py")}
    assert written == {
        str(file.relative_to(EXAMPLEPAY))
        for file in EXAMPLEPAY.rglob("*.py")
        if file.name != "wallet.py"
    }


def test_the_documentation_shows_the_clauses() -> None:
    page = (ROOT / "docs" / "payment-conformance.md").read_text()
    table = blocks(page, "text")[0]
    shown = re.findall(r"^  +(\d+)  (.*?)  +(?:passed|n/a)", table, re.MULTILINE)
    assert {int(number): what for number, what in shown} == kit.CLAUSES


def test_the_plugin_is_short() -> None:
    lines = [
        line
        for file in sorted((EXAMPLEPAY / "mercat_examplepay").glob("*.py"))
        for line in file.read_text().splitlines()
    ]
    assert len([line for line in lines if line.strip()]) < 150
