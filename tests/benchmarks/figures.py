"""What was measured, round by round, and what follows from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from .wrk import Load, middle


@dataclass(frozen=True)
class Figure:
    """What one server did in one case: in a round, or the median of all rounds."""

    load: Load
    cpu: float  # microseconds of the server's core a request
    busy: float  # the share of its core that the server had


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the least and the most."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.least:.3g} to {self.most:.3g})"


Key: TypeAlias = tuple[str, str]  # a case and a server
Round: TypeAlias = Mapping[Key, Figure]


class Figures:
    """The figures of all rounds.

    Ratios and differences are taken within a round, where the machine was in one mood, and only
    then is their median taken.
    """

    def __init__(self, rounds: Sequence[Round]) -> None:
        self._rounds = rounds
        self.keys = list(rounds[0])

    def __getitem__(self, key: Key) -> Figure:
        found = [figures[key] for figures in self._rounds]
        return Figure(
            middle([figure.load for figure in found]),
            median(figure.cpu for figure in found),
            median(figure.busy for figure in found),
        )

    def spread(self, value: Callable[[Round], float]) -> Spread:
        values = [value(figures) for figures in self._rounds]
        return Spread(median(values), min(values), max(values))

    def ratio(self, key: Key, other: Key) -> Spread:
        """How many times as many requests a second the one does."""
        return self.spread(lambda figures: _rate(figures, key) / _rate(figures, other))

    def cpu_ratio(self, key: Key, other: Key) -> Spread:
        """The same by processor time: what the ratio is where nothing else runs."""
        return self.spread(lambda figures: figures[other].cpu / figures[key].cpu)

    def beyond(self, key: Key, other: Key) -> Spread:
        """The processor time a request that the one takes beyond the other, in microseconds."""
        return self.spread(lambda figures: figures[key].cpu - figures[other].cpu)

    def share_beyond(self, key: Key, other: Key) -> Spread:
        """The same as a share of what the one takes."""
        return self.spread(lambda figures: 1 - figures[other].cpu / figures[key].cpu)


def _rate(figures: Round, key: Key) -> float:
    return figures[key].load.requests_per_second
