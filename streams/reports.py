"""Reports of units: silence is not zero, so a report is in one of three states (T8)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from schemas import topics
from schemas.codes import ClockSubject
from schemas.policy_duties import DAY_MS
from schemas.policy_duties import Expected as Expects
from schemas.topics import Topic
from streams import orders
from streams.announced import Announced
from streams.clocked_fold import ClockedFold
from streams.clocks import Clock
from streams.duties import Act, duty_clocks
from streams.expected import Expected, expected_of, in_effect
from streams.fact_set import Fact, earliest
from streams.orders import Noticed, Ordered
from streams.reference import UNITS, Reference
from streams.schedules import Demand, Slot, next_cut_off, slot_clocks


class Reported(Fact, frozen=True, tag="reported"):
    """A value, or an explicit zero, of an indicator for the period that ends at ``period_until``."""

    indicator: str
    period_until: int | None
    value: int
    is_zero_report: bool


class Heard(Fact, frozen=True, tag="heard"):
    """A sign of life: heartbeat or supplies line."""

    kind: str


class MatterAct(Fact, frozen=True, tag="matter"):
    """A matter was taken on, or reached a step (A001-15)."""

    matter: str
    act: str
    matter_kind: str | None
    involves_firm: bool | None
    zone_offset_minutes: int


UnitFact = Reported | Heard | MatterAct | Expected | Ordered | Noticed | Announced

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
        case "MATTER_OPENED" | "MATTER_STEP" as kind:
            act = kind if row["step"] is None else row["step"]
            return MatterAct(
                *event, row["matter"], act, row["matter_kind"], row["involves_firm"], row["zone_offset_minutes"]
            )
        case "ROSTER":
            return expected_of(row)
        case "CLOSURE_ORDER" | "RISK_AREA":
            return orders.fact_of(row)
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


def clocks(facts: Iterable[UnitFact], reference: Reference, as_of: int | None = None) -> dict[str, Clock]:
    """All clocks of a unit or an order, by clock id: duties of its matters, its lifting, and where a time (UTC
    milliseconds) says up to when, the reports that are expected of it."""
    facts = list(facts)
    policy_at = reference.policies.in_effect
    found = duty_clocks(_acts(facts), (), policy_at, ClockSubject.UNIT)
    ordered = [fact for fact in facts if isinstance(fact, Ordered)]
    if ordered:
        found |= orders.lifting_clocks(ordered, (fact for fact in facts if isinstance(fact, Noticed)), policy_at)
    if as_of is not None and (demands := _demands(facts)):
        reports = [fact for fact in facts if isinstance(fact, Reported) and _ends(fact) <= fact.at + _AHEAD_MS]
        newest = max((_ends(fact) for fact in reports), default=as_of)
        span = as_of - reference.policies.longest_ms, as_of, newest

        def kept(demand: Demand, slot: Slot) -> Fact | None:
            return _report(reports, demand, slot)

        found |= slot_clocks(demands, Expects.REPORT, kept, policy_at, *span, ClockSubject.UNIT)
    return found


def _acts(facts: Iterable[UnitFact]) -> list[Act]:
    return [
        Act(
            fact,
            fact.matter,
            fact.act,
            fact.zone_offset_minutes,
            matter_kind=fact.matter_kind,
            involves_firm=fact.involves_firm,
        )
        for fact in facts
        if isinstance(fact, MatterAct)
    ]


def _demands(facts: Iterable[UnitFact]) -> list[Demand]:
    entries = in_effect(fact for fact in facts if isinstance(fact, Expected))
    return [
        Demand(entry.entity_id, entry.schedule, start, until, entry.indicator)
        for entry, start, until in entries
        if entry.schedule is not None
    ]


def _report(reports: Iterable[Reported], demand: Demand, slot: Slot) -> Fact | None:
    """The first report of the period that the slot closes; an explicit zero is one, silence is none (T8)."""
    found = [
        fact
        for fact in reports
        if (demand.about is None or fact.indicator == demand.about) and slot.opens < _ends(fact) <= slot.closes
    ]
    return earliest(found)


_AHEAD_MS = 2 * DAY_MS
"""A report about a period that ends later than this after it was made proves nothing: the period is not over."""


def _ends(fact: Reported) -> int:
    """End of the period that a report is about; one that states none is about the time at which it was made."""
    return fact.at if fact.period_until is None else fact.period_until


class UnitFold(ClockedFold):
    """Rules of the reports app: one state a unit, and one an order."""

    topics: tuple[Topic, ...] = (topics.REPORTS,)
    expects_of = UNITS

    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[UnitFact]:
        return (facts_of(row),)

    def decode(self, member: bytes) -> UnitFact:
        return _DECODER.decode(member)

    def clocks(self, facts: list[UnitFact], as_of: int | None) -> dict[str, Clock]:
        return clocks(facts, self.reference, as_of)

    def next_expected(self, facts: list[UnitFact], as_of: int) -> int | None:
        return next_cut_off(_demands(facts), Expects.REPORT, self.reference.policies.in_effect, as_of)
