"""The audit of a home: what the broker holds, handed to the sinks' own comparison."""

import asyncio
import json
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.column_store import writer_address
from infra.embedded.catch_up import SINK_GROUP
from infra.errors import MissingPart
from infra.home import Home, write_whole
from schemas.policy import default_policy
from schemas.topics import ALL_TOPICS, partitions_of
from schemas.wire.batches import RecordBatch, hand_out_batches
from sinks.audit import Finding, audit, next_ranges
from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.ledger import Place

# The identities of a range go into one statement, which the engine reads up to 256 KiB.
POSITIONS_AT_ONCE = 2_000
CURSORS_FILE = "audited.json"
STALLED_SECONDS = 30.0
_POLL_MS = 200


def audit_home(home: Home) -> list[Finding]:
    """All differences between the log, up to what the sinks have acknowledged, and the tables. A range of every
    partition is read again and compared field by field; the next audit takes the next range, round and round.

    Asked as the writer: the reader does not see the restricted tables. Raises MissingPart when the log cannot be read,
    StatementFailed.
    """
    partitions = home.settings.partitions
    log = asyncio.run(_log(home.kafka_bootstrap, partitions))
    cursors = {**log.begins, **_cursors(home)}
    ranges = next_ranges(cursors, log.acknowledged, POSITIONS_AT_ONCE)
    batches = asyncio.run(_read(home.kafka_bootstrap, ranges))
    with ClickHouse(writer_address(home), "checkline-audit") as client:
        findings = audit(
            client,
            log.acknowledged,
            log.begins,
            batches.__getitem__,
            ranges,
            partitions=partitions,
            limits=default_policy().arrival.limits,
        )
    ends = asyncio.run(_log(home.kafka_bootstrap, partitions)).ends
    _keep(home, cursors)
    return [finding for finding in findings if not _written_meanwhile(finding, log, ends)]


def _cursors(home: Home) -> dict[Place, int]:
    """Up to where each partition was read again by the audits before this one."""
    file = home.directory / CURSORS_FILE
    stored: list[tuple[str, int, int]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return {(topic, partition): position for topic, partition, position in stored}


def _keep(home: Home, cursors: Mapping[Place, int]) -> None:
    rows = [(topic, partition, position) for (topic, partition), position in sorted(cursors.items())]
    write_whole(home.directory / CURSORS_FILE, json.dumps(rows) + "\n")


class Log(NamedTuple):
    """Where each partition begins, up to where the sinks have acknowledged it (absent: never), and where it ends."""

    begins: Mapping[Place, int]
    acknowledged: Mapping[Place, int]
    ends: Mapping[Place, int]


def _written_meanwhile(finding: Finding, log: Log, ends: Mapping[Place, int]) -> bool:
    """Whether a finding only says that the ledger is ahead of the acknowledgement: a block is written first, and the
    sinks do not stand still for an audit. The ledger must not be ahead of the log itself."""
    place = (finding.topic, finding.partition)
    ahead = finding.check == "coverage" and finding.begin >= log.acknowledged.get(place, 0)
    return ahead and finding.end <= ends.get(place, 0)


async def _log(bootstrap: str, partitions: int) -> Log:
    """The extent of the log now. Raises MissingPart when the broker does not know one of the partitions."""
    (group,) = SINK_GROUP
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        await consumer.start()
        # Asked for by number: the client knows nothing of the partitions of topics it does not subscribe to.
        everything = [
            TopicPartition(topic.name, number)
            for topic in ALL_TOPICS
            for number in range(partitions_of(topic, partitions))
        ]
        consumer.assign(everything)
        begins = await consumer.beginning_offsets(everything)
        committed = {one: await consumer.committed(one) for one in everything}
        ends = await consumer.end_offsets(everything)
    finally:
        await consumer.stop()
    if missing := [one for one in everything if one not in begins or one not in ends]:
        raise MissingPart(f"kafka knows no partition {missing[0].partition} of {missing[0].topic}; run checkline up")
    acknowledged = {one: offset for one, offset in committed.items() if offset is not None}
    return Log(_by_place(begins), _by_place(acknowledged), _by_place(ends))


def _by_place(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {(one.topic, one.partition): offset for one, offset in offsets.items()}


async def _read(bootstrap: str, spans: Collection[Span]) -> dict[Span, list[RecordBatch]]:
    """The record batches of ranges of the log, at most one a partition. Raises MissingPart when they do not come."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    hand_out_batches(consumer, [topic.name for topic in ALL_TOPICS])
    waiting = {TopicPartition(span.topic, span.partition): span for span in spans}
    batches: dict[Span, list[RecordBatch]] = {span: [] for span in spans}
    try:
        await consumer.start()
        consumer.assign(list(waiting))
        for place, span in waiting.items():
            consumer.seek(place, span.begin)
        moved = time.monotonic()
        while waiting:
            for place, found in (await consumer.getmany(*waiting, timeout_ms=_POLL_MS)).items():
                batches[waiting[place]] += found
                moved = time.monotonic()
            # Positions also pass over what holds no record: markers of transactions, and what was aborted.
            for place in [place for place, span in waiting.items() if await consumer.position(place) >= span.end]:
                consumer.pause(place)
                del waiting[place]
                moved = time.monotonic()
            if waiting and time.monotonic() - moved > STALLED_SECONDS:
                span = next(iter(waiting.values()))
                raise MissingPart(
                    f"kafka gives nothing of {span.topic}/{span.partition} up to offset {span.end} for "
                    f"{STALLED_SECONDS:.0f} s; see checkline status"
                )
        return batches
    finally:
        await consumer.stop()
