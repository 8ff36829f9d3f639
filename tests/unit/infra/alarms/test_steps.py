"""The fold of the journal, in any interleaving, and the file it stands in."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.alarms.alarm import Condition
from infra.alarms.journal import Journal, JournalFailed
from infra.alarms.roster import Duty, first_telling, next_telling
from infra.alarms.steps import Kind, Step, apply, changed, escalated, fold, open_alarms, raised
from tests.unit.infra.alarms.snapshots import AT

DUTY = Duty((("desk-1",), ("desk-2",)), ("desk-1", "desk-2", "desk-3"))
CONDITIONS = tuple(Condition("WorkerDown", f"worker-{number}", "down", "停") for number in range(3))


def raised_step(number: int, at: int = AT) -> Step:
    return raised(CONDITIONS[number], at, first_telling(DUTY, at))


def steps_about(number: int, at: int) -> list[Step]:
    """One step of each kind about an alarm that was raised at AT."""
    name = raised_step(number).alarm
    telling = next_telling((first_telling(DUTY, AT),), DUTY, at, 0)
    assert telling is not None
    detail = {"key": f"{name}:raised:desk-1:webhook", "contact": "desk-1", "channel": "webhook", "attempt": 1}
    return [
        raised_step(number),
        changed(name, CONDITIONS[number]._replace(detail_en=f"still {at}"), at),
        Step(at, Kind.CLEARED, name),
        Step(at, Kind.ACKNOWLEDGED, name, "desk-1"),
        escalated(name, telling),
        Step(at, Kind.DELIVERED, name, "operations", detail),
        Step(at, Kind.DELIVERY_FAILED, name, "operations", {**detail, "attempt": at % 5 + 1, "why": "refused"}),
        Step(at, Kind.ACTION, by="desk-1", detail={"what": "something"}),
        Step(at, Kind.HANDED_OVER, by="desk-1", detail={"text": "..."}),
    ]


EVERY_STEP = [step for number in range(len(CONDITIONS)) for at in range(AT, AT + 4) for step in steps_about(number, at)]
HISTORIES = st.lists(st.sampled_from(EVERY_STEP), max_size=25)


@given(HISTORIES)
def test_an_alarm_is_closed_by_its_acknowledgement_and_its_end_and_by_nothing_less(history: list[Step]) -> None:
    for name, record in fold(history).items():
        begun = next(number for number, step in enumerate(history) if step.alarm == name and step.kind is Kind.RAISED)
        own = [step for step in history[begun:] if step.alarm == name]
        acknowledged = [step for step in own if step.kind is Kind.ACKNOWLEDGED]
        states = [step.kind for step in own if step.kind in (Kind.RAISED, Kind.CHANGED, Kind.CLEARED)]
        if not record.alarm.is_open:
            assert acknowledged
            assert Kind.CLEARED in states
        if not acknowledged:
            assert record.alarm.is_open
            ended = next((kind for kind in reversed(states) if kind is not Kind.RAISED), Kind.RAISED) is Kind.CLEARED
            assert (record.alarm.cleared_at is not None) is ended
        else:
            assert record.alarm.acknowledged_at == acknowledged[0].at


@given(HISTORIES, HISTORIES)
def test_once_closed_an_alarm_stays_closed_whatever_is_said_of_it(history: list[Step], further: list[Step]) -> None:
    records = fold(history)
    closed = {name: record.alarm for name, record in records.items() if not record.alarm.is_open}
    apply(records, further)
    for name, alarm in closed.items():
        assert records[name].alarm._replace(level=0) == alarm._replace(level=0)


@given(HISTORIES)
def test_what_is_folded_step_by_step_is_what_is_folded_at_once_and_what_the_file_gives_back(
    history: list[Step],
) -> None:
    bit_by_bit = fold([])
    for step in history:
        apply(bit_by_bit, [step])
    assert bit_by_bit == fold(history)


def test_the_file_gives_back_what_was_appended_also_to_another_reader(tmp_path: Path) -> None:
    file = tmp_path / "operations" / "journal.sqlite"
    history = [step for number in range(3) for step in steps_about(number, AT + number)]
    with Journal(file) as journal, Journal(file) as reader:
        assert reader.read() == []
        journal.append(history[:5])
        assert [step._replace(number=0) for step in reader.read()] == history[:5]
        journal.append(history[5:])
        read = reader.read(after=5)
        assert [step._replace(number=0) for step in read] == history[5:]
        assert [step.number for step in read] == list(range(6, len(history) + 1))
        assert [step.at for step in reader.read(since=AT + 2)] == [step.at for step in history if step.at >= AT + 2]
        last = reader.last(Kind.HANDED_OVER)
        assert last is not None
        assert last.at == AT + 2
        assert journal.failure is None
        assert fold(history) == fold(reader.read())


@pytest.mark.expects_errors("cannot be written")
def test_steps_that_the_disk_does_not_take_are_kept_and_written_later(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    with Journal(file) as journal, Journal(file) as reader:
        journal.append(steps_about(0, AT)[:1])
        journal.close()
        aside = file.rename(tmp_path / "aside")
        file.mkdir()  # no database can be opened there
        journal.append(steps_about(1, AT)[:1])
        journal.append(steps_about(2, AT)[:1])
        assert journal.failure is not None
        assert len(journal.waiting) == 2
        file.rmdir()
        aside.rename(file)
        journal.append([])
        assert journal.failure is None
        assert journal.waiting == []
        assert [step.alarm for step in reader.read()] == [raised_step(number).alarm for number in range(3)]


@pytest.mark.expects_errors("cannot be written")
def test_a_full_database_is_a_failure_that_is_told_and_does_not_raise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(steps_about(0, AT))
        assert journal._connection is not None
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        long = Step(AT, Kind.ACTION, by="desk-1", detail={"what": "x" * 100_000})
        journal.append([long])
        assert "full" in (journal.failure or "")
        assert "database or disk is full" in caplog.text
        journal.append([])  # a new connection has no such limit
        assert journal.failure is None
        assert journal.read()[-1].detail == long.detail


def test_a_file_that_is_no_journal_is_told_of_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    file.write_bytes(b"no database " * 100)
    with Journal(file) as journal, pytest.raises(JournalFailed, match=r"journal\.sqlite cannot be read"):
        journal.read()


def test_the_journal_is_append_only_and_safe_against_a_loss_of_power(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(steps_about(0, AT))
        assert isinstance(journal._connection, sqlite3.Connection)
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_open_alarms_stand_with_the_worst_first() -> None:
    warning = raised(Condition("TicksLate", "worker-1", "late", "迟"), AT - 9, first_telling(DUTY, AT))
    taken = raised_step(0, AT - 5)
    steps = [warning, raised_step(1), taken, Step(AT, Kind.ACKNOWLEDGED, taken.alarm, "desk-1")]
    assert [alarm.subject for alarm in open_alarms(fold(steps))] == ["worker-1", "worker-1", "worker-0"]
    assert open_alarms(fold(steps))[0].severity == "critical"
