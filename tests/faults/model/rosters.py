"""Rosters: who must take or send what by which schedule, from when until when.

Readings chosen where the specification is silent: a member whom a later version does not name is expected no longer,
whomever that version names; a roster that expects of a person what only a unit can send, or the other way round,
expects nothing.
"""

from typing import NamedTuple

from tests.faults.model.clocks import Clock, Clocks
from tests.faults.model.judgement import TOKEN
from tests.faults.model.reference import FOREVER, Reference
from tests.faults.model.slots import Demand, Slot, slots_of


class Duty(NamedTuple):
    """What one version of a roster demands of its member. ``indicator`` is '' where none is stated."""

    roster: str
    member: str
    indicator: str
    demand: Demand

    @property
    def of_person(self) -> bool:
        return TOKEN.match(self.member) is not None

    def clock(self, slot: Slot, done_at: int | None) -> tuple[str, Clock]:
        """Clock id and clock of a slot."""
        name = self.demand.schedule
        about = slot.about if self.of_person else f"{self.indicator}/{slot.about}"
        subject = "PERSON" if self.of_person else "UNIT"
        clock = Clock(name, about, slot.opens, slot.cut_off, done_at, None, False, subject, implied=True)
        return f"{name}/{self.roster}/{slot.about}", clock


def duties_of(reference: Reference) -> dict[str, list[Duty]]:
    """What every roster demands: {member: duties}."""
    found: dict[str, list[Duty]] = {}
    for roster, versions in reference.versions("ROSTER").items():
        for place, version in enumerate(versions):
            row = version.row
            if row["member"] is None or row["schedule"] is None:
                continue
            until = FOREVER if row["valid_until"] is None else row["valid_until"]
            if place + 1 < len(versions):
                until = min(until, versions[place + 1].effective_from)
            demand = Demand(row["schedule"], version.effective_from, until)
            duty = Duty(roster, row["member"], row["indicator"] or "", demand)
            found.setdefault(row["member"], []).append(duty)
    return found


def named_by(reference: Reference) -> dict[str, set[tuple[str, int]]]:
    """Every version of the rosters that name a member at any time: {member: {(source, sequence)}}."""
    found: dict[str, set[tuple[str, int]]] = {}
    for versions in reference.versions("ROSTER").values():
        events = {(version.row["source"], version.row["sequence"]) for version in versions}
        for version in versions:
            if version.row["member"] is not None:
                found.setdefault(version.row["member"], set()).update(events)
    return found


class Report(NamedTuple):
    """A figure or a zero that a unit reported, in the order in which the earliest counts. ``about`` is the time that
    it is about."""

    occurred_at: int
    source: str
    sequence: int
    indicator: str
    about: int


class Taken(NamedTuple):
    """A reading or a test of a person. ``slot`` is '' for a test."""

    occurred_at: int
    kind: str
    slot: str


def clocks_of_person(duties: list[Duty], taken: list[Taken], reference: Reference, now: int) -> Clocks:
    """The clocks of the slots in which a person is expected."""
    found: Clocks = {}
    for duty in duties:
        for slot in slots_of(duty.demand, reference, now):
            if slot.expects not in ("READING", "TEST"):
                continue
            times = [
                one.occurred_at
                for one in taken
                if one.kind == slot.expects
                and (one.kind == "TEST" or one.slot == slot.name)
                and slot.opens <= one.occurred_at <= slot.cut_off
            ]
            done_at = min(times, default=None)
            if slot.clock_exists(now, done_at):
                clock_id, clock = duty.clock(slot, done_at)
                found[clock_id] = [clock]
    return found


MOST_AHEAD = 2 * 86_400_000
"""A report about a later time than so long after it was made is about no period."""


def clocks_of_unit(duties: list[Duty], reports: list[Report], reference: Reference, now: int) -> Clocks:
    """The clocks of the slots in which a unit is to report."""
    found: Clocks = {}
    for duty in duties:
        of_indicator = sorted(one for one in reports if one.indicator == duty.indicator)
        for slot in slots_of(duty.demand, reference, now):
            if slot.expects != "REPORT":
                continue
            about_it = [
                one.occurred_at
                for one in of_indicator
                if slot.opens < one.about <= slot.closes and one.about - one.occurred_at <= MOST_AHEAD
            ]
            done_at = about_it[0] if about_it else None
            if slot.clock_exists(now, done_at):
                clock_id, clock = duty.clock(slot, done_at)
                found[clock_id] = [clock]
    return found
