"""Whatever is done to the tables behind the sinks' back, the audit finds it and a repair mends it from the log."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from schemas import events
from schemas.registry import default_registry
from schemas.topics import ALL_TOPICS, partitions_of
from schemas.wire.batches import RecordBatch
from schemas.wire.rows import RowCodec
from sinks.audit import audit
from sinks.blocks import Span
from sinks.clickhouse import Address, ClickHouse, StatementFailed
from sinks.counts import Recounter
from sinks.findings import Finding
from sinks.repair import Log as LogAccess
from sinks.repair import Mended, Repair, plan
from sinks.rereading import Range, Reading, column_types, decode, differences
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.unit.sinks.log import DAY, HOUR, NOON, PARTITIONS, PERSONS, Gate, Log

DATABASES = ("checkline", "checkline_restricted")
VOLATILE = {
    "checkline.ledger": ("written_at", "written_by"),
    "checkline.conflicts": ("detected_at",),
    "checkline.cells": ("version", "counted_at", "previous"),
    "checkline_restricted.dead_letter_bytes": ("kept_since",),
}
"""Columns that say when and by whom, not what."""

NOT_OF_THE_LOG = ("checkline.migrations", "checkline.repairs", "checkline.replays", "checkline.cell_history")


def tables(client: ClickHouse) -> list[str]:
    query = (
        f"SELECT database || '.' || name FROM system.tables WHERE database IN {DATABASES} AND engine LIKE '%MergeTree'"
    )
    return sorted(name for (name,) in client.rows(query))


def content(client: ClickHouse) -> dict[str, list[str]]:
    """Every row of every table that is made from the log, all columns that say something of it."""
    found = {}
    for table in tables(client):
        if table not in NOT_OF_THE_LOG:
            left_out = VOLATILE.get(table)
            columns = f"* EXCEPT ({', '.join(left_out)})" if left_out else "*"
            where = "WHERE value > 0" if table == "checkline.cells" else ""
            rows = client.bytes_rows(f"SELECT {columns} FROM {table} FINAL {where}")
            found[table] = sorted(map(repr, rows))
    return found


class World(NamedTuple):
    """A log with something of everything, its sink, and what is compared and mended."""

    client: ClickHouse
    log: Log
    recounter: Recounter

    def read(self, span: Span) -> Sequence[RecordBatch]:
        batches = self.log.batches[span.topic, span.partition]
        whole = [batch for batch in batches if batch.next_offset > span.begin and batch.base_offset < span.end]
        return [RecordBatch(batch.raw, span.begin) for batch in whole]

    def audit(self) -> list[Finding]:
        ranges = list(self.log.spans())
        return audit(self.client, self.log.ends, {}, self.read, ranges, partitions=PARTITIONS, settle_seconds=0.0)

    def mend(self, findings: Sequence[Finding], client: ClickHouse | None = None) -> list[Mended]:
        reading = Reading(default_registry(), PARTITIONS)
        access = LogAccess({}, self.log.ends, self.read)
        repair = Repair(client or self.client, access, reading, "test", settle_seconds=0.0)
        return repair.mend(plan(self.client, findings, {}))

    def mend_until_it_holds(
        self, findings: Sequence[Finding], client: ClickHouse | None = None
    ) -> tuple[list[Mended], Sequence[Finding]]:
        """Mend and audit until nothing is found, as the command does, at most four rounds: what was done and left."""
        done = []
        for _ in range(4):
            if findings:
                done += self.mend(findings, client)
                self.recounter.run()
                findings = self.audit()
        return done, findings


class Intact(NamedTuple):
    """A world, and what its tables hold while nobody has damaged them."""

    world: World
    content: dict[str, list[str]]


@pytest.fixture(scope="module")
def made(migrated: ClickHouse) -> list[Intact]:
    """The world that the tests of this module share: each leaves it as it was."""
    return []


@pytest.fixture
def intact(migrated: ClickHouse, made: list[Intact]) -> Intact:
    if not made or content(migrated) != made[0].content:
        made[:] = [_intact(migrated)]
    migrated.execute("TRUNCATE TABLE checkline.repairs")
    return made[0]


def _intact(client: ClickHouse) -> Intact:
    for table in tables(client):
        if table != "checkline.migrations":
            client.execute(f"TRUNCATE TABLE {table}")
    log = Log()
    recounter = Recounter(client, "test")
    places = [(topic.name, number) for topic in ALL_TOPICS for number in range(partitions_of(topic, PARTITIONS))]
    recounter.own(dict.fromkeys(places, 0))
    writer = Writer(client, default_registry(), PARTITIONS, "test")
    for part in (_inputs, _more_inputs, _derived):
        part(log)
        recounter.add(writer.write(log.spans(writer.ledger.positions())))
        recounter.run()
    world = World(client, log, recounter)
    assert world.audit() == []
    return Intact(world, content(client))


def _inputs(log: Log) -> None:
    gate = Gate()
    first = [gate.passage(PERSONS[0], NOON + minute * HOUR // 4, site=f"site-{minute % 2}") for minute in range(8)]
    log.publish(*first, hole=2)
    log.publish(*(Gate("gate-2").passage(person, NOON) for person in PERSONS[1:6]))
    log.publish(Gate("line-1").event(events.UrgentNeed, token=PERSONS[0], need="self-harm risk"))
    log.publish(Gate("line-2").event(events.UrgentNeed, token=PERSONS[0], need="self-harm risk"))
    log.publish(first[0], first[3])


def _more_inputs(log: Log) -> None:
    gate = Gate()
    lost = gate.passage(PERSONS[0], NOON, sequence=3, site="site-9", sent_at=NOON + DAY)
    log.publish(lost, gate.passage(PERSONS[0], NOON, sequence=20), gate.passage(PERSONS[0], NOON - DAY, sequence=21))
    place = log.place_of("check-ins", PERSONS[0].encode())
    log.append(place, [Sent(PERSONS[0].encode(), b"\x01ab", NOON)])
    log.mark("check-ins", place[1], NOON)


def _derived(log: Log) -> None:
    risk = RowCodec(default_registry(), "risk-changes")
    clocks = RowCodec(default_registry(), "sla-events")
    letters = RowCodec(default_registry(), "dead-letters")
    for person, number in [(PERSONS[0], 0), (PERSONS[1], 1), (PERSONS[0], 2)]:
        segment = {"levels": ["HIGH"], "froms": [number], "untils": [number + HOUR], "rules": ["temperature"]}
        value = risk.encode({"as_of": NOON + number, **segment, "policies": ["p1"], "evidence": ["gate-1#1"]})
        log.append(log.place_of("risk-changes", person.encode()), [Sent(person.encode(), value, NOON)])
    for kind, clock_id in [
        ("CLOCK", "one"),
        ("CLOCK", "two"),
        ("CLOCK", "one"),
        ("BREACHED", "one"),
        ("DUE_SOON", "two"),
    ]:
        times: dict[str, Any] = {
            "as_of": NOON,
            "opened_at": NOON,
            "due_at": NOON + DAY,
            "done_at": None,
            "withdrawn_at": None,
        }
        row: dict[str, Any] = {
            "token": PERSONS[0],
            "lead_id": clock_id,
            "deadline_class": "HOURS_24",
            "policy": "p1",
            "evidence": [],
        }
        value = clocks.encode({"kind": kind, **times, **row})
        log.append(log.place_of("sla-events", clock_id.encode()), [Sent(clock_id.encode(), value, NOON)])
    for offset in (77, 78):
        row = {"topic": "check-ins", "partition": 3, "offset": offset, "appended_at": NOON, "reason": "TRUNCATED"}
        row |= {"field": None, "detail": "ends too early", "schema_id": 1, "owner": "risk"}
        value = letters.encode({**row, "record_key": b"\xff", "record_value": b"\x00\x01"})
        log.append(("dead-letters", 0), [Sent(f"check-ins/3/{offset}".encode(), value, NOON)])


class Damage(NamedTuple):
    """Statements done behind the sinks' back, and by which check of which table they are found at least."""

    statements: tuple[str, ...]
    found_by: str
    table: str


