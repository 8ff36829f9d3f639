"""Why a verdict was not another: every observation that a rule looks at, and what kept it from giving that level.

Pure, from what was known (`replay.story.Known`), by the same rules as the verdict. Observations below a threshold leave
no fact in a worker's state; they are in the rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from replay.story import Known, Row, facts_known, facts_of_row, is_too_old, rules, segment_json
from schemas import topics
from schemas.codes import Code, HealthCode, LeadSource, RiskLevel, RiskTier, SiteKind
from schemas.policy import Comparator, Policy, RiskRules, Threshold
from streams.facts import CameFrom, CodeShown, LeadOpened, PersonFact, Reading, SymptomsStated, TakenBack
from streams.facts import facts_of as all_facts_of
from streams.reference import Reference
from streams.risk import Judged, Segment, judged, verdict

_RANK = {level: rank for rank, level in enumerate(RiskLevel)}


class RuleName(Code):
    """The rules of a policy that give levels, in the order in which they are told."""

    TEMPERATURE = "temperature", "temperature", "体温"
    HEALTH_CODE = "health_code", "health code", "健康码"
    ORIGIN_AREA = "origin_area", "area of origin", "来源地"
    LEAD = "lead", "lead", "线索"
    SYMPTOMS = "symptoms", "symptoms", "症状"


class Reason(Code):
    """What kept an observation from giving the level; or that it did give it, or a higher one."""

    NOTHING_OBSERVED = "NOTHING_OBSERVED", "no such observation at all", "无此类记录"
    RULE_GIVES_LESS = "RULE_GIVES_LESS", "the rule gives no such level", "规则不产生该等级"
    TOO_OLD = "TOO_OLD", "too old to be judged", "超出追溯期"
    UNREADABLE = "UNREADABLE", "no fact could be read from it", "无法提取事实"
    LEFT_OUT = "LEFT_OUT", "left out: more facts of a day than one person can have", "数量异常未采用"
    TAKEN_BACK = "TAKEN_BACK", "taken back by a correction", "已更正撤回"
    CONDITION_NOT_MET = "CONDITION_NOT_MET", "the rule's condition is not met", "未达规则条件"
    OTHER_LEVEL = "OTHER_LEVEL", "gives another level", "产生其他等级"
    NOT_YET = "NOT_YET", "lies after that time", "尚未发生"
    ENDED = "ENDED", "its duration has ended", "有效期已过"
    ENDED_EARLY = "ENDED_EARLY", "ended by a later event", "已被后续记录终止"
    IN_FORCE = "IN_FORCE", "in force", "生效中"


class Looked(NamedTuple):
    """One observation that a rule looked at, or that there was none (``event`` None). ``at`` and ``until`` in UTC
    milliseconds; ``said``: what was observed and what the rule wants, in words; ``because``: the event that ended it or
    took it back; ``policy``: the version it was judged by."""

    rule: RuleName
    event: str | None
    at: int | None
    reason: Reason
    level: RiskLevel
    until: int | None
    because: str | None
    policy: str
    said: str

    def as_json(self) -> dict[str, Any]:
        """Plain values with bilingual names."""
        return {
            **self._asdict(),
            "rule": self.rule.value,
            "reason": self.reason.value,
            "level": self.level.value,
            "rule_en": self.rule.english,
            "rule_zh": self.rule.chinese,
            "reason_en": self.reason.english,
            "reason_zh": self.reason.chinese,
        }


class WhyNot(NamedTuple):
    """Why the verdict at a time was not a level. ``in_force``: the segment of that time, None is no known risk.
    ``wanted``: what each rule wants for that level or a higher one, by the policy of that time, in words; None where it
    gives none."""

    token: str
    as_of: int
    asked: RiskLevel
    level: RiskLevel
    in_force: Segment | None
    looked: list[Looked]
    wanted: dict[RuleName, str | None]

    @property
    def is_in_force(self) -> bool:
        """Whether the level that is asked about is the verdict."""
        return self.level is self.asked

    @property
    def is_above(self) -> bool:
        """Whether a higher level is the verdict."""
        return _RANK[self.level] > _RANK[self.asked]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON document."""
        return {
            "token": self.token,
            "as_of": self.as_of,
            "asked": _level_json(self.asked),
            "level": _level_json(self.level),
            "is_in_force": self.is_in_force,
            "is_above": self.is_above,
            "in_force": segment_json(self.in_force) if self.in_force else None,
            "looked": [one.as_json() for one in self.looked],
            "wanted": {rule.value: said for rule, said in self.wanted.items()},
        }


