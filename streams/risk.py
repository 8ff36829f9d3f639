"""Risk of a person: a pure function of facts and reference, as a timeline of segments with their evidence.

Enforcement never enters here; neither does the registered residence of a lead.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice, pairwise
from typing import Any, NamedTuple

from schemas.codes import RiskLevel
from schemas.identities import EventId
from schemas.policy import Policy
from streams.fact_set import happened
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


class Judged(NamedTuple):
    """One fact under the policy in effect when it was sent: what it asserts, and until when (UTC, ms) if it asserts a
    level. ``ended_by``: the fact that ends it before its duration does."""

    fact: PersonFact
    policy: Policy
    reach: Reach
    until: int
    ended_by: PersonFact | None


def judged(facts: Iterable[PersonFact], reference: Reference) -> Iterator[Judged]:
    """Every fact that a rule reads, whatever it asserts; those of taken-back events are left out."""
    facts = standing(facts)
    settled, closed = _settled(facts), _closed(facts)
    for fact in facts:
        read = _READ.get(type(fact))
        if read is None:
            continue
        policy = reference.policies.in_effect(fact.sent_at)
        reach = read(fact, policy, reference)
        ends: Sequence[PersonFact] = ()
        if isinstance(fact, Reading):
            ends = [one for one in settled.get((fact.source, fact.sequence), ()) if one.at >= fact.at]
        elif isinstance(fact, LeadOpened):
            ends = closed.get(fact.lead_id, ())
        until, ended_by = fact.at + reach.duration_ms, None
        if ends and (first := min(ends, key=happened)).at < until:
            until, ended_by = first.at, first
        yield Judged(fact, policy, reach, until, ended_by)


def assertions(facts: Iterable[PersonFact], reference: Reference) -> list[Assertion]:
    """What the facts assert; taken-back events assert nothing."""
    return [
        Assertion(fact.at, until, reach.level, reach.rule, policy.name, fact.event_id)
        for fact, policy, reach, until, _ in judged(facts, reference)
        if reach.level is not None and reach.level is not RiskLevel.NONE and until > fact.at
    ]


def _settled(facts: Iterable[PersonFact]) -> dict[tuple[str | None, int | None], list[Reading]]:
    """Readings that settle an earlier one, by the earlier one's event."""
    found: dict[tuple[str | None, int | None], list[Reading]] = {}
    for fact in facts:
        if isinstance(fact, Reading) and fact.confirms_source is not None:
            found.setdefault((fact.confirms_source, fact.confirms_sequence), []).append(fact)
    return found


def _closed(facts: Iterable[PersonFact]) -> dict[str, list[LeadStep]]:
    """The closings of leads."""
    found: dict[str, list[LeadStep]] = {}
    for fact in facts:
        if isinstance(fact, LeadStep) and fact.state == "CLOSED":
            found.setdefault(fact.lead_id, []).append(fact)
    return found


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
    starting, ending = _by_edge(found, "start"), _by_edge(found, "until")
    active: dict[str, _Active] = {}
    segments: list[Segment] = []
    for start, until in pairwise(sorted(starting.keys() | ending.keys())):
        for one in ending.get(start, ()):
            active[one.level].remove(one)
        for one in starting.get(start, ()):
            active.setdefault(one.level, _Active()).add(one)
        level = max((level for level, those in active.items() if those), key=_RANK.__getitem__, default=None)
        if level is None:
            continue
        segment = Segment(start, until, level, *active[level].told())
        if segments and segments[-1].until == start and segments[-1][2:] == segment[2:]:
            segment = segment._replace(start=segments.pop().start)
        segments.append(segment)
    return segments


def _by_edge(found: Iterable[Assertion], edge: str) -> dict[int, list[Assertion]]:
    edges: dict[int, list[Assertion]] = {}
    for one in found:
        edges.setdefault(getattr(one, edge), []).append(one)
    return edges


class _Active:
    """What asserts one level at a moment, kept from boundary to boundary: a stuck device asserts a thousand times."""

    def __init__(self) -> None:
        self._names: list[str] = []  # sorted; twice where an event asserts the level by two rules
        self._rules: Counter[str] = Counter()
        self._policies: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._names)

    def add(self, one: Assertion) -> None:
        insort(self._names, str(one.evidence))
        self._rules[one.rule] += 1
        self._policies[one.policy] += 1

    def remove(self, one: Assertion) -> None:
        del self._names[bisect_left(self._names, str(one.evidence))]
        self._rules[one.rule] -= 1
        self._policies[one.policy] -= 1

    def told(self) -> tuple[str, str, tuple[str, ...]]:
        """Rules, policies and the first of the evidence."""
        names = islice((name for name, _ in groupby(self._names)), MOST_EVIDENCE)
        rules, policies = ("+".join(sorted(+counted)) for counted in (self._rules, self._policies))
        return rules, policies, tuple(names)


def verdict(segments: Iterable[Segment], as_of: int) -> Segment | None:
    """The segment in force at a time; None is no known risk. Advice, never an action."""
    return next((segment for segment in segments if segment.start <= as_of < segment.until), None)
