"""What the shipped policies expect, row by row: duties, programmes and schedules as the folds keep them."""

from typing import Any, NamedTuple

import pytest

from schemas import events
from schemas.events import Event, to_milliseconds
from tests.support.people import DAY, HOUR, MINUTE, TOKEN
from tests.unit.traps.bench import Bench, ToldClock, persons, shipped, units

FEBRUARY: int = to_milliseconds("2020-02-19T00:00:00+08:00")
OCTOBER: int = to_milliseconds("2020-10-19T00:00:00+08:00")
"""Mondays and Wednesdays do not matter here; the policy of Bayannur begins in October."""


class Desk:
    """A source that numbers what it sends: events of one person, or of one unit."""

    def __init__(self) -> None:
        self.sequence = 0

    def __call__(self, model: type[Event], at: int, **fields: Any) -> Event:
        self.sequence += 1
        common = {"source": "desk-1", "sequence": self.sequence, "zone_offset_minutes": 480}
        key = {"token": TOKEN, "unit_id": "unit-1", "entity_id": "entry-1"}.get(model.key_field)
        return model.model_validate({**common, "occurred_at": at, "sent_at": at, model.key_field: key, **fields})


def bench_of(policy: str, midnight: int, of_units: bool) -> Bench:
    """An empty fold of persons or of units."""
    assert shipped(policy).valid_from.timestamp() * 1000 <= midnight - DAY
    return (units if of_units else persons)(shipped(policy))


def one(bench: Bench, duty: str) -> ToldClock:
    (found,) = (clock for clock in bench.clocks().values() if clock.duty == duty)
    return found


class Duty(NamedTuple):
    """``opens`` at ten in the morning, ``done`` by another event; ``due`` in milliseconds after ten."""

    row: str
    policy: str
    name: str
    opens: tuple[type[Event], dict[str, Any]]
    done: tuple[type[Event], dict[str, Any]]
    due: int
    midnight: int = FEBRUARY
    of_units: bool = False


TO_MIDNIGHT = 14 * HOUR
FIRM_CASE = (events.MatterOpened, {"matter": "case-1", "matter_kind": "FIRM_CASE", "involves_firm": True})
TRANSFER = (events.TransferStarted, {"task": "t-1"}), (events.TransferAccepted, {"task": "t-1", "unit": "health-1"})
LEAVE = (events.Leave, {"task": "t-1", "reason": "就医", "due_at": FEBRUARY + 18 * HOUR})
FEVER = (events.Reading, {"value_tenths": 381, "method": "AXILLARY", "symptoms": ["FEVER", "DIARRHOEA"]})


def step(name: str) -> tuple[type[Event], dict[str, Any]]:
    return events.MatterStep, {"matter": "case-1", "step": name}


DUTIES = [
    Duty("A001-15", "dazhou-2020", "CASE_ASSIGNED", FIRM_CASE, step("ASSIGNED"), TO_MIDNIGHT, of_units=True),
    Duty("A001-15", "dazhou-2020", "CASE_SERVED", FIRM_CASE, step("SERVED"), TO_MIDNIGHT, of_units=True),
    Duty("A001-15", "dazhou-2020", "CASE_REPORTED", FIRM_CASE, step("REPORTED"), TO_MIDNIGHT, of_units=True),
    Duty(
        "A002-07",
        "weihai-2020",
        "TEST_DUE",
        (events.TestDue, {"task": "t-1", "due_at": FEBRUARY + 20 * HOUR}),
        (events.TestTaken, {"task": "t-1"}),
        10 * HOUR,
    ),
    Duty("A002-08", "weihai-2020", "TRANSFER", *TRANSFER, 2 * HOUR),
    Duty("A002-13", "weihai-2020", "TRANSFER", *TRANSFER, 2 * HOUR),
    Duty(
        "A002-23",
        "weihai-2020",
        "ABSENCE",
        (events.Absence, {"task": "t-1", "unit": "school-1"}),
        (events.Attempt, {"task": "t-1", "method": "PHONE", "outcome": "SEEN_OK"}),
        TO_MIDNIGHT,
    ),
    Duty(
        "A002-36",
        "weihai-2020",
        "LEAVE_DECISION",
        LEAVE,
        (events.LeaveDecided, {"task": "t-1", "approved": True, "decided_by_role": "head-teacher"}),
        24 * HOUR,
    ),
    Duty("A002-36", "weihai-2020", "LEAVE_RETURN", LEAVE, (events.LeaveEnded, {"task": "t-1"}), 8 * HOUR),
    Duty("A004-02", "bayannur-2020", "SYMPTOM_REPORT", FEVER, TRANSFER[0], 2 * HOUR, OCTOBER),
    Duty("A004-13", "bayannur-2020", "TRANSFER", *TRANSFER, 2 * HOUR, OCTOBER),
    Duty(
        "A004-10",
        "bayannur-2020",
        "SEARCH",
        (events.Absconded, {"task": "t-1"}),
        (events.Found, {"task": "t-1"}),
        24 * HOUR,
        OCTOBER,
    ),
]
duties = pytest.mark.parametrize(
    "duty", [pytest.param(duty, id=f"{duty.row}-{duty.name}", marks=pytest.mark.row(duty.row)) for duty in DUTIES]
)


