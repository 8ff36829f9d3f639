"""Turns of partitions through the rules: record batches in, changes and outputs out. Pure but for the clock.

Every record ends in exactly one place: refused (a dead letter), a time mark, screened out, or folded. All fields are
decoded anyway to know whether a record is sound, so the kept rows cost no second decoding.

Columns of all partitions are sifted together, topic by topic: each look at a column costs the same for one record and
for a thousand. What was sifted is then folded partition by partition.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.codes import Refusal
from schemas.registry import Registry
from schemas.topics import DEAD_LETTERS, LARGEST_LETTER_BYTES, REFERENCE
from schemas.validity import Invalid, Limits, beyond_horizon, check
from schemas.wire.batches import RecordBatch, key_values
from schemas.wire.columns import ColumnCodec, Refused
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec
from streams.fold import Changes, Fold, FoldResult, Load, Outputs, Rows
from streams.worker.agent import Announced, Decide, Step, Turn
from streams.worker.clock import Clock
from streams.worker.markers import Marker, Markers

MARK_KIND = "TIME_MARK"
EXPECTED_CHUNK = 5_000
"""Rows of reference data folded in one transaction: the stream must keep room."""

Row = tuple[bytes, dict[str, Any]]
Mask = NDArray[np.bool_]

_NO_MARKER = Marker(-1)


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


class Found(NamedTuple):
    """The rows of one partition that could be decoded: a stretch of a frame, and the batches they came in."""

    frame: pl.DataFrame
    begin: int
    end: int
    batches: list[RecordBatch]


class Sifted(NamedTuple):
    """One topic's part of a partition's turn."""

    rows: list[Row]
    dead: list[DeadLetter]
    marker: Marker
    found: Found


class FoldAgent:
    """Runs a fold over turns: `sift` is the handler of a batch agent, `tick` that of its ticks."""

    def __init__(self, fold: Fold, clock: Clock, registry: Registry, scope: Scope) -> None:
        self._fold = fold
        self._clock = clock
        self._scope = scope
        self._codecs = {topic.name: ColumnCodec(registry, topic.name) for topic in fold.topics}
        self._dead_letters = RowCodec(registry, DEAD_LETTERS.name)

    def sift(self, turns: Sequence[Turn]) -> list[Decide]:
        """Raises CorruptBatch; what it returns raises what the fold raises: faults of the platform, not of a record."""
        sifted: list[dict[str, Sifted]] = [{} for _ in turns]
        for topic in dict.fromkeys(topic for turn in turns for topic in turn.batches):
            having = [place for place, turn in enumerate(turns) if topic in turn.batches]
            for place, part in zip(having, self._sift(topic, [turns[place] for place in having]), strict=True):
                sifted[place][topic] = part
        return [partial(self._step, turn, parts) for turn, parts in zip(turns, sifted, strict=True)]

    def _step(self, turn: Turn, sifted: Mapping[str, Sifted]) -> Step:
        markers: Markers = {**turn.markers, **{topic: part.marker for topic, part in sifted.items()}}
        as_of = self._clock.as_of(markers)
        rows: Rows = {self._plain(topic): part.rows for topic, part in sifted.items() if part.rows}
        result = self._fold.fold(rows, turn.load, as_of) if rows else FoldResult({}, {}, {})
        outputs = self._named(result.outputs)
        dead: list[tuple[bytes, bytes]] = []
        for topic, part in sifted.items():
            errors = result.errors.get(self._plain(topic), ())
            letters = [*part.dead, *_dead_rows(errors, part.found)]
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

    def expect(self, partition: int, begin: int, load: Load, as_of: int) -> tuple[Announced, int]:
        """Folds what reference data expects of the states of a partition: at most `EXPECTED_CHUNK` rows from the
        ``begin``-th on. Facts being a union, it may be told again after every start."""
        rows, end = self._fold.expectations(begin, EXPECTED_CHUNK)
        keys = [key for key, _ in rows]
        places = partitions_of_keys(keys, self._scope.partitions).tolist() if keys else []
        mine = [row for row, place in zip(rows, places, strict=True) if place == partition]
        result = self._fold.fold({REFERENCE.name: mine}, load, as_of) if mine else FoldResult({}, {}, {})
        return Announced(result.changes, self._named(result.outputs)), end

    def _sift(self, topic: str, turns: Sequence[Turn]) -> list[Sifted]:
        """Decodes a topic's batches; takes out, in this order: what is applied, refused, marks, too old, screened."""
        name, scope = self._plain(topic), self._scope
        batches = [turn.batches[topic] for turn in turns]
        before = [turn.markers.get(topic, _NO_MARKER) for turn in turns]
        frame, part, refused = self._codecs[name].decode_together(batches)
        applied = np.array([marker.offset for marker in before])
        if any(found[0].base_offset <= marker.offset for found, marker in zip(batches, before, strict=True)):
            fresh = frame["offset"].to_numpy() > applied[part]
            frame, part = frame.filter(fresh), part[fresh]
        bounds = np.searchsorted(part, np.arange(len(turns) + 1)).tolist()
        found = [Found(frame, bounds[place], bounds[place + 1], batches[place]) for place in range(len(turns))]
        dead = [
            [_dead_record(record) for record in records if record.offset > marker.offset]
            for records, marker in zip(refused, before, strict=True)
        ]
        numbers = np.array([turn.partition for turn in turns])
        checked = check(frame, name, numbers[part], scope.partitions, scope.limits)
        frame, good = checked.frame, np.delete(part, checked.rows)
        invalid: list[list[Invalid]] = [[] for _ in turns]
        for row, bad in zip(checked.rows, checked.invalid, strict=True):
            invalid[part[row]].append(bad)
        marks, old, kept = self._masks(name, frame)
        latest = [marker.mark for marker in before]
        for row in np.flatnonzero(marks).tolist():
            place, at = int(good[row]), frame["occurred_at"][row]
            latest[place] = at if latest[place] is None else max(latest[place], at)
        for row in np.flatnonzero(old).tolist():
            invalid[good[row]].append(_too_old(frame["offset"][row], scope.limits))
        if not kept.all():
            frame, good = frame.filter(kept), good[kept]
        rows = _rows(frame)
        bounds = np.searchsorted(good, np.arange(len(turns) + 1)).tolist()
        return [
            Sifted(
                rows[bounds[place] : bounds[place + 1]],
                [*dead[place], *_dead_rows(invalid[place], found[place])],
                Marker(batches[place][-1].last_offset, latest[place]),
                found[place],
            )
            for place in range(len(turns))
        ]

    def _masks(self, topic: str, frame: pl.DataFrame) -> list[Mask]:
        """Which rows are time marks, which too old, and which are to be folded."""
        mark = pl.col("kind") == MARK_KIND
        old = ~mark & beyond_horizon(self._scope.limits) if self._scope.refuse_old else mark & False
        kept = ~mark & ~old & self._fold.screen(topic, frame)
        masks = frame.select_seq(mark.alias("mark"), old.alias("old"), kept.fill_null(False).alias("kept"))
        return [mask.to_numpy() for mask in masks]

    def _plain(self, topic: str) -> str:
        return topic.removeprefix(self._scope.prefix)

    def _named(self, outputs: Outputs) -> Outputs:
        return {self._scope.prefix + topic: pairs for topic, pairs in outputs.items() if pairs}

    def _framed(self, topic: str, partition: int, letter: DeadLetter) -> tuple[bytes, bytes]:
        name = self._plain(topic)
        size = len(letter.key or b"") + len(letter.value or b"")
        if size > LARGEST_LETTER_BYTES:
            said = f"{letter.detail}; its {size} bytes are too many for a dead letter, they stand at its position"
            letter = letter._replace(detail=said, key=None, value=None)
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
    if frame.is_empty():
        return []
    keys = frame["key"].to_list()
    # One call for the codes of all symbols: by itself, each costs as much as a hundred rows.
    fields = frame.select_seq(pl.exclude("key", "schema_id").to_physical())
    names, kinds = fields.columns, frame.schema
    columns = [_values(column, kinds[column.name]) for column in fields]
    rows = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    return list(zip(keys, rows, strict=True))


