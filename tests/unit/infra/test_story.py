"""A person's story as people read it: one pupil, from an ordinary day to isolation and back to school."""

from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from infra.cli.story import tell, tell_why_not
from infra.cli.story_deadlines import MOST_NAMED
from infra.cli.story_words import sentence
from replay.story import Known, Observed, Row, Story, story
from replay.why_not import why_not
from schemas import events, topics
from schemas.codes import Code, RiskLevel, SiteKind
from schemas.events import Event
from schemas.policy import Comparator, PolicyBook, Threshold, default_policy
from schemas.policy_duties import DutyRule, Expected, Programme, Schedule, SlotRule
from schemas.validity import Limits
from streams.reference import Reference
from tests.support.people import TOKEN, Desk

GOLDEN = Path(__file__).with_name("story.txt")

SCHOOL = {"site": "school-3", "site_kind": "SCHOOL"}
DEFAULT = default_policy()
AT_SCHOOL = {SiteKind.SCHOOL: Threshold(comparator=Comparator.OVER, threshold_tenths=373, source="A002-24 超过37.3")}
POLICY = DEFAULT.model_copy(
    update={
        "id": "story",
        "risk": DEFAULT.risk.model_copy(
            update={"temperature": DEFAULT.risk.temperature.model_copy(update={"by_site_kind": AT_SCHOOL})}
        ),
        "schedules": (
            Schedule(
                name="THREE_CHECKS",
                name_en="three checks a day",
                name_zh="一日三检",
                source="A002-22",
                expects=Expected.READING,
                slots=[
                    SlotRule(slot="MORNING", opens="07:00", closes="08:30"),
                    SlotRule(slot="NOON", opens="11:30", closes="13:00"),
                    SlotRule(slot="EVENING", opens="17:00", closes="18:30", grace_minutes=30),
                ],
            ),
            Schedule(
                name="DAILY_CALL",
                name_en="daily call",
                name_zh="每日随访",
                source="A001-12",
                expects=Expected.CONTACT,
                slots=[SlotRule(slot="DAY", opens="08:00", closes="20:00")],
            ),
        ),
        "duties": (
            DutyRule(
                name="TRANSFER",
                name_en="acceptance of a transfer",
                name_zh="转运接收",
                source="A002-13",
                opened_by="TRANSFER_STARTED",
                done_by=["TRANSFER_ACCEPTED"],
                hours=2,
            ),
            DutyRule(
                name="TEST",
                name_en="test that is due",
                name_zh="应检尽检",
                source="A002-07",
                opened_by="TEST_DUE",
                done_by=["TEST_TAKEN"],
                stated=True,
            ),
        ),
        "programmes": (
            Programme(
                name="HOME",
                name_en="home quarantine",
                name_zh="居家隔离",
                source="A002-34",
                days=14,
                release_hours=24,
                contacts="DAILY_CALL",
            ),
        ),
    }
)


def at(text: str) -> int:
    """UTC milliseconds of a local time of October and November 2020, such as ``10-12 07:30``."""
    return int(events.to_milliseconds(f"2020-{text.replace(' ', 'T')}:00+08:00"))


