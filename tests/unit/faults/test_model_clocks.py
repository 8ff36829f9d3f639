"""The model keeps the clocks of tasks, slots, matters and orders as the rules say, in small cases."""

from typing import Any

import pytest

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios.world import START, token
from tests.unit.faults.desk import PERSON, Desk

SETTLED = 5 * MINUTE + 5_000
"""A version counts so long after its arrival at the earliest."""

OTHER = token("p", 2)


@pytest.mark.parametrize(
    ("done_after", "outcome"), [(-HOUR, "MET"), (2 * HOUR, "MET"), (2 * HOUR + 1, "LATE"), (None, "BREACHED")]
)
def test_a_transfer_is_accepted_within_two_hours(done_after: int | None, outcome: str) -> None:
    desk = Desk()
    desk.say("follow-ups", "TRANSFER_STARTED", START, task="t")
    if done_after is not None:
        desk.say("follow-ups", "TRANSFER_ACCEPTED", START + done_after, task="t", unit="unit-1")
    desk.mark(START + DAY)
    assert desk.outcomes() == {"t/TRANSFER": outcome}


def test_a_transfer_that_was_taken_back_was_withdrawn_unless_it_was_begun_again() -> None:
    desk = Desk()
    desk.say("follow-ups", "TRANSFER_STARTED", START, task="t")
    fields: dict[str, Any] = {"corrects_source": "desk-1", "corrects_sequence": 1, "reason": "another person"}
    desk.say("follow-ups", "CORRECTION", START + HOUR, **fields)
    desk.mark(START + DAY)
    assert desk.outcomes() == {"t/TRANSFER": "WITHDRAWN"}
    desk.say("follow-ups", "TRANSFER_STARTED", START + HOUR, task="t")
    assert desk.outcomes() == {"t/TRANSFER": "BREACHED"}


@pytest.mark.parametrize(("before", "outcome"), [(1, "MET"), (0, "LATE")])
def test_midnight_belongs_to_the_next_day(before: int, outcome: str) -> None:
    desk = Desk()
    desk.say("follow-ups", "ABSENCE", START, unit="school-1")
    attempt = {"task": "desk-1#1", "method": "PHONE", "outcome": "UNREACHABLE"}
    desk.say("follow-ups", "ATTEMPT", START + 16 * HOUR - before, **attempt)
    desk.mark(START + DAY)
    assert desk.outcomes() == {"desk-1#1/ABSENCE": outcome}


@pytest.mark.parametrize(
    ("after", "outcome"), [(-1, "BREACHED"), (0, "MET"), (2 * HOUR, "MET"), (2 * HOUR + 1, "LATE")]
)
def test_symptoms_are_seen_to_by_what_comes_after_them(after: int, outcome: str) -> None:
    desk = Desk()
    desk.reading(START, 366, symptoms=["FEVER"])
    desk.say("follow-ups", "TEST_TAKEN", START + after, task="any")
    desk.mark(START + DAY)
    assert desk.outcomes() == {"SYMPTOMS/desk-1#1/SYMPTOM_REPORT": outcome}


def test_who_is_in_quarantine_is_seen_every_day_until_it_ends() -> None:
    desk = Desk()
    desk.say("follow-ups", "QUARANTINE_STARTED", START, task="q", place="HOME")
    for at, outcome in ((22 * HOUR, "SEEN_OK"), (50 * HOUR, "MISSED")):
        desk.say("follow-ups", "ATTEMPT", START + at, task="q", method="VISIT", outcome=outcome)
    desk.say("follow-ups", "QUARANTINE_ENDED", START + 2 * DAY, task="q")
    desk.mark(START + 4 * DAY)
    assert desk.outcomes() == {
        "q/RELEASE": "MET",
        "ONE_TO_ONE_DAILY/q/2020-02-02/DAY": "MET",
        "ONE_TO_ONE_DAILY/q/2020-02-03/DAY": "BREACHED",
        "ONE_TO_ONE_DAILY/q/2020-02-04/DAY": "WITHDRAWN",
    }


