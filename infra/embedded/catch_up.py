"""Waiting until everything that was published is folded, written and counted."""

import time
from collections.abc import Callable

from infra.errors import PartFailed
from infra.home import Home
from infra.lag.collector import LagCollector
from infra.lag.snapshot import PartitionLag
from schemas import topics
from sinks.clickhouse import ClickHouse
from streams.worker.names import app_id

WORKER_GROUPS = {
    app_id("risk"): [topic.name for topic in topics.PERSON_TOPICS],
    app_id("enforcement"): [topics.ENFORCEMENT.name],
    app_id("reports"): [topics.REPORTS.name],
    app_id("urgent-care"): [topics.URGENT_CARE.name],
}
SINK_GROUP = {"checkline-sinks": [topic.name for topic in topics.ALL_TOPICS]}
GROUPS = {**WORKER_GROUPS, **SINK_GROUP}
"""Every consumer group and the topics it reads."""

STALLED_SECONDS = 120.0
_POLL_SECONDS = 0.2
_UNCOUNTED = "SELECT count() FROM checkline.ledger FINAL WHERE recounted = 0"


def wait_until_caught_up(
    home: Home,
    reader: ClickHouse,
    alive: Callable[[], None],
    progress: Callable[[int], None],
) -> None:
    """Returns when no group lags, nothing new was derived meanwhile, and every hour touched is counted.

    ``alive`` raises when a part has failed for good; ``progress`` is told the events still waiting. Raises PartFailed
    when nothing moved for two minutes.
    """
    with LagCollector(home.kafka_bootstrap, GROUPS, home.settings.kafka.client_options()) as collector:
        _wait(collector, home, reader, alive, progress)


def _wait(
    collector: LagCollector,
    home: Home,
    reader: ClickHouse,
    alive: Callable[[], None],
    progress: Callable[[int], None],
) -> None:
    last: tuple[object, ...] = ()
    moved = time.monotonic()
    while True:
        alive()
        found = collector.collect()
        waiting = sum(partition.lag for partition in found)
        progress(waiting)
        seen = tuple((partition.lag, partition.end) for partition in found)
        if seen != last:
            last, moved = seen, time.monotonic()
        elif waiting == 0 and reader.rows(_UNCOUNTED) == [(0,)]:
            return
        elif time.monotonic() - moved > STALLED_SECONDS:
            raise PartFailed(f"{_stalled(found)}; see {home.logs}")
        time.sleep(_POLL_SECONDS)


def _stalled(found: list[PartitionLag]) -> str:
    behind = [partition for partition in found if partition.lag]
    if not behind:
        return "hours that were touched are not counted"
    worst = max(behind, key=lambda partition: partition.lag)
    return f"group {worst.group} stands still {worst.lag} events behind on {worst.topic}/{worst.partition}"
