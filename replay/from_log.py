"""What was known of a person at a time, read from the log itself.

A person's records lie in one partition of each person topic, the one that murmur2 gives the token. All of it is
fetched, but only the batches that hold the token's bytes are parsed; the sinks' own rules decide which of their records
are events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from replay.explain import add_reference
from replay.log import Log
from replay.story import Known, Row
from schemas import topics
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.topics import Topic
from schemas.wire.batches import RecordBatch
from schemas.wire.partitioner import partition_of_key
from sinks.blocks import EventBlocks, Span
from sinks.tables import EVENT_TABLES
from streams.reference import Reference

_REFERENCE_PARTITION = 0


def known_from_log(log: Log, partitions: int, token: str, as_of: int) -> Known:
    """What the log holds about a person that had arrived by ``as_of`` (UTC milliseconds). ``partitions`` is the number
    of those of the person topics.

    Raises `LogGone`, `CorruptBatch`, and aiokafka's errors.
    """
    limits = default_policy().arrival.limits
    partition = partition_of_key(token.encode(), partitions)
    wanted = {(topic.name, partition) for topic in topics.PERSON_TOPICS}
    wanted.add((topics.REFERENCE.name, _REFERENCE_PARTITION))
    spans = [
        span
        for span in log.extent((*topics.PERSON_TOPICS, topics.REFERENCE), partitions).spans()
        if (span.topic, span.partition) in wanted
    ]
    found = naming(log.read(spans), token.encode())
    rows = [
        (topic.name, row)
        for topic in topics.PERSON_TOPICS
        for key, row in events_known(topic, found.get(topic.name, {}), partitions, as_of)
        if key == token
    ]
    reference = Reference(limits)
    for entity_id, row in events_known(topics.REFERENCE, found.get(topics.REFERENCE.name, {}), 1, as_of):
        add_reference(reference, entity_id, row, row["appended_at"])
    return Known(token, as_of, rows, reference, limits)


def naming(
    pieces: Iterable[tuple[Span, Sequence[RecordBatch]]], token: bytes
) -> dict[str, dict[Span, list[RecordBatch]]]:
    """By topic, the batches that hold the token's bytes, and all batches of reference data. Raises `CorruptBatch`."""
    found: dict[str, dict[Span, list[RecordBatch]]] = {}
    for span, batches in pieces:
        every = span.topic == topics.REFERENCE.name
        kept = [batch for batch in batches if every or token in bytes(batch.body)]
        if kept:
            found.setdefault(span.topic, {})[span] = kept
    return found


def events_known(
    topic: Topic, pieces: Mapping[Span, Sequence[RecordBatch]], partitions: int, as_of: int
) -> Iterator[tuple[str, Row]]:
    """Key and row of the events that had arrived by a time, each content once, in the order of the log."""
    table = EVENT_TABLES[topic.name]
    limits = default_policy().arrival.limits
    builder = EventBlocks(default_registry(), topic.name, topics.partitions_of(topic, partitions), limits)
    fields = [shape.name for shape in default_registry().latest(topic.name).shapes]
    found: dict[tuple[bytes, bytes], dict[str, Any]] = {}
    for span, batches in pieces.items():
        for _, frame in builder.build({span: batches}).tables:
            for row in frame.filter(frame["appended_at"] <= as_of).sort("offset").iter_rows(named=True):
                first = found.setdefault((row["identity"], row["content"]), row)
                first["appended_at"] = min(first["appended_at"], row["appended_at"])
    for row in found.values():
        yield row[table.key], {name: row[name] for name in (table.key, "appended_at", *fields)}
