"""The table of a run: clause by clause what holds, what doesn't, and what was not asked."""

import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mercat.testing.payments.clauses import ABOUT_THE_KIT, CLAUSES

CLAUSE, FAILED = "mercat-clause", "mercat-failed"
_COLUMNS = 100
_WIDTH = max(map(len, CLAUSES.values()))


@dataclass
class Clause:
    """What became of the tests of one clause."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        if self.failures:
            return "FAILED"
        return "passed" if self.passed else "n/a"

    @property
    def count(self) -> str:
        asked = self.passed + len(self.failures)
        return f"{self.passed} of {asked}" if asked else ""


class Table:
    """Collects the reports of suites, each by the name of its class."""

    def __init__(self) -> None:
        self._suites: defaultdict[str, defaultdict[int, Clause]] = defaultdict(
            lambda: defaultdict(Clause)
        )

    def results(self) -> dict[str, dict[int, str]]:
        """`passed`, `FAILED` or `n/a`, by suite and clause."""
        return {
            suite: {number: clauses[number].result for number in CLAUSES}
            for suite, clauses in list(self._suites.items())
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = dict(report.user_properties)
        if CLAUSE in known:
            found = self._suites[_suite_of(report)][int(str(known[CLAUSE]))]
            _add(found, report, str(known.get(FAILED, "")))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self.lines():
            terminalreporter.write_line(line)

    def lines(self) -> Iterator[str]:
        """The tables, as they are printed."""
        for suite, clauses in list(self._suites.items()):
            yield ""
            yield suite
            for number, what in CLAUSES.items():
                yield from _rows(number, what, clauses[number])


def _suite_of(report: pytest.TestReport) -> str:
    parts = report.nodeid.split("::")
    return parts[-2] if len(parts) > 2 else parts[0]


def _add(clause: Clause, report: pytest.TestReport, said: str) -> None:
    if report.failed:
        clause.failures.append(said)
    elif report.skipped and isinstance(report.longrepr, tuple):
        clause.reasons.append(_reason(report.longrepr[2]))
    elif report.when == "call":
        clause.passed += 1


def _reason(text: str) -> str:
    """Why something was skipped, without the name of what was raised."""
    _, mark, rest = text.partition(": ")
    return rest if mark else text


def _rows(number: int, what: str, clause: Clause) -> Iterator[str]:
    if number in ABOUT_THE_KIT and not clause.count:
        clause = Clause(reasons=[ABOUT_THE_KIT[number]])
    yield f"  {number:>2}  {what:<{_WIDTH}}  {clause.result:<6}  {clause.count}".rstrip()
    for said in dict.fromkeys(clause.failures):
        yield from _indented("! ", said)
    if clause.reasons:
        yield from _indented("n/a: ", "; ".join(dict.fromkeys(clause.reasons)))


def _indented(mark: str, text: str) -> list[str]:
    first = f"{'':8}{mark}"
    return textwrap.wrap(
        text, _COLUMNS, initial_indent=first, subsequent_indent=" " * len(first)
    ) or [first]