def _level_json(level: RiskLevel) -> dict[str, str]:
    return {"level": level.value, "name_en": level.english, "name_zh": level.chinese}


def why_not(known: Known, asked: RiskLevel) -> WhyNot:
    """Why the verdict from what was known is not ``asked``."""
    facts = facts_known(known)
    in_force = verdict(rules(known.reference).timeline(known.token, facts), known.as_of)
    level = RiskLevel[in_force.level] if in_force else RiskLevel.NONE
    looked = list(_looked(known, facts, asked))
    order = list(RuleName)
    looked.sort(key=lambda one: (order.index(one.rule), -(one.at or 0), one.event or "", one.said))
    risk = known.reference.policies.in_effect(known.as_of).risk
    wanted = {rule: wanted_by(rule, risk, asked) for rule in RuleName}
    return WhyNot(known.token, known.as_of, asked, level, in_force, looked, wanted)


def wanted_by(rule: RuleName, risk: RiskRules, asked: RiskLevel) -> str | None:
    """What a rule wants for a level or a higher one, in words; None where it gives none."""
    floor = _floor(asked)

    def of(what: str, levels: Mapping[Any, RiskLevel], hours: int) -> str | None:
        able = [f"{what} {_named(code)} gives {level.value}" for code, level in levels.items() if _RANK[level] >= floor]
        return f"{', '.join(able)}, for {hours} h" if able else None

    match rule:
        case RuleName.TEMPERATURE if _RANK[risk.temperature.level] >= floor:
            limits = [f"a reading {_limit(risk.temperature.default)}"]
            sites = risk.temperature.by_site_kind.items()
            limits += [f"at a {site.english} {site.chinese} {_limit(one)}" for site, one in sites]
            return f"{', '.join(limits)} gives {risk.temperature.level.value}, for {risk.temperature.hours} h"
        case RuleName.HEALTH_CODE:
            return of("a code", risk.health_code.levels, risk.health_code.hours)
        case RuleName.ORIGIN_AREA:
            return of("an area", risk.origin_area.levels, risk.origin_area.hours)
        case RuleName.LEAD:
            return of("a lead from", risk.lead.levels, risk.lead.hours)
        case RuleName.SYMPTOMS if _RANK[risk.symptoms.level] >= floor:
            return f"any symptom gives {risk.symptoms.level.value}, for {risk.symptoms.hours} h"
    return None


def _floor(asked: RiskLevel) -> int:
    """The rank from which on a level is of interest: no rule gives less than MEDIUM."""
    return max(_RANK[asked], _RANK[RiskLevel.MEDIUM])


def levels_of(rule: RuleName, risk: RiskRules) -> list[RiskLevel]:
    """The levels that a rule can give."""
    match rule:
        case RuleName.TEMPERATURE:
            return [risk.temperature.level]
        case RuleName.HEALTH_CODE:
            return [*risk.health_code.levels.values()]
        case RuleName.ORIGIN_AREA:
            return [*risk.origin_area.levels.values()]
        case RuleName.LEAD:
            return [*risk.lead.levels.values()]
        case _:
            return [risk.symptoms.level]