@duties
def test_a_duty_that_is_done_in_time_is_met(duty: Duty) -> None:
    bench, desk, ten = bench_of(duty.policy, duty.midnight, duty.of_units), Desk(), duty.midnight + 10 * HOUR
    (opening, said), (done, also_said) = duty.opens, duty.done
    bench.publish(desk(opening, ten, **said), as_of=ten)
    in_time = ten + duty.due - MINUTE
    bench.publish(desk(done, in_time, **also_said), as_of=in_time)
    bench.tick(ten + 3 * DAY)
    found = one(bench, duty.name)
    assert (found.opened_at, found.due_at, found.done_at) == (ten, ten + duty.due, in_time)
    assert "BREACHED" not in found.notices


@duties
def test_a_duty_that_is_not_done_is_overdue_when_it_is_due_and_not_before(duty: Duty) -> None:
    bench, desk, ten = bench_of(duty.policy, duty.midnight, duty.of_units), Desk(), duty.midnight + 10 * HOUR
    opening, said = duty.opens
    bench.publish(desk(opening, ten, **said), as_of=ten)
    bench.tick(ten + duty.due - 1)
    assert "BREACHED" not in one(bench, duty.name).notices
    bench.tick(ten + duty.due)
    assert one(bench, duty.name).notices[-1] == "BREACHED"
    assert one(bench, duty.name).done_at is None


@duties
def test_a_duty_of_another_task_is_not_done_by_the_way(duty: Duty) -> None:
    if duty.opens is FEVER:  # symptoms name no task: the next report about that person does it
        elsewhere: dict[str, Any] = {"token": TOKEN[:-1] + "b"}
    else:
        elsewhere = {"matter" if duty.of_units else "task": "other-1"}
    bench, desk, ten = bench_of(duty.policy, duty.midnight, duty.of_units), Desk(), duty.midnight + 10 * HOUR
    (opening, said), (done, also_said) = duty.opens, duty.done
    bench.publish(desk(opening, ten, **said), as_of=ten)
    bench.publish(desk(done, ten + MINUTE, **{**also_said, **elsewhere}), as_of=ten + MINUTE)
    bench.tick(ten + duty.due)
    overdue = [clock for clock in bench.clocks().values() if clock.duty == duty.name and "BREACHED" in clock.notices]
    assert len(overdue) == 1


@pytest.mark.row("A001-15")
def test_a_case_that_involves_no_firm_has_no_deadline_of_the_same_day() -> None:
    bench, desk = bench_of("dazhou-2020", FEBRUARY, True), Desk()
    model, said = FIRM_CASE
    bench.publish(desk(model, FEBRUARY, **{**said, "involves_firm": False}), as_of=FEBRUARY)
    bench.tick(FEBRUARY + 2 * DAY)
    assert bench.clocks() == {}


class Stay(NamedTuple):
    """A programme: how long it lasts and how long release may take, in milliseconds; ``seen``: contact every day."""

    row: str
    policy: str
    name: str
    lasts: int
    release: int
    seen: bool
    midnight: int = FEBRUARY


