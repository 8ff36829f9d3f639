"""What the facts of one person say: the timeline of verdicts, and the clock of every lead, task and slot.

Readings chosen where the design is silent:

- every observation counts from its own ``occurred_at`` for as long as the policy in effect at its ``sent_at`` says;
- a temperature counts until the first reading of the same person that names it as confirmed and was taken at the same
  time or later;
- the tier of an area of origin is the higher of the device's word and the notice in effect;
- a segment's evidence are the events whose own level is the level of the segment;
- a lead's work is done at the first ``LEAD_VERIFIED`` and withdrawn at the first ``LEAD_CLOSED``; returning or
  rerouting a lead does not stop its clock;
- of several openings of one lead the one that was sent first counts; of those sent in the same millisecond any may;
- a lead whose openings were all taken back has a clock that was withdrawn when it began, and no proof;
- a fact with names or symptoms of more than 2,048 bytes is none (``RULE_ERROR``): no state could hold many of them.
  Free texts, which no rule reads, may be of any length;
- a correction or an upheld appeal takes back every content of the identity that it names, for the same person, as if
  it had never been published.
"""

from itertools import pairwise
from typing import Any, NamedTuple

from tests.faults.model.clocks import Clock, Clocks
from tests.faults.model.judgement import DAY, Event
from tests.faults.model.reference import Reference
from tests.faults.model.rosters import Duty, Taken, clocks_of_person
from tests.faults.model.tasks import Tasks, is_about_task

LEVELS = ["NONE", "MEDIUM", "HIGH"]
TIERS = ["NOT_STATED", "LOW", "MEDIUM", "HIGH"]
FACTS_A_DAY = 1_000
FACTS_IN_ALL = 10_000
LONGEST_FACT = 2_048

OBSERVED = [
    "site_kind", "health_code", "origin_area", "origin_tier", "symptoms", "value_tenths", "confirms_source",
    "confirms_sequence", "lead_id", "lead_source", "push_mode", "home_province", "received_at", "upheld",
    "corrects_source", "corrects_sequence", "task", "place", "programme", "outcome", "due_at", "slot",
    "approved",
]  # fmt: skip
"""Fields that any rule about persons reads."""


