"""The Qingdao campaign against its source: identities, traps T4, T5, T7 to T10, T13, and what makes clocks worth it."""

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import polars as pl
import pytest

from replay.campaigns import campaign_named
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, ENTRIES_UNTIL, TO_DATE, UNTIL
from replay.campaigns.qingdao_indicators import INDICATORS
from replay.campaigns.qingdao_places import reference_events
from replay.campaigns.qingdao_reports import DAILY_INDICATOR, DAILY_REPORTERS, SILENT
from replay.emission import Emission
from replay.simulate import simulate
from schemas.codes import ClockOutcome, UnitOfCount
from schemas.events import PolicyVersion
from schemas.policy import parse_policy
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.columns import ColumnCodec
from sinks.figures import expected_at
from streams.clocks import Clock, outcome
from streams.facts import PersonFact, facts_of
from streams.person_clocks import clocks
from streams.reference import Reference
from streams.reports import ReportState, status
from streams.reports import facts_of as report_facts_of
from tests.support.batches import Sent, record_batch
from tests.unit.replay.small_campaign import NAME, SCALE, small_count

DAY = 24 * 3_600_000


def rows(topic: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(key, row) for key, row in small_count().events[topic] if row["kind"] == kind]


def test_cases_are_214_in_six_categories() -> None:
    categories = Counter(row["category"] for _, row in rows("enforcement", "CASE_REGISTERED"))
    assert categories == {
        "DISTURBING_ORDER": 68,
        "RUMOUR": 59,
        "COUNTERFEIT": 6,
        "FRAUD": 19,
        "WILDLIFE": 1,
        "OTHER": 61,
    }
    assert categories.total() == 214


def test_persons_are_259_in_seven_dispositions() -> None:
    found = rows("enforcement", "DISPOSITION")
    dispositions = Counter(row["disposition"] for _, row in found)
    assert dispositions == {
        "CRIMINAL_DETENTION": 23,
        "BAIL": 15,
        "RESIDENTIAL_SURVEILLANCE": 1,
        "ADMINISTRATIVE_DETENTION": 54,
        "FINE": 13,
        "WARNING": 2,
        "EDUCATION_REPRIMAND": 151,
    }
    assert dispositions.total() == 259 == len({row["party_token"] for _, row in found})


def test_a_case_is_registered_before_anyone_is_dealt_with_and_every_case_has_someone() -> None:
    registered = {case: row["occurred_at"] for case, row in rows("enforcement", "CASE_REGISTERED")}
    dealt_with = rows("enforcement", "DISPOSITION")
    assert {case for case, _ in dealt_with} == registered.keys()
    assert all(registered[case] < row["occurred_at"] <= TO_DATE for case, row in dealt_with)


def test_a_bare_refusal_is_a_decision_and_never_a_case() -> None:
    decisions = Counter(row["decision"] for _, row in rows("check-ins", "DECISION"))
    assert decisions["REFUSED"] > 0
    assert Counter(row["category"] for _, row in rows("enforcement", "CASE_REGISTERED"))["DISTURBING_ORDER"] == 68


def test_t7_feedback_lags_dispatch_by_751_leads_at_the_conference() -> None:
    steps: list[Sent] = []

    def keep(emission: Emission) -> None:
        if emission.topic == "follow-ups":
            steps.append(Sent(emission.key, emission.value, emission.appended_at))

    simulate(campaign_named(NAME), keep, SCALE)
    wanted = ["kind", "source", "sequence", "occurred_at", "sent_at", "lead_id"]
    frame = ColumnCodec(default_registry(), "follow-ups", wanted).decode([record_batch(steps)]).frame
    # Poison names no lead; of two contents the one sent first counts.
    events = frame.filter(pl.col("lead_id").is_not_null() & ~pl.col("source").str.starts_with("faulty"))
    planned = events.sort("sent_at").unique(["source", "sequence"], keep="first", maintain_order=True)
    known = planned.filter(pl.col("occurred_at") <= TO_DATE)
    dispatched = set(known.filter(pl.col("kind") == "LEAD_DISPATCHED")["lead_id"])
    reported = set(known.filter(pl.col("kind") == "LEAD_REPORTED_BACK")["lead_id"])
    assert len(dispatched) == 46_616
    assert len(reported) == 45_865
    assert len(dispatched - reported) == 751 == 46_616 - 45_865


def test_entries_at_a_scale_are_the_published_totals_times_the_scale() -> None:
    figures = small_count().figures
    assert figures["A000-03/motorway-vehicles"] == expected_at(1_376_000, SCALE) == 688
    assert figures["A000-03/motorway-persons"] == expected_at(3_836_000, SCALE) == 1918
    assert figures["A000-03/roads"] == expected_at(1_916_000, SCALE) == 958
    assert figures["A000-03/stations"] == expected_at(1_920_000, SCALE) == 960


