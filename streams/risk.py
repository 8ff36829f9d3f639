"""Risk of a person: a pure function of facts and reference, as a timeline of segments with their evidence.

Enforcement never enters here; neither does the registered residence of a lead.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from schemas.codes import RiskLevel
from schemas.identities import EventId
from streams.facts import CameFrom, CodeShown, LeadOpened, LeadStep, PersonFact, Reading, SymptomsStated, standing
from streams.reference import Reference, higher_tier

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
    """A level over [start, until), UTC milliseconds, with the rules and policies behind it and its evidence."""

    start: int
    until: int
    level: str
    rule: str
    policy: str
    evidence: tuple[str, ...]


def assertions(facts: Iterable[PersonFact], reference: Reference) -> list[Assertion]:
    """What the facts assert; taken-back events assert nothing."""
    facts = standing(facts)
    settled: dict[tuple[str | None, int | None], list[int]] = defaultdict(list)
    closed: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, Reading) and fact.confirms_source is not None:
            settled[fact.confirms_source, fact.confirms_sequence].append(fact.at)
        elif isinstance(fact, LeadStep) and fact.state == "CLOSED":
            closed[fact.lead_id] = min(fact.at, closed.get(fact.lead_id, fact.at))
    found = []
    for fact in facts:
        policy = reference.policies.in_effect(fact.sent_at)
        rules = policy.risk
        level: RiskLevel | None = None
        start, rule, duration, ends = fact.at, "", 0, []
        if isinstance(fact, Reading):
            # A002-24: the threshold and its comparator belong to the kind of site.
            if rules.temperature.threshold(fact.site_kind).crossed_by(fact.value_tenths):
                level, rule, duration = rules.temperature.level, "temperature", rules.temperature.duration_ms
                ends = [at for at in settled[fact.source, fact.sequence] if at >= fact.at]
        elif isinstance(fact, CodeShown):
            level = rules.health_code.levels.get(fact.code)  # type: ignore[call-overload]  # str codes equal their text
            rule, duration = "health_code", rules.health_code.duration_ms
        elif isinstance(fact, CameFrom):
            tier = higher_tier(fact.tier, reference.tier_of(fact.area, fact.sent_at))
            level = rules.origin_area.levels.get(tier)  # type: ignore[call-overload]
            rule, duration = "origin_area", rules.origin_area.duration_ms
        elif isinstance(fact, LeadOpened):
            level = rules.lead.levels.get(fact.lead_source)  # type: ignore[call-overload]
            rule, duration = "lead", rules.lead.duration_ms
            ends = [closed[fact.lead_id]] if fact.lead_id in closed else []
        elif isinstance(fact, SymptomsStated):
            level, rule, duration = rules.symptoms.level, "symptoms", rules.symptoms.duration_ms
        if level is not None and level is not RiskLevel.NONE:
            until = min([start + duration, *ends])
            if until > start:
                found.append(Assertion(start, until, level.value, rule, policy.name, fact.event_id))
    return found


def timeline(facts: Iterable[PersonFact], reference: Reference) -> list[Segment]:
    """The person's risk over time: between boundaries the highest level asserted, with all that assert it. Times
    without a segment carry no known risk."""
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
            tuple(sorted({str(one.evidence) for one in behind})),
        )
        if segments and segments[-1].until == start and segments[-1][2:] == segment[2:]:
            segment = segment._replace(start=segments.pop().start)
        segments.append(segment)
    return segments


def verdict(segments: Iterable[Segment], as_of: int) -> Segment | None:
    """The segment in force at a time; None is no known risk. Advice, never an action."""
    return next((segment for segment in segments if segment.start <= as_of < segment.until), None)
