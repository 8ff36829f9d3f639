"""A roster of who is on call is nobody's duty to report: the folds take it in and expect nothing of it."""

from typing import Any

import pytest

from schemas import events
from schemas.policy import shipped_policies
from streams.person_fold import PersonFold
from streams.reference import PERSONS
from streams.reports import UnitFold
from tests.unit.sinks.log import DAY, HOUR, NOON
from tests.unit.traps.bench import Bench, ToldClock, shipped

MIDNIGHT = NOON - 12 * HOUR


def entry(sequence: int, **fields: Any) -> events.Roster:
    common = {"source": "registry", "sequence": sequence, "zone_offset_minutes": 480}
    times = {"occurred_at": MIDNIGHT - DAY, "sent_at": MIDNIGHT - DAY, "valid_from": MIDNIGHT}
    roster = {"entity_id": f"on-call-{sequence}", "parent": "operations", "member": "desk-night", **fields}
    return events.Roster.model_validate({**common, **times, **roster})


ON_CALL = entry(1, schedule="ON_CALL", category="1", valid_until=MIDNIGHT + 12 * HOUR)


def told(fold: Any, policy: str, *entries: events.Roster) -> dict[str, ToldClock]:
    """The clocks of eight days with these entries of a roster."""
    bench = Bench(fold, shipped(policy))
    bench.refer(*entries, as_of=MIDNIGHT)
    for day in range(1, 9):
        bench.tick(MIDNIGHT + day * DAY)
    assert bench.reference.expected(PERSONS) == 0
    return bench.clocks()


@pytest.mark.parametrize("name", shipped_policies())
def test_no_policy_has_the_schedule_of_the_duty_roster(name: str) -> None:
    assert "ON_CALL" not in {schedule.name for schedule in shipped(name).schedules}


@pytest.mark.parametrize("name", shipped_policies())
@pytest.mark.parametrize("fold", [UnitFold, PersonFold])
def test_nothing_is_expected_of_a_desk_for_being_on_call(name: str, fold: Any) -> None:
    assert told(fold, name, ON_CALL) == {}


def test_what_the_same_desk_must_report_is_expected_all_the_same() -> None:
    must = entry(2, schedule="DAILY_REPORT", indicator="incidents")
    clocks = told(UnitFold, "joint-control-2020", ON_CALL, must)
    assert {clock.partition("/")[0] for clock in clocks} == {"DAILY_REPORT"}
    assert clocks == told(UnitFold, "joint-control-2020", must)
