"""Loading a server with wrk (Debian's package), a POST body given by a script."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """What one run of wrk measured; latencies in milliseconds."""

    requests: int
    requests_per_second: float
    p50: float
    p99: float
    errors: int
    p95: float = 0


def middle(loads: Sequence[Load]) -> Load:
    """The median of each rate and latency; requests and errors of all together."""
    return Load(
        sum(found.requests for found in loads),
        median(found.requests_per_second for found in loads),
        median(found.p50 for found in loads),
        median(found.p99 for found in loads),
        sum(found.errors for found in loads),
        median(found.p95 for found in loads),
    )


def load(
    url: str,
    body: str | Sequence[str] | None,
    *,
    seconds: int,
    connections: int,
    cpu: int,
    headers: Sequence[str] = (),
) -> Load:
    """Ask the URL for some seconds over keep-alive connections from one thread on one core.

    Of several bodies it takes one after another; without any it sends GET.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; Debian has it: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_script(body))
        command = ["taskset", "-c", str(cpu), wrk, "-t1", f"-c{connections}", f"-d{seconds}s"]
        done = subprocess.run(
            [*command, *(f"-H{each}" for each in headers), "--latency", "-s", str(script), url],
            capture_output=True,
            text=True,
            check=True,
        )
    return _read(done.stdout)


_POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
"""
_IN_TURN = """
local bodies, last = { %s }, 0
function request()
  last = last %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[last])
end
"""
_P95 = """
function done(summary, latency, requests)
  io.write(string.format("95%% is %.3f ms\\n", latency:percentile(95) / 1000))
end
"""


def _script(body: str | Sequence[str] | None) -> str:
    if body is None:
        return _P95
    # A JSON string is a Lua string too, but for \/ and \u, which json.dumps doesn't write in ASCII.
    if isinstance(body, str):
        return f"{_POST}wrk.body = {json.dumps(body)}\n{_P95}"
    return _POST + _IN_TURN % ", ".join(map(json.dumps, body)) + _P95


def _read(output: str) -> Load:
    count = re.search(r"(\d+) requests in ", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    half = re.search(r"\b50%\s+([\d.]+)(us|ms|s|m)", output)
    slow = re.search(r"\b95% is ([\d.]+) ms", output)
    most = re.search(r"\b99%\s+([\d.]+)(us|ms|s|m)", output)
    if count is None or rate is None or half is None or slow is None or most is None:
        raise SystemExit(f"wrk said something unexpected:\n{output}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    errors = int(failed[1]) if failed else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Load(
        int(count[1]),
        float(rate[1]),
        float(half[1]) * _UNITS[half[2]],
        float(most[1]) * _UNITS[most[2]],
        errors,
        float(slow[1]),
    )
