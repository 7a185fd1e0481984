"""Reading the catalogue: the raw route, `__typename`, lists and details, in one run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import queries
from .server import running
from .wrk import Load, load, middle


@dataclass(frozen=True)
class Case:
    """One row: a path and, for GraphQL, a query."""

    name: str
    path: str
    query: str = ""


def _cases(slug: str) -> tuple[Case, ...]:
    return (
        Case("raw route, 31 bytes", "/raw?31"),
        Case("raw route, 13 kB", "/raw?13000"),
        Case("{ __typename }", "/graphql", queries.TYPENAME),
        Case("20 products, from memory", "/graphql", queries.MEMORY_LIST),
        Case("20 products, from the store", "/graphql", queries.STORE_LIST),
        Case("product by slug", "/graphql", queries.store_one(slug)),
        Case("category tree, 2 levels", "/graphql", queries.CATEGORIES),
    )


def measure(
    *,
    seconds: int,
    rounds: int,
    connections: int,
    products: Path | None,
    slug: str,
    executor: str | None,
) -> None:
    """Print a table and write benchmarks-catalog.json; each figure is the median of the rounds."""
    cases = _cases(slug)
    results: dict[str, list[Load]] = {case.name: [] for case in cases}
    with running(products, executor) as url:
        for _ in range(rounds):
            for case in cases:
                results[case.name].append(_load(url, case, seconds, connections))
    rows = {name: middle(loads) for name, loads in results.items()}
    _show(rows, connections)
    written = {name: asdict(found) for name, found in rows.items()}
    Path("benchmarks-catalog.json").write_text(json.dumps(written, indent=2) + "\n")


def _load(url: str, case: Case, seconds: int, connections: int) -> Load:
    body = json.dumps({"query": case.query})
    return load(f"{url}{case.path}", body, seconds=seconds, connections=connections, cpu=1)


def _show(rows: dict[str, Load], connections: int) -> None:
    raw = next(iter(rows.values())).requests_per_second
    table = Table(title=f"One core for the server, {connections} connections")
    for heading in ("", "req/s", "p50 ms", "p99 ms", "of raw", "errors"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, found in rows.items():
        table.add_row(
            name,
            f"{found.requests_per_second:,.0f}",
            f"{found.p50:.2f}",
            f"{found.p99:.2f}",
            f"{found.requests_per_second / raw:.3f}",
            str(found.errors),
        )
    Console().print(table)
