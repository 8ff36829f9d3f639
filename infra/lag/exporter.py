"""The scrape: a snapshot and the open alarms as Prometheus reads them.

A source that does not answer has no series but those that say so; what it said last is not taken for now. Every section
has at most as many rows as `infra.lag.metrics` allows; `checkline_series_cut` tells how many have none of their own.
"""

from collections.abc import Sequence

from infra.alarms.alarm import Alarm
from infra.lag import metrics as m
from infra.lag.scrape.bounded_rows import label
from infra.lag.scrape.judging import put_alarms, put_audit, put_forecast
from infra.lag.scrape.kafka import put_kafka
from infra.lag.scrape.parts import put_parts, put_workers
from infra.lag.scrape.store import put_coverage, put_store
from infra.lag.scrape.text_format import Exposition
from infra.lag.snapshot import Snapshot
from infra.settings import OperationsSettings

CLUSTER = "checkline"
SOURCES = ("kafka", "parts", "workers", "store", "audit", "forecast")


def exposition(
    snapshot: Snapshot,
    alarms: Sequence[Alarm],
    settings: OperationsSettings,
    accept: str = "",
    cluster: str = CLUSTER,
) -> tuple[bytes, str]:
    """The text of a scrape and its content type; OpenMetrics where ``accept``, the request's header, names it.

    ``cluster``: the name of the Kafka cluster, for the metrics that have such a label.
    """
    page = Exposition(m.METRICS)
    _put_sources(page, snapshot)
    page.put(m.CLOCK_SECONDS, snapshot.now / 1000, (label(snapshot.clock),))
    kafka = snapshot.kafka.known
    if kafka is not None:
        put_kafka(page, kafka, label(cluster))
    if snapshot.parts.known is not None:
        put_parts(page, snapshot.parts.known)
    if snapshot.workers.known is not None:
        put_workers(page, snapshot.workers.known, snapshot.now)
    if snapshot.store.known is not None:
        put_store(page, snapshot.store.known, snapshot.now, snapshot.at, settings)
        put_coverage(page, snapshot.store.known.coverage, kafka)
    if snapshot.audit.known is not None:
        put_audit(page, snapshot.audit.known, snapshot.at)
    if snapshot.forecast.known is not None:
        put_forecast(page, snapshot.forecast.known, snapshot.now)
    put_alarms(page, alarms)
    return page.render(open_metrics="application/openmetrics-text" in accept)


def _put_sources(page: Exposition, snapshot: Snapshot) -> None:
    for source in SOURCES:
        reading = getattr(snapshot, source)
        page.put(m.SOURCE_UP, int(reading.known is not None), (source,))
        if reading.taken_at is not None:
            page.put(m.SOURCE_AGE, max(0, snapshot.at - reading.taken_at) / 1000, (source,))
        page.put(m.SOURCE_TOOK, reading.took_seconds, (source,))
