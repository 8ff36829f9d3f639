"""The Weihai campaign against its rules (seed 002): deadlines, schedules, schools, stations and stocks."""

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest

from replay.campaigns.drafts import local
from replay.campaigns.weihai import WEIHAI, reference_events
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, PERIOD_FROM, PERIOD_UNTIL, UNTIL, midnight
from replay.campaigns.weihai_expected import POLICY, policy, programme_named, schedule_named, windows
from replay.campaigns.weihai_places import SCHOOLS, TOWNS, ZONE, alert_tokens
from replay.campaigns.weihai_reports import REPORTING, STOCKS
from replay.campaigns.weihai_sampling import CANTEEN, KEY_AREA, KEY_CLASSES, NEVER_TESTED, TRADERS
from replay.campaigns.weihai_schools import (
    ABSENCES,
    ABSENT_TODAY,
    FROM,
    LATE,
    NOT_MEASURED,
    PUPILS,
    SILENT,
    TWO_REPORTS,
    pupils,
)
from replay.campaigns.weihai_venues import NOT_CHECKED
from replay.campaigns.weihai_venues import TRADERS as TRADERS_AT_THE_MARKET
from schemas import events
from schemas.codes import DecisionOutcome, DivisionLevel
from schemas.divisions import BadDivisionCode, DivisionTree, check_code, code_level
from streams.admission import Entry, advise, zones
from streams.clocks import Clock, outcome
from streams.facts import PersonFact, facts_of
from streams.reports import UnitFact
from streams.reports import clocks as unit_clocks_of
from streams.reports import facts_of as report_facts_of
from streams.tasks import Tasks
from tests.unit.replay.seed_campaign import outcomes, reference_of, run_of

NAME = WEIHAI.name
HOUR = 3_600_000
Row = dict[str, Any]


def rows(topic: str, kind: str) -> list[tuple[str, Row]]:
    return run_of(NAME).rows(topic, kind)


@cache
def person_clocks() -> dict[str, Clock]:
    """Clocks of all persons by the end of the run, but those of leads."""
    found: dict[str, Clock] = {}
    reference = reference_of(NAME)
    facts: dict[str, list[PersonFact]] = defaultdict(list)
    for topic in ("follow-ups", "temperatures"):
        for token, row in run_of(NAME).plain.events[topic]:
            facts[token] += facts_of(topic, row)
    for key, row in reference.expectations("persons", 0, 10_000)[0]:
        facts[key.decode()] += facts_of("reference", row)
    for of_person in facts.values():
        found |= Tasks(of_person, reference.policies.in_effect).clocks(UNTIL, UNTIL - PERIOD_FROM)
    return found


def report_clocks(schedule: str, as_of: int) -> dict[str, Clock]:
    """Clocks of reports that a schedule expects of units, as of a time."""
    found: dict[str, Clock] = {}
    reference = reference_of(NAME)
    facts: dict[str, list[UnitFact]] = defaultdict(list)
    for unit, row in run_of(NAME).plain.events["reports"]:
        facts[unit].append(report_facts_of(row))
    for key, row in reference.expectations("units", 0, 10_000)[0]:
        facts[key.decode()].append(report_facts_of(row))
    for of_unit in facts.values():
        found |= unit_clocks_of(of_unit, reference, as_of)
    return {clock_id: clock for clock_id, clock in found.items() if clock.deadline_class == schedule}


def ended(clocks: dict[str, Clock], how: str, as_of: int = UNTIL) -> set[str]:
    return {clock_id for clock_id, clock in clocks.items() if outcome(clock, as_of).value == how}


# ---- places


@pytest.mark.row("A002-34")
def test_the_policy_of_the_source_is_in_effect_before_anything_happens() -> None:
    (published,) = [row for _, row in rows("reference", "POLICY_VERSION")]
    assert published["sent_at"] < PERIOD_FROM
    assert {reference_of(NAME).policies.in_effect(at).id for at in (PERIOD_FROM, PERIOD_UNTIL - 1)} == {POLICY}


