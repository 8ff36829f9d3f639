"""`checkline backtest` and `checkline shadow` on a running installation, which neither of them may touch."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.column_store import reader_address
from infra.edge.publisher import Publisher
from infra.embedded.catch_up import GROUPS
from infra.lag.collector import INPUTS, LagCollector
from infra.lag.snapshot import PartitionLag
from replay.digests import Digest, Digests, clock_row, facts_row, outcome_row, timeline_row
from schemas.events import to_milliseconds
from schemas.policy import DEFAULT_POLICY, default_policy, policy_text
from sinks.clickhouse import ClickHouse
from streams.clocks import Clock
from streams.risk import Segment
from tests.integration.conftest import CALL_SECONDS, FedHome
from tests.support.people import DAY, HOUR, NOON, Desk
from tests.support.pipeline import facts_in_state

WARM = "p00" + "w" * 24
LATER = "p00" + "x" * 24
RECORD = {"made_by", "made_at", "seconds"}
TIMES = "arrayMap(time -> toUnixTimestamp64Milli(time), {})"


@pytest.fixture(scope="module")
def reader(fed_home: FedHome) -> Iterator[ClickHouse]:
    """The tables, with a reading in them that is high under the candidate only, and a lead that is late under it."""
    desk = Desk("backtest-desk")
    publish(
        fed_home,
        desk.reading(371, NOON, token=WARM, site="gate-9"),
        desk.lead("backtest-lead", NOON - 3 * DAY, token=WARM),
        desk.verified("backtest-lead", NOON - 3 * DAY + 20 * HOUR, token=WARM),
    )
    fed_home.catch_up()
    with ClickHouse(reader_address(fed_home.home), "test") as client:
        yield client


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """37.0 in place of 37.3, and 12 hours in place of 24."""
    text = (
        policy_text().replace("version = 1", "version = 2").replace("threshold_tenths = 373", "threshold_tenths = 370")
    )
    text = re.sub(r"(home_province = true\n)hours = 24", r"\1hours = 12", text)
    file = tmp_path_factory.mktemp("policies") / "candidate.toml"
    file.write_text(text, encoding="utf-8")
    return file


def publish(fed_home: FedHome, *published: Any) -> None:
    with Publisher(fed_home.home.kafka_bootstrap) as publisher:
        for event in published:
            publisher.publish(event, appended_at=event.sent_at)


def live_digests(fed_home: FedHome, client: ClickHouse, as_of: int) -> Digests:
    """Digests of what the installation itself made of its log: the worker's facts, and the derived tables."""
    facts = timelines = clocks = outcomes = Digest()
    for token, members in facts_in_state(fed_home.home).items():
        facts = facts.plus(facts_row(token, members)) if members else facts
    columns = f"token, {TIMES.format('froms')}, {TIMES.format('untils')}, levels, rules, policies, evidence"
    for token, *parallel in client.rows(f"SELECT {columns} FROM checkline.risk_timelines FINAL WHERE notEmpty(froms)"):
        segments = [
            Segment(start, until, level, rule, policy, tuple(evidence.split()))
            for start, until, level, rule, policy, evidence in zip(*parallel, strict=True)
        ]
        timelines = timelines.plus(timeline_row(token, segments))
    soon = {rule.deadline_class: rule.due_soon_ms for rule in default_policy().deadlines}
    soon |= {duty.name: duty.due_soon_minutes * 60_000 for duty in default_policy().duties}
    columns = ", ".join(f"toUnixTimestamp64Milli({name}_at)" for name in ("opened", "due", "done", "withdrawn"))
    for token, clock_id, lead_id, name, opened, due, done, withdrawn, policy, evidence, strict in client.rows(
        f"SELECT token, clock_id, lead_id, duty, {columns}, policy, evidence, before_due"
        " FROM checkline.sla_clocks FINAL"
    ):
        name_of_clock = clock_id.removeprefix(f"{token}/")
        due_soon_at = due - soon.get(name, 0)
        clock = Clock(
            name_of_clock, lead_id, name, opened, due, due_soon_at, done, withdrawn, policy, tuple(evidence), strict
        )
        clocks = clocks.plus(clock_row(token, clock))
        outcomes = outcomes.plus(outcome_row(token, clock, as_of))
    return Digests(facts, timelines, clocks, outcomes)


class Live(NamedTuple):
    """What a reader must leave alone: positions of all groups on the input topics, and what arrived on any topic."""

    positions: list[PartitionLag]
    arrivals: list[tuple[Any, ...]]


def live(fed_home: FedHome, client: ClickHouse) -> Live:
    # Of derived topics positions say too much: the marker that ends a transaction comes a moment after its records.
    home = fed_home.home
    with LagCollector(home.kafka_bootstrap, GROUPS, home.settings.kafka.client_options()) as collector:
        positions = [one for one in collector.collect() if one.topic in INPUTS]
    return Live(positions, client.rows("SELECT topic, count() FROM checkline.arrivals GROUP BY topic ORDER BY topic"))


