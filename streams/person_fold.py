"""The fold of the risk app: three co-partitioned topics into one state a person, with what follows from it.

Derived records: the whole risk timeline to `risk-changes` when it changed, the whole state of a clock to `sla-events`
when it changed, and notices when they are due.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from schemas import topics
from schemas.codes import RiskLevel
from schemas.topics import Topic
from streams import screen
from streams.announced import Announced
from streams.clocked_fold import ClockedFold
from streams.clocks import Clock
from streams.expected import Expected
from streams.facts import (
    CameFrom,
    CodeShown,
    LeadOpened,
    LeadStep,
    PersonFact,
    Reading,
    SymptomsStated,
    TakenBack,
    TaskStep,
    decode_fact,
    facts_of,
)
from streams.fold import Outputs
from streams.person_clocks import clocks, tasks
from streams.reference import PERSONS, higher_tier
from streams.risk import Segment, timeline

RISK_FACTS = (Reading, CodeShown, CameFrom, SymptomsStated, LeadOpened, LeadStep, TakenBack)
"""Facts that can change a risk timeline."""

DEMANDING = frozenset((TaskStep, Expected))
"""Facts that a schedule can follow from."""

_ALWAYS = 2**62  # end of a segment that only a mended rule can end

log = logging.getLogger(__name__)


class PersonFold(ClockedFold):
    """Rules of the risk app."""

    topics: tuple[Topic, ...] = topics.PERSON_TOPICS
    expects_of = PERSONS

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

    def clocks(self, facts: list[PersonFact], as_of: int | None) -> dict[str, Clock]:
        return clocks(facts, self.reference, as_of)

    def next_expected(self, facts: list[PersonFact], as_of: int) -> int | None:
        return tasks(facts, self.reference).next_slot(as_of) if not DEMANDING.isdisjoint(map(type, facts)) else None

    def tell(
        self,
        key: str,
        known: list[PersonFact],
        added: list[PersonFact],
        facts: list[PersonFact],
        as_of: int,
        outputs: Outputs,
    ) -> None:
        """The whole risk timeline, when it changed."""
        if not any(isinstance(fact, RISK_FACTS) for fact in added):
            return
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


def observed(members: Iterable[bytes]) -> list[bytes]:
    """Encoded facts without announcements, sorted: what two runs over the same log must share byte for byte."""
    return sorted(member for member in members if not isinstance(decode_fact(member), Announced))