STAYS = [
    Stay("A000-20", "qingdao-2020", "DESTITUTE_CARE", 31 * DAY, 48 * HOUR, False),
    Stay("A001-12", "dazhou-2020", "ONE_TO_ONE", 14 * DAY, 24 * HOUR, True),
    Stay("A002-01", "weihai-2020", "CENTRAL_QUARANTINE", 14 * DAY, 24 * HOUR, True),
    Stay("A002-08", "weihai-2020", "RISK_AREA_ARRIVAL", 14 * DAY, 24 * HOUR, False),
    Stay("A002-10", "weihai-2020", "OVERSEAS_POINT_TO_POINT", 14 * DAY, 24 * HOUR, False),
    Stay("A002-26", "weihai-2020", "FOREIGN_ARRIVAL_14D", 14 * DAY, 24 * HOUR, False),
    Stay("A002-34", "weihai-2020", "RISK_AREA_ARRIVAL", 14 * DAY, 24 * HOUR, False),
    Stay("A004-03", "bayannur-2020", "RISK_AREA_ARRIVAL", 14 * DAY, 24 * HOUR, False, OCTOBER),
    Stay("A004-06", "bayannur-2020", "HOME_QUARANTINE", 14 * DAY, 24 * HOUR, True, OCTOBER),
]
stays = pytest.mark.parametrize(
    "stay", [pytest.param(stay, id=f"{stay.row}-{stay.name}", marks=pytest.mark.row(stay.row)) for stay in STAYS]
)


@stays
def test_who_is_not_released_when_the_stop_criterion_holds_is_held_without_reason(stay: Stay) -> None:
    bench, desk, start = bench_of(stay.policy, stay.midnight, False), Desk(), stay.midnight + 9 * HOUR
    bench.publish(desk(events.FollowUpStarted, start, task="t-1", programme=stay.name), as_of=start)
    due = start + stay.lasts + stay.release
    bench.tick(due - 1)
    assert one(bench, "RELEASE").due_at == due
    assert "BREACHED" not in one(bench, "RELEASE").notices
    bench.tick(due)
    assert one(bench, "RELEASE").notices[-1] == "BREACHED"


@stays
def test_who_is_released_in_time_leaves_nothing_behind(stay: Stay) -> None:
    bench, desk, start = bench_of(stay.policy, stay.midnight, False), Desk(), stay.midnight + 9 * HOUR
    bench.publish(desk(events.FollowUpStarted, start, task="t-1", programme=stay.name), as_of=start)
    end = start + stay.lasts + HOUR
    bench.publish(desk(events.FollowUpEnded, end, task="t-1", reason="14天期满"), as_of=end)
    bench.tick(end + 30 * DAY)
    released = one(bench, "RELEASE")
    assert released.done_at == end
    assert "BREACHED" not in released.notices


@pytest.mark.parametrize(
    "stay",
    [pytest.param(stay, id=stay.row, marks=pytest.mark.row(stay.row)) for stay in STAYS if stay.seen],
)
def test_who_is_isolated_is_seen_every_day_and_a_call_that_nobody_answers_is_not_seeing(stay: Stay) -> None:
    bench, desk, start = bench_of(stay.policy, stay.midnight, False), Desk(), stay.midnight
    bench.publish(desk(events.FollowUpStarted, start, task="t-1", programme=stay.name), as_of=start)
    for day, outcome in enumerate(("SEEN_OK", "UNREACHABLE", "SEEN_NOT_OK")):
        at = start + day * DAY + 10 * HOUR
        attempt = {"task": "t-1", "method": "VISIT", "outcome": outcome, "needs": "药品、蔬菜"}
        bench.publish(desk(events.Attempt, at, **attempt), as_of=at)
    bench.tick(start + 3 * DAY)
    contacts = {name.split("/")[2]: clock for name, clock in bench.clocks().items() if clock.duty == "ONE_TO_ONE_DAILY"}
    assert [clock.notices for _, clock in sorted(contacts.items())] == [(), ("BREACHED",), ()]


class Expected(NamedTuple):
    """A schedule: ``slots`` by the local hour at which each is kept, of every so many days."""

    row: str
    policy: str
    name: str
    keeps: type[Event]
    slots: tuple[tuple[str, int], ...]
    every_days: int = 1
    midnight: int = FEBRUARY


