"""The state as known at a time, as people read it."""

from collections.abc import Sequence

from infra.cli.output import write_table
from infra.cli.story_times import local_time
from replay.as_of import Overview, Waiting
from schemas.codes import ClockOutcome, DeadlineClass, Refusal
from sinks.figures import ComputedFigure

_MINUTE_MS, _HOUR_MINUTES = 60_000, 60


def moment(at: int) -> str:
    """A time (UTC milliseconds) with the offset it is told at."""
    return f"{local_time(at)} +08:00"


def print_overview(found: Overview) -> None:
    """Persons, clocks, events, dead letters."""
    print(f"As known at {moment(found.as_of)}\n\nPersons by level in force")
    rows = [(level.value, level.english, level.chinese, number) for level, number in found.levels.items()]
    write_table(("level", "", " ", "persons"), rows)
    print(f"\nFollow-up clocks: {found.overdue} overdue, {found.due_soon} due within the hour")
    clocks = [
        (of_class, _chinese(of_class), proven.value, proven.english, number)
        for (of_class, proven), number in found.outcomes.items()
    ]
    write_table(("class", "", "outcome", " ", "clocks"), clocks)
    print("\nEvents by topic")
    write_table(("topic", "records", "events", "repeats", "time marks", "refused"), found.records)
    print("\nDead letters by reason")
    letters = [(reason, Refusal[reason].english, number) for reason, number in found.dead_letters.items()]
    write_table(("reason", "", "records"), letters)


def _chinese(of_class: str) -> str:
    """Name of a class of deadlines; those of duties and schedules stand in the policy that each was judged by."""
    return DeadlineClass[of_class].chinese if of_class in DeadlineClass.__members__ else ""


def print_queue(waiting: Sequence[Waiting], at: int) -> None:
    """One row a clock."""
    rows = [
        (
            local_time(one.clock.due_at),
            "overdue" if one.outcome is ClockOutcome.BREACHED else "due in",
            _length(abs(one.clock.due_at - at)),
            one.clock.deadline_class,
            one.clock.lead_id,
            one.token,
            local_time(one.clock.opened_at),
        )
        for one in waiting
    ]
    write_table(("due", "", "h:mm", "class", "lead", "token", "received"), rows, right=("h:mm",))


def _length(milliseconds: int) -> str:
    minutes = milliseconds // _MINUTE_MS
    return f"{minutes // _HOUR_MINUTES}:{minutes % _HOUR_MINUTES:02}"


def print_figures_then(computed: Sequence[ComputedFigure]) -> None:
    """One row a figure: what was published, and what was known."""
    rows = [
        (one.ref, one.name, one.unit, f"{'>= ' if one.lower_bound else ''}{one.published}", one.expected, one.computed)
        for one in computed
    ]
    columns = ("row", "figure", "unit", "published", "in the end", "known then")
    write_table(columns, rows, right=("published", "in the end", "known then"))
