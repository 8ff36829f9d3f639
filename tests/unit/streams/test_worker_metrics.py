"""Metrics of the worker: defined once, served as text."""

import asyncio
import socket

import pytest

from streams.worker.metrics import (
    METRICS,
    RECOVERING,
    RECOVERY_APPLIED,
    RECOVERY_REMAINING,
    RECOVERY_SECONDS,
    Metric,
    Metrics,
    MetricsServer,
    Undefined,
    listen,
)
from streams.worker.recovery import RecoveryProgress


def test_every_metric_says_what_it_means_and_in_which_unit() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("checkline_worker_")
        assert metric.meaning.endswith(".")
        assert metric.name.endswith(("_seconds", "_records", "_offsets", "_recovering"))


def test_what_is_not_defined_cannot_be_set() -> None:
    metrics = Metrics()
    with pytest.raises(Undefined, match="checkline_worker_more"):
        metrics.set(Metric("checkline_worker_more", "gauge", "Unknown."), 1)
    with pytest.raises(Undefined, match="partition"):
        metrics.set(RECOVERING, 1, partition=3)
    with pytest.raises(Undefined, match="applied"):
        metrics.set(RECOVERY_APPLIED, 1)


def test_the_text_has_each_metric_once_with_its_meaning_and_its_series() -> None:
    metrics = Metrics()
    metrics.set(RECOVERING, 1)
    for partition in (3, 1):
        metrics.set(RECOVERY_APPLIED, 10 * partition, partition=partition)
    lines = metrics.text().splitlines()
    assert f"# HELP {RECOVERING.name} {RECOVERING.meaning}" in lines
    assert f"# TYPE {RECOVERING.name} gauge" in lines
    assert f"{RECOVERING.name} 1" in lines
    assert [line for line in lines if line.startswith(RECOVERY_APPLIED.name)] == [
        f'{RECOVERY_APPLIED.name}{{partition="1"}} 10',
        f'{RECOVERY_APPLIED.name}{{partition="3"}} 30',
    ]
    assert not any(line.startswith(RECOVERY_SECONDS.name) for line in lines), "what was never set has no value"


def test_progress_counts_by_partition_and_forgets_those_that_others_have() -> None:
    metrics = Metrics()
    progress = RecoveryProgress(metrics)
    progress.begin([0, 1])
    progress.applied(0, 7)
    progress.applied(0, 5)
    progress.remaining({0: 30, 1: 2})
    text = metrics.text()
    assert f'{RECOVERY_APPLIED.name}{{partition="0"}} 12\n' in text
    assert f'{RECOVERY_REMAINING.name}{{partition="0"}} 30\n' in text
    assert f"{RECOVERING.name} 1\n" in text
    progress.end()
    assert f"{RECOVERING.name} 0\n" in metrics.text()
    assert f'{RECOVERY_REMAINING.name}{{partition="0"}} 0\n' in metrics.text()
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
        assert f"Content-Length: {len(body)}".encode() in head
        assert body.decode() == metrics.text()

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])
