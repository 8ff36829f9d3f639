"""The policy: every threshold, comparator, duration, level and deadline class, as versioned data.

A policy file is TOML; `Policy` is its shape. `PolicyBook` holds all versions and answers which one was in effect.
"""

import tomllib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated

from pydantic import AwareDatetime, Field, ValidationError

from schemas.codes import HealthCode, LeadSource, LeadState, PushMode, RiskLevel, RiskTier, SiteKind
from schemas.events import to_milliseconds
from schemas.policy_duties import HOUR_MS, MINUTE_MS, DutyRule, LiftingRule, Programme, Schedule, end_of_day
from schemas.policy_faults import Fault, contradictions, of_shape
from schemas.policy_measures import (
    AdmissionRule,
    EventRule,
    FlowRule,
    Measure,
    PopulationRule,
    ReserveRule,
    StandingMeasure,
    SuppliesRule,
    TierRule,
)
from schemas.policy_parts import Part, RuleName
from schemas.validity import Limits

DEFAULT_POLICY = "joint-control-2020"
FOREVER = 2**63 - 1


class BadPolicy(ValueError):
    """The policy text cannot be used; the message names the first setting at fault, why, and what to do.

    ``faults``: all that is wrong with it.
    """

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        super().__init__(where, faults)
        self.where = where
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return f"{self.where}: {self.faults[0]}"


class Comparator(StrEnum):
    OVER = "OVER"
    AT_LEAST = "AT_LEAST"


class Threshold(Part):
    """A temperature limit in tenths of a degree Celsius; ``OVER`` is strict (超过)."""

    comparator: Comparator
    threshold_tenths: Annotated[int, Field(ge=300, le=450)]
    source: str

    def crossed_by(self, value_tenths: int) -> bool:
        if self.comparator is Comparator.OVER:
            return value_tenths > self.threshold_tenths
        return value_tenths >= self.threshold_tenths

    @property
    def lowest_crossing(self) -> int:
        """Smallest value in tenths that crosses."""
        return self.threshold_tenths + (self.comparator is Comparator.OVER)


class _Lasting(Part):
    hours: Annotated[int, Field(gt=0, le=24 * 366)]
    source: str

    @cached_property
    def duration_ms(self) -> int:
        return self.hours * HOUR_MS


class TemperatureRule(_Lasting):
    level: RiskLevel
    default: Threshold
    by_site_kind: dict[SiteKind, Threshold] = Field(default_factory=dict)

    def threshold(self, site_kind: str) -> Threshold:
        return self.by_site_kind.get(SiteKind[site_kind], self.default)


class HealthCodeRule(_Lasting):
    levels: dict[HealthCode, RiskLevel]

    def level_of(self, code: str) -> RiskLevel | None:
        """Level of a health code's symbol; None: no risk."""
        return self.levels.get(HealthCode[code])


class OriginAreaRule(_Lasting):
    levels: dict[RiskTier, RiskLevel]

    def level_of(self, tier: str) -> RiskLevel | None:
        """Level of a tier's symbol; None: no risk."""
        return self.levels.get(RiskTier[tier])


class LeadRule(_Lasting):
    levels: dict[LeadSource, RiskLevel]

    def level_of(self, source: str) -> RiskLevel | None:
        """Level of a lead source's symbol; None: no risk."""
        return self.levels.get(LeadSource[source])


class SymptomRule(_Lasting):
    level: RiskLevel


class RiskRules(Part):
    temperature: TemperatureRule
    health_code: HealthCodeRule
    origin_area: OriginAreaRule
    lead: LeadRule
    symptoms: SymptomRule


class DeadlineRule(Part):
    """One class of deadline: either ``hours`` after the start, or the end of the start's calendar day."""

    deadline_class: RuleName
    push_mode: PushMode
    home_province: bool | None = None
    hours: Annotated[int, Field(gt=0)] | None = None
    calendar_day: bool = False
    due_soon_minutes: Annotated[int, Field(ge=0)]
    source: str

    def applies(self, push_mode: str, home_province: bool) -> bool:
        return self.push_mode == push_mode and self.home_province in (None, home_province)

    def due_at(self, start_ms: int, zone_offset_minutes: int) -> int:
        """UTC milliseconds of the deadline; a calendar day ends at midnight at the offset of the start (T2)."""
        if self.calendar_day:
            return end_of_day(start_ms, zone_offset_minutes)
        assert self.hours is not None
        return start_ms + self.hours * HOUR_MS

    @property
    def due_soon_ms(self) -> int:
        return self.due_soon_minutes * MINUTE_MS


class FollowUpRule(Part):
    starts_at: Annotated[str, Field(pattern="^RECEIVED$")]
    stops_at: LeadState
    source: str


class ArrivalRule(Part):
    """How old an event may be when it is sent, how long it may be on the way, and how wrong a clock may be."""

    horizon_hours: Annotated[int, Field(gt=0)]
    lateness_hours: Annotated[int, Field(gt=0)]
    allowed_skew_seconds: Annotated[int, Field(ge=0)]

    @property
    def limits(self) -> Limits:
        return Limits(self.allowed_skew_seconds * 1000, self.horizon_hours * HOUR_MS, self.lateness_hours * HOUR_MS)


