"""The fold of the risk app: three co-partitioned topics into one state a person, with what follows from it.

Derived records: the whole risk timeline to `risk-changes` when it changed, the whole state of a clock to `sla-events`
when it changed, and notices when they are due.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from schemas import topics
from schemas.codes import DeadlineClass, RiskLevel
from schemas.topics import Topic
from streams import clocks, screen
from streams.clocks import Clock, Notice
from streams.fact_set import encode_fact
from streams.facts import (
    Announced,
    CameFrom,
    CodeShown,
    LeadOpened,
    LeadStep,
    PersonFact,
    Reading,
    SymptomsStated,
    TakenBack,
    decode_fact,
    facts_of,
)
from streams.fold import Outputs
from streams.reference import Reference, higher_tier
from streams.risk import Segment, timeline
from streams.union_fold import UnionFold

Encode = Callable[[str, dict[str, Any]], bytes]
"""Subject and row to framed bytes."""

RISK_FACTS = (Reading, CodeShown, CameFrom, SymptomsStated, LeadOpened, LeadStep, TakenBack)
"""Facts that can change a risk timeline."""

ANNOUNCER = "checkline"
"""Source of announcements; they are facts of the state, never events of the log."""

_LEAD_CLASSES = frozenset(one.value for one in DeadlineClass)

_ALWAYS = 2**62  # end of a segment that only a mended rule can end

log = logging.getLogger(__name__)


class PersonFold(UnionFold):
    """Rules of the risk app. ``reference`` is fed by the worker; ``encode`` frames derived records."""

    topics: tuple[Topic, ...] = topics.PERSON_TOPICS

    def __init__(self, reference: Reference, encode: Encode) -> None:
        self.reference = reference
        self._encode = encode

    def screen(self, topic: str, frame: pl.DataFrame) -> pl.Expr:
        return screen.screen(topic, frame, self.reference)

    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[PersonFact]:
        return (fact for fact in facts_of(topic, row) if self._matters(fact))

    def _matters(self, fact: PersonFact) -> bool:
        """By the reference data in effect when it was sent: what the screen lets through beyond that depends on how
        much reference data was read by then, and facts must not."""
        if isinstance(fact, Reading) and fact.confirms_source is None and fact.task is None:
            limit = self.reference.policies.in_effect(fact.sent_at).risk.temperature.threshold(fact.site_kind)
            return fact.slot != "NOT_STATED" or limit.crossed_by(fact.value_tenths)
        if isinstance(fact, CameFrom):
            rule = self.reference.policies.in_effect(fact.sent_at).risk.origin_area
            return rule.level_of(higher_tier(fact.tier, self.reference.tier_of(fact.area, fact.sent_at))) is not None
        return True

    def decode(self, member: bytes) -> PersonFact:
        return decode_fact(member)

    def retain(self, members: set[bytes], as_of: int) -> set[bytes]:
        return {member for member in members if decode_fact(member).at + self._kept_ms > as_of}

    @property
    def _kept_ms(self) -> int:
        """A fact is needed until all it can assert has ended, and proof or correction of it can no longer come."""
        return self.reference.policies.longest_ms

    def derive(self, key: str, old: set[bytes], new: set[bytes], as_of: int, outputs: Outputs) -> int | None:
        known = [decode_fact(member) for member in old]
        added = [decode_fact(member) for member in new - old]
        facts = known + added if new >= old else [decode_fact(member) for member in new]
        if any(isinstance(fact, RISK_FACTS) for fact in added):
            self._tell_risk(key, known, facts, as_of, outputs)
        forgotten_at = min(fact.at for fact in facts) + self._kept_ms
        found = clocks.clocks(facts, self.reference)
        if not found:
            return forgotten_at
        before = clocks.clocks(known, self.reference)
        for clock_id, clock in found.items():
            if before.get(clock_id) != clock:
                self._tell_clock("CLOCK", key, clock, as_of, outputs)
        sent = clocks.announced(facts)
        for notice in clocks.notices(found.values(), sent, as_of):
            self._tell_clock(notice.kind, key, notice.clock, as_of, outputs)
            new.add(encode_fact(announcement(notice, as_of)))
            sent[notice.clock.clock_id, notice.kind] = notice.number
        told_at = clocks.next_notice(found.values(), sent, as_of)
        return forgotten_at if told_at is None else min(told_at, forgotten_at)

    def conclude(self, key: str, members: Iterable[bytes], as_of: int, outputs: Outputs) -> None:
        """Appends the last word on a person to ``outputs``: the timeline, if there is one, and the state of every
        clock. No notices."""
        facts = [decode_fact(member) for member in members]
        self._tell_risk(key, [], facts, as_of, outputs)
        for clock in clocks.clocks(facts, self.reference).values():
            self._tell_clock("CLOCK", key, clock, as_of, outputs)

    def _tell_risk(
        self, key: str, known: list[PersonFact], facts: list[PersonFact], as_of: int, outputs: Outputs
    ) -> None:
        segments = self.timeline(key, facts)
        if segments == self.timeline(key, known):
            return
        starts, untils, levels, rules, policies, evidence = zip(*segments, strict=True) if segments else [()] * 6
        row = {
            "as_of": as_of,
            "levels": levels,
            "froms": starts,
            "untils": untils,
            "rules": rules,
            "policies": policies,
            "evidence": [" ".join(events) for events in evidence],
        }
        value = self._encode(topics.RISK_CHANGES.name, row)
        outputs.setdefault(topics.RISK_CHANGES.name, []).append((key.encode(), value))

    def timeline(self, key: str, facts: list[PersonFact]) -> list[Segment]:
        if not facts:
            return []
        try:
            return timeline(facts, self.reference)
        except Exception:
            log.exception("ALARM: the risk rules failed for %s: its verdict is ERROR until they are mended", key)
            start = min(fact.at for fact in facts)
            return [Segment(start, _ALWAYS, RiskLevel.ERROR.value, "error", "", ())]

    def _tell_clock(self, kind: str, key: str, clock: Clock, as_of: int, outputs: Outputs) -> None:
        row = {
            "kind": kind,
            "as_of": as_of,
            "token": key,
            "lead_id": clock.lead_id,
            "deadline_class": clock.deadline_class if clock.deadline_class in _LEAD_CLASSES else "OTHER",
            "duty": clock.deadline_class,
            "before_due": clock.before_due,
            "subject": clock.subject,
            "opened_at": clock.opened_at,
            "due_at": clock.due_at,
            "done_at": clock.done_at,
            "withdrawn_at": clock.withdrawn_at,
            "policy": clock.policy,
            "evidence": list(clock.evidence),
        }
        value = self._encode(topics.SLA_EVENTS.name, row)
        outputs.setdefault(topics.SLA_EVENTS.name, []).append((f"{key}/{clock.clock_id}".encode(), value))


def announcement(notice: Notice, as_of: int) -> Announced:
    """The fact that a notice was sent."""
    return Announced(ANNOUNCER, notice.number, as_of, as_of, notice.clock.clock_id, notice.kind)


def observed(members: Iterable[bytes]) -> list[bytes]:
    """Encoded facts without announcements, sorted: what two runs over the same log must share byte for byte."""
    return sorted(member for member in members if not isinstance(decode_fact(member), Announced))