def delete(table: str, where: str) -> str:
    return f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2"


def update(table: str, change: str, where: str) -> str:
    return f"ALTER TABLE {table} UPDATE {change} WHERE {where} SETTINGS mutations_sync = 2"


def copy(table: str, changes: str, where: str) -> str:
    return f"INSERT INTO {table} SELECT * REPLACE ({changes}) FROM (SELECT * FROM {table} WHERE {where} LIMIT 1)"


EVENTS, URGENT, ARRIVALS = "checkline.check_ins", "checkline_restricted.urgent_care", "checkline.arrivals"
LEDGER, CELLS, CONFLICTS, IDENTITIES = (f"checkline.{name}" for name in ("ledger", "cells", "conflicts", "identities"))
LETTERS, BYTES = "checkline.dead_letters", "checkline_restricted.dead_letter_bytes"
TIMELINES, CLOCKS, NOTICES = (f"checkline.{name}" for name in ("risk_timelines", "sla_clocks", "sla_notices"))
FIFTH = "source = 'gate-1' AND sequence = 5"
OF_FIFTH = f"(partition, offset) IN (SELECT partition, offset FROM {EVENTS} WHERE {FIFTH}) AND topic = 'check-ins'"
FIRST_BLOCK = "topic = 'check-ins' AND span_begin = 0 AND span_end > 6"
ONE = "clock_id = 'one'"
HASH = "toFixedString('xxxxxxxxxxxxxxxx', 16)"

