"""The desk with clocks and a courier of the test: alarms stay until they are acknowledged, whatever ends in between."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.alarms import delivery, handover
from infra.alarms.alarm import Alarm
from infra.alarms.desk import AlarmDesk
from infra.alarms.journal import Journal
from infra.alarms.outbox import Delivery
from infra.alarms.places import Places
from infra.alarms.roster import Entry
from infra.alarms.rules import RULES
from infra.alarms.steps import Kind, Step
from infra.console.ports import AlarmDesk as DeskOfThePage
from infra.console.ports import Refused
from infra.lag.snapshot import ClockQueue, MissingReport, Reading, Snapshot
from infra.settings import Contact, OperationsSettings
from tests.unit.infra.alarms.snapshots import AT, FORECAST, HOUR, STORE, parts, silent, snapshot, store

CONTACTS = {"desk-day": Contact(webhook="http://127.0.0.1/"), "desk-night": Contact(webhook="http://127.0.0.1/")}
SETTINGS = OperationsSettings(contacts=CONTACTS)
ROSTER = [Entry("shift-1", "desk-day", 1, AT - HOUR, AT + HOUR), Entry("shift-2", "desk-night", 1, AT + HOUR, None)]
SINK_DOWN: dict[str, Any] = {"parts": parts(sink=("backing off", 1))}


class Courier(delivery.Courier):
    """Keeps what it is given; ``says``: what comes of it."""

    def __init__(self, says: Kind = Kind.DELIVERED) -> None:
        self.given: list[Delivery] = []
        self._says = says

    async def deliver(self, deliveries: Sequence[Delivery], done: Callable[[Sequence[Step]], None]) -> None:
        self.given += deliveries
        for one in deliveries:
            detail = {"key": one.key, "attempt": one.attempt, "why": "refused"}
            done([Step(AT, self._says, one.alarm.identity, "operations", detail)])


class Bench:
    """A desk in a directory, that may be opened again as after a crash."""

    def __init__(self, directory: Path, settings: OperationsSettings = SETTINGS) -> None:
        self.directory = directory
        self.settings = settings
        self.now = AT
        self.rows: Callable[[], Sequence[Entry]] = lambda: ROSTER
        self.courier = Courier()
        self.desk = self.reopened()

    def reopened(self) -> AlarmDesk:
        self.desk = AlarmDesk(self.directory, self.settings, lambda: self.rows(), self.courier, lambda: self.now)
        return self.desk

    def look(self, seconds: int = 0, **wrong: Any) -> list[Alarm]:
        self.now = AT + 1000 * seconds
        self.desk.look(snapshot(self.now, **wrong))
        return list(self.desk.alarms())

    def steps(self) -> list[Step]:
        with Journal(Places(self.directory).journal) as journal:
            return journal.read()

    def kinds(self) -> list[Kind]:
        return [step.kind for step in self.steps()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "operations")


def test_the_desk_is_what_the_page_asks_for(bench: Bench) -> None:
    desk: DeskOfThePage = bench.desk
    assert desk.rules() == RULES
    assert desk.alarms() == []


def test_an_alarm_stays_when_its_condition_has_ended_until_somebody_acknowledges_it(bench: Bench) -> None:
    (alarm,) = bench.look(**SINK_DOWN)
    assert (alarm.rule, alarm.severity, alarm.raised_at) == ("SinkDown", "critical", AT)
    for second in range(10, 20):
        (alarm,) = bench.look(second)
    assert alarm.cleared_at is not None
    taken = bench.desk.acknowledge(alarm.identity, "desk-day")
    assert taken.acknowledged_by == "desk-day"
    assert bench.desk.alarms() == []


def test_an_alarm_that_was_acknowledged_stays_until_its_condition_has_ended(bench: Bench) -> None:
    (alarm,) = bench.look(**SINK_DOWN)
    bench.desk.acknowledge(alarm.identity, "desk-day")
    assert [one.acknowledged_by for one in bench.look(1, **SINK_DOWN)] == ["desk-day"]
    assert [bench.look(second) for second in range(10, 14)][-1] == []


def test_alarms_are_there_again_after_the_part_has_died_and_what_was_said_meanwhile_counts(bench: Bench) -> None:
    (alarm,) = bench.look(**SINK_DOWN)
    assert list(bench.reopened().alarms()) == [alarm]
    assert bench.look(1, **SINK_DOWN) == [alarm]
    with Journal(Places(bench.directory).journal) as elsewhere:
        elsewhere.append([Step(AT, Kind.ACKNOWLEDGED, alarm.identity, "desk-night")])
    assert [one.acknowledged_by for one in bench.look(2, **SINK_DOWN)] == ["desk-night"]


def test_who_has_an_alarm_keeps_it_and_what_is_not_open_cannot_be_taken_on(bench: Bench) -> None:
    (alarm,) = bench.look(**SINK_DOWN)
    bench.desk.acknowledge(alarm.identity, "desk-day")
    assert bench.desk.acknowledge(alarm.identity, "desk-night").acknowledged_by == "desk-day"
    with pytest.raises(Refused, match="no alarm SinkDown:gone:1 is open"):
        bench.desk.acknowledge("SinkDown:gone:1", "desk-day")


def test_a_delivery_is_made_once_and_again_where_it_is_not_on_record(bench: Bench) -> None:
    bench.courier = Courier(Kind.DELIVERY_FAILED)
    bench.reopened().ask_roster()
    bench.look(**SINK_DOWN)
    asyncio.run(bench.desk.deliver())
    asyncio.run(bench.desk.deliver())  # too soon
    assert [(one.contact, one.attempt) for one in bench.courier.given] == [("desk-day", 1)]
    bench.courier = Courier()
    bench.reopened()
    bench.now = AT + 3000
    asyncio.run(bench.desk.deliver())
    asyncio.run(bench.desk.deliver())
    assert [(one.contact, one.attempt) for one in bench.courier.given] == [("desk-day", 2)]
    bench.reopened()
    asyncio.run(bench.desk.deliver())
    assert len(bench.courier.given) == 1


def test_an_escalation_is_delivered_to_those_it_names(bench: Bench) -> None:
    bench.desk.ask_roster()
    bench.look(**SINK_DOWN)
    bench.look(301, **SINK_DOWN)
    asyncio.run(bench.desk.deliver())
    told = [(one.telling.occasion, one.contact) for one in bench.courier.given]
    assert told == [("raised", "desk-day"), ("escalated-1", "desk-day"), ("escalated-1", "desk-night")]


def test_the_last_known_roster_is_in_force_while_the_tables_do_not_answer(bench: Bench) -> None:
    bench.desk.ask_roster()

    def dead() -> Sequence[Entry]:
        raise ConnectionError("clickhouse does not answer")

    bench.rows = dead
    bench.reopened()
    with pytest.raises(ConnectionError):
        bench.desk.ask_roster()
    bench.look(**SINK_DOWN)
    (step,) = (step for step in bench.steps() if step.kind is Kind.RAISED)
    assert step.detail["contacts"] == ["desk-day"]


def test_without_a_roster_everybody_is_told_and_the_step_says_so(bench: Bench) -> None:
    bench.look(**SINK_DOWN)
    (step,) = bench.steps()
    assert step.detail["contacts"] == ["desk-day", "desk-night"]
    assert step.detail["nobody_on_call"] is True


@pytest.mark.expects_errors("alarms go on in memory")
def test_a_journal_that_cannot_be_written_is_an_alarm_and_the_others_go_on_in_memory(bench: Bench) -> None:
    bench.look()
    journal = Places(bench.directory).journal
    bench.desk._journal.close()
    journal.unlink(missing_ok=True)
    journal.mkdir(parents=True)
    alarms = bench.look(1, **SINK_DOWN)
    assert "SinkDown" in [one.rule for one in alarms]
    alarms = bench.look(2, **SINK_DOWN)
    assert {("SinkDown", "sink"), ("SourceSilent", "journal")} == {(one.rule, one.subject) for one in alarms}
    sink = next(one for one in alarms if one.rule == "SinkDown")
    assert bench.desk.acknowledge(sink.identity, "desk-day").acknowledged_by == "desk-day"
    assert "cannot be written" in bench.desk.hand_over()
    journal.rmdir()
    for second in range(3, 9):
        alarms = bench.look(second, **SINK_DOWN)
    assert {(one.rule, one.acknowledged_by) for one in alarms} == {("SinkDown", "desk-day"), ("SourceSilent", None)}
    assert next(one for one in alarms if one.subject == "journal").cleared_at is not None
    assert list(bench.reopened().alarms()) == alarms


def test_conflicts_that_were_seen_are_no_news_after_a_restart_and_new_ones_are(bench: Bench) -> None:
    def conflicts(number: int) -> dict[str, Any]:
        return {"store": store(topics=(STORE.topics[0]._replace(conflicts=number),))}

    assert bench.look(**conflicts(3)) == []
    bench.look(10, **conflicts(3))
    bench.reopened()
    assert bench.look(11, **conflicts(3)) == []
    bench.reopened()
    assert [one.rule for one in bench.look(12, **conflicts(4))] == ["ConflictsSeen"]


# ---- handing over
def test_at_a_change_of_shift_the_hand_over_writes_itself(bench: Bench) -> None:
    bench.desk.ask_roster()
    bench.look(**SINK_DOWN)
    assert Kind.HANDED_OVER not in bench.kinds()
    bench.look(3600, **SINK_DOWN)
    (step,) = (step for step in bench.steps() if step.kind is Kind.HANDED_OVER)
    assert step.by == "operations"
    assert "desk-night" in step.detail["text"]
    assert "SinkDown" in step.detail["text"]


def test_a_hand_over_says_what_is_open_how_things_stand_and_what_happened(bench: Bench) -> None:
    bench.desk.ask_roster()
    busy = store(
        clocks=(
            ClockQueue("LEAD_24H", "370285", 10, 2, 7, AT - HOUR, False),
            ClockQueue("RELEASE", "370211", 3, 0, 1, AT - HOUR, True),
        ),
        missing=(MissingReport("unit-1", "370285", "DAILY_REPORT", "tested", AT - HOUR),),
    )
    forecast = (FORECAST._replace(will_miss=14.0, low=9.0, high=19.0),)
    bench.courier = Courier()
    bench.look(**SINK_DOWN, store=busy, forecast=forecast)
    bench.desk.note("desk-day", "retried check-ins/0/7")
    first = bench.desk.alarms()[0]
    bench.desk.acknowledge(first.identity, "desk-day")
    text = bench.desk.hand_over("desk-day")
    for said in (
        "# Hand-over 交接班",
        "by 交班: desk-day",
        "On call 值班: 1. desk-day",
        "1. desk-night",
        "SinkDown",
        "taken on by 处理人: desk-day",
        "| Overdue 超期 | 7: LEAD_24H 370285 7 |",
        "| Due within the hour 一小时内到期 | 2: LEAD_24H 370285 2 |",
        "| Overdue releases 超期未解除 | 1: RELEASE 370211 1 |",
        "| Missing reports 应报未报 | 1: DAILY_REPORT/tested 370285 1 |",
        "| Dead letters that wait 待处理死信 | 0 |",
        "| Lag 积压 | 0 |",
        "LEAD_24H 370285 14 (9-19) / 10",
        "ACTION 处置 by desk-day: retried check-ins/0/7",
        "RAISED 告警",
        "ACKNOWLEDGED 确认",
    ):
        assert said in text, said
    again = bench.desk.hand_over()
    assert "ACTION" not in again  # that was the shift before
    assert "SinkDown" in again
    assert bench.kinds().count(Kind.HANDED_OVER) == 1


def test_what_is_unknown_is_handed_on_as_unknown(bench: Bench) -> None:
    bench.desk.look(snapshot(store=silent(STORE, AT - 90_000), kafka=Reading()))
    text = bench.desk.hand_over()
    assert "| Overdue releases 超期未解除 | unknown 未知 |" in text
    assert "| Lag 积压 | unknown 未知 |" in text
    assert "store: 90 s (no answer)" in text


def test_a_hand_over_is_also_a_document(bench: Bench) -> None:
    bench.desk.ask_roster()
    bench.look(**SINK_DOWN)
    shift = handover.Shift(AT, AT, AT, bench.desk._records, bench.steps(), ROSTER, None)
    document = json.loads(json.dumps(handover.as_document(shift)))
    assert document["on_call"] == [["desk-day"]]
    assert document["next"]["on_call"] == [["desk-night"]]
    assert [alarm["rule"] for alarm in document["open"]] == ["SinkDown"]
    assert [step["kind"] for step in document["steps"]] == ["RAISED"]
    assert document["standing"] is None


def test_a_look_is_quick_where_there_is_much_to_look_at(bench: Bench) -> None:
    import time

    many = store(devices=tuple(STORE.devices[0]._replace(device=f"gate-{number}") for number in range(2000)))
    looks: list[Snapshot] = [snapshot(AT + 1000 * second, store=many) for second in range(5)]
    begun = time.process_time()
    for look in looks:
        bench.desk.look(look)
    assert (time.process_time() - begun) / len(looks) < 0.2
