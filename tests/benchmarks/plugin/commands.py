"""What a server asks of its database, counted where `MERCAT_BENCHMARK_COMMANDS` is set."""

import os
from collections import Counter

from pymongo import monitoring

VARIABLE = "MERCAT_BENCHMARK_COMMANDS"
_READS = {"find", "aggregate", "count", "distinct", "getMore"}
_IN_THE_BACKGROUND = {"$cmd.aggregate", "category_relistings", "jobs", "leases", "outbox"}


class Reads(monitoring.CommandListener):
    """Counts the reads of this process by command and collection, without its background work."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        name = event.command_name
        if name not in _READS:
            return
        collection = str(event.command["collection" if name == "getMore" else name])
        if collection not in _IN_THE_BACKGROUND and "$changeStream" not in str(event.command):
            self.counts[f"{name} {collection}"] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


class Commands(Reads):
    """Counts all commands of this process, the background's too, but for those that only wait."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        name = event.command_name
        if name in ("hello", "ping", "getMore"):
            return
        about = event.command.get(name)
        self.counts[f"{name} {about if isinstance(about, str) else ''}".strip()] += 1


READS, COMMANDS = Reads(), Commands()
if VARIABLE in os.environ:
    monitoring.register(READS)
    monitoring.register(COMMANDS)
