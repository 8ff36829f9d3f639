"""From judgements to steps: when a condition becomes an alarm, when its alarm is cleared, when it is escalated.

Pure: what is open, what was judged and how often that was seen come in; steps go out.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infra.alarms.alarm import Condition
from infra.alarms.conditions import FINDERS
from infra.alarms.conditions.judgement import Judgement, Unsure
from infra.alarms.roster import Duty, first_telling, next_telling
from infra.alarms.steps import Kind, Record, Records, Step, changed, escalated, raised
from infra.lag.snapshot import Snapshot

Key = tuple[str, str]
"""Rule and subject."""

CLEAR_LOOKS = 3
"""So many answers of the source must agree that a condition has ended."""
CHANGED_MS = 60_000
"""New words for an old condition are written down once a minute, and less often as the alarm grows old."""


class Seen(NamedTuple):
    """How many answers of a source agreed; ``stamp``: when the last of them was given."""

    times: int
    stamp: int | None


class Sightings(NamedTuple):
    """Conditions that hold and are no alarm yet; those that ended and still are one."""

    holding: Mapping[Key, Seen] = {}
    ended: Mapping[Key, Seen] = {}


def step_on(
    records: Records, judgements: Iterable[Judgement], sightings: Sightings, snapshot: Snapshot, duty: Duty
) -> tuple[list[Step], Sightings]:
    """The steps that a look's judgements come to, and what was seen so far."""
    conditions: dict[Key, Condition] = {}
    unsure: set[tuple[str, str | None]] = set()
    for one in judgements:
        if isinstance(one, Unsure):
            unsure.add((one.rule, one.subject))
        else:
            conditions[one.rule, one.subject] = one
    open_ones = {(one.alarm.rule, one.alarm.subject): one for one in records.values() if one.alarm.is_open}
    steps: list[Step] = []
    holding = {
        key: seen for key, seen in sightings.holding.items() if key not in conditions and _cannot_tell(key, unsure)
    }
    ended: dict[Key, Seen] = {}
    for key, condition in conditions.items():
        stamp = FINDERS[condition.rule].stamp(snapshot)
        if key in open_ones:
            steps += _still(open_ones[key], condition, snapshot.at)
            continue
        seen = _seen(sightings.holding.get(key), stamp)
        if seen.times >= FINDERS[condition.rule].looks:
            steps.append(raised(condition, snapshot.at, first_telling(duty, snapshot.at)))
        else:
            holding[key] = seen
    for key, record in open_ones.items():
        if key in conditions or record.alarm.cleared_at is not None:
            continue
        if key[0] not in FINDERS:  # an older release's: nobody judges it any more
            steps.append(Step(snapshot.at, Kind.CLEARED, record.alarm.identity))
            continue
        before = sightings.ended.get(key)
        if _cannot_tell(key, unsure):
            if before is not None:
                ended[key] = before
            continue
        seen = _seen(before, FINDERS[key[0]].stamp(snapshot))
        if seen.times >= CLEAR_LOOKS:
            steps.append(Step(snapshot.at, Kind.CLEARED, record.alarm.identity))
        else:
            ended[key] = seen
    return steps, Sightings(holding, ended)


def escalations(records: Records, duty: Duty, now: int, escalation_ms: float) -> list[Step]:
    """Who is told next of alarms that nobody took on. A condition that has ended wakes nobody up: its alarm waits."""
    steps = []
    for record in records.values():
        alarm = record.alarm
        if alarm.acknowledged_at is None and alarm.cleared_at is None:
            telling = next_telling(record.tellings, duty, now, escalation_ms)
            if telling is not None:
                steps.append(escalated(alarm.identity, telling))
    return steps


def _still(record: Record, condition: Condition, now: int) -> list[Step]:
    alarm = record.alarm
    if alarm.cleared_at is None:
        words = alarm.detail_en, alarm.detail_zh
        if words == (condition.detail_en, condition.detail_zh):
            return []
        if now - record.changed_at < max(CHANGED_MS, (now - alarm.raised_at) // 4):
            return []
    return [changed(alarm.identity, condition, now)]


def _seen(before: Seen | None, stamp: int | None) -> Seen:
    if before is None:
        return Seen(1, stamp)
    return before if before.stamp == stamp else Seen(before.times + 1, stamp)


def _cannot_tell(key: Key, unsure: set[tuple[str, str | None]]) -> bool:
    return (key[0], None) in unsure or key in unsure
