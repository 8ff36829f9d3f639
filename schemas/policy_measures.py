"""What applies to a place or an entry, as a policy states it: admission rules, cumulative tiers, events, reserves."""

from typing import Annotated

from pydantic import Field

from schemas.codes import DecisionOutcome, DivisionLevel, HealthCode, RiskTier, Role, SiteKind, SubjectKind
from schemas.policy_parts import NamedRule, Part, RuleName


class AdmissionRule(NamedRule):
    """One reason to refuse or refer who wants to enter or leave; all conditions that are stated must hold.

    ``over_temperature``: the reading crosses the threshold of the kind of site. ``requires`` names what must have been
    shown or done (TEMPERATURE, IDENTITY, REGISTRATION, GREEN_CODE, CODE_OR_CERTIFICATE, MASK, ESSENTIAL): the rule
    speaks when any of it is missing. ``measure``: only where that measure of a tier applies.
    """

    outcome: DecisionOutcome
    site_kinds: tuple[SiteKind, ...] = ()
    roles: tuple[Role, ...] = ()
    subjects: tuple[SubjectKind, ...] = ()
    directions: tuple[str, ...] = ()
    over_temperature: bool = False
    codes: tuple[HealthCode, ...] = ()
    origin_tiers: tuple[RiskTier, ...] = ()
    requires: tuple[RuleName, ...] = ()
    unrelated: bool = False
    measure: RuleName | None = None


class Measure(NamedRule):
    """A measure of a tier; ``binding``: an obligation, or advice (引导)."""

    binding: bool = True


class TierRule(Part):
    """Measures that a tier adds to those of the tiers below it, and how far they reach (T6): in the whole division of
    ``scope`` that holds the place named by the notice."""

    tier: RiskTier
    scope: DivisionLevel
    measures: list[Measure]
    source: str


class EventRule(Part):
    """Large events by the tier of their place (A004-12, A003-04)."""

    tier: RiskTier
    permitted: bool
    source: str


class SuppliesRule(Part):
    """How long the stock must last at the pace of issue of the last ``pace_days`` (A002-28: 1个月以上)."""

    reserve_days: Annotated[int, Field(gt=0)]
    pace_days: Annotated[int, Field(gt=0)] = 30
    source: str
