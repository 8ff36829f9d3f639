"""Which measures apply to a place at a time: a pure function of tier notices, the division tree and the policy (T6).

A004-07: 中风险地区要在落实低风险地区防控措施的基础上 … 在有疫情的嘎查村(社区)所有小区; 高风险地区要在落实中低风险地区
防控措施的基础上 … 有疫情的苏木乡镇(街道)所有小区. So the tiers are cumulative, and the higher one reaches further: it
takes the measures of the lower ones along to wherever it reaches.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas.codes import RiskTier, SiteKind
from schemas.divisions import DivisionTree
from schemas.policy import FOREVER, Policy
from schemas.policy_measures import Measure

RANK = {tier: rank for rank, tier in enumerate(RiskTier)}


class TierNotice(NamedTuple):
    """A division has a tier over [begins, until), UTC milliseconds (A004-05)."""

    division: str
    tier: RiskTier
    begins: int
    until: int = FOREVER


class AppliedMeasure(NamedTuple):
    """A measure, the tier that brings it, the notice it follows from and the division it reaches; a standing measure
    has none of the three, and no notice where only the tier is known. Its sentence is ``measure.source``."""

    measure: Measure
    tier: RiskTier
    notice: TierNotice | None
    reach: str | None


class _Reached(NamedTuple):
    tier: RiskTier
    notice: TierNotice
    reach: str


def notices_of(rows: Iterable[Mapping[str, Any]]) -> list[TierNotice]:
    """Notices that reference rows of kind RISK_AREA state; ``entity_id`` is the division."""
    return [
        TierNotice(
            row["entity_id"],
            RiskTier[row["tier"]],
            row["valid_from"],
            FOREVER if row["valid_until"] is None else row["valid_until"],
        )
        for row in rows
    ]


def in_force(notices: Iterable[TierNotice], at: int) -> list[TierNotice]:
    """Of each division the newest notice that had begun, if it has not ended: a downgrade replaces what it lowers. Of
    notices that begin together the highest counts."""
    newest: dict[str, TierNotice] = {}
    for notice in notices:
        if notice.begins <= at:
            rival = newest.get(notice.division)
            if rival is None or _order(rival) < _order(notice):
                newest[notice.division] = notice
    return [newest[division] for division in sorted(newest) if at < newest[division].until]


def tier_at(policy: Policy, place: str, at: int, notices: Iterable[TierNotice], tree: DivisionTree) -> RiskTier:
    """The tier whose measures reach a place at a time; NOT_STATED where none does."""
    reached = _highest(policy, place, at, notices, tree)
    return reached.tier if reached else RiskTier.NOT_STATED


def measures_at(
    policy: Policy,
    place: str,
    at: int,
    notices: Iterable[TierNotice],
    tree: DivisionTree,
    site_kind: SiteKind = SiteKind.NOT_STATED,
) -> tuple[AppliedMeasure, ...]:
    """Measures that apply to a place (the code of its division) at a time, UTC milliseconds: the standing ones, then
    those of each tier from the lowest to the one that reaches it. ``site_kind`` NOT_STATED: of sites of any kind."""
    found = [
        AppliedMeasure(measure, RiskTier.NOT_STATED, None, None)
        for measure in policy.measures
        if not measure.site_kinds or site_kind is SiteKind.NOT_STATED or site_kind in measure.site_kinds
    ]
    reached = _highest(policy, place, at, notices, tree)
    if reached is not None:
        applied = measures_up_to(policy, reached.tier)
        found += [one._replace(notice=reached.notice, reach=reached.reach) for one in applied]
    return tuple(found)


def measures_up_to(policy: Policy, tier: RiskTier) -> tuple[AppliedMeasure, ...]:
    """Measures of a tier and of all below it, the lowest first: what applies where that tier does."""
    rules = sorted(policy.tiers, key=lambda rule: RANK[rule.tier])
    return tuple(
        AppliedMeasure(measure, rule.tier, None, None)
        for rule in rules
        if RANK[rule.tier] <= RANK[tier]
        for measure in rule.measures
    )


def _highest(policy: Policy, place: str, at: int, notices: Iterable[TierNotice], tree: DivisionTree) -> _Reached | None:
    """A notice brings the rule of its tier and of all below, each over its own scope; what reaches the place highest
    takes the lower ones along."""
    found: list[_Reached] = []
    for notice in in_force(notices, at):
        for rule in policy.tiers:
            if RANK[rule.tier] <= RANK[notice.tier]:
                reach = tree.holding(notice.division, rule.scope, at)
                if tree.is_within(place, reach, at):
                    found.append(_Reached(rule.tier, notice, reach))
    return max(found, key=lambda one: (RANK[one.tier], one.notice.begins, one.notice.division), default=None)


def _order(notice: TierNotice) -> tuple[int, int, int]:
    return notice.begins, RANK[notice.tier], notice.until
