"""What applies to a place or an entry, as a policy states it: admission rules, the flow through the zones of a
checkpoint, standing measures, cumulative tiers, large events, key populations, reserves."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.codes import (
    DecisionOutcome,
    Direction,
    DivisionLevel,
    HealthCode,
    RiskTier,
    Role,
    SiteKind,
    SubjectKind,
    UnitOfCount,
    Zone,
)
from schemas.policy_parts import NamedRule, Part, RuleName


class Requirement(StrEnum):
    """What must have been done or shown at a checkpoint."""

    TEMPERATURE = "TEMPERATURE"
    IDENTITY = "IDENTITY"
    REGISTRATION = "REGISTRATION"
    GREEN_CODE = "GREEN_CODE"
    CODE_OR_CERTIFICATE = "CODE_OR_CERTIFICATE"
    MASK = "MASK"
    ESSENTIAL = "ESSENTIAL"
    PASS = "PASS"


class EntryCondition(Part):
    """When a rule speaks of an entry: all conditions that are stated must hold; none stated: always.

    ``over_temperature``: the reading crosses the threshold of the kind of site. ``symptoms``: any is reported.
    """

    over_temperature: bool = False
    symptoms: bool = False
    codes: tuple[HealthCode, ...] = ()
    origin_tiers: tuple[RiskTier, ...] = ()


class AdmissionRule(NamedRule, EntryCondition):
    """One reason to refuse or refer who wants to enter or leave; all conditions that are stated must hold.

    ``requires``: the rule speaks when any of these is missing. ``roles`` and ``except_roles`` say of whom it speaks (an
    outsider is whoever has none of the roles of the place), ``categories`` of which sites of those kinds. ``measure``:
    only where that standing measure or measure of a tier applies.
    """

    outcome: DecisionOutcome
    site_kinds: tuple[SiteKind, ...] = ()
    categories: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    except_roles: tuple[Role, ...] = ()
    subjects: tuple[SubjectKind, ...] = ()
    directions: tuple[Direction, ...] = ()
    requires: tuple[Requirement, ...] = ()
    measure: RuleName | None = None

    @model_validator(mode="after")
    def _refuses(self) -> Self:
        if self.outcome not in (DecisionOutcome.REFUSED, DecisionOutcome.REFERRED):
            raise ValueError(f"{self.name}: outcome is REFUSED or REFERRED; whom no rule speaks of is admitted")
        return self


class ZoneStep(EntryCondition):
    """A zone of a checkpoint, and who passes through it."""

    zone: Zone
    source: str


class FlowRule(NamedRule):
    """The zones of a checkpoint in the order in which they are passed (A002-14)."""

    site_kinds: Annotated[tuple[SiteKind, ...], Field(min_length=1)]
    zones: Annotated[tuple[ZoneStep, ...], Field(min_length=1)]


class Measure(NamedRule):
    """A measure of a tier; ``binding``: an obligation, or advice (引导)."""

    binding: bool = True


class StandingMeasure(Measure):
    """A measure whatever the tier; without ``site_kinds`` it holds at every place."""

    site_kinds: tuple[SiteKind, ...] = ()


class TierRule(Part):
    """Measures that a tier adds to those of the tiers below it, and how far they reach (T6): in the whole division of
    ``scope`` that holds the place named by the notice."""

    tier: RiskTier
    scope: DivisionLevel
    measures: list[Measure]
    source: str


class EventRule(Part):
    """Large events by the tier of their place (A004-12, A003-04); ``NOT_STATED``: whatever the tier.

    ``permitted``: may be approved; nothing is held without approval.
    """

    tier: RiskTier
    permitted: bool
    source: str


class PopulationRule(NamedRule):
    """A key population whose members are tested again and again (应检尽检, A002-03), by a schedule of the policy.
    ``classes``: how many classes of people it comprises."""

    schedule: RuleName
    classes: Annotated[int, Field(ge=1)] = 1


class ReserveRule(NamedRule):
    """How much of something every division of a level holds ready, at least and at most (A004-08)."""

    item: str
    unit_of_count: UnitOfCount
    per: DivisionLevel
    at_least: Annotated[int, Field(ge=0)]
    at_most: int | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(f"{self.name}: at_most is below at_least")
        return self

    def shortfall(self, quantity: int) -> int:
        """How many are missing from a reserve."""
        return max(0, self.at_least - quantity)


class SuppliesRule(Part):
    """How long the stock must last at the pace of issue of the last ``pace_days`` (A002-28: 1个月以上)."""

    reserve_days: Annotated[int, Field(gt=0)]
    pace_days: Annotated[int, Field(gt=0)] = 30
    source: str
