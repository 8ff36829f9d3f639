"""Kafka's bytes as an Avro file, read into columns by one call of `polars.read_avro`.

The records section of a v2 batch is an Avro data block: its varints are Avro's. A schema that wraps that of the event
into what stands around it (lengths, time and offset deltas, key, framing, number of headers) makes columns of it.

polars misreads some bad data in silence (a boolean byte of 2 is false, an int of 40 bits loses 8) and panics on some
(an index outside an enumeration). So nothing is asked of it but numbers, bytes and text: ints, booleans and
enumerations are read as longs, which have the same bytes, and `within_bounds` looks at what they say.
"""

import io
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.registry import SchemaVersion
from schemas.wire import framing
from schemas.wire.batches import RecordBatch
from schemas.wire.fields import Field
from schemas.wire.structure import bounds

LENGTH, ATTRIBUTES, TIME_DELTA, OFFSET_DELTA = (
    "kafka_length",
    "kafka_attributes",
    "kafka_time_delta",
    "kafka_offset_delta",
)
KEY, VALUE_LENGTH, FRAME, HEADERS = "kafka_key", "kafka_value_length", "kafka_frame", "kafka_headers"
GUARD = "kafka_guard"
_SYNC = b"checkline-blocks"
_GUARD_SIZE = 8


class Misread(Exception):
    """The bytes do not fit the wrapped schema: nothing that was read may be used."""


def varint(number: int) -> bytes:
    """A number as Kafka and Avro write it: zigzag, seven bits a byte."""
    bits, out = (number << 1) ^ (number >> 63), bytearray()
    while bits > 0x7F:
        out.append(bits & 0x7F | 0x80)
        bits >>= 7
    out.append(bits)
    return bytes(out)


class Panicked(Misread):
    """polars was led out of the bytes; it has written about it to standard error."""


