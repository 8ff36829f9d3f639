"""A turn of one partition through the rules: record batches in, changes and outputs out. Pure but for the clock.

Every record ends in exactly one place: refused (a dead letter), a time mark, screened out, or folded. All fields are
decoded anyway to know whether a record is sound, so the kept rows cost no second decoding.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from schemas.codes import Refusal
from schemas.registry import Registry
from schemas.topics import DEAD_LETTERS
from schemas.validity import Invalid, Limits, beyond_horizon, check
from schemas.wire.batches import RecordBatch, key_values
from schemas.wire.columns import ColumnCodec, Refused
from schemas.wire.rows import RowCodec
from streams.fold import Changes, Fold, FoldResult, Outputs, Rows
from streams.worker.agent import Announced, Step, Turn
from streams.worker.clock import Clock
from streams.worker.markers import Marker, Markers

MARK_KIND = "TIME_MARK"
Row = tuple[bytes, dict[str, Any]]


class TickErrors(Exception):
    """A tick named records at fault, but ticks have no records."""


class Scope(NamedTuple):
    """What a fold is run for. ``owner``: who must act on dead letters, the app's name; ``prefix``: that of the names of
    Kafka topics; ``refuse_old``: rows beyond the horizon are dead letters (the topics of persons)."""

    owner: str
    partitions: int
    limits: Limits
    prefix: str = ""
    refuse_old: bool = False


class DeadLetter(NamedTuple):
    """A record that could not be used."""

    offset: int
    appended_at: int
    reason: Refusal
    field: str | None
    detail: str
    schema_id: int | None
    key: bytes | None
    value: bytes | None


class Sifted(NamedTuple):
    """One topic's part of a turn. ``found``: position columns of all rows that could be decoded."""

    rows: list[Row]
    dead: list[DeadLetter]
    marker: Marker
    found: pl.DataFrame


class FoldAgent:
    """Runs a fold over turns: `step` is the handler of a batch agent, `tick` that of its ticks."""

    def __init__(self, fold: Fold, clock: Clock, registry: Registry, scope: Scope) -> None:
        self._fold = fold
        self._clock = clock
        self._scope = scope
        self._codecs = {topic.name: ColumnCodec(registry, topic.name) for topic in fold.topics}
        self._dead_letters = RowCodec(registry, DEAD_LETTERS.name)

    def step(self, turn: Turn) -> Step:
        """Raises what the fold raises, and CorruptBatch: faults of the platform, not of a record."""
        sifted = {
            topic: self._sift(topic, turn.partition, batches, turn.markers.get(topic))
            for topic, batches in turn.batches.items()
        }
        markers: Markers = {**turn.markers, **{topic: part.marker for topic, part in sifted.items()}}
        as_of = self._clock.as_of(markers)
        rows: Rows = {self._plain(topic): part.rows for topic, part in sifted.items() if part.rows}
        result = self._fold.fold(rows, turn.load, as_of) if rows else FoldResult({}, {}, {})
        outputs = self._named(result.outputs)
        dead: list[tuple[bytes, bytes]] = []
        for topic, part in sifted.items():
            errors = result.errors.get(self._plain(topic), ())
            letters = [*part.dead, *_dead_rows(errors, part.found, turn.batches[topic])]
            letters.sort(key=lambda letter: letter.offset)
            dead += (self._framed(topic, turn.partition, letter) for letter in letters)
        if dead:
            outputs[self._scope.prefix + DEAD_LETTERS.name] = dead
        return Step(result.changes, outputs, {topic: part.marker for topic, part in sifted.items()}, as_of)

    def tick(self, partition: int, states: Mapping[bytes, bytes], as_of: int) -> Announced:
        """Raises `TickErrors`, and what the fold raises."""
        result = self._fold.tick(states, as_of)
        if any(result.errors.values()):
            raise TickErrors(f"the tick at {as_of} of partition {partition} named records: {result.errors}")
        changes: Changes = result.changes
        return Announced(changes, self._named(result.outputs))

    def _sift(self, topic: str, partition: int, batches: list[RecordBatch], marker: Marker | None) -> Sifted:
        """Decodes a topic's batches; takes out, in this order: what is applied, refused, marks, too old, screened."""
        applied = marker.offset if marker else -1
        mark = marker.mark if marker else None
        name = self._plain(topic)
        scope = self._scope
        frame, refused = self._codecs[name].decode(batches)
        if batches[0].base_offset <= applied:
            frame = frame.filter(pl.col("offset") > applied)
            refused = [record for record in refused if record.offset > applied]
        found = frame
        checked = check(frame, name, partition, scope.partitions, scope.limits)
        frame, invalid = checked.frame, list(checked.invalid)
        is_mark = pl.col("kind") == MARK_KIND
        too_old = ~is_mark & beyond_horizon(scope.limits) if scope.refuse_old else pl.lit(False)
        latest, old = frame.select(pl.col("occurred_at").filter(is_mark).max(), too_old.any().alias("old")).row(0)
        if latest is not None:
            mark = latest if mark is None else max(mark, latest)
            frame = frame.filter(~is_mark)
        if old:
            offsets = frame.filter(too_old)["offset"].to_list()
            invalid += (_too_old(offset, scope.limits) for offset in offsets)
            frame = frame.filter(~too_old)
        frame = frame.filter(self._fold.screen(name, frame))
        dead = [*map(_dead_record, refused), *_dead_rows(invalid, found, batches)]
        return Sifted(_rows(frame), dead, Marker(batches[-1].last_offset, mark), found)

    def _plain(self, topic: str) -> str:
        return topic.removeprefix(self._scope.prefix)

    def _named(self, outputs: Outputs) -> Outputs:
        return {self._scope.prefix + topic: pairs for topic, pairs in outputs.items() if pairs}

    def _framed(self, topic: str, partition: int, letter: DeadLetter) -> tuple[bytes, bytes]:
        name = self._plain(topic)
        row = {
            "topic": name,
            "partition": partition,
            "offset": letter.offset,
            "appended_at": letter.appended_at,
            "reason": letter.reason.value,
            "field": letter.field,
            "detail": letter.detail,
            "schema_id": letter.schema_id,
            "owner": self._scope.owner,
            "record_key": letter.key,
            "record_value": letter.value,
        }
        return f"{name}/{partition}/{letter.offset}".encode(), self._dead_letters.encode(row)


