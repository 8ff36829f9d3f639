"""What the reports of a unit say: matters that must go on, and reports that are expected of it."""

from collections.abc import Iterable

from tests.faults.model.clocks import Clock, Clocks
from tests.faults.model.judgement import Event
from tests.faults.model.reference import Reference
from tests.faults.model.rosters import Duty, Report, clocks_of_unit

REPORTED = {"INDICATOR", "ZERO_REPORT"}


class Unit:
    """All events of one unit on ``reports`` that a clock may follow from."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.opened: dict[str, list[Event]] = {}
        self.steps: dict[str, list[Event]] = {}
        """By matter."""

    def add(self, event: Event) -> None:
        """Keep what a clock may follow from."""
        row = event.row
        if row["kind"] in REPORTED:
            about = row["occurred_at"] if row["period_until"] is None else row["period_until"]
            self.reports.append(Report(row["occurred_at"], row["source"], row["sequence"], row["indicator"], about))
        elif row["kind"] == "MATTER_OPENED":
            self.opened.setdefault(row["matter"], []).append(event)
        elif row["kind"] == "MATTER_STEP":
            self.steps.setdefault(row["matter"], []).append(event)

    def clocks(self, duties: list[Duty], reference: Reference, now: int) -> Clocks:
        """Every clock of the unit."""
        found = clocks_of_unit(duties, self.reports, reference, now)
        for matter, openings in self.opened.items():
            first_sent = min(event.row["sent_at"] for event in openings)
            for event in openings:
                if event.row["sent_at"] == first_sent:
                    self._open_duties(found, matter, event, reference)
        return found

    def _open_duties(self, found: Clocks, matter: str, event: Event, reference: Reference) -> None:
        row = event.row
        policy = reference.policy(row["sent_at"])
        for duty in policy.duties("MATTER_OPENED"):
            if any(duty.get(name) not in (None, row[name]) for name in ("matter_kind", "involves_firm")):
                continue
            due_at = policy.due_at(duty, row["occurred_at"], row["zone_offset_minutes"], None)
            if due_at is None:
                continue
            done_at = self._earliest(matter, duty["done_by"])
            withdrawn_at = self._earliest(matter, duty.get("withdrawn_by", ()))
            times = (row["occurred_at"], due_at, done_at, withdrawn_at)
            clock = Clock(duty["name"], matter, *times, bool(duty.get("calendar_day")), "UNIT")
            of_duty = found.setdefault(f"{matter}/{duty['name']}", [])
            if clock not in of_duty:
                of_duty.append(clock)

    def _earliest(self, matter: str, steps: Iterable[str]) -> int | None:
        taken = [event.row for event in self.steps.get(matter, []) if event.row["step"] in steps]
        return min((row["occurred_at"] for row in taken), default=None)