DAMAGES = {
    "an event row was deleted": Damage((delete(EVENTS, FIFTH),), "rows", EVENTS),
    "an event row was inserted": Damage((copy(EVENTS, f"999 AS sequence, {HASH} AS identity", FIFTH),), "rows", EVENTS),
    "a value was altered": Damage((update(EVENTS, "mask_worn = true", FIFTH),), "log", EVENTS),
    "a counted value was altered": Damage((update(EVENTS, "site = 'elsewhere'", FIFTH),), "cells", CELLS),
    "a value of the key was altered": Damage(
        (copy(EVENTS, "hour + 3600 AS hour", FIFTH), delete(EVENTS, f"{FIFTH} AND hour = toStartOfHour(occurred_at)")),
        "rows",
        EVENTS,
    ),
    "a kind was altered": Damage(
        (copy(EVENTS, "'DECISION' AS kind", FIFTH), delete(EVENTS, f"{FIFTH} AND kind = 'PASSAGE'")), "cells", CELLS
    ),
    "a row stands beside as another kind": Damage((copy(EVENTS, "'DECISION' AS kind", FIFTH),), "rows", EVENTS),
    "a row stands under the same key": Damage((copy(EVENTS, "true AS mask_worn", FIFTH),), "log", EVENTS),
    "a row of the same key claims an earlier position": Damage(
        (copy(EVENTS, "true AS mask_worn, offset - 1 AS offset", FIFTH),), "rows", EVENTS
    ),
    "a position was altered": Damage(
        (copy(EVENTS, "offset - 1 AS offset", FIFTH), delete(EVENTS, f"{FIFTH} AND offset = 4")), "rows", EVENTS
    ),
    "a row of a partition that is not there": Damage((copy(EVENTS, "77 AS partition", FIFTH),), "beyond", EVENTS),
    "a row of a position that is not there": Damage(
        (copy(EVENTS, f"9999 AS offset, {HASH} AS identity", FIFTH),), "beyond", EVENTS
    ),
    "all event rows were deleted": Damage((f"TRUNCATE TABLE {EVENTS}",), "rows", EVENTS),
    "a restricted row was deleted": Damage((delete(URGENT, "source = 'line-1'"),), "rows", URGENT),
    "a restricted row was inserted": Damage(
        (copy(URGENT, f"{HASH} AS identity", "source = 'line-1'"),), "rows", URGENT
    ),
    "a restricted value was altered": Damage((update(URGENT, "need = 'none'", "source = 'line-1'"),), "log", URGENT),
    "an arrival was deleted": Damage((delete(ARRIVALS, OF_FIFTH),), "digest", LEDGER),
    "an arrival was inserted": Damage((copy(ARRIVALS, f"8 AS offset, {HASH} AS content", OF_FIFTH),), "log", ARRIVALS),
    "an arrival was altered": Damage((update(ARRIVALS, "appended_at = appended_at + 1", OF_FIFTH),), "log", ARRIVALS),
    "an arrival has another identity": Damage((copy(ARRIVALS, f"{HASH} AS identity", OF_FIFTH),), "digest", LEDGER),
    "a refused record is said to be another": Damage(
        (update(ARRIVALS, "reason = 'TRUNCATED'", "outcome = 'REFUSED'"),), "digest", LEDGER
    ),
    "an arrival of a topic that is not there": Damage(
        (copy(ARRIVALS, "'nobody''s' AS topic", OF_FIFTH),), "beyond", ARRIVALS
    ),
    "an identity was deleted": Damage((delete(IDENTITIES, "sequence = 5"),), "identities", IDENTITIES),
    "an identity was inserted": Damage((copy(IDENTITIES, f"{HASH} AS content", "1"),), "identities", IDENTITIES),
    "an identity was altered": Damage((update(IDENTITIES, "sent_at = 0", "sequence = 3"),), "identities", IDENTITIES),
    "a conflict was deleted": Damage((f"TRUNCATE TABLE {CONFLICTS}",), "conflicts", CONFLICTS),
    "a conflict was inserted": Damage(
        (
            copy(
                CONFLICTS,
                f"(SELECT any(identity) FROM {EVENTS} WHERE {FIFTH}) AS identity,"
                f"(SELECT any(content) FROM {EVENTS} WHERE {FIFTH}) AS loser_content",
                "1",
            ),
        ),
        "conflicts",
        CONFLICTS,
    ),
    "a conflict was altered": Damage(
        (update(CONFLICTS, "loser_hour = loser_hour + 3600", "1"),), "conflicts", CONFLICTS
    ),
    "a conflict says the winner lost": Damage(
        (
            f"INSERT INTO {CONFLICTS} SELECT identity, loser_content, loser_sent_at, loser_topic, loser_partition,"
            " loser_hour, winner_content, winner_sent_at, winner_topic, winner_partition, winner_hour, detected_at"
            f" FROM {CONFLICTS}",
        ),
        "conflicts",
        CONFLICTS,
    ),
    "a block is not in the ledger": Damage((delete(LEDGER, FIRST_BLOCK),), "coverage", LEDGER),
    "a block is missing": Damage(
        (
            delete(LEDGER, FIRST_BLOCK),
            *(
                delete(table, f"partition IN (SELECT partition FROM {EVENTS} WHERE {FIFTH}) AND offset < 10")
                for table in (ARRIVALS, EVENTS)
            ),
        ),
        "coverage",
        LEDGER,
    ),
    "a count of the ledger was altered": Damage(
        (update(LEDGER, "stored = stored + 1", FIRST_BLOCK),), "digest", LEDGER
    ),
    "a digest was altered": Damage((update(LEDGER, "digest = digest + 1", FIRST_BLOCK),), "digest", LEDGER),
    "hours of the ledger were altered": Damage((update(LEDGER, "hours = []", FIRST_BLOCK),), "digest", LEDGER),
    "a block was inserted": Damage((copy(LEDGER, "2 AS span_begin, 5 AS span_end", FIRST_BLOCK),), "digest", LEDGER),
    "a block beyond the log": Damage(
        (copy(LEDGER, "99 AS span_begin, 200 AS span_end", FIRST_BLOCK),), "coverage", LEDGER
    ),
    "a block of a partition that is not there": Damage((copy(LEDGER, "77 AS partition", "1"),), "coverage", LEDGER),
    "cells were altered": Damage((update(CELLS, "value = value + 1", "1"),), "cells", CELLS),
    "a cell was deleted": Damage((delete(CELLS, "site = 'site-0'"),), "cells", CELLS),
    "a cell was inserted": Damage((copy(CELLS, "'nowhere' AS site", "1"),), "cells", CELLS),
    "a cell that no count replaces": Damage(
        (copy(CELLS, "7000 AS value, 18446744073709551615 AS version", "value > 0"),), "cells", CELLS
    ),
    "a right cell that no count will replace": Damage(
        (copy(CELLS, "18446744073709551615 AS version", "value > 0"),), "cells", CELLS
    ),
    "a cell of what is not counted": Damage((copy(CELLS, "'urgent-care' AS topic", "1"),), "cells", CELLS),
    "a timeline was deleted": Damage((delete(TIMELINES, f"token = '{PERSONS[0]}'"),), "log", TIMELINES),
    "a timeline was altered": Damage((update(TIMELINES, "levels = ['LOW']", "1"),), "log", TIMELINES),
    "a timeline was inserted": Damage(
        (copy(TIMELINES, f"'other' AS token, {HASH} AS content", "1"),), "rows", TIMELINES
    ),
    "a clock was deleted": Damage((delete(CLOCKS, ONE),), "log", CLOCKS),
    "a clock was altered": Damage((update(CLOCKS, "done_at = due_at", ONE),), "log", CLOCKS),
    "a clock was inserted": Damage((copy(CLOCKS, f"'six' AS clock_id, {HASH} AS content", ONE),), "rows", CLOCKS),
    "a notice was deleted": Damage((delete(NOTICES, ONE),), "log", NOTICES),
    "a notice was altered": Damage((update(NOTICES, "kind = 'RETRACTED'", ONE),), "log", NOTICES),
    "a notice was inserted": Damage((copy(NOTICES, f"offset + 1 AS offset, {HASH} AS content", ONE),), "rows", NOTICES),
    "a dead letter was deleted": Damage((delete(LETTERS, "offset = 77"),), "log", LETTERS),
    "a dead letter was altered": Damage((update(LETTERS, "detail = 'all is well'", "offset = 77"),), "log", LETTERS),
    "a dead letter was inserted": Damage(
        (copy(LETTERS, "letter_offset + 9 AS letter_offset", "1"),), "beyond", LETTERS
    ),
    "bytes were deleted": Damage((delete(BYTES, "offset = 77"),), "log", BYTES),
    "bytes were altered": Damage((update(BYTES, "record_value = 'x'", "offset = 77"),), "log", BYTES),
    "bytes were inserted": Damage((copy(BYTES, "5 AS letter_partition", "1"),), "beyond", BYTES),
}


