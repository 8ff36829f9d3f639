"""Steps of the journal, and what they come to: the state of every alarm is a fold of its steps, in their order."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from infra.alarms.alarm import Alarm, Condition
from infra.alarms.rules import rule_of


class Kind(StrEnum):
    """What a step says. CHANGED: the condition holds, in other words or again; ACTION: somebody did something."""

    RAISED = "RAISED"
    CHANGED = "CHANGED"
    CLEARED = "CLEARED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    DELIVERED = "DELIVERED"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    ESCALATED = "ESCALATED"
    HANDED_OVER = "HANDED_OVER"
    ACTION = "ACTION"


class Step(NamedTuple):
    """One line of the journal. ``at``: the machine's UTC ms; ``alarm``: the alarm's identity, empty where the step is
    about none; ``detail``: what can be said in JSON."""

    at: int
    kind: Kind
    alarm: str = ""
    by: str = ""
    detail: Mapping[str, Any] = {}
    number: int = 0


class Telling(NamedTuple):
    """That somebody is to be told of an alarm. ``occasion``: ``raised`` or ``escalated-N``; ``nobody_on_call``: the
    roster named nobody, so everybody is told."""

    occasion: str
    at: int
    level: int
    contacts: tuple[str, ...]
    nobody_on_call: bool = False


class Failed(NamedTuple):
    """Attempts to deliver that came to nothing: how many, when the last was, and why it failed."""

    attempts: int
    at: int
    why: str


class Record(NamedTuple):
    """An alarm with all that was done about it. ``delivered`` and ``failed`` go by the key of the delivery."""

    alarm: Alarm
    changed_at: int
    tellings: tuple[Telling, ...] = ()
    delivered: Mapping[str, int] = {}
    failed: Mapping[str, Failed] = {}


Records = Mapping[str, Record]
"""Alarms by their identity."""


def identity(rule: str, subject: str, raised_at: int) -> str:
    """The name of an alarm: without blanks, so that it can be copied into a command."""
    return f"{rule}:{'_'.join(subject.split())}:{raised_at}"


def raised(condition: Condition, at: int, telling: Telling) -> Step:
    """The step with which an alarm begins."""
    detail = {
        "rule": condition.rule,
        "subject": condition.subject,
        "severity": rule_of(condition.rule).severity,
        **_words(condition),
        **_told(telling),
    }
    return Step(at, Kind.RAISED, identity(condition.rule, condition.subject, at), detail=detail)


def changed(alarm: str, condition: Condition, at: int) -> Step:
    """The condition holds, in these words."""
    return Step(at, Kind.CHANGED, alarm, detail=_words(condition))


def escalated(alarm: str, telling: Telling) -> Step:
    """Nobody took the alarm on; others are to be told."""
    return Step(telling.at, Kind.ESCALATED, alarm, detail=_told(telling))


def fold(steps: Iterable[Step]) -> dict[str, Record]:
    """The records that steps come to."""
    records: dict[str, Record] = {}
    apply(records, steps)
    return records


def apply(records: MutableMapping[str, Record], steps: Iterable[Step]) -> None:
    """Takes further steps into records."""
    for step in steps:
        if step.alarm and (record := advance(records.get(step.alarm), step)) is not None:
            records[step.alarm] = record


def advance(record: Record | None, step: Step) -> Record | None:
    """A record after one more step about it. A step about an alarm that was never raised says nothing."""
    if record is None:
        return _begin(step) if step.kind is Kind.RAISED else None
    alarm, detail = record.alarm, step.detail
    match step.kind:
        case Kind.CHANGED if alarm.is_open:
            alarm = alarm._replace(detail_en=detail["en"], detail_zh=detail["zh"], cleared_at=None)
            return record._replace(alarm=alarm, changed_at=step.at)
        case Kind.CLEARED if alarm.cleared_at is None:
            return record._replace(alarm=alarm._replace(cleared_at=step.at), changed_at=step.at)
        case Kind.ACKNOWLEDGED if alarm.acknowledged_at is None:
            return record._replace(alarm=alarm._replace(acknowledged_at=step.at, acknowledged_by=step.by))
        case Kind.ESCALATED:
            telling = _telling(step)
            if any(one.occasion == telling.occasion for one in record.tellings):
                return record
            alarm = alarm._replace(level=max(alarm.level, telling.level))
            return record._replace(alarm=alarm, tellings=(*record.tellings, telling))
        case Kind.DELIVERED:
            return record._replace(delivered={detail["key"]: step.at, **record.delivered})
        case Kind.DELIVERY_FAILED:
            last = record.failed.get(detail["key"])
            if last is not None and last.attempts >= detail["attempt"]:
                return record
            failed = Failed(detail["attempt"], step.at, detail["why"])
            return record._replace(failed={**record.failed, detail["key"]: failed})
    return record


def open_alarms(records: Records) -> list[Alarm]:
    """All that are open, the worst first: not acknowledged, critical, holding, long open."""
    found = [record.alarm for record in records.values() if record.alarm.is_open]
    return sorted(found, key=_badness)


def _badness(alarm: Alarm) -> tuple[bool, bool, bool, int, str]:
    return (
        alarm.acknowledged_at is not None,
        alarm.severity != "critical",
        alarm.cleared_at is not None,
        alarm.raised_at,
        alarm.identity,
    )


def _begin(step: Step) -> Record:
    detail = step.detail
    words = detail["rule"], detail["subject"], detail["severity"], detail["en"], detail["zh"]
    alarm = Alarm(step.alarm, *words, step.at, None, None, None, detail["level"])
    return Record(alarm, step.at, (_telling(step),))


def _words(condition: Condition) -> dict[str, Any]:
    return {"en": condition.detail_en, "zh": condition.detail_zh}


def _told(telling: Telling) -> dict[str, Any]:
    return {
        "occasion": telling.occasion,
        "level": telling.level,
        "contacts": list(telling.contacts),
        "nobody_on_call": telling.nobody_on_call,
    }


def _telling(step: Step) -> Telling:
    contacts: Sequence[str] = step.detail["contacts"]
    detail = step.detail
    return Telling(detail["occasion"], step.at, detail["level"], tuple(contacts), detail["nobody_on_call"])
