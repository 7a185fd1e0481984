"""The benchmark `catalogue` in tables, and how its costs grow with the catalogue."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .questions import CASES, DEEP, DETAIL, FACETS, LIST, SEARCH

if TYPE_CHECKING:
    from .catalogue import Imported, Measured, Size

_MOST_GROWTH = {LIST: 1.5, DETAIL: 1.5, DEEP: 1.5, FACETS: 3.0}
_MOST_P95 = 30
_LEAST_RATE = 3_000
_NEAR = 0.9
_FIGURES = "Reading: many connections at once, and one alone; CPU in us a request"
_HEADINGS = ("req/s", "p50 ms", "p99 ms", "alone p50", "p95", "p99", "server", "store")


def report(console: Console, sizes: Sequence["Size"], imports: Sequence["Imported"]) -> None:
    console.print(_import_table(imports), figures_table(sizes))
    console.print(_reads_table(sizes), _memory_table(sizes))
    for name, found, is_met in _targets(sizes, imports):
        console.print(f"{'met    ' if is_met else 'NOT MET'}  {name}: {found}", highlight=False)


def _targets(
    sizes: Sequence["Size"], imports: Sequence["Imported"]
) -> Iterator[tuple[str, str, bool]]:
    least, most = sizes[0], sizes[-1]
    for mode in most.measured:
        for case, bound in _MOST_GROWTH.items():
            before, after = least.measured[mode][case], most.measured[mode][case]
            cost = _cost(after) / _cost(before)
            rate = before.busy.requests_per_second / after.busy.requests_per_second
            yield (
                f"{case}, {mode}: {most.count:,} cost at most {bound} times {least.count:,}",
                f"{cost:.2f} times the CPU time, 1 / {rate:.2f} of the rate",
                cost <= bound,
            )
    for size in sizes:
        alone = size.measured["uncached"][SEARCH].alone
        found = f"{alone.p95:.1f} ms"
        yield f"search among {size.count:,}: p95 under {_MOST_P95} ms", found, alone.p95 < _MOST_P95
    for case, by_rows in most.reads.items():
        few, many = min(by_rows), max(by_rows)
        if few != many:
            found = ", ".join(f"{rows} rows: {count:.1f}" for rows, count in by_rows.items())
            name = f"{case}: as many reads whatever the rows"
            yield name, found, by_rows[many] < by_rows[few] + 0.5
    for one in imports:
        if one.limit:
            found = f"{one.rate:,.0f}, {one.rate / one.limit:.0%} of the store's {one.limit:,.0f}"
            name = f"import {one.name}: {_LEAST_RATE:,} rows a second, or near the store's limit"
            yield name, found, one.rate >= min(_LEAST_RATE, _NEAR * one.limit)


def _cost(measured: "Measured") -> float:
    return measured.server_cpu + measured.store_cpu


def _import_table(imports: Sequence["Imported"]) -> Table:
    table = _table(
        "Imports", "", "rows", "rejected", "rows/s", "store's limit", "of it", "peak MiB"
    )
    for one in imports:
        limit = f"{one.limit:,.0f} by {one.batch}" if one.limit else ""
        share = f"{one.rate / one.limit:.0%}" if one.limit else ""
        rows, rejected = f"{one.rows:,}", f"{one.rejected:,}"
        table.add_row(one.name, rows, rejected, f"{one.rate:,.0f}", limit, share, str(one.peak))
    return table


def figures_table(sizes: Sequence["Size"]) -> Table:
    """What reading costs, case by case."""
    table = _table(_FIGURES, "", "", "products", *_HEADINGS, "errors")
    for case in CASES:
        for mode in sizes[0].measured:
            for size in sizes:
                found = size.measured[mode][case.name]
                table.add_row(case.name, mode, f"{size.count:,}", *_figures(found))
    return table


def _figures(found: "Measured") -> Iterator[str]:
    busy, alone = found.busy, found.alone
    yield f"{busy.requests_per_second:,.0f}"
    for milliseconds in (busy.p50, busy.p99, alone.p50, alone.p95, alone.p99):
        yield f"{milliseconds:.2f}"
    yield f"{found.server_cpu:,.0f}"
    yield f"{found.store_cpu:,.0f}"
    yield str(busy.errors + alone.errors)


def _reads_table(sizes: Sequence["Size"]) -> Table:
    rows = next(iter(sizes[0].reads.values()))
    headings = (f"first: {count}" for count in rows)
    table = _table("Reads of the database a request, uncached", "", "products", *headings)
    for case in CASES:
        for size in sizes:
            found = size.reads[case.name].values()
            table.add_row(case.name, f"{size.count:,}", *(f"{count:.2f}" for count in found))
    return table


def _memory_table(sizes: Sequence["Size"]) -> Table:
    table = _table("Memory after the load, MiB", "", "products", "server", "store")
    for mode in sizes[0].memory:
        for size in sizes:
            found = size.memory[mode]
            table.add_row(mode, f"{size.count:,}", f"{found['server']:,}", f"{found['store']:,}")
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table
