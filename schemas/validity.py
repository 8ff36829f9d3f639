"""What makes a decodable record unusable, decided from the record alone, so that every reader decides alike.

The checks run on whole columns. A row is refused for the first reason that holds, in the order of `check`.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.codes import Refusal
from schemas.events import RANGES, required_fields
from schemas.identities import NAME_PATTERN, TOKEN_PATTERN
from schemas.topics import BY_NAME, INPUT_TOPICS
from schemas.wire.partitioner import partitions_of_keys

_TOKEN_TOPICS = {topic.name for topic in INPUT_TOPICS if "token" in topic.key}
_TIMES = ("occurred_at", "sent_at")


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
    for fields in required_fields(topic).values():
        needed.update(dict.fromkeys(fields))
    return list(needed)


def _states(frame: pl.DataFrame, field: str) -> pl.Expr:
    """Whether a row states the field."""
    column = pl.col(field)
    if isinstance(frame.schema[field], pl.Enum | pl.Categorical):
        return column != "NOT_STATED"
    return column.is_not_null()


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


def check(frame: pl.DataFrame, topic: str, partition: int, partitions: int, limits: Limits) -> Checked:
    """Separates usable rows from the others. ``frame`` has ``offset``, ``appended_at``, ``key``, `columns_needed`."""
    if frame.is_empty():
        return Checked(frame, [])
    is_event = pl.col("kind") != "TIME_MARK"
    tests: list[tuple[pl.Expr, Refusal, str | None, str]] = []

    def refuse(when: pl.Expr, reason: Refusal, field: str | None, detail: str) -> None:
        tests.append((when.fill_null(False), reason, field, detail))

    pattern = TOKEN_PATTERN if topic in _TOKEN_TOPICS else NAME_PATTERN
    shape = "a token (kind, epoch, 24 letters)" if topic in _TOKEN_TOPICS else "a name of at most 64 plain characters"
    text = key_text(frame["key"])
    refuse(
        is_event & pl.lit(text.is_null() | ~text.str.contains(pattern).fill_null(False)),
        Refusal.BAD_KEY,
        "key",
        f"the key must be {shape}: mend the producer",
    )
    if BY_NAME[topic].partitioned:
        refuse(
            pl.lit(partitions_of_keys(frame["key"], partitions) != partition),
            Refusal.WRONG_PARTITION,
            "key",
            "Kafka's murmur2 partitioner puts this key elsewhere: use the default partitioner",
        )
    for kind, fields in required_fields(topic).items():
        for field in fields:
            refuse(
                (pl.col("kind") == kind) & ~_states(frame, field),
                Refusal.MISSING_FIELD,
                field,
                f"a {kind} must state {field}",
            )
    refuse(pl.col("source") == "", Refusal.MISSING_FIELD, "source", "every event names its source")
    for field, (low, high) in RANGES.items():
        if field in frame.columns:
            outside = ~pl.col(field).is_between(low, high)
            refuse(outside, Refusal.OUT_OF_RANGE, field, f"{field} must lie between {low} and {high}")
    for field in _TIMES:
        refuse(pl.col(field) < 0, Refusal.OUT_OF_RANGE, field, f"{field} lies before 1970")
    refuse(
        pl.col("occurred_at") > pl.col("sent_at") + limits.allowed_skew_ms,
        Refusal.OCCURRED_AFTER_SENT,
        "occurred_at",
        "occurred_at lies after sent_at by more than the allowed skew: set the device's clock",
    )
    refuse(
        is_event & (pl.col("sent_at") > pl.col("appended_at") + limits.allowed_skew_ms),
        Refusal.SENT_AFTER_APPENDED,
        "sent_at",
        "sent_at lies after the time of arrival by more than the allowed skew: set the device's clock",
    )
    flags = frame.select(expression.alias(str(i)) for i, (expression, *_) in enumerate(tests))
    bad = flags.select(pl.any_horizontal(pl.all())).to_series()
    if not bad.any():
        return Checked(frame, [])
    rows = np.flatnonzero(bad.to_numpy())
    reasons = flags[rows].to_numpy().argmax(axis=1)
    offsets = frame["offset"].to_numpy()
    invalid = [Invalid(int(offsets[row]), *tests[first][1:]) for row, first in zip(rows, reasons, strict=True)]
    return Checked(frame.filter(~bad), invalid)


def beyond_horizon(limits: Limits) -> pl.Expr:
    """Rows too old, when they were sent, for the risk side: stored and counted, but not folded."""
    return pl.col("sent_at") - pl.col("occurred_at") > limits.horizon_ms