DAILY = (("DAY", 19),)
SCHEDULES = [
    Expected("A001-01", "dazhou-2020", "DAILY_REPORT", events.Indicator, DAILY),
    Expected("A002-03", "weihai-2020", "KEY_POPULATION_TEST", events.TestTaken, (("DAY", 10),), 7),
    Expected("A002-35", "weihai-2020", "KEY_POPULATION_TEST", events.TestTaken, (("DAY", 10),), 7),
    Expected("A002-20", "weihai-2020", "TWO_INSPECTIONS", events.Indicator, (("FIRST", 9), ("SECOND", 16))),
    Expected("A002-21", "weihai-2020", "DAILY_TRADER_CHECK", events.Reading, (("MORNING", 5),)),
    Expected("A002-22", "weihai-2020", "TWO_REPORTS", events.Indicator, (("MORNING", 9), ("AFTERNOON", 15))),
    Expected("A002-22", "weihai-2020", "THREE_CHECKS", events.Reading, (("MORNING", 8), ("NOON", 12), ("EVENING", 18))),
    Expected("A002-32", "weihai-2020", "DAILY_REPORT", events.ZeroReport, DAILY),
    Expected("A003-02", "quanzhou-2020", "DAILY_LEDGER", events.Indicator, DAILY),
    Expected("A003-07", "quanzhou-2020", "DISPUTE_REPORT", events.Indicator, DAILY, 7),
    Expected("A004-01", "bayannur-2020", "DAILY_LEDGER", events.Indicator, DAILY, midnight=OCTOBER),
    Expected("A004-06", "bayannur-2020", "DAILY_REPORT", events.ZeroReport, DAILY, midnight=OCTOBER),
]
schedules = pytest.mark.parametrize(
    "expected",
    [pytest.param(one, id=f"{one.row}-{one.name}", marks=pytest.mark.row(one.row)) for one in SCHEDULES],
)


def kept(desk: Desk, expected: Expected, slot: str, at: int) -> Event:
    said: dict[type[Event], dict[str, Any]] = {
        events.Indicator: {"indicator": "found", "value": 2, "unit_of_count": "ITEM", "nature": "FLOW"},
        events.ZeroReport: {"indicator": "found"},
        events.Reading: {"value_tenths": 365, "method": "NON_CONTACT", "slot": slot},
        events.TestTaken: {"task": f"test-{desk.sequence}"},
    }
    period = {"period_until": at} if issubclass(expected.keeps, events.Report) else {}
    return desk(expected.keeps, at, **said[expected.keeps], **period)


def on_roster(expected: Expected) -> tuple[Bench, Desk]:
    of_units = issubclass(expected.keeps, events.Report)
    bench, desk = bench_of(expected.policy, expected.midnight, of_units), Desk()
    entry = {"parent": "school-1", "member": "unit-1" if of_units else TOKEN, "schedule": expected.name}
    indicator = {"indicator": "found"} if of_units else {}
    roster = desk(events.Roster, expected.midnight - DAY, valid_from=expected.midnight, **entry, **indicator)
    bench.refer(roster, as_of=expected.midnight)
    return bench, desk


@schedules
def test_of_four_weeks_in_which_every_slot_was_kept_none_is_missing(expected: Expected) -> None:
    bench, desk = on_roster(expected)
    for day in range(0, 28, expected.every_days):
        for slot, hour in expected.slots:
            at = expected.midnight + day * DAY + hour * HOUR
            bench.publish(kept(desk, expected, slot, at), as_of=at)
            bench.tick(at)
    bench.tick(expected.midnight + 27 * DAY)
    clocks = bench.clocks()
    assert {clock.duty for clock in clocks.values()} == {expected.name}
    assert len(clocks) >= 26 // expected.every_days * len(expected.slots)
    assert [name for name, clock in clocks.items() if clock.notices] == []


@schedules
def test_of_four_weeks_of_silence_every_slot_is_missing_once(expected: Expected) -> None:
    bench, _ = on_roster(expected)
    for day in range(29):
        bench.tick(expected.midnight + day * DAY)
    clocks = bench.clocks()
    assert {clock.notices for clock in clocks.values()} == {("BREACHED",)}
    slots = -(-28 // expected.every_days) * len(expected.slots)
    if expected.slots is DAILY:
        slots -= 1  # its window opens the evening before: that of the first day began before the entry did
        slots -= expected.every_days == 1  # and it is due at noon of the day after: that of the last day still waits
    assert len(clocks) == slots
