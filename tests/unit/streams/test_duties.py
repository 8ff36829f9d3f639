"""Duties, programmes and schedules of persons as clocks: what the policy names, without code of its own."""

from typing import Any

import pytest

from schemas import events
from streams.reference import Reference
from tests.support.people import DAY, HOUR, MINUTE, NOON, TOKEN, Desk, FoldBench
from tests.support.policies import Registry, reference_with


def outcome_of(*published: events.Event, as_of: int, reference: Reference | None = None) -> dict[str, Any]:
    """The last word on each clock after everything was told by ``as_of``, with the notices of each."""
    bench = FoldBench(reference or reference_with())
    bench.publish(*published, as_of=NOON)
    bench.tick(as_of)
    notices: dict[str, list[str]] = {}
    for told in bench.told:
        if told.topic == "sla-events" and told.row["kind"] != "CLOCK":
            notices.setdefault(f"{told.row['duty']} {told.row['lead_id']}", []).append(told.row["kind"])
    return {name: (row["due_at"], row["done_at"], notices.get(name, [])) for name, row in bench.clocks().items()}


@pytest.mark.row("A002-13", "A002-08")
def test_a_transfer_must_be_accepted_within_the_hours_of_the_policy() -> None:
    desk = Desk()
    started = desk.event(events.TransferStarted, task="t-1")
    due = NOON + 2 * HOUR
    assert outcome_of(started, as_of=NOON + DAY) == {"TRANSFER t-1": (due, None, ["BREACHED"])}
    accepted = desk.event(events.TransferAccepted, NOON + HOUR, task="t-1", unit="hospital")
    assert outcome_of(started, accepted, as_of=NOON + DAY) == {"TRANSFER t-1": (due, NOON + HOUR, [])}
    other = desk.event(events.TransferAccepted, NOON + HOUR, task="t-2", unit="hospital")
    assert outcome_of(started, other, as_of=NOON)["TRANSFER t-1"][1] is None


@pytest.mark.row("A002-07", "A002-03")
def test_who_is_due_for_a_test_and_was_not_tested_by_the_stated_time_is_overdue() -> None:
    desk = Desk()
    due = desk.event(events.TestDue, task="test-1", due_at=NOON + 3 * DAY, population="COLD_CHAIN")
    assert outcome_of(due, as_of=NOON + 3 * DAY)["TEST test-1"][2] == ["BREACHED"]
    taken = desk.event(events.TestTaken, NOON - HOUR, task="test-1")
    assert outcome_of(due, taken, as_of=NOON + 4 * DAY)["TEST test-1"] == (NOON + 3 * DAY, NOON - HOUR, [])


@pytest.mark.row("A002-23")
def test_an_absence_is_asked_after_on_the_same_calendar_day() -> None:
    desk = Desk()
    absent = desk.event(events.Absence, unit="school-1", task="a-1")
    late = desk.event(events.Attempt, NOON + 12 * HOUR, task="a-1", method="PHONE", outcome="SEEN_OK")
    found = outcome_of(absent, late, as_of=NOON + DAY)
    assert found["ABSENCE a-1"] == (NOON + 12 * HOUR, NOON + 12 * HOUR, ["BREACHED"])
    in_time = desk.event(events.Attempt, NOON + 12 * HOUR - 1, task="a-1", method="PHONE", outcome="MISSED")
    assert outcome_of(absent, in_time, as_of=NOON + DAY)["ABSENCE a-1"][2] == []


@pytest.mark.row("A004-02")
def test_symptoms_must_be_seen_to_whoever_states_them() -> None:
    desk = Desk()
    coughs = desk.reading(372, symptoms=["DRY_COUGH"])
    (only,) = outcome_of(coughs, as_of=NOON + DAY).values()
    assert only == (NOON + 2 * HOUR, None, ["BREACHED"])
    before = desk.event(events.TestTaken, NOON - HOUR, task="x")
    after = desk.event(events.TestTaken, NOON + HOUR, task="y")
    found = outcome_of(coughs, before, after, as_of=NOON + DAY)
    assert [done for name, (_, done, _) in found.items() if name.startswith("SYMPTOMS")] == [NOON + HOUR]


