"""How far each consumer group is behind, by partition, from Kafka alone.

Seconds are the age of the record at the committed offset, read from the log and not interpolated; a partition that is
caught up has a lag of zero, however long it has been idle.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from infra.errors import MissingPart

FETCH_MS = 3000


class PartitionLag(NamedTuple):
    """One group's state on one partition. ``committed`` is None where the group never committed: ``lag`` then counts
    from the start of the log. ``lag_seconds`` is None where the waiting record could not be read in time."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    lag_seconds: float | None


def collect(
    bootstrap: str, groups: Mapping[str, Iterable[str]], now_ms: int, client_options: Mapping[str, Any]
) -> list[PartitionLag]:
    """Lag of the groups ({group: topics it reads}) at ``now_ms``, sorted. Raises MissingPart when no broker answers."""
    servers = bootstrap.split(",")
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=servers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            **client_options,
        )
        admin = KafkaAdminClient(bootstrap_servers=servers, **client_options)
    except KafkaError as error:
        raise MissingPart(f"kafka at {bootstrap} does not answer ({error}); start it with checkline up") from error
    try:
        return sorted(
            lag for group, topics in groups.items() for lag in _of_group(consumer, admin, group, topics, now_ms)
        )
    finally:
        with suppress(KafkaError):
            consumer.close()
        admin.close()


def _of_group(consumer: Any, admin: Any, group: str, topics: Iterable[str], now_ms: int) -> Iterable[PartitionLag]:
    partitions = [
        TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic) or ()
    ]
    ends, starts = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    offsets = {partition: found.offset for partition, found in _committed(admin, group).items() if found.offset >= 0}
    behind = {tp: offsets.get(tp, starts[tp]) for tp in partitions if offsets.get(tp, starts[tp]) < ends[tp]}
    waiting = _timestamps(consumer, behind)
    for tp in partitions:
        committed = offsets.get(tp)
        lag = max(0, ends[tp] - (committed if committed is not None else starts[tp]))
        timestamp = waiting.get(tp)
        seconds = 0.0 if not lag else None if timestamp is None else max(0.0, (now_ms - timestamp) / 1000)
        yield PartitionLag(group, tp.topic, tp.partition, committed, ends[tp], lag, seconds)


def _committed(admin: Any, group: str) -> dict[Any, Any]:
    found: dict[Any, Any] = admin.list_group_offsets({group: None}).get(group, {})
    return found


def _timestamps(consumer: Any, positions: Mapping[Any, int]) -> dict[Any, int]:
    """Time of the first record at or after each position, UTC milliseconds."""
    if not positions:
        return {}
    consumer.assign(list(positions))
    for tp, offset in positions.items():
        consumer.seek(tp, offset)
    found: dict[Any, int] = {}
    while len(found) < len(positions):
        records = consumer.poll(timeout_ms=FETCH_MS, max_records=100)
        if not records:  # nothing but transaction markers, or a broker that does not answer in time
            break
        for tp, batch in records.items():
            found.setdefault(tp, batch[0].timestamp)
            consumer.pause(tp)
    return found
