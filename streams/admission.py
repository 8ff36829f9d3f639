"""Advice at a checkpoint: a pure function of the policy and what was seen. The person in charge decides.

A refusal is advice and nothing else: it never makes a case. A000-08 counts as cases abuse and assault of staff and the
ramming of checkpoints, and binds the other side too: 文明防疫 … 坚决做到不过度执法、不粗暴执法.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

from schemas.codes import DecisionOutcome, Direction, HealthCode, RiskTier, Role, SiteKind, SubjectKind, Symptom, Zone
from schemas.policy import Comparator, Policy, Threshold
from schemas.policy_measures import AdmissionRule, EntryCondition, Requirement

_SEVERITY = (DecisionOutcome.ADMITTED, DecisionOutcome.REFUSED, DecisionOutcome.REFERRED)
_WORDS = {True: "yes", False: "no", None: "not stated"}


class Entry(NamedTuple):
    """What is known of one subject at one checkpoint; None and NOT_STATED: not stated.

    ``value_tenths``: reading in tenths of a degree Celsius. ``essential``: the subject needs to pass (确需入校).
    """

    site_kind: SiteKind
    direction: Direction = Direction.ENTERING
    subject_kind: SubjectKind = SubjectKind.PERSON
    role: Role = Role.NOT_STATED
    category: str | None = None
    value_tenths: int | None = None
    symptoms: tuple[Symptom, ...] = ()
    health_code: HealthCode = HealthCode.NOT_STATED
    certificate_seen: bool | None = None
    identity_checked: bool | None = None
    registered: bool | None = None
    mask_worn: bool | None = None
    essential: bool | None = None
    pass_shown: bool | None = None
    origin_tier: RiskTier = RiskTier.NOT_STATED

    @classmethod
    def of_passage(cls, row: Mapping[str, Any], value_tenths: int | None, category: str | None = None) -> Self:
        """What a row of kind PASSAGE states, with the reading taken at it and the category of its site. Whoever has
        such a row is registered."""
        return cls(
            SiteKind[row["site_kind"]],
            Direction[row["direction"]],
            SubjectKind[row["subject_kind"]],
            Role[row["role"]],
            category,
            value_tenths,
            tuple(Symptom[symptom] for symptom in row["symptoms"] or ()),
            HealthCode[row["health_code"]],
            row["certificate_seen"],
            row["identity_checked"],
            True,
            row["mask_worn"],
            row["essential"],
            row["pass_id"] is not None,
            RiskTier[row["origin_tier"]],
        )


class Reason(NamedTuple):
    """Why a rule speaks: its sentence, what was seen, and what it requires that was not met."""

    rule: str
    outcome: DecisionOutcome
    name_en: str
    name_zh: str
    sentence: str
    seen: tuple[str, ...]
    not_met: tuple[Requirement, ...]


class Advice(NamedTuple):
    """To admit, unless a rule speaks; of several the gravest outcome: whoever is referred is not sent away."""

    outcome: DecisionOutcome
    reasons: tuple[Reason, ...]


class ZoneOfFlow(NamedTuple):
    """A zone that the subject passes, and the sentence that says so."""

    zone: Zone
    sentence: str


def advise(policy: Policy, entry: Entry, measures: Collection[str] = ()) -> Advice:
    """Advice for one subject at one checkpoint. ``measures``: names of the measures of tiers that apply to the place
    (`streams.tiers.measures_at`); the standing ones of the policy apply without being named."""
    standing = {one.name for one in policy.measures if not one.site_kinds or entry.site_kind in one.site_kinds}
    applied = standing.union(measures)
    threshold = policy.risk.temperature.threshold(entry.site_kind)
    reasons = tuple(
        Reason(
            rule.name,
            rule.outcome,
            rule.name_en,
            rule.name_zh,
            rule.source,
            (*_seen(rule, entry, threshold), *(_shown(one, entry) for one in _missing(rule, entry))),
            _missing(rule, entry),
        )
        for rule in policy.admission
        if _speaks(rule, entry, applied, threshold)
    )
    outcomes = [reason.outcome for reason in reasons]
    return Advice(max(outcomes, key=_SEVERITY.index, default=DecisionOutcome.ADMITTED), reasons)


def zones(policy: Policy, entry: Entry) -> tuple[ZoneOfFlow, ...]:
    """Zones of the checkpoint that the subject passes, in their order; none where the policy lays down no flow for such
    a site (A002-14: 设有测温区、留观区、验码区和中高风险地区到威处置区)."""
    threshold = policy.risk.temperature.threshold(entry.site_kind)
    return tuple(
        ZoneOfFlow(step.zone, step.source)
        for rule in policy.flows
        if entry.site_kind in rule.site_kinds
        for step in rule.zones
        if _holds(step, entry, threshold)
    )


def _speaks(rule: AdmissionRule, entry: Entry, measures: Collection[str], threshold: Threshold) -> bool:
    narrowed = (
        (rule.site_kinds, entry.site_kind),
        (rule.categories, entry.category),
        (rule.roles, entry.role),
        (rule.subjects, entry.subject_kind),
        (rule.directions, entry.direction),
    )
    return (
        all(not wanted or stated in wanted for wanted, stated in narrowed)
        and entry.role not in rule.except_roles
        and (rule.measure is None or rule.measure in measures)
        and _holds(rule, entry, threshold)
        and (not rule.requires or bool(_missing(rule, entry)))
    )


def _holds(condition: EntryCondition, entry: Entry, threshold: Threshold) -> bool:
    hot = entry.value_tenths is not None and threshold.crossed_by(entry.value_tenths)
    return (
        (not condition.over_temperature or hot)
        and (not condition.symptoms or bool(entry.symptoms))
        and (not condition.codes or entry.health_code in condition.codes)
        and (not condition.origin_tiers or entry.origin_tier in condition.origin_tiers)
    )


def _missing(rule: AdmissionRule, entry: Entry) -> tuple[Requirement, ...]:
    green = entry.health_code is HealthCode.GREEN
    met = {
        Requirement.TEMPERATURE: entry.value_tenths is not None,
        Requirement.IDENTITY: entry.identity_checked is True,
        Requirement.REGISTRATION: entry.registered is True,
        Requirement.GREEN_CODE: green,
        Requirement.CODE_OR_CERTIFICATE: green or entry.certificate_seen is True,
        Requirement.MASK: entry.mask_worn is True,
        Requirement.ESSENTIAL: entry.essential is True,
        Requirement.PASS: entry.pass_shown is True,
    }
    return tuple(one for one in rule.requires if not met[one])


def _seen(rule: AdmissionRule, entry: Entry, threshold: Threshold) -> list[str]:
    """What made the conditions of a rule hold, in words."""
    seen = []
    if rule.over_temperature and entry.value_tenths is not None:
        word = "over" if threshold.comparator is Comparator.OVER else "at least"
        limit = f"{word} {_degrees(threshold.threshold_tenths)}"
        seen.append(f"temperature {_degrees(entry.value_tenths)} ({limit}: {threshold.source})")
    if rule.symptoms:
        seen.append(f"symptoms {', '.join(symptom.english for symptom in entry.symptoms)}")
    if rule.codes:
        seen.append(f"health code: {entry.health_code.english} {entry.health_code.chinese}")
    if rule.origin_tiers:
        seen.append(f"from an area of {entry.origin_tier.english} {entry.origin_tier.chinese}")
    if rule.roles or rule.except_roles:
        seen.append(f"role: {entry.role.english} {entry.role.chinese}")
    return seen


def _shown(requirement: Requirement, entry: Entry) -> str:
    """What was seen of a requirement that was not met, in words."""
    code = f"health code: {entry.health_code.english} {entry.health_code.chinese}"
    words = {
        Requirement.TEMPERATURE: "temperature: not taken",
        Requirement.IDENTITY: f"identity checked: {_WORDS[entry.identity_checked]}",
        Requirement.REGISTRATION: f"registered: {_WORDS[entry.registered]}",
        Requirement.GREEN_CODE: code,
        Requirement.CODE_OR_CERTIFICATE: f"{code}, certificate seen: {_WORDS[entry.certificate_seen]}",
        Requirement.MASK: f"mask worn: {_WORDS[entry.mask_worn]}",
        Requirement.ESSENTIAL: f"needs to pass: {_WORDS[entry.essential]}",
        Requirement.PASS: f"pass shown: {_WORDS[entry.pass_shown]}",
    }
    return words[requirement]


def _degrees(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10} °C"