@pytest.mark.row("A002-36")
def test_leave_that_is_refused_has_no_return() -> None:
    desk = Desk()
    asked = desk.event(events.Leave, task="l-1", reason="family", due_at=NOON + 2 * DAY)
    refused = desk.event(events.LeaveDecided, NOON + HOUR, task="l-1", approved=False, decided_by_role="teacher")
    leave = """
        [[duties]]
        name = "LEAVE_RETURN"
        name_en = "return from leave"
        name_zh = "销假"
        opened_by = "LEAVE"
        done_by = ["LEAVE_ENDED"]
        withdrawn_by = ["LEAVE_REFUSED"]
        stated = true
        source = "A002-36"
    """
    reference = reference_with(parts=leave)
    assert outcome_of(asked, as_of=NOON + 3 * DAY, reference=reference)["LEAVE_RETURN l-1"][2] == ["BREACHED"]
    assert outcome_of(asked, refused, as_of=NOON + 3 * DAY, reference=reference)["LEAVE_RETURN l-1"][2] == []


def test_a_duty_whose_opening_was_taken_back_is_withdrawn_and_its_breach_retracted() -> None:
    desk = Desk()
    started = desk.event(events.TransferStarted, task="t-1")
    bench = FoldBench(reference_with())
    bench.publish(started, as_of=NOON)
    bench.tick(NOON + DAY)
    correction = desk.event(
        events.Correction, NOON + DAY, corrects_source="desk-1", corrects_sequence=1, reason="another person"
    )
    bench.publish(correction, as_of=NOON + DAY)
    assert bench.notices() == ["BREACHED", "RETRACTED"]
    assert bench.clocks()["TRANSFER t-1"]["withdrawn_at"] == NOON


@pytest.mark.row("A002-34", "A002-01")
def test_nobody_is_held_longer_than_the_programme_says() -> None:
    desk = Desk()
    started = desk.event(events.QuarantineStarted, task="q-1", place="INSTITUTIONAL")
    stops, due = NOON + 14 * DAY, NOON + 15 * DAY
    bench = FoldBench(reference_with())
    bench.publish(started, as_of=NOON)
    bench.tick(stops)
    assert [told.row["kind"] for told in bench.told if told.row.get("duty") == "RELEASE"] == ["CLOCK", "DUE_SOON"]
    bench.tick(due)
    assert [told.row["kind"] for told in bench.told if told.row.get("duty") == "RELEASE"][2:] == ["BREACHED"]
    ended = desk.event(events.QuarantineEnded, stops + HOUR, sent_at=due + HOUR, task="q-1")
    bench.publish(ended, as_of=due + HOUR)
    assert [told.row["kind"] for told in bench.told if told.row.get("duty") == "RELEASE"][3:] == ["CLOCK", "RETRACTED"]
    at_home = desk.event(events.QuarantineStarted, task="q-2", place="HOME")  # the policy has no programme for it
    assert outcome_of(at_home, as_of=due) == {}


@pytest.mark.row("A001-12")
def test_in_quarantine_a_person_is_seen_every_day_until_it_ends() -> None:
    desk = Desk()
    midnight = NOON - 12 * HOUR
    started = desk.event(events.QuarantineStarted, midnight, task="q-1", place="INSTITUTIONAL")
    seen = desk.event(events.Attempt, NOON, task="q-1", method="VISIT", outcome="SEEN_OK")
    away = desk.event(events.Attempt, NOON + DAY, sent_at=NOON + DAY, task="q-1", method="PHONE", outcome="MISSED")
    ended = desk.event(events.QuarantineEnded, midnight + 3 * DAY, sent_at=midnight + 3 * DAY, task="q-1")
    bench = FoldBench(reference_with())
    for event in (started, seen, away, ended):
        bench.publish(event, as_of=event.occurred_at)
        bench.tick(event.occurred_at)
    bench.tick(midnight + 20 * DAY)
    found = {
        row["lead_id"]: "seen" if row["done_at"] else "withdrawn" if row["withdrawn_at"] else "missing"
        for name, row in bench.clocks().items()
        if name.startswith("SEEN_DAILY")
    }
    assert found == {
        "2020-02-19/DAY": "seen",
        "2020-02-20/DAY": "missing",
        "2020-02-21/DAY": "missing",
        **{f"2020-02-{day}/DAY": "withdrawn" for day in range(22, 30)},
        **{f"2020-03-0{day}/DAY": "withdrawn" for day in range(1, 4)},
    }
    assert bench.notices().count("BREACHED") == 2


