"""Follow-up clocks: classes, outcomes, notices, retraction."""

import pytest

from schemas import events
from schemas.codes import ClockOutcome
from schemas.validity import Limits
from streams.clocks import Clock, next_notice, notices, outcome
from streams.facts import facts_of
from streams.person_clocks import clocks
from streams.reference import Reference
from tests.support.people import DAY, HOUR, MINUTE, NOON, Desk, FoldBench


def clock_of(*published: events.Event) -> Clock:
    rows = [event.record() for event in published]
    (clock,) = clocks([fact for topic, _, row in rows for fact in facts_of(topic, row)], Reference(Limits())).values()
    return clock


@pytest.mark.row("A002-06")
@pytest.mark.parametrize(
    ("push_mode", "home_province", "deadline_class", "hours"),
    [
        ("BATCH", True, "HOURS_24", 24),
        ("BATCH", False, "HOURS_48", 48),
        ("ROUTINE", True, "SAME_DAY", 12),
        ("ROUTINE", False, "SAME_DAY", 12),
    ],
)
def test_the_class_of_a_deadline(push_mode: str, home_province: bool, deadline_class: str, hours: int) -> None:
    clock = clock_of(Desk().lead(push_mode=push_mode, home_province=home_province))
    assert (clock.deadline_class, clock.due_at) == (deadline_class, NOON + hours * HOUR)


@pytest.mark.row("A002-06")
def test_t2_a_routine_lead_received_at_23_50_has_ten_minutes() -> None:
    late = NOON + 11 * HOUR + 50 * MINUTE
    assert clock_of(Desk().lead(push_mode="ROUTINE", received_at=late)).due_at - late == 10 * MINUTE


def test_t2_the_calendar_day_is_that_of_the_offset_of_receipt() -> None:
    urumqi = Desk().lead(push_mode="ROUTINE", zone_offset_minutes=360)
    assert clock_of(urumqi).due_at == NOON + 14 * HOUR


@pytest.mark.parametrize(
    ("done_after", "as_of_after", "expected"),
    [
        (24 * HOUR, 30 * HOUR, ClockOutcome.MET),
        (24 * HOUR + 1, 30 * HOUR, ClockOutcome.LATE),
        (None, 23 * HOUR, ClockOutcome.OPEN),
        (None, 24 * HOUR, ClockOutcome.BREACHED),
    ],
)
def test_outcome_of_a_24_hour_clock(done_after: int | None, as_of_after: int, expected: ClockOutcome) -> None:
    desk = Desk()
    published = [desk.lead()] + ([desk.verified(at=NOON + done_after)] if done_after is not None else [])
    assert outcome(clock_of(*published), NOON + as_of_after) is expected


def test_midnight_belongs_to_the_next_day() -> None:
    desk = Desk()
    clock = clock_of(desk.lead(push_mode="ROUTINE"), desk.verified(at=NOON + 12 * HOUR))
    assert outcome(clock, NOON + DAY) is ClockOutcome.LATE


def test_a_lead_closed_in_time_is_withdrawn() -> None:
    desk = Desk()
    closed = desk.event(events.LeadClosed, NOON + HOUR, lead_id="lead-1", reason="belongs to another city")
    assert outcome(clock_of(desk.lead(), closed), NOON + DAY) is ClockOutcome.WITHDRAWN


@pytest.mark.row("A000-02", "A002-06")
def test_t10_only_verification_stops_the_clock() -> None:
    desk = Desk()
    located = desk.event(events.LeadLocated, NOON + HOUR, lead_id="lead-1")
    back = desk.event(events.LeadReportedBack, NOON + 2 * HOUR, lead_id="lead-1")
    assert clock_of(desk.lead(), located, back).done_at is None


def test_notices_come_once_each() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(desk.lead(), as_of=NOON)
    for hour in range(20, 30):
        bench.tick(NOON + hour * HOUR)
    assert bench.notices() == ["DUE_SOON", "BREACHED"]


def test_a_clock_already_due_when_it_is_learnt_is_announced_at_once() -> None:
    bench = FoldBench()
    bench.publish(Desk().lead(), as_of=NOON + 3 * DAY)
    assert bench.notices() == ["BREACHED"]


def test_late_proof_of_work_done_in_time_retracts_the_breach() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(desk.lead(), as_of=NOON)
    bench.tick(NOON + DAY)
    bench.publish(desk.verified(at=NOON + HOUR, sent_at=NOON + 30 * HOUR), as_of=NOON + 30 * HOUR)
    bench.tick(NOON + 40 * HOUR)
    assert bench.notices() == ["BREACHED", "RETRACTED"]


def test_work_done_late_retracts_nothing() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(desk.lead(), as_of=NOON)
    bench.tick(NOON + DAY)
    bench.publish(desk.verified(at=NOON + 25 * HOUR), as_of=NOON + 25 * HOUR)
    assert bench.notices() == ["BREACHED"]


def test_a_retracted_breach_stands_again_when_its_proof_is_taken_back() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(desk.lead(), as_of=NOON)
    bench.tick(NOON + DAY)
    proof = desk.verified(at=NOON + HOUR, sent_at=NOON + 30 * HOUR)
    bench.publish(proof, as_of=NOON + 30 * HOUR)
    taken_back = {"corrects_source": proof.source, "corrects_sequence": proof.sequence, "reason": "wrong person"}
    bench.publish(desk.event(events.Correction, NOON + 31 * HOUR, **taken_back), as_of=NOON + 31 * HOUR)
    assert bench.notices() == ["BREACHED", "RETRACTED", "BREACHED"]


def test_a_breach_is_retracted_when_it_is_due_later_than_was_known_and_told_again_then() -> None:
    clock = clock_of(Desk().lead())
    assert [one.kind for one in notices([clock], {}, NOON + DAY)] == ["BREACHED"]
    later = clock._replace(due_at=NOON + 2 * DAY, due_soon_at=NOON + 2 * DAY - HOUR)
    told = {(clock.clock_id, "BREACHED"): 1}
    assert [one.kind for one in notices([later], told, NOON + DAY)] == ["RETRACTED"]
    told[clock.clock_id, "RETRACTED"] = 1
    assert notices([later], told, NOON + DAY) == []
    assert next_notice([later], told, NOON + DAY) == later.due_soon_at
    assert [one.kind for one in notices([later], told, NOON + 2 * DAY)] == ["BREACHED"]


def test_every_lead_of_a_person_has_its_own_clock() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(
        desk.lead("lead-1"), desk.lead("lead-2", NOON + HOUR), desk.verified("lead-1", NOON + HOUR), as_of=NOON
    )
    bench.tick(NOON + 2 * DAY)
    breached = [told.row["lead_id"] for told in bench.told if told.row.get("kind") == "BREACHED"]
    assert breached == ["lead-2"]