def test_t4_roads_and_vehicles_count_subjects_and_the_other_entries_count_passages() -> None:
    subjects: dict[tuple[str, str], list[str]] = defaultdict(list)
    for token, row in rows("check-ins", "PASSAGE"):
        subjects[row["site_kind"], row["subject_kind"]].append(token)
    for once in (subjects["ROAD", "PERSON"], subjects["MOTORWAY", "VEHICLE"]):
        assert len(once) == len(set(once))
    assert len(subjects["MOTORWAY", "PERSON"]) > len(set(subjects["MOTORWAY", "PERSON"]))
    assert len(subjects["RAIL", "PERSON"]) > len(set(subjects["RAIL", "PERSON"]))


def test_t4_every_indicator_states_its_unit() -> None:
    units = {(unit, row["indicator"]): row["unit_of_count"] for unit, row in rows("reports", "INDICATOR")}
    assert all(units[item.unit, item.indicator] == item.unit_of_count.value for item in INDICATORS)
    assert UnitOfCount.NOT_STATED.value not in units.values()


def test_t5_rounded_and_lower_bound_figures_say_so() -> None:
    last = {(unit, row["indicator"]): row for unit, row in rows("reports", "INDICATOR")}
    bounded = {place for place, row in last.items() if row["lower_bound"]}
    assert bounded == {
        ("qd-court", "internet-courts-text"),
        ("qd-commerce", "food-supplied"),
        ("qd-jiaozhou", "psychological-team"),
    }
    rounded = {place: row["rounded_to"] for place, row in last.items() if row["rounded_to"] > 1}
    assert rounded == {
        ("qd-hq", "grids"): 1000,
        ("qd-hq", "community-party-members"): 1000,
        ("qd-hq", "agency-party-members"): 1000,
        ("qd-hq", "grid-workers"): 1000,
        ("qd-civil-affairs", "relief-paid"): 10_000,
        ("qd-commerce", "food-supplied"): 10_000,
        ("qd-chengyang", "psychological-services"): 1000,
    }
    assert all(row["value"] % row["rounded_to"] == 0 for _, row in rows("reports", "INDICATOR"))


def test_t8_a_unit_reports_a_number_or_zero_or_is_missing() -> None:
    unit, day = SILENT
    states = set()
    for reporter in DAILY_REPORTERS:
        facts = [report_facts_of(row) for key, row in small_count().events["reports"] if key == reporter]
        for number in range(20):
            until = ENTRIES_FROM + number * DAY + 20 * 3_600_000
            state = status(facts, DAILY_INDICATOR, until, until, UNTIL).state
            assert (state is ReportState.MISSING) == ((reporter, number) == (unit, day))
            states.add(state)
    assert states == {ReportState.REPORTED, ReportState.ZERO, ReportState.MISSING}


def test_t9_entries_of_the_morning_of_the_conference_are_not_in_figures_as_of_19_february() -> None:
    passages = rows("check-ins", "PASSAGE")
    morning = [row for _, row in passages if row["occurred_at"] >= ENTRIES_UNTIL]
    assert morning
    assert max(row["occurred_at"] for row in morning) < TO_DATE
    entering = [row for _, row in passages if row["site_kind"] not in ("COMMUNITY", "WORKPLACE")]
    counted = sum(count for ref, count in small_count().figures.items() if ref.startswith("A000-03/"))
    assert counted == sum(row["occurred_at"] < ENTRIES_UNTIL for row in entering) < len(entering)


def test_t9_the_last_word_on_a_period_counts() -> None:
    filings = [row for unit, row in rows("reports", "INDICATOR") if row["indicator"] == "online-filings"]
    last_period = [row for row in filings if row["period_until"] == TO_DATE]
    assert [row["value"] for row in sorted(last_period, key=lambda row: row["occurred_at"])] == [4508, 4509]
    assert small_count().figures["A000-10/filings"] == 4509


def test_t10_a_lead_takes_its_four_steps_in_order() -> None:
    order = ["LEAD_OPENED", "LEAD_DISPATCHED", "LEAD_LOCATED", "LEAD_VERIFIED", "LEAD_REPORTED_BACK"]
    steps: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for _, row in small_count().events["follow-ups"]:
        if row["kind"] in order:
            steps[row["lead_id"]].append((row["occurred_at"], row["kind"]))
    taken = {lead: [kind for _, kind in sorted(found)] for lead, found in steps.items()}
    assert all(kinds == order[: len(kinds)] for kinds in taken.values())
    assert {len(kinds) for kinds in taken.values()} > {len(order)}


