"""Risk of a person: a pure function of facts and reference, as a timeline of segments with their evidence.

Enforcement never enters here; neither does the registered residence of a lead.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from schemas.codes import RiskLevel
from schemas.identities import EventId
from schemas.policy import Policy
from streams.facts import CameFrom, CodeShown, LeadOpened, LeadStep, PersonFact, Reading, SymptomsStated, standing
from streams.reference import Reference, higher_tier

MOST_EVIDENCE = 16
"""A segment names at most so many of its events, the first in the order of their names. A device that repeats itself
would otherwise put a thousand names into each of two thousand segments: more than a record may hold."""

_RANK = {level.value: rank for rank, level in enumerate(RiskLevel)}


class Assertion(NamedTuple):
    """One fact, read under the policy in effect when it was sent: a level over [from, until), UTC milliseconds."""

    start: int
    until: int
    level: str
    rule: str
    policy: str
    evidence: EventId


class Segment(NamedTuple):
    """A level over [start, until), UTC milliseconds, with the rules and policies behind it and its evidence, of which
    it names `MOST_EVIDENCE` at most."""

    start: int
    until: int
    level: str
    rule: str
    policy: str
    evidence: tuple[str, ...]


class Reach(NamedTuple):
    """What one fact asserts by itself: a level for so many milliseconds from the fact on, by a rule."""

    level: RiskLevel | None
    duration_ms: int
    rule: str


def _of_reading(fact: Reading, policy: Policy, reference: Reference) -> Reach:
    # A002-24: the threshold and its comparator belong to the kind of site.
    rule = policy.risk.temperature
    crossed = rule.threshold(fact.site_kind).crossed_by(fact.value_tenths)
    return Reach(rule.level if crossed else None, rule.duration_ms, "temperature")


def _of_code(fact: CodeShown, policy: Policy, reference: Reference) -> Reach:
    rule = policy.risk.health_code
    return Reach(rule.level_of(fact.code), rule.duration_ms, "health_code")


def _of_area(fact: CameFrom, policy: Policy, reference: Reference) -> Reach:
    rule = policy.risk.origin_area
    tier = higher_tier(fact.tier, reference.tier_of(fact.area, fact.sent_at))
    return Reach(rule.level_of(tier), rule.duration_ms, "origin_area")


def _of_lead(fact: LeadOpened, policy: Policy, reference: Reference) -> Reach:
    rule = policy.risk.lead
    return Reach(rule.level_of(fact.lead_source), rule.duration_ms, "lead")


def _of_symptoms(fact: SymptomsStated, policy: Policy, reference: Reference) -> Reach:
    rule = policy.risk.symptoms
    return Reach(rule.level, rule.duration_ms, "symptoms")


_READ: dict[type, Callable[[Any, Policy, Reference], Reach]] = {
    Reading: _of_reading,
    CodeShown: _of_code,
    CameFrom: _of_area,
    LeadOpened: _of_lead,
    SymptomsStated: _of_symptoms,
}


def assertions(facts: Iterable[PersonFact], reference: Reference) -> list[Assertion]:
    """What the facts assert; taken-back events assert nothing."""
    facts = standing(facts)
    found = []
    for fact in facts:
        read = _READ.get(type(fact))
        if read is None:
            continue
        policy = reference.policies.in_effect(fact.sent_at)
        level, duration, rule = read(fact, policy, reference)
        if level is not None and level is not RiskLevel.NONE:
            until = min([fact.at + duration, *_ends(fact, facts)])
            if until > fact.at:
                found.append(Assertion(fact.at, until, level, rule, policy.name, fact.event_id))
    return found


def _ends(fact: PersonFact, facts: list[PersonFact]) -> list[int]:
    """What ends a fact before its time: the reading that settles it, the closing of its lead."""
    if isinstance(fact, Reading):
        return [
            other.at
            for other in facts
            if isinstance(other, Reading)
            and other.confirms_sequence == fact.sequence
            and other.confirms_source == fact.source
            and other.at >= fact.at
        ]
    if isinstance(fact, LeadOpened):
        return [
            other.at
            for other in facts
            if isinstance(other, LeadStep) and other.state == "CLOSED" and other.lead_id == fact.lead_id
        ]
    return []


def timeline(facts: Iterable[PersonFact], reference: Reference) -> list[Segment]:
    """The person's risk over time: between boundaries the highest level asserted, with the events that
    assert it, `MOST_EVIDENCE` of them at most. Times without a segment carry no known risk."""
    found = assertions(facts, reference)
    if not found:
        return []
    found.sort()
    if len(found) == 1:
        only = found[0]
        return [Segment(*only[:5], (str(only.evidence),))]
    boundaries = sorted({edge for one in found for edge in (one.start, one.until)})
    segments: list[Segment] = []
    for start, until in pairwise(boundaries):
        active = [one for one in found if one.start <= start and one.until >= until]
        if not active:
            continue
        level = max((one.level for one in active), key=_RANK.__getitem__)
        behind = [one for one in active if one.level == level]
        segment = Segment(
            start,
            until,
            level,
            "+".join(sorted({one.rule for one in behind})),
            "+".join(sorted({one.policy for one in behind})),
            tuple(sorted({str(one.evidence) for one in behind})[:MOST_EVIDENCE]),
        )
        if segments and segments[-1].until == start and segments[-1][2:] == segment[2:]:
            segment = segment._replace(start=segments.pop().start)
        segments.append(segment)
    return segments


def verdict(segments: Iterable[Segment], as_of: int) -> Segment | None:
    """The segment in force at a time; None is no known risk. Advice, never an action."""
    return next((segment for segment in segments if segment.start <= as_of < segment.until), None)
