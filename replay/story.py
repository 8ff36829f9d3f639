"""A person's story: what was observed, what follows from it, and which events are behind each verdict and deadline.

Pure: computed from rows and reference data as known at a time by the same rules that the worker runs, wherever the rows
come from, so the answer can be held against what the worker published.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from schemas import topics
from schemas.codes import DeadlineClass
from schemas.policy import Policy
from schemas.registry import default_registry
from schemas.validity import Limits
from streams.clocks import Clock, outcome
from streams.fact_set import LARGEST_FACT_BYTES, encode_fact, limit_flood
from streams.facts import PersonFact, decode_fact
from streams.person_clocks import clocks
from streams.person_fold import PersonFold
from streams.reference import PERSONS, Reference
from streams.risk import Segment, verdict

Row = Mapping[str, Any]
"""All fields of a topic's newest schema, times in UTC milliseconds, codes as symbols; and ``appended_at``: when the
first record with this content arrived."""


class Known(NamedTuple):
    """What the log held about a person by ``as_of`` (UTC milliseconds): each content of each event once, as (topic,
    row); losers of conflicts too, risk keeps what either asserts."""

    token: str
    as_of: int
    rows: list[tuple[str, Row]]
    reference: Reference
    limits: Limits


class Observed(NamedTuple):
    """One event about the person: when (UTC milliseconds), at which offset from UTC, its id, its kind, what it states.

    ``too_old`` events were sent beyond the horizon: they are counted, but no verdict uses them.
    """

    at: int
    zone_offset_minutes: int
    event: str
    topic: str
    kind: str
    states: dict[str, Any]
    too_old: bool


class RuleNames(NamedTuple):
    """What a clock's rule is called."""

    english: str
    chinese: str


class Story(NamedTuple):
    """All that is known of a person as of a time. ``names``: what the rule of each clock is called, by clock id."""

    token: str
    as_of: int
    observed: list[Observed]
    segments: list[Segment]
    verdict: Segment | None
    clocks: list[Clock]
    names: Mapping[str, RuleNames]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON document."""
        return {
            "token": self.token,
            "as_of": self.as_of,
            "verdict": segment_json(self.verdict) if self.verdict else None,
            "timeline": [segment_json(segment) for segment in self.segments],
            "clocks": [
                {
                    **clock_json(clock, self.as_of),
                    "name_en": self.names[clock.clock_id].english,
                    "name_zh": self.names[clock.clock_id].chinese,
                }
                for clock in self.clocks
            ],
            "observed": [one._asdict() for one in self.observed],
        }


def segment_json(segment: Segment) -> dict[str, Any]:
    """A segment as plain values."""
    return {**segment._asdict(), "evidence": list(segment.evidence)}


def clock_json(clock: Clock, as_of: int) -> dict[str, Any]:
    """A clock as plain values, with its outcome as of a time."""
    return {**clock._asdict(), "evidence": list(clock.evidence), "outcome": str(outcome(clock, as_of))}


def rules(reference: Reference) -> PersonFold:
    """The fold of the risk app over some reference data, to be asked and not to be run: it announces nothing."""

    def announce(subject: str, row: dict[str, Any]) -> bytes:
        raise AssertionError(f"nothing is announced here: {subject} {row}")

    return PersonFold(reference, announce)


def facts_of_row(fold: PersonFold, topic: str, row: Row) -> list[PersonFact] | None:
    """The facts that the worker keeps of a row; None where it finds a rule error."""
    try:
        facts = list(fold.facts_of(topic, row))
        for member in map(encode_fact, facts):
            if len(member) > LARGEST_FACT_BYTES:
                return None
            decode_fact(member)
    except (TypeError, ValueError, msgspec.ValidationError):
        return None
    return facts


def kept(facts: Iterable[PersonFact]) -> list[PersonFact]:
    """The facts of a person's state: of a stuck device only so many a day."""
    members = {encode_fact(fact): fact for fact in facts}
    return [members[member] for member in sorted(limit_flood(set(members), decode_fact))]


def facts_known(known: Known) -> list[PersonFact]:
    """The facts of the person's state, had the worker stopped at that time: what events assert, and what rosters expect
    of the person."""
    fold = rules(known.reference)
    rows = [(topic, row) for topic, row in known.rows if not is_too_old(row, known.limits)]
    expected, _ = known.reference.expectations(PERSONS, 0, known.reference.expected(PERSONS))
    rows += [(topics.REFERENCE.name, row) for member, row in expected if member == known.token.encode()]
    return kept(fact for topic, row in rows for fact in facts_of_row(fold, topic, row) or ())


def is_too_old(row: Row, limits: Limits) -> bool:
    """Whether the event was too old when it was sent, or too long on its way, to be judged."""
    return bool(limits.too_old(row["occurred_at"], row["sent_at"], row["appended_at"]))


def story(known: Known) -> Story:
    """The story of a person from what was known."""
    facts = facts_known(known)
    segments = rules(known.reference).timeline(known.token, facts)
    by_id = clocks(facts, known.reference, known.as_of)
    found = sorted(by_id.values(), key=lambda clock: (clock.opened_at, clock.clock_id))
    policies = {policy.name: policy for policy in known.reference.policies.policies}
    names = {clock.clock_id: _names_of(clock, policies.get(clock.policy)) for clock in found}
    observed = [_observed(topic, row, is_too_old(row, known.limits)) for topic, row in known.rows]
    observed.sort(key=_when)
    return Story(known.token, known.as_of, observed, segments, verdict(segments, known.as_of), found, names)


def _when(one: Observed) -> tuple[int, str, int, str, str]:
    """In the order of occurrence, and of what one source said at a time in the order in which it said it."""
    source, _, sequence = one.event.rpartition("#")
    return one.at, source, int(sequence), one.topic, repr(one)


def _names_of(clock: Clock, policy: Policy | None) -> RuleNames:
    """By the policy it was judged by; a class of deadline or a release has a name of its own."""
    for rule in (*policy.duties, *policy.schedules) if policy else ():
        if rule.name == clock.deadline_class:
            return RuleNames(rule.name_en, rule.name_zh)
    if clock.clock_id.endswith("/RELEASE"):
        return RuleNames("release", "解除")
    if clock.deadline_class in DeadlineClass.__members__:
        named = DeadlineClass[clock.deadline_class]
        return RuleNames(f"lead {clock.lead_id}, {named.english}", f"线索 {named.chinese}")
    return RuleNames(f"lead {clock.lead_id}", "线索")


_SILENT = {"kind", "source", "sequence", "occurred_at", "sent_at", "zone_offset_minutes"}
_STATED = {
    topic.name: [
        field["name"] for field in default_registry().latest(topic.name).fields if field["name"] not in _SILENT
    ]
    for topic in topics.PERSON_TOPICS
}


def _observed(topic: str, row: Row, too_old: bool) -> Observed:
    said = {name: row[name] for name in _STATED[topic]}
    states = {name: value for name, value in said.items() if value not in (None, "NOT_STATED", [], "")}
    event = f"{row['source']}#{row['sequence']}"
    return Observed(row["occurred_at"], row["zone_offset_minutes"], event, topic, row["kind"], states, too_old)
