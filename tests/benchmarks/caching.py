"""Kept answers: what a hit costs, what a miss and an answer that can't be kept cost more."""

import json
import urllib.request
from dataclasses import dataclass
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from . import queries
from .server import OTHER_CPU, Server, mercat, stores
from .wrk import Load, load, middle

_OFF, _ON = "off", "on"
_MANY = 20_000
_NEW = "query($slug: String!) { product(slug: $slug) { name } }"
_NEVER = "{ viewer { role } shop { name currencies locales } }"


@dataclass(frozen=True)
class Case:
    """One thing to ask of the server with and without the cache; GET where it says so."""

    name: str
    query: str = ""
    path: str = "/graphql"
    is_get: bool = False
    is_always_new: bool = False
    states: tuple[str, ...] = (_OFF, _ON)

    @property
    def body(self) -> str | list[str] | None:
        if self.is_get:
            return None
        if not self.is_always_new:
            return json.dumps({"query": self.query})
        return [
            json.dumps({"query": self.query, "variables": {"slug": f"none-{n}"}})
            for n in range(_MANY)
        ]


def _cases() -> tuple[Case, ...]:
    one = queries.store_one()
    return (
        Case("raw route, 13 kB", path="/raw?13000", states=(_ON,)),
        Case("20 products, from the store", queries.STORE_LIST),
        Case("product by slug", one),
        Case("the same, GET with its tag: 304", one, is_get=True),
        Case("never kept: { viewer }", _NEVER),
        Case("never asked before, nothing found", _NEW, is_always_new=True),
    )


def measure(*, seconds: int, rounds: int, connections: int) -> None:
    """Print a table; each figure is the median of the rounds."""
    results: dict[tuple[str, str], list[Load]] = {}
    with stores() as environment:
        for _ in range(rounds):
            for state in (_OFF, _ON):
                with mercat(environment, keeps_answers=state == _ON) as server:
                    for case in _cases():
                        if state in case.states:
                            found = _load(server, case, seconds, connections)
                            results.setdefault((case.name, state), []).append(found)
    _show({key: middle(loads) for key, loads in results.items()}, connections)


def _load(server: Server, case: Case, seconds: int, connections: int) -> Load:
    url = server.url + case.path
    headers: list[str] = []
    if case.is_get:
        url += f"?query={quote(case.query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            headers = [f"If-None-Match: {answer.headers['etag']}"]
    body = case.body
    load(url, body, seconds=1, connections=connections, cpu=OTHER_CPU, headers=headers)
    return load(url, body, seconds=seconds, connections=connections, cpu=OTHER_CPU, headers=headers)


def _show(rows: dict[tuple[str, str], Load], connections: int) -> None:
    table = Table(title=f"One core for the server, {connections} connections")
    for heading in ("", "cache", "req/s", "us a request", "p50 ms", "p99 ms", "errors"):
        table.add_column(heading, justify="left" if heading in {"", "cache"} else "right")
    for (name, state), found in rows.items():
        table.add_row(
            name,
            state,
            f"{found.requests_per_second:,.0f}",
            f"{1e6 / found.requests_per_second:,.0f}",
            f"{found.p50:.2f}",
            f"{found.p99:.2f}",
            str(found.errors),
        )
    Console().print(table)
