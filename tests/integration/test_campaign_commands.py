"""The commands that show what became of a campaign, and an interrupted demo."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.column_store import writer_address
from infra.home import Home
from replay.campaigns.qingdao_figures import FIGURES
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import FedHome
from tests.unit.infra.test_event_files import READING
from tests.unit.replay.small_campaign import NAME, small, small_count

STOP_SECONDS = 20.0
# Somebody with a deadline, several observations and a risk level that changed.
SOMEBODY = """
    SELECT token FROM checkline.risk_timelines FINAL WHERE token IN (SELECT token FROM checkline.sla_clocks FINAL)
    ORDER BY length(levels) DESC, token LIMIT 1
"""


@pytest.fixture(scope="module")
def token(fed_home: FedHome) -> str:
    """Somebody with a story."""
    rows = json.loads(fed_home.call("sql", "--json", SOMEBODY).stdout)["rows"]
    found: str = rows[0][0]
    return found


@pytest.mark.row(*sorted({figure.ref.partition("/")[0] for figure in FIGURES}))
def test_figures_are_those_of_a_plain_count_and_one_that_does_not_match_is_exit_1(fed_home: FedHome) -> None:
    result = fed_home.call("figures", "--json")
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert {row["ref"]: row["computed"] for row in document["figures"]} == small_count().figures
    # Leads are scaled in tests only, so the published leads are not reproduced.
    assert {row["ref"] for row in document["figures"] if not row["matches"]} >= {"A000-02/dispatched"}
    assert result.returncode == 1
    assert all((row["holds"] is None) == (row["scale"] != 1) for row in document["figures"])
    kept = fed_home.home.figures / f"{NAME}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == document


def test_the_proof_of_a_figure_names_topics_spans_counts_and_digests(fed_home: FedHome) -> None:
    document = json.loads(fed_home.call("figures", "--json", "--proof").stdout)
    spans = document["proof"]["A000-02/dispatched"]
    assert {span["topic"] for span in spans} == {"follow-ups"}
    assert sum(span["stored"] for span in spans) > 0
    text = fed_home.call("figures", "--proof").stdout
    proof = text[text.index("The log behind each figure") :]
    row = next(line.split() for line in proof.splitlines() if line.startswith("A000-02/dispatched "))
    stored, refused = (sum(span[name] for span in spans) for name in ("stored", "refused"))
    assert row[1:7] == ["follow-ups", "8", str(len(spans)), str(stored), str(refused), "yes"]
    assert len(row[7]) == 32


def test_a_story_is_told_with_its_events(fed_home: FedHome, token: str) -> None:
    document = json.loads(fed_home.call("explain", token, "--json").stdout)
    text = fed_home.call("explain", token).stdout
    assert document["observed"]
    assert all(one["event"] in text for one in document["observed"])
    assert {event for segment in document["timeline"] for event in segment["evidence"]} <= {
        one["event"] for one in document["observed"]
    }


def test_a_story_is_told_as_it_was_known(fed_home: FedHome, token: str) -> None:
    everything = json.loads(fed_home.call("explain", token, "--json").stdout)["observed"]
    at = everything[0]["at"] - 1
    result = fed_home.call("explain", token, "--at", _local(at))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"nothing is known of {token} at {_local(at)}\n"


def _local(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, timezone(timedelta(hours=8))).isoformat()


def test_an_unknown_token_is_one_line_and_exit_1(fed_home: FedHome) -> None:
    result = fed_home.call("explain", "p00aaaaaaaaaaaaaaaaaaaaaaaa")
    expected = (1, "", "nothing is known of p00aaaaaaaaaaaaaaaaaaaaaaaa\n")
    assert (result.returncode, result.stdout, result.stderr) == expected


@pytest.mark.long
def test_a_gap_in_the_ledger_is_a_finding_and_exit_1(fed_home: FedHome) -> None:
    """The ledger forgets a partition, and gets it back afterwards."""
    with ClickHouse(writer_address(fed_home.home), "test") as writer:
        kept = "SELECT * FROM checkline.ledger FINAL WHERE topic = 'reports' AND partition = 3"
        writer.execute(f"CREATE TABLE checkline.kept ENGINE = MergeTree ORDER BY tuple() AS {kept}")
        place = "topic = 'reports' AND partition = 3"
        writer.execute(f"ALTER TABLE checkline.ledger DELETE WHERE {place} SETTINGS mutations_sync = 2")
        assert writer.rows(f"SELECT count() FROM checkline.ledger FINAL WHERE {place}") == [(0,)]
        try:
            result = fed_home.call("audit", "--json")
        finally:
            writer.execute("INSERT INTO checkline.ledger SELECT * FROM checkline.kept")
            writer.execute("DROP TABLE checkline.kept")
    findings = json.loads(result.stdout)["findings"]
    assert result.returncode == 1
    assert {(one["check"], one["topic"], one["partition"]) for one in findings} >= {("coverage", "reports", 3)}
    result = fed_home.call("audit", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, {"findings": []})


def test_a_campaign_on_a_wall_clock_home_is_refused(fed_home: FedHome) -> None:
    """Nothing is published: only the word of the home is changed."""
    clock = fed_home.home.directory / "clock"
    clock.write_text("wall\n", encoding="utf-8")
    try:
        result = fed_home.call("simulate", "--scale", "0.0005")
    finally:
        clock.write_text("event\n", encoding="utf-8")
    assert result.returncode == 2
    assert result.stderr.startswith("checkline: clock: ")
    assert "a campaign brings its own time" in result.stderr


def test_a_published_event_is_in_the_tables_and_in_the_story(fed_home: FedHome, tmp_path: Path) -> None:
    end = max(emission.appended_at for emission in small().emissions)
    token = "p00published22222222222222a"
    event: dict[str, Any] = {
        **READING,
        "token": token,
        "source": "gate-of-a-file",
        "sequence": 1,
        "occurred_at": end - 1000,
        "sent_at": end,
        "zone_offset_minutes": 540,
        "value_tenths": 391,
    }
    file = tmp_path / "events.csv"
    bad = {**event, "sequence": 2, "value_tenths": "hot"}
    lines = [",".join(event), *(",".join(map(str, row.values())) for row in (event, bad))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = fed_home.call("publish", str(file))
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith(f"checkline: {file}: line 3: value_tenths: 'hot': ")
    fed_home.catch_up()
    query = f"SELECT source, sequence, value_tenths FROM checkline.temperatures FINAL WHERE token = '{token}'"
    assert json.loads(fed_home.call("sql", "--json", query).stdout)["rows"] == [["gate-of-a-file", 1, 391]]
    story = fed_home.call("explain", token).stdout
    assert "+09:00  Temperature 体温 39.1 °C" in story
    assert "[gate-of-a-file#1]" in story
    assert "Advice at that time 当时建议: HIGH (refer 建议转送) by temperature 体温" in story


# ---- an interrupted demo


@pytest.mark.long
def test_a_demo_interrupted_while_it_publishes_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "demo"],
        cwd=tmp_path,
        env={**os.environ, "CHECKLINE_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told: list[str] = []
    while not (told and told[-1].rstrip().endswith(f"publishing {NAME}")):
        told.append(line := process.stderr.readline())
        assert line, "".join(told)
    parts = psutil.Process(process.pid).children(recursive=True)
    assert parts
    wait_until(lambda: log_has_grown(tmp_path / "home"))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=2 * STOP_SECONDS)
    assert process.returncode == 130, error
    assert time.monotonic() - began < STOP_SECONDS
    assert "Traceback" not in error
    assert out == ""
    assert not [part for part in parts if part.is_running()]
    assert Home(tmp_path / "home", None).supervisor_pid() is None  # type: ignore[arg-type]  # no setting is asked for


def log_has_grown(home: Path) -> bool:
    """Whether the broker holds records of the campaign."""
    return any(file.stat().st_size for file in (home / "kafka").rglob("follow-ups-*/*.log"))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)
