"""From the record batches of some spans of one topic to the rows that ClickHouse gets. No I/O.

A record is stored (a row of an event or derived table), a time mark, or refused with a reason; whichever it is, it is
one row of arrivals.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from schemas.codes import Refusal
from schemas.identities import EventId, content_hash, content_hashes, identity_hash, identity_hashes
from schemas.registry import Registry
from schemas.topics import BY_NAME, DEAD_LETTERS
from schemas.validity import Limits, check, key_text
from schemas.wire.batches import RecordBatch
from schemas.wire.columns import ColumnCodec, column_type
from schemas.wire.partial import read_value
from schemas.wire.rows import RowCodec, UndecodableValue
from sinks.digest import digest, row_numbers
from sinks.tables import DERIVED_TABLES, EVENT_TABLES, NOTHING, DerivedTable, event_columns

HOUR_MS = 3_600_000
LAST_HOUR_MS = 2**32 * 1000 - HOUR_MS
"""ClickHouse's DateTime ends in 2106."""

OUTCOMES = ("STORED", "MARK", "REFUSED")
_STORED, _MARK, _REFUSED = OUTCOMES
REASONS = ("", *(reason.value for reason in Refusal))
_PLACE = ("partition", "offset", "appended_at")
_OUTCOME, _REASON = pl.Enum(OUTCOMES), pl.Enum(REASONS)


class Span(NamedTuple):
    """Stretch of one partition by positions, ``end`` excluded. It may have holes: positions are the account."""

    topic: str
    partition: int
    begin: int
    end: int


class Block(NamedTuple):
    """What a span brought: numbers of records, digest of their arrivals, hours touched (UTC, ms)."""

    span: Span
    stored: int
    marks: int
    refused: int
    digest: int
    hours: list[int]


class Rows(NamedTuple):
    """What is to be inserted for some blocks: rows of tables by name, their arrivals."""

    blocks: list[Block]
    tables: list[tuple[str, pl.DataFrame]]
    arrivals: pl.DataFrame


Batches = Mapping[Span, Sequence[RecordBatch]]


class BlockBuilder(Protocol):
    """Makes rows of the batches of spans of its topic."""

    def build(self, spans: Batches) -> Rows: ...


class _Refusals:
    """Refused records of one span after another."""

    def __init__(self) -> None:
        self.partitions: list[int] = []
        self.offsets: list[int] = []
        self.appended_at: list[int] = []
        self.reasons: list[str] = []

    def add(self, partition: int, offset: int, appended_at: int, reason: Refusal) -> None:
        self.partitions.append(partition)
        self.offsets.append(offset)
        self.appended_at.append(appended_at)
        self.reasons.append(reason.value)

    def arrivals(self) -> pl.DataFrame:
        frame = pl.DataFrame(
            {
                "partition": pl.Series(self.partitions, dtype=pl.Int64),
                "offset": pl.Series(self.offsets, dtype=pl.Int64),
                "appended_at": pl.Series(self.appended_at, dtype=pl.Int64),
            }
        )
        return _arrivals(frame, _REFUSED, pl.Series(self.reasons, dtype=_REASON))


