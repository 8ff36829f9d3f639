"""Closure orders: lifted when the tier that gave rise to them is gone, and overdue where they are not (A004-22)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from schemas.codes import ClockSubject, RiskTier
from schemas.policy import FOREVER, Policy
from schemas.policy_duties import HOUR_MS, MINUTE_MS
from streams.clocks import Clock
from streams.fact_set import Fact

_RANK = {tier.value: rank for rank, tier in enumerate(RiskTier)}


class Ordered(Fact, frozen=True, tag="ordered"):
    """One version of a closure order: in force from ``at`` until ``until`` (lifted), by its own word; UTC milliseconds.
    ``tier``: the tier that gave rise to it."""

    entity_id: str
    effective_from: int
    until: int | None
    division: str
    tier: str


class Noticed(Fact, frozen=True, tag="noticed"):
    """A notice about the tier of the order's area, or of one above or below it."""

    area: str
    effective_from: int
    until: int | None
    tier: str


_Version = TypeVar("_Version", Ordered, Noticed)


def fact_of(row: Mapping[str, Any]) -> Ordered | Noticed:
    """The fact that a row of kind CLOSURE_ORDER or RISK_AREA asserts of an order."""
    event = row["source"], row["sequence"], row["valid_from"], row["sent_at"]
    if row["kind"] == "CLOSURE_ORDER":
        words = row["effective_from"], row["valid_until"], row["division"], row["tier"]
        return Ordered(*event, row["entity_id"], *words)
    return Noticed(*event, row["entity_id"], row["effective_from"], row["valid_until"], row["tier"])


def lifting_clocks(
    orders: Iterable[Ordered], notices: Iterable[Noticed], policy_at: Callable[[int], Policy]
) -> dict[str, Clock]:
    """The clock of each order whose tier has gone: opened by the downgrade, done when the order was lifted. Where the
    tier came back before that, the order stands by right and the clock is withdrawn."""
    notices = _first_arrivals(notices)
    found = {}
    versions: dict[str, list[Ordered]] = {}
    for order in _first_arrivals(orders):
        versions.setdefault(order.entity_id, []).append(order)
    for name, of_order in versions.items():
        of_order.sort(key=lambda one: (one.effective_from, one.sent_at, one.source, one.sequence))
        clock = _lifting(name, of_order, notices, policy_at)
        if clock is not None:
            found[clock.clock_id] = clock
    return found


def _first_arrivals(facts: Iterable[_Version]) -> list[_Version]:
    """Published again, a version counts from its first arrival."""
    first: dict[_Version, _Version] = {}
    for fact in facts:
        content = replace(fact, effective_from=0)
        if content not in first or fact.effective_from < first[content].effective_from:
            first[content] = fact
    return list(first.values())


def _lifting(
    name: str, versions: list[Ordered], notices: list[Noticed], policy_at: Callable[[int], Policy]
) -> Clock | None:
    first, last = versions[0], versions[-1]
    begins, wanted = first.at, _RANK[last.tier]
    if not wanted:
        wanted = _RANK[tier_at(notices, begins)]
    if wanted <= _RANK[RiskTier.LOW.value]:
        return None  # no tier gave rise to it: nothing downgrades
    lifted = last.until
    downgraded, by = None, None
    for at, notice in _changes(notices, begins):
        below = _RANK[tier_at(notices, at)] < wanted
        if below and downgraded is None:
            downgraded, by = at, notice
        elif not below and downgraded is not None and (lifted is None or lifted > at):
            downgraded, by = None, None  # the tier came back: a new reason
    if downgraded is None or by is None or (lifted is not None and lifted < downgraded):
        return None
    policy = policy_at(downgraded)
    if policy.lifting is None:
        return None
    due_at = downgraded + policy.lifting.hours * HOUR_MS
    return Clock(
        f"{name}/LIFTING",
        name,
        "LIFTING",
        downgraded,
        due_at,
        due_at - policy.lifting.due_soon_minutes * MINUTE_MS,
        lifted,
        None,
        policy.name,
        tuple(str(fact.event_id) for fact in (first, by, last if lifted is not None else None) if fact is not None),
        False,
        ClockSubject.ORDER.value,
    )


def tier_at(notices: Iterable[Noticed], at: int) -> str:
    """The highest tier in effect at a time over the areas named: for each area that of its newest notice."""
    newest: dict[str, Noticed] = {}
    for notice in notices:
        rival = newest.get(notice.area)
        if notice.effective_from <= at and (rival is None or _order(notice) > _order(rival)):
            newest[notice.area] = notice
    tiers = [one.tier for one in newest.values() if one.until is None or at < one.until]
    return max(tiers, key=_RANK.__getitem__, default=RiskTier.NOT_STATED.value)


def _order(notice: Noticed) -> tuple[int, int, int, int]:
    return notice.effective_from, notice.sent_at, FOREVER if notice.until is None else notice.until, _RANK[notice.tier]


def _changes(notices: Iterable[Noticed], after: int) -> list[tuple[int, Noticed]]:
    """Times at which a tier may change, with the notice that says so."""
    times = [(notice.effective_from, notice) for notice in notices]
    times += [(notice.until, notice) for notice in notices if notice.until is not None]
    return sorted((one for one in times if one[0] >= after), key=lambda one: (one[0], _order(one[1])))