def test_who_is_on_a_roster_is_expected_until_another_takes_the_place() -> None:
    desk = Desk()
    for at, member in ((START, PERSON), (START + DAY, OTHER)):
        fields = {"parent": "school-1", "valid_from": START, "member": member, "schedule": "THREE_CHECKS"}
        desk.say("reference", "ROSTER", at, "roster-1", **fields)
    desk.reading(START + 3 * HOUR, 366, slot="NOON")
    desk.reading(START + 9 * HOUR, 366, slot="NOON")
    desk.mark(START + 3 * DAY)
    assert desk.outcomes() == {
        "THREE_CHECKS/roster-1/2020-02-01/NOON": "MET",
        "THREE_CHECKS/roster-1/2020-02-01/EVENING": "BREACHED",
        "THREE_CHECKS/roster-1/2020-02-02/MORNING": "BREACHED",
    }
    assert min(desk.outcomes(OTHER)) == "THREE_CHECKS/roster-1/2020-02-02/EVENING"


@pytest.mark.parametrize(
    ("about", "at", "outcome"),
    [
        (12 * HOUR, 12 * HOUR, "BREACHED"),
        (12 * HOUR + 1, 13 * HOUR, "MET"),
        (36 * HOUR, 52 * HOUR, "MET"),
        (36 * HOUR, 52 * HOUR + 1, "LATE"),
        (36 * HOUR + 1, 37 * HOUR, "BREACHED"),
    ],
)
def test_a_report_is_of_the_slot_that_its_period_ends_in(about: int, at: int, outcome: str) -> None:
    desk = Desk()
    fields = {"parent": "city", "valid_from": START, "member": "unit-1", "schedule": "DAILY_REPORT"}
    desk.say("reference", "ROSTER", START, "roster-1", **fields, indicator="patrols", valid_until=START + DAY)
    desk.say("reports", "ZERO_REPORT", START + at, "unit-1", indicator="patrols", period_until=START + about)
    desk.say("reports", "ZERO_REPORT", START + at, "unit-1", indicator="disputes", period_until=START + 20 * HOUR)
    desk.mark(START + 4 * DAY)
    assert desk.outcomes("unit-1") == {"DAILY_REPORT/roster-1/2020-02-02/DAY": outcome}


def test_the_case_of_a_firm_is_assigned_served_and_reported_on_its_day() -> None:
    desk = Desk()
    desk.say("reports", "MATTER_OPENED", START, "unit-1", matter="m", matter_kind="FIRM_CASE", involves_firm=True)
    desk.say("reports", "MATTER_OPENED", START, "unit-1", matter="n", matter_kind="FIRM_CASE", involves_firm=False)
    desk.say("reports", "MATTER_STEP", START + 16 * HOUR - 1, "unit-1", matter="m", step="ASSIGNED")
    desk.say("reports", "MATTER_STEP", START + 16 * HOUR, "unit-1", matter="m", step="SERVED")
    desk.mark(START + DAY)
    assert desk.outcomes("unit-1") == {"m/CASE_ASSIGNED": "MET", "m/CASE_SERVED": "LATE", "m/CASE_REPORTED": "BREACHED"}


@pytest.mark.parametrize(
    ("lifted_after", "back_after", "outcome"),
    [
        (None, None, "BREACHED"),
        (34 * HOUR + SETTLED, None, "MET"),
        (34 * HOUR + SETTLED + 1, None, "LATE"),
        (9 * HOUR, None, None),
        (None, 20 * HOUR, None),
        (15 * HOUR, 20 * HOUR, "MET"),
    ],
)
def test_an_order_is_lifted_within_a_day_of_the_downgrade(
    lifted_after: int | None, back_after: int | None, outcome: str | None
) -> None:
    desk = Desk()
    desk.say("reference", "DIVISION", START, "330301", name_en="district", name_zh="区", parent="330300")
    tiers = [(0, "HIGH"), (10 * HOUR, "LOW")] + ([] if back_after is None else [(back_after, "HIGH")])
    for after, tier in tiers:
        desk.say("reference", "RISK_AREA", START + after, "330300", tier=tier, valid_from=START + after)
    order = {"division": "330301", "valid_from": START + HOUR}
    desk.say("reference", "CLOSURE_ORDER", START + HOUR, "order-1", **order)
    if lifted_after is not None:
        until = START + lifted_after
        desk.say("reference", "CLOSURE_ORDER", until, "order-1", **order, valid_until=until)
    desk.mark(START + 4 * DAY)
    assert desk.outcomes("order-1") == ({} if outcome is None else {"order-1/LIFTING": outcome})
