"""`checkline audit` on a running installation: what was damaged is found and mended, while its sink goes on writing."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from infra.column_store import writer_address
from infra.edge.publisher import Publisher
from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import CALL_SECONDS, FedHome
from tests.unit.sinks.log import MINUTE, NOON, PERSONS

TABLES = {
    "check_ins": "*",
    "temperatures": "*",
    "follow_ups": "*",
    "arrivals": "*",
    "identities": "*",
    "conflicts": "* EXCEPT detected_at",
    "ledger": "* EXCEPT (written_at, written_by)",
    "cells": "* EXCEPT (version, counted_at, previous)",
    "risk_timelines": "*",
    "sla_clocks": "*",
}
"""Columns that say what, not when and by whom."""

pytestmark = pytest.mark.long


@pytest.fixture
def writer(fed_home: FedHome) -> Iterator[ClickHouse]:
    fed_home.catch_up()
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        yield client


def digests(client: ClickHouse) -> dict[str, str]:
    """A hash of all that each table says."""
    found = {}
    for table, columns in TABLES.items():
        where = "WHERE value > 0" if table == "cells" else ""
        rows = client.bytes_rows(f"SELECT {columns} FROM checkline.{table} FINAL {where}")
        found[table] = hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    return found


def damage(client: ClickHouse, *statements: str) -> None:
    for statement in statements:
        client.execute(f"ALTER TABLE checkline.{statement} SETTINGS mutations_sync = 2")


MUCH = (
    "check_ins DELETE WHERE sequence % 3 = 0",
    "temperatures UPDATE value_tenths = 300 WHERE sequence % 5 = 0",
    "ledger DELETE WHERE topic = 'follow-ups' AND partition = 1",
    "cells UPDATE value = value + 7 WHERE topic = 'check-ins'",
)


def test_the_command_names_what_differs_mends_it_and_says_that_it_holds(fed_home: FedHome, writer: ClickHouse) -> None:
    before = digests(writer)
    damage(writer, *MUCH)
    damaged = digests(writer)
    found = fed_home.call("audit", "--all", "--json")
    assert found.returncode == 1, found.stderr
    findings = json.loads(found.stdout)["findings"]
    assert {"rows", "log", "coverage", "cells"} <= {finding["check"] for finding in findings}
    planned = fed_home.call("audit", "--topic", "check-ins", "--repair", "--dry-run", "--json")
    assert planned.returncode == 1, planned.stderr
    assert {one["topic"] for one in json.loads(planned.stdout)["ranges"]} == {"check-ins"}
    assert digests(writer) == damaged
    mended = fed_home.call("audit", "--all", "--repair", "--json")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "round 1: " in mended.stderr
    document = json.loads(mended.stdout)
    assert (document["left"], document["lost"]) == ([], [])
    assert sum(one["written"] for one in document["repaired"]) > 0
    after = digests(writer)
    # A gap is filled with one block, whatever blocks were there before.
    assert {**after, "ledger": ""} == {**before, "ledger": ""}


def test_only_the_topic_and_the_time_that_were_asked_for_are_audited(fed_home: FedHome, writer: ClickHouse) -> None:
    where = "topic = 'follow-ups' AND partition = 2"
    damage(writer, f"ledger DELETE WHERE {where}")
    other = fed_home.call("audit", "--topic", "check-ins", "--from", "2020-02-19T00:00:00+08:00", "--json")
    assert (other.returncode, json.loads(other.stdout)) == (0, {"findings": []}), other.stderr
    mended = fed_home.call("audit", "--topic", "follow-ups", "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert mended.stderr.splitlines()[-1].endswith("the tables are the log: no difference found")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--dry-run",), "--dry-run says what --repair would do"),
        (("--topic", "nothing"), "--topic nothing: there is none of that name"),
        (("--from", "yesterday"), "--from yesterday: "),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(fed_home: FedHome, words: tuple[str, ...], complaint: str) -> None:
    result = fed_home.call("audit", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"checkline: {complaint}")


class Stream(threading.Thread):
    """Publishes readings until it is told to stop."""

    def __init__(self, home: FedHome) -> None:
        super().__init__()
        self._home = home.home
        self.stop = threading.Event()
        self.published = 0

    def run(self) -> None:
        codec = RowCodec(default_registry(), "temperatures")
        with Publisher(self._home.kafka_bootstrap) as publisher:
            while not self.stop.wait(0.02):
                at = NOON + self.published % 600 * MINUTE
                token = PERSONS[1 + self.published % 5]
                reading = events.Reading.model_validate(
                    {
                        "source": "steady",
                        "sequence": self.published,
                        "token": token,
                        "method": "AXILLARY",
                        "occurred_at": at,
                        "sent_at": at,
                        "zone_offset_minutes": 480,
                        "value_tenths": 365,
                    }
                )
                record = reading.record()
                publisher.publish_encoded(record.topic, record.key, codec.encode(record.row), appended_at=at)
                self.published += 1


def test_repairs_beside_a_running_sink_leave_what_it_writes_alone(fed_home: FedHome, writer: ClickHouse) -> None:
    stream = Stream(fed_home)
    stream.start()
    counted = "SELECT sum(value) FROM checkline.counts WHERE topic = 'temperatures'"
    try:
        [(before,)] = writer.rows(counted)
        until(lambda: writer.rows(counted)[0][0] > before)
        damage(
            writer,
            "temperatures DELETE WHERE source = 'steady' AND sequence % 2 = 0",
            "temperatures UPDATE site = 'elsewhere' WHERE source = 'steady' AND sequence % 3 = 0",
            "arrivals DELETE WHERE topic = 'temperatures' AND offset % 4 = 0",
        )
        result = fed_home.call("audit", "--topic", "temperatures", "--all", "--repair")
        assert result.returncode == 0, result.stdout + result.stderr
        assert stream.is_alive()
    finally:
        stream.stop.set()
        stream.join()
    fed_home.catch_up()
    result = fed_home.call("audit", "--all")
    assert result.returncode == 0, result.stdout + result.stderr
    query = "SELECT count(), uniqExact(sequence) FROM checkline.temperatures FINAL WHERE source = 'steady'"
    assert writer.rows(query) == [(stream.published, stream.published)]
    assert writer.rows(counted) == [(before + stream.published,)]


def test_a_repair_that_was_killed_is_simply_run_again(fed_home: FedHome, writer: ClickHouse) -> None:
    before = digests(writer)
    damage(
        writer,
        "temperatures UPDATE value_tenths = 300 WHERE sequence % 5 = 0",
        "ledger DELETE WHERE topic = 'temperatures' AND partition = 1",
    )
    writer.execute("TRUNCATE TABLE checkline.repairs")
    begun = "SELECT count() > 0 FROM checkline.repairs"
    deleted = "SELECT count() = 0 FROM checkline.temperatures WHERE value_tenths = 300 AND sequence % 5 = 0"
    for reached in (begun, deleted):
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "audit", "--all", "--topic", "temperatures", "--repair"],
            cwd=fed_home.home.directory.parent,
            env={**os.environ, "CHECKLINE_HOME": str(fed_home.home.directory)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: writer.rows(reached) == [(1,)] or process.poll() is not None)  # noqa: B023 - those of this turn
        assert process.poll() is None, "it was done before it was killed"
        process.kill()
        process.wait(CALL_SECONDS)
    assert writer.rows("SELECT count() > 0 FROM checkline.repairs WHERE step = 'BEGUN'") == [(1,)]
    assert digests(writer) != before
    result = fed_home.call("audit", "--all", "--repair")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {**digests(writer), "ledger": ""} == {**before, "ledger": ""}


def until(condition: Callable[[], bool], seconds: float = 2 * CALL_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
