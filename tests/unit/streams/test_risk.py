"""Risk as a pure function of facts and reference."""

from typing import Any

import pytest

from schemas import events
from schemas.events import Event
from schemas.policy import policy_text
from schemas.validity import Limits
from streams.facts import PersonFact, facts_of
from streams.reference import Reference
from streams.risk import Segment, timeline, verdict
from tests.support.people import DAY, HOUR, NOON, Desk


def facts(*published: Event) -> list[PersonFact]:
    records = [event.record() for event in published]
    return [fact for topic, _, row in records for fact in facts_of(topic, row)]


def only(*published: Event, reference: Reference | None = None) -> Segment:
    (segment,) = timeline(facts(*published), reference or Reference(Limits()))
    return segment


def risk_area(area: str, tier: str, valid_from: int, appended_at: int, reference: Reference) -> None:
    desk = Desk("headquarters")
    notice = {"entity_id": area, "tier": tier, "valid_from": valid_from}
    common = {"source": desk.source, "sequence": 1, "zone_offset_minutes": 480}
    row = events.RiskArea(occurred_at=valid_from, sent_at=valid_from, **common, **notice).record().row
    reference.add(area, row, appended_at)


@pytest.mark.row("A002-24")
@pytest.mark.parametrize(
    ("site_kind", "value_tenths", "crosses"),
    [("SCHOOL", 373, False), ("SCHOOL", 374, True), ("RAIL", 372, False), ("RAIL", 373, True)],
)
def test_t1_threshold_and_comparator_belong_to_the_kind_of_site(
    site_kind: str, value_tenths: int, crosses: bool
) -> None:
    assert bool(timeline(facts(Desk().reading(value_tenths, site_kind=site_kind)), Reference(Limits()))) is crosses


def test_a_thermal_reading_counts_for_a_day_at_most() -> None:
    segment = only(Desk().reading(385))
    assert (segment.start, segment.until, segment.level, segment.rule) == (
        NOON,
        NOON + 24 * HOUR,
        "HIGH",
        "temperature",
    )


def test_a_reading_counts_only_until_the_one_that_confirms_it() -> None:
    desk = Desk()
    high = desk.reading(385)
    normal = desk.reading(366, NOON + HOUR, confirms_source=high.source, confirms_sequence=high.sequence)
    assert only(high, normal).until == NOON + HOUR


def test_a_confirming_reading_over_the_threshold_carries_its_own_day() -> None:
    desk = Desk()
    high = desk.reading(385)
    again = desk.reading(386, NOON + HOUR, confirms_source=high.source, confirms_sequence=high.sequence)
    assert [(segment.start, segment.until) for segment in timeline(facts(high, again), Reference(Limits()))] == [
        (NOON, NOON + HOUR),
        (NOON + HOUR, NOON + 25 * HOUR),
    ]


@pytest.mark.row("A002-13")
@pytest.mark.parametrize(("code", "level"), [("YELLOW", "MEDIUM"), ("RED", "HIGH")])
def test_a_code_that_is_not_green_is_a_risk(code: str, level: str) -> None:
    assert only(Desk().passage(health_code=code)).level == level


def test_no_code_shown_is_no_risk() -> None:
    assert timeline(facts(Desk().passage(health_code="NONE_SHOWN")), Reference(Limits())) == []


def test_origin_in_a_risk_area_counts_fourteen_days_by_the_device_s_word() -> None:
    segment = only(Desk().passage(origin_area="420100", origin_tier="HIGH"))
    assert (segment.level, segment.rule, segment.until) == ("HIGH", "origin_area", NOON + 14 * DAY)


@pytest.mark.row("A004-03", "A004-05")
def test_origin_in_a_risk_area_is_known_from_the_reference_in_effect() -> None:
    reference = Reference(Limits())
    risk_area("420100", "MEDIUM", NOON - DAY, NOON - DAY, reference)
    assert only(Desk().passage(origin_area="420100"), reference=reference).level == "MEDIUM"


@pytest.mark.row("A004-05")
def test_a_notice_about_the_past_does_not_change_what_was_decided_before_it_arrived() -> None:
    reference = Reference(Limits())
    risk_area("420100", "HIGH", NOON - 5 * DAY, NOON, reference)
    before = Desk().passage(NOON - DAY, origin_area="420100")
    assert timeline(facts(before), reference) == []


def test_a_lead_on_a_contact_is_a_risk_until_it_is_closed() -> None:
    desk = Desk()
    lead = desk.lead(lead_source="CASE_OR_CONTACT")
    closed = desk.event(events.LeadClosed, NOON + DAY, lead_id="lead-1", reason="no contact after all")
    assert only(lead).until == NOON + 14 * DAY
    assert only(lead, closed).until == NOON + DAY


