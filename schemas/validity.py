"""What makes a decodable record unusable, decided from the record alone, so that every reader decides alike.

The checks run on whole columns. A row is refused for the first reason that holds, in the order of `check`.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.codes import Refusal
from schemas.events import RANGES, required_fields
from schemas.identities import NAME_PATTERN, TOKEN_PATTERN
from schemas.registry import default_registry
from schemas.topics import BY_NAME, INPUT_TOPICS
from schemas.wire.partitioner import partitions_of_keys

_TOKEN_TOPICS = {topic.name for topic in INPUT_TOPICS if "token" in topic.key}
_TIMES = ("occurred_at", "sent_at")
LAST_TIME = 2**62
"""No time beyond this is one: differences of times must not overflow."""

_required = cache(required_fields)


class Limits(NamedTuple):
    """Allowed clock skew and age of what is still folded, milliseconds."""

    allowed_skew_ms: int = 5 * 60 * 1000
    horizon_ms: int = 30 * 24 * 3600 * 1000


class Invalid(NamedTuple):
    """A decodable record that cannot be used."""

    offset: int
    reason: Refusal
    field: str | None
    detail: str


class Checked(NamedTuple):
    """Rows that passed, and the others with their reasons, in offset order."""

    frame: pl.DataFrame
    invalid: list[Invalid]


def columns_needed(topic: str) -> list[str]:
    """Fields that `check` reads, besides ``offset``, ``appended_at`` and ``key``."""
    needed = dict.fromkeys(["kind", "source", "sequence", *_TIMES, "zone_offset_minutes"])
    for fields in _required(topic).values():
        needed.update(dict.fromkeys(fields))
    return list(needed)


Mask = NDArray[np.bool_]


@cache
def _codes(topic: str) -> dict[str, dict[str, int]]:
    """Physical codes of the symbols of every enumeration field of a topic."""
    enumerations = {shape.name: shape.symbols for shape in default_registry().latest(topic).shapes if shape.symbols}
    return {name: {symbol: code for code, symbol in enumerate(symbols)} for name, symbols in enumerations.items()}


def _absent(column: pl.Series, not_stated: int | None) -> Mask | None:
    """Rows that do not state the field; None when all do."""
    if not_stated is not None:
        absent: Mask = column.to_physical().to_numpy() == not_stated
        return absent if absent.any() else None
    return column.is_null().to_numpy() if column.null_count() else None


def key_text(keys: pl.Series) -> pl.Series:
    """Keys as text; null where a key is no UTF-8."""
    try:
        return keys.cast(pl.String)
    except pl.exceptions.ComputeError:  # one bad key fails the whole cast
        return pl.Series(keys.name, [_text(key) for key in keys], dtype=pl.String)


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


class _Failed(NamedTuple):
    """A test that some rows fail."""

    rows: Mask
    reason: Refusal
    field: str | None
    detail: str


def check(frame: pl.DataFrame, topic: str, partition: int, partitions: int, limits: Limits) -> Checked:
    """Separates usable rows from the others. ``frame`` has ``offset``, ``appended_at``, ``key``, `columns_needed`."""
    if frame.is_empty():
        return Checked(frame, [])
    first: dict[int, _Failed] = {}
    for failed in _failures(frame, topic, partition, partitions, limits):
        for row in np.flatnonzero(failed.rows).tolist():
            first.setdefault(row, failed)
    if not first:
        return Checked(frame, [])
    offsets = frame["offset"]
    invalid = [Invalid(offsets[row], *failed[1:]) for row, failed in sorted(first.items())]
    good = np.ones(len(frame), dtype=bool)
    good[list(first)] = False
    return Checked(frame.filter(good), invalid)


def _failures(frame: pl.DataFrame, topic: str, partition: int, partitions: int, limits: Limits) -> Iterator[_Failed]:
    """Tests that fail somewhere, in the order in which reasons count.

    Each looks at whole columns, as numpy arrays: a polars expression costs a tenth of a millisecond however few rows.
    """
    codes = _codes(topic)
    kinds = frame["kind"].to_physical().to_numpy()
    events: Mask = kinds != codes["kind"]["TIME_MARK"]
    yield from _bad_keys(frame["key"], events, topic)
    if BY_NAME[topic].partitioned:
        elsewhere = partitions_of_keys(frame["key"], partitions) != partition
        detail = "Kafka's murmur2 partitioner puts this key elsewhere: use the default partitioner"
        yield from _where(elsewhere, Refusal.WRONG_PARTITION, "key", detail)
    for kind, fields in _required(topic).items():
        of_kind: Mask = kinds == codes["kind"][kind]
        for field in fields if of_kind.any() else ():
            absent = _absent(frame[field], codes.get(field, {}).get("NOT_STATED"))
            if absent is not None:
                yield from _where(of_kind & absent, Refusal.MISSING_FIELD, field, f"a {kind} must state {field}")
    nameless = (frame["source"].str.len_bytes() == 0).to_numpy()
    yield from _where(nameless, Refusal.MISSING_FIELD, "source", "every event names its source")
    for field, (low, high) in (*RANGES.items(), *((time, (0, LAST_TIME)) for time in _TIMES)):
        if field in frame.columns and not _within(frame[field], low, high):
            outside = ~frame[field].is_between(low, high).fill_null(True).to_numpy()
            detail = f"{field} must lie between {low} and {high}"
            yield from _where(outside, Refusal.OUT_OF_RANGE, field, detail)
    occurred, sent, appended = (frame[time].to_numpy() for time in (*_TIMES, "appended_at"))
    detail = "occurred_at lies after sent_at by more than the allowed skew: set the device's clock"
    early = occurred - sent > limits.allowed_skew_ms
    yield from _where(early, Refusal.OCCURRED_AFTER_SENT, "occurred_at", detail)
    detail = "sent_at lies after the time of arrival by more than the allowed skew: set the device's clock"
    ahead = events & (sent - appended > limits.allowed_skew_ms)
    yield from _where(ahead, Refusal.SENT_AFTER_APPENDED, "sent_at", detail)


def _bad_keys(keys: pl.Series, events: Mask, topic: str) -> Iterator[_Failed]:
    pattern = TOKEN_PATTERN if topic in _TOKEN_TOPICS else NAME_PATTERN
    shape = "a token (kind, epoch, 24 letters)" if topic in _TOKEN_TOPICS else "a name of at most 64 plain characters"
    misfits = ~key_text(keys).str.contains(pattern).fill_null(False).to_numpy()
    yield from _where(events & misfits, Refusal.BAD_KEY, "key", f"the key must be {shape}: mend the producer")


def _where(rows: Mask, reason: Refusal, field: str, detail: str) -> Iterator[_Failed]:
    if rows.any():
        yield _Failed(rows, reason, field, detail)


def _within(column: pl.Series, low: int, high: int) -> bool:
    smallest, largest = column.min(), column.max()
    if not isinstance(smallest, int) or not isinstance(largest, int):
        return True  # no row states the field
    return low <= smallest and largest <= high


def beyond_horizon(limits: Limits) -> pl.Expr:
    """Rows too old, when they were sent, for the risk side: stored and counted, but not folded."""
    return pl.col("sent_at") - pl.col("occurred_at") > limits.horizon_ms