class Policy(Part):
    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)]
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    arrival: ArrivalRule
    risk: RiskRules
    deadlines: list[DeadlineRule]
    follow_up: FollowUpRule
    duties: tuple[DutyRule, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    programmes: tuple[Programme, ...] = ()
    lifting: LiftingRule | None = None
    admission: tuple[AdmissionRule, ...] = ()
    flows: tuple[FlowRule, ...] = ()
    measures: tuple[StandingMeasure, ...] = ()
    tiers: tuple[TierRule, ...] = ()
    events: tuple[EventRule, ...] = ()
    populations: tuple[PopulationRule, ...] = ()
    reserves: tuple[ReserveRule, ...] = ()
    supplies: SuppliesRule | None = None

    @cached_property
    def name(self) -> str:
        """Name and version, as it stands beside every verdict."""
        return f"{self.id}@{self.version}"

    @cached_property
    def longest_ms(self) -> int:
        """How long after it happened something can still follow from an event: the longest that a fact counts or a
        deadline runs, and as long as proof or correction of it is accepted. Milliseconds."""
        rules = (
            self.risk.temperature,
            self.risk.health_code,
            self.risk.origin_area,
            self.risk.lead,
            self.risk.symptoms,
        )
        hours = [rule.hours for rule in rules] + [rule.hours or 24 for rule in self.deadlines]
        hours += [duty.hours or 24 for duty in self.duties]
        hours += [24 * programme.days + programme.release_hours for programme in self.programmes]
        limits = self.arrival.limits
        return max(hours) * HOUR_MS + limits.horizon_ms + limits.lateness_ms

    @property
    def all_measures(self) -> list[Measure]:
        """Standing measures, and those of every tier."""
        return [*self.measures, *(measure for rule in self.tiers for measure in rule.measures)]

    def event_rule(self, tier: RiskTier) -> EventRule | None:
        """What holds for large events at a place of a tier: the rule of that tier, or else the one for any tier."""
        by_tier = {rule.tier: rule for rule in self.events}
        return by_tier.get(tier) or by_tier.get(RiskTier.NOT_STATED)

    def deadline(self, push_mode: str, home_province: bool) -> DeadlineRule | None:
        """The first class whose conditions hold; None when the policy has none for such a lead."""
        return next((rule for rule in self.deadlines if rule.applies(push_mode, home_province)), None)


def parse_policy(text: str, where: str = "policy") -> Policy:
    """Policy of a TOML text. Raises `BadPolicy` naming every setting at fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(where, [Fault("text", f"not TOML: {error}", "correct that line")]) from None
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise BadPolicy(where, of_shape(error, document)) from None
    if faults := contradictions(policy):
        raise BadPolicy(where, faults)
    return policy


def shipped_policies() -> list[str]:
    """Names of the policies that come with Checkline."""
    names = (path.name for path in (files("schemas") / "policies").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def policy_text(name: str = DEFAULT_POLICY) -> str:
    """Text of a policy file shipped with Checkline. Raises `BadPolicy` when there is none of that name."""
    path = files("schemas") / "policies" / f"{name}.toml"
    if not path.is_file():
        remedy = f"name a file, or one of {', '.join(shipped_policies())}"
        raise BadPolicy(name, [Fault("name", f"no policy named {name} is shipped", remedy)])
    return path.read_text(encoding="utf-8")


@cache
def default_policy() -> Policy:
    """What is in effect where the log names no policy."""
    return parse_policy(policy_text(), DEFAULT_POLICY)


class PolicyBook:
    """All policy versions with the time from which each is in effect.

    ``overlay``: policies to be judged by instead of whatever else is in effect while they are valid, the first that is.
    """

    def __init__(self, versions: Iterable[tuple[int, Policy]] = (), overlay: Sequence[Policy] = ()) -> None:
        self.overlay = tuple(overlay)
        self._overlay = [
            (
                _milliseconds(policy.valid_from),
                FOREVER if policy.valid_until is None else _milliseconds(policy.valid_until),
                policy,
            )
            for policy in overlay
        ]
        self._versions = sorted(
            ((effective_from, policy) for effective_from, policy in versions),
            key=lambda item: (item[0], item[1].version, item[1].id),
        )

    def in_effect(self, at_ms: int) -> Policy:
        """The version in effect at a time (UTC milliseconds): the latest that had begun and not ended."""
        for begins, ends, policy in self._overlay:
            if begins <= at_ms < ends:
                return policy
        found = default_policy()
        for effective_from, policy in self._versions:
            if effective_from > at_ms:
                break
            if policy.valid_until is None or at_ms < _milliseconds(policy.valid_until):
                found = policy
        return found

    @cached_property
    def longest_ms(self) -> int:
        """The longest any version lets a fact count or a deadline run, and the oldest that it accepts: milliseconds."""
        return max(policy.longest_ms for policy in self.policies)

    @cached_property
    def risky_tiers(self) -> frozenset[str]:
        """Tiers of an area of origin that any version gives a level."""
        return frozenset(tier.value for policy in self.policies for tier in policy.risk.origin_area.levels)

    @property
    def policies(self) -> list[Policy]:
        """Every version that can ever be in effect, the default among them."""
        return [default_policy(), *(policy for _, policy in self._versions), *self.overlay]


def _milliseconds(when: datetime) -> int:
    return int(to_milliseconds(when))
