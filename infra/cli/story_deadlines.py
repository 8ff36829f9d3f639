"""The deadlines of a person's story: each lead, duty and release in a line or two, schedules in sum.

A schedule asks three times a day; what was kept is counted, what was missed or late is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from infra.cli.story_times import local_time
from replay.story import RuleNames
from schemas.codes import ClockOutcome, Code
from streams.clocks import Clock, outcome

MOST_NAMED = 12
"""Slots of one schedule that are named, the latest; --json has all."""

Told = tuple[int, str, list[str]]
"""When it was or is due, what is told, and what follows it in the next lines."""


def deadlines(clocks: Iterable[Clock], names: Mapping[str, RuleNames], as_of: int) -> list[Told]:
    """What is told of clocks, by the time at which each was due; a schedule stands at its first slot."""
    single: list[Told] = []
    schedules: dict[str, list[Clock]] = {}
    for clock in clocks:
        if clock.implied:
            schedules.setdefault(clock.clock_id.rsplit("/", 2)[0], []).append(clock)
        else:
            single.append(_single(clock, names[clock.clock_id], as_of))
    found = single + [_schedule(entry, of_entry, names, as_of) for entry, of_entry in schedules.items()]
    return sorted(found, key=lambda told: told[:2])


def summary(clocks: Sequence[Clock], as_of: int) -> str:
    """How many deadlines there are, by what became of them."""
    counted = [(one, sum(outcome(clock, as_of) is one for clock in clocks)) for one in ClockOutcome]
    parts = ", ".join(f"{number} {_named(one)}" for one, number in counted if number)
    return f"{len(clocks)} in all: {parts}"


def _named(code: Code) -> str:
    return f"{code.english} {code.chinese}"


def _single(clock: Clock, names: RuleNames, as_of: int) -> Told:
    became = outcome(clock, as_of)
    about = "" if clock.lead_id in names.english else f" of {clock.lead_id}"
    parts = [
        f"{clock.deadline_class}, from {local_time(clock.opened_at)}",
        f"due {'before' if clock.before_due else 'by'} {local_time(clock.due_at)}",
    ]
    if clock.done_at is not None:
        parts.append(f"done {local_time(clock.done_at)}{_late_by(clock, became)}")
    if clock.withdrawn_at is not None:
        parts.append(f"withdrawn {local_time(clock.withdrawn_at)}")
    parts += [f"policy {clock.policy}", *because(clock.evidence)]
    return clock.due_at, f"{names.english} {names.chinese}{about}: {_named(became)} ({became.value})", parts


def _late_by(clock: Clock, became: ClockOutcome) -> str:
    if became is not ClockOutcome.LATE or clock.done_at is None:
        return ""
    minutes = (clock.done_at - clock.due_at) // 60_000
    days, rest = divmod(minutes, 24 * 60)
    parts = ((days, "d"), (rest // 60, "h"), (rest % 60, "min"))
    return f" ({' '.join(f'{number} {unit}' for number, unit in parts if number) or 'just'} late)"


def _schedule(entry: str, clocks: Sequence[Clock], names: Mapping[str, RuleNames], as_of: int) -> Told:
    ordered = sorted(clocks, key=lambda clock: (clock.due_at, clock.clock_id))
    by_outcome: dict[ClockOutcome, list[Clock]] = {}
    for clock in ordered:
        by_outcome.setdefault(outcome(clock, as_of), []).append(clock)
    asked = sum(len(of_outcome) for one, of_outcome in by_outcome.items() if one is not ClockOutcome.WITHDRAWN)
    name, task = names[ordered[0].clock_id], entry.partition("/")[2]
    kept = len(by_outcome.get(ClockOutcome.MET, ()))
    parts = [f"{entry.partition('/')[0]}, policy {', '.join(dict.fromkeys(clock.policy for clock in ordered))}"]
    for one, word in _WORDS:
        if found := by_outcome.get(one):
            parts.append(f"{word}: {_slots(found)}")
    return ordered[0].due_at, f"{name.english} {name.chinese} of {task}: {kept} of {asked} kept", parts


_WORDS = (
    (ClockOutcome.BREACHED, "missed 未完成"),
    (ClockOutcome.LATE, "late 超时"),
    (ClockOutcome.OPEN, "not yet due 进行中"),
    (ClockOutcome.WITHDRAWN, "no longer asked for 撤销"),
)


def _slots(clocks: Sequence[Clock]) -> str:
    """The slots by day, the latest of many: ``2020-10-12 NOON``."""
    left_out = max(0, len(clocks) - MOST_NAMED)
    named = " and ".join(" ".join(clock.clock_id.rsplit("/", 2)[1:]) for clock in islice(clocks, left_out, None))
    return f"{named} and {left_out} earlier ones" if left_out else named


def because(evidence: Sequence[str]) -> list[str]:
    """The events behind something, as parts of a sentence."""
    return [f"because of {evidence[0]}", *evidence[1:]] if evidence else []
