"""Follow-up clocks: a pure function of the facts of a lead; outcomes a pure function of opened, due and done (A002-06).

A timer firing says only "as of now, no proof". Proof of work done in time that arrives late retracts the breach.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.codes import ClockOutcome, ClockSubject
from streams.announced import Announced
from streams.fact_set import Fact, earliest, sent_first
from streams.facts import LeadOpened, LeadStep, PersonFact, standing
from streams.reference import Reference


class Clock(NamedTuple):
    """The whole state of a clock from its facts; times are UTC milliseconds.

    ``deadline_class``: class or duty, as the policy names it. ``lead_id``: lead, task, matter, period or order that it
    is about. ``before_due``: whether the work must be done before ``due_at``: midnight belongs to the next day (当日),
    "within 24 hours" includes the 24th hour's end. ``implied``: a schedule asks for it, no event opened it.
    """

    clock_id: str
    lead_id: str
    deadline_class: str
    opened_at: int
    due_at: int
    due_soon_at: int
    done_at: int | None
    withdrawn_at: int | None
    policy: str
    evidence: tuple[str, ...]
    before_due: bool
    subject: str = ClockSubject.PERSON.value
    implied: bool = False


class Notice(NamedTuple):
    """Something to be told about a clock; ``number`` counts notices of the same kind."""

    clock: Clock
    kind: str
    number: int


def lead_clocks(facts: Iterable[PersonFact], reference: Reference) -> dict[str, Clock]:
    """Clocks of all leads that were opened and have a deadline under the policy then in effect, by clock id.

    A lead whose opening was taken back keeps its clock, withdrawn from the start: a breach told of it is retracted.
    """
    facts = list(facts)
    if LeadOpened not in map(type, facts):
        return {}
    left = standing(facts)
    opened = _openings(left)
    void: dict[str, LeadOpened] = {}
    if len(left) < len(facts):
        void = {lead_id: lead for lead_id, lead in _openings(facts).items() if lead_id not in opened}
    steps: dict[str, list[LeadStep]] = {}
    for fact in left:
        if isinstance(fact, LeadStep):
            steps.setdefault(fact.lead_id, []).append(fact)
    found = {}
    for lead_id, lead in (opened | void).items():
        policy = reference.policies.in_effect(lead.sent_at)
        rule = policy.deadline(lead.push_mode, lead.home_province)
        if rule is None:
            continue
        done = withdrawn = None
        if (own := steps.get(lead_id)) is not None:
            done = None if lead_id in void else _earliest(own, policy.follow_up.stops_at.value)
            withdrawn = _earliest(own, "CLOSED")
        due_at = rule.due_at(lead.received_at, lead.zone_offset_minutes)
        found[lead_id] = Clock(
            lead_id,
            lead_id,
            rule.deadline_class,
            lead.received_at,
            due_at,
            due_at - rule.due_soon_ms,
            done.at if done else None,
            lead.received_at if lead_id in void else withdrawn.at if withdrawn else None,
            policy.name,
            tuple(str(fact.event_id) for fact in (lead, done, withdrawn) if fact),
            rule.calendar_day,
        )
    return found


def _openings(facts: Iterable[PersonFact]) -> dict[str, LeadOpened]:
    opened: dict[str, LeadOpened] = {}
    for fact in facts:
        if isinstance(fact, LeadOpened):
            rival = opened.get(fact.lead_id)
            # Two contents under one lead: the same one wins in any order of arrival.
            if rival is None or sent_first(fact) < sent_first(rival):
                opened[fact.lead_id] = fact
    return opened


def _earliest(steps: Iterable[LeadStep], state: str) -> LeadStep | None:
    return earliest(step for step in steps if step.state == state)


def _in_time(clock: Clock, at: int | None) -> bool:
    if at is None:
        return False
    return at < clock.due_at if clock.before_due else at <= clock.due_at


def _met(clock: Clock) -> bool:
    """Whether nothing is or can become overdue: done, or withdrawn, in time."""
    return _in_time(clock, clock.done_at) or _in_time(clock, clock.withdrawn_at)


def outcome(clock: Clock, as_of: int) -> ClockOutcome:
    """What is proven as of a time, UTC milliseconds."""
    if _in_time(clock, clock.done_at):
        return ClockOutcome.MET
    if _in_time(clock, clock.withdrawn_at):
        return ClockOutcome.WITHDRAWN
    if clock.done_at is not None:
        return ClockOutcome.LATE
    return ClockOutcome.BREACHED if as_of >= clock.due_at else ClockOutcome.OPEN


def announced(facts: Iterable[Fact]) -> dict[tuple[str, str], int]:
    """How many notices of each kind were sent: {(clock id, kind): number}."""
    sent: dict[tuple[str, str], int] = {}
    for fact in facts:
        if isinstance(fact, Announced):
            key = fact.clock_id, fact.notice
            sent[key] = max(sent.get(key, 0), fact.sequence)
    return sent


def notices(found: Iterable[Clock], sent: Mapping[tuple[str, str], int], as_of: int) -> list[Notice]:
    """What must be told now: due soon (once), breached, and retracted when proof turned up after a breach was told, or
    when it is due later than was known then."""
    out = []
    for clock in found:
        met = _met(clock)
        breaches = sent.get((clock.clock_id, "BREACHED"), 0)
        retractions = sent.get((clock.clock_id, "RETRACTED"), 0)
        if (met or as_of < clock.due_at) and breaches > retractions:
            out.append(Notice(clock, "RETRACTED", retractions + 1))
        elif not met and as_of >= clock.due_at and breaches == retractions:
            out.append(Notice(clock, "BREACHED", breaches + 1))
        elif (
            _waits(clock, met)
            and clock.due_soon_at <= as_of < clock.due_at
            and (clock.clock_id, "DUE_SOON") not in sent
        ):
            out.append(Notice(clock, "DUE_SOON", 1))
    return out


def untold(found: Iterable[Clock], sent: Mapping[tuple[str, str], int], as_of: int) -> list[Clock]:
    """Clocks that no event opened, and that were withdrawn before anything was told of them: nobody else would write
    their state down."""
    return [
        clock
        for clock in found
        if clock.implied
        and clock.withdrawn_at is not None
        and clock.done_at is None
        and clock.due_at <= as_of
        and (clock.clock_id, "TOLD") not in sent
    ]


def next_notice(found: Iterable[Clock], sent: Mapping[tuple[str, str], int], as_of: int) -> int | None:
    """Next time (UTC milliseconds, may be past) at which `notices` has something to tell, if nothing else happens."""
    times = []
    for clock in found:
        met = _met(clock)
        if met or sent.get((clock.clock_id, "BREACHED"), 0) > sent.get((clock.clock_id, "RETRACTED"), 0):
            continue
        soon = _waits(clock, met) and as_of < clock.due_soon_at and (clock.clock_id, "DUE_SOON") not in sent
        times.append(clock.due_soon_at if soon else clock.due_at)
    return min(times, default=None)


def _waits(clock: Clock, met: bool) -> bool:
    return not met and clock.done_at is None and clock.withdrawn_at is None
