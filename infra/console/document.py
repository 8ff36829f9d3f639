"""The document behind the page: everything that `/api/state` says, from one snapshot and the alarms of that moment.

Times are UTC milliseconds, spans seconds, as in the snapshot. What is not known is null. Lists are bounded (`Rows`):
the document stays small however many devices there are.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from infra.alarms.alarm import Alarm, Rule
from infra.console.behind import ASKED
from infra.console.drawing import Stage, stages
from infra.console.naming import Name
from infra.console.plain import plain
from infra.console.rows import Rows
from infra.console.sections import Sections, sections
from infra.lag.snapshot import Reading, Snapshot
from infra.settings import OperationsSettings

ZONE = "Asia/Shanghai"
"""Calendar deadlines end at its midnight: the page tells all times in it."""

MOST_ALARMS = 50
STALE_SECONDS = {"kafka": 30.0, "parts": 30.0, "workers": 30.0, "store": 60.0, "audit": 3600.0, "forecast": 600.0}
"""How old the words of a source may be before they are told as its last ones; longer where it is slow to answer."""

SLOWNESS = 4.0


class SourceState(NamedTuple):
    """A source: whether what it said is of now; when it said it, and why that is its last word."""

    known: bool
    taken_at: int | None
    took_seconds: float | None
    failure: str | None
    stale: bool


class AlarmRow(NamedTuple):
    """An alarm with what its rule says about it."""

    identity: str
    rule: str
    subject: str
    severity: str
    title: Name
    detail: Name
    remedy: Name | None
    behind: str | None
    raised_at: int
    cleared_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    level: int


class Alarms(NamedTuple):
    """``failure``: why they are not known; there may be some then."""

    failure: str | None
    critical: int
    warning: int
    alarms: Rows[AlarmRow]


class Thresholds(NamedTuple):
    """From when on something is told as wrong."""

    lately_seconds: int
    silence_seconds: float
    skew_seconds: float
    lag_seconds: float


class Document(NamedTuple):
    """All of it. ``at``: the machine's time of the snapshot; ``now``: that of the home's clock. ``as_of``: when the
    oldest number of a section was asked for, of the sections that are asked for less often than their source."""

    at: int
    now: int
    clock: str
    zone: str
    thresholds: Thresholds
    sources: dict[str, SourceState]
    as_of: dict[str, int]
    alarms: Alarms
    pipeline: tuple[Stage, ...]
    sections: Sections


def document(
    snapshot: Snapshot, alarms: Sequence[Alarm] | None, rules: Sequence[Rule], settings: OperationsSettings
) -> dict[str, Any]:
    """The document in terms of JSON. ``alarms`` is None where they could not be had."""
    thresholds = Thresholds(
        settings.lately_seconds, settings.silence_seconds, settings.skew_seconds, settings.lag_seconds
    )
    whole = Document(
        snapshot.at,
        snapshot.now,
        snapshot.clock,
        ZONE,
        thresholds,
        {name: source_state(getattr(snapshot, name), snapshot.at, name) for name in STALE_SECONDS},
        _as_of(snapshot),
        _alarms(alarms, {rule.name: rule for rule in rules}),
        stages(_aged(snapshot), settings),
        sections(snapshot, settings),
    )
    found: dict[str, Any] = plain(whole)
    return found


def source_state(reading: Reading[Any], at: int, name: str) -> SourceState:
    """What is to be thought of a reading at a time of the machine."""
    allowed = max(STALE_SECONDS[name], SLOWNESS * (reading.took_seconds or 0.0))
    stale = reading.taken_at is not None and (at - reading.taken_at) / 1000 > allowed
    known = reading.known is not None and not stale
    return SourceState(known, reading.taken_at, reading.took_seconds, reading.failure, stale)


def _as_of(snapshot: Snapshot) -> dict[str, int]:
    asked = dict(snapshot.store.value.asked_at) if snapshot.store.value else {}
    known = {section: [asked[name] for name in names if name in asked] for section, names in ASKED.items()}
    return {section: min(times) for section, times in known.items() if times}


def _aged(snapshot: Snapshot) -> Snapshot:
    """The snapshot in which words that are too old are last words."""
    readings = {name: getattr(snapshot, name) for name in STALE_SECONDS}
    old = {name: reading for name, reading in readings.items() if source_state(reading, snapshot.at, name).stale}
    return replace(snapshot, **{name: replace(one, failure=one.failure or "stale") for name, one in old.items()})


def _alarms(found: Sequence[Alarm] | None, rules: dict[str, Rule]) -> Alarms:
    if found is None:
        return Alarms("the alarms do not answer", 0, 0, Rows((), 0))
    rows = tuple(_alarm(alarm, rules.get(alarm.rule)) for alarm in found[:MOST_ALARMS])
    critical = sum(alarm.severity == "critical" for alarm in found)
    return Alarms(None, critical, len(found) - critical, Rows(rows, len(found)))


def _alarm(alarm: Alarm, rule: Rule | None) -> AlarmRow:
    return AlarmRow(
        alarm.identity,
        alarm.rule,
        alarm.subject,
        alarm.severity,
        Name(rule.title_en, rule.title_zh) if rule else Name(alarm.rule, alarm.rule),
        Name(alarm.detail_en, alarm.detail_zh),
        Name(rule.remedy_en, rule.remedy_zh) if rule else None,
        rule.behind if rule else None,
        alarm.raised_at,
        alarm.cleared_at,
        alarm.acknowledged_at,
        alarm.acknowledged_by,
        alarm.level,
    )