def test_the_policy_in_effect_changes_nothing_and_gives_the_digests_of_the_live_tables(
    fed_home: FedHome, reader: ClickHouse, tmp_path: Path
) -> None:
    before = live(fed_home, reader)
    called = fed_home.call("backtest", DEFAULT_POLICY, "--json", "--out", str(tmp_path))
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert found["persons"]["compared"] > 100
    assert found["persons"]["changed"] == 0
    assert (found["transitions"], found["changes"]) == ([], [])
    assert (found["referrals"]["gained"], found["referrals"]["lost"]) == ([], [])
    assert (found["deadlines"]["moved"], found["deadlines"]["changes"]) == (0, [])
    assert found["digests"]["baseline"] == found["digests"]["candidate"]
    known = live_digests(fed_home, reader, to_milliseconds(found["window"]["to"]))
    assert found["digests"]["baseline"] == known.as_json()
    assert live(fed_home, reader) == before


def test_the_same_log_and_policy_give_the_same_files(
    fed_home: FedHome, reader: ClickHouse, candidate: Path, tmp_path: Path
) -> None:
    outs = [tmp_path / "one", tmp_path / "two"]
    called = [fed_home.call("backtest", str(candidate), "--out", str(out)) for out in outs]
    assert [one.returncode for one in called] == [0, 0], called[0].stderr
    assert called[0].stdout == called[1].stdout
    files = [{file.name: file.read_text(encoding="utf-8") for file in out.iterdir()} for out in outs]
    records = [json.loads(texts.pop("record.json")) for texts in files]
    assert files[0] == files[1]
    assert {"summary.md", "backtest.json", "verdict-changes.csv", "verdict-changes.svg", "workload.svg"} <= files[
        0
    ].keys()
    assert all(record.keys() >= RECORD for record in records)
    one, other = ({name: value for name, value in record.items() if name not in RECORD} for record in records)
    assert one == other
    found = json.loads(files[0]["backtest.json"])
    (change,) = [change for change in found["changes"] if change["token"] == WARM]
    assert (change["baseline"]["level"], change["candidate"]["level"]) == ("NONE", "HIGH")
    assert change["candidate"]["evidence"] == ["backtest-desk#1"]
    (breach,) = [breach for breach in found["deadlines"]["changes"] if breach["lead_id"] == "backtest-lead"]
    assert (breach["change"], breach["baseline"]["outcome"], breach["candidate"]["outcome"]) == (
        "GAINED",
        "MET",
        "LATE",
    )
    # Every lead of that class is counted, not only the one made for this test.
    gained = reader.rows(
        "SELECT countIf(done_at > opened_at + INTERVAL 12 HOUR AND done_at <= due_at) FROM checkline.sla_clocks FINAL"
        " WHERE deadline_class = 'HOURS_24'"
    )
    (row,) = [row for row in found["deadlines"]["classes"] if row["deadline_class"] == "HOURS_24"]
    assert [(row["gained"],)] == gained


def test_a_bad_policy_file_is_answered_by_the_setting_at_fault(
    fed_home: FedHome, candidate: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(candidate.read_text(encoding="utf-8").replace("horizon_hours = 720", "horizon_hours = 240"), "utf-8")
    called = fed_home.call("backtest", str(bad))
    assert (called.returncode, called.stdout) == (2, "")
    (line,) = called.stderr.splitlines()
    assert f"{bad}: arrival.horizon_hours: 240" in line


def start_shadow(fed_home: FedHome, candidate: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "shadow", str(candidate), "--watch", "--json"],
        cwd=fed_home.home.directory.parent,
        env={**os.environ, "CHECKLINE_HOME": str(fed_home.home.directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def read_round(process: "subprocess.Popen[str]") -> tuple[dict[str, Any], dict[str, Any]]:
    """Persons told of, and the counts after them."""
    assert process.stdout is not None
    persons: dict[str, Any] = {}
    deadline = time.monotonic() + CALL_SECONDS
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        assert line, "the shadow ended"
        document = json.loads(line)
        if "token" not in document:
            return persons, document
        persons[document["token"]] = document
    raise AssertionError("nothing was told in time")


@pytest.mark.long
def test_a_shadow_tells_what_comes_and_touches_nothing(fed_home: FedHome, reader: ClickHouse, candidate: Path) -> None:
    before = live(fed_home, reader)
    groups = consumer_groups(fed_home)
    process = start_shadow(fed_home, candidate)
    try:
        persons, first = read_round(process)
        assert persons[WARM]["changes"][0]["candidate"]["evidence"] == ["backtest-desk#1"]
        assert live(fed_home, reader) == before
        publish(fed_home, Desk("shadow-desk").reading(372, NOON, token=LATER))
        persons, second = read_round(process)
        assert list(persons) == [LATER]
        assert persons[LATER]["changes"][0]["candidate"]["evidence"] == ["shadow-desk#1"]
        of = {"live": "NONE", "candidate": "HIGH"}
        grown = [next(one for one in counts["transitions"] if of.items() <= one.items()) for counts in (first, second)]
        assert grown[1]["persons"] == grown[0]["persons"] + 1
        fed_home.catch_up()
        assert reader.rows(f"SELECT count() FROM checkline.risk_timelines WHERE token = '{LATER}'") == [(0,)]
        assert consumer_groups(fed_home) == groups
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(CALL_SECONDS) == 0
        assert process.stdout is not None
        process.stdout.close()
    called = fed_home.call("shadow", str(candidate), "--json")
    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout.splitlines()[-1]) == second


def consumer_groups(fed_home: FedHome) -> set[str]:
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=fed_home.home.kafka_bootstrap)
    try:
        return {str(group) for group in admin.list_groups()}
    finally:
        admin.close()
