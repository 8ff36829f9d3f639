"""What workers and sinks would say of a record before it is published: by the very checks they make."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import polars as pl

from schemas import topics
from schemas.codes import Refusal
from schemas.registry import default_registry
from schemas.validity import Limits, check
from schemas.wire.columns import column_type
from schemas.wire.rows import RowCodec, UndecodableValue
from sinks.blocks import LAST_HOUR_MS
from streams import enforcement, facts, reports
from streams.fact_set import Fact, encode_fact

_PERSON_TOPICS = {topic.name for topic in topics.PERSON_TOPICS}
_MARK = "TIME_MARK"


class Objection(NamedTuple):
    """Why a record would be refused."""

    reason: Refusal
    field: str | None
    detail: str

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.field + ': ' if self.field else ''}{self.detail}"


class Arriving(NamedTuple):
    """A record as it would lie in the log: ``partition`` of ``partitions``, appended at (UTC, ms)."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int
    partitions: int
    appended_at: int


def judge(record: Arriving, limits: Limits) -> Objection | None:
    """The first reason for which a record of an input topic would become a dead letter; None: for none."""
    try:
        row = _codec(record.topic).decode(record.value)
    except UndecodableValue as error:
        return Objection(error.reason, error.field, error.detail)
    shapes = _codec(record.topic).latest.shapes
    place = {"offset": 0, "appended_at": record.appended_at, "key": record.key}
    types = {"offset": pl.Int64(), "appended_at": pl.Int64(), "key": pl.Binary()}
    frame = pl.DataFrame(
        [{**row, **place}], schema={**{shape.name: column_type(shape) for shape in shapes}, **types}, orient="row"
    )
    for invalid in check(frame, record.topic, record.partition, record.partitions, limits).invalid:
        return Objection(*invalid[1:])
    if row["kind"] == _MARK:
        return None
    if row["occurred_at"] >= LAST_HOUR_MS:
        return Objection(Refusal.OUT_OF_RANGE, "occurred_at", "no table holds times after 2106: set the device's clock")
    if record.topic in _PERSON_TOPICS and limits.too_old(row["occurred_at"], row["sent_at"], record.appended_at):
        detail = "it would be stored and counted, but it is too old to be judged: no verdict would use it"
        return Objection(Refusal.BEYOND_HORIZON, "occurred_at", detail)
    try:
        for fact in _facts(record.topic, row):
            encode_fact(fact)
    except (KeyError, TypeError, ValueError) as error:
        detail = f"this release reads no fact from it ({error!r}): upgrade to one whose rule is mended"
        return Objection(Refusal.RULE_ERROR, None, detail)
    return None


def _facts(topic: str, row: dict[str, object]) -> Iterable[Fact]:
    if topic in _PERSON_TOPICS:
        return facts.facts_of(topic, row)
    if topic == topics.ENFORCEMENT.name:
        return (enforcement.facts_of(row),)
    return (reports.facts_of(row),) if topic == topics.REPORTS.name else ()


@cache
def _codec(topic: str) -> RowCodec:
    return RowCodec(default_registry(), topic)
