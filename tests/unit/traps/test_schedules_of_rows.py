"""T8, T14: what is expected is known from rosters, and silence is missing, never zero."""

import pytest

from schemas import events
from schemas.events import Event, to_milliseconds
from schemas.policy import parse_policy, policy_text
from tests.support.people import DAY, HOUR, MINUTE, TOKEN
from tests.unit.traps.bench import Bench, persons, units

MIDNIGHT: int = to_milliseconds("2020-02-19T00:00:00+08:00")

SCHOOL = """
[[schedules]]
name = "CHECKS"
name_en = "three checks a day"
name_zh = "一日三检"
expects = "READING"
source = "A002-22"
slots = [
    { slot = "MORNING", opens = "07:00", closes = "08:30" },
    { slot = "NOON", opens = "11:30", closes = "13:30" },
    { slot = "EVENING", opens = "17:00", closes = "19:00" },
]

[[schedules]]
name = "REPORTS"
name_en = "two reports a day"
name_zh = "两报告"
expects = "REPORT"
source = "A002-22"
slots = [
    { slot = "FORENOON", opens = "00:00", closes = "09:30", grace_minutes = 30 },
    { slot = "AFTERNOON", opens = "09:30", closes = "15:30", grace_minutes = 30 },
]
"""

SARS = """
[[schedules]]
name = "DAILY"
name_en = "daily report of the day that ends at 20:00, due by noon of the next"
name_zh = "日报告、零报告"
expects = "REPORT"
source = "A001-01; the window is that of the rule of 2003: 20:00 to 20:00, due at 12:00, 如逾时未收到,按缺报疫情处理"
slots = [{ slot = "DAY", opens = "20:00", closes = "20:00", grace_minutes = 960 }]
"""


def entry(member: str, schedule: str, indicator: str | None = None) -> Event:
    """A roster entry in effect from the midnight of 19 February."""
    before = MIDNIGHT - DAY
    common = {"source": "registry", "sequence": 1, "zone_offset_minutes": 480, "occurred_at": before, "sent_at": before}
    return events.Roster.model_validate(
        {
            **common,
            "entity_id": "entry-1",
            "parent": "school-1",
            "member": member,
            "schedule": schedule,
            "indicator": indicator,
            "valid_from": MIDNIGHT,
        }
    )


def checked(slot: str, at: int, sequence: int) -> Event:
    """A normal reading: no rule of risk would look at it."""
    common = {"source": "school-1", "sequence": sequence, "zone_offset_minutes": 480, "occurred_at": at, "sent_at": at}
    said = {"token": TOKEN, "value_tenths": 365, "method": "NON_CONTACT", "site_kind": "SCHOOL", "slot": slot}
    return events.Reading.model_validate({**common, **said})


def report(value: int | None, until: int, at: int, sequence: int = 1, sent_at: int | None = None) -> Event:
    """A reported number, or a zero report (None)."""
    common = {"source": "unit-1", "sequence": sequence, "zone_offset_minutes": 480, "unit_id": "unit-1"}
    common |= {"indicator": "cases", "period_until": until, "occurred_at": at, "sent_at": sent_at or at}
    if value is None:
        return events.ZeroReport.model_validate(common)
    return events.Indicator.model_validate({**common, "value": value, "unit_of_count": "CASE", "nature": "FLOW"})


def pupil() -> Bench:
    bench = persons(parse_policy(policy_text() + SCHOOL))
    bench.refer(entry(TOKEN, "CHECKS"), as_of=MIDNIGHT)
    return bench


def unit(schedules: str, name: str) -> Bench:
    bench = units(parse_policy(policy_text() + schedules))
    bench.refer(entry("unit-1", name, "cases"), as_of=MIDNIGHT)
    return bench


@pytest.mark.row("A002-22")
def test_t14_of_three_checks_a_day_the_one_that_was_not_taken_is_missing_at_its_cut_off() -> None:
    bench = pupil()
    morning = checked("MORNING", MIDNIGHT + 8 * HOUR, 1)
    bench.publish(morning, as_of=MIDNIGHT + 8 * HOUR)
    bench.tick(MIDNIGHT + 12 * HOUR)
    bench.publish(checked("NOON", MIDNIGHT + 13 * HOUR, 2), as_of=MIDNIGHT + 13 * HOUR)
    bench.tick(MIDNIGHT + 19 * HOUR - 1)
    assert [clock.notices for clock in bench.clocks().values()] == [(), ()]
    bench.tick(MIDNIGHT + 19 * HOUR)
    found = bench.clocks()
    assert {name: clock.notices for name, clock in found.items()} == {
        "CHECKS/entry-1/2020-02-19/MORNING": (),
        "CHECKS/entry-1/2020-02-19/NOON": (),
        "CHECKS/entry-1/2020-02-19/EVENING": ("BREACHED",),
    }
    assert found["CHECKS/entry-1/2020-02-19/MORNING"].done_at == morning.occurred_at
    assert found["CHECKS/entry-1/2020-02-19/EVENING"].done_at is None