def test_t3_registered_residence_is_no_input_of_risk() -> None:
    here = Desk().lead(home_province=True, lead_source="CASE_OR_CONTACT")
    away = Desk().lead(home_province=False, lead_source="CASE_OR_CONTACT")
    assert only(here) == only(away)


def test_overlapping_facts_give_the_highest_level_with_its_evidence() -> None:
    desk = Desk()
    yellow, fever = desk.passage(health_code="YELLOW"), desk.reading(385, NOON + HOUR)
    found = timeline(facts(yellow, fever), Reference(Limits()))
    assert [(segment.level, segment.rule, segment.evidence) for segment in found] == [
        ("MEDIUM", "health_code", ("desk-1#1",)),
        ("HIGH", "temperature", ("desk-1#2",)),
    ]


def test_a_correction_takes_a_fact_back() -> None:
    desk = Desk()
    fever = desk.reading(385)
    correction = desk.event(
        events.Correction, NOON + HOUR, corrects_source="desk-1", corrects_sequence=1, reason="broken instrument"
    )
    assert timeline(facts(fever, correction), Reference(Limits())) == []


def test_an_appeal_upheld_takes_a_fact_back_and_one_dismissed_does_not() -> None:
    for upheld, segments in ((True, 0), (False, 1)):
        desk = Desk()
        answer = {"task": "appeal-1", "upheld": upheld, "corrects_source": "desk-1", "corrects_sequence": 1}
        published = desk.passage(health_code="RED"), desk.event(events.AppealAnswered, NOON + HOUR, **answer)
        assert len(timeline(facts(*published), Reference(Limits()))) == segments


def test_the_verdict_is_the_segment_in_force() -> None:
    segments = timeline(facts(Desk().reading(385)), Reference(Limits()))
    assert verdict(segments, NOON - 1) is None
    assert verdict(segments, NOON) == segments[0]
    assert verdict(segments, NOON + 24 * HOUR) is None


@pytest.mark.row("A004-02")
def test_symptoms_count_wherever_they_are_stated() -> None:
    desk = Desk()
    attempt: dict[str, Any] = {"method": "PHONE", "outcome": "SEEN_NOT_OK", "symptoms": ["FEVER"]}
    stated = [
        desk.passage(symptoms=["FEVER"]),
        desk.reading(366, symptoms=["FEVER"]),
        desk.event(events.Attempt, **attempt),
    ]
    for event in stated:
        segment = only(event)
        assert (segment.level, segment.rule, segment.until) == ("MEDIUM", "symptoms", NOON + 72 * HOUR)


def test_a_segment_names_sixteen_of_its_events_at_most() -> None:
    desk = Desk("stuck-1")
    fevers = [desk.reading(385, NOON + minute * 60_000) for minute in range(300)]
    found = timeline(facts(*fevers), Reference(Limits()))
    assert max(len(segment.evidence) for segment in found) == 16
    assert (found[0].start, found[-1].until) == (NOON, NOON + 299 * 60_000 + DAY)
    assert sum(len(" ".join(segment.evidence)) for segment in found) < 100_000


def test_a_notice_published_again_does_not_take_effect_again() -> None:
    reference = Reference(Limits())
    risk_area("420100", "HIGH", NOON - 3 * DAY, NOON - 3 * DAY, reference)
    risk_area("420100", "LOW", NOON - 2 * DAY, NOON - 2 * DAY, reference)
    risk_area("420100", "HIGH", NOON - 3 * DAY, NOON - DAY, reference)
    assert timeline(facts(Desk().passage(origin_area="420100")), reference) == []


def test_a_policy_published_again_does_not_take_effect_again() -> None:
    reference, desk = Reference(Limits()), Desk("headquarters")
    for version, threshold, day in ((2, 360, -3), (3, 380, -2), (2, 360, -1)):
        text = policy_text().replace("version = 1", f"version = {version}").replace("= 373", f"= {threshold}")
        row = {"kind": "POLICY_VERSION", "source": desk.source, "sequence": version, "document": text}
        reference.add("policy", {**row, "valid_from": NOON - 4 * DAY}, NOON + day * DAY)
    assert timeline(facts(Desk().reading(375)), reference) == []


def test_an_appeal_that_names_half_an_event_takes_nothing_back() -> None:
    desk = Desk()
    answer = {"task": "appeal-1", "upheld": True, "corrects_source": "desk-1"}
    published = desk.passage(health_code="RED"), desk.event(events.AppealAnswered, NOON + HOUR, **answer)
    assert len(timeline(facts(*published), Reference(Limits()))) == 1
