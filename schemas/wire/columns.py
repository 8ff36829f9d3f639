"""Record batches to columns: what worker and sinks read the log through.

Columns of a decoded frame, one row per record, in offset order:

| column | type | meaning |
| --- | --- | --- |
| ``offset`` | Int64 | the record's offset in its partition |
| ``appended_at`` | Int64 | ms: the broker's time where the topic has LogAppendTime, else the producer's |
| ``key`` | Binary | null where the record has none |
| ``schema_id`` | Int32 | version it was written with |
| fields | see `column_type` | of the newest version; its default where the record's version has no such field |

A field that has the name of one of the first four is called ``value_<name>`` (dead letters have an ``offset`` too).

An enumeration is a `polars.Enum` of the newest version's symbols: stored as small numbers, compared with a symbol at
the speed of numbers, and `to_physical()` gives the symbol's position. A time is its milliseconds (Int64).

Batches that hold nothing but well-formed records of one version (all of a healthy topic) are read by one call of
polars. In the others every record is looked at: those that cannot be decoded are refused, and only those. Whether a
record is refused, and its row if not, is the same on both paths and for any choice of columns, and the same as
`rows.RowCodec` gives: all fields are read, wanted or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.codes import Refusal
from schemas.registry import Registry, SchemaVersion
from schemas.wire import blocks, framing
from schemas.wire.batches import Record, RecordBatch
from schemas.wire.datums import DatumError, read_datum
from schemas.wire.fields import Field
from schemas.wire.structure import sound

OFFSET, APPENDED_AT, KEY, SCHEMA_ID = "offset", "appended_at", "key", "schema_id"
POSITION_COLUMNS: dict[str, pl.DataType] = {
    OFFSET: pl.Int64(),
    APPENDED_AT: pl.Int64(),
    KEY: pl.Binary(),
    SCHEMA_ID: pl.Int32(),
}

RECORDS_PER_READ = 10_000
"""About how many records one call of polars reads: enough for its fixed cost, few enough to look at one by one."""

LEAST_CAUTION = 100_000
MOST_CAUTION = 10_000_000


class Refused(NamedTuple):
    """A record that cannot be decoded. ``raw`` is its value; ``field`` is None where no single one is at fault."""

    offset: int
    appended_at: int
    key: bytes | None
    raw: bytes | None
    reason: Refusal
    field: str | None
    detail: str
    schema_id: int | None


class Decoded(NamedTuple):
    """Rows of the records that can be decoded, and the others, both in offset order."""

    frame: pl.DataFrame
    refused: list[Refused]


class DecodedTogether(NamedTuple):
    """What several partitions' batches hold, one partition after the other, each in offset order.

    ``part``: for every row, which of the partitions given it came from, counted from 0; ``refused``: for every one.
    """

    frame: pl.DataFrame
    part: NDArray[np.int64]
    refused: list[list[Refused]]


class UnknownField(LookupError):
    """A wanted column is not a field of the subject's newest schema."""


_Found = tuple[pl.DataFrame, NDArray[np.int64]]


class _Placed(NamedTuple):
    part: int
    record: Record