class EventBlocks:
    """Blocks of an input topic."""

    def __init__(self, registry: Registry, topic: str, partitions: int, limits: Limits) -> None:
        self._topic, self._partitions, self._limits = topic, partitions, limits
        self._codec = ColumnCodec(registry, topic)
        self._table = EVENT_TABLES[topic]
        self._columns = event_columns(registry, self._table)

    def build(self, spans: Batches) -> Rows:
        """Raises `CorruptBatch`."""
        refusals = _Refusals()
        frame = self._usable(spans, refusals)
        is_mark = frame["kind"] == "TIME_MARK"
        events, marks = (frame.filter(~is_mark), frame.filter(is_mark)) if is_mark.any() else (frame, frame.clear())
        arrivals = [refusals.arrivals()]
        tables = []
        if len(events):
            events = events.with_columns(
                (pl.col("occurred_at") // HOUR_MS * HOUR_MS).alias("hour"),
                pl.Series("identity", identity_hashes(events), dtype=pl.Binary),
                pl.Series("content", content_hashes(events, self._codec.wanted), dtype=pl.Binary),
            )
            arrivals.append(_arrivals(events.with_columns(source_hashes(events["source"])), _STORED))
            rows = events.select(pl.col(column).alias(name) for name, column in self._columns.items())
            tables.append((self._table.name, rows.with_columns(pl.col(self._table.key).cast(pl.String))))
        if len(marks):
            arrivals.append(_arrivals(marks.select("partition", "offset", "appended_at", "sent_at", "sequence"), _MARK))
        return _rows(self._topic, spans, tables, arrivals)

    def _usable(self, spans: Batches, refusals: _Refusals) -> pl.DataFrame:
        frame, partitions = _decoded(self._codec, spans, refusals)
        checked = check(frame, self._topic, partitions, self._partitions, self._limits)
        for row, invalid in zip(checked.rows, checked.invalid, strict=True):
            refusals.add(int(partitions[row]), invalid.offset, frame["appended_at"][row], invalid.reason)
        frame = checked.frame.with_columns(pl.Series("partition", np.delete(partitions, checked.rows)))
        beyond = frame["occurred_at"].to_numpy() >= LAST_HOUR_MS
        if beyond.any():
            absurd = pl.Series(beyond) & (frame["kind"] != "TIME_MARK")
            for partition, offset, appended_at in frame.filter(absurd).select(_PLACE).iter_rows():
                refusals.add(partition, offset, appended_at, Refusal.OUT_OF_RANGE)
            frame = frame.filter(~absurd)
        return frame


class DerivedBlocks:
    """Blocks of a derived topic: every record that can be decoded is stored."""

    def __init__(self, registry: Registry, topic: str) -> None:
        self._topic = topic
        self._codec = ColumnCodec(registry, topic)

    def build(self, spans: Batches) -> Rows:
        """Raises `CorruptBatch`."""
        refusals = _Refusals()
        frame, partitions = _decoded(self._codec, spans, refusals)
        frame = frame.with_columns(key_text(frame["key"]), pl.Series("partition", partitions))
        if frame["key"].null_count():
            for partition, offset, appended_at in frame.filter(pl.col("key").is_null()).select(_PLACE).iter_rows():
                refusals.add(partition, offset, appended_at, Refusal.BAD_KEY)
            frame = frame.filter(pl.col("key").is_not_null())
        arrivals = [refusals.arrivals()]
        tables = []
        if len(frame):
            frame = frame.with_columns(pl.Series("content", content_hashes(frame, self._codec.wanted), dtype=pl.Binary))
            arrivals.append(_arrivals(frame.select("partition", "offset", "appended_at", "content"), _STORED))
            tables = _derived_rows(frame, DERIVED_TABLES[self._topic])
        return _rows(self._topic, spans, tables, arrivals)


class DeadLetterBlocks:
    """Blocks of the dead letters, record by record: their fields bear the names that columns give a position."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._codec = RowCodec(registry, DEAD_LETTERS.name)
        self._types: dict[str, pl.DataType] = {shape.name: column_type(shape) for shape in self._codec.latest.shapes}

    def build(self, spans: Batches) -> Rows:
        """Raises `CorruptBatch`."""
        refusals = _Refusals()
        letters: list[dict[str, Any]] = []
        places: list[tuple[int, int, int, bytes]] = []
        fields = list(self._types)
        for span, batches in spans.items():
            for batch in batches:
                for record in batch.records():
                    try:
                        row = self._codec.decode(record.value)
                    except UndecodableValue as error:
                        refusals.add(span.partition, record.offset, record.appended_at, error.reason)
                        continue
                    content = content_hash((record.key or b"").hex(), row, fields)
                    letters.append(row)
                    places.append((span.partition, record.offset, record.appended_at, content))
        arrivals = [refusals.arrivals()]
        tables = []
        if letters:
            schema = {"partition": pl.Int64, "offset": pl.Int64, "appended_at": pl.Int64, "content": pl.Binary}
            positions = pl.DataFrame(places, schema=schema, orient="row")
            arrivals.append(_arrivals(positions, _STORED))
            frame = pl.DataFrame(letters, schema=self._types).with_columns(
                positions["content"],
                positions["partition"].alias("letter_partition"),
                positions["offset"].alias("letter_offset"),
                *self._identities(letters),
            )
            tables = _derived_rows(frame, DERIVED_TABLES[DEAD_LETTERS.name])
        return _rows(DEAD_LETTERS.name, spans, tables, arrivals)

    def _identities(self, letters: Sequence[Mapping[str, Any]]) -> list[pl.Series]:
        """Whose events were refused: '', 0 and `NOTHING` where that cannot be read, or is not for analysts."""
        found = [self._identity(letter) for letter in letters]
        sources = pl.Series("source", [identity.source if identity else "" for identity in found], dtype=pl.String)
        known = pl.Series([identity is not None for identity in found], dtype=pl.Boolean)
        hashes = [identity_hash(*identity) if identity else NOTHING for identity in found]
        return [
            sources,
            source_hashes(sources).set(~known, 0),
            pl.Series("sequence", [identity.sequence if identity else 0 for identity in found], dtype=pl.Int64),
            pl.Series("identity", hashes, dtype=pl.Binary),
        ]

    def _identity(self, letter: Mapping[str, Any]) -> EventId | None:
        topic, value = BY_NAME.get(letter["topic"]), letter["record_value"]
        if topic is None or topic.restricted or value is None or letter["retried_at"] is not None:
            return None
        found = read_value(self._registry, topic.name, value)
        return None if found.restricted else found.identity


def block_builder(registry: Registry, topic: str, partitions: int, limits: Limits) -> BlockBuilder:
    """The builder of a topic's blocks; ``partitions`` is the topic's number of them."""
    if topic in EVENT_TABLES:
        return EventBlocks(registry, topic, partitions, limits)
    return DeadLetterBlocks(registry) if topic == DEAD_LETTERS.name else DerivedBlocks(registry, topic)


def cut(rows: Rows, span: Span) -> Rows:
    """The rows of one span alone, of rows that were built of more: brokers send whole batches, which may go on."""
    tables = [(name, frame.filter(_within(_position(frame), span))) for name, frame in rows.tables]
    return _rows(span.topic, {span: ()}, tables, [rows.arrivals.drop("topic").filter(_within("offset", span))])


def _within(column: str, span: Span) -> pl.Expr:
    return pl.col(column).is_between(span.begin, span.end, closed="left")


def _position(frame: pl.DataFrame) -> str:
    return "letter_offset" if "letter_offset" in frame.columns else "offset"


def _decoded(codec: ColumnCodec, spans: Batches, refusals: _Refusals) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Rows of all spans with the partition of each; adds the other records to ``refusals``."""
    frame, part, refused = codec.decode_together([*spans.values()])
    for span, records in zip(spans, refused, strict=True):
        for bad in records:
            refusals.add(span.partition, bad.offset, bad.appended_at, bad.reason)
    return frame, np.array([span.partition for span in spans], np.int64)[part]


def source_hashes(sources: pl.Series) -> pl.Series:
    """A number for every source name, never 0: places an identity near its neighbours of the same source."""
    names = sources.unique()
    numbers = pl.Series([xxh3_64_intdigest(name.encode()) or 1 for name in names.to_list()], dtype=pl.UInt64)
    codes = sources.cast(pl.Enum(names)).to_physical()
    return numbers.gather(codes).alias("source_hash")


def _derived_rows(frame: pl.DataFrame, tables: Sequence[DerivedTable]) -> list[tuple[str, pl.DataFrame]]:
    out = []
    for table in tables:
        rows = frame if table.rows is None else frame.filter(table.rows)
        if len(rows):
            out.append((table.name, rows.select(pl.col(column).alias(name) for name, column in table.columns.items())))
    return out


def _arrivals(frame: pl.DataFrame, outcome: str, reasons: pl.Series | None = None) -> pl.DataFrame:
    """Rows of arrivals from those columns of ``frame`` that say something of them."""

    def column(name: str, absent: Any, kind: type[pl.DataType] | pl.DataType) -> pl.Expr:
        return pl.col(name).cast(kind) if name in frame.columns else pl.lit(absent, kind).alias(name)

    reason = pl.lit("").cast(_REASON) if reasons is None else pl.lit(reasons)
    return frame.select(
        pl.col("partition"),
        pl.col("offset"),
        pl.col("appended_at"),
        pl.lit(outcome).cast(_OUTCOME).alias("outcome"),
        reason.alias("reason"),
        column("hour", 0, pl.Int64),
        column("sent_at", 0, pl.Int64),
        column("source_hash", 0, pl.UInt64),
        column("sequence", 0, pl.Int64),
        column("identity", NOTHING, pl.Binary),
        column("content", NOTHING, pl.Binary),
    )


def _rows(topic: str, spans: Batches, tables: list[tuple[str, pl.DataFrame]], parts: Sequence[pl.DataFrame]) -> Rows:
    arrivals = pl.concat([part for part in parts if len(part)] or parts[:1])
    numbers = row_numbers(
        arrivals["offset"].to_numpy(),
        arrivals["appended_at"].to_numpy(),
        b"".join(arrivals["identity"].to_list()),
        b"".join(arrivals["content"].to_list()),
        arrivals["outcome"].to_physical().cast(pl.Int64).to_numpy(),
        arrivals["reason"].to_physical().cast(pl.Int64).to_numpy(),
    )
    partitions = arrivals["partition"].to_numpy()
    outcomes = arrivals["outcome"].to_physical().to_numpy()
    hours = arrivals["hour"].to_numpy()
    counted = topic in EVENT_TABLES and EVENT_TABLES[topic].site is not None
    blocks = []
    for span in spans:
        mine: NDArray[np.bool_] = partitions == span.partition
        stored, marks, refused = (int((outcomes[mine] == place).sum()) for place in range(len(OUTCOMES)))
        touched = np.unique(hours[mine & (outcomes == 0)]).tolist() if counted else []
        blocks.append(Block(span, stored, marks, refused, digest(numbers[mine]), touched))
    topic_column = pl.lit(topic).alias("topic")
    return Rows(blocks, tables, arrivals.select(topic_column, pl.all()))