class Fact(NamedTuple):
    """What one event asserts of a person. ``said`` are the observed fields that it states."""

    topic: str
    source: str
    sequence: int
    kind: str
    occurred_at: int
    sent_at: int
    zone_offset_minutes: int
    identity: bytes
    said: tuple[tuple[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.source}#{self.sequence}"

    @property
    def is_too_long(self) -> bool:
        return len(self.source.encode()) + len(repr(self.said).encode()) > LONGEST_FACT

    def get(self, field: str) -> Any:
        return dict(self.said).get(field)


FactId = tuple[str, int]
"""Source and sequence: an identity is the same in every topic."""


class Segment(NamedTuple):
    """Part of a timeline: one level, from ``start`` until ``until`` (exclusive, UTC milliseconds)."""

    start: int
    until: int
    level: str
    evidence: tuple[str, ...]


class Reason(NamedTuple):
    """Why a person is at a level for a while."""

    start: int
    until: int
    level: str
    event: str


def fact_of(event: Event) -> Fact:
    """The fact of a usable record of a person topic."""
    row = event.row
    said = []
    for field in OBSERVED:
        if field == "site_kind" and event.topic != "temperatures":
            continue  # it picks the threshold of a reading, and says nothing of a person
        value = row.get(field)
        if value is not None and value != "NOT_STATED" and value != []:
            said.append((field, tuple(value) if isinstance(value, list) else value))
    times = (row["occurred_at"], row["sent_at"], row["zone_offset_minutes"])
    return Fact(event.topic, row["source"], row["sequence"], row["kind"], *times, event.identity, tuple(said))


class Person:
    """All facts of one token."""

    def __init__(self) -> None:
        self.facts: set[Fact] = set()

    def identities(self) -> set[FactId]:
        return {(fact.source, fact.sequence) for fact in self.facts}

    def kept(self) -> set[Fact]:
        """The facts without the surplus of a stuck device: of more than 1,000 of a day, those with the 1,000 smallest
        identity hashes, and of more than 10,000 in all those with the 10,000 smallest. Facts that say nothing
        that any rule reads are not counted."""
        days: dict[int, list[Fact]] = {}
        for fact in self.facts:
            if fact.said or is_about_task(fact):
                days.setdefault(fact.occurred_at // DAY, []).append(fact)
        found: set[Fact] = set()
        for of_day in days.values():
            if len(of_day) > FACTS_A_DAY:
                of_day.sort(key=lambda fact: fact.identity)
            found.update(of_day[:FACTS_A_DAY])
        return set(sorted(found, key=lambda fact: fact.identity)[:FACTS_IN_ALL])

    def taken_back(self) -> set[tuple[str, int]]:
        """Source and sequence of the events that a correction or an upheld appeal names."""
        found = set()
        for fact in self.kept():
            names_one = fact.get("corrects_source") is not None and fact.get("corrects_sequence") is not None
            if names_one and (fact.kind == "CORRECTION" or (fact.kind == "APPEAL_ANSWERED" and fact.get("upheld"))):
                found.add((fact.get("corrects_source"), fact.get("corrects_sequence")))
        return found

    def valid(self) -> set[Fact]:
        taken_back = self.taken_back()
        return {fact for fact in self.kept() if (fact.source, fact.sequence) not in taken_back}

    def timeline(self, reference: Reference) -> list[Segment]:
        """The highest level at every moment, with the events behind it."""
        reasons = reasons_of(self.valid(), reference)
        edges = sorted({edge for reason in reasons for edge in (reason.start, reason.until)})
        segments: list[Segment] = []
        for start, until in pairwise(edges):
            here = [reason for reason in reasons if reason.start <= start and until <= reason.until]
            if not here:
                continue
            level = max((reason.level for reason in here), key=LEVELS.index)
            evidence = tuple(sorted({reason.event for reason in here if reason.level == level}))
            last = segments[-1] if segments else None
            if last and last.until == start and (last.level, last.evidence) == (level, evidence):
                segments[-1] = last._replace(until=until)
            else:
                segments.append(Segment(start, until, level, evidence))
        return segments

    def clocks(self, duties: list[Duty], reference: Reference, now: int) -> Clocks:
        """Every clock of the person as of a time; ``duties`` are what rosters demand of them."""
        standing = self.valid()
        taken = [
            Taken(fact.occurred_at, "READING", fact.get("slot") or "NOT_STATED")
            if fact.kind == "READING"
            else Taken(fact.occurred_at, "TEST", "")
            for fact in standing
            if fact.kind in ("READING", "TEST_TAKEN")
        ]
        return {
            **self._lead_clocks(reference),
            **Tasks(self.kept(), standing, reference).clocks(now),
            **clocks_of_person(duties, taken, reference, now),
        }

    def _lead_clocks(self, reference: Reference) -> Clocks:
        """The clock of every lead that was opened."""
        valid = self.valid()
        openings = _by_lead(self.kept(), "LEAD_OPENED")
        standing = _by_lead(valid, "LEAD_OPENED")
        done, closed = _by_lead(valid, "LEAD_VERIFIED"), _by_lead(valid, "LEAD_CLOSED")
        clocks: Clocks = {}
        for lead, every_opening in openings.items():
            opened = standing.get(lead, every_opening)
            first_sent = min(fact.sent_at for fact in opened)
            done_at = min((fact.occurred_at for fact in done.get(lead, [])), default=None)
            closed_at = min((fact.occurred_at for fact in closed.get(lead, [])), default=None)
            for fact in opened:
                received_at: int = fact.get("received_at")
                deadline = reference.policy(fact.sent_at).deadline(
                    fact.get("push_mode"), fact.get("home_province"), received_at, fact.zone_offset_minutes
                )
                if fact.sent_at > first_sent or deadline is None:
                    continue
                ends = (done_at, closed_at) if lead in standing else (None, received_at)
                name, due_at, before_due = deadline
                clocks.setdefault(lead, []).append(Clock(name, lead, received_at, due_at, *ends, before_due))
        return clocks

    def needed(self, reference: Reference) -> set[FactId]:
        """Facts without which a verdict or a clock would be another, now or before something was taken back."""
        kept = self.kept()
        by_event = {(fact.source, fact.sequence) for fact in kept}
        opened = {fact.get("lead_id") for fact in kept if fact.kind == "LEAD_OPENED"}
        raising = {reason.event for reason in reasons_of(kept, reference, ended=False)}
        found = set()
        for fact in kept:
            confirms = (fact.get("confirms_source"), fact.get("confirms_sequence"))
            corrects = (fact.get("corrects_source"), fact.get("corrects_sequence"))
            steps = fact.kind in ("LEAD_OPENED", "LEAD_VERIFIED", "LEAD_CLOSED") and fact.get("lead_id") in opened
            expected = is_about_task(fact) or fact.get("slot") is not None
            if (
                steps
                or expected
                or fact.name in raising
                or corrects in by_event
                or f"{confirms[0]}#{confirms[1]}" in raising
            ):
                found.add((fact.source, fact.sequence))
        return found


def _by_lead(facts: set[Fact], kind: str) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind == kind:
            found.setdefault(fact.get("lead_id"), []).append(fact)
    return found


def reasons_of(facts: set[Fact], reference: Reference, ended: bool = True) -> list[Reason]:
    """Everything that raises the level of a person, each for its while; not ``ended``: as if nothing ended early."""
    confirmed: dict[tuple[str, int], list[int]] = {}
    closed: dict[str, int] = {}
    for fact in facts if ended else ():
        if fact.topic == "temperatures" and fact.get("confirms_source") is not None:
            names = (fact.get("confirms_source"), fact.get("confirms_sequence"))
            confirmed.setdefault(names, []).append(fact.occurred_at)
        if fact.kind == "LEAD_CLOSED":
            lead = fact.get("lead_id")
            closed[lead] = min(fact.occurred_at, closed.get(lead, fact.occurred_at))
    reasons = []
    for fact in facts:
        policy = reference.policy(fact.sent_at)
        levels: list[tuple[str, str | None]] = []
        if fact.kind == "READING" and policy.is_high_temperature(
            fact.get("value_tenths"), fact.get("site_kind") or "NOT_STATED"
        ):
            levels.append(("temperature", policy.risk["temperature"]["level"]))
        if fact.get("health_code") is not None:
            levels.append(("health_code", policy.risk["health_code"]["levels"].get(fact.get("health_code"))))
        tier = fact.get("origin_tier") or "NOT_STATED"
        if fact.get("origin_area") is not None:
            by_notice = reference.tier(fact.get("origin_area"), fact.sent_at) or "NOT_STATED"
            tier = max(tier, by_notice, key=TIERS.index)
        levels.append(("origin_area", policy.risk["origin_area"]["levels"].get(tier)))
        if fact.kind == "LEAD_OPENED":
            levels.append(("lead", policy.risk["lead"]["levels"].get(fact.get("lead_source"))))
        if fact.get("symptoms"):
            levels.append(("symptoms", policy.risk["symptoms"]["level"]))
        for rule, level in levels:
            if level is None or level == "NONE":
                continue
            start, until = fact.occurred_at, fact.occurred_at + policy.hours(rule)
            if rule == "temperature":
                later = [at for at in confirmed.get((fact.source, fact.sequence), []) if at >= start]
                until = min([until, *later])
            if rule == "lead":
                until = min(until, closed.get(fact.get("lead_id"), until))
            if start < until:
                reasons.append(Reason(start, until, level, fact.name))
    return reasons
