"""Sinks on the real engine: what was published is counted once, whatever is repeated, disordered or interrupted."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from schemas import events
from schemas.codes import UnitOfCount
from schemas.identities import EventId, identity_hash
from schemas.registry import default_registry
from schemas.topics import INPUT_TOPICS
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from sinks.audit import audit
from sinks.blocks import Block, Span
from sinks.clickhouse import Address, ClickHouse, StatementFailed
from sinks.counts import Recounter
from sinks.figures import BadFigure, Figure, compute, proof
from sinks.ledger import Ledger
from sinks.migrations import MigrationAltered, migrate, migrations
from sinks.reader import OtherLog
from sinks.service import SinkSettings, run
from sinks.writer import Writer
from tests.integration.conftest import drop_databases
from tests.support.batches import Sent
from tests.support.cluster import KafkaCluster
from tests.unit.sinks.log import DAY, HOUR, MINUTE, NOON, PARTITIONS, PERSONS, Gate, Log


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
    client.execute("OPTIMIZE TABLE checkline.check_ins FINAL")  # of two rows of one position the later one stays
    spans = log.spans()
    assert audit(client, log.ends, read_log=lambda span: spans[span], ranges=spans, partitions=PARTITIONS) == []


fresh_broker = pytest.mark.expects_errors("GroupCoordinatorNotAvailable|GroupLoadInProgress|NotCoordinator")
"""A broker that has just started makes the topic of its groups when the first one asks."""


def send(cluster: KafkaCluster, prefix: str, sent: Sequence[tuple[str, bytes, bytes, int]]) -> None:
    """Publish (topic, key, value, time) to the broker, compressed, with Kafka's partitioner."""
    producer = KafkaProducer(bootstrap_servers=cluster.bootstrap, compression_type="lz4", linger_ms=20)
    futures = [producer.send(prefix + topic, key=key, value=value, timestamp_ms=at) for topic, key, value, at in sent]
    producer.flush()
    for future in futures:
        future.get(10)
    producer.close()


def encoded(published: Sequence[events.Event]) -> list[tuple[str, bytes, bytes, int]]:
    records = [(event.record(), event.sent_at) for event in published]
    return [
        (record.topic, record.key, RowCodec(default_registry(), record.topic).encode(record.row), at)
        for record, at in records
    ]


class Service:
    """`service.run` in this process, until the block ends; ``clickhouse`` may be one that breaks."""

    def __init__(self, cluster: KafkaCluster, prefix: str, address: Address, instance: str = "sink-1") -> None:
        self.settings = SinkSettings(
            cluster.bootstrap, address, partitions=8, group=f"{prefix}sinks", instance=instance, prefix=prefix,
            seconds_per_turn=0.1, seconds_per_recount=0.1,
        )  # fmt: skip
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()

    async def __aenter__(self) -> "Service":
        self._task = asyncio.ensure_future(run(self.settings, self.stop, self.ready.set))
        waiting = asyncio.ensure_future(self.ready.wait())
        await asyncio.wait({self._task, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert self.ready.is_set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await asyncio.wait_for(self._task, 30)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.05)


@fresh_broker
def test_what_is_published_to_the_broker_is_counted_and_a_second_sink_goes_on_from_the_ledger(
    client: ClickHouse, address: Address, kafka_cluster: KafkaCluster
) -> None:
    prefix = kafka_cluster.fresh_topics()
    published = traffic(400)

    async def session(part: Sequence[events.Event], so_far: Sequence[events.Event]) -> None:
        send(kafka_cluster, prefix, encoded(part))
        async with Service(kafka_cluster, prefix, address):
            await until(lambda: counts(client) == expected(so_far))

    asyncio.run(session(published[:250], published[:250]))
    ends = Ledger(client, "test").positions()
    assert sum(end for (topic, _), end in ends.items() if topic == "check-ins") == 250
    asyncio.run(session([*published[200:], *published[:50]], published))
    assert audit(client, Ledger(client, "test").positions(), partitions=8) == []
    assert client.rows("SELECT count() FROM checkline.arrivals FINAL") == [(500,)]


@fresh_broker
def test_transactions_leave_holes_that_the_spans_cover_and_what_was_aborted_is_not_there(
    client: ClickHouse, address: Address, kafka_cluster: KafkaCluster
) -> None:
    prefix = kafka_cluster.fresh_topics()
    codec = RowCodec(default_registry(), "risk-changes")
    place = ("risk-changes", partition_of_key(PERSONS[0].encode(), 8))

    def timeline(number: int) -> bytes:
        segment = {"levels": ["HIGH"], "froms": [number], "untils": [number + HOUR], "rules": ["temperature"]}
        return codec.encode({"as_of": NOON + number, **segment, "policies": ["p1"], "evidence": ["gate-1#1"]})

    async def transactions() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_cluster.bootstrap, transactional_id=prefix)
        await producer.start()
        for number in range(4):
            await producer.begin_transaction()
            await producer.send_and_wait(prefix + place[0], timeline(number), PERSONS[0].encode())
            await (producer.abort_transaction() if number == 3 else producer.commit_transaction())
        await producer.stop()

    async def session() -> None:
        await transactions()
        async with Service(kafka_cluster, prefix, address):
            await until(lambda: Ledger(client, "test").positions().get(place, 0) == 8)

    asyncio.run(session())
    query = "SELECT toUnixTimestamp64Milli(as_of), levels, froms, evidence FROM checkline.risk_timelines FINAL"
    [(as_of, levels, froms, evidence)] = client.rows(query)
    assert (as_of, levels, evidence, len(froms)) == (NOON + 2, ["HIGH"], ["gate-1#1"], 1)
    assert client.rows("SELECT offset FROM checkline.arrivals FINAL ORDER BY offset") == [(0,), (2,), (4,)]
    assert audit(client, {place: 8}, partitions=8) == []