TOGETHER = (
    "an event row was deleted, a restricted row was deleted, a timeline was deleted, a notice was deleted,"
    " a dead letter was deleted, an identity was deleted, a cell was deleted",
    "an event row was inserted, a restricted row was inserted, a timeline was inserted, a notice was inserted,"
    " a dead letter was inserted, an identity was inserted, a cell was inserted",
    "a value was altered, a restricted value was altered, a timeline was altered, a notice was altered,"
    " a clock was altered, a dead letter was altered, bytes were altered, an identity was altered, cells were altered",
    "a counted value was altered, a conflict was deleted, a clock was deleted, bytes were deleted",
    "a value of the key was altered, an arrival was inserted, a conflict was altered, a clock was inserted,"
    " bytes were inserted",
    "a kind was altered, a row of a partition that is not there, a conflict was inserted",
    "a row stands beside as another kind, an arrival of a topic that is not there, a cell of what is not counted",
    "a row stands under the same key, a count of the ledger was altered, a conflict says the winner lost,"
    " a right cell that no count will replace",
    "a row of the same key claims an earlier position, a digest was altered, a cell that no count replaces",
    "a position was altered, hours of the ledger were altered",
    "all event rows were deleted, a block beyond the log",
    "a row of a position that is not there, an arrival was deleted",
    "an arrival was altered, a block of a partition that is not there",
    "an arrival has another identity",
    "a refused record is said to be another",
    "a block is not in the ledger",
    "a block is missing",
    "a block was inserted",
)
"""Damages that do not hide one another; what is found and mended of each is the same alone."""


