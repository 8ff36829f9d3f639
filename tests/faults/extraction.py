"""What came out of an installation that has come to rest, read from its log, its changelog and its tables."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from xxhash import xxh3_128_hexdigest

from infra.column_store import writer_address
from infra.home import Home
from schemas.topics import INPUT_TOPICS, partitions_of
from sinks.clickhouse import ClickHouse
from sinks.tables import EVENT_TABLES
from streams.announced import ANNOUNCER
from streams.fact_set import decode_state
from streams.facts import decode_fact
from streams.worker.names import changelog_topics
from tests.faults.comparison import Found
from tests.faults.model import Arrival, Clock, DeadLetter, FactId, Segment, Totals
from tests.faults.published import Published

TOKEN_LENGTH = 27
_POLL_MS = 500
_MS = "arrayMap(time -> toUnixTimestamp64Milli(time), {})"


def records_of(
    bootstrap: str, names_and_partitions: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, int, int, int, bytes | None, bytes | None]]:
    """Every record of topics: (topic, partition, offset, appended_at, key, value), in the order of each partition."""
    places = [TopicPartition(name, number) for name, count in names_and_partitions for number in range(count)]
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap.split(","), isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        consumer.seek_to_beginning(*places)
        waiting = {place for place in places if ends[place]}
        while waiting:
            for place, records in consumer.poll(timeout_ms=_POLL_MS).items():
                for one in records:
                    yield place.topic, place.partition, one.offset, one.timestamp, one.key, one.value
            done = {place for place in waiting if consumer.position(place) >= ends[place]}
            waiting -= done
            consumer.pause(*done)
    finally:
        consumer.close()


def log_of(home: Home) -> Iterator[tuple[Published, int, int]]:
    """What a read_committed reader sees of all input topics: (record, offset, partition)."""
    inputs = [(topic.name, partitions_of(topic, home.settings.partitions)) for topic in INPUT_TOPICS]
    for topic, partition, offset, appended_at, key, value in records_of(home.kafka_bootstrap, inputs):
        yield Published(topic, key, value, appended_at, partition), offset, partition


def found_in(home: Home) -> Found:
    """Everything that the comparison wants."""
    with ClickHouse(writer_address(home), "faults") as client:
        return Found(
            facts=facts(home),
            timelines={
                token: [Segment(start, until, level, tuple(evidence.split())) for start, until, level, evidence in rows]
                for token, rows in _timelines(client)
            },
            clocks={
                key: Clock(duty, about, opened, due, done, withdrawn, before_due, subject)
                for key, duty, about, opened, due, done, withdrawn, before_due, subject in client.rows(_CLOCKS)
            },
            notices=_grouped(client.rows(_NOTICES)),
            dead_letters=_dead_letters(client),
            event_rows={
                topic: {
                    (identity, content): offset
                    for identity, content, offset in client.bytes_rows(
                        f"SELECT identity, content, offset FROM {table.name} FINAL"
                    )
                }
                for topic, table in EVENT_TABLES.items()
            },
            conflicts=_conflicts(client),
            cells={
                (topic, hour * 1000, site, kind, measure): value
                for topic, hour, site, kind, measure, value in client.rows(_CELLS)
                if value
            },
            arrivals={
                (topic.decode(), partition, offset): Arrival(outcome.decode(), reason.decode(), identity, content)
                for topic, partition, offset, outcome, reason, identity, content in client.bytes_rows(_ARRIVALS)
                if topic.decode() in EVENT_TABLES
            },
            totals=_totals(client),
        )


_TIMELINES = f"""
    SELECT token, {_MS.format("froms")}, {_MS.format("untils")}, levels, evidence FROM checkline.risk_timelines FINAL
"""
_CLOCKS = """
    SELECT
        clock_id, if(duty = '', toString(deadline_class), toString(duty)), lead_id, toUnixTimestamp64Milli(opened_at),
        toUnixTimestamp64Milli(due_at), toUnixTimestamp64Milli(done_at), toUnixTimestamp64Milli(withdrawn_at),
        before_due, toString(subject)
    FROM checkline.sla_clocks FINAL
"""
_NOTICES = "SELECT clock_id, toString(kind) FROM checkline.sla_notices FINAL ORDER BY as_of, partition, offset"
_CELLS = """
    SELECT topic, toUnixTimestamp(hour), site, kind, measure, sum(value) FROM checkline.cells FINAL
    GROUP BY topic, hour, site, kind, measure