def test_t12_the_zone_is_no_division_of_the_standard_and_has_a_code_of_our_own() -> None:
    with pytest.raises(BadDivisionCode, match="371071"):
        check_code("371071")
    divisions = {event.entity_id: event for event in reference_events(1) if isinstance(event, events.Division)}
    assert divisions[ZONE].level == DivisionLevel.FUNCTIONAL_ZONE
    assert divisions[ZONE].parent == "371000"
    assert {divisions[town].parent for town in TOWNS} == {ZONE}
    for code, division in divisions.items():
        assert check_code(code) == code_level(code) == division.level
    tree = DivisionTree({**row, "entity_id": code} for code, row in rows("reference", "DIVISION"))
    assert tree.is_within("371002903201", ZONE, UNTIL)
    assert not tree.is_within("371002903201", "371002", UNTIL)


@pytest.mark.row("A002-19")
def test_estates_are_closed_within_a_day_and_a_half_guarded_and_opened_again() -> None:
    orders: dict[str, list[Row]] = defaultdict(list)
    for order, row in rows("reference", "CLOSURE_ORDER"):
        orders[order].append(row)
    estates = {order: versions for order, versions in orders.items() if versions[0]["category"] == "ESTATE_CLOSURE"}
    assert len(estates) == 132
    for versions in estates.values():
        first, last = sorted(versions, key=lambda row: row["sent_at"])
        assert first["sent_at"] < first["valid_from"]
        assert (first["valid_until"], last["valid_from"]) == (None, first["valid_from"])
        assert last["valid_until"] > local("2020-03-16T00:00")
    at_gates = [row for _, row in rows("check-ins", "DECISION") if row["site_kind"] == "COMMUNITY"]
    assert Counter(row["decision"] for row in at_gates) == {"ADMITTED": 6, "REFUSED": 3, "REFERRED": 3}


# ---- leads, tests, hand-overs


@pytest.mark.row("A002-06")
def test_t2_leads_bind_to_24_or_48_hours_or_the_same_day_and_few_are_late() -> None:
    verified = {row["lead_id"]: row["occurred_at"] for _, row in rows("follow-ups", "LEAD_VERIFIED")}
    late = Counter[str]()
    for _, row in rows("follow-ups", "LEAD_OPENED"):
        rule = policy().deadline(row["push_mode"], row["home_province"])
        assert rule is not None
        if not row["lead_id"].startswith("wh-last-"):
            late[rule.deadline_class] += verified[row["lead_id"]] > rule.due_at(row["received_at"], 480)
    assert late.keys() == {"SAME_DAY", "HOURS_24", "HOURS_48"}
    assert all(late.values())
    assert late.total() < 0.05 * len(verified)


@pytest.mark.row("A002-06")
def test_t9_leads_of_the_last_evening_are_verified_in_the_new_year_and_are_not_counted() -> None:
    last = {row["lead_id"] for _, row in rows("follow-ups", "LEAD_OPENED") if row["lead_id"].startswith("wh-last-")}
    times = [row["occurred_at"] for _, row in rows("follow-ups", "LEAD_VERIFIED") if row["lead_id"] in last]
    assert len(times) == len(last) == 7
    assert min(times) > PERIOD_UNTIL


