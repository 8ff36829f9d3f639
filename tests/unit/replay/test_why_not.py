"""Why a verdict is not another: every observation is told with what kept it from giving the level."""

import pytest

from replay.why_not import Looked, Reason, RuleName, WhyNot, why_not
from schemas import events
from schemas.codes import RiskLevel
from schemas.events import Event
from schemas.validity import Limits
from streams.reference import Reference
from tests.support.people import DAY, HOUR, NOON, Desk
from tests.unit.replay.test_explain import known

LATER = NOON + HOUR


def asked(level: RiskLevel, *published: Event, at: int = LATER, reference: Reference | None = None) -> WhyNot:
    return why_not(known(*published, at=at, reference=reference), level)


def high(*published: Event, at: int = LATER, reference: Reference | None = None) -> list[Looked]:
    """What was looked at of observations, when HIGH is asked about."""
    return [one for one in asked(RiskLevel.HIGH, *published, at=at, reference=reference).looked if one.event]


def only(*published: Event, at: int = LATER, reference: Reference | None = None) -> Looked:
    (one,) = high(*published, at=at, reference=reference)
    return one


def test_of_nobody_every_rule_that_can_give_the_level_saw_nothing() -> None:
    found = asked(RiskLevel.HIGH)
    assert found.level is RiskLevel.NONE
    reasons = {one.rule: one.reason for one in found.looked}
    assert reasons.pop(RuleName.SYMPTOMS) is Reason.RULE_GIVES_LESS
    assert reasons == {rule: Reason.NOTHING_OBSERVED for rule in RuleName if rule is not RuleName.SYMPTOMS}


@pytest.mark.parametrize(
    ("site_kind", "value", "said"),
    [("SCHOOL", 373, "threshold over 37.3"), ("RAIL", 372, "threshold at least 37.3")],
)
def test_a_reading_below_the_threshold_is_told_with_threshold_and_source(site_kind: str, value: int, said: str) -> None:
    one = only(Desk().reading(value, site_kind=site_kind))
    assert (one.rule, one.reason, one.event) == (RuleName.TEMPERATURE, Reason.CONDITION_NOT_MET, "desk-1#1")
    assert f"reading {value / 10:.1f}" in one.said
    assert said in one.said
    assert one.said.endswith("not crossed")
    assert "A002-24" in one.said or "national practice" in one.said


def test_a_green_code_is_told() -> None:
    one = only(Desk().passage(health_code="GREEN"))
    assert (one.rule, one.reason) == (RuleName.HEALTH_CODE, Reason.CONDITION_NOT_MET)
    assert one.said == "code was GREEN (green code, 绿码), which gives no level"


def test_a_yellow_code_gives_another_level_than_high() -> None:
    found = asked(RiskLevel.HIGH, Desk().passage(health_code="YELLOW"))
    assert found.level is RiskLevel.MEDIUM
    assert not found.is_above
    (one,) = (one for one in found.looked if one.event)
    assert (one.reason, one.level, one.until) == (Reason.OTHER_LEVEL, RiskLevel.MEDIUM, NOON + DAY)


def test_an_area_that_was_low_in_effect_then_is_told_with_both_words() -> None:
    reference = Reference(Limits())
    common = {"source": "headquarters", "sequence": 1, "zone_offset_minutes": 480, "entity_id": "area-1"}
    times = {"occurred_at": NOON - DAY, "sent_at": NOON - DAY, "valid_from": NOON - DAY}
    notice = events.RiskArea.model_validate({**common, **times, "tier": "LOW"})
    reference.add("area-1", notice.record().row, NOON - DAY)
    one = only(Desk().passage(origin_area="area-1", origin_tier="LOW"), reference=reference)
    assert (one.rule, one.reason) == (RuleName.ORIGIN_AREA, Reason.CONDITION_NOT_MET)
    assert one.said.startswith("area area-1 was LOW (low risk, 低风险) in effect then")


def test_a_lead_of_a_source_without_a_level_is_told() -> None:
    one = only(Desk().lead())
    assert (one.rule, one.reason) == (RuleName.LEAD, Reason.CONDITION_NOT_MET)
    assert one.said == "lead lead-1: source BIG_DATA (big data analysis, 大数据分析) gives no level"


