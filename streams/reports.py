"""Reports of units: silence is not zero, so a report is in one of three states (T8)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from schemas import topics
from schemas.topics import Topic
from streams.fact_set import Fact
from streams.union_fold import UnionFold


class Reported(Fact, frozen=True, tag="reported"):
    """A value, or an explicit zero, of an indicator for the period that ends at ``period_until``."""

    indicator: str
    period_until: int | None
    value: int
    is_zero_report: bool


class Heard(Fact, frozen=True, tag="heard"):
    """A sign of life: heartbeat or supplies line."""

    kind: str


UnitFact = Reported | Heard

_DECODER: msgspec.msgpack.Decoder[UnitFact] = msgspec.msgpack.Decoder(UnitFact)


class ReportState(StrEnum):
    """Reported a number, reported zero, not due yet, or missing (缺报)."""

    REPORTED = "REPORTED"
    ZERO = "ZERO"
    AWAITED = "AWAITED"
    MISSING = "MISSING"


class ReportStatus(NamedTuple):
    state: ReportState
    value: int | None


def facts_of(row: Mapping[str, Any]) -> UnitFact:
    """The fact that a report row asserts."""
    event = row["source"], row["sequence"], row["occurred_at"], row["sent_at"]
    match row["kind"]:
        case "INDICATOR":
            return Reported(*event, row["indicator"], row["period_until"], row["value"], False)
        case "ZERO_REPORT":
            return Reported(*event, row["indicator"], row["period_until"], 0, True)
        case "HEARTBEAT" | "SUPPLIES" as kind:
            return Heard(*event, kind)
        case unknown:
            raise ValueError(f"kind {unknown} has no rule")


def status(facts: Iterable[UnitFact], indicator: str, period_until: int, cut_off: int, as_of: int) -> ReportStatus:
    """State of one expected report as of a time (UTC milliseconds): of several, the last sent restates the others."""
    found = [
        fact
        for fact in facts
        if isinstance(fact, Reported) and fact.indicator == indicator and fact.period_until == period_until
    ]
    if not found:
        return ReportStatus(ReportState.MISSING if as_of >= cut_off else ReportState.AWAITED, None)
    last = max(found, key=lambda fact: (fact.sent_at, fact.source, fact.sequence, fact.value))
    if last.is_zero_report or last.value == 0:
        return ReportStatus(ReportState.ZERO, 0)
    return ReportStatus(ReportState.REPORTED, last.value)


class UnitFold(UnionFold):
    """Rules of the reports app: one state a unit."""

    topics: tuple[Topic, ...] = (topics.REPORTS,)

    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[UnitFact]:
        return (facts_of(row),)

    def decode(self, member: bytes) -> UnitFact:
        return _DECODER.decode(member)
