"""The hand-over log of a shift (交接班记录): what is open, who has it, what happened; made from the journal, not typed.

English with the Chinese terms, as Markdown or as a document.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from infra.alarms.alarm import Alarm
from infra.alarms.outbox import undelivered
from infra.alarms.roster import Entry, next_change, on_call
from infra.alarms.rules import rule_of
from infra.alarms.standing import Standing
from infra.alarms.steps import Kind, Records, Step, open_alarms
from infra.alarms.words import lasting
from infra.dead_letters.event_forms import time_text

# Longer ago, it is no longer how things stand.
FRESH_SECONDS = 60.0


class Shift(NamedTuple):
    """All that a hand-over is made from. ``since``, ``at``: the shift, by the machine's clock; ``now``: by that of the
    home, which is the roster's; ``steps``: those of the shift."""

    since: int
    at: int
    now: int
    records: Records
    steps: Sequence[Step]
    entries: Sequence[Entry]
    standing: Standing | None
    by: str | None = None
    journal_failure: str | None = None


def as_document(shift: Shift) -> dict[str, Any]:
    """The hand-over as data."""
    following = next_change(shift.entries, shift.now)
    return {
        "since": time_text(shift.since),
        "at": time_text(shift.at),
        "by": shift.by,
        "on_call": on_call(shift.entries, shift.now),
        "next": None
        if following is None
        else {"at": time_text(following), "on_call": on_call(shift.entries, following)},
        "open": [_alarm(alarm) for alarm in open_alarms(shift.records)],
        "undelivered": [
            {"alarm": alarm.identity, "delivery": key, "why": why} for alarm, key, why in undelivered(shift.records)
        ],
        "standing": None
        if shift.standing is None
        else {
            "at": time_text(shift.standing.at),
            "now": time_text(shift.standing.now),
            "lines": [line._asdict() for line in shift.standing.lines],
        },
        "steps": [_step(step) for step in shift.steps if step.kind is not Kind.HANDED_OVER],
        "journal_failure": shift.journal_failure,
    }


def as_markdown(shift: Shift) -> str:
    """The hand-over as a page."""
    lines = [
        f"# Hand-over 交接班 {time_text(shift.at)}",
        "",
        f"Shift since 本班自: {time_text(shift.since)}" + (f"; by 交班: {shift.by}" if shift.by else ""),
        "",
        f"On call 值班: {_levels(on_call(shift.entries, shift.now))}",
    ]
    if (following := next_change(shift.entries, shift.now)) is not None:
        lines.append(f"From 自 {time_text(following)}: {_levels(on_call(shift.entries, following))}")
    if shift.journal_failure:
        lines += ["", f"**The journal cannot be written 日志无法写入: {shift.journal_failure}**"]
    lines += ["", *_open(shift), "", *_stands(shift), "", *_happened(shift)]
    return "\n".join(lines) + "\n"


def _open(shift: Shift) -> list[str]:
    alarms = open_alarms(shift.records)
    lines = [f"## Open alarms 未了告警: {len(alarms)}", ""]
    for alarm in alarms:
        rule = rule_of(alarm.rule)
        has = f"{alarm.acknowledged_by} since 自 {time_text(alarm.acknowledged_at)}" if alarm.acknowledged_at else None
        ended = f"; ended 已消失 {time_text(alarm.cleared_at)}" if alarm.cleared_at else ""
        lines += [
            f"- **{alarm.severity.upper()} {alarm.rule}** {rule.title_en} · {rule.title_zh}",
            f"  - {_plain(alarm.detail_en)} · {_plain(alarm.detail_zh)}",
            f"  - since 自 {time_text(alarm.raised_at)}{ended}; taken on by 处理人: {has or 'NOBODY 无人'}"
            + (f"; escalated 升级: {alarm.level}" if alarm.level else ""),
            f"  - `{alarm.identity}`; behind it 依据: `{rule.behind}`",
        ]
    failed = undelivered(shift.records)
    if failed:
        lines += ["", f"### Not delivered 未送达: {len(failed)}", ""]
        lines += [f"- `{key}`: {_plain(why)}" for _, key, why in failed]
    return lines if alarms else [*lines, "none 无"]


def _stands(shift: Shift) -> list[str]:
    lines = ["## How things stand 现状", ""]
    if shift.standing is None:
        return [*lines, "unknown 未知: nothing was ever watched here; start it with checkline up"]
    age = (shift.at - shift.standing.at) / 1000
    old = f" (**{lasting(age)} old 旧数据**)" if age > FRESH_SECONDS else ""
    lines += [f"As of 截至 {time_text(shift.standing.now)}{old}", "", "| what 事项 | how much 情况 |", "| --- | --- |"]
    return lines + [f"| {line.name_en} {line.name_zh} | {_cell(line.value)} |" for line in shift.standing.lines]


def _happened(shift: Shift) -> list[str]:
    """What the shift did and met. Deliveries that went well are a number."""
    told = [step for step in shift.steps if step.kind is Kind.DELIVERED]
    shown = [step for step in shift.steps if step.kind not in (Kind.DELIVERED, Kind.CHANGED, Kind.HANDED_OVER)]
    lines = [f"## What happened 本班情况: {len(shown)}", "", f"Deliveries 送达: {len(told)}", ""]
    return lines + [f"- {time_text(step.at)} {_said(step)}" for step in _once(shown)]


def _once(steps: Iterable[Step]) -> list[Step]:
    """Of attempts that failed for one delivery, the last."""
    found: dict[object, Step] = {}
    for number, step in enumerate(steps):
        found[step.detail["key"] if step.kind is Kind.DELIVERY_FAILED else number] = step
    return sorted(found.values(), key=lambda step: step.at)


def _said(step: Step) -> str:
    detail = step.detail
    match step.kind:
        case Kind.RAISED:
            return f"RAISED 告警 `{step.alarm}`: {_plain(detail['en'])}; told 通知: {_names(detail['contacts'])}"
        case Kind.CLEARED:
            return f"CLEARED 消失 `{step.alarm}`"
        case Kind.ACKNOWLEDGED:
            return f"ACKNOWLEDGED 确认 `{step.alarm}` by {step.by}"
        case Kind.ESCALATED:
            return f"ESCALATED 升级 `{step.alarm}` to {_names(detail['contacts'])}"
        case Kind.DELIVERY_FAILED:
            return f"NOT DELIVERED 未送达 `{detail['key']}`, {detail['attempt']} attempts: {_plain(detail['why'])}"
        case Kind.ACTION:
            return f"ACTION 处置 by {step.by}: {_plain(detail['what'])}"
        case kind:
            return f"{kind.value} {step.alarm}"


def _alarm(alarm: Alarm) -> dict[str, Any]:
    times = {name: _time(getattr(alarm, name)) for name in ("raised_at", "cleared_at", "acknowledged_at")}
    return {**alarm._asdict(), **times}


def _step(step: Step) -> dict[str, Any]:
    return {**step._asdict(), "at": time_text(step.at), "kind": step.kind.value, "detail": dict(step.detail)}


def _time(at: int | None) -> str | int | None:
    return None if at is None else time_text(at)


def _levels(levels: Sequence[Sequence[str]]) -> str:
    said = "; ".join(f"{number}. {', '.join(level)}" for number, level in enumerate(levels, 1))
    return said or "**nobody 无人值班**"


def _names(contacts: Sequence[str]) -> str:
    return ", ".join(contacts) or "NOBODY 无人"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