def test_what_a_confirming_reading_ended_names_it() -> None:
    desk = Desk()
    first = desk.reading(385)
    second = desk.reading(366, NOON + HOUR, confirms_source=first.source, confirms_sequence=first.sequence)
    settling, one = high(first, second, at=NOON + 2 * HOUR)
    assert settling.reason is Reason.CONDITION_NOT_MET
    assert (one.reason, one.because, one.until) == (Reason.ENDED_EARLY, "desk-1#2", NOON + HOUR)
    assert one.level is RiskLevel.HIGH


def test_what_a_closed_lead_ended_names_the_closing() -> None:
    desk = Desk()
    lead = desk.lead(lead_source="CASE_OR_CONTACT")
    closed = desk.event(events.LeadClosed, NOON + HOUR, lead_id="lead-1", reason="not the person")
    assert only(lead, closed, at=NOON + 2 * HOUR).because == "desk-1#2"


def test_what_lasted_its_time_has_ended() -> None:
    one = only(Desk().reading(385), at=NOON + DAY)
    assert (one.reason, one.until, one.because) == (Reason.ENDED, NOON + DAY, None)


def test_what_was_taken_back_names_the_correction() -> None:
    desk = Desk()
    wrong = desk.reading(395)
    back = desk.event(
        events.Correction, NOON + 1, corrects_source=wrong.source, corrects_sequence=wrong.sequence, reason="mix-up"
    )
    one = only(wrong, back)
    assert (one.reason, one.because) == (Reason.TAKEN_BACK, "desk-1#2")


def test_what_was_too_old_lies_ahead_or_cannot_be_kept_is_told() -> None:
    assert only(Desk().reading(395, NOON, sent_at=NOON + 31 * DAY)).reason is Reason.TOO_OLD
    assert only(Desk().reading(395, LATER + 1)).reason is Reason.NOT_YET
    large = known(Desk().reading(395), at=LATER)
    large.rows[0] = (large.rows[0][0], {**large.rows[0][1], "symptoms": ["FEVER" * 500]})
    assert {one.reason for one in why_not(large, RiskLevel.MEDIUM).looked if one.event} == {Reason.UNREADABLE}


def test_what_a_stuck_device_sent_too_much_of_is_left_out() -> None:
    desk = Desk()
    found = asked(RiskLevel.HIGH, *(desk.reading(395, NOON + number) for number in range(1100)))
    reasons = [one.reason for one in found.looked if one.event]
    assert (reasons.count(Reason.IN_FORCE), reasons.count(Reason.LEFT_OUT)) == (1000, 100)


def test_a_level_in_force_is_said_with_its_rule() -> None:
    found = asked(RiskLevel.HIGH, Desk().reading(395))
    assert found.is_in_force
    assert found.in_force is not None
    assert found.in_force.rule == "temperature"


def test_a_higher_level_in_force_is_above_with_what_gives_it() -> None:
    for level in (RiskLevel.NONE, RiskLevel.MEDIUM):
        found = asked(level, Desk().reading(395))
        assert (found.is_above, found.is_in_force) == (True, False)
        assert [one.reason for one in found.looked if one.event] == [Reason.IN_FORCE]


def test_no_rule_gives_the_level_that_stands_for_a_failure() -> None:
    assert {one.reason for one in asked(RiskLevel.ERROR, Desk().reading(395)).looked} == {Reason.RULE_GIVES_LESS}


def test_the_document_names_level_rule_and_reason_in_both_languages() -> None:
    document = asked(RiskLevel.HIGH, Desk().reading(366)).as_json()
    assert document["asked"] == {"level": "HIGH", "name_en": "refer", "name_zh": "建议转送"}
    first = document["looked"][0]
    assert (first["rule_zh"], first["reason_en"]) == ("体温", "the rule's condition is not met")


def test_what_is_in_force_by_the_verdict_is_in_force_here() -> None:
    """The reasons agree with the verdict: a level is in force exactly when some observation is said to give it."""
    desk = Desk()
    first = desk.reading(385)
    published = [
        first,
        desk.reading(366, NOON + HOUR, confirms_source=first.source, confirms_sequence=first.sequence),
        desk.passage(NOON + 2 * HOUR, health_code="YELLOW"),
        desk.lead(at=NOON + 3 * HOUR, lead_source="CASE_OR_CONTACT"),
        desk.event(events.LeadClosed, NOON + 5 * HOUR, lead_id="lead-1", reason="done"),
    ]
    for hours in range(30):
        found = why_not(known(*published, at=NOON + hours * HOUR), RiskLevel.MEDIUM)
        given = [one.level for one in found.looked if one.reason is Reason.IN_FORCE]
        assert max(given, key=list(RiskLevel).index, default=RiskLevel.NONE) is found.level