@pytest.mark.long  # as the short run of tests/faults shows
@fresh_broker
def test_two_sinks_share_the_partitions_and_a_rebalance_loses_and_doubles_nothing(
    client: ClickHouse, address: Address, kafka_cluster: KafkaCluster
) -> None:
    prefix = kafka_cluster.fresh_topics()
    published = traffic(600)

    async def session() -> None:
        async with Service(kafka_cluster, prefix, address):
            send(kafka_cluster, prefix, encoded(published[:200]))
            async with Service(kafka_cluster, prefix, address, "sink-2"):
                send(kafka_cluster, prefix, encoded(published[200:400]))
                await until(lambda: counts(client) == expected(published[:400]))
            send(kafka_cluster, prefix, encoded(published[400:]))
            await until(lambda: counts(client) == expected(published))

    asyncio.run(session())
    assert audit(client, Ledger(client, "test").positions(), partitions=8) == []


@fresh_broker
def test_a_log_that_is_shorter_than_the_ledger_is_another_log(
    client: ClickHouse, address: Address, kafka_cluster: KafkaCluster
) -> None:
    prefix = kafka_cluster.fresh_topics()
    ahead = Block(Span("check-ins", 0, 0, 10), 10, 0, 0, 0, [])
    Ledger(client, "test").record([ahead])
    settings = Service(kafka_cluster, prefix, address).settings
    with pytest.raises(OtherLog, match="check-ins/0: the ledger ends at 10, the log at 0"):
        asyncio.run(asyncio.wait_for(run(settings, asyncio.Event()), 30))


@pytest.mark.row("A000-02")
def test_a_lead_has_reached_the_last_step_that_was_taken_and_not_corrected(client: ClickHouse) -> None:
    gate = Gate("desk-1")
    person = PERSONS[0]
    opening = {"lead_source": "BIG_DATA", "push_mode": "BATCH", "home_province": True, "received_at": NOON}
    steps: list[tuple[type[events.Event], dict[str, Any]]] = [
        (events.LeadOpened, opening),
        (events.LeadDispatched, {"unit": "station-1"}),
        (events.LeadVerified, {"method": "PHONE"}),
        (events.LeadReportedBack, {}),
    ]
    published = [
        gate.event(model, NOON + number * MINUTE, token=person, lead_id="lead-1", **fields)
        for number, (model, fields) in enumerate(steps)
    ]
    taken_back = published[3].identity
    published.append(
        gate.event(
            events.Correction,
            NOON + HOUR,
            token=person,
            corrects_source=taken_back.source,
            corrects_sequence=taken_back.sequence,
            reason="another lead",
        )
    )
    log = Log()
    log.publish(*published)
    Sink(client, log).run()
    query = """
        SELECT token, lead_id, toString(lead_source), state, toUnixTimestamp64Milli(opened_at),
               toUnixTimestamp64Milli(dispatched_at), located_at, reported_back_at
        FROM checkline.lead_states
    """
    assert client.rows(query) == [
        (person, "lead-1", "BIG_DATA", "VERIFIED", NOON, NOON + MINUTE, None, None),
    ]


def test_the_last_word_of_a_unit_is_that_of_the_latest_period_and_a_zero_report_is_zero(client: ClickHouse) -> None:
    gate = Gate("unit-1")
    stated = {"unit_id": "unit-1", "unit_of_count": "PERSON", "nature": "CUMULATIVE"}

    def indicator(value: int, until: int, at: int, name: str = "patrols") -> events.Event:
        return gate.event(events.Indicator, at, indicator=name, value=value, period_until=until, **stated)

    log = Log()
    log.publish(
        indicator(30, NOON + 2 * DAY, NOON + 2 * DAY),
        indicator(10, NOON, NOON + 3 * DAY),  # late, and about an earlier day
        indicator(31, NOON + 2 * DAY, NOON + 4 * DAY),  # said again of the same day
        indicator(5, NOON, NOON, "tips"),
        gate.event(events.ZeroReport, NOON + DAY, unit_id="unit-1", indicator="tips", period_until=NOON + DAY),
    )
    Sink(client, log).run()
    query = "SELECT unit_id, indicator, value FROM checkline.indicator_values ORDER BY indicator"
    assert client.rows(query) == [("unit-1", "patrols", 31), ("unit-1", "tips", 0)]


