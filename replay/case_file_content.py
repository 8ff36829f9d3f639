"""What a stretch of a partition holds: counted and digested alike when a case is written and when it is verified."""

import struct
from collections.abc import Sequence

from xxhash import xxh3_128_intdigest

from replay.case_file_marks import MarkFinder, schema_ids
from schemas.registry import Registry
from schemas.topics import BY_NAME
from schemas.wire.batches import Record
from schemas.wire.partitioner import NO_PARTITION, partitions_of_keys

NAMED_UNKNOWN = 100
"""How many schema ids that nobody knows are named: poison may hold any number of them."""

_NONE = -1
_HEAD = struct.Struct("<qqqq")
_SIZES = struct.Struct("<qq")


def record_digest(record: Record) -> int:
    """128 bits that stand for what was published and when it arrived: not for the place it lies at."""
    _, appended_at, key, value, headers = record
    head = _HEAD.pack(
        appended_at, _NONE if key is None else len(key), _NONE if value is None else len(value), len(headers)
    )
    parts = [head, key or b"", value or b""]
    for name, held in headers:
        text = name.encode()
        parts += (_SIZES.pack(len(text), _NONE if held is None else len(held)), text, held or b"")
    return xxh3_128_intdigest(b"".join(parts))


class Content:
    """Account of one partition's records, added in their order. ``total`` is the sum of the digests of all that is no
    time mark: a sum does not know the order, and those of partitions add up to the topic's."""

    def __init__(self, registry: Registry, topic: str, partition: int, partitions: int) -> None:
        self._registry = registry
        self._marks = MarkFinder(topic, partition, partitions)
        self._partition, self._partitions = partition, partitions
        self._partitioned = BY_NAME[topic].partitioned
        self.records = 0
        self.marks = 0
        self.misplaced = 0
        self.total = 0
        self.first_appended_at: int | None = None
        self.last_appended_at: int | None = None
        self.last_mark: int | None = None
        self.known_ids: set[int] = set()
        self.unknown_ids: set[int] = set()

    def add(self, records: Sequence[Record]) -> None:
        """Take account of some more records."""
        if not records:
            return
        marks = self._marks.find(records)
        self.records += len(records)
        self.marks += len(marks)
        self.last_mark = _latest(self.last_mark, max(marks.values(), default=None))
        self.total += sum(record_digest(record) for place, record in enumerate(records) if place not in marks)
        times = [record.appended_at for record in records]
        first = min(times)
        self.first_appended_at = first if self.first_appended_at is None else min(self.first_appended_at, first)
        self.last_appended_at = _latest(self.last_appended_at, max(times))
        if self._partitioned:
            places = partitions_of_keys([record.key for record in records], self._partitions)
            self.misplaced += int(((places != self._partition) & (places != NO_PARTITION)).sum())
        for schema_id in schema_ids(records) - self.known_ids:
            if self._registry.find(schema_id) is not None:
                self.known_ids.add(schema_id)
            elif len(self.unknown_ids) < NAMED_UNKNOWN:
                self.unknown_ids.add(schema_id)


def _latest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