def test_t10_open_leads_stand_in_different_states_at_the_conference() -> None:
    reached: dict[str, int] = Counter(
        row["lead_id"]
        for _, row in small_count().events["follow-ups"]
        if row["kind"].startswith("LEAD_") and row["occurred_at"] <= TO_DATE
    )
    states = Counter(reached.values())
    assert states.keys() == {2, 3, 4, 5}
    assert states[2] + states[3] + states[4] == small_count().figures["A000-02/open"] == 15


def test_t13_heading_and_text_are_two_indicators_of_the_courts() -> None:
    courts = {row["indicator"]: (row["value"], row["lower_bound"]) for _, row in rows("reports", "INDICATOR")}
    assert courts["internet-courts-heading"] == (130, False)
    assert courts["internet-courts-text"] == (130, True)


def test_a_lead_has_one_of_five_sources_and_a_person_may_have_several_leads() -> None:
    opened = rows("follow-ups", "LEAD_OPENED")
    assert {row["lead_source"] for _, row in opened} == {
        "SUPERIOR_NOTICE",
        "BIG_DATA",
        "INTERREGIONAL_REQUEST",
        "PUBLIC_REPORT",
        "CASE_OR_CONTACT",
    }
    assert {(row["push_mode"], row["home_province"]) for _, row in opened} == {
        (mode, home) for mode in ("BATCH", "ROUTINE") for home in (True, False)
    }
    assert len({token for token, _ in opened}) < len(opened)


def test_a_vehicle_and_its_occupants_share_site_and_passage() -> None:
    passages = rows("check-ins", "PASSAGE")
    sites = {row["passage_id"]: row["site"] for _, row in passages if row["subject_kind"] == "VEHICLE"}
    occupants = [row for _, row in passages if row["site_kind"] == "MOTORWAY" and row["subject_kind"] == "PERSON"]
    inside = [row for row in occupants if row["passage_id"] in sites]
    assert all(sites[row["passage_id"]] == row["site"] for row in inside)
    assert len(inside) > 0.9 * len(occupants)


def test_a_high_reading_is_measured_again() -> None:
    readings = {(row["source"], row["sequence"]): row for _, row in rows("temperatures", "READING")}
    confirmed = {(r["confirms_source"], r["confirms_sequence"]) for r in readings.values() if r["confirms_source"]}
    high = {identity for identity, row in readings.items() if row["value_tenths"] >= 373 and not row["confirms_source"]}
    assert confirmed == high
    assert high


LEAD_CLASSES = {"HOURS_24", "HOURS_48", "SAME_DAY"}


@cache
def all_clocks() -> tuple[Clock, ...]:
    reference = Reference(Limits())
    for event in reference_events():
        _, key, row = event.record()
        reference.add(key.decode(), row, row["sent_at"])
    facts: dict[str, list[PersonFact]] = defaultdict(list)
    for token, row in small_count().events["follow-ups"]:
        facts[token].extend(facts_of("follow-ups", row))
    found = [clock for of_person in facts.values() for clock in clocks(of_person, reference).values()]
    assert {clock.deadline_class for clock in found} >= {"TRANSFER"}
    return tuple(clock for clock in found if clock.deadline_class in LEAD_CLASSES)


def test_clocks_of_all_classes_are_met_late_and_breached() -> None:
    assert {clock.deadline_class for clock in all_clocks()} == LEAD_CLASSES
    found = Counter(outcome(clock, UNTIL) for clock in all_clocks())
    assert found.keys() == {ClockOutcome.MET, ClockOutcome.LATE, ClockOutcome.BREACHED}
    assert found[ClockOutcome.MET] > 0.8 * found.total()


def test_some_proof_of_work_done_in_time_is_sent_after_the_deadline() -> None:
    sent = {row["lead_id"]: row["sent_at"] for _, row in rows("follow-ups", "LEAD_VERIFIED")}
    met = [clock for clock in all_clocks() if outcome(clock, UNTIL) is ClockOutcome.MET]
    assert any(sent[clock.lead_id] > clock.due_at for clock in met)


def test_the_last_mark_lies_behind_the_last_deadline() -> None:
    assert max(clock.due_at for clock in all_clocks()) < UNTIL


def test_the_policy_is_published_as_it_is_shipped() -> None:
    (published,) = [event for event in reference_events() if isinstance(event, PolicyVersion)]
    policy = parse_policy(published.document)
    assert published.entity_id == policy.id
    assert published.sent_at < ENTRIES_FROM


@pytest.mark.parametrize("item", INDICATORS, ids=lambda item: item.ref)
def test_every_reported_figure_ends_with_its_published_value(item: Any) -> None:
    assert small_count().figures[item.ref] == item.value
