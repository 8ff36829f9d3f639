"""Kafka's v2 record batches, as they lie in the log: what a fetch brings and what columns are read from."""

import struct
from bisect import bisect_left
from collections.abc import Collection, Container, Iterable, Iterator
from typing import Any, NamedTuple

from schemas.wire import aiokafka_private

HEADER = struct.Struct(">qiibIhiqqqhii")
"""base offset, length, leader epoch, magic, CRC, attributes, last offset delta, base timestamp, max timestamp,
producer id, producer epoch, base sequence, number of records"""

_CRC_END = 21
_CODEC_MASK = 0x07
_LOG_APPEND_TIME = 0x08
_TRANSACTIONAL = 0x10
_CONTROL = 0x20
_NEVER = 2**63 - 1


class CorruptBatch(Exception):
    """A batch whose records cannot be told apart, though brokers check that: the log or the network is damaged."""


class Record(NamedTuple):
    """One record. ``appended_at`` in ms: the broker's time if the topic has LogAppendTime, else the producer's."""

    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class RecordBatch:
    """One batch, header included.

    A fetch position may lie inside a batch: brokers send whole ones. ``first_wanted`` is that position,
    ``wanted_until`` the offset before which a reader ends, and `records` and every codec of this package leave out what
    lies outside; ``count`` and ``base_offset`` are the batch's own.
    """

    __slots__ = (
        "_body",
        "attributes",
        "base_offset",
        "base_timestamp",
        "count",
        "crc",
        "first_wanted",
        "last_offset",
        "max_timestamp",
        "producer_id",
        "raw",
        "wanted_until",
    )

    def __init__(self, raw: bytes | memoryview, first_wanted: int = 0) -> None:
        self.raw = memoryview(raw)
        header = HEADER.unpack_from(self.raw)
        self.base_offset: int = header[0]
        self.crc: int = header[4]
        self.attributes: int = header[5]
        self.last_offset: int = header[0] + header[6]
        self.base_timestamp: int = header[7]
        self.max_timestamp: int = header[8]
        self.producer_id: int = header[9]
        self.count: int = header[12]
        self.first_wanted = first_wanted
        self.wanted_until = _NEVER
        self._body: bytes | memoryview | None = None

    def __repr__(self) -> str:
        return f"RecordBatch(offsets {self.base_offset} to {self.last_offset}, {self.count} records)"

    @property
    def next_offset(self) -> int:
        """Offset after the batch's last one, which a compacted batch may no longer hold."""
        return self.last_offset + 1

    @property
    def is_wanted_whole(self) -> bool:
        """Whether none of its records is left out."""
        return self.first_wanted <= self.base_offset and self.wanted_until > self.last_offset

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & _CONTROL)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def has_log_append_time(self) -> bool:
        """Whether the broker's time, the same for the whole batch, stands for the producer's."""
        return bool(self.attributes & _LOG_APPEND_TIME)

    @property
    def crc_holds(self) -> bool:
        return aiokafka_private.crc32c(self.raw[_CRC_END:]) == self.crc

    @property
    def body(self) -> bytes | memoryview:
        """The records section, decompressed. Raises `CorruptBatch`."""
        if self._body is None:
            compressed = self.raw[HEADER.size :]
            codec = self.attributes & _CODEC_MASK
            try:
                self._body = aiokafka_private.decompress(codec, compressed) if codec else compressed
            except ValueError as error:
                raise CorruptBatch(f"batch at offset {self.base_offset}: {error}") from error
        return self._body

    def records(self) -> Iterator[Record]:
        """The records from ``first_wanted`` on, one by one. Raises `CorruptBatch`."""
        for record in self._parsed():
            if self.first_wanted <= record.offset < self.wanted_until:
                yield Record(record.offset, record.timestamp, record.key, record.value, tuple(record.headers))

    def _parsed(self) -> Iterator[Any]:
        try:
            yield from aiokafka_private.DefaultRecordBatch(bytes(self.raw))
        except Exception as error:  # the parser's own, those of the compression libraries, and UnicodeDecodeError
            raise CorruptBatch(f"batch at offset {self.base_offset}: {error}") from error


def split(data: bytes | memoryview, first_wanted: int = 0) -> list[RecordBatch]:
    """The batches of a stretch of log or of a fetch's answer, control batches left out."""
    batches = (RecordBatch(raw, first_wanted) for raw in aiokafka_private.split_batches(data))
    return [batch for batch in batches if batch.count and not batch.is_control]


def hand_out_batches(consumer: Any, topics: Container[str]) -> None:
    """Makes an AIOKafkaConsumer (Faust's too) hand out a `RecordBatch` where it would hand out records, for ``topics``.

    Before start. ``max_records`` then counts batches. Aborted and control batches are left out as before, positions
    move as before, and a batch that begins below the position carries it as ``first_wanted``.
    """
    aiokafka_private.hand_out_batches(consumer, topics, RecordBatch)


def key_values(
    batches: Iterable[RecordBatch], offsets: Collection[int]
) -> dict[int, tuple[bytes | None, bytes | None]]:
    """Raw key and value of some records of one partition, by offset: for dead letters found after decoding.

    Only batches that hold one of the offsets are parsed. Offsets that are not there are not in the answer.
    """
    ordered, wanted = sorted(offsets), set(offsets)
    found: dict[int, tuple[bytes | None, bytes | None]] = {}
    for batch in batches:
        if bisect_left(ordered, batch.base_offset) < bisect_left(ordered, batch.next_offset):
            found.update((record.offset, record[2:4]) for record in batch.records() if record.offset in wanted)
    return found