@pytest.mark.row("A002-22")
def test_t14_a_pupil_who_was_never_measured_is_missing_three_times_a_day() -> None:
    bench = pupil()
    bench.tick(MIDNIGHT + 2 * DAY)
    missing = [clock for clock in bench.clocks().values() if clock.notices == ("BREACHED",)]
    assert len(missing) == 6


@pytest.mark.row("A002-22")
def test_t14_a_reading_of_another_slot_or_another_hour_keeps_no_slot() -> None:
    bench = pupil()
    bench.publish(checked("MORNING", MIDNIGHT + 10 * HOUR, 1), checked("NOON", MIDNIGHT + 8 * HOUR, 2))
    bench.tick(MIDNIGHT + 14 * HOUR)
    assert [clock.notices for clock in bench.clocks().values()] == [("BREACHED",), ("BREACHED",)]


@pytest.mark.row("A002-22")
def test_t14_of_two_reports_a_day_the_second_does_not_stand_for_the_first() -> None:
    bench = unit(SCHOOL, "REPORTS")
    afternoon = MIDNIGHT + 15 * HOUR
    bench.publish(report(3, afternoon, afternoon), as_of=afternoon)
    bench.tick(MIDNIGHT + 17 * HOUR)
    assert {name.rpartition("/")[2]: clock.notices for name, clock in bench.clocks().items()} == {
        "FORENOON": ("BREACHED",),
        "AFTERNOON": (),
    }


CLOSE = MIDNIGHT + 20 * HOUR
CUT_OFF = MIDNIGHT + 36 * HOUR
DAILY = "DAILY/entry-1/2020-02-20/DAY"


@pytest.mark.row("A001-01")
@pytest.mark.parametrize("value", [None, 0, 7])
def test_t8_a_reported_zero_is_a_report_as_a_number_is(value: int | None) -> None:
    bench = unit(SARS, "DAILY")
    at = CLOSE + DAY + HOUR
    bench.publish(report(value, CLOSE + DAY, at), as_of=at)
    bench.tick(CUT_OFF + DAY)
    assert bench.clocks()[DAILY].done_at == at
    assert bench.clocks()[DAILY].notices == ()


@pytest.mark.row("A001-01")
def test_t8_silence_is_missing_at_noon_and_not_before() -> None:
    bench = unit(SARS, "DAILY")
    bench.tick(CUT_OFF + DAY - 1)
    assert DAILY not in bench.clocks()
    bench.tick(CUT_OFF + DAY)
    assert bench.clocks()[DAILY].notices == ("BREACHED",)


@pytest.mark.row("A001-01")
def test_t8_a_report_of_another_day_does_not_fill_the_gap() -> None:
    bench = unit(SARS, "DAILY")
    bench.publish(report(7, CLOSE + 2 * DAY, CLOSE + 2 * DAY), as_of=CLOSE + 2 * DAY)
    bench.tick(CUT_OFF + 2 * DAY)
    assert bench.clocks()[DAILY].notices == ("BREACHED",)


@pytest.mark.row("A001-01")
def test_t8_a_report_that_was_late_stays_late_and_one_that_was_only_held_up_takes_the_gap_back() -> None:
    for at, told in ((CUT_OFF + DAY + MINUTE, ("BREACHED",)), (CLOSE + DAY + HOUR, ("BREACHED", "RETRACTED"))):
        bench = unit(SARS, "DAILY")
        bench.tick(CUT_OFF + DAY)
        arrives = CUT_OFF + DAY + HOUR
        bench.publish(report(7, CLOSE + DAY, at, sent_at=arrives), as_of=arrives)
        bench.tick(arrives)
        assert bench.clocks()[DAILY].notices == told
        assert bench.clocks()[DAILY].done_at == at
