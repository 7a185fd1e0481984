"""The executor's benchmark in tables, its targets, and benchmarks-executor.json."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .cases import (
    BY_HAND,
    COMPILED,
    INTERPRETED,
    MEMORY,
    NODE,
    PLAIN_LIST,
    RAW,
    RECORDS,
    STORE,
    TYPENAME,
)
from .figures import Figures, Key

Settings: TypeAlias = Mapping[str, str | int]

_FILE = Path("benchmarks-executor.json")
_TIMES_INTERPRETED = 10
_OF_RAW = 0.3
_MOST_P99 = 10
_MOST_SHARE = 0.15
_LEAST_BUSY = 0.9
_LARGE = 5_000  # bytes: an answer of more is held against the large raw one
_HEADINGS = ("bytes", "req/s", "p50 ms", "p99 ms", "CPU us", "busy", "ratio", "of raw", "errors")
_FIGURES = "Medians of the rounds; ratio is to the interpreted executor, of raw to the raw bytes"
_PARTS = "CPU us of a request from the store"
_TARGETS = "Targets: the median of the rounds, from the least to the most"
_DISTURBED = "NOT QUIET: something else ran on the server's core; measure again."
_ALL = "= compiled"


@dataclass(frozen=True)
class Target:
    """What the compiled executor is to reach, and what it does."""

    name: str
    found: str
    by_cpu: str
    met: bool


def report(
    console: Console, figures: Figures, sizes: Mapping[str, int], settings: Settings
) -> None:
    """Print all of it, and write the file."""
    targets = list(_targets(figures))
    parts = {STORE[kind]: _parts(figures, kind) for kind in STORE}
    console.print(_figures_table(figures, sizes), _parts_table(parts), _targets_table(targets))
    if disturbed := _disturbed(figures):
        console.print(
            f"{_DISTURBED} Cases: {len(disturbed)}, the first: {', '.join(disturbed[0])}."
        )
    written = {
        **settings,
        "bytes": sizes,
        "figures": {f"{case}, {who}": asdict(figures[case, who]) for case, who in figures.keys},
        "cpu of a request": parts,
        "targets": [asdict(target) for target in targets],
    }
    _FILE.write_text(json.dumps(written, indent=2) + "\n")


def _targets(figures: Figures) -> Iterator[Target]:
    compiled = (PLAIN_LIST, COMPILED)
    wanted: dict[str, tuple[str, float]] = {
        INTERPRETED: (f"at least {_TIMES_INTERPRETED} times the interpreted", _TIMES_INTERPRETED),
        RAW: (f"at least {_OF_RAW} of as many raw bytes", _OF_RAW),
        NODE: (f"ahead of {NODE} and graphql-jit", 1),
    }
    for who, (text, least) in wanted.items():
        other = (PLAIN_LIST, who)
        if other in figures.keys:
            found = figures.ratio(compiled, other)
            by_cpu = figures.cpu_ratio(compiled, other)
            yield Target(f"plain list: {text}", str(found), str(by_cpu), found.middle >= least)
    p99 = figures.spread(lambda found: found[compiled].load.p99)
    yield Target(f"plain list: p99 under {_MOST_P99} ms", str(p99), "", p99.middle < _MOST_P99)
    for name in STORE.values():
        share = figures.share_beyond((name, COMPILED), (name, BY_HAND))
        text = f"{name}: GraphQL's share under {_MOST_SHARE}"
        yield Target(text, "", str(share), share.middle < _MOST_SHARE)


def _parts(figures: Figures, kind: str) -> dict[str, float]:
    """The processor time of a request from the store, in microseconds, and what it is made of."""
    store, memory, raw = STORE[kind], MEMORY[kind], _raw(large=kind == "list")
    return {
        "  HTTP: raw bytes": figures[raw].cpu,
        "+ finding the records": figures.beyond((store, RECORDS), raw).middle,
        "+ writing the JSON by hand": figures.beyond((store, BY_HAND), (store, RECORDS)).middle,
        "+ GraphQL: all else": figures.beyond((store, COMPILED), (store, BY_HAND)).middle,
        _ALL: figures[store, COMPILED].cpu,
        "  interpreted": figures[store, INTERPRETED].cpu,
        "  GraphQL, from memory": figures.beyond((memory, COMPILED), (memory, BY_HAND)).middle,
    }


def _raw(*, large: bool) -> Key:
    return PLAIN_LIST if large else TYPENAME, RAW


def _disturbed(figures: Figures) -> list[Key]:
    """Where a server was kept from its core; one that reads the store waits anyway."""
    return [
        key
        for key in figures.keys
        if key[0] not in STORE.values() and figures[key].busy < _LEAST_BUSY
    ]


def _figures_table(figures: Figures, sizes: Mapping[str, int]) -> Table:
    table = _table(_FIGURES, "", "", *_HEADINGS)
    last = ""
    for key in figures.keys:
        case, who = key
        found, interpreted = figures[key], (case, INTERPRETED)
        table.add_row(
            "" if case == last else case,
            who,
            f"{sizes[case]:,}",
            f"{found.load.requests_per_second:,.0f}",
            f"{found.load.p50:.2f}",
            f"{found.load.p99:.2f}",
            f"{found.cpu:,.0f}",
            f"{found.busy:.0%}",
            f"{figures.ratio(key, interpreted).middle:.2f}",
            f"{figures.ratio(key, _raw(large=sizes[case] > _LARGE)).middle:.3f}",
            str(found.load.errors),
        )
        last = case
    return table


def _parts_table(parts: Mapping[str, Mapping[str, float]]) -> Table:
    table = _table(_PARTS, "", *(heading for name in parts for heading in (name, "of it")))
    for text in next(iter(parts.values())):
        cells = []
        for found in parts.values():
            cells += [f"{found[text]:,.0f}", f"{found[text] / found[_ALL]:.1%}"]
        table.add_row(text, *cells)
    return table


def _targets_table(targets: Sequence[Target]) -> Table:
    table = _table(_TARGETS, "", "found", "by CPU time", "")
    for target in targets:
        met = "met" if target.met else "NOT MET"
        table.add_row(target.name, target.found, target.by_cpu, met)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table
