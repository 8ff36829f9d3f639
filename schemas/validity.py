"""What makes a decodable record unusable, decided from the record alone, so that every reader decides alike.

The checks run on whole columns. A row is refused for the first reason that holds, in the order of `check`.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

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

LAST_STATED_TIME = 2**32 * 1000
"""No other time that an event states lies beyond 2106: deadlines are reckoned from it, and tables must hold it."""

_NO_CODE = -1

_required = cache(required_fields)


class Limits(NamedTuple):
    """Allowed clock skew, age when sent, and time on the way of what is still folded: milliseconds."""

    allowed_skew_ms: int = 5 * 60 * 1000
    horizon_ms: int = 30 * 24 * 3600 * 1000
    lateness_ms: int = 30 * 24 * 3600 * 1000

    def too_old(self, occurred_at: Any, sent_at: Any, appended_at: Any) -> Any:
        """Whether an event was too old when it was sent, or too long on its way: of times, or of columns of times."""
        return (sent_at - occurred_at > self.horizon_ms) | (appended_at - sent_at > self.lateness_ms)


class Invalid(NamedTuple):
    """A decodable record that cannot be used."""

    offset: int
    reason: Refusal
    field: str | None
    detail: str


class Checked(NamedTuple):
    """Rows that passed, and the others with their reasons, in the frame's order.

    ``rows`` are the places of the latter in the frame that was checked: offsets repeat between partitions.
    """

    frame: pl.DataFrame
    invalid: list[Invalid]
    rows: list[int]


def columns_needed(topic: str) -> list[str]:
    """Fields that `check` reads, besides ``offset``, ``appended_at`` and ``key``."""
    needed = dict.fromkeys(["kind", "source", "sequence", *_TIMES, "zone_offset_minutes", *_stated_times(topic)])
    for fields in _required(topic).values():
        needed.update(dict.fromkeys(fields))
    return list(needed)


@cache
def _stated_times(topic: str) -> list[str]:
    """Times that an event may state besides its own: of receipt, of a deadline, of a period."""
    shapes = default_registry().latest(topic).shapes
    return [shape.name for shape in shapes if shape.logical == "timestamp-millis" and shape.name not in _TIMES]


Mask = NDArray[np.bool_]


@cache
def _codes(topic: str) -> dict[str, dict[str, int]]:
    """Physical codes of the symbols of every enumeration field of a topic."""
    enumerations = {shape.name: shape.symbols for shape in default_registry().latest(topic).shapes if shape.symbols}
    return {name: {symbol: code for code, symbol in enumerate(symbols)} for name, symbols in enumerations.items()}


_KEY_FITS, _SOURCE_FITS = "key fits", "source fits"


@cache
def _gathered(topic: str) -> list[pl.Expr]:
    """What polars must work out of a frame before numpy can look at it: codes of symbols, and what texts are like.

    All in one call: by itself, each costs a tenth of a millisecond however few the rows.
    """
    required = {field for fields in _required(topic).values() for field in fields}
    enumerations = [field for field in _codes(topic) if field == "kind" or field in required]
    pattern = TOKEN_PATTERN if topic in _TOKEN_TOPICS else NAME_PATTERN
    fits = pl.col("key").cast(pl.String).str.contains(pattern).fill_null(False)
    named = pl.col("source").str.contains(NAME_PATTERN)
    return [
        pl.col(enumerations).to_physical(),
        fits.alias(_KEY_FITS),
        named.alias(_SOURCE_FITS),
    ]


def _gather(frame: pl.DataFrame, topic: str) -> dict[str, NDArray[Any]]:
    try:
        gathered = frame.select_seq(_gathered(topic))
    except pl.exceptions.ComputeError:  # one key that is no UTF-8 fails the whole cast
        gathered = frame.with_columns(key_text(frame["key"])).select_seq(_gathered(topic))
    return {column.name: column.to_numpy() for column in gathered}


def key_text(keys: pl.Series) -> pl.Series:
    """Keys as text; null where a key is no UTF-8."""
    try:
        return keys.cast(pl.String)
    except pl.exceptions.ComputeError:
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


def check(
    frame: pl.DataFrame, topic: str, partition: int | NDArray[np.integer[Any]], partitions: int, limits: Limits
) -> Checked:
    """Separates usable rows from the others. ``frame`` has ``offset``, ``appended_at``, ``key``, `columns_needed`.

    ``partition`` is that of all rows, or of each one.
    """
    if frame.is_empty():
        return Checked(frame, [], [])
    first: dict[int, _Failed] = {}
    for failed in _failures(frame, topic, partition, partitions, limits):
        for row in np.flatnonzero(failed.rows).tolist():
            first.setdefault(row, failed)
    if not first:
        return Checked(frame, [], [])
    offsets = frame["offset"]
    rows = sorted(first)
    invalid = [Invalid(offsets[row], *first[row][1:]) for row in rows]
    good = np.ones(len(frame), dtype=bool)
    good[rows] = False
    return Checked(frame.filter(good), invalid, rows)


def _failures(
    frame: pl.DataFrame, topic: str, partition: int | NDArray[np.integer[Any]], partitions: int, limits: Limits
) -> Iterator[_Failed]:
    """Tests that fail somewhere, in the order in which reasons count. Each looks at whole columns, as numpy arrays."""
    codes = _codes(topic)
    gathered = _gather(frame, topic)
    kinds = gathered["kind"]
    events: Mask = kinds != codes["kind"]["TIME_MARK"]
    shape = "a token (kind, epoch, 24 letters)" if topic in _TOKEN_TOPICS else "a name of at most 64 plain characters"
    detail = f"the key must be {shape}: mend the producer"
    yield from _where(events & ~gathered[_KEY_FITS], Refusal.BAD_KEY, "key", detail)
    if BY_NAME[topic].partitioned:
        elsewhere = partitions_of_keys(frame["key"], partitions) != partition
        detail = "Kafka's murmur2 partitioner puts this key elsewhere: use the default partitioner"
        yield from _where(elsewhere, Refusal.WRONG_PARTITION, "key", detail)
    for kind, fields in _required(topic).items():
        of_kind: Mask = kinds == codes["kind"][kind]
        for field in fields if of_kind.any() else ():
            if field in gathered:
                absent: Mask = gathered[field] == codes[field].get("NOT_STATED", _NO_CODE)
            elif frame[field].null_count():
                absent = frame[field].is_null().to_numpy()
            else:
                continue
            yield from _where(of_kind & absent, Refusal.MISSING_FIELD, field, f"a {kind} must state {field}")
    odd: Mask = ~gathered[_SOURCE_FITS]
    if odd.any():
        nameless: Mask = (frame["source"] == "").to_numpy()
        yield from _where(nameless, Refusal.MISSING_FIELD, "source", "every event names its source")
    # Event ids are told in lists: a source with a space in it would be taken for two.
    yield from _where(odd, Refusal.OUT_OF_RANGE, "source", "a source is a name of at most 64 plain characters")
    times = [*((time, (0, LAST_TIME)) for time in _TIMES)]
    times += ((time, (0, LAST_STATED_TIME)) for time in _stated_times(topic))
    for field, (low, high) in (*RANGES.items(), *times):
        if field in frame.columns and frame[field].null_count() < len(frame):
            numbers = frame[field].to_numpy()  # not a number where absent, which lies nowhere
            outside = (numbers < low) | (numbers > high)
            yield from _where(outside, Refusal.OUT_OF_RANGE, field, f"{field} must lie between {low} and {high}")
    occurred, sent, appended = (frame[time].to_numpy() for time in (*_TIMES, "appended_at"))
    detail = "occurred_at lies after sent_at by more than the allowed skew: set the device's clock"
    early = occurred - sent > limits.allowed_skew_ms
    yield from _where(early, Refusal.OCCURRED_AFTER_SENT, "occurred_at", detail)
    detail = "sent_at lies after the time of arrival by more than the allowed skew: set the device's clock"
    ahead = events & (sent - appended > limits.allowed_skew_ms)
    yield from _where(ahead, Refusal.SENT_AFTER_APPENDED, "sent_at", detail)


def _where(rows: Mask, reason: Refusal, field: str, detail: str) -> Iterator[_Failed]:
    if rows.any():
        yield _Failed(rows, reason, field, detail)


def beyond_horizon(limits: Limits) -> pl.Expr:
    """Rows too old, when they were sent or when they arrived, for the risk side: stored and counted, but not folded.

    What they speak of may be forgotten by now.
    """
    old: pl.Expr = limits.too_old(pl.col("occurred_at"), pl.col("sent_at"), pl.col("appended_at"))
    return old