def _rows(frame: pl.DataFrame) -> list[Row]:
    """Keys and full rows, as the row codec gives them, with ``offset`` and ``appended_at``."""
    keys = frame["key"].to_list()
    fields = frame.drop("key", "schema_id")
    names = fields.columns
    return list(
        zip(
            keys,
            (dict(zip(names, values, strict=True)) for values in zip(*map(_values, fields), strict=True)),
            strict=True,
        )
    )


def _values(column: pl.Series) -> list[Any]:
    """What `to_list` gives, in two thirds of its time: most columns are enumerations, or null throughout."""
    if column.null_count() == len(column):
        return [None] * len(column)
    if isinstance(column.dtype, pl.Enum):
        symbols = column.dtype.categories.to_list()
        return [symbols[place] for place in column.to_physical().to_list()]
    return column.to_list()


def _dead_record(record: Refused) -> DeadLetter:
    return DeadLetter(
        record.offset,
        record.appended_at,
        record.reason,
        record.field,
        record.detail,
        record.schema_id,
        record.key,
        record.raw,
    )


def _dead_rows(invalid: Iterable[Invalid], found: pl.DataFrame, batches: list[RecordBatch]) -> list[DeadLetter]:
    """Dead letters of rows that could be decoded, with their bytes as they came."""
    by_offset = {bad.offset: bad for bad in invalid}
    if not by_offset:
        return []
    raw = key_values(batches, by_offset.keys())
    where = found.filter(pl.col("offset").is_in(list(by_offset))).select("offset", "appended_at", "schema_id")
    letters = []
    for offset, appended_at, schema_id in where.iter_rows():
        _, reason, field, detail = by_offset[offset]
        letters.append(DeadLetter(offset, appended_at, reason, field, detail, schema_id, *raw[offset]))
    return letters


def _too_old(offset: int, limits: Limits) -> Invalid:
    days = limits.horizon_ms // 86_400_000
    detail = f"occurred more than {days} days before it was sent: stored and counted, but too old to be judged"
    return Invalid(offset, Refusal.BEYOND_HORIZON, "occurred_at", detail)
