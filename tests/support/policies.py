"""Policies for tests: the shipped one with parts added, and reference data that holds them."""

from typing import Any

from schemas import events
from schemas.policy import policy_text
from schemas.validity import Limits
from streams.reference import Reference

BEGINNING = events.to_milliseconds("2020-01-01T00:00:00+08:00")

DUTIES = """
[[duties]]
name = "TRANSFER"
name_en = "transfer accepted"
name_zh = "转运交接"
opened_by = "TRANSFER_STARTED"
done_by = ["TRANSFER_ACCEPTED"]
hours = 2
source = "A002-13"

[[duties]]
name = "TEST"
name_en = "test taken"
name_zh = "应检尽检"
opened_by = "TEST_DUE"
done_by = ["TEST_TAKEN"]
stated = true
source = "A002-07"

[[duties]]
name = "ABSENCE"
name_en = "absence asked after"
name_zh = "缺课追踪"
opened_by = "ABSENCE"
done_by = ["ATTEMPT"]
calendar_day = true
source = "A002-23"

[[duties]]
name = "SYMPTOMS_SEEN_TO"
name_en = "symptoms seen to"
name_zh = "症状报告处置"
opened_by = "SYMPTOMS"
done_by = ["TRANSFER_STARTED", "TEST_TAKEN"]
hours = 2
source = "A004-02"

[[duties]]
name = "CASE_ASSIGNED"
name_en = "case assigned"
name_zh = "当日分案"
opened_by = "MATTER_OPENED"
matter_kind = "FIRM_CASE"
involves_firm = true
done_by = ["ASSIGNED"]
calendar_day = true
source = "A001-15"

[[programmes]]
name = "CENTRAL_QUARANTINE"
name_en = "central quarantine"
name_zh = "集中隔离"
days = 14
release_hours = 24
places = ["INSTITUTIONAL"]
contacts = "SEEN_DAILY"
source = "A002-34"

[lifting]
hours = 48
source = "A004-22"

[[schedules]]
name = "SEEN_DAILY"
name_en = "seen every day"
name_zh = "每日随访"
expects = "CONTACT"
slots = [{ slot = "DAY", opens = "08:00", closes = "20:00" }]
source = "A001-12"

[[schedules]]
name = "THREE_CHECKS"
name_en = "three checks a day"
name_zh = "一日三检"
expects = "READING"
slots = [
    { slot = "MORNING", opens = "06:00", closes = "09:00" },
    { slot = "NOON", opens = "11:00", closes = "14:00" },
    { slot = "EVENING", opens = "17:00", closes = "21:00" },
]
weekdays = [1, 2, 3, 4, 5]
source = "A002-22"

[[schedules]]
name = "DAILY_REPORT"
name_en = "daily report"
name_zh = "日报告"
expects = "REPORT"
slots = [{ slot = "DAY", opens = "20:00", closes = "20:00", grace_minutes = 960 }]
source = "A001-01"

[[schedules]]
name = "WEEKLY_TEST"
name_en = "test every seven days"
name_zh = "定期检测"
expects = "TEST"
every_days = 7
slots = [{ slot = "DAY", opens = "00:00", closes = "23:59" }]
source = "A002-35"
"""


def bare_policy() -> str:
    """Text of the shipped policy without its duties, schedules and programmes."""
    text = policy_text()
    return text[: text.index("# Opened by one event")]


def reference_with(*rows: events.Event, parts: str = DUTIES) -> Reference:
    """Reference data of a policy with parts added, and of some more events, all known since `BEGINNING`."""
    reference = Reference(Limits())
    document = bare_policy() + parts
    version = {"source": "registry", "sequence": 10**6, "occurred_at": BEGINNING, "sent_at": BEGINNING}
    policy = events.PolicyVersion.model_validate(
        {**version, "zone_offset_minutes": 480, "entity_id": "test", "valid_from": BEGINNING, "document": document}
    )
    for event in (policy, *rows):
        add(reference, event)
    return reference


def add(reference: Reference, event: events.Event, appended_at: int | None = None) -> None:
    """Takes in one event of reference data, at the time it was sent if no other is given."""
    _, key, row = event.record()
    reference.add(key.decode(), row, row["sent_at"] if appended_at is None else appended_at)


class Registry:
    """A source of reference data that numbers what it sends."""

    def __init__(self) -> None:
        self.sequence = 0

    def event(self, model: type[events.Event], entity_id: str, at: int = BEGINNING, **fields: Any) -> events.Event:
        self.sequence += 1
        stamp = {"source": "registry", "sequence": self.sequence, "occurred_at": at, "sent_at": at}
        return model.model_validate({**stamp, "zone_offset_minutes": 480, "entity_id": entity_id, **fields})

    def roster(self, entity_id: str, member: str, **fields: Any) -> events.Event:
        return self.event(
            events.Roster, entity_id, member=member, **{"parent": "school-1", "valid_from": BEGINNING, **fields}
        )