class ColumnCodec:
    """Decodes the batches of one subject into the ``wanted`` fields of its newest schema (None: all, in its order)."""

    def __init__(self, registry: Registry, subject: str, wanted: Sequence[str] | None = None) -> None:
        self._registry = registry
        self.subject = subject
        self.latest = registry.latest(subject)
        shapes = {shape.name: shape for shape in self.latest.shapes}
        if unknown := [name for name in wanted or () if name not in shapes]:
            raise UnknownField(f"{subject} version {self.latest.version} has no {', '.join(unknown)}")
        self.wanted = tuple(shapes if wanted is None else dict.fromkeys(wanted))
        wanted_shapes = [shapes[name] for name in self.wanted]
        self._readers = {version.id: blocks.BlockReader(version) for version in registry.versions(subject)}
        self._resolutions = {version.id: _resolution(version, wanted_shapes) for version in registry.versions(subject)}
        self._prefixes = {framing.prefix(schema_id): schema_id for schema_id in self._readers}
        self._caution = _Caution()
        self.schema: dict[str, pl.DataType] = {
            **POSITION_COLUMNS,
            **{column_name(s.name): column_type(s) for s in wanted_shapes},
        }

    def decode(self, batches: Iterable[RecordBatch]) -> Decoded:
        """Columns of the batches of one partition, given in the log's order. Raises `batches.CorruptBatch`."""
        frame, _, (refused,) = self.decode_together([batches])
        return Decoded(frame, refused)

    def decode_together(self, partitions: Sequence[Iterable[RecordBatch]]) -> DecodedTogether:
        """`decode` for some partitions at once: for few records each, at the cost of one. Raises `CorruptBatch`."""
        frames: list[pl.DataFrame] = []
        parts: list[NDArray[np.int64]] = []
        refused: list[list[Refused]] = [[] for _ in partitions]
        for group, of_batches in _groups(partitions):
            found = self._read_whole(group, of_batches)
            if found is None:
                found = self._read_one_by_one(group, of_batches, refused)
            if found is not None:
                frames.append(found[0])
                parts.append(found[1])
        if not frames:
            return DecodedTogether(pl.DataFrame(schema=self.schema), np.zeros(0, np.int64), refused)
        if len(frames) == 1:
            return DecodedTogether(frames[0], parts[0], refused)
        return DecodedTogether(pl.concat(frames), np.concatenate(parts), refused)

    def _read_whole(self, group: Sequence[RecordBatch], of_batches: Sequence[int]) -> _Found | None:
        """All records of a group by one call of polars; None if they do not all fit."""
        count = sum(batch.count for batch in group)
        reader = self._readers.get(_first_schema_id(group[0]) or 0)
        if reader is None or self._caution.asks(count):
            return None
        try:
            read = reader.read_records(group)
        except blocks.Misread as misread:
            if isinstance(misread, blocks.Panicked):
                self._caution.panicked()
            return None
        self._caution.went_well(count)
        counts = [batch.count for batch in group]
        offsets = np.repeat([batch.base_offset for batch in group], counts) + read[blocks.OFFSET_DELTA].to_numpy()
        times = np.repeat([_time_of(batch) for batch in group], counts)
        create_time = np.repeat([not batch.has_log_append_time for batch in group], counts)
        times = times + np.where(create_time, read[blocks.TIME_DELTA].to_numpy(), 0)
        frame = self._frame(reader.version, pl.Series(offsets), pl.Series(times), read[blocks.KEY], read)
        part = np.repeat(np.array(of_batches, np.int64), counts)
        if not all(batch.is_wanted_whole for batch in group):
            wanted = offsets >= np.repeat([batch.first_wanted for batch in group], counts)
            wanted &= offsets < np.repeat([batch.wanted_until for batch in group], counts)
            return frame.filter(wanted), part[wanted]
        return frame, part

    def _read_one_by_one(
        self, group: Sequence[RecordBatch], of_batches: Sequence[int], refused: list[list[Refused]]
    ) -> _Found | None:
        """What can be read; adds the others to ``refused``."""
        bad: list[tuple[int, Refused]] = []
        by_version: dict[int, list[_Placed]] = defaultdict(list)
        for part, batch in zip(of_batches, group, strict=True):
            for record in batch.records():
                if record.value and (known := self._prefixes.get(record.value[: framing.SIZE])):
                    by_version[known].append(_Placed(part, record))
                    continue
                unframed = framing.unframe(self._registry, self.subject, record.value)
                if isinstance(unframed, framing.BadFrame):
                    refusal = _refuse(record, unframed.reason, None, unframed.detail, unframed.schema_id)
                    bad.append((part, refusal))
                else:
                    by_version[unframed.schema_id].append(_Placed(part, record))
        frames, good = [], []
        for schema_id, placed in by_version.items():
            version = self._registry.by_id(schema_id)
            values = [record.value or b"" for _, record in placed]
            readable = sound(version.shapes, values, framing.SIZE)
            bad += ((placed[at].part, _why(version, placed[at].record)) for at in np.flatnonzero(~readable))
            if readable.any():
                mine = [placed[at] for at in np.flatnonzero(readable)]
                read = self._readers[schema_id].read_values([record.value or b"" for _, record in mine])
                offsets = pl.Series([record.offset for _, record in mine], dtype=pl.Int64)
                times = pl.Series([record.appended_at for _, record in mine], dtype=pl.Int64)
                keys = pl.Series([record.key for _, record in mine], dtype=pl.Binary)
                frames.append(self._frame(version, offsets, times, keys, read))
                good += mine
        for part, refusal in sorted(bad, key=lambda found: found[1].offset):
            refused[part].append(refusal)
        if not frames:
            return None
        part_of = np.array([part for part, _ in good], np.int64)
        if len(frames) == 1:
            return frames[0], part_of
        order = np.lexsort((np.array([record.offset for _, record in good]), part_of))
        return pl.concat(frames)[order], part_of[order]

    def _frame(
        self, writer: SchemaVersion, offsets: pl.Series, times: pl.Series, keys: pl.Series, read: pl.DataFrame
    ) -> pl.DataFrame:
        """Columns as the newest version has them, from those that were read as ``writer`` has them."""
        positions = [offsets.alias(OFFSET), times.alias(APPENDED_AT), keys.alias(KEY)]
        # All at once: by itself, each operation on a column costs more than a small batch's rows.
        return read.select_seq(*positions, *self._resolutions[writer.id])


class _Caution:
    """After a panic, how many records are looked at before polars sees them: twice as many as after the one before,
    half as many again for every such stretch that polars has read without."""

    def __init__(self) -> None:
        self._span = LEAST_CAUTION
        self._left = 0
        self._calm = 0

    def asks(self, count: int) -> bool:
        if self._left <= 0:
            return False
        self._left -= count
        return True

    def panicked(self) -> None:
        self._left = self._span
        self._span = min(self._span * 2, MOST_CAUTION)
        self._calm = 0

    def went_well(self, count: int) -> None:
        self._calm += count
        if self._calm >= self._span > LEAST_CAUTION:
            self._span //= 2
            self._calm = 0


