"""What a worker says of itself in numbers, for Prometheus, on a port of the loopback interface.

A metric is defined once, here, with its meaning and unit; nothing else can be set or served. The only label is the
partition, so a worker has at most as many series of a metric as an app has partitions.
"""

import asyncio
import socket
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Literal, NamedTuple

from mode import Service
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

LOOPBACK = "127.0.0.1"
_REQUEST_SECONDS = 5.0


class Metric(NamedTuple):
    """``name`` ends in its unit; ``meaning`` is a sentence; ``labels``: what tells its series apart."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


RECOVERING = Metric(
    "checkline_worker_recovering",
    "gauge",
    "1 while the worker waits for its partitions or reads their state back, 0 when it folds events.",
)
RECOVERY_SECONDS = Metric(
    "checkline_worker_recovery_seconds",
    "gauge",
    "Seconds since the recovery under way began to read; when there is none, seconds that the last one took.",
)
RECOVERY_APPLIED = Metric(
    "checkline_worker_recovery_applied_records",
    "gauge",
    "Changelog records of the partition that the present or last recovery has written to the local store.",
    ("partition",),
)
RECOVERY_REMAINING = Metric(
    "checkline_worker_recovery_remaining_offsets",
    "gauge",
    "Changelog offsets of the partition that are still to be read; some hold transaction markers and no record.",
    ("partition",),
)
WATERMARK = Metric(
    "checkline_worker_watermark_seconds",
    "gauge",
    "Every known deadline of the partition before this time is announced; UTC seconds of the home's own clock, which "
    "is the log's in an event-clock home. Not there before a time is known.",
    ("partition",),
)
DUE_STATES = Metric(
    "checkline_worker_due_states",
    "gauge",
    "States of the partition whose deadline has come and is not announced yet; counted up to 100000.",
    ("partition",),
)
OLDEST_DUE_SECONDS = Metric(
    "checkline_worker_oldest_due_seconds",
    "gauge",
    "Seconds that the earliest deadline of the partition has been waiting for its announcement, counted as in "
    "checkline_worker_tick_lateness_seconds; 0 when none waits.",
    ("partition",),
)
TICK_LATENESS = Metric(
    "checkline_worker_tick_lateness_seconds",
    "histogram",
    "Seconds from the moment at which the partition's clock covered a deadline to its announcement being committed. On "
    "the machine's clock that is the deadline itself; on the log's, the arrival of the marks that cover it. What was "
    "learnt when it was past already, or while nobody had the partition, counts from when it was known here.",
)
ANNOUNCEMENT_LATENESS = Metric(
    "checkline_worker_announcement_lateness_seconds",
    "histogram",
    "Seconds from a deadline to its announcement being committed, whatever the reason; on the machine's clock only.",
)
TICK_SECONDS = Metric(
    "checkline_worker_tick_seconds",
    "histogram",
    "Seconds from the start of a tick, which covers some of the due states of a partition, to their announcements "
    "being committed; one observation for each state.",
)
TICKED_STATES = Metric(
    "checkline_worker_ticked_states_total", "counter", "States whose deadlines were announced.", ("partition",)
)
RECORDS = Metric(
    "checkline_worker_records_total",
    "counter",
    "Records of the input topics that were folded, screened out or refused.",
    ("partition",),
)
BATCHES = Metric(
    "checkline_worker_batches_total", "counter", "Kafka's record batches that those records came in.", ("partition",)
)
TRANSACTIONS = Metric(
    "checkline_worker_transactions_total", "counter", "Transactions that the worker committed.", ("partition",)
)
REBALANCES = Metric(
    "checkline_worker_rebalances_total", "counter", "How often partitions were assigned to the worker since it began."
)
ERRORS = Metric(
    "checkline_worker_errors_total", "counter", "Messages of level ERROR or above that the worker logged; see its log."
)
RESIDENT_BYTES = Metric("checkline_worker_resident_bytes", "gauge", "Bytes of memory that the process has resident.")
STORE_BYTES = Metric(
    "checkline_worker_store_bytes",
    "gauge",
    "Bytes on disk of the partition's local store; 0 of one that is only in memory.",
    ("partition",),
)
CHANGELOG_OFFSET = Metric(
    "checkline_worker_changelog_offset",
    "gauge",
    "Offset of the last record of the partition's changelog that is in the local store.",
    ("partition",),
)
METRICS = (
    RECOVERING,
    RECOVERY_SECONDS,
    RECOVERY_APPLIED,
    RECOVERY_REMAINING,
    WATERMARK,
    DUE_STATES,
    OLDEST_DUE_SECONDS,
    TICK_LATENESS,
    ANNOUNCEMENT_LATENESS,
    TICK_SECONDS,
    TICKED_STATES,
    RECORDS,
    BATCHES,
    TRANSACTIONS,
    REBALANCES,
    ERRORS,
    RESIDENT_BYTES,
    STORE_BYTES,
    CHANGELOG_OFFSET,
)
BOUNDS_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Upper bounds of the histograms' buckets; a last one without a bound follows."""


