"""Clocks of units and orders: reports that are expected, matters with deadlines, closures that must be lifted."""

from typing import Any

import pytest

from schemas import events
from schemas.codes import ClockOutcome, ClockSubject
from streams.clocks import Clock, outcome
from streams.reports import UnitFold
from tests.support.people import DAY, HOUR, MINUTE, NOON, Desk, FoldBench
from tests.support.policies import BEGINNING, Registry, reference_with

UNIT = "unit-1"
MIDNIGHT = NOON - 12 * HOUR
CLOSES = MIDNIGHT + 20 * HOUR
CUT_OFF = CLOSES + 16 * HOUR
"""The window ends at 20:00; what has not come by 12:00 of the next day is missing."""


class Unit(Desk):
    def event(self, model: type[events.Event], at: int = NOON, **fields: Any) -> events.Event:
        self.sequence += 1
        stamp = {"source": self.source, "sequence": self.sequence, "occurred_at": at, "sent_at": at}
        return model.model_validate({**stamp, "zone_offset_minutes": 480, "unit_id": UNIT, **fields})

    def zero(self, until: int, at: int, indicator: str = "cases-found") -> events.Event:
        return self.event(events.ZeroReport, at, indicator=indicator, period_until=until)

    def number(self, value: int, until: int, at: int, indicator: str = "cases-found") -> events.Event:
        stated = {"unit_of_count": "CASE", "nature": "FLOW", "value": value, "period_until": until}
        return self.event(events.Indicator, at, indicator=indicator, **stated)


def bench_with(*rows: events.Event) -> FoldBench:
    bench = FoldBench(reference_with(*rows), UnitFold)
    bench.expect(as_of=BEGINNING + DAY)
    return bench


def roster(**fields: Any) -> events.Event:
    said = {"schedule": "DAILY_REPORT", "indicator": "cases-found", "valid_from": MIDNIGHT - 4 * HOUR - 1}
    return Registry().roster("reports-of-unit-1", UNIT, **{**said, **fields})


@pytest.mark.row("A001-01", "A004-06")
def test_t8_zero_reported_and_missing_are_three_states() -> None:
    unit = Unit()
    bench = bench_with(roster())
    bench.publish(unit.zero(CLOSES, CLOSES + HOUR), as_of=CLOSES + HOUR)
    bench.publish(unit.number(3, CLOSES + DAY, CUT_OFF + HOUR), as_of=CUT_OFF + HOUR)
    bench.tick(CUT_OFF + 3 * DAY)
    found = {name: row["done_at"] for name, row in bench.clocks().items()}
    assert found == {
        "DAILY_REPORT cases-found/2020-02-19/DAY": CLOSES + HOUR,
        "DAILY_REPORT cases-found/2020-02-20/DAY": CUT_OFF + HOUR,
        "DAILY_REPORT cases-found/2020-02-21/DAY": None,
        "DAILY_REPORT cases-found/2020-02-22/DAY": None,
    }
    assert bench.notices() == ["BREACHED", "BREACHED"]
    assert {row["subject"] for row in bench.clocks().values()} == {"UNIT"}


@pytest.mark.row("A001-01")
def test_t8_a_unit_that_was_never_heard_of_is_missing_and_a_late_report_is_late() -> None:
    bench = bench_with(roster())
    bench.tick(CUT_OFF)
    assert bench.notices() == ["BREACHED"]
    late = Unit().number(2, CLOSES, CUT_OFF + HOUR)
    bench.publish(late, as_of=CUT_OFF + HOUR)
    (row,) = bench.clocks().values()
    assert (row["due_at"], row["done_at"]) == (CUT_OFF, CUT_OFF + HOUR)
    assert bench.notices() == ["BREACHED"]  # late is not in time: the breach stands
    in_time = Unit("desk-2").number(2, CLOSES, CUT_OFF - HOUR)
    bench.publish(in_time, as_of=CUT_OFF + 2 * HOUR)
    assert bench.notices() == ["BREACHED", "RETRACTED"]


def test_a_report_of_another_indicator_or_period_proves_nothing() -> None:
    unit = Unit()
    bench = bench_with(roster())
    bench.publish(unit.zero(CLOSES, CLOSES, "deaths"), unit.zero(CLOSES - DAY, CLOSES), as_of=CLOSES)
    bench.tick(CUT_OFF)
    assert bench.notices() == ["BREACHED"]


