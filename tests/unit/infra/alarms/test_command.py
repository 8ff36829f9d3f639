"""The commands on the journal's file: they work while nothing runs."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.alarms import roster
from infra.alarms.delivery import Courier
from infra.alarms.desk import AlarmDesk
from infra.alarms.places import Places
from infra.alarms.roster import Entry
from infra.cli import app
from infra.errors import MissingPart, WrongSetting
from infra.home import Home
from infra.settings import OperationsSettings, read_settings
from tests.unit.infra.alarms.snapshots import AT, parts, snapshot


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHECKLINE_HOME", str(tmp_path / "home"))
    return Home.open(read_settings(clock="wall"))


@pytest.fixture
def desk(home: Home) -> AlarmDesk:
    """A desk at which the sink is down and the worker was, with a roster of its own."""
    settings = OperationsSettings()
    found = AlarmDesk(Places.of_home(home).directory, settings, list, Courier(settings, ""), lambda: AT + 60_000)
    found.look(snapshot(parts=parts(sink=("failed", 8), worker_risk_1=("backing off", 1))))
    for second in range(1, 5):
        found.look(snapshot(AT + 1000 * second, parts=parts(sink=("failed", 8))))
    return found


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"TERMINAL_WIDTH": "200"})


def test_open_alarms_are_listed_and_the_exit_status_says_that_there_are_some(desk: AlarmDesk) -> None:
    result = call("alarms", "list")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert [word in lines[1] for word in ("SinkDown:sink:", "critical", "holds", "nobody")] == [True] * 4
    assert [word in lines[2] for word in ("WorkerDown:worker-risk-1:", "ended")] == [True] * 2
    document = json.loads(call("alarms", "list", "--json").stdout)
    assert document["open"] == 2
    assert [alarm["rule"] for alarm in document["alarms"]] == ["SinkDown", "WorkerDown"]


def test_an_alarm_is_taken_on_by_a_part_of_its_name_and_the_desk_knows_it(desk: AlarmDesk) -> None:
    result = call("alarms", "acknowledge", "SinkDown", "--by", "desk-night")
    assert result.exit_code == 0
    assert "checkline sql 'SELECT 1'" in result.stdout  # what to do now
    call("alarms", "acknowledge", "WorkerDown", "--by", "desk-night")
    desk.look(snapshot(AT + 6000, parts=parts(sink=("failed", 8))))
    assert [(alarm.rule, alarm.acknowledged_by) for alarm in desk.alarms()] == [("SinkDown", "desk-night")]
    for second in range(20, 24):
        desk.look(snapshot(AT + 1000 * second))
    result = call("alarms", "list", "--all", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["open"] == 0
    assert len(json.loads(result.stdout)["alarms"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acknowledge", "Down"), "names 2 open alarms"),
        (("acknowledge", "BreachWave"), "no open alarm is named BreachWave"),
        (("acknowledge", "SinkDown", "--by", " "), "--by is empty"),
    ],
)
def test_what_cannot_be_taken_on_is_told(desk: AlarmDesk, words: tuple[str, ...], said: str) -> None:
    result = call("alarms", *words)
    assert isinstance(result.exception, WrongSetting)
    assert said in str(result.exception)
    assert all(alarm.acknowledged_at is None for alarm in desk.alarms())


def test_the_history_tells_every_step(desk: AlarmDesk) -> None:
    desk.note("desk-night", "retried check-ins/0/7")
    steps = json.loads(call("alarms", "history", "--json").stdout)["steps"]
    assert [step["kind"] for step in steps] == ["RAISED", "RAISED", "CLEARED", "ACTION"]
    assert steps[-1]["detail"] == {"what": "retried check-ins/0/7"}
    lines = call("alarms", "history", "--limit", "1").stdout.splitlines()
    assert len(lines) == 2
    assert "retried check-ins/0/7" in lines[1]


def test_a_hand_over_is_written_and_put_on_record_where_somebody_hands_over(desk: AlarmDesk) -> None:
    result = call("hand-over", "--since", "2026-09-21T00:00:00+00:00", "--by", "desk-night")
    assert result.exit_code == 0
    assert "Open alarms 未了告警: 2" in result.stdout
    assert "| Lag 积压 | 0 |" in result.stdout
    assert "old 旧数据" in result.stdout  # how things stood is as old as the last look
    document = json.loads(call("hand-over", "--json").stdout)
    assert [alarm["rule"] for alarm in document["open"]] == ["SinkDown", "WorkerDown"]
    assert document["steps"] == []  # the shift began with the hand-over before
    steps = json.loads(call("alarms", "history", "--json").stdout)["steps"]
    assert [step["by"] for step in steps if step["kind"] == "HANDED_OVER"] == ["desk-night"]


def test_the_last_known_roster_says_who_is_on_call_while_the_column_store_is_down(home: Home) -> None:
    now = time.time_ns() // 1_000_000
    entries = [Entry("one", "desk-night", 1, now - 1000, None), Entry("two", "chief", 2, now - 1000, now + 3_600_000)]
    roster.keep(Places.of_home(home).roster, entries)
    result = call("on-call", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["on_call"] == [["desk-night"], ["chief"]]
    assert document["next"]["on_call"] == [["desk-night"]]
    assert "last known" in document["source"]
    assert document["unreachable"] == ["chief", "desk-night"]
    shown = call("on-call")
    assert "desk-night" in shown.stdout
    assert "no address in settings.operations.contacts: chief, desk-night" in shown.stderr


def test_that_nobody_is_on_call_is_an_answer_of_its_own(home: Home) -> None:
    result = call("on-call")
    assert result.exit_code == 1
    assert "nobody 无人值班" in result.stdout


@pytest.mark.parametrize("words", [("list",), ("history",), ("acknowledge", "x")])
def test_where_nothing_ever_looked_there_is_no_all_clear(home: Home, words: tuple[str, ...]) -> None:
    result = call("alarms", *words)
    assert isinstance(result.exception, MissingPart)
    assert "start the part operations" in str(result.exception)
