"""Real v2 record batches from records, as a producer and a broker make them."""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.wire.aiokafka_private import DefaultRecordBatchBuilder, crc32c
from schemas.wire.batches import HEADER, RecordBatch

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_ATTRIBUTES_AT = 21


ABORT, COMMIT = (struct.pack(">HH", 0, kind) for kind in (0, 1))
"""Keys of the markers that end a transaction."""


class Sent(NamedTuple):
    """A record to be put into a batch; ``timestamp`` in ms."""

    key: bytes | None
    value: bytes | None
    timestamp: int = 1_580_000_000_000
    headers: Sequence[tuple[str, bytes | None]] = ()


def record_batch(
    records: Iterable[Sent | tuple[bytes | None, bytes | None]],
    base_offset: int = 0,
    *,
    codec: str = "none",
    log_append_time: int | None = None,
    transactional: bool = False,
    control: bool = False,
    producer_id: int = -1,
    without: Iterable[int] = (),
    first_wanted: int = 0,
) -> RecordBatch:
    """One batch. ``log_append_time``: the broker's time for all of it. ``control``: its record
    is a marker, see `ABORT` and `COMMIT`. ``without``: places in the batch that
    compaction has emptied."""
    sent = [Sent(*record) for record in records]
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], int(transactional), producer_id, 0, 0, 1 << 30)
    removed = set(without)
    for delta, record in enumerate(sent):
        if delta not in removed:
            builder.append(delta, record.timestamp, record.key, record.value, list(record.headers))
    raw = bytearray(builder.build())
    header = list(HEADER.unpack_from(raw))
    header[0] = base_offset
    header[6] = len(sent) - 1
    if control:
        header[5] |= 0x20
    if log_append_time is not None:
        header[5] |= 0x08
        header[8] = log_append_time
    HEADER.pack_into(raw, 0, *header)
    header[4] = crc32c(memoryview(raw)[_ATTRIBUTES_AT:])
    HEADER.pack_into(raw, 0, *header)
    return RecordBatch(bytes(raw), first_wanted)