class Undefined(Exception):
    """A metric that is not in `METRICS`, labels that are not its own, or another kind of metric."""


class _Observations:
    """Counts by bucket, and the sum."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.sum = 0.0


class Metrics:
    """Values of the metrics that were set; a collector of `prometheus_client`, with a registry of its own."""

    def __init__(self) -> None:
        self._values: dict[Metric, dict[tuple[str, ...], float]] = {metric: {} for metric in METRICS}
        self._observed: dict[Metric, _Observations] = {}
        self._asked: list[Callable[[], None]] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def set(self, metric: Metric, value: float, **labels: object) -> None:
        """Raises `Undefined`."""
        self._of("gauge", metric, labels)[tuple(str(label) for label in labels.values())] = value

    def add(self, metric: Metric, value: float = 1, **labels: object) -> None:
        """To a counter. Raises `Undefined`."""
        series, label = self._of("counter", metric, labels), tuple(str(label) for label in labels.values())
        series[label] = series.get(label, 0) + value

    def observe(self, metric: Metric, seconds: float, times: int = 1) -> None:
        """Of a histogram. Raises `Undefined`."""
        self._of("histogram", metric, {})
        observed = self._observed.setdefault(metric, _Observations())
        observed.counts[bisect_left(BOUNDS_SECONDS, seconds)] += times
        observed.sum += seconds * times

    def forget(self, metric: Metric) -> None:
        """Drops all series of a metric, such as those of partitions that others have now."""
        self._values[metric].clear()

    def ask(self, look: Callable[[], None]) -> None:
        """``look`` is called before every answer, to set what is looked up only then."""
        self._asked.append(look)

    def collect(self) -> Iterable[Family]:
        """The metrics that have a value, as `prometheus_client` wants them."""
        for look in self._asked:
            look()
        for metric, values in self._values.items():
            if metric.kind == "histogram":
                if metric in self._observed:
                    yield _histogram(metric, self._observed[metric])
            elif values:
                kind = GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily
                family = kind(metric.name, metric.meaning, labels=metric.labels)
                for labels, value in sorted(values.items()):
                    family.add_metric(labels, value)
                yield family

    def text(self) -> str:
        """Prometheus' exposition format."""
        return generate_latest(self._registry).decode()

    def _of(self, kind: str, metric: Metric, labels: dict[str, object]) -> dict[tuple[str, ...], float]:
        if metric not in self._values or metric.kind != kind or tuple(labels) != metric.labels:
            raise Undefined(f"{kind} {metric.name} with labels {sorted(labels)}: define it in {__name__}")
        return self._values[metric]


def _histogram(metric: Metric, observed: _Observations) -> Family:
    bounds = [*(str(bound) for bound in BOUNDS_SECONDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(observed.counts), strict=True))
    return HistogramMetricFamily(metric.name, metric.meaning, buckets=buckets, sum_value=observed.sum)


def listen(port: int) -> socket.socket:
    """Takes the port. Raises OSError when another process has it."""
    return socket.create_server((LOOPBACK, port))


class MetricsServer(Service):
    """Answers every request on the socket with the text of the metrics."""

    def __init__(self, metrics: Metrics, listening: socket.socket) -> None:
        super().__init__()
        self._metrics = metrics
        self._listening = listening
        self._server: asyncio.Server | None = None

    async def on_start(self) -> None:
        self._server = await asyncio.start_server(self._answer, sock=self._listening)

    async def on_stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                await reader.readuntil(b"\r\n\r\n")
                body = self._metrics.text().encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_PLAIN_0_0_4}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or asked for something else
        finally:
            writer.close()
