"""Parts and workers as they are now: the dead have no memory, the hung delay nobody, and what was long ago is not
lately."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.home import Home
from infra.lag.parts_state import ANSWER_SECONDS, WorkersCollector, parts_state, workers_state
from infra.settings import read_settings
from streams.worker.metrics import (
    DUE_STATES,
    OLDEST_DUE_SECONDS,
    REBALANCES,
    RECOVERING,
    RECOVERY_REMAINING,
    RECOVERY_SECONDS,
    RESIDENT_BYTES,
    STORE_BYTES,
    TICK_LATENESS,
    WATERMARK,
    Metrics,
)

SINCE = "2020-02-20T00:00:00Z"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(read_settings(home=tmp_path / "home", clock="wall"))


def write_parts(home: Home, **pids: int | None) -> None:
    """As the supervisor does; without a process id a part is backing off."""
    parts = [
        {
            "name": name.replace("_", "-"),
            "state": "backing off" if pid is None else "ready",
            "pid": pid,
            "restarts": 0,
            "since": SINCE,
        }
        for name, pid in pids.items()
    ]
    home.parts_file.write_text(json.dumps(parts), encoding="utf-8")


def a_worker() -> Metrics:
    metrics = Metrics()
    metrics.set(RECOVERING, 0)
    return metrics


@contextmanager
def served(metrics: Metrics) -> Iterator[str]:
    """The metrics behind an address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(metrics.text().encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def hanging() -> Iterator[str]:
    """An address at which connections are taken and nothing is ever said, as of a process that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_where_nothing_was_ever_started_there_are_no_parts(home: Home) -> None:
    assert parts_state(home) == ()
    assert workers_state(home) == ()


def test_a_running_part_has_memory_and_cpu_time_and_one_that_does_not_run_has_none(home: Home) -> None:
    write_parts(home, kafka=os.getpid(), sink=None)
    with home.locked():
        kafka, sink = parts_state(home)
    assert (kafka.name, kafka.state, kafka.pid, kafka.since) == ("kafka", "ready", os.getpid(), SINCE)
    assert kafka.resident_bytes is not None
    assert kafka.resident_bytes > 1 << 20
    assert kafka.cpu_seconds is not None
    assert kafka.cpu_seconds > 0
    assert (sink.state, sink.pid, sink.resident_bytes, sink.cpu_seconds) == ("backing off", None, None, None)


def test_a_process_that_is_gone_has_no_memory_rather_than_none_used(home: Home) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    write_parts(home, kafka=ended.pid)
    with home.locked():
        (unburied,) = parts_state(home)
        ended.wait()
        (gone,) = parts_state(home)
    assert (unburied.resident_bytes, unburied.cpu_seconds) == (None, None)
    assert (gone.resident_bytes, gone.cpu_seconds) == (None, None)


def test_the_last_words_of_a_killed_supervisor_are_not_the_present(home: Home) -> None:
    write_parts(home, kafka=os.getpid(), worker_risk_1=os.getpid())
    home.port("worker-risk-1")
    assert [(part.state, part.pid, part.resident_bytes) for part in parts_state(home)] == [("stopped", None, None)] * 2
    assert workers_state(home) == ()


def test_a_worker_is_asked_at_its_port_if_its_process_runs(home: Home) -> None:
    metrics = a_worker()
    with served(metrics) as address:
        ports = {"worker-risk-1": int(address.rpartition(":")[2]), "worker-reports-1": 1}
        (home.directory / "ports.json").write_text(json.dumps(ports), encoding="utf-8")
        write_parts(home, kafka=os.getpid(), worker_risk_1=os.getpid(), worker_reports=None)
        with home.locked():
            assert [worker.part for worker in workers_state(home)] == ["worker-risk-1"]


def test_a_worker_tells_all_of_its_partitions_together(home: Home) -> None:
    metrics = a_worker()
    metrics.set(RECOVERING, 1)
    metrics.set(RECOVERY_SECONDS, 2.5)
    metrics.set(RESIDENT_BYTES, 300_000_000)
    metrics.add(REBALANCES, 2)
    for partition, watermark in ((0, 1_582_084_800.25), (1, 1_582_084_801.0)):
        metrics.set(WATERMARK, watermark, partition=partition)
        metrics.set(RECOVERY_REMAINING, 10, partition=partition)
        metrics.set(DUE_STATES, 4, partition=partition)
        metrics.set(OLDEST_DUE_SECONDS, partition + 0.5, partition=partition)
        metrics.set(STORE_BYTES, 1_000, partition=partition)
    with served(metrics) as address:
        (worker,) = WorkersCollector(home).ask({"worker-risk-1": address})
    assert (worker.part, worker.recovering, worker.recovery_seconds, worker.recovery_remaining) == (
        "worker-risk-1",
        True,
        2.5,
        20,
    )
    assert worker.watermarks == {0: 1_582_084_800_250, 1: 1_582_084_801_000}
    assert (worker.due_waiting, worker.oldest_due_seconds) == (8, 1.5)
    assert (worker.store_bytes, worker.resident_bytes, worker.rebalances) == (2_000, 300_000_000, 2)


def test_what_a_worker_does_not_say_is_unknown(home: Home) -> None:
    with served(a_worker()) as address:
        (worker,) = WorkersCollector(home).ask({"worker-risk-1": address})
    assert (worker.store_bytes, worker.resident_bytes, worker.oldest_due_seconds) == (None, None, None)
    assert (worker.watermarks, worker.recovery_seconds, worker.tick_lateness_so_far) == ({}, None, None)


def test_dead_and_hung_workers_are_left_out_and_delay_nobody(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        alive = stack.enter_context(served(a_worker()))
        hung = [stack.enter_context(hanging()) for _ in range(4)]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = f"127.0.0.1:{closed.getsockname()[1]}"
        collector = WorkersCollector(home)
        addresses = {f"hung-{number}": address for number, address in enumerate(hung)} | {"dead": dead, "alive": alive}
        begun = time.monotonic()
        assert [worker.part for worker in collector.ask(addresses)] == ["alive"]
        assert time.monotonic() - begun < 3 * ANSWER_SECONDS, "four that hang were waited for at once"
        named = {record.args[0] for record in caplog.records if isinstance(record.args, tuple)}
        assert named == {"hung-0", "hung-1", "hung-2", "hung-3", "dead"}
        collector.ask({"dead": dead, "alive": alive})
        assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)].count("dead") == 1


def test_something_else_at_the_port_is_no_worker(home: Home) -> None:
    with served(Metrics()) as empty:
        assert WorkersCollector(home).ask({"worker-risk-1": empty}) == ()


def test_lately_is_what_was_counted_in_the_last_seconds(home: Home) -> None:
    now = 0.0
    metrics = a_worker()
    lately = home.settings.operations.lately_seconds

    def look() -> tuple[int, int]:
        """Counted lately, and so far."""
        (worker,) = collector.ask({"worker-risk-1": address})
        assert worker.tick_lateness is not None
        return worker.tick_lateness.count, worker.tick_lateness_so_far.count if worker.tick_lateness_so_far else 0

    with served(metrics) as address:
        collector = WorkersCollector(home, lambda: now)
        metrics.observe(TICK_LATENESS, 9.0, times=5)
        assert look() == (0, 5), "when they were is not known"
        metrics.observe(TICK_LATENESS, 0.2, times=2)
        now = 10.0
        assert look() == (2, 7)
        now = 20.0
        metrics.observe(TICK_LATENESS, 0.7)
        assert look() == (3, 8)
        now = 10.0 + lately
        assert look() == (1, 8)
        now = 20.0 + lately
        assert look() == (0, 8)


def test_what_a_worker_counted_before_it_was_started_again_is_not_subtracted(home: Home) -> None:
    first, second = a_worker(), a_worker()
    first.observe(TICK_LATENESS, 9.0, times=5)
    second.observe(TICK_LATENESS, 0.04, times=7)
    collector = WorkersCollector(home, lambda: 0.0)
    with served(first) as address:
        collector.ask({"worker-risk-1": address})
    with served(second) as address:
        (worker,) = collector.ask({"worker-risk-1": address})
    assert worker.tick_lateness == worker.tick_lateness_so_far
    assert worker.tick_lateness is not None
    assert worker.tick_lateness.count == 7
    assert worker.tick_lateness.total == pytest.approx(0.28)
    found = worker.tick_lateness.quantile(0.99)
    assert found is not None
    assert 0.025 < found <= 0.05