def pupil() -> list[Event]:
    """Two ordinary days with one check missed, a fever, a transfer, two weeks at home with a call every day but one, a
    release that came two days late."""
    school, lead, home = Desk("school-gate"), Desk("lead-desk"), Desk("home-desk")
    told: list[Event] = []
    for day, slots in ((12, ("MORNING", "EVENING")), (13, ("MORNING", "NOON", "EVENING"))):
        times = {"MORNING": "07:40", "NOON": "12:10", "EVENING": "17:20"}
        told += [school.reading(364, at(f"10-{day} {times[slot]}"), slot=slot, **SCHOOL) for slot in slots]
    entered = {**SCHOOL, "role": "PUPIL", "identity_checked": True, "mask_worn": True, "passage_id": "p-77"}
    told.append(school.passage(at("10-14 07:30"), **entered))
    first = school.reading(379, at("10-14 07:31"), passage_id="p-77", **SCHOOL)
    again = {"confirms_source": first.source, "confirms_sequence": first.sequence, "method": "AXILLARY"}
    told += [
        first,
        school.event(events.Reading, at("10-14 07:50"), value_tenths=378, slot="MORNING", **again, **SCHOOL),
        school.event(
            events.Decision,
            at("10-14 07:55"),
            decision="REFERRED",
            decided_by_role="school-doctor",
            decision_reason="发热",
            passage_id="p-77",
        ),
        school.event(events.TransferStarted, at("10-14 08:00"), task="t-1", unit="clinic-2", reason="fever"),
        school.event(events.TransferAccepted, at("10-14 11:10"), task="t-1", unit="clinic-2"),
        lead.lead("lead-9", at("10-14 09:00"), push_mode="ROUTINE", lead_source="CASE_OR_CONTACT"),
        lead.event(events.LeadDispatched, at("10-14 09:10"), lead_id="lead-9", unit="community-4"),
        lead.event(
            events.Attempt, at("10-14 15:00"), method="VISIT", outcome="SEEN_OK", lead_id="lead-9", needs="medicine"
        ),
        lead.verified("lead-9", at("10-14 15:05"), unit="community-4"),
        lead.event(events.LeadReportedBack, at("10-14 16:00"), lead_id="lead-9"),
        home.event(
            events.QuarantineStarted, at("10-14 18:00"), task="q-1", place="HOME", programme="HOME", unit="community-4"
        ),
        home.event(events.TestDue, at("10-15 09:00"), task="test-1", due_at=at("10-26 18:00"), unit="clinic-2"),
        home.event(events.TestTaken, at("10-26 09:00"), task="test-1", unit="clinic-2"),
        home.event(events.TestReturned, at("10-26 20:00"), task="test-1", result="NEGATIVE"),
    ]
    for day in range(15, 29):
        if day != 20:
            outcome = {"method": "PHONE", "outcome": "SEEN_OK", "task": "q-1"}
            told.append(home.event(events.Attempt, at(f"10-{day} 09:30"), **outcome))
    told += [
        home.event(events.QuarantineEnded, at("10-31 10:00"), task="q-1", reason="14 days without symptoms"),
        school.event(
            events.Leave, at("11-02 08:00"), task="leave-1", reason="dentist", due_at=at("11-02 12:00"), unit="school-3"
        ),
        school.event(
            events.LeaveDecided, at("11-02 08:05"), task="leave-1", approved=True, decided_by_role="form-teacher"
        ),
        school.event(events.LeaveEnded, at("11-02 11:30"), task="leave-1"),
        home.event(events.Appeal, at("11-02 13:00"), task="appeal-1", reason="held too long"),
        home.event(events.AppealAnswered, at("11-03 09:00"), task="appeal-1", upheld=True, reason="released late"),
    ]
    return told


def known_of(published: list[Event], as_of: int) -> Known:
    reference = Reference(Limits())
    reference.policies = PolicyBook([(0, POLICY)])
    roster = events.Roster.model_validate(
        {
            "source": "registry",
            "sequence": 1,
            "zone_offset_minutes": 480,
            "entity_id": "class-3a-7",
            "occurred_at": at("10-11 08:00"),
            "sent_at": at("10-11 08:00"),
            "parent": "school-3",
            "member": TOKEN,
            "valid_from": at("10-12 00:00"),
            "valid_until": at("10-14 12:00"),
            "schedule": "THREE_CHECKS",
        }
    )
    reference.add("class-3a-7", roster.record().row, at("10-11 08:00"))
    records = [event.record() for event in published]
    rows: list[tuple[str, Row]] = [(topic, {**row, "appended_at": row["sent_at"]}) for topic, _, row in records]
    return Known(TOKEN, as_of, rows, reference, Limits())


def told_of(published: list[Event], as_of: int) -> Story:
    return story(known_of(published, as_of))


@pytest.mark.row("A001-12", "A002-22", "A002-34")
def test_the_story_of_a_pupil_reads_as_people_tell_it() -> None:
    assert tell(told_of(pupil(), at("11-04 09:00"))) + "\n" == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "as_of", "golden"),
    [(RiskLevel.HIGH, "11-04 09:00", "why_not_high.txt"), (RiskLevel.MEDIUM, "10-16 09:00", "why_not_medium.txt")],
)
def test_why_a_verdict_was_not_another_reads_rule_by_rule(asked: RiskLevel, as_of: str, golden: str) -> None:
    text = tell_why_not(why_not(known_of(pupil(), at(as_of)), asked))
    assert text + "\n" == GOLDEN.with_name(golden).read_text(encoding="utf-8")


