"""Slots of a schedule: the stretches of the day in which something is expected.

Readings chosen where the specification is silent: a slot belongs to a demand when it opens while the demand lasts.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.faults.model.judgement import DAY, MINUTE
from tests.faults.model.reference import FOREVER, Reference

EPOCH = date(1970, 1, 1)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class Demand(NamedTuple):
    """Something expected by a schedule from a time until another (exclusive)."""

    schedule: str
    start: int
    until: int = FOREVER


class Slot(NamedTuple):
    """One slot of one day: ``name`` is that of the rule, ``about`` day and name."""

    name: str
    about: str
    expects: str
    opens: int
    closes: int
    cut_off: int

    def clock_exists(self, now: int, done_at: int | None) -> bool:
        """Nothing is told of a slot before it was kept or missed."""
        return done_at is not None or self.cut_off <= now


def slots_of(demand: Demand, reference: Reference, now: int) -> Iterator[Slot]:
    """The slots that open while something is demanded, by the policy of each day's beginning (UTC)."""
    for day in range(demand.start // DAY - 2, min(demand.until, now) // DAY + 3):
        schedule = reference.policy(day * DAY).schedule(demand.schedule)
        if schedule is None:
            continue
        zone = schedule.get("zone_offset_minutes", 480) * MINUTE
        midnight = day * DAY - zone
        first_day = (demand.start + zone) // DAY
        weekday = (day + 3) % 7 + 1  # 1970-01-01 was a Thursday
        if weekday not in schedule.get("weekdays", EVERY_DAY) or (day - first_day) % schedule.get("every_days", 1):
            continue
        for rule in schedule["slots"]:
            slot = _slot(rule, day, midnight, schedule["expects"])
            if demand.start <= slot.opens < demand.until:
                yield slot


def _slot(rule: dict[str, Any], day: int, midnight: int, expects: str) -> Slot:
    opens, closes = (_time_of_day(rule[name]) for name in ("opens", "closes"))
    if opens >= closes:
        opens -= DAY
    cut_off = midnight + closes + rule.get("grace_minutes", 0) * MINUTE
    return Slot(rule["slot"], f"{_date(day)}/{rule['slot']}", expects, midnight + opens, midnight + closes, cut_off)


def _time_of_day(text: str) -> int:
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * MINUTE


def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()