@pytest.mark.row("A001-15")
def test_t2_a_firm_s_case_is_assigned_on_the_day_it_came() -> None:
    unit = Unit()
    bench = bench_with()
    late = NOON + 11 * HOUR + 50 * MINUTE
    firm = unit.event(events.MatterOpened, late, matter="case-1", matter_kind="FIRM_CASE", involves_firm=True)
    other = unit.event(events.MatterOpened, late, matter="case-2", matter_kind="FIRM_CASE", involves_firm=False)
    bench.publish(firm, other, as_of=late)
    bench.publish(
        unit.event(events.MatterStep, late + 11 * MINUTE, matter="case-1", step="ASSIGNED"), as_of=late + 11 * MINUTE
    )
    (row,) = bench.clocks().values()
    assert (row["lead_id"], row["due_at"], row["done_at"]) == ("case-1", late + 10 * MINUTE, late + 11 * MINUTE)
    assert row["before_due"]
    assert bench.notices() == ["DUE_SOON", "BREACHED"]


# ---- closure orders


def order(registry: Registry, at: int = BEGINNING, **fields: Any) -> events.Event:
    said = {"valid_from": NOON, "division": "150802-V1", "tier": "MEDIUM", **fields}
    return registry.event(events.ClosureOrder, "order-1", at, **said)


def tier(registry: Registry, tier: str, valid_from: int, area: str = "150802-T1") -> events.Event:
    return registry.event(events.RiskArea, area, valid_from - HOUR, tier=tier, valid_from=valid_from)


def village(registry: Registry) -> events.Event:
    return registry.event(
        events.Division, "150802-V1", parent="150802-T1", name_en="village", name_zh="村", level="VILLAGE"
    )


def lifting(*rows: events.Event, as_of: int) -> tuple[dict[str, Any] | None, list[str]]:
    bench = FoldBench(reference_with(*rows), UnitFold)
    bench.expect(as_of=NOON)
    bench.tick(as_of)
    found = list(bench.clocks().values())
    assert len(found) <= 1
    return (found[0] if found else None), bench.notices()


@pytest.mark.row("A004-22")
def test_an_order_must_be_lifted_after_the_downgrade_of_its_area() -> None:
    registry = Registry()
    rows = (village(registry), order(registry), tier(registry, "MEDIUM", NOON - DAY), tier(registry, "LOW", NOON + DAY))
    row, notices = lifting(*rows, as_of=NOON + 2 * DAY)
    assert row is not None
    assert (row["opened_at"], row["due_at"], row["done_at"], row["subject"]) == (
        NOON + DAY,
        NOON + 3 * DAY,
        None,
        ClockSubject.ORDER.value,
    )
    assert notices == []
    assert lifting(*rows, as_of=NOON + 3 * DAY)[1] == ["BREACHED"]
    lifted = order(registry, NOON + 2 * DAY, valid_until=NOON + 2 * DAY)
    row, notices = lifting(*rows, lifted, as_of=NOON + 4 * DAY)
    assert row is not None
    assert row["done_at"] == NOON + 2 * DAY
    assert notices == []


@pytest.mark.row("A004-22")
def test_an_order_whose_tier_stands_or_came_back_need_not_be_lifted() -> None:
    registry = Registry()
    rows = (village(registry), order(registry), tier(registry, "MEDIUM", NOON - DAY))
    assert lifting(*rows, as_of=NOON + 9 * DAY) == (None, [])
    back = (tier(registry, "LOW", NOON + DAY), tier(registry, "HIGH", NOON + 2 * DAY))
    assert lifting(*rows, *back, as_of=NOON + 9 * DAY) == (None, [])
    elsewhere = tier(registry, "LOW", NOON + DAY, area="150802-T2")
    assert lifting(*rows, elsewhere, as_of=NOON + 9 * DAY) == (None, [])


@pytest.mark.row("A004-07", "A004-22")
def test_t6_the_order_of_a_township_stands_as_long_as_a_notice_of_its_village_does() -> None:
    registry = Registry()
    whole = order(registry, division="150802-T1", tier="HIGH")
    notices = [tier(registry, name, at, "150802-V1") for name, at in (("HIGH", NOON - DAY), ("MEDIUM", NOON + DAY))]
    assert lifting(village(registry), whole, notices[0], as_of=NOON + 9 * DAY) == (None, [])
    row, told = lifting(village(registry), whole, *notices, as_of=NOON + 9 * DAY)
    assert row is not None
    assert (row["opened_at"], told) == (NOON + DAY, ["BREACHED"])


def test_what_arrives_first_of_order_division_and_notices_does_not_matter() -> None:
    def told(turn: int) -> object:
        registry = Registry()
        rows = [village(registry), order(registry), tier(registry, "MEDIUM", NOON - DAY), tier(registry, "LOW", NOON)]
        return lifting(*rows[turn:], *rows[:turn], as_of=NOON + 9 * DAY)

    assert told(0) == told(1) == told(2) == told(3)
    assert told(0) != (None, [])


def test_an_outcome_at_the_very_deadline_is_in_time_unless_the_day_ends_there() -> None:
    clock = Clock("c", "l", "DUTY", 0, 10, 5, 10, None, "p@1", (), False)
    assert outcome(clock, 10) is ClockOutcome.MET
    assert outcome(clock._replace(before_due=True), 10) is ClockOutcome.LATE