"""
_ARRIVALS = """
    SELECT topic, partition, offset, toString(outcome), toString(reason), identity, content
    FROM checkline.arrivals FINAL
"""
_LETTERS = """
    SELECT topic, partition, offset, toString(reason), field, letter_partition, letter_offset
    FROM checkline.dead_letters FINAL
"""
_LETTER_BYTES = """
    SELECT topic, partition, offset, letter_partition, letter_offset, record_value
    FROM checkline_restricted.dead_letter_bytes FINAL
"""
_LEDGER = """
    SELECT topic, partition, span_begin, span_end, stored, marks, refused, recounted
    FROM checkline.ledger FINAL ORDER BY topic, partition, span_begin, span_end
"""


def facts(home: Home) -> dict[str, set[FactId]]:
    """Identities of the facts in every person's state."""
    changelog = changelog_topics(home.settings.partitions)[0]
    states: dict[bytes, bytes | None] = {}
    for _, _, _, _, key, state in records_of(home.kafka_bootstrap, [(changelog.name, changelog.partitions)]):
        assert key is not None
        states[key] = state
    found: dict[str, set[FactId]] = {}
    for key, state in states.items():
        if state is not None and len(key) == TOKEN_LENGTH:
            members = map(decode_fact, decode_state(state))
            found[key.decode()] = {(one.source, one.sequence) for one in members if one.source != ANNOUNCER}
    return found


def _timelines(client: ClickHouse) -> Iterator[tuple[str, list[tuple[int, int, str, str]]]]:
    for token, *segments in client.rows(_TIMELINES):
        if segments[0]:
            yield token, list(zip(*segments, strict=True))


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)


def _dead_letters(client: ClickHouse) -> dict[tuple[str, int, int], list[DeadLetter]]:
    digests = {
        (topic.decode(), *place): xxh3_128_hexdigest(value or b"")
        for topic, *place, value in client.bytes_rows(_LETTER_BYTES)
    }
    return _grouped(
        ((topic, partition, offset), DeadLetter(reason, field, digests.get((topic, partition, offset, *letter), "")))
        for topic, partition, offset, reason, field, *letter in client.rows(_LETTERS)
    )


def _conflicts(client: ClickHouse) -> dict[bytes, set[tuple[bytes, bytes]]]:
    rows = client.bytes_rows("SELECT identity, winner_content, loser_content FROM checkline.conflicts FINAL")
    found: dict[bytes, set[tuple[bytes, bytes]]] = defaultdict(set)
    for identity, winner, loser in rows:
        found[identity].add((winner, loser))
    return dict(found)


def _totals(client: ClickHouse) -> dict[tuple[str, int], Totals]:
    """Ledger totals of partitions whose spans follow on each other; of others, the counts of their arrivals: spans may
    overlap, and a gap is told by the audit."""
    found: dict[tuple[str, int], Totals] = {}
    spans = _grouped(((topic, partition), span) for topic, partition, *span in client.rows(_LEDGER))
    for (topic, partition), of_partition in spans.items():
        if topic not in EVENT_TABLES:
            continue
        follow_on = all(one[1] == other[0] for one, other in pairwise(of_partition))
        if follow_on:
            stored, marks, refused = (sum(span[column] for span in of_partition) for column in (2, 3, 4))
        else:
            stored, marks, refused = _counted(client, topic, partition)
        if stored + marks + refused:
            found[topic, partition] = Totals(stored + marks + refused, stored, marks, refused)
    return found


def _counted(client: ClickHouse, topic: str, partition: int) -> tuple[int, int, int]:
    query = f"""
        SELECT countIf(outcome = 'STORED'), countIf(outcome = 'MARK'), countIf(outcome = 'REFUSED')
        FROM checkline.arrivals FINAL WHERE topic = '{topic}' AND partition = {partition}
    """
    ((stored, marks, refused),) = client.rows(query)
    return stored, marks, refused


def lost_and_doubled(published: Counter[bytes], in_log: Counter[bytes]) -> tuple[int, int]:
    """Records acknowledged that the log lacks, and records that it holds more often than they were published."""
    return (published - in_log).total(), (in_log - published).total()
