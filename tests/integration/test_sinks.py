"""Sinks on the real engine: what was published is counted once, whatever is repeated, disordered or interrupted."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from schemas import events
from schemas.identities import EventId, identity_hash
from schemas.registry import default_registry
from schemas.topics import INPUT_TOPICS
from schemas.wire.batches import RecordBatch
from schemas.wire.rows import RowCodec
from sinks.audit import audit
from sinks.blocks import Span
from sinks.clickhouse import Address, ClickHouse, StatementFailed
from sinks.counts import Recounter
from sinks.migrations import migrate
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.support.cluster import ClickHouseServer
from tests.unit.sinks.log import DAY, HOUR, NOON, PARTITIONS, PERSONS, Gate, Log


@pytest.fixture(scope="module")
def address(clickhouse_server: ClickHouseServer) -> Address:
    return Address(clickhouse_server.host, clickhouse_server.port, "writer", clickhouse_server.writer_password)


@pytest.fixture(scope="module")
def migrated(address: Address) -> Iterator[ClickHouse]:
    with ClickHouse(address) as connection:
        for database in ("checkline", "checkline_restricted"):
            connection.execute(f"DROP DATABASE IF EXISTS {database}")
        migrate(connection)
        yield connection


@pytest.fixture
def client(migrated: ClickHouse) -> ClickHouse:
    """A connection to a column store with empty tables."""
    query = (
        "SELECT database || '.' || name FROM system.tables WHERE database IN ('checkline', 'checkline_restricted')"
        " AND engine LIKE '%MergeTree' AND name != 'migrations' AND total_rows > 0"
    )
    for (table,) in migrated.rows(query):
        migrated.execute(f"TRUNCATE TABLE {table}")
    return migrated


class Sink:
    """A sink without a broker: writes what a log holds, from where the ledger ends, and counts."""

    def __init__(self, client: ClickHouse, log: Log) -> None:
        self.client = client
        self.log = log
        self.writer = Writer(client, default_registry(), PARTITIONS, "test")
        self.recounter = Recounter(client, "test")
        ends = self.writer.ledger.positions()
        places = [(topic.name, partition) for topic in INPUT_TOPICS for partition in range(PARTITIONS)]
        self.recounter.own({place: ends.get(place, 0) for place in places})

    def write(self) -> None:
        self.recounter.add(self.writer.write(self.log.spans(self.writer.ledger.positions())))

    def run(self) -> None:
        self.write()
        self.recounter.run()


Cells = Counter[tuple[str, int, str, str, str]]


def counts(client: ClickHouse) -> Cells:
    """What the view says, zero cells left out."""
    query = "SELECT topic, toInt64(toUnixTimestamp(hour)) * 1000, site, kind, measure, value FROM checkline.counts"
    return Counter({row[:5]: row[5] for row in client.rows(query)})


def expected(published: Sequence[events.Event]) -> Cells:
    """Plain count of passages: the content of an identity that was sent first, once."""
    winners: dict[EventId, events.Event] = {}
    for event in published:
        known = winners.setdefault(event.identity, event)
        if event.sent_at < known.sent_at:
            winners[event.identity] = event
    cells: Cells = Counter()
    for event in winners.values():
        assert isinstance(event, events.Passage)
        measure = f"{event.subject_kind}/{event.site_kind}"
        cells["check-ins", event.occurred_at // HOUR * HOUR, event.site, "PASSAGE", measure] += 1
    return cells


def traffic(number: int = 300, seed: int = 1) -> list[events.Event]:
    """Passages of several sources, persons, sites and hours."""
    chance = random.Random(seed)
    gates = [Gate(f"gate-{place}") for place in range(5)]
    return [
        chance.choice(gates).passage(
            chance.choice(PERSONS),
            NOON + chance.randrange(5 * HOUR),
            site=f"site-{chance.randrange(3)}",
            site_kind=chance.choice(["MOTORWAY", "RAIL"]),
        )
        for _ in range(number)
    ]


def publish_in_pieces(log: Log, published: Sequence[events.Event], size: int = 40) -> None:
    for start in range(0, len(published), size):
        log.publish(*published[start : start + size])


def test_every_event_is_counted_once_in_its_hour(client: ClickHouse) -> None:
    published = traffic()
    log = Log()
    publish_in_pieces(log, published)
    Sink(client, log).run()
    assert counts(client) == expected(published)
    assert client.rows("SELECT count() FROM checkline.check_ins") == [(len(published),)]
    assert client.rows("SELECT count() FROM checkline.arrivals WHERE outcome = 'STORED'") == [(len(published),)]


def test_repeats_and_disorder_change_no_count(client: ClickHouse) -> None:
    published = traffic()
    repeated = [*published, *published[::3], *published[::7]]
    random.Random(2).shuffle(repeated)
    log = Log()
    sink = Sink(client, log)
    for start in range(0, len(repeated), 100):
        publish_in_pieces(log, repeated[start : start + 100])
        sink.run()
    assert counts(client) == expected(published)
    assert client.rows("SELECT sum(repeats) FROM checkline.repeats") == [(len(repeated) - len(published),)]
    assert client.rows("SELECT count() FROM checkline.valid_check_ins") == [(len(published),)]


def test_of_equal_contents_the_smallest_offset_stays(client: ClickHouse) -> None:
    event = Gate().passage()
    log = Log()
    log.publish(event, event)
    log.publish(event)
    place = log.place_of("check-ins", event.record().key)
    spans = log.spans()
    writer = Writer(client, default_registry(), PARTITIONS, "test")
    tail = {span._replace(begin=1): batches for span, batches in log.spans({place: 1}).items()}
    writer.write(tail)  # the later ones first, as when a range of the log is written again
    writer.write(spans)
    assert client.rows("SELECT offset FROM checkline.check_ins FINAL") == [(0,)]


@pytest.mark.parametrize("first", [0, 1], ids=["the winner comes first", "the loser comes first"])
def test_a_conflict_across_partitions_and_hours_counts_the_one_that_was_sent_first(
    client: ClickHouse, first: int
) -> None:
    winner = Gate().passage(PERSONS[0], NOON, sequence=7, site="site-a")
    loser = Gate().passage(PERSONS[1], NOON - 3 * HOUR, sequence=7, site="site-b", sent_at=NOON + 1)
    others = [Gate("gate-2").passage(person, NOON - 3 * HOUR, site="site-b") for person in PERSONS]
    log = Log()
    assert log.place_of("check-ins", PERSONS[0].encode()) != log.place_of("check-ins", PERSONS[1].encode())
    sink = Sink(client, log)
    log.publish(*others[:1])
    for event in [winner, loser] if first == 0 else [loser, winner]:
        log.publish(event)
        sink.run()
    assert counts(client) == expected([winner, loser, others[0]])
    [(identity, winner_hour, loser_hour)] = client.rows(
        "SELECT hex(identity), toInt64(toUnixTimestamp(winner_hour)) * 1000,"
        " toInt64(toUnixTimestamp(loser_hour)) * 1000 FROM checkline.conflicts"
    )
    assert bytes.fromhex(identity) == identity_hash("gate-1", 7)
    assert (winner_hour, loser_hour) == (NOON, NOON - 3 * HOUR)
    assert client.rows("SELECT count() FROM checkline.valid_check_ins WHERE site IN ('site-a')") == [(1,)]


def test_of_three_contents_under_one_identity_the_smallest_wins_in_any_order(client: ClickHouse) -> None:
    rivals = [Gate().passage(PERSONS[place], NOON, sequence=1, sent_at=NOON + place) for place in range(3)]
    for order in itertools.permutations(rivals):
        for table in ("check_ins", "arrivals", "identities", "conflicts", "cells", "ledger"):
            client.execute(f"TRUNCATE TABLE checkline.{table}")
        log = Log()
        sink = Sink(client, log)
        for event in order:
            log.publish(event)
            sink.run()
        assert counts(client) == expected(rivals)
        assert client.rows("SELECT token FROM checkline.valid_check_ins") == [(PERSONS[0],)]


def test_a_cell_that_became_empty_is_written_as_zero_and_its_history_stays(client: ClickHouse) -> None:
    loser = Gate().passage(PERSONS[1], NOON, sequence=1, site="site-b", sent_at=NOON + 1)
    winner = Gate().passage(PERSONS[0], NOON, sequence=1, site="site-a")
    log = Log()
    sink = Sink(client, log)
    for event in (loser, winner):
        log.publish(event)
        sink.run()
    assert client.rows("SELECT site, value FROM checkline.cells FINAL ORDER BY site") == [("site-a", 1), ("site-b", 0)]
    history = client.rows("SELECT value FROM checkline.cell_history WHERE site = 'site-b' ORDER BY version")
    assert history == [(1,), (0,)]


class Broken(ClickHouse):
    """A connection that breaks at a statement that contains ``at``: before it is sent, or after it was done."""

    def __init__(self, address: Address, at: str, after: bool) -> None:
        super().__init__(address)
        self._at, self._after = at, after

    def _run(self, statement: str, *arguments: Any, **named: Any) -> Any:
        breaks = self._at in statement
        if not breaks or self._after:
            answer = super()._run(statement, *arguments, **named)
        if breaks:
            raise StatementFailed("test", statement, "the connection broke")
        return answer


STEPS = [
    "INSERT INTO checkline.check_ins",
    "INSERT INTO checkline.arrivals",
    "INSERT INTO checkline.conflicts",
    "INSERT INTO checkline.ledger",
    "INSERT INTO checkline.cells",
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_sink_that_dies_at_any_step_goes_on_from_the_ledger(
    client: ClickHouse, address: Address, step: str, after: bool
) -> None:
    published = traffic(200)
    published += [published[0].model_copy(update={"token": person, "sent_at": NOON + DAY}) for person in PERSONS[:2]]
    log = Log()
    publish_in_pieces(log, published[:100])
    Sink(client, log).run()
    publish_in_pieces(log, published[100:])
    with Broken(address, step, after) as broken:
        dying = Sink(broken, log)
        with pytest.raises(StatementFailed):
            dying.run()
    log.publish(*published[::50])  # so that the next span ends elsewhere
    Sink(client, log).run()
    assert counts(client) == expected(published)
    assert client.rows("SELECT count() FROM checkline.ledger FINAL WHERE NOT recounted") == [(0,)]
    assert audit(client, log.ends) == []


def test_the_ledger_row_is_not_written_when_the_recount_has_not_been_done(client: ClickHouse) -> None:
    log = Log()
    log.publish(*traffic(10))
    Sink(client, log).write()
    assert client.rows("SELECT count() FROM checkline.ledger FINAL WHERE recounted") == [(0,)]
    assert counts(client) == Counter()
    Sink(client, log).run()  # another owner: what was due is found in the ledger
    assert counts(client) == expected(traffic(10))


def test_columns_that_no_row_of_a_block_states_take_their_defaults(client: ClickHouse) -> None:
    gate = Gate()
    bare = gate.passage(PERSONS[0])
    full = gate.passage(PERSONS[0], mask_worn=True, origin_area="370200", symptoms=["FEVER", "FATIGUE"], zone="WAITING")
    long = gate.event(
        events.Decision, token=PERSONS[0], decision="REFERRED", decided_by_role="doctor", decision_reason="发热" * 200
    )
    log = Log()
    sink = Sink(client, log)
    for event in (bare, full, long):
        log.publish(event)
        sink.run()
    query = "SELECT mask_worn, origin_area, symptoms, zone, decision_reason FROM checkline.check_ins ORDER BY sequence"
    assert client.rows(query) == [
        (None, None, [], "NOT_STATED", None),
        (True, "370200", ["FEVER", "FATIGUE"], "WAITING", None),
        (None, None, [], "NOT_STATED", "发热" * 200),
    ]


def test_a_refused_record_stands_in_arrivals_with_its_reason_and_nowhere_else(client: ClickHouse) -> None:
    good = Gate().passage(PERSONS[0])
    key = PERSONS[0].encode()
    value = RowCodec(default_registry(), "check-ins").encode(good.record().row)
    absurd = RowCodec(default_registry(), "check-ins").encode({**good.record().row, "occurred_at": 2**43})
    elsewhere = next(p for p in PERSONS if Log().place_of("check-ins", p.encode()) != Log().place_of("check-ins", key))
    log = Log()
    place = log.place_of("check-ins", key)
    log.append(place, [Sent(key, value, NOON), Sent(key, b"\x01ab"), Sent(key, value[:-1]), Sent(key, None)])
    log.append(place, [Sent(None, value, NOON), Sent(b"nobody", value, NOON), Sent(elsewhere.encode(), value, NOON)])
    log.append(place, [Sent(key, absurd, NOON)])
    log.mark("check-ins", place[1], NOON)
    Sink(client, log).run()
    rows = client.rows("SELECT offset, outcome, reason FROM checkline.arrivals ORDER BY offset")
    assert rows == [
        (0, "STORED", ""),
        (1, "REFUSED", "FOREIGN_MAGIC"),
        (2, "REFUSED", "TRUNCATED"),
        (3, "REFUSED", "NULL_VALUE"),
        (4, "REFUSED", "BAD_KEY"),
        (5, "REFUSED", "BAD_KEY"),
        (6, "REFUSED", "WRONG_PARTITION"),
        (7, "REFUSED", "OCCURRED_AFTER_SENT"),
        (8, "MARK", ""),
    ]
    assert client.rows("SELECT count() FROM checkline.check_ins") == [(1,)]
    assert client.rows("SELECT stored, marks, refused FROM checkline.ledger FINAL") == [(1, 1, 7)]


def test_a_block_that_spans_more_than_a_hundred_days_is_split(client: ClickHouse) -> None:
    gate = Gate()
    published = [gate.passage(PERSONS[0], NOON - day * DAY) for day in range(250)]
    log = Log()
    log.publish(*published)
    Sink(client, log).run()
    assert counts(client) == expected(published)


def test_positions_are_the_account_of_a_log_with_holes(client: ClickHouse) -> None:
    log = Log()
    gate = Gate()
    log.publish(gate.passage(), hole=3)
    sink = Sink(client, log)
    sink.run()
    log.publish(gate.passage(), hole=1)
    sink.run()
    query = "SELECT span_begin, span_end, stored FROM checkline.ledger FINAL ORDER BY span_begin"
    assert client.rows(query) == [(0, 4, 1), (4, 6, 1)]
    assert audit(client, log.ends) == []


PLANTED = {
    "a deleted row": ("ALTER TABLE checkline.check_ins DELETE WHERE sequence = 5", {"rows", "cells", "log"}),
    "an altered value": ("ALTER TABLE checkline.check_ins UPDATE mask_worn = true WHERE sequence = 5", {"log"}),
    "a row of another site": (
        "ALTER TABLE checkline.check_ins UPDATE site = 'elsewhere' WHERE sequence = 5",
        {"cells", "log"},
    ),
    "an inserted row": (
        "INSERT INTO checkline.check_ins (token, kind, source, sequence, hour, identity, content)"
        " SELECT token, kind, source, 999, hour, identity, 'x' FROM checkline.check_ins WHERE sequence = 5",
        {"rows", "cells"},
    ),
    "a missing ledger row": ("ALTER TABLE checkline.ledger DELETE WHERE span_begin = 0", {"coverage"}),
    "a deleted arrival": ("ALTER TABLE checkline.arrivals DELETE WHERE sequence = 5", {"digest", "rows", "log"}),
    "an altered arrival": (
        "ALTER TABLE checkline.arrivals UPDATE appended_at = addSeconds(appended_at, 1) WHERE sequence = 5",
        {"digest"},
    ),
    "an altered cell": ("ALTER TABLE checkline.cells UPDATE value = value + 1 WHERE 1", {"cells"}),
}


@pytest.mark.parametrize("damage", PLANTED)
def test_the_audit_finds_what_was_damaged(client: ClickHouse, damage: str) -> None:
    log = Log()
    gate = Gate()
    for _ in range(3):
        log.publish(*(gate.passage(PERSONS[0]) for _ in range(4)))
        Sink(client, log).run()
    spans = log.spans()

    def read_log(span: Span) -> Sequence[RecordBatch]:
        return spans[span]

    def checks() -> set[str]:
        findings = audit(client, log.ends, read_log=read_log, ranges=spans, partitions=PARTITIONS, settle_seconds=0.0)
        assert all(finding.topic == "check-ins" and finding.action for finding in findings)
        return {finding.check for finding in findings}

    assert checks() == set()
    statement, found_by = PLANTED[damage]
    client.execute(f"{statement} SETTINGS mutations_sync = 1" if statement.startswith("ALTER") else statement)
    assert checks() == found_by


def test_writing_a_range_again_repairs_what_was_lost_or_altered(client: ClickHouse) -> None:
    log = Log()
    gate = Gate()
    log.publish(*(gate.passage(PERSONS[0]) for _ in range(9)))
    sink = Sink(client, log)
    sink.run()
    for damage in ("DELETE WHERE sequence = 3", "UPDATE mask_worn = true WHERE sequence = 4"):
        client.execute(f"ALTER TABLE checkline.check_ins {damage} SETTINGS mutations_sync = 1")
    sink.recounter.add(sink.writer.write(log.spans()))
    sink.recounter.run()
    spans = log.spans()
    assert audit(client, log.ends, read_log=lambda span: spans[span], ranges=spans, partitions=PARTITIONS) == []
