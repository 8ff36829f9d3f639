"""What must follow what, and by when, as a policy states it: duties, schedules and programmes of follow-up.

A duty is opened by one event and done by another. A schedule expects something again and again. A programme says how
long a follow-up lasts: its stop criterion, after which holding somebody is itself overdue.
"""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.codes import QuarantinePlace
from schemas.policy_parts import NamedRule, Part, RuleName, TimeOfDay

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def end_of_day(start_ms: int, zone_offset_minutes: int) -> int:
    """UTC milliseconds of the midnight that ends the calendar day of a time, at that time's own offset (T2)."""
    offset = zone_offset_minutes * MINUTE_MS
    return (start_ms + offset) // DAY_MS * DAY_MS + DAY_MS - offset


class DutyRule(NamedRule):
    """Opened by an event of a kind, done by any of others that name the same task or matter.

    Exactly one of: ``hours`` after the opening, the end of its calendar day, or the time that the event states
    (``due_at``). What is in ``withdrawn_by`` ends it without its being done: leave that was refused (LEAVE_REFUSED) has
    no return. ``programme``, ``matter_kind``, ``involves_firm`` narrow which events open it.
    """

    opened_by: str
    done_by: Annotated[list[str], Field(min_length=1)]
    withdrawn_by: tuple[str, ...] = ()
    hours: Annotated[int, Field(gt=0, le=24 * 366)] | None = None
    calendar_day: bool = False
    stated: bool = False
    due_soon_minutes: Annotated[int, Field(ge=0)] = 60
    programme: str | None = None
    matter_kind: str | None = None
    involves_firm: bool | None = None

    @model_validator(mode="after")
    def _one_deadline(self) -> Self:
        if (self.hours is not None) + self.calendar_day + self.stated != 1:
            raise ValueError(f"{self.name}: state one of hours, calendar_day = true, stated = true")
        return self

    def due_at(self, start_ms: int, zone_offset_minutes: int, stated_ms: int | None) -> int | None:
        """UTC milliseconds; None where the event should state the deadline and does not."""
        if self.stated:
            return stated_ms
        if self.calendar_day:
            return end_of_day(start_ms, zone_offset_minutes)
        assert self.hours is not None
        return start_ms + self.hours * HOUR_MS


class Expected(StrEnum):
    """What a schedule expects."""

    READING = "READING"
    REPORT = "REPORT"
    CONTACT = "CONTACT"
    TEST = "TEST"


class SlotRule(Part):
    """A stretch of the day in which something is expected. ``opens`` not before ``closes`` is of the day before; it is
    missing (缺报) when it is not there ``grace_minutes`` after ``closes``. ``slot`` is what a reading calls it."""

    slot: RuleName
    opens: TimeOfDay
    closes: TimeOfDay
    grace_minutes: Annotated[int, Field(ge=0, le=3 * 24 * 60)] = 0

    def window(self, midnight_ms: int) -> tuple[int, int, int]:
        """Opening, close and cut-off on the day that begins at a midnight: UTC milliseconds."""
        opens, closes = (_minutes(text) * MINUTE_MS for text in (self.opens, self.closes))
        if opens >= closes:
            opens -= DAY_MS
        return midnight_ms + opens, midnight_ms + closes, midnight_ms + closes + self.grace_minutes * MINUTE_MS


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


class Schedule(NamedRule):
    """Something expected in each slot of every ``every_days``-th day, on the weekdays named (1 is Monday)."""

    expects: Expected
    slots: Annotated[list[SlotRule], Field(min_length=1)]
    every_days: Annotated[int, Field(ge=1, le=366)] = 1
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    zone_offset_minutes: Annotated[int, Field(ge=-14 * 60, le=14 * 60)] = 480

    @cached_property
    def longest_ms(self) -> int:
        """From the opening of a slot to its cut-off at most, milliseconds."""
        return max(cut_off - opens for opens, _, cut_off in (slot.window(0) for slot in self.slots))


class Programme(NamedRule):
    """Scope, start and stop of a follow-up (随访范围和启动、终止标准, A002-34): it lasts ``days``, then the person must
    be released within ``release_hours``; meanwhile ``contacts`` is the schedule by which they must be seen. ``places``:
    where a quarantine falls under it that names no programme."""

    days: Annotated[int, Field(gt=0, le=366)]
    places: tuple[QuarantinePlace, ...] = ()
    release_hours: Annotated[int, Field(gt=0, le=24 * 31)]
    contacts: RuleName | None = None


class LiftingRule(Part):
    """How long an order may outlast the downgrade of its area (A004-22)."""

    hours: Annotated[int, Field(gt=0, le=24 * 31)]
    due_soon_minutes: Annotated[int, Field(ge=0)] = 60
    source: str
