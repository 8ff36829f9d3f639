"""Metrics of the worker: defined once, served as text that Prometheus' own parser reads."""

import asyncio
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.worker.metrics import (
    BOUNDS_SECONDS,
    METRICS,
    REBALANCES,
    RECOVERING,
    RECOVERY_APPLIED,
    RECOVERY_REMAINING,
    RECOVERY_SECONDS,
    TICK_LATENESS,
    WATERMARK,
    Metric,
    Metrics,
    MetricsServer,
    Undefined,
    listen,
)
from streams.worker.recovery import RecoveryProgress

UNITS = ("_seconds", "_records", "_offsets", "_recovering", "_states", "_bytes", "_offset", "_total")


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Values by name and the value of the only label, as a scrape reads them."""
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }


def test_every_metric_says_what_it_means_and_in_which_unit() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("checkline_worker_")
        assert metric.meaning.endswith(".")
        assert metric.name.endswith(UNITS)
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_only_partitions_tell_series_of_a_metric_apart() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {"partition"}


def test_what_is_not_defined_cannot_be_set() -> None:
    metrics = Metrics()
    with pytest.raises(Undefined, match="checkline_worker_more"):
        metrics.set(Metric("checkline_worker_more", "gauge", "Unknown."), 1)
    with pytest.raises(Undefined, match="partition"):
        metrics.set(RECOVERING, 1, partition=3)
    with pytest.raises(Undefined, match="applied"):
        metrics.set(RECOVERY_APPLIED, 1)


def test_each_kind_of_metric_is_changed_in_its_own_way() -> None:
    metrics = Metrics()
    with pytest.raises(Undefined, match="gauge"):
        metrics.set(REBALANCES, 1)
    with pytest.raises(Undefined, match="counter"):
        metrics.add(RECOVERING)
    with pytest.raises(Undefined, match="histogram"):
        metrics.observe(RECOVERING, 1.0)


def test_the_text_has_each_metric_once_with_its_meaning_and_its_series() -> None:
    metrics = Metrics()
    metrics.set(RECOVERING, 1)
    for partition in (3, 1):
        metrics.set(RECOVERY_APPLIED, 10 * partition, partition=partition)
    metrics.add(REBALANCES)
    metrics.add(REBALANCES, 2)
    lines = metrics.text().splitlines()
    assert f"# HELP {RECOVERING.name} {RECOVERING.meaning}" in lines
    assert f"# TYPE {RECOVERING.name} gauge" in lines
    assert f"# TYPE {REBALANCES.name} counter" in lines
    assert samples(metrics) == {
        (RECOVERING.name, ""): 1,
        (RECOVERY_APPLIED.name, "1"): 10,
        (RECOVERY_APPLIED.name, "3"): 30,
        (REBALANCES.name, ""): 3,
    }
    assert RECOVERY_SECONDS.name not in metrics.text(), "what was never set has no value"


def test_a_histogram_counts_what_was_at_most_each_bound() -> None:
    metrics = Metrics()
    metrics.observe(TICK_LATENESS, BOUNDS_SECONDS[1], times=3)
    metrics.observe(TICK_LATENESS, BOUNDS_SECONDS[-1] + 1)
    found = samples(metrics)
    buckets = [found[f"{TICK_LATENESS.name}_bucket", bound] for bound in (*map(str, BOUNDS_SECONDS), "+Inf")]
    assert buckets == [0.0, *[3.0] * (len(BOUNDS_SECONDS) - 1), 4.0]
    assert found[f"{TICK_LATENESS.name}_count", ""] == 4
    assert found[f"{TICK_LATENESS.name}_sum", ""] == pytest.approx(3 * BOUNDS_SECONDS[1] + BOUNDS_SECONDS[-1] + 1)


def test_what_is_looked_up_is_looked_up_at_every_answer() -> None:
    metrics, seen = Metrics(), iter((5, 7))
    metrics.ask(lambda: metrics.set(WATERMARK, next(seen), partition=0))
    assert [samples(metrics)[WATERMARK.name, "0"] for _ in range(2)] == [5, 7]


def test_progress_counts_by_partition_and_forgets_those_that_others_have() -> None:
    metrics = Metrics()
    progress = RecoveryProgress(metrics)
    progress.begin([0, 1])
    progress.applied(0, 7)
    progress.applied(0, 5)
    progress.remaining({0: 30, 1: 2})
    found = samples(metrics)
    assert found[RECOVERY_APPLIED.name, "0"] == 12
    assert found[RECOVERY_REMAINING.name, "0"] == 30
    assert found[RECOVERING.name, ""] == 1
    progress.end()
    found = samples(metrics)
    assert (found[RECOVERING.name, ""], found[RECOVERY_REMAINING.name, "0"]) == (0, 0)
    progress.begin([1])
    assert 'partition="0"' not in metrics.text()


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_the_server_answers_on_its_port_and_bears_a_caller_that_hangs_up() -> None:
    async def scenario() -> None:
        listening = listen(0)
        port = listening.getsockname()[1]
        metrics = Metrics()
        metrics.set(RECOVERING, 1)
        async with MetricsServer(metrics, listening):
            assert await ask(port, b"nonsense") == b""
            head, _, body = (await ask(port, b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
        assert f"Content-Length: {len(body)}".encode() in head
        assert body.decode() == metrics.text()

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])