def _values(column: pl.Series, kind: pl.DataType) -> list[Any]:
    """What `to_list` gives, in two thirds of its time: most columns are enumerations, or null throughout."""
    if column.null_count() == len(column):
        return [None] * len(column)
    if isinstance(kind, pl.Enum):
        symbols = kind.categories.to_list()
        return [symbols[place] for place in column.to_list()]
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


def _dead_rows(invalid: Collection[Invalid], found: Found) -> list[DeadLetter]:
    """Dead letters of rows that could be decoded, with their bytes as they came."""
    if not invalid:
        return []
    by_offset = {bad.offset: bad for bad in invalid}
    raw = key_values(found.batches, by_offset.keys())
    rows = found.frame[found.begin : found.end].filter(pl.col("offset").is_in(list(by_offset)))
    letters = []
    for offset, appended_at, schema_id in rows.select("offset", "appended_at", "schema_id").iter_rows():
        _, reason, field, detail = by_offset[offset]
        letters.append(DeadLetter(offset, appended_at, reason, field, detail, schema_id, *raw[offset]))
    return letters


def _too_old(offset: int, limits: Limits) -> Invalid:
    days, late = limits.horizon_ms // 86_400_000, limits.lateness_ms // 86_400_000
    detail = (
        f"sent more than {days} days after it occurred, or arrived more than {late} days after that: stored and "
        "counted, but too old to be judged"
    )
    return Invalid(offset, Refusal.BEYOND_HORIZON, "occurred_at", detail)