def _looked(known: Known, facts: Sequence[PersonFact], asked: RiskLevel) -> Iterator[Looked]:
    """All that the rules looked at which could give at least the level, and the rules that had nothing to look at."""
    floor = _floor(asked)
    current = known.reference.policies.in_effect(known.as_of)
    by_rule: dict[RuleName, list[tuple[Policy, Looked]]] = {rule: [] for rule in RuleName}
    for policy, one in _Judge(known, facts, asked).everything():
        by_rule[one.rule].append((policy, one))
    for rule, found in by_rule.items():
        policies = {policy.name: policy for policy, _ in found} | {current.name: current}
        able = {
            name
            for name, policy in policies.items()
            if any(_RANK[level] >= floor for level in levels_of(rule, policy.risk))
        }
        if not able:
            said = f"at most {max(levels_of(rule, current.risk), key=_RANK.__getitem__, default=RiskLevel.NONE)}"
            yield _nothing(rule, Reason.RULE_GIVES_LESS, current, said)
        elif found:
            yield from (one for policy, one in found if policy.name in able)
        else:
            yield _nothing(rule, Reason.NOTHING_OBSERVED, current, Reason.NOTHING_OBSERVED.english)


def _nothing(rule: RuleName, reason: Reason, policy: Policy, said: str) -> Looked:
    return Looked(rule, None, None, reason, RiskLevel.NONE, None, None, policy.name, said)


class _Judge:
    """Tells of each observation what became of it under the rules."""

    def __init__(self, known: Known, facts: Sequence[PersonFact], asked: RiskLevel) -> None:
        self._known = known
        self._asked = asked
        self._fold = rules(known.reference)
        self._judged = {one.fact: one for one in judged(facts, known.reference)}
        self._corrections: dict[tuple[str, int], str] = {}
        for fact in facts:
            if isinstance(fact, TakenBack):
                self._corrections.setdefault((fact.corrects_source, fact.corrects_sequence), str(fact.event_id))

    def everything(self) -> Iterator[tuple[Policy, Looked]]:
        """Every observation that some rule looks at, with the policy it is judged by."""
        for topic, row in self._known.rows:
            policy = self._known.reference.policies.in_effect(row["sent_at"])
            for rule, fact in _observations(topic, row):
                yield policy, self._one(topic, row, rule, fact, policy)

    def _one(self, topic: str, row: Row, rule: RuleName, fact: PersonFact | None, policy: Policy) -> Looked:
        event = f"{row['source']}#{row['sequence']}"
        kept = facts_of_row(self._fold, topic, row)
        said = Reason.UNREADABLE.english if kept is None else _SAID[rule](row, policy, self._known.reference)
        level, until, because = RiskLevel.NONE, None, None
        if is_too_old(row, self._known.limits):
            reason = Reason.TOO_OLD
        elif kept is None:
            reason = Reason.UNREADABLE
        elif (row["source"], row["sequence"]) in self._corrections:
            reason, because = Reason.TAKEN_BACK, self._corrections[row["source"], row["sequence"]]
        elif fact is not None and (found := self._judged.get(fact)) is not None:
            reason, level, until, because = self._of(found)
        else:  # what can assert nothing is not kept
            reason = Reason.LEFT_OUT if fact in kept else Reason.CONDITION_NOT_MET
        return Looked(rule, event, row["occurred_at"], reason, level, until, because, policy.name, said)

    def _of(self, found: Judged) -> tuple[Reason, RiskLevel, int | None, str | None]:
        level, until = found.reach.level, found.until
        because = str(found.ended_by.event_id) if found.ended_by else None
        if level is None or level is RiskLevel.NONE:
            return Reason.CONDITION_NOT_MET, RiskLevel.NONE, None, None
        if _RANK[level] < _RANK[self._asked]:
            return Reason.OTHER_LEVEL, level, until, because
        if until <= max(self._known.as_of, found.fact.at):
            return Reason.ENDED_EARLY if because else Reason.ENDED, level, until, because
        if found.fact.at > self._known.as_of:
            return Reason.NOT_YET, level, until, because
        return Reason.IN_FORCE, level, until, because


