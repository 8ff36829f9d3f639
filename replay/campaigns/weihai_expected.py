"""What the policy of the Weihai yearbook expects of schools, sites, traders, units and followed persons, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS
from schemas.policy import Policy, parse_policy, policy_text
from schemas.policy_duties import Programme, Schedule

POLICY = "weihai-2020"


@cache
def policy() -> Policy:
    """The policy that the campaign publishes."""
    return parse_policy(policy_text(POLICY), POLICY)


class Window(NamedTuple):
    """A slot of one day; it opens, closes and is missing at the cut-off, UTC milliseconds. ``day`` counts from 0."""

    day: int
    slot: str
    opens: int
    closes: int
    cut_off: int

    @property
    def middle(self) -> int:
        """Half-way between opening and close."""
        return (self.opens + self.closes) // 2


def schedule_named(name: str) -> Schedule:
    """A schedule of the policy. Raises LookupError for a name that it does not have."""
    for schedule in policy().schedules:
        if schedule.name == name:
            return schedule
    raise LookupError(f"the policy has no schedule {name}")


def programme_named(name: str) -> Programme:
    """A programme of the policy. Raises LookupError for a name that it does not have."""
    for programme in policy().programmes:
        if programme.name == name:
            return programme
    raise LookupError(f"the policy has no programme {name}")


def windows(name: str, since: int, until: int) -> Iterator[Window]:
    """Slots of a schedule that open within [since, until), UTC milliseconds, in order."""
    schedule = schedule_named(name)
    offset = schedule.zone_offset_minutes * MINUTE_MS
    first = (since + offset) // DAY_MS
    for day in range(first, (until + offset) // DAY_MS + 1):
        weekday = datetime.fromtimestamp(day * DAY_MS // 1000, UTC).isoweekday()
        if weekday not in schedule.weekdays or (day - first) % schedule.every_days:
            continue
        for rule in schedule.slots:
            opens, closes, cut_off = rule.window(day * DAY_MS - offset)
            if since <= opens < until:
                yield Window(day - first, rule.slot, opens, closes, cut_off)
