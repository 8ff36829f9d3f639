"""Urgent needs, such as a risk of self-harm: each must be answered, and silence is told (A004-18).

Their own facts, state, app and topic, for restricted readers: no rule of risk ever reads any of it. The words of a need
are no fact; they stand in its restricted table.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schemas.codes import ClockSubject
from schemas.policy import Policy
from schemas.policy_duties import DutyRule
from schemas.topics import URGENT_CARE, URGENT_CLOCKS, Topic
from streams.announced import Announced
from streams.clocked_fold import ClockedFold
from streams.clocks import Clock
from streams.duties import Act, duty_clocks
from streams.fact_set import Fact
from streams.reference import Reference

NEED, RESPONSE = "URGENT_NEED", "RESPONSE"

URGENT_RESPONSE = DutyRule(
    name="URGENT_RESPONSE",
    name_en="an urgent need is answered",
    name_zh="第一时间报告并落实干预制止措施",
    source="A004-18: 社区要第一时间向公安机关、卫生健康部门报告并尽快落实干预制止措施; the text names no hours",
    opened_by=NEED,
    done_by=[RESPONSE],
    hours=1,
    due_soon_minutes=30,
)
"""Holds where the policy in effect has no duty that an urgent need opens: one hour, the least a policy can state."""


class Need(Fact, frozen=True, tag="need"):
    """An urgent need was reported."""

    zone_offset_minutes: int


class Response(Fact, frozen=True, tag="response"):
    """Somebody answered a need of the same person."""

    responds_source: str
    responds_sequence: int


UrgentFact = Need | Response | Announced

_DECODER: msgspec.msgpack.Decoder[UrgentFact] = msgspec.msgpack.Decoder(UrgentFact)


def facts_of(row: Mapping[str, Any]) -> UrgentFact:
    """The fact that a row of urgent care asserts."""
    event = row["source"], row["sequence"], row["occurred_at"], row["sent_at"]
    match row["kind"]:
        case "URGENT_NEED":
            return Need(*event, row["zone_offset_minutes"])
        case "RESPONSE":
            return Response(*event, row["responds_source"], row["responds_sequence"])
        case unknown:
            raise ValueError(f"kind {unknown} has no rule")


def clocks(facts: Iterable[UrgentFact], reference: Reference) -> dict[str, Clock]:
    """A clock for every need of a person under the policy then in effect, by clock id; done by the first answer."""

    def policy_at(at: int) -> Policy:
        policy = reference.policies.in_effect(at)
        if any(rule.opened_by == NEED for rule in policy.duties):
            return policy
        return policy.model_copy(update={"duties": (*policy.duties, URGENT_RESPONSE)})

    return duty_clocks(_acts(facts), (), policy_at, ClockSubject.PERSON)


def _acts(facts: Iterable[UrgentFact]) -> Iterable[Act]:
    for fact in facts:
        if isinstance(fact, Need):
            yield Act(fact, str(fact.event_id), NEED, fact.zone_offset_minutes)
        elif isinstance(fact, Response):
            yield Act(fact, f"{fact.responds_source}#{fact.responds_sequence}", RESPONSE)


class UrgentFold(ClockedFold):
    """Rules of the app of urgent care: one state a person who needs help."""

    topics: tuple[Topic, ...] = (URGENT_CARE,)
    clock_topic: Topic = URGENT_CLOCKS

    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[UrgentFact]:
        return (facts_of(row),)

    def decode(self, member: bytes) -> UrgentFact:
        return _DECODER.decode(member)

    def clocks(self, facts: list[UrgentFact], as_of: int | None) -> dict[str, Clock]:
        return clocks(facts, self.reference)

    def clock_row(self, key: str, clock: Clock) -> Mapping[str, Any]:
        return {
            "token": key,
            "need": clock.lead_id,
            "duty": clock.deadline_class,
            "opened_at": clock.opened_at,
            "due_at": clock.due_at,
            "before_due": clock.before_due,
            "done_at": clock.done_at,
            "policy": clock.policy,
            "evidence": list(clock.evidence),
        }
