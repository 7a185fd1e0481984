"""The compiled executor against the interpreted one, a raw bytes route, and Node, in one run.

All servers run at once on one core and are loaded in turn, so that whatever else the machine does
meets all of them alike. The stores and the load share the other core.

What the executor takes of a request that reads the store is measured in the same run, from the
processor time of the server's process (user and system) while it is under load, divided by the
requests that it answered. Two routes of the benchmark plugin do the same work without GraphQL: one
only finds the records, with the function and the projection that the resolver uses; the other also
writes the same JSON from them by hand. What `/graphql` takes beyond that is counted as the
executor's: all that would be gone if GraphQL cost nothing, so the resolvers' objects and reading
the request too. As it is a small difference of large figures, the same one is also taken between
the answers from memory, where there is no store in the way.
"""

import json
import platform
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from . import queries
from .cases import CASES, COMPILED, INTERPRETED, MERCAT, NODE, RAW, RECORDS, Case
from .figures import Figure, Figures, Key
from .mercurius import install, mercurius, version
from .report import Settings, report
from .server import OTHER_CPU, Server, mercat, stores
from .wrk import load

_ASKED = 5
_LEAST_WIDTH = 120
_SETTLE_SECONDS = 0.2

Servers = Mapping[str, Server]


def measure(*, seconds: int, rounds: int, connections: int) -> None:
    """Print tables and targets, and write benchmarks-executor.json."""
    console = Console()
    console = Console(width=max(_LEAST_WIDTH, console.width))
    with _servers(console) as servers:
        sizes = {case.name: _check(servers, case) for case in CASES}
        count = sum(len(_who(case, servers)) for case in CASES)
        minutes = count * (rounds * (seconds + _SETTLE_SECONDS) + 1) / 60
        console.print(f"All answer alike. {count} cases, {rounds} rounds: {minutes:.0f} minutes.")
        _round(servers, sizes, 1, connections)  # for V8 and the caches of all
        taken = [_round(servers, sizes, seconds, connections) for _ in range(rounds)]
        settings: Settings = {
            "python": platform.python_version(),
            "node": version() if NODE in servers else "",
            "seconds": seconds,
            "rounds": rounds,
            "connections": connections,
        }
    report(console, Figures(taken), sizes, settings)


@contextmanager
def _servers(console: Console) -> Iterator[Servers]:
    with ExitStack() as stack:
        environment = stack.enter_context(stores())
        servers = {name: stack.enter_context(mercat(environment, executor=name)) for name in MERCAT}
        missing = install()
        if missing is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            data = _write_data(servers[INTERPRETED], Path(folder) / "data.json")
            servers[NODE] = stack.enter_context(mercurius(data))
        else:
            console.print(f"Without {NODE}: {missing}.")
        yield servers


def _write_data(server: Server, file: Path) -> Path:
    """Write what Mercat has in memory, for Node to have the same."""
    products = queries.MEMORY_LIST.replace("{ amount }", "{ amount currency }")
    answers = [_ask(server, Case("", query, ())) for query in (queries.PLAIN_LIST, products)]
    plain, memory = map(_data, answers)
    file.write_text(json.dumps({**plain, **memory}))
    return file


def _who(case: Case, servers: Servers) -> dict[str, Server]:
    """Who answers a case; routes without GraphQL are the compiled server's."""
    return {
        who: servers.get(who, servers[COMPILED])
        for who in case.who
        if who != NODE or NODE in servers
    }


def _check(servers: Servers, case: Case) -> int:
    """Ask everybody a few times, and compare; how many bytes the answer has."""
    wanted = _ask(servers[INTERPRETED], case)
    for who, server in _who(case, servers).items():
        for _ in range(0 if who in {RAW, RECORDS} else _ASKED):
            answer = _ask(server, case, who)
            if _written(answer) != _written(wanted):
                raise SystemExit(f"{case.name}, {who}: {answer[:2000]!r} and not {wanted[:2000]!r}")
    return len(wanted)


def _ask(server: Server, case: Case, who: str = INTERPRETED) -> bytes:
    request = urllib.request.Request(
        f"{server.url}{case.path(who)}", case.body.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def _data(answer: bytes) -> dict[str, Any]:
    parsed = json.loads(answer)
    if "errors" in parsed or None in parsed["data"].values():
        raise SystemExit(f"this was not meant to be measured: {answer[:2000]!r}")
    data: dict[str, Any] = parsed["data"]
    return data


def _written(answer: bytes) -> str:
    """The data, always written in one way; the order of its keys stays as it is."""
    return json.dumps(_data(answer))


def _round(
    servers: Servers, sizes: Mapping[str, int], seconds: int, connections: int
) -> dict[Key, Figure]:
    """Each case once, by one right after the other."""
    return {
        (case.name, who): _load(
            server, case, case.path(who, sizes[case.name]), seconds, connections
        )
        for case in CASES
        for who, server in _who(case, servers).items()
    }


def _load(server: Server, case: Case, path: str, seconds: int, connections: int) -> Figure:
    url = f"{server.url}{path}"
    before = server.cpu_seconds()
    found = load(url, case.body, seconds=seconds, connections=connections, cpu=OTHER_CPU)
    used = server.cpu_seconds() - before
    time.sleep(_SETTLE_SECONDS)  # what is still under way is not to meet the next case
    return Figure(found, cpu=1e6 * used / max(1, found.requests), busy=min(1, used / seconds))