def column_name(field: str) -> str:
    """Name of a field's column."""
    return f"value_{field}" if field in POSITION_COLUMNS else field


def column_type(shape: Field) -> pl.DataType:
    """Type of a field's column."""
    match shape.kind:
        case "boolean":
            return pl.Boolean()
        case "int":
            return pl.Int32()
        case "long":
            return pl.Int64()
        case "string":
            return pl.String()
        case "bytes" | "fixed":
            return pl.Binary()
        case "enum":
            return pl.Enum(shape.symbols)
    return pl.List({"long": pl.Int64(), "string": pl.String(), "bytes": pl.Binary()}[shape.items])


def _resolution(writer: SchemaVersion, shapes: Iterable[Field]) -> list[pl.Expr]:
    """Schema id and wanted fields, from the columns of a `blocks.BlockReader` of ``writer``."""
    written = {shape.name: shape for shape in writer.shapes}
    columns = [pl.lit(writer.id, dtype=pl.Int32).alias(SCHEMA_ID)]
    for shape in shapes:
        if shape.name in written:
            column = _column(shape, written[shape.name])
        else:
            column = pl.lit(pl.Series([_default(shape)], dtype=column_type(shape))).first()
        columns.append(column.alias(column_name(shape.name)))
    return columns


def _column(shape: Field, written: Field) -> pl.Expr:
    read = pl.col(shape.name)
    match shape.kind:
        case "boolean":
            return read != 0
        case "int":
            return read.cast(pl.Int32)
        case "enum":
            enum = column_type(shape)
            # An Enum's physical type goes by its number of symbols, and polars takes no other.
            code = pl.Series(dtype=enum).to_physical().dtype
            if shape.symbols[: len(written.symbols)] != written.symbols:
                places = pl.Series([_symbol_place(shape, symbol) for symbol in written.symbols])
                read = pl.lit(places).gather(read)
            return read.cast(code).cat.to(enum)
    return read


def _symbol_place(shape: Field, symbol: str) -> int:
    # The registry has made sure that there is a symbol for those the reader does not know.
    return shape.symbols.index(symbol if symbol in shape.symbols else shape.other_symbol or "")


def _default(shape: Field) -> Any:
    if shape.kind in ("bytes", "fixed") and isinstance(shape.default, str):
        return shape.default.encode("iso-8859-1")  # as the Avro specification has it
    return shape.default


def _groups(partitions: Iterable[Iterable[RecordBatch]]) -> Iterable[tuple[list[RecordBatch], list[int]]]:
    """Stretches of batches that may be read together: of one first schema id, and not too many records.

    With each batch goes the place of its partition among those given.
    """
    group: list[RecordBatch] = []
    parts: list[int] = []
    count, schema_id = 0, None
    for part, batches in enumerate(partitions):
        for batch in batches:
            if batch.is_control or not batch.count:
                continue
            first = _first_schema_id(batch)
            if group and (first != schema_id or count + batch.count > RECORDS_PER_READ):
                yield group, parts
                group, parts, count = [], [], 0
            group.append(batch)
            parts.append(part)
            count += batch.count
            schema_id = first
    if group:
        yield group, parts


def _first_schema_id(batch: RecordBatch) -> int | None:
    """Schema id of a batch's first record, None if it has no key or no framed value."""
    body, position = batch.body, 0
    try:
        for _ in range(4):  # length, attributes, time delta, offset delta
            _, position = _number(body, position)
        size, position = _number(body, position)
        if size < 0:
            return None
        _, position = _number(body, position + size)
    except IndexError:
        return None
    head = bytes(body[position : position + framing.SIZE])
    return int.from_bytes(head[1:], "big") if len(head) == framing.SIZE and head[0] == framing.MAGIC else None


def _number(data: bytes | memoryview, position: int) -> tuple[int, int]:
    bits = shift = 0
    while True:
        byte = data[position]
        position += 1
        bits |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (bits >> 1) ^ -(bits & 1), position
        shift += 7


def _time_of(batch: RecordBatch) -> int:
    return batch.max_timestamp if batch.has_log_append_time else batch.base_timestamp


def _refuse(record: Record, reason: Refusal, field: str | None, detail: str, schema_id: int | None) -> Refused:
    return Refused(record.offset, record.appended_at, record.key, record.value, reason, field, detail, schema_id)


def _why(version: SchemaVersion, record: Record) -> Refused:
    try:
        read_datum(version.shapes, record.value or b"", framing.SIZE)
    except DatumError as error:
        return _refuse(record, error.reason, error.field, error.detail, version.id)
    raise blocks.Misread(f"{version}: the record at offset {record.offset} is refused, but nothing is wrong with it")
