"""Expected again and again: the slots of a schedule as clocks (A002-22 一日三检两报告, A001-01 日报告, T8, T14).

No event opens such a clock. It is there once its slot was kept or has passed: silence then is a breach, not a zero.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.codes import ClockSubject
from schemas.policy import Policy
from schemas.policy_duties import DAY_MS, MINUTE_MS, Expected, Schedule
from streams.clocks import Clock
from streams.fact_set import Fact


class Demand(NamedTuple):
    """A schedule that somebody must keep over [start, until), UTC milliseconds. ``name``: the entry of the roster or
    the task that asks for it; ``about``: the indicator to be reported; ``ended``: when it ended before ``until``."""

    name: str
    schedule: str
    start: int
    until: int | None
    about: str | None = None
    ended: int | None = None


class Slot(NamedTuple):
    """One slot of one day; the times are UTC milliseconds, ``date`` is the local day on which it closes."""

    schedule: Schedule
    policy: str
    name: str
    date: str
    opens: int
    closes: int
    cut_off: int


Kept = Callable[[Demand, Slot], Fact | None]
"""The earliest proof that a slot was kept, if there is one."""

PolicyAt = Callable[[int], Policy]


def slots(demand: Demand, expects: Expected, policy_at: PolicyAt, earliest: int, latest: int) -> Iterator[Slot]:
    """Slots of a demand that open in it and within [earliest, latest], by the policy in effect on each day."""
    first = max(demand.start, earliest)
    last = latest if demand.until is None else min(demand.until - 1, latest)
    for day in range(first // DAY_MS - 1, last // DAY_MS + 2):
        policy = policy_at(day * DAY_MS)
        schedule = next((one for one in policy.schedules if one.name == demand.schedule), None)
        if schedule is None or schedule.expects is not expects:
            continue
        date = datetime.fromtimestamp(day * DAY_MS // 1000, UTC)
        offset = schedule.zone_offset_minutes * MINUTE_MS
        if (
            date.isoweekday() not in schedule.weekdays
            or (day - (demand.start + offset) // DAY_MS) % schedule.every_days
        ):
            continue
        for rule in schedule.slots:
            opens, closes, cut_off = rule.window(day * DAY_MS - offset)
            if first <= opens <= last:
                yield Slot(schedule, policy.name, rule.slot, date.strftime("%Y-%m-%d"), opens, closes, cut_off)


def slot_clock(demand: Demand, slot: Slot, kept: Fact | None, at: int | None, subject: ClockSubject) -> Clock:
    """The clock of one slot; ``at`` is when it was kept."""
    period = f"{slot.date}/{slot.name}"
    withdrawn = demand.ended if demand.ended is not None and demand.ended <= slot.opens else None
    return Clock(
        f"{demand.schedule}/{demand.name}/{period}",
        period if demand.about is None else f"{demand.about}/{period}",
        demand.schedule,
        slot.opens,
        slot.cut_off,
        slot.cut_off,
        at,
        withdrawn,
        slot.policy,
        (str(kept.event_id),) if kept else (),
        False,
        subject.value,
        implied=True,
    )


def slot_clocks(
    demands: Iterable[Demand],
    expects: Expected,
    kept: Kept,
    policy_at: PolicyAt,
    earliest: int,
    as_of: int,
    newest: int,
    subject: ClockSubject,
) -> dict[str, Clock]:
    """Clocks of all slots that were kept, or whose cut-off has passed as of a time; by clock id. ``newest``: the latest
    time that any proof speaks of: it may lie ahead of the clock, which goes by marks."""
    found = {}
    for demand in demands:
        for slot in slots(demand, expects, policy_at, earliest, max(as_of, newest)):
            proof = kept(demand, slot)
            if proof is not None or slot.cut_off <= as_of:
                clock = slot_clock(demand, slot, proof, proof.at if proof else None, subject)
                found[clock.clock_id] = clock
    return found


def next_cut_off(demands: Iterable[Demand], expects: Expected, policy_at: PolicyAt, as_of: int) -> int | None:
    """The next cut-off after a time (UTC milliseconds) of slots that are open by then or open within eight days; None
    where nothing is expected any more."""
    times = [
        slot.cut_off
        for demand in demands
        for slot in slots(demand, expects, policy_at, as_of - 4 * DAY_MS, max(as_of, demand.start) + _AHEAD_MS)
        if slot.cut_off > as_of
    ]
    if times:
        return min(times)
    # Nothing near: look again later, there may be a policy by then.
    going_on = any(demand.until is None or demand.until > as_of for demand in demands)
    return as_of + _AHEAD_MS if going_on else None


_AHEAD_MS = 8 * DAY_MS