@pytest.mark.row("A002-22")
def test_t14_a_pupil_whose_check_is_missing_is_told_and_a_late_reading_takes_it_back() -> None:
    roster = Registry().roster("school-1-pupil-7", TOKEN, schedule="THREE_CHECKS", valid_from=NOON)
    bench = FoldBench(reference_with(roster))
    desk = Desk()
    bench.expect(as_of=NOON - DAY)
    bench.tick(NOON + 2 * HOUR - 1)
    assert bench.told == []
    bench.tick(NOON + 2 * HOUR)  # the noon check of Wednesday opened before the roster did: nothing is missing
    assert bench.notices() == []
    evening = NOON + 6 * HOUR
    bench.tick(NOON + 9 * HOUR)
    assert bench.notices() == ["BREACHED"]
    bench.publish(desk.reading(365, evening, sent_at=NOON + 10 * HOUR, slot="EVENING"), as_of=NOON + 10 * HOUR)
    assert bench.notices() == ["BREACHED", "RETRACTED"]
    row = bench.clocks()["THREE_CHECKS 2020-02-19/EVENING"]
    assert (row["token"], row["opened_at"], row["due_at"], row["done_at"]) == (
        TOKEN,
        NOON + 5 * HOUR,
        NOON + 9 * HOUR,
        evening,
    )
    assert row["evidence"] == ["desk-1#1"]
    assert row["subject"] == "PERSON"


@pytest.mark.row("A002-22", "A002-25")
def test_t14_three_checks_are_expected_on_every_school_day_and_on_no_other() -> None:
    roster = Registry().roster(
        "pupil-7", TOKEN, schedule="THREE_CHECKS", valid_from=NOON, valid_until=NOON + 9 * DAY + 12 * HOUR
    )
    bench = FoldBench(reference_with(roster))
    bench.expect(as_of=NOON)
    bench.tick(NOON + 30 * DAY)
    days = sorted({row["lead_id"].split("/")[0] for row in bench.clocks().values()})
    assert days == [f"2020-02-{day}" for day in (19, 20, 21, 24, 25, 26, 27, 28)]  # 22 and 23 are a weekend
    assert len(bench.clocks()) == 1 + 3 * 7
    assert bench.notices() == ["BREACHED"] * 22


@pytest.mark.row("A002-35")
def test_periodic_tests_are_due_every_so_many_days() -> None:
    midnight = NOON - 12 * HOUR
    roster = Registry().roster("canteen-3", TOKEN, schedule="WEEKLY_TEST", valid_from=midnight)
    bench = FoldBench(reference_with(roster))
    bench.expect(as_of=midnight)
    bench.publish(Desk().event(events.TestTaken, NOON + 7 * DAY, task="t"), as_of=NOON + 7 * DAY)
    bench.tick(NOON + 15 * DAY)
    kept = {row["lead_id"]: row["done_at"] for row in bench.clocks().values()}
    assert kept == {"2020-02-19/DAY": None, "2020-02-26/DAY": NOON + 7 * DAY, "2020-03-04/DAY": None}


def test_a_newer_version_of_an_entry_replaces_the_older_from_when_it_takes_effect() -> None:
    registry = Registry()
    first = registry.roster("pupil-7", TOKEN, schedule="THREE_CHECKS", valid_from=NOON)
    gone = registry.roster(
        "pupil-7", TOKEN, at=NOON + DAY, schedule="THREE_CHECKS", valid_from=NOON, valid_until=NOON + MINUTE
    )
    bench = FoldBench(reference_with(first, gone))
    bench.expect(as_of=NOON)
    bench.tick(NOON + 10 * DAY)
    # It left on paper a minute after it came, which was known a day later: until then checks were expected.
    told = sorted(bench.clocks())
    assert told == [
        "THREE_CHECKS 2020-02-19/EVENING",
        "THREE_CHECKS 2020-02-20/MORNING",
        "THREE_CHECKS 2020-02-20/NOON",
    ]
