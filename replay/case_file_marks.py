"""Time marks: which records of a topic are some, and new ones for other partitions."""

import struct
from collections.abc import Sequence
from functools import cache

import polars as pl

from schemas.events import TimeMark
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.validity import check
from schemas.wire import framing
from schemas.wire.aiokafka_private import DefaultRecordBatchBuilder
from schemas.wire.batches import Record, RecordBatch
from schemas.wire.columns import ColumnCodec
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec

MARK_KIND = "TIME_MARK"
_UNBOUNDED = 2**31 - 1
_SEVERAL_BYTES = range(0x80, 0x100)
"""First bytes of a number written longer than it need be, which some readers take."""


class MarkFinder:
    """Finds the time marks of one partition: exactly the records that a worker takes for some. One that is refused is
    poison like any other."""

    def __init__(self, topic: str, partition: int, partitions: int) -> None:
        self._topic, self._partition, self._partitions = topic, partition, partitions
        self._codec = ColumnCodec(default_registry(), topic)
        self._limits = default_policy().arrival.limits
        self._may_begin = _first_bytes(topic)

    def find(self, records: Sequence[Record]) -> dict[int, int]:
        """{place in ``records``: time that the mark names, UTC milliseconds}."""
        first, at = self._may_begin, framing.SIZE
        places = [
            place
            for place, (_, _, _, value, _) in enumerate(records)
            if value is not None and len(value) > at and value[at] in first
        ]
        if not places:
            return {}
        # As a batch of the log, so that the very code of the workers decides.
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, _UNBOUNDED)
        for number, place in enumerate(places):
            record = records[place]
            builder.append(number, record.appended_at, record.key, record.value, [])
        frame, _ = self._codec.decode([RecordBatch(bytes(builder.build()))])
        sound = check(frame, self._topic, self._partition, self._partitions, self._limits).frame
        marks = sound.filter(pl.col("kind") == MARK_KIND).select("offset", "occurred_at")
        return {places[number]: at for number, at in marks.iter_rows()}


@cache
def _first_bytes(topic: str) -> frozenset[int]:
    """What a mark's datum may begin with: its kind is the first field of every version."""
    first = set(_SEVERAL_BYTES)
    for schema in default_registry().versions(topic):
        shape = schema.shapes[0]
        if shape.name != "kind":
            return frozenset(range(0x100))
        first.add(2 * shape.symbols.index(MARK_KIND))  # as Avro writes a small number
    return frozenset(first)


class MarkMaker:
    """Makes the time marks of one topic with some partitions."""

    def __init__(self, topic: str, partitions: int) -> None:
        self._topic = topic
        self._codec = RowCodec(default_registry(), topic)
        self._keys = [key_of_partition(number, partitions) for number in range(partitions)]

    def at(self, time: int) -> list[tuple[bytes, bytes]]:
        """Key and value of a mark for each partition. The time, UTC milliseconds, is the sequence number as well."""
        return [
            (key, self._codec.encode(TimeMark(source=self._source(number), sequence=time, at=time).row(self._topic)))
            for number, key in enumerate(self._keys)
        ]

    def _source(self, partition: int) -> str:
        return f"case-clock-{self._topic}-{partition}"


@cache
def key_of_partition(partition: int, partitions: int) -> bytes:
    """A key that Kafka's partitioner puts into this partition."""
    number = 0
    while partition_of_key(key := f"time-mark-{number}".encode(), partitions) != partition:
        number += 1
    return key


def schema_ids(records: Sequence[Record]) -> set[int]:
    """The schema ids that values name in their framing."""
    heads = {value[: framing.SIZE] for _, _, _, value, _ in records if value is not None}
    framed = (head for head in heads if len(head) == framing.SIZE and head[0] == framing.MAGIC)
    return {struct.unpack(">i", head[1:])[0] for head in framed}