def _observations(topic: str, row: Row) -> Iterator[tuple[RuleName, PersonFact | None]]:
    """What of a row the rules look at, with the fact that asserts it; None: it is stated, but asserts nothing."""
    try:
        facts = list(all_facts_of(topic, row))
    except (TypeError, ValueError):
        facts = []
    by_type = {type(fact): fact for fact in facts}
    if topic == topics.TEMPERATURES.name:
        yield RuleName.TEMPERATURE, by_type.get(Reading)
    if topic == topics.CHECK_INS.name and row["health_code"] != "NOT_STATED":
        yield RuleName.HEALTH_CODE, by_type.get(CodeShown)
    if topic == topics.CHECK_INS.name and (row["origin_area"] is not None or row["origin_tier"] != "NOT_STATED"):
        yield RuleName.ORIGIN_AREA, by_type.get(CameFrom)
    if topic == topics.FOLLOW_UPS.name and row["kind"] == "LEAD_OPENED":
        yield RuleName.LEAD, by_type.get(LeadOpened)
    if row["symptoms"]:
        yield RuleName.SYMPTOMS, by_type.get(SymptomsStated)


def _of_reading(row: Row, policy: Policy, reference: Reference) -> str:
    threshold = policy.risk.temperature.threshold(row["site_kind"])
    value = row["value_tenths"]
    met = "crossed" if threshold.crossed_by(value) else "not crossed"
    site = SiteKind[row["site_kind"]]
    settles = f", settles {row['confirms_source']}#{row['confirms_sequence']}" if row["confirms_source"] else ""
    return (
        f"reading {value / 10:.1f}{settles}, {site.value} ({site.english}, {site.chinese}): {_threshold(threshold)} "
        f"({threshold.source}), {met}"
    )


def _threshold(threshold: Threshold) -> str:
    return f"threshold {_limit(threshold)}"


def _limit(threshold: Threshold) -> str:
    word = {Comparator.OVER: "over", Comparator.AT_LEAST: "at least"}[threshold.comparator]
    return f"{word} {threshold.threshold_tenths / 10:.1f}"


def _of_code(row: Row, policy: Policy, reference: Reference) -> str:
    code = HealthCode[row["health_code"]]
    return f"code was {_named(code)}, which gives {_given(policy.risk.health_code.level_of(code.value))}"


def _of_area(row: Row, policy: Policy, reference: Reference) -> str:
    area = row["origin_area"]
    by_device = RiskTier[row["origin_tier"]]
    in_effect = RiskTier[reference.tier_of(area, row["sent_at"])]
    tier = max(by_device, in_effect, key=list(RiskTier).index)
    return (
        f"area {area or 'not named'} was {_named(in_effect)} in effect then and {_named(by_device)} by the device's "
        f"word, which gives {_given(policy.risk.origin_area.level_of(tier.value))}"
    )


def _of_lead(row: Row, policy: Policy, reference: Reference) -> str:
    source = LeadSource[row["lead_source"]]
    return f"lead {row['lead_id']}: source {_named(source)} gives {_given(policy.risk.lead.level_of(source.value))}"


def _of_symptoms(row: Row, policy: Policy, reference: Reference) -> str:
    return f"symptoms {'/'.join(row['symptoms'])} give {_given(policy.risk.symptoms.level)}"


def _named(code: Code) -> str:
    return f"{code.value} ({code.english}, {code.chinese})"


def _given(level: RiskLevel | None) -> str:
    return "no level" if level is None or level is RiskLevel.NONE else level.value


_SAID: dict[RuleName, Callable[[Row, Policy, Reference], str]] = {
    RuleName.TEMPERATURE: _of_reading,
    RuleName.HEALTH_CODE: _of_code,
    RuleName.ORIGIN_AREA: _of_area,
    RuleName.LEAD: _of_lead,
    RuleName.SYMPTOMS: _of_symptoms,
}
