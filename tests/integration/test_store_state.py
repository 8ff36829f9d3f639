"""What the tables say for the operations page, on the real engine: rows are read back, deadlines pass on an idle night,
and who was never heard of is told as that."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl
import pytest

from infra.lag.questions import DELAY_BOUNDS, NOT_STATED, QUERYABLE, QUESTIONS, Question
from infra.lag.read_back import ReadBack
from infra.lag.snapshot import (
    ClockQueue,
    Coverage,
    DeadLetterCount,
    DeviceState,
    MissingReport,
    QueryableDelay,
    ReportTotal,
    StoreState,
)
from infra.lag.store_state import StoreCollector
from infra.settings import OperationsSettings
from schemas import events
from schemas.registry import default_registry
from sinks.blocks import Block
from sinks.clickhouse import Address, ClickHouse
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.support.cluster import ClickHouseServer
from tests.unit.sinks.log import DAY, HOUR, MINUTE, PARTITIONS, PERSONS, Gate, Log

A, B, C, D = PERSONS[:4]
SECOND = 1000
LATELY = 300
LATE = 700 * SECOND
"""Age of the events that are written: in the same bucket for twenty minutes, however slow the machine."""

WITHIN_HALF_AN_HOUR, WITHIN_SIX_HOURS = DELAY_BOUNDS.index(1800.0), DELAY_BOUNDS.index(21_600.0)
LONGER = len(DELAY_BOUNDS)


def machine() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def reader(clickhouse_server: ClickHouseServer) -> Iterator[ClickHouse]:
    password = clickhouse_server.reader_password
    with ClickHouse(Address(clickhouse_server.host, clickhouse_server.port, "reader", password), "test", 60) as client:
        yield client


def collector(reader: ClickHouse) -> StoreCollector:
    """One for which time does not pass: what was dear is not asked again."""
    return StoreCollector(reader, OperationsSettings(), "wall", machine, lambda: 0.0)


class Tables:
    """Empty tables, and a log whose new records go into them as a sink writes them."""

    def __init__(self, client: ClickHouse) -> None:
        engines = "database = 'checkline' AND endsWith(engine, 'MergeTree') AND name != 'migrations'"
        for (name,) in client.rows(f"SELECT name FROM system.tables WHERE {engines}"):
            client.execute(f"TRUNCATE TABLE checkline.{name}")
        self.now = machine()
        self.log = Log()
        self.client = client
        self._writer = Writer(client, default_registry(), PARTITIONS, "test")
        self._written: dict[tuple[str, int], int] = {}
        self._blocks: list[Block] = []

    def write(self) -> None:
        self._blocks = self._writer.write(self.log.spans(self._written))
        self._written = dict(self.log.ends)

    def count_again(self) -> None:
        """The ledger rows of the last blocks, as they are when their hours have been counted."""
        self._writer.ledger.record(self._blocks, recounted=True)

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.client.insert(f"checkline.{table}", pl.DataFrame(rows, infer_schema_length=None).get_columns())

    def clock(self, name: str, due: int, **said: Any) -> dict[str, Any]:
        """A row of a clock; due so many ms from now."""
        opened = {"clock_id": name, "as_of": self.now, "opened_at": self.now - DAY, "due_at": self.now + due}
        facts = {"token": A, "lead_id": name, "deadline_class": "OTHER", "done_at": None, "withdrawn_at": None}
        rest = {"policy": "p@1", "appended_at": self.now, "content": bytes(16), "partition": 0, "offset": len(name)}
        return {**opened, **facts, **rest, "subject": "PERSON", "duty": "", "before_due": False, **said}


@pytest.fixture
def tables(migrated: ClickHouse) -> Tables:
    return Tables(migrated)


def register(tables: Tables) -> None:
    desk, before = Gate("registry"), tables.now - DAY
    names = {"name_en": "a place"}
    for site, kind, division in (
        ("site-1", "MOTORWAY", "370202"),
        ("site-2", "RAIL", "370203"),
        ("site-3", "RAIL", "370203"),
        ("ward-1", "HOSPITAL", "370203"),
    ):
        tables.log.publish(desk.event(events.Site, before, entity_id=site, site_kind=kind, division=division, **names))
    for device in ("gate-1", "gate-2"):
        tables.log.publish(desk.event(events.Device, before, entity_id=device, parent="site-1"))
    for unit, division in (("town-1", "370203"), ("town-2", "370211")):
        tables.log.publish(desk.event(events.Unit, before, entity_id=unit, division=division, **names))
    order = {"entity_id": "order-1", "valid_from": before, "division": "371002", "tier": "HIGH"}
    tables.log.publish(desk.event(events.ClosureOrder, before, **order))
    tables.write()


class Delayed(NamedTuple):
    topic: str
    district: str
    buckets: dict[int, int]


def delayed(found: tuple[QueryableDelay, ...]) -> list[Delayed]:
    return [
        Delayed(one.topic, one.district, {place: count for place, count in enumerate(one.delay.counts) if count})
        for one in found
    ]


def queues(tables: Tables) -> None:
    gate, now = Gate("desk-1"), tables.now
    tables.log.publish(gate.event(events.LeadDispatched, now - DAY, token=A, lead_id="lead-1", unit="town-2"))
    tables.log.publish(gate.event(events.LeadRerouted, now - HOUR, token=A, lead_id="lead-1", unit="town-1"))
    started = {"task": "q-1", "place": "INSTITUTIONAL", "unit": "town-2"}
    tables.log.publish(gate.event(events.QuarantineStarted, now - DAY, token=B, **started))
    tables.write()
    unit: dict[str, Any] = {"subject": "UNIT", "duty": "DAILY_REPORT"}
    period = "cases/2020-02-19/DAY"
    tables.insert(
        "sla_clocks",
        [
            tables.clock("lead-1", 30 * MINUTE, deadline_class="HOURS_24"),
            tables.clock("lead-2", -HOUR, deadline_class="HOURS_24"),
            tables.clock("lead-3", -HOUR, deadline_class="HOURS_24", done_at=now),
            tables.clock("lead-4", -HOUR, deadline_class="HOURS_24", withdrawn_at=now),
            tables.clock("q-1/RELEASE", -MINUTE, token=B, lead_id="q-1", duty="RELEASE"),
            tables.clock("order-1/LIFTING", 2 * HOUR, lead_id="order-1", subject="ORDER", duty="LIFTING"),
            tables.clock("r1", -HOUR, token="town-1", lead_id=period, **unit),
            tables.clock("r2", -HOUR, token="town-2", lead_id=period, done_at=now - 2 * HOUR, **unit),
            tables.clock("r3", -HOUR, token="town-3", lead_id=period, withdrawn_at=now - DAY, **unit),
            tables.clock("r4", HOUR, token="town-2", lead_id="cases/2020-02-20/DAY", done_at=now, **unit),
        ],
    )


def arrivals(tables: Tables) -> None:
    gate, now = Gate("gate-1"), tables.now
    first = gate.passage(A, now - 10 * MINUTE)
    tables.log.publish(first, gate.passage(B, now - 90 * SECOND))
    tables.log.publish(gate.passage(C, now - 90 * SECOND, sequence=5), first)
    tables.log.publish(gate.passage(B, now - 80 * SECOND, sequence=2))  # another content of the same identity
    tables.log.publish(Gate("stray-1").passage(D, now - 30 * SECOND, site="site-3"))
    tables.log.publish(Gate("stray-2").passage(D, now - HOUR, site="nowhere"))
    tables.log.append(("check-ins", 0), [Sent(A.encode(), b"garbage", now - MINUTE), Sent(A.encode(), b"", now - HOUR)])
    tables.write()


def announcements(tables: Tables) -> None:
    told = (("BREACHED", 10 * SECOND), ("BREACHED", 10 * MINUTE), ("DUE_SOON", SECOND), ("RETRACTED", SECOND))
    rows = [
        {**tables.clock(f"lead-{number}", -HOUR), "kind": kind, "as_of": tables.now - ago, "offset": number}
        for number, (kind, ago) in enumerate(told)
    ]
    tables.insert("sla_notices", rows)


def ledger(tables: Tables) -> None:
    hours = [tables.now // HOUR * HOUR, tables.now // HOUR * HOUR - HOUR]
    blocks = (
        ("reports", 100, 110, 1),  # the log begins where retention has left it
        ("reports", 105, 120, 0),
        ("reports", 130, 140, 0),
        ("enforcement", 0, 10, 1),
        ("enforcement", 10, 30, 1),
    )
    common = {"partition": 99, "stored": 1, "marks": 0, "refused": 0, "hours": hours, "written_by": "test"}
    rows = [
        {"topic": topic, "span_begin": begin, "span_end": end, "recounted": counted, **common}
        for topic, begin, end, counted in blocks
    ]
    tables.insert("ledger", rows)


def test_the_delay_until_rows_are_queryable_is_measured_on_the_rows_themselves_once(
    tables: Tables, reader: ClickHouse
) -> None:
    gate, now = Gate("gate-1"), tables.now
    read = ReadBack(reader, LATELY, 40, lambda: 0.0)
    districts = {"site-1": "370202", "town-2": "370211"}

    def look() -> list[Delayed]:
        read.look(machine(), districts)
        return delayed(read.delays())

    tables.log.publish(gate.passage(A, now - LATE))
    tables.write()
    assert look() == []  # nobody saw it come

    repeated = gate.passage(A, now - LATE)
    tables.log.publish(repeated, gate.passage(B, now - LATE), gate.passage(C, now - 2 * HOUR))
    tables.log.publish(repeated)
    tables.log.publish(gate.passage(D, now - 2 * DAY, site="nowhere"))
    tables.log.publish(gate.event(events.LeadDispatched, now - LATE, token=A, lead_id="lead-1", unit="town-2"))
    tables.write()
    first = [
        Delayed("check-ins", "370202", {WITHIN_HALF_AN_HOUR: 2, WITHIN_SIX_HOURS: 1}),
        Delayed("check-ins", NOT_STATED, {LONGER: 1}),
        Delayed("follow-ups", "370211", {WITHIN_HALF_AN_HOUR: 1}),
    ]
    assert look() == first
    # 700 s, 700 s and two hours before now, and what writing took.
    assert 8600 <= read.delays()[0].delay.total < 8600 + 3 * 1000
    assert read.lost == 0  # what came again stands at its first position
    assert read.heard["site-1"] == now - LATE + SECOND

    tables.count_again()
    assert look() == first

    tables.log.publish(gate.passage(A, now - LATE))
    tables.write()
    assert look()[0].buckets == {WITHIN_HALF_AN_HOUR: 3, WITHIN_SIX_HOURS: 1}
    read.look(machine() + LATELY * SECOND, districts)
    assert [one.delay.count for one in read.delays()] == [0, 0, 0]  # no longer lately
    assert [one.so_far.count for one in read.delays() if one.so_far] == [4, 1, 1]


def test_a_row_that_the_ledger_has_and_the_table_has_not_is_a_difference(tables: Tables, reader: ClickHouse) -> None:
    read, gate = ReadBack(reader, LATELY, 40, lambda: 0.0), Gate("gate-1")
    read.look(machine(), {})
    tables.log.publish(*(gate.passage(token, tables.now - SECOND) for token in (A, B, C)))
    tables.write()
    tables.client.execute(f"ALTER TABLE checkline.check_ins DELETE WHERE token = '{B}' SETTINGS mutations_sync = 2")
    read.look(machine(), {})
    assert read.lost == 1
    assert [one.delay.count for one in read.delays()] == [2]
    read.look(machine(), {})
    assert read.lost == 1  # for as long as the block counts as written lately
    read.look(machine() + LATELY * SECOND, {})
    assert read.lost == 0


def test_the_question_as_it_stands_tells_what_the_looks_have_read(tables: Tables, reader: ClickHouse) -> None:
    read, gate = ReadBack(reader, LATELY, 40, lambda: 0.0), Gate("gate-1")
    read.look(machine(), {})
    for token in (A, B, C):
        tables.log.publish(gate.passage(token, tables.now - LATE))
        tables.write()
        read.look(machine(), {})
    assert [(topic, place, bucket, rows) for topic, place, bucket, rows, *_ in reader.rows(QUERYABLE.sql)] == [
        ("check-ins", "site-1", WITHIN_HALF_AN_HOUR + 1, 3)
    ]
    assert delayed(read.delays()) == [Delayed("check-ins", NOT_STATED, {WITHIN_HALF_AN_HOUR: 3})]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.usefixtures("migrated")
def test_every_question_can_be_asked_as_it_stands(question: Question, reader: ClickHouse) -> None:
    reader.rows(question.sql)


def test_of_empty_tables_nothing_is_told_and_of_every_topic_that_nothing_came(
    tables: Tables, reader: ClickHouse
) -> None:
    state = collector(reader).collect(tables.now)
    sections = state.queryable, state.clocks, state.dead_letters, state.devices, state.totals, state.missing
    assert not any(sections)
    assert (state.coverage, state.breaches_recent, state.not_read_back) == ((), 0, 0)
    assert [topic[1:] for topic in state.topics] == [(0, 0, 0, 0, 0, 0)] * 7


class Seen(NamedTuple):
    """The state as of ``now``, and an hour and a half later, when only one more passage had been written."""

    now: int
    state: StoreState
    later: StoreState


@pytest.fixture(scope="module")
def seen(migrated: ClickHouse, reader: ClickHouse) -> Seen:
    tables = Tables(migrated)
    for write in (register, queues, announcements, arrivals, ledger):
        write(tables)
    asked = collector(reader)
    state = asked.collect(tables.now)
    sent = {"at": tables.now - 90 * SECOND, "sent_at": tables.now - 3 * SECOND}
    tables.log.publish(Gate("gate-2").passage(A, site="site-2", **sent))
    tables.write()
    return Seen(tables.now, state, asked.collect(tables.now + 90 * MINUTE))


def test_queues_pass_their_deadlines_by_the_time_of_the_look_not_by_the_newest_notice(seen: Seen) -> None:
    now = seen.now
    assert seen.state.clocks == (
        ClockQueue("DAILY_REPORT", "370203", 1, 0, 1, now - HOUR, False),
        ClockQueue("HOURS_24", "370203", 1, 1, 0, now + 30 * MINUTE, False),  # of the unit it was rerouted to
        ClockQueue("HOURS_24", NOT_STATED, 1, 0, 1, now - HOUR, False),
        ClockQueue("LIFTING", "371002", 1, 0, 0, now + 2 * HOUR, True),
        ClockQueue("RELEASE", "370211", 1, 0, 1, now - MINUTE, True),
    )
    # An idle night: no clock and no notice was written since.
    later = [one for one in seen.later.clocks if one.district in ("370203", "371002")]
    assert [(one.duty, one.due_soon, one.overdue) for one in later] == [
        ("DAILY_REPORT", 0, 1),
        ("HOURS_24", 0, 1),
        ("LIFTING", 1, 0),
    ]


def test_a_report_that_did_not_come_is_missing_and_one_that_is_not_due_is_not_counted(seen: Seen) -> None:
    assert seen.state.totals == (ReportTotal("DAILY_REPORT", "cases", "2020-02-19", "DAY", 2, 1, 0.5),)
    assert seen.state.missing == (MissingReport("town-1", "370203", "DAILY_REPORT", "cases", seen.now - HOUR),)


def test_breaches_are_those_announced_lately(seen: Seen) -> None:
    assert seen.state.breaches_recent == 1
    assert seen.later.breaches_recent == 0


def test_what_arrived_is_told_with_what_was_refused_repeated_and_contradicted(seen: Seen) -> None:
    topic = next(one for one in seen.state.topics if one.topic == "check-ins")
    # Nine records: two refused, one that came again, one that contradicts another. Lately: neither the first and its
    # repeat, nor stray-2, nor the refused one of an hour ago.
    assert topic == ("check-ins", 9, 2, 1, 1, 5, 1)
    assert seen.state.dead_letters == (
        DeadLetterCount("check-ins", "FOREIGN_MAGIC", 1, 1),
        DeadLetterCount("check-ins", "TOO_SHORT", 1, 0),
    )


def test_a_device_is_silent_skewed_or_has_gaps_and_one_never_heard_of_is_told_as_that(seen: Seen) -> None:
    devices = {one.device: one for one in seen.state.devices}
    # The broker appended each record a second after it was sent.
    assert devices["gate-1"] == DeviceState("gate-1", "site-1", "370202", True, 79.0, -1.0, 2)
    assert devices["gate-2"] == DeviceState("gate-2", "site-1", "370202", True, None, None, 0)
    assert devices["stray-1"] == DeviceState("stray-1", "site-3", "370203", False, 29.0, -1.0, 0)
    assert devices["site-2"] == DeviceState("site-2", "site-2", "370203", True, None, None, 0)
    assert devices["site-3"] == DeviceState("site-3", "site-3", "370203", True, 29.0, None, 0)
    # A site with devices is told by them, a ward is no checkpoint, and strangers are told while they are heard.
    assert not {"site-1", "ward-1", "stray-2", "registry"} & set(devices)


def test_what_is_heard_while_a_dear_question_rests_is_known_all_the_same(seen: Seen) -> None:
    devices = {one.device: one for one in seen.later.devices}
    assert dict(seen.state.asked_at)["devices"] == dict(seen.later.asked_at)["devices"]
    assert devices["site-2"].silent_seconds == 90 * 60 + 2.0
    assert devices["gate-1"].silent_seconds == 90 * 60 + 79.0


def test_the_ledger_is_covered_up_to_its_first_hole(seen: Seen) -> None:
    assert [one for one in seen.state.coverage if one.partition == 99] == [
        Coverage("enforcement", 99, 30, 0),
        Coverage("reports", 99, 120, 2),
    ]


def test_the_size_of_the_store_is_known_to_the_reader(seen: Seen) -> None:
    assert seen.state.bytes_on_disk > 1000
