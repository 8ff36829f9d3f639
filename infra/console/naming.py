"""What people call the things of a snapshot, in both languages; where there is no such name, their own identifier."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from infra.lag.questions import NOT_STATED, OTHER
from schemas import policy, topics
from schemas.codes import DeadlineClass, Refusal
from schemas.divisions import FUNCTIONAL_ZONES, code_parent, known_divisions


class Name(NamedTuple):
    """A name in English and in Chinese."""

    en: str
    zh: str


TOPICS: Mapping[str, Name] = {
    topics.CHECK_INS.name: Name("check-ins", "登记核录"),
    topics.TEMPERATURES.name: Name("temperatures", "体温检测"),
    topics.FOLLOW_UPS.name: Name("follow-ups", "随访"),
    topics.ENFORCEMENT.name: Name("enforcement", "执法案件"),
    topics.REPORTS.name: Name("reports", "日报告"),
    topics.URGENT_CARE.name: Name("urgent care", "紧急关怀"),
    topics.REFERENCE.name: Name("reference", "基础数据"),
    topics.RISK_CHANGES.name: Name("risk changes", "风险变化"),
    topics.SLA_EVENTS.name: Name("deadline events", "时限事件"),
    topics.URGENT_CLOCKS.name: Name("urgent clocks", "紧急时限"),
    topics.DEAD_LETTERS.name: Name("dead letters", "死信"),
}

APPS: Mapping[str, Name] = {
    "risk": Name("risk", "风险研判"),
    "enforcement": Name("enforcement", "执法"),
    "reports": Name("reports", "报告"),
    "urgent-care": Name("urgent care", "紧急关怀"),
}

_HELD = {
    "RELEASE": Name("release from follow-up", "解除隔离、随访"),
    "LIFTING": Name("lifting of an order", "解除管控"),
}


def topic_name(topic: str) -> Name:
    """What a topic is called."""
    return TOPICS.get(topic, Name(topic, topic))


@cache
def _duties() -> Mapping[str, Name]:
    named: dict[str, Name] = {}
    for shipped in policy.shipped_policies():
        rules = policy.parse_policy(policy.policy_text(shipped), shipped)
        for rule in (*rules.duties, *rules.schedules, *rules.programmes):
            named.setdefault(rule.name, Name(rule.name_en, rule.name_zh))
    named |= {code.name: Name(code.english, code.chinese) for code in DeadlineClass}
    return named | _HELD


def duty_name(duty: str) -> Name:
    """What a class of clocks is called by the policies that come with Checkline; a release by its programme: it may be
    written `PROGRAMME/RELEASE`."""
    whole, _, last = duty.partition("/")
    duties = _duties()
    if last and whole in duties and last in _HELD:
        return Name(f"{_HELD[last].en}: {duties[whole].en}", f"{_HELD[last].zh}：{duties[whole].zh}")
    return duties.get(duty, Name(duty, duty))


def reason_name(reason: str) -> Name:
    """What a reason of refusal is called."""
    code = Refusal.__members__.get(reason)
    return Name(code.english, code.chinese) if code else Name(reason, reason)


@cache
def _zones() -> Mapping[str, Name]:
    return {zone.code: Name(zone.name_en, zone.name_zh) for zone in FUNCTIONAL_ZONES}


def district_name(code: str | None) -> Name | None:
    """What a division is called; of one below the counties its code after its county. None where none is stated."""
    if not code or code == NOT_STATED:
        return None
    if code == OTHER:
        return Name("other districts", "其他辖区")
    if known := _zones().get(code):
        return known
    above, division = code, known_divisions().get(code)
    while division is None:
        parent = code_parent(above)
        if parent is None:
            return Name(code, code)
        above, division = parent, known_divisions().get(parent)
    below = "" if above == code else f" {code}"
    return Name(division.name_en + below, division.name_zh + below)