class BlockReader:
    """Reads record batches, or values, of one schema version."""

    def __init__(self, version: SchemaVersion) -> None:
        self.version = version
        self._prefix = framing.prefix(version.id)
        # Unguessable, so that no datum can contain what stands after it by design or accident.
        self._guard = os.urandom(_GUARD_SIZE)
        fields = [_avro_field(shape) for shape in version.shapes]
        frame = {"name": FRAME, "type": {"type": "fixed", "name": "KafkaFrame", "size": framing.SIZE}}
        longs = (LENGTH, ATTRIBUTES, TIME_DELTA, OFFSET_DELTA)
        record: list[dict[str, Any]] = [
            *({"name": name, "type": "long"} for name in longs),
            {"name": KEY, "type": "bytes"},
            {"name": VALUE_LENGTH, "type": "long"},
            frame,
            *fields,
            {"name": HEADERS, "type": "long"},
        ]
        guard = {"name": GUARD, "type": {"type": "fixed", "name": "KafkaGuard", "size": _GUARD_SIZE}}
        self._record_head = _file_head(record)
        self._value_head = _file_head([guard, frame, *fields])
        value = self._prefix + b"".join(map(_least_value, version.shapes))
        body = b"\0\0\0" + varint(_GUARD_SIZE) + self._guard + varint(len(value)) + value + b"\0"
        self._last_record = varint(len(body)) + body

    def read_records(self, batches: Sequence[RecordBatch]) -> pl.DataFrame:
        """Key, time and offset deltas and fields of all records. Raises `Misread`.

        Fits batches whose records all have a key, a value of this version, no headers, and no gap in their offsets.
        """
        bodies = [batch.body for batch in batches]
        data = b"".join((*bodies, self._last_record))
        counts = np.array([batch.count for batch in batches])
        frame = _read(self._record_head, int(counts.sum()) + 1, data)
        self._check_records(frame, counts, np.frombuffer(data, np.uint8))
        return frame[:-1]

    def _check_records(self, frame: pl.DataFrame, counts: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        # A datum longer or shorter than it says shifts all that follows. The record behind the last one is ours, and
        # where a record begins is known from the lengths alone: they are followed through the bytes from the start.
        lengths = frame[LENGTH].to_numpy()
        sizes = _varint_sizes(lengths)
        begins = np.cumsum(lengths + sizes)
        total = begins[-1]
        begins -= lengths + sizes
        if frame[KEY][-1] != self._guard or total != len(data) or begins.min() < 0 or begins.max() >= len(data):
            raise Misread("the records end elsewhere")
        bits = lengths << 1
        for place in range(int(sizes.max())):
            with_byte = np.flatnonzero(sizes > place) if place else slice(None)
            byte = (bits[with_byte] >> 7 * place) & 0x7F | np.where(sizes[with_byte] > place + 1, 0x80, 0)
            if (data[begins[with_byte] + place] != byte).any():
                raise Misread("a record begins elsewhere")
        offset_deltas = frame[OFFSET_DELTA].to_numpy()
        key_sizes = frame[KEY].bin.size().to_numpy().astype(np.int64)
        value_sizes = frame[VALUE_LENGTH].to_numpy()
        expected = (
            2
            + _varint_sizes(frame[TIME_DELTA].to_numpy())
            + _varint_sizes(offset_deltas)
            + _varint_sizes(key_sizes)
            + key_sizes
            + _varint_sizes(value_sizes)
            + value_sizes
        )
        if (lengths != expected).any():
            raise Misread("a record is longer or shorter than its parts")
        if (frame[HEADERS].to_numpy() | frame[ATTRIBUTES].to_numpy()).any():
            raise Misread("headers or attributes")
        numbers = np.arange(len(offset_deltas) - 1) - np.repeat(np.cumsum(counts) - counts, counts)
        if (offset_deltas[:-1] != numbers).any():
            raise Misread("offsets with gaps")
        if not _all_are(frame[FRAME], self._prefix):
            raise Misread("another schema")
        if not within_bounds(self.version.shapes, frame):
            raise Misread("a value out of bounds")

    def read_values(self, values: Sequence[bytes]) -> pl.DataFrame:
        """Fields of framed values whose structure is known to be sound. Raises `Misread` if it is not."""
        data = self._guard + self._guard.join(values)
        frame = _read(self._value_head, len(values), data)
        guarded = _all_are(frame[GUARD], self._guard) and _all_are(frame[FRAME], self._prefix)
        if not guarded or not within_bounds(self.version.shapes, frame):
            raise Misread(f"{self.version}: polars reads otherwise than the structure says")
        return frame


def within_bounds(shapes: tuple[Field, ...], frame: pl.DataFrame) -> bool:
    """Whether what was read as a long may stand for a value of its field everywhere."""
    for shape in shapes:
        low, high = bounds(shape)
        if low is not None and high is not None:
            least: Any = frame[shape.name].min()
            greatest: Any = frame[shape.name].max()
            if least is not None and (least < low or greatest > high):
                return False
    return True


def _read(head: bytes, count: int, data: bytes) -> pl.DataFrame:
    block = b"".join((head, varint(count), varint(len(data)), data, _SYNC))
    try:
        return pl.read_avro(io.BytesIO(block))
    except (pl.exceptions.ComputeError, OSError) as error:
        raise Misread(str(error)) from error
    except pl.exceptions.PanicException as panic:  # not an Exception: it would end the process
        raise Panicked(str(panic)) from None


def _all_are(column: pl.Series, value: bytes) -> bool:
    return bool((column == pl.Series([value])).all())


def _file_head(fields: list[dict[str, Any]]) -> bytes:
    schema = json.dumps({"type": "record", "name": "KafkaRecord", "fields": fields}).encode()
    metadata = ((b"avro.schema", schema), (b"avro.codec", b"null"))
    pairs = b"".join(varint(len(text)) + text for pair in metadata for text in pair)
    return b"Obj\1" + varint(len(metadata)) + pairs + b"\0" + _SYNC


def _avro_field(shape: Field) -> dict[str, Any]:
    avro_type: Any
    match shape.kind:
        case "string" | "bytes":
            avro_type = shape.kind
        case "fixed":
            avro_type = {"type": "fixed", "name": f"Fixed_{shape.name}", "size": shape.size}
        case "array":
            avro_type = {"type": "array", "items": shape.items}
        case _:
            avro_type = "long"
    if shape.nullable:
        avro_type = ["null", avro_type]
    return {"name": shape.name, "type": avro_type}


def _least_value(shape: Field) -> bytes:
    return bytes(shape.size) if shape.kind == "fixed" and not shape.nullable else b"\0"


def _varint_sizes(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    bits = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    sizes = np.ones(len(numbers), np.int64)
    greatest = int(bits.max(initial=0))
    for shift in range(7, 64, 7):
        if greatest >> shift == 0:
            break
        sizes += bits >= np.uint64(1 << shift)
    return sizes
