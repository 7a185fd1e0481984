"""Reading the catalogue: the raw route, `__typename`, lists and details, in one run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from .server import running
from .wrk import Load, load

_PRODUCT = """
id slug name description status brand tags version createdAt updatedAt availableForSale
featuredMedia { url }
variants(first: 2) { nodes {
  id sku name barcode availableForSale price { price { amount } }
} }
"""
_LIST = f"{{ products(first: 20) {{ nodes {{ {_PRODUCT} }} }} }}"
_MEMORY = f"{{ memoryProducts {{ nodes {{ {_PRODUCT} }} }} }}"


@dataclass(frozen=True)
class Case:
    """One row: a path and, for GraphQL, a query."""

    name: str
    path: str
    query: str | None


CASES = (
    Case("raw route, 31 bytes", "/raw/small", ""),
    Case("raw route, 13 kB", "/raw/large", ""),
    Case("{ __typename }", "/graphql", "{ __typename }"),
    Case("20 products, from memory", "/graphql", _MEMORY),
    Case("20 products, from the store", "/graphql", _LIST),
    Case("product by slug", "/graphql", '{ product(slug: "%s") { ' + _PRODUCT + " } }"),
    Case("category tree, 2 levels", "/graphql", "{ categoryTree { name children { name } } }"),
)


def measure(
    *, seconds: int, rounds: int, connections: int, products: Path | None, slug: str
) -> None:
    """Print a table and write benchmarks-catalog.json; each figure is the median of the rounds."""
    results: dict[str, list[Load]] = {case.name: [] for case in CASES}
    with running(products) as url:
        for _ in range(rounds):
            for case in CASES:
                results[case.name].append(_load(url, case, seconds, connections, slug))
    rows = {name: _median(loads) for name, loads in results.items()}
    _show(rows, connections)
    written = {name: asdict(found) for name, found in rows.items()}
    Path("benchmarks-catalog.json").write_text(json.dumps(written, indent=2) + "\n")


def _load(url: str, case: Case, seconds: int, connections: int, slug: str) -> Load:
    query = case.query or ""
    body = json.dumps({"query": query.replace("%s", slug)})
    return load(f"{url}{case.path}", body, seconds=seconds, connections=connections, cpu=1)


def _median(loads: list[Load]) -> Load:
    return Load(
        median(found.requests_per_second for found in loads),
        median(found.p50 for found in loads),
        median(found.p99 for found in loads),
        sum(found.errors for found in loads),
    )


def _show(rows: dict[str, Load], connections: int) -> None:
    raw = rows[CASES[0].name].requests_per_second
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
