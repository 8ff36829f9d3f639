"""The parts of a real home: what runs, what a kill leaves, and the marks of the reference clock."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer

from infra.embedded.parts import parts
from infra.embedded.supervisor import Part, Supervisor
from infra.errors import MissingPart
from infra.home import Home
from infra.settings import read_settings
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from tests.integration.test_supervisor import until


@pytest.fixture
def wall_home(tmp_path: Path) -> Home:
    return Home.open(read_settings(home=tmp_path / "home", clock="wall", partitions=2))


def test_the_parts_of_a_home_in_the_order_of_their_start(wall_home: Home) -> None:
    assert [part.name for part in parts(wall_home)] == [
        "kafka",
        "clickhouse",
        "topics",
        "migrations",
        "reference-clock",
        "worker-risk-1",
        "worker-enforcement",
        "worker-reports",
        "worker-urgent-care",
        "sink",
        "operations",
    ]
    assert [part.name for part in parts(wall_home) if isinstance(part, Part) and not part.vital] == ["operations"]


def test_an_event_clock_has_no_reference_clock_and_configured_stores_are_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKLINE_KAFKA_BOOTSTRAP", "kafka.example.org:9092")
    monkeypatch.setenv("CHECKLINE_CLICKHOUSE_HOST", "clickhouse.example.org")
    home = Home.open(read_settings(home=tmp_path / "home", clock="event", workers=2))
    names = [part.name for part in parts(home)]
    assert names[:4] == ["topics", "migrations", "worker-risk-1", "worker-risk-2"]
    assert "reference-clock" not in names


def test_an_unknown_part_is_refused(wall_home: Home) -> None:
    with pytest.raises(MissingPart, match="there is no part clock"):
        parts(wall_home, only=["clock"])


@pytest.mark.expects_errors(r"kafka ended with signal SIGKILL|^kafka\.")
@pytest.mark.long
def test_the_reference_clock_marks_every_second_and_outlives_a_killed_kafka(wall_home: Home) -> None:
    planned = parts(wall_home, only=["kafka", "topics", "reference-clock"])
    codec = RowCodec(default_registry(), "reference")
    with Supervisor(planned, wall_home.logs) as supervisor:
        consumer = KafkaConsumer(
            "reference",
            bootstrap_servers=wall_home.kafka_bootstrap,
            group_id=None,
            auto_offset_reset="earliest",
            reconnect_backoff_max_ms=200,
        )
        first, second = next(consumer), next(consumer)
        rows = [codec.decode(record.value) for record in (first, second)]
        assert [row["kind"] for row in rows] == ["TIME_MARK", "TIME_MARK"]
        assert 500 <= rows[1]["occurred_at"] - rows[0]["occurred_at"] <= 5_000
        assert rows[1]["sequence"] > rows[0]["sequence"]
        kafka = supervisor.status()[0].pid
        assert kafka is not None
        os.kill(kafka, signal.SIGKILL)
        until(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state == "ready")
        after = codec.decode(next(consumer).value)
        assert after["kind"] == "TIME_MARK"
        assert after["sequence"] > rows[1]["sequence"]
        consumer.close()
        pids = [one.pid for one in supervisor.status() if one.pid is not None]
        assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
