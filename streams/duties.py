"""Duties of the policy as clocks: opened by one event, done by another that names the same task or matter.

Transfers (A002-13), tests (A002-07 应检未检), absences (A002-23), leave (A002-36), searches (A004-10), cases that
involve firms (A001-15 当日分案、当日送达、当日报告), and whatever else a policy names.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.codes import ClockSubject
from schemas.policy import Policy
from schemas.policy_duties import MINUTE_MS, DutyRule
from streams.clocks import Clock
from streams.fact_set import Fact, earliest, sent_first


class Act(NamedTuple):
    """What an event says about a task or matter: ``kind`` is that of the event, or the step of a matter. ``stated_at``:
    the deadline that it states, UTC milliseconds."""

    fact: Fact
    task: str
    kind: str
    zone_offset_minutes: int = 480
    stated_at: int | None = None
    programme: str | None = None
    matter_kind: str | None = None
    involves_firm: bool | None = None


def opens(rule: DutyRule, act: Act) -> bool:
    """Whether an act opens a duty."""
    narrowed = (
        (rule.programme, act.programme),
        (rule.matter_kind, act.matter_kind),
        (rule.involves_firm, act.involves_firm),
    )
    return act.kind == rule.opened_by and all(wanted is None or wanted == said for wanted, said in narrowed)


def duty_clocks(
    acts: Iterable[Act],
    void: Iterable[Act],
    policy_at: Callable[[int], Policy],
    subject: ClockSubject,
    opening: str | None = None,
) -> dict[str, Clock]:
    """Clocks of all duties that the acts open under the policy in effect when each was sent, by clock id.

    ``opening``: the only kind of act that opens any here; None: each does. ``void``: acts that were taken back. What
    only they opened keeps its clock, withdrawn from the start.
    """
    acts = list(acts)
    by_task: dict[str, list[Act]] = {}
    for act in acts:
        by_task.setdefault(act.task, []).append(act)
    openings = _first(act for act in acts if opening in (None, act.kind))
    gone = {name: act for name, act in _first(void).items() if name not in openings}
    found: dict[str, Clock] = {}
    for name, act in (openings | gone).items():
        policy = policy_at(act.fact.sent_at)
        for rule in policy.duties:
            if not opens(rule, act):
                continue
            due_at = rule.due_at(act.fact.at, act.zone_offset_minutes, act.stated_at)
            if due_at is None:
                continue
            done = None if name in gone else _earliest(by_task[act.task], rule.done_by)
            ended = None if name in gone else _earliest(by_task[act.task], rule.withdrawn_by)
            clock_id = f"{act.task}/{rule.name}"
            found[clock_id] = Clock(
                clock_id,
                act.task,
                rule.name,
                act.fact.at,
                due_at,
                due_at - rule.due_soon_minutes * MINUTE_MS,
                done.at if done else None,
                act.fact.at if name in gone else ended.at if ended else None,
                policy.name,
                tuple(str(fact.event_id) for fact in (act.fact, done, ended) if fact),
                rule.calendar_day,
                subject.value,
            )
    return found


def _first(acts: Iterable[Act]) -> dict[tuple[str, str], Act]:
    """Of several acts of one kind about one task the first sent, the same in any order of arrival."""
    found: dict[tuple[str, str], Act] = {}
    for act in acts:
        name = act.task, act.kind
        if name not in found or sent_first(act.fact) < sent_first(found[name].fact):
            found[name] = act
    return found


def _earliest(acts: Iterable[Act], kinds: Iterable[str]) -> Fact | None:
    wanted = set(kinds)
    return earliest(act.fact for act in acts if act.kind in wanted)