def test_every_damage_is_done_once() -> None:
    done = [damage for together in TOGETHER for damage in together.split(", ")]
    assert sorted(done) == sorted(DAMAGES)


# Every kind of table and of damage is in the first four and the last three.
EVERY_TIME = {*TOGETHER[:4], *TOGETHER[-3:]}


@pytest.mark.parametrize(
    "together", [pytest.param(one, marks=() if one in EVERY_TIME else pytest.mark.long) for one in TOGETHER]
)
def test_what_was_damaged_is_found_and_mended(intact: Intact, together: str) -> None:
    world = intact.world
    damages = [DAMAGES[damage] for damage in together.split(", ")]
    for damage in damages:
        for statement in damage.statements:
            world.client.execute(statement)
    findings = world.audit()
    found = {(finding.check, finding.table) for finding in findings}
    assert found >= {(damage.found_by, damage.table) for damage in damages}, list(map(str, findings))
    assert all(finding.detail and finding.action for finding in findings)
    mended, left = world.mend_until_it_holds(findings)
    assert list(map(str, left)) == []
    assert content(world.client) == intact.content
    assert world.client.rows("SELECT count() FROM checkline.repairs WHERE step = 'DONE'") == [(len(mended),)]


class Broken(ClickHouse):
    """A connection that breaks after a statement that begins like ``at`` was done."""

    def __init__(self, address: Address, at: str) -> None:
        super().__init__(address)
        self._at = at

    def _run(self, statement: str, *arguments: Any, **named: Any) -> Any:
        answer = super()._run(statement, *arguments, **named)
        if statement.lstrip().startswith(self._at):
            raise StatementFailed("test", statement, "the connection broke")
        return answer


