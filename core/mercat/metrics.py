"""`/metrics`: what one process has counted, in the text format that Prometheus reads."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mercat.caching.answers import Answers
from mercat.graphql.admission import Admission
from mercat.graphql.documents import COMPILED, Documents

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics(Collector):
    """The counters of one engine; they are read where they are kept, when somebody asks."""

    def __init__(self, documents: Documents, answers: Answers, admission: Admission) -> None:
        self._documents = documents
        self._admission = admission
        self._answers = answers
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        documents = self._documents
        operations = CounterMetricFamily(
            "mercat_graphql_operations",
            "Operations that were executed: by their plan, or by graphql-core and why.",
            labels=("executor", "reason"),
        )
        for reason, count in sorted(documents.executions.items()):
            compiled = reason == COMPILED
            labels = ("compiled", "") if compiled else ("interpreted", reason)
            operations.add_metric(labels, count)
        yield operations
        yield GaugeMetricFamily(
            "mercat_graphql_documents", "Documents that are kept.", len(documents)
        )
        yield GaugeMetricFamily(
            "mercat_graphql_documents_bytes",
            "The memory that they and their plans take, estimated.",
            documents.bytes,
        )
        yield GaugeMetricFamily(
            "mercat_graphql_running", "Operations that are being executed.", self._admission.running
        )
        yield CounterMetricFamily(
            "mercat_graphql_refused",
            "Operations that were refused because too many were being executed.",
            self._admission.refused,
        )
        yield from self._collect_answers()

    def _collect_answers(self) -> Iterator[Metric]:
        answers = self._answers
        questions = CounterMetricFamily(
            "mercat_answers",
            "Questions whose answers may be kept: a `hit` in memory, `shared` in Redis, a `miss` "
            "that was made, `refused` where it was not kept after all, `late` where the database "
            "did not say in time what has changed.",
            labels=("outcome",),
        )
        for outcome, count in sorted(answers.counts.items()):
            questions.add_metric((outcome,), count)
        yield questions
        yield CounterMetricFamily(
            "mercat_answers_invalidated",
            "Kept answers that were let go because something changed.",
            answers.invalidated,
        )
        yield GaugeMetricFamily("mercat_answers_kept", "Answers that are kept.", len(answers))
        yield GaugeMetricFamily(
            "mercat_answers_bytes", "The memory that they take, estimated.", answers.bytes
        )
