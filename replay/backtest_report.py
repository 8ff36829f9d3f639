"""A backtest as documents: one for JSON, tables as CSV, plots as SVG, a summary in Markdown. Pure: the same comparison
gives the same bytes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from replay.backtest import HOUR_MS, BreachChange, Change, Comparison, Referral, Window
from replay.backtest_plots import Panel, Series, plot
from replay.backtest_teams import Decision, Team
from sinks.blocks import Span
from streams.clocks import Clock, outcome
from streams.risk import Segment

SHOWN = 10
"""Rows of a long list in the summary; the tables have them all."""


_LAST = 253_402_300_800_000


class Basis(NamedTuple):
    """What was compared. Digests of policies are SHA-256 of their texts, ``code`` is that of the rules."""

    candidate: str
    candidate_digest: str
    valid_from: int
    valid_until: int | None
    in_effect: Sequence[str]
    version: str
    code: str
    log: Sequence[Span]
    asked_from: int | None
    asked_to: int | None


def iso(at: int) -> str:
    """A time in UTC, to the second where it is one; what never ends ends with the year 9999."""
    moment = datetime.fromtimestamp(at / 1000, UTC) if at < _LAST else datetime.max.replace(microsecond=0, tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds" if at % 1000 else "seconds")


def hours(milliseconds: int) -> float:
    """Hours, to the hundredth."""
    return round(milliseconds / HOUR_MS, 2)


def document(basis: Basis, compared: Comparison) -> dict[str, Any]:
    """All that a backtest found, in plain values."""
    baseline, candidate = compared.baseline, compared.candidate
    return {
        "candidate": {
            "policy": basis.candidate,
            "sha256": basis.candidate_digest,
            "valid_from": iso(basis.valid_from),
            "valid_until": None if basis.valid_until is None else iso(basis.valid_until),
        },
        "policies_in_effect": list(basis.in_effect),
        "checkline": {"version": basis.version, "rules_sha256": basis.code},
        "window": {
            "from": None if basis.asked_from is None else iso(basis.asked_from),
            "to": iso(compared.window.end),
            "to_is_the_end_of_the_log": basis.asked_to is None,
        },
        "log": [span._asdict() for span in basis.log],
        "digests": {"baseline": baseline.digests.as_json(), "candidate": candidate.digests.as_json()},
        "persons": {
            "baseline": baseline.persons,
            "candidate": candidate.persons,
            "compared": compared.persons,
            "changed": len({change.token for change in compared.changes}),
        },
        "transitions": transitions(compared),
        "referrals": {
            "summary": referral_counts(compared),
            "gained": [_referral(one) for one in compared.referrals(gained=True)],
            "lost": [_referral(one) for one in compared.referrals(gained=False)],
            "decided": [
                {"token": token, **_decision(decision)} for token, decision in sorted(compared.decided().items())
            ],
        },
        "changes": [change_document(change) for change in compared.changes],
        "workload": [
            {
                "team_kind": team.kind,
                "team": team.name,
                "hour": iso(hour),
                "baseline": mine._asdict(),
                "candidate": theirs._asdict(),
            }
            for (team, hour), (mine, theirs) in compared.workload().items()
        ],
        "deadlines": {
            "moved": compared.moved_deadlines,
            "classes": breach_classes(compared),
            "changes": [breach_document(one, compared.window) for one in compared.breaches],
        },
    }


def transitions(compared: Comparison) -> list[dict[str, Any]]:
    """Persons and person-hours of each pair of levels."""
    return [
        {"baseline": was, "candidate": becomes, "persons": persons, "person_hours": hours(lasting)}
        for (was, becomes), (persons, lasting) in compared.transitions().items()
    ]


def referral_counts(compared: Comparison) -> dict[str, int]:
    """Persons: whom each policy refers, who was really referred, and how these agree."""
    baseline, candidate = compared.baseline.referred, compared.candidate.referred
    decided = compared.decided().keys()
    return {
        "baseline": len(baseline),
        "candidate": len(candidate),
        "only_candidate": len(candidate - baseline),
        "only_baseline": len(baseline - candidate),
        "decided": len(decided),
        "decided_and_baseline": len(decided & baseline),
        "decided_and_candidate": len(decided & candidate),
        "only_candidate_and_decided": len((candidate - baseline) & decided),
        "only_baseline_and_decided": len((baseline - candidate) & decided),
    }


def breach_classes(compared: Comparison) -> list[dict[str, Any]]:
    """Deadlines missed under each policy, and under one only, by class."""
    baseline, candidate = compared.baseline.breaches, compared.candidate.breaches
    gained, avoided = Counter[str](), Counter[str]()
    for one in compared.breaches:
        (gained if one.gained else avoided)[one.deadline_class] += 1
    return [
        {
            "deadline_class": name,
            "baseline": baseline[name],
            "candidate": candidate[name],
            "gained": gained[name],
            "avoided": avoided[name],
        }
        for name in sorted({*baseline, *candidate, *gained, *avoided})
    ]


def workload_by_team(compared: Comparison) -> list[dict[str, Any]]:
    """What comes to each team in all, and the most it gets more of persons in one hour."""
    found: dict[Team, dict[str, int]] = {}
    for (team, _), (mine, theirs) in compared.workload().items():
        sums = found.setdefault(team, dict.fromkeys(_SUMS, 0))
        for name in _COUNTS:
            sums[f"{name}_baseline"] += getattr(mine, name)
            sums[f"{name}_candidate"] += getattr(theirs, name)
        sums["most_more_in_an_hour"] = max(sums["most_more_in_an_hour"], theirs.persons - mine.persons)
    rows = [{"team": str(team), **sums} for team, sums in found.items()]
    return sorted(
        rows, key=lambda row: (*(-row[f"{name}_candidate"] + row[f"{name}_baseline"] for name in _COUNTS), row["team"])
    )


_COUNTS = ("high", "medium", "due")
_SUMS = (*(f"{name}_{side}" for name in _COUNTS for side in ("baseline", "candidate")), "most_more_in_an_hour")


def change_document(change: Change) -> dict[str, Any]:
    """A change of verdict with what is behind it on both sides."""
    return {
        "token": change.token,
        "from": iso(change.start),
        "until": iso(change.until),
        "baseline": _segment(change.was),
        "candidate": _segment(change.becomes),
    }


def breach_document(change: BreachChange, window: Window) -> dict[str, Any]:
    """A breach that is gained or avoided, with both clocks."""
    return {
        "change": "GAINED" if change.gained else "AVOIDED",
        "token": change.token,
        "lead_id": change.lead_id,
        "deadline_class": change.deadline_class,
        "baseline": _clock(change.baseline, window),
        "candidate": _clock(change.candidate, window),
    }


def _segment(segment: Segment | None) -> dict[str, Any]:
    if segment is None:
        return {"level": "NONE", "rule": "", "policy": "", "evidence": []}
    return {
        "level": segment.level,
        "rule": segment.rule,
        "policy": segment.policy,
        "evidence": list(segment.evidence),
    }


def _clock(clock: Clock | None, window: Window) -> dict[str, Any] | None:
    if clock is None:
        return None
    return {
        "opened": iso(clock.opened_at),
        "due": iso(clock.due_at),
        "done": None if clock.done_at is None else iso(clock.done_at),
        "withdrawn": None if clock.withdrawn_at is None else iso(clock.withdrawn_at),
        "outcome": outcome(clock, window.end).value,
        "policy": clock.policy,
        "evidence": list(clock.evidence),
    }


def _referral(one: Referral) -> dict[str, Any]:
    return {
        **change_document(one.change),
        "referred_at_another_time": one.otherwise,
        "decision": None if one.decision is None else _decision(one.decision),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {"at": iso(decision.at), "event": decision.event, "role": decision.role}


def files_of(basis: Basis, compared: Comparison) -> dict[str, str]:
    """Every file of a backtest but the record of who made it when: {name: text}."""
    found = document(basis, compared)
    return {
        "summary.md": summary(found, compared),
        "backtest.json": json.dumps(found, ensure_ascii=False, indent=1) + "\n",
        "transitions.csv": _csv(found["transitions"]),
        "verdict-changes.csv": _csv(map(_flat_change, found["changes"]), _CHANGE_COLUMNS),
        "referrals.csv": _csv(_flat_referrals(found["referrals"]), _REFERRAL_COLUMNS),
        "workload.csv": _csv(map(_flat_workload, found["workload"]), _WORKLOAD_COLUMNS),
        "teams.csv": _csv(workload_by_team(compared), ("team", *_SUMS)),
        "breaches.csv": _csv(map(_flat_breach, found["deadlines"]["changes"]), _BREACH_COLUMNS),
        "verdict-changes.svg": changes_plot(compared),
        "workload.svg": workload_plot(compared),
    }


_SIDES = ("baseline", "candidate")
_GROUND_COLUMNS = tuple(f"{side}_{part}" for side in _SIDES for part in ("level", "rule", "policy", "evidence"))
_CHANGE_COLUMNS = ("token", "from", "until", *_GROUND_COLUMNS)
_REFERRAL_COLUMNS = ("change", *_CHANGE_COLUMNS, "referred_at_another_time", "decided_at", "decision")
_WORKLOAD_COLUMNS = (
    "team_kind",
    "team",
    "hour",
    *(f"{part}_{side}" for part in ("high", "medium", "due") for side in _SIDES),
)
_CLOCK_PARTS = ("opened", "due", "done", "withdrawn", "outcome", "policy", "evidence")
_BREACH_COLUMNS = (
    *("change", "token", "lead_id", "deadline_class"),
    *(f"{side}_{part}" for side in _SIDES for part in _CLOCK_PARTS),
)


def _csv(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = ("baseline", "candidate", "persons", "person_hours")
) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat_change(change: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: change[name] for name in ("token", "from", "until")}
    for side in _SIDES:
        grounds = change[side]
        row |= {f"{side}_{part}": grounds[part] for part in ("level", "rule", "policy")}
        row[f"{side}_evidence"] = " ".join(grounds["evidence"])
    return row


def _flat_referrals(referrals: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for change in ("gained", "lost"):
        for one in referrals[change]:
            decision = one["decision"] or {"at": "", "event": ""}
            yield {
                "change": change.upper(),
                **_flat_change(one),
                "referred_at_another_time": "yes" if one["referred_at_another_time"] else "no",
                "decided_at": decision["at"],
                "decision": decision["event"],
            }


def _flat_workload(cell: Mapping[str, Any]) -> dict[str, Any]:
    counts = {f"{part}_{side}": cell[side][part] for part in ("high", "medium", "due") for side in _SIDES}
    return {name: cell[name] for name in ("team_kind", "team", "hour")} | counts


def _flat_breach(change: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: change[name] for name in ("change", "token", "lead_id", "deadline_class")}
    for side in _SIDES:
        if (clock := change[side]) is not None:
            row |= {f"{side}_{part}": clock[part] for part in _CLOCK_PARTS}
            row[f"{side}_evidence"] = " ".join(clock["evidence"])
    return row


def changes_plot(compared: Comparison) -> str:
    """When verdicts begin to differ: a panel for each pair of levels."""
    begins: dict[tuple[str, str], Counter[int]] = {}
    for change in compared.changes:
        begins.setdefault(change.transition, Counter())[change.start // HOUR_MS] += 1
    panels = [
        Panel(f"{was} → {becomes}", "persons / {bin}", [Series("changes", begins[was, becomes])])
        for was, becomes in sorted(begins)
    ]
    return plot("Verdicts that begin to differ from the baseline", panels)


def workload_plot(compared: Comparison) -> str:
    """What comes in, hour by hour, under both policies."""
    counts = {name: [Counter[int](), Counter[int]()] for name in ("high", "medium", "due")}
    for (_, hour), both in compared.workload().items():
        for name, series in counts.items():
            for side, work in zip(series, both, strict=True):
                side[hour // HOUR_MS] += getattr(work, name)
    titles = {
        "high": ("Persons whose level rises to HIGH", "persons / {bin}"),
        "medium": ("Persons whose level rises to MEDIUM", "persons / {bin}"),
        "due": ("Leads due", "leads / {bin}"),
    }
    panels = [
        Panel(*titles[name], [Series(label, side) for label, side in zip(_SIDES, series, strict=True)])
        for name, series in counts.items()
    ]
    return plot("Workload of all teams", panels)


def summary(found: Mapping[str, Any], compared: Comparison) -> str:
    """The summary in Markdown."""
    candidate, window, persons = found["candidate"], found["window"], found["persons"]
    referred, deadlines = found["referrals"]["summary"], found["deadlines"]
    since = "the beginning of the log" if window["from"] is None else window["from"]
    until = f"{window['to']}{' (the end of the log)' if window['to_is_the_end_of_the_log'] else ''}"
    lines = [
        f"# Backtest of {candidate['policy']}",
        "",
        f"Compared with the policies in effect ({', '.join(found['policies_in_effect'])}), from {since} to {until}.",
        "Levels and deadlines are those that the whole log proves. Times are UTC.",
        "",
        f"{persons['compared']} persons with facts were compared; the verdicts on {persons['changed']} differ.",
        "",
        "## Verdicts",
        "",
        *_markdown(found["transitions"], "No verdict differs."),
        "",
        "![Verdicts that begin to differ](verdict-changes.svg)",
        "",
        "## Referrals",
        "",
        f"The baseline refers {referred['baseline']} persons (level HIGH at some time), the candidate "
        f"{referred['candidate']}: {referred['only_candidate']} that the baseline does not refer, and not "
        f"{referred['only_baseline']} that it does. Really referred (decisions in the log) were {referred['decided']} "
        f"persons: {referred['decided_and_baseline']} of those whom the baseline refers, "
        f"{referred['decided_and_candidate']} of those whom the candidate refers.",
        "",
        *_bounded("Would have been referred and was not advised to be", found["referrals"]["gained"], "referrals.csv"),
        *_bounded("Was advised to be referred and would not have been", found["referrals"]["lost"], "referrals.csv"),
        "## Workload",
        "",
        *_markdown(workload_by_team(compared)[:SHOWN], "No team has any."),
        "",
        "Persons whose level rises, and leads due, of the teams with most more of the former; by the hour in "
        "`workload.csv`, all teams in `teams.csv`.",
        "",
        "![Workload by hour](workload.svg)",
        "",
        "## Deadlines",
        "",
        f"{deadlines['moved']} clocks have another deadline. Missed as of the end:",
        "",
        *_markdown(deadlines["classes"], "No deadline falls into this time."),
        "",
        "Each that is gained or avoided stands in `breaches.csv`, with both clocks.",
        "",
        "## Proof",
        "",
        f"- candidate: {candidate['policy']}, SHA-256 {candidate['sha256']}",
        f"- checkline {found['checkline']['version']}, rules SHA-256 {found['checkline']['rules_sha256']}",
        *(f"- {name} of the {side}: {value}" for side in _SIDES for name, value in found["digests"][side].items()),
        *(f"- log: {one['topic']}/{one['partition']} from {one['begin']} to {one['end']}" for one in found["log"]),
    ]
    return "\n".join(lines) + "\n"


def _markdown(rows: Sequence[Mapping[str, Any]], otherwise: str) -> list[str]:
    if not rows:
        return [otherwise]
    names = list(rows[0])
    return [
        _line(name.replace("_", " ") for name in names),
        _line("---:" if isinstance(rows[0][name], int | float) else "---" for name in names),
        *(_line(str(row[name]) for name in names) for row in rows),
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bounded(title: str, found: Sequence[Mapping[str, Any]], file: str) -> list[str]:
    if not found:
        return []
    rows = [short_referral(one) for one in found[:SHOWN]]
    more = [f"... and {len(found) - SHOWN} more in `{file}`.", ""] if len(found) > SHOWN else []
    return [f"{title}:", "", *_markdown(rows, ""), "", *more]


def short_referral(one: Mapping[str, Any]) -> dict[str, str]:
    """A line of a list of referrals: who, when, why on both sides, what was done."""
    return {
        "token": one["token"],
        "from": one["from"],
        "until": one["until"],
        **{side: grounds(one[side]) for side in _SIDES},
        "decision": one["decision"]["event"] if one["decision"] else "",
    }


def grounds(side: Mapping[str, Any], most: int = 3) -> str:
    """A level, its rule and the first of its evidence."""
    if not side["rule"]:
        return str(side["level"])
    events, more = side["evidence"][:most], len(side["evidence"]) - most
    return f"{side['level']} {side['rule']} {' '.join(events)}{f' +{more}' if more > 0 else ''}"