STEPS = [
    "INSERT INTO checkline.repairs",
    f"ALTER TABLE {EVENTS}",
    f"INSERT INTO {EVENTS}",
    f"INSERT INTO {ARRIVALS}",
    f"INSERT INTO {LEDGER}",
    f"ALTER TABLE {CELLS}",
]

MUCH = (
    "a counted value was altered",
    "an arrival has another identity",
    "a block is not in the ledger",
    "cells were altered",
)


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_a_repair_that_died_at_any_step_is_simply_run_again(intact: Intact, address: Address, step: str) -> None:
    world = intact.world
    for damage in MUCH:
        for statement in DAMAGES[damage].statements:
            world.client.execute(statement)
    world.client.execute(f"TRUNCATE TABLE {CONFLICTS}")
    with Broken(address, step) as broken, pytest.raises(StatementFailed):
        world.mend_until_it_holds(world.audit(), broken)
    world.recounter.run()
    _, left = world.mend_until_it_holds(world.audit())
    assert list(map(str, left)) == []
    assert content(world.client) == intact.content


def test_a_range_that_the_log_no_longer_holds_is_left_and_named(intact: Intact) -> None:
    world = intact.world
    world.client.execute(delete(EVENTS, FIFTH))
    planned = plan(world.client, world.audit(), dict.fromkeys(world.log.ends, 6))
    assert (planned.ranges, [(span.begin, span.topic) for span in planned.lost]) == ({}, [(0, "check-ins")])
    assert world.mend_until_it_holds(world.audit())[1] == []


def test_a_repair_is_on_record_with_what_was_found_and_the_digests(intact: Intact) -> None:
    world = intact.world
    world.client.execute(delete(ARRIVALS, OF_FIFTH))
    world.mend_until_it_holds(world.audit())
    rows = world.client.rows(
        "SELECT toString(step), topic, span_begin, written > 0, digest_before = digest_after, repaired_by,"
        " length(findings) > 0, digest_after IN (SELECT digest FROM checkline.ledger FINAL)"
        " FROM checkline.repairs WHERE span_end > 0 ORDER BY step"
    )
    assert rows[0] == ("BEGUN", "check-ins", 0, 0, 0, "test", 1, 0)
    assert rows[1] == ("DONE", "check-ins", 0, 1, 0, "test", 1, 1)


def test_an_owner_that_comes_later_counts_what_a_repair_asked_for(intact: Intact) -> None:
    """The repair is done and nobody was there to count."""
    world = intact.world
    world.client.execute(update(CELLS, "value = value + 1", "site = 'site-1'"))
    world.mend(world.audit())
    later = Recounter(world.client, "later")
    later.own(world.log.ends)
    later.run()
    assert world.audit() == []
    assert content(world.client) == intact.content


def test_what_compaction_took_out_of_the_log_is_no_difference(intact: Intact) -> None:
    """The older of two timelines of a person is gone from the log; its arrival stays."""
    world = intact.world
    place = world.log.place_of("risk-changes", PERSONS[0].encode())
    compacted = world.log.batches[place][1:]
    kept, world.log.batches[place] = world.log.batches[place], compacted
    try:
        assert world.audit() == []
    finally:
        world.log.batches[place] = kept


def test_bytes_of_dead_letters_that_were_kept_long_enough_are_not_missed_nor_kept_anew(intact: Intact) -> None:
    world = intact.world
    world.client.execute(delete(BYTES, "offset = 77"))
    span = Span("dead-letters", 0, 0, world.log.ends["dead-letters", 0])

    def decoded(now: int | None) -> Range:
        return decode(Reading(default_registry(), PARTITIONS, now=now), span, world.read(span))

    def missing(now: int | None) -> bool:
        return bool(differences(world.client, decoded(now), column_types(world.client)))

    assert missing(None)
    assert missing(NOON + 29 * DAY)
    assert not missing(NOON + 30 * DAY)
    [frame] = [frame for name, frame in decoded(NOON).rows.tables if name == BYTES]
    assert frame["kept_since"].to_list() == [NOON, NOON]
    world.mend_until_it_holds(world.audit())