def test_a_clock_has_the_outcome_of_its_newest_record_and_notices_stay_apart(client: ClickHouse) -> None:
    codec = RowCodec(default_registry(), "sla-events")

    def clock(kind: str, clock_id: str, as_of: int, done_at: int | None) -> Sent:
        times = {"opened_at": NOON, "due_at": NOON + DAY, "done_at": done_at, "withdrawn_at": None}
        row = {"token": PERSONS[0], "lead_id": clock_id, "deadline_class": "HOURS_24", "policy": "p1", "evidence": []}
        return Sent(clock_id.encode(), codec.encode({"kind": kind, "as_of": as_of, **times, **row}), as_of)

    log = Log()
    for sent in (
        clock("CLOCK", "met", NOON, None),
        clock("CLOCK", "met", NOON + HOUR, NOON + DAY),
        clock("CLOCK", "late", NOON + 2 * DAY, NOON + DAY + 1),
        clock("CLOCK", "open", NOON, None),
        clock("BREACHED", "open", NOON + DAY, None),
    ):
        assert sent.key is not None
        log.append(log.place_of("sla-events", sent.key), [sent])
    Sink(client, log).run()
    query = "SELECT clock_id, outcome FROM checkline.sla_outcomes ORDER BY clock_id"
    assert client.rows(query) == [("late", "LATE"), ("met", "MET"), ("open", "BREACHED")]
    assert client.rows("SELECT clock_id, toString(kind) FROM checkline.sla_notices") == [("open", "BREACHED")]


def test_dead_letters_are_listed_for_all_and_their_bytes_kept_apart(client: ClickHouse) -> None:
    codec = RowCodec(default_registry(), "dead-letters")
    row = {"topic": "check-ins", "partition": 3, "offset": 77, "appended_at": NOON, "reason": "TRUNCATED"}
    row |= {"field": None, "detail": "ends too early", "schema_id": 1, "owner": "risk"}
    value = codec.encode({**row, "record_key": b"\xff", "record_value": b"\x00\x01"})
    log = Log()
    log.append(("dead-letters", 0), [Sent(b"check-ins/3/77", value, NOON)])
    Sink(client, log).run()
    query = (
        "SELECT topic, partition, offset, toString(reason), letter_partition, letter_offset FROM checkline.dead_letters"
    )
    assert client.rows(query) == [("check-ins", 3, 77, "TRUNCATED", 0, 0)]
    query = "SELECT record_key, record_value FROM checkline_restricted.dead_letter_bytes"
    assert client.bytes_rows(query) == [(b"\xff", b"\x00\x01")]


@pytest.mark.row("A004-18")
def test_urgent_care_is_in_no_cell_and_not_in_the_database_of_analysts(client: ClickHouse) -> None:
    log = Log()
    log.publish(Gate("line-1").event(events.UrgentNeed, token=PERSONS[0], need="self-harm risk"))
    Sink(client, log).run()
    assert client.rows("SELECT count() FROM checkline_restricted.urgent_care") == [(1,)]
    assert client.rows("SELECT count() FROM checkline.cells") == [(0,)]


@pytest.mark.parametrize("landed", range(len(migrations())))
def test_every_earlier_version_of_the_tables_reaches_the_newest(address: Address, landed: int) -> None:
    with ClickHouse(address) as connection:
        drop_databases(connection)
        assert len(migrate(connection, up_to=landed)) == landed
        assert [migration.number for migration in migrate(connection)] == list(range(landed + 1, len(migrations()) + 1))
        assert migrate(connection) == []


def test_a_migration_that_was_changed_after_it_landed_is_refused(client: ClickHouse, tmp_path: Path) -> None:
    for migration in migrations():
        text = migration.text + ("\n-- an afterthought\n" if migration.number == 2 else "")
        (tmp_path / f"{migration.number:04}_{migration.name}.sql").write_text(text)
    with pytest.raises(MigrationAltered, match=r"0002_bookkeeping\.sql"):
        migrate(client, directory=tmp_path)


def test_a_figure_has_its_number_and_the_blocks_behind_it(client: ClickHouse) -> None:
    published = traffic(50)
    log = Log()
    log.publish(*published)
    Sink(client, log).run()
    query = "SELECT sum(value) FROM checkline.counts WHERE topic = 'check-ins'"
    figure = Figure("A000-03", "entries", "入青", UnitOfCount.PERSON_TIME, 5000, 1, False, "2020-02-19", query, True)
    nothing = figure._replace(query="SELECT value FROM checkline.indicator_values WHERE indicator = 'x'", scaled=False)
    scaled, absent = compute(client, [figure, nothing], 0.01)
    assert (scaled.computed, scaled.expected, scaled.matches, scaled.holds) == (50, 50, True, None)
    assert (absent.computed, absent.matches, absent.holds, absent.scale) == (None, False, False, 1)
    spans = proof(client, figure)
    assert {(span.topic, span.partition): span.end for span in spans} == dict(log.ends)
    assert sum(span.stored for span in spans) == 50
    with pytest.raises(BadFigure, match="one whole number"):
        compute(client, [figure._replace(query="SELECT 'x'")])