@pytest.mark.row("A002-37", "A002-09")
def test_people_are_sought_by_all_three_ways_and_the_desk_by_systems_only_at_all_hours() -> None:
    of_teams = [row for _, row in rows("follow-ups", "ATTEMPT") if (row["unit"] or "").startswith("wh-team-")]
    assert {row["method"] for row in of_teams} == {"SYSTEM", "PHONE", "VISIT"}
    desk = [row for _, row in rows("follow-ups", "ATTEMPT") if row["unit"] == "wh-psb-data-desk"]
    assert {row["method"] for row in desk} == {"SYSTEM"}
    assert {(row["occurred_at"] // HOUR + 8) % 24 for row in desk} == set(range(24))
    heard = [unit for unit, _ in rows("reports", "HEARTBEAT")]
    assert heard == ["wh-psb-data-desk"] * ((PERIOD_UNTIL - PERIOD_FROM) // DAY_MS)


@pytest.mark.row("A002-08", "A002-34")
def test_who_was_in_a_risk_area_is_handed_over_entered_by_the_town_and_followed_for_a_fortnight() -> None:
    hits = [row for _, row in rows("follow-ups", "TRANSFER_STARTED") if row["unit"] == "wh-psb-task-force"]
    accepted = {row["task"]: row for _, row in rows("follow-ups", "TRANSFER_ACCEPTED")}
    tracks = [row for _, row in rows("follow-ups", "FOLLOW_UP_STARTED") if row["programme"] == "RISK_AREA_ARRIVAL"]
    assert len(hits) == len(tracks) > 0
    assert {row["unit"] for row in tracks} == {accepted[row["task"]]["unit"] for row in hits}
    waits = sorted(accepted[row["task"]]["occurred_at"] - row["occurred_at"] for row in hits)
    assert waits[0] == 20 * MINUTE_MS
    assert waits[-1] > 2 * HOUR


@pytest.mark.row("A002-07", "A002-03", "A002-35")
def test_who_is_due_for_a_test_and_was_not_tested_stands_out() -> None:
    found = outcomes(person_clocks(), UNTIL)
    assert found["TEST_DUE", "BREACHED"] == NEVER_TESTED
    assert found["TEST_DUE", "LATE"] > 20
    overdue = {clock.lead_id for clock in person_clocks().values() if outcome(clock, UNTIL).value == "BREACHED"}
    missed = {row["task"] for _, row in rows("follow-ups", "TEST_DUE") if row["task"].startswith("wh-test-missed-")}
    assert missed == {task for task in overdue if task.startswith("wh-test-")}


@pytest.mark.row("A002-07")
def test_those_tested_after_a_stay_in_a_key_area_are_the_persons_of_the_leads() -> None:
    verified = {token for token, _ in rows("follow-ups", "LEAD_VERIFIED")}
    tested = {token for token, row in rows("follow-ups", "TEST_TAKEN") if row["population"] == KEY_AREA}
    assert tested
    assert tested <= verified


@pytest.mark.row("A002-35", "A002-03")
def test_traders_and_canteen_staff_are_tested_again_and_again_and_every_periodic_class_is_asked_to() -> None:
    due = Counter(row["population"] for _, row in rows("follow-ups", "TEST_DUE"))
    assert due.keys() == {one.population for one in KEY_CLASSES if one.periodic} | {KEY_AREA}
    for population in (TRADERS, CANTEEN):
        taken = Counter(token for token, row in rows("follow-ups", "TEST_TAKEN") if row["population"] == population)
        assert max(taken.values()) > 1
    canteens = {row["unit"] for _, row in rows("follow-ups", "TEST_DUE") if row["population"] == CANTEEN}
    assert canteens == set(SCHOOLS)


# ---- programmes


@pytest.mark.row("A002-01", "A002-26", "A002-34")
def test_who_is_held_or_tracked_is_released_when_the_stop_criterion_holds_and_few_too_late() -> None:
    found = outcomes(person_clocks(), UNTIL)
    starts = len(rows("follow-ups", "QUARANTINE_STARTED")) + len(rows("follow-ups", "FOLLOW_UP_STARTED"))
    assert found["RELEASE", "MET"] + found["RELEASE", "LATE"] == starts
    assert found["RELEASE", "LATE"] == 13 + len(rows("follow-ups", "QUARANTINE_STARTED")) // 50
    assert programme_named("FOREIGN_ARRIVAL_14D").days == 14
    assert found["ONE_TO_ONE_DAILY", "MET"] == 14 * len(rows("follow-ups", "QUARANTINE_STARTED"))


# ---- stations and roads


@pytest.mark.row("A002-12", "A002-13", "A002-14", "A002-21", "A002-24")
def test_what_was_decided_at_the_gates_is_what_the_policy_advises() -> None:
    measured = {row["passage_id"]: row["value_tenths"] for _, row in rows("temperatures", "READING")}
    passages = {row["passage_id"]: row for _, row in rows("check-ins", "PASSAGE") if row["subject_kind"] == "PERSON"}
    seen = Counter[tuple[str, str]]()
    for _, row in rows("check-ins", "DECISION"):
        if (passage := passages.get(row["passage_id"])) and row["site_kind"] != "COMMUNITY":
            advice = advise(policy(), Entry.of_passage(passage, measured.get(row["passage_id"])))
            assert advice.outcome == row["decision"], passage
            seen[row["site_kind"], row["decision"]] += 1
    assert seen["SCHOOL", "REFUSED"] == 8
    assert seen["SCHOOL", "ADMITTED"] == 4
    assert {decision for kind, decision in seen if kind in ("RAIL", "COACH", "SEAPORT")} == {"REFERRED", "ADMITTED"}
    assert {decision for kind, decision in seen if kind == "VENUE"} == {"ADMITTED", "REFUSED", "REFERRED"}


@pytest.mark.row("A002-12")
def test_everyone_who_arrives_is_measured_and_registered_with_an_identity() -> None:
    read = {row["passage_id"] for _, row in rows("temperatures", "READING") if row["method"] == "THERMAL_IMAGER"}
    arrived = [row for _, row in rows("check-ins", "PASSAGE") if (row["passage_id"] or "").startswith("wh-arrival-")]
    assert {row["passage_id"] for row in arrived} == read
    assert all(row["identity_checked"] for row in arrived)
    assert {row["site_kind"] for row in arrived} == {"RAIL", "COACH", "SEAPORT"}


@pytest.mark.row("A002-13")
def test_codes_and_high_temperatures_are_handed_to_the_health_service_mostly_in_time() -> None:
    started = {row["task"]: row for _, row in rows("follow-ups", "TRANSFER_STARTED")}
    of_stations = {task: row for task, row in started.items() if row["unit"] == "wh-psb-stations"}
    reasons = Counter(row["reason"] for row in of_stations.values())
    assert reasons == {"yellow code": 120, "high temperature": 60, "red code": 20}
    accepted = {row["task"] for _, row in rows("follow-ups", "TRANSFER_ACCEPTED")}
    assert accepted >= of_stations.keys()
    late = [name for name in ended(person_clocks(), "LATE") if name.startswith("wh-transfer-")]
    assert len(late) == 200 // 16


@pytest.mark.row("A002-14")
def test_the_zone_of_a_traveller_is_one_that_the_flow_leads_through() -> None:
    measured = {row["passage_id"]: row["value_tenths"] for _, row in rows("temperatures", "READING")}
    reference = reference_of(NAME)
    used = Counter[str]()
    for _, row in rows("check-ins", "PASSAGE"):
        if row["zone"] == "NOT_STATED":
            continue
        tier = reference.tier_of(row["origin_area"], row["sent_at"]) if row["origin_area"] else None
        stated = row if tier is None else {**row, "origin_tier": tier}
        flow = zones(policy(), Entry.of_passage(stated, measured[row["passage_id"]]))
        assert row["zone"] in {step.zone for step in flow}, row
        used[row["zone"]] += 1
    assert used.keys() == {"MEASURING", "WAITING", "CODE_CHECK", "RISK_AREA_HANDLING"}


@pytest.mark.row("A002-15", "A002-17")
def test_a_vehicle_is_stopped_while_its_alert_is_valid_and_passes_after_it() -> None:
    alerts = dict(rows("reference", "VEHICLE_ALERT"))
    assert set(alerts) == set(alert_tokens(WEIHAI.seed))
    stopped = {row["passage_id"] for _, row in rows("check-ins", "DECISION") if row["site_kind"] == "ROAD"}
    for token, row in rows("check-ins", "PASSAGE"):
        if token in alerts:
            valid = alerts[token]["valid_from"] <= row["occurred_at"] < alerts[token]["valid_until"]
            assert valid == (row["passage_id"] in stopped)
    assert len(stopped) == len(alerts)
    passes = {one for one, _ in rows("reference", "PASS")}
    shown = {row["pass_id"] for _, row in rows("check-ins", "PASSAGE") if row["pass_id"]}
    assert shown < passes


# ---- schools, traders, units


@pytest.mark.row("A002-22", "A002-25")
def test_t14_three_checks_a_day_are_expected_of_every_pupil_and_those_not_taken_are_missing() -> None:
    found = outcomes(person_clocks(), UNTIL)
    missing = len(NOT_MEASURED) + 3 * len(ABSENCES)
    assert found["THREE_CHECKS", "BREACHED"] == missing
    assert found["THREE_CHECKS", "MET"] == PUPILS * len(SCHOOLS) * 3 * 4 - missing
    gaps = {name for name in ended(person_clocks(), "BREACHED") if name.startswith("THREE_CHECKS/")}
    for pupil, day, slot in NOT_MEASURED:
        assert f"THREE_CHECKS/wh-pupil-{pupil:02d}/2020-09-{day + 1:02d}/{slot}" in gaps


@pytest.mark.row("A002-22")
def test_t8_two_reports_a_day_are_a_number_a_zero_late_or_missing() -> None:
    clocks = report_clocks(TWO_REPORTS, FROM + 10 * DAY_MS)
    assert len(clocks) == 2 * 2 * 4
    slots = [slot.slot for slot in schedule_named(TWO_REPORTS).slots]
    name = "TWO_REPORTS/{}-reports/2020-09-{:02d}/{}".format
    assert ended(clocks, "BREACHED") == {name(SCHOOLS[SILENT[0]], SILENT[1] + 1, slots[SILENT[2]])}
    assert ended(clocks, "LATE") == {name(SCHOOLS[LATE[0]], LATE[1] + 1, slots[LATE[2]])}
    kinds = {
        kind
        for kind in ("INDICATOR", "ZERO_REPORT")
        for _, row in rows("reports", kind)
        if row["indicator"] == ABSENT_TODAY
    }
    assert kinds == {"INDICATOR", "ZERO_REPORT"}


@pytest.mark.row("A002-23")
def test_an_absent_pupil_is_asked_after_on_the_day_or_too_late() -> None:
    found = outcomes(person_clocks(), UNTIL)
    assert {how: found["ABSENCE", how] for how in ("MET", "LATE", "BREACHED")} == {"MET": 3, "LATE": 1, "BREACHED": 0}
    absent = {token for token, _ in rows("follow-ups", "ABSENCE")}
    assert absent < set(pupils(WEIHAI.seed))


@pytest.mark.row("A002-24")
def test_t1_at_a_school_37_3_enters_and_37_4_does_not() -> None:
    measured = {row["passage_id"]: row["value_tenths"] for _, row in rows("temperatures", "READING")}
    decided = {
        measured[row["passage_id"]]: row["decision"]
        for _, row in rows("check-ins", "DECISION")
        if row["site_kind"] == "SCHOOL" and measured.get(row["passage_id"], 0) >= 373
    }
    assert decided == {373: "ADMITTED", 374: "REFUSED", 381: "REFUSED"}


@pytest.mark.row("A002-36")
def test_leave_is_decided_and_who_comes_back_late_is_late() -> None:
    found = outcomes(person_clocks(), UNTIL)
    assert found["LEAVE_DECISION", "MET"] == 3
    assert [
        row["approved"] for _, row in sorted(rows("follow-ups", "LEAVE_DECIDED"), key=lambda one: one[1]["task"])
    ] == [
        True,
        True,
        False,
    ]
    assert found["LEAVE_RETURN", "MET"] == found["LEAVE_RETURN", "LATE"] == 1


@pytest.mark.row("A002-21")
def test_traders_are_measured_every_day_and_those_who_were_not_are_missing() -> None:
    found = outcomes(person_clocks(), UNTIL)
    assert found["DAILY_TRADER_CHECK", "BREACHED"] == len(NOT_CHECKED)
    assert found["DAILY_TRADER_CHECK", "MET"] == 4 * TRADERS_AT_THE_MARKET - len(NOT_CHECKED)
    passed = [row for _, row in rows("check-ins", "PASSAGE") if row["role"] == "TRADER"]
    assert len(passed) == found["DAILY_TRADER_CHECK", "MET"]
    assert all(row["mask_worn"] for row in passed)


@pytest.mark.row("A002-20", "A002-30", "A002-32")
@pytest.mark.parametrize("schedule", ["DAILY_REPORT", "TWO_INSPECTIONS"])
def test_t8_units_report_by_their_schedule_and_silence_is_a_breach(schedule: str) -> None:
    reporting = [one for one in REPORTING if one.schedule == schedule]
    clocks = report_clocks(schedule, midnight(reporting[0].until) + 5 * DAY_MS)
    silent = sum(value is None for one in reporting for value in one.values)
    assert len(clocks) == sum(len(one.values) for one in reporting)
    assert len(ended(clocks, "BREACHED")) == silent > 0
    assert len(ended(clocks, "MET")) == len(clocks) - silent
    days = list(windows(schedule, midnight(reporting[0].since), midnight(reporting[0].until)))
    assert len(days) == len(reporting[0].values)


@pytest.mark.row("A002-30")
def test_disputes_are_numbers_of_towns_and_name_nobody() -> None:
    reported = [
        unit
        for kind in ("INDICATOR", "ZERO_REPORT")
        for unit, row in rows("reports", kind)
        if row["indicator"] == "disputes-found"
    ]
    assert set(reported) == {"wh-town-1", "wh-town-2", "wh-town-3"}


# ---- stocks and supervision


@pytest.mark.row("A002-28")
def test_what_is_in_stock_lasts_a_month_at_the_pace_of_issue_all_year() -> None:
    reserve = policy().supplies
    assert reserve is not None
    assert reserve.reserve_days == 30
    for stock in STOCKS:
        lines = sorted(
            (row for _, row in rows("reports", "SUPPLIES") if row["item"] == stock.item),
            key=lambda row: row["occurred_at"],
        )
        assert len(lines) == 12
        left = 0
        for line in lines:
            left += line["received"] - line["issued"]
            assert line["in_stock"] == left >= line["issued"]


@pytest.mark.row("A002-32")
def test_each_problem_is_solved_on_the_spot_or_noticed_and_most_notices_are_acted_upon() -> None:
    found = dict(rows("enforcement", "FINDING"))
    noticed = {case: row["occurred_at"] for case, row in rows("enforcement", "SUPERVISORY_NOTICE")}
    rectified = {case: row["occurred_at"] for case, row in rows("enforcement", "RECTIFIED")}
    assert {case for case, row in found.items() if not row["solved_on_site"]} == noticed.keys()
    assert len(noticed) - len(rectified) == 4
    assert all(rectified[case] > noticed[case] > found[case]["occurred_at"] for case in rectified)


@pytest.mark.row("A002-11", "A002-31")
def test_unlicensed_cases_are_a_number_and_the_cases_of_vessels_no_others() -> None:
    vessels = {case for case, row in rows("enforcement", "CASE_REGISTERED") if row["category"] == "VESSEL"}
    others = {case for case, row in rows("enforcement", "CASE_REGISTERED") if row["category"] != "VESSEL"}
    assert (len(vessels), len(others)) == (26, 21)
    fined = {case for case, row in rows("enforcement", "DISPOSITION") if row["disposition"] == "FINE"}
    assert fined < vessels
    assert any("OTHER" in line for line in WEIHAI.synthetic)


@pytest.mark.row("A002-18", "A002-25")
def test_schools_and_firms_stand_in_the_registry() -> None:
    schools = {unit for unit, row in rows("reference", "UNIT") if row["category"] == "SCHOOL"}
    assert schools == set(SCHOOLS)
    ledger = {row["member"] for _, row in rows("reference", "ROSTER") if row["schedule"] == "THREE_CHECKS"}
    assert ledger == set(pupils(WEIHAI.seed))
    closed = [row["valid_from"] for _, row in rows("reference", "CLOSURE_ORDER") if row["category"] == "SCHOOL_CLOSURE"]
    assert set(closed) == {midnight("2020-01-26")}


def test_equal_arguments_give_equal_events_and_another_seed_gives_others() -> None:
    first, again, other = (reference_events(seed) for seed in (1, 1, 2))
    assert first == again != other
    assert DecisionOutcome.REFUSED in {row["decision"] for _, row in rows("check-ins", "DECISION")}