def test_a_level_that_is_in_force_is_said_so() -> None:
    text = tell_why_not(why_not(known_of(pupil(), at("10-16 09:00")), RiskLevel.HIGH))
    assert "HIGH (refer 建议转送) by lead 线索, policy story@1, until 2020-10-28 09:00: it is in force 生效中" in text


def lines_of(*published: Event) -> list[str]:
    """What happened, one line for each observation or run of them."""
    text = tell(told_of(list(published), at("11-04 09:00")))
    return text[text.index("What happened") : text.index("\n\nRisk")].splitlines()[1:]


def test_what_is_said_again_and_again_is_told_once_with_every_event() -> None:
    desk = Desk()
    calls = [
        desk.event(events.Attempt, at(f"10-{day} 09:30"), method="PHONE", outcome="SEEN_OK", task="q-1")
        for day in (15, 16, 17)
    ]
    assert " ".join(" ".join(lines_of(*calls)).split()) == (
        "2020-10-15 09:30 Asked after 随访 by telephone 电话核实: seen, well 已访正常, task q-1. 3 times until "
        "2020-10-17 09:30. [desk-1#1, desk-1#2, desk-1#3]"
    )


def test_symptoms_origin_and_kind_of_subject_are_told_in_both_languages() -> None:
    stated = {"symptoms": ["FEVER"], "origin_area": "653101", "origin_tier": "HIGH", "subject_kind": "VEHICLE"}
    text = " ".join(line.strip() for line in lines_of(Desk().passage(at("10-15 09:30"), **stated)))
    assert "At site-1 (motorway exit 高速公路卡口), entering 进, vehicle 车辆" in text
    assert "came from 653101 (high risk 高风险), symptoms fever 发热" in text


def sample(annotation: Any) -> Any:
    """Some value of a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Code):
        return [*annotation][1].value
    if parts := [part for part in get_args(annotation) if part is not type(None)]:
        value = sample(parts[0])
        return [value] if get_origin(annotation) is list else value
    return {bool: True, int: 1_602_500_000_000, str: "word-7"}[annotation]


PERSON_KINDS = [model for (topic, _), model in events.MODELS.items() if topics.BY_NAME[topic] in topics.PERSON_TOPICS]


@pytest.mark.parametrize("model", PERSON_KINDS, ids=lambda model: f"{model.topic.name}-{model.kind}")
def test_nothing_that_an_event_states_is_left_out(model: type[Event]) -> None:
    """Whatever a kind may state changes its sentence; and each kind has one of its own."""
    fields = {name: field for name, field in model.model_fields.items() if name not in Event.model_fields}
    states = {name: sample(field.annotation) for name, field in fields.items() if name != "token"}
    whole = Observed(0, 480, "desk#1", model.topic.name, model.kind, states, too_old=False)
    assert model.kind not in sentence(whole)
    for name, field in fields.items():
        if not field.is_required():
            less = {other: value for other, value in states.items() if other != name}
            assert sentence(whole._replace(states=less)) != sentence(whole), name


def test_the_document_names_each_rule_in_both_languages() -> None:
    document = told_of(pupil(), at("11-04 09:00")).as_json()
    named = {(clock["deadline_class"], clock["name_en"], clock["name_zh"]) for clock in document["clocks"]}
    assert named == {
        ("SAME_DAY", "lead lead-9, same calendar day", "线索 当日清零"),
        ("TRANSFER", "acceptance of a transfer", "转运接收"),
        ("TEST", "test that is due", "应检尽检"),
        ("RELEASE", "release", "解除"),
        ("THREE_CHECKS", "three checks a day", "一日三检"),
        ("DAILY_CALL", "daily call", "每日随访"),
    }


@pytest.mark.parametrize("days", [20, 3])
def test_of_many_missed_slots_the_latest_are_named_and_the_others_counted(days: int) -> None:
    desk = Desk()
    began = desk.event(events.QuarantineStarted, at("10-01 06:00"), task="q-1", place="HOME", programme="HOME")
    text = tell(told_of([began], at(f"10-{days:02} 21:00")))
    missed = min(days, 14)
    assert f"daily call 每日随访 of q-1: 0 of {missed} kept" in text
    assert f"2020-10-{missed:02} DAY" in text
    assert ("earlier ones" in text) is (missed > MOST_NAMED)
