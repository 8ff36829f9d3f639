"""The audit of a home: what the broker holds, handed to the sinks' own comparison."""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.column_store import writer_address
from infra.embedded.catch_up import SINK_GROUP
from infra.errors import MissingPart
from infra.home import Home
from schemas.topics import ALL_TOPICS
from schemas.wire.batches import RecordBatch, hand_out_batches
from sinks.audit import Finding, audit, next_ranges
from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.ledger import Place

POSITIONS_AT_ONCE = 20_000
STALLED_SECONDS = 30.0
_POLL_MS = 500


def audit_home(home: Home) -> list[Finding]:
    """All differences between the log, up to what the sinks have acknowledged, and the tables. The first positions of
    every partition are read again and compared field by field.

    Asked as the writer: the reader does not see the restricted tables. Raises MissingPart when the log cannot be read,
    StatementFailed.
    """
    positions, starts = asyncio.run(_positions(home.kafka_bootstrap))
    ranges = next_ranges({}, positions, POSITIONS_AT_ONCE)

    def read_log(span: Span) -> list[RecordBatch]:
        return asyncio.run(_read(home.kafka_bootstrap, span))

    with ClickHouse(writer_address(home), "checkline-audit") as client:
        return audit(client, positions, starts, read_log, ranges, partitions=home.settings.partitions)


async def _positions(bootstrap: str) -> tuple[Mapping[Place, int], Mapping[Place, int]]:
    """Up to where the sinks have acknowledged each partition, and where its log begins."""
    (group,) = SINK_GROUP
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        everything = [
            TopicPartition(topic.name, number)
            for topic in ALL_TOPICS
            for number in await _partitions(consumer, topic.name)
        ]
        consumer.assign(everything)
        begins = await consumer.beginning_offsets(everything)
        committed = {one: await consumer.committed(one) for one in everything}
        starts = {(one.topic, one.partition): offset for one, offset in begins.items()}
        positions = {(one.topic, one.partition): offset for one, offset in committed.items() if offset is not None}
        return positions, starts
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer.topics()
    return sorted(consumer.partitions_for_topic(topic) or ())


async def _read(bootstrap: str, span: Span) -> list[RecordBatch]:
    """The record batches of a range of the log."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    hand_out_batches(consumer, (span.topic,))
    try:
        await consumer.start()
        place = TopicPartition(span.topic, span.partition)
        consumer.assign([place])
        consumer.seek(place, span.begin)
        batches: list[RecordBatch] = []
        moved = time.monotonic()
        while (position := await consumer.position(place)) < span.end:
            for found in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                batches += found
            if await consumer.position(place) > position:
                moved = time.monotonic()
            elif time.monotonic() - moved > STALLED_SECONDS:
                raise MissingPart(
                    f"kafka gives nothing of {span.topic}/{span.partition} from offset {position} on for "
                    f"{STALLED_SECONDS:.0f} s; see checkline status"
                )
        return batches
    finally:
        await consumer.stop()
